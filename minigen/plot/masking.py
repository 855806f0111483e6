"""The masks of a MADE, and the connections of all layers together."""

from collections.abc import Sequence
from functools import reduce

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import checked
from minigen.plot.style import BLUE, INK, MUTED, AxesLike, finished, frame, panels, title


@checked
def masks(masks: Sequence[ArrayLike], *, ax: AxesLike = None) -> Figure:
    """The masks of a MADE, and which input each output sees through all of them.

    Parameters
    ----------
    masks : arrays (n_in, n_out) of 0 and 1, first layer first
    ax : axes to draw in, one more than masks; by default those of a new picture

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> lower = np.tri(3)
    >>> len(mg.plot.masks([lower, lower]).axes)
    3
    """
    if not len(masks):
        raise validate.expected("masks", "at least one mask", "none")
    layers = [validate.array(f"masks[{k}]", m, ("I", "O")) > 0 for k, m in enumerate(masks)]
    through = reduce(lambda seen, mask: seen @ mask > 0, [m.astype(int) for m in layers])
    axes = panels(len(layers) + 1, ax, width=2.5, height=2.9)
    names = ["input", *(f"hidden {k}" for k in range(1, len(layers))), "output"]
    for k, (panel, mask) in enumerate(zip(axes, layers, strict=False)):
        _draw(panel, mask, BLUE, names[k], names[k + 1])
        title(panel, f"mask {k + 1}: {mask.sum():,} of {mask.size:,} weights")
    _draw(axes[-1], through, INK, "input", "output")
    title(axes[-1], "which input each output sees")
    words = "coloured: the weight is kept; the last panel is the product of the masks"
    return finished(axes[0], ax, words)


def _draw(ax: Axes, mask: NDArray, color: str, rows: str, columns: str) -> None:
    """Rows are the inputs of a layer, columns its outputs."""
    ax.imshow(mask, cmap=ListedColormap(["#f4f5f7", color]), vmin=0, vmax=1, aspect="auto")
    ax.set(xticks=[], yticks=[])  # a minor tick where a major one stands is left out
    if max(mask.shape) <= 40:
        ax.set_xticks(np.arange(mask.shape[1] + 1) - 0.5, minor=True)
        ax.set_yticks(np.arange(mask.shape[0] + 1) - 0.5, minor=True)
        ax.grid(which="minor", color="white", linewidth=0.7)
    ax.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
    frame(ax)
    ax.set_ylabel(rows, fontsize=8.5, color=MUTED)
    ax.set_xlabel(columns, fontsize=8.5, color=MUTED)
