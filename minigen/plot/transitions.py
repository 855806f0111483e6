"""The transition matrix of a Markov chain."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from minigen.core import validate
from minigen.core.signature import checked
from minigen.plot.style import DENSITY, INK, MUTED, AxesLike, finished, frame, panels, title


@checked
def transition(
    matrix: ArrayLike, names: Sequence[str] | None = None, *, heading: str = "p(next | this)",
    ax: AxesLike = None,
) -> Figure:  # fmt: skip
    """A heat map of p(next | this): rows are this state, columns the next.

    Parameters
    ----------
    matrix : array (K, K)
    names : of the K states, by default their numbers
    heading : the title
    ax : axes to draw in, by default those of a new picture

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> picture = mg.plot.transition([[0.9, 0.1], [0.5, 0.5]], ["sun", "rain"])
    >>> len(picture.axes)  # the map and its scale
    2
    """
    matrix = validate.array("matrix", matrix, ("K", "K"))
    if not matrix.size:
        raise validate.expected("matrix", "at least one state", "none")
    names = [str(k) for k in range(len(matrix))] if names is None else list(names)
    if len(names) != len(matrix):
        raise validate.expected("names", f"{len(matrix)} names", len(names))
    size = float(np.clip(0.2 * len(matrix) + 1.4, 3.4, 9))
    (panel,) = panels(1, ax, width=size + 0.6, height=size + 0.4)
    drawn = panel.imshow(matrix, cmap=DENSITY, norm=PowerNorm(0.5, 0, matrix.max()))
    at = np.arange(len(names))
    panel.set_xticks(at, names, fontsize=7.5, color=INK)
    panel.set_yticks(at, names, fontsize=7.5, color=INK)
    panel.tick_params(length=0, top=False, labeltop=True, labelbottom=False)
    frame(panel)
    bar = panel.figure.colorbar(drawn, ax=panel, shrink=0.7, pad=0.02)
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.ax.tick_params(labelsize=7, colors=MUTED)
    title(panel, heading, pad=16)
    return finished(panel, ax, "row: this state; column: the next; each row sums to 1")
