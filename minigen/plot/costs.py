"""Measured times against the number of dimensions."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from minigen.core import validate
from minigen.core.signature import checked
from minigen.plot.curve_table import lines
from minigen.plot.style import AxesLike


@checked
def cost(
    table: Mapping[str, tuple[ArrayLike, ArrayLike]], *, sequential: Collection[str] = (),
    ax: AxesLike = None,
) -> Figure:  # fmt: skip
    """Seconds against the number of dimensions D, one line for each name.

    Parameters
    ----------
    table : {name: (D, seconds)}, two arrays of equal length
    sequential : the names that need one pass of the network for each dimension; drawn dashed
    ax : axes to draw in, by default those of a new picture

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> D = np.array([2, 4, 8])
    >>> table = {"x to z": (D, 1e-3 * D), "z to x": (D, 1e-3 * D**2)}
    >>> len(mg.plot.cost(table, sequential=["z to x"]).axes)
    1
    """
    for name in sequential:
        validate.choice("sequential", name, list(table))
    for name, pair in table.items():
        if not isinstance(pair, Sequence) or len(pair) != 2:
            raise validate.expected(f"table[{name!r}]", "a pair (D, seconds)", validate.shown(pair))
    figure = lines(
        {name: (D, 1000 * np.asarray(seconds)) for name, (D, seconds) in table.items()},
        xlabel="dimensions D", ylabel="milliseconds", log="xy", dashed=sequential,
        title="What each direction costs", ax=ax,
        caption="both axes logarithmic; dashed: D passes of the network, one after another",
    )  # fmt: skip
    panel = figure.axes[0] if ax is None else np.ravel(np.asarray(ax, object))[0]
    sizes = sorted({int(d) for D, _ in table.values() for d in np.ravel(np.asarray(D))})
    panel.set_xticks(sizes, [str(d) for d in sizes])
    panel.set_xticks([], minor=True)
    return figure
