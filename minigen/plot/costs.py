"""Measured times against the number of dimensions."""

from collections.abc import Collection, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from minigen.core import validate
from minigen.plot.style import LINES, AxesLike, finished, graph, panels, title


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
    if not table:
        raise validate.expected("table", "at least one line", "none")
    for name in sequential:
        validate.choice("sequential", name, list(table))
    (panel,) = panels(1, ax, width=6.4, height=3.9)
    ends = {}
    for color, (name, (D, seconds)) in zip(LINES, table.items(), strict=False):
        D = validate.array(f"D of {name}", D, ("N",))
        ms = 1000 * validate.array(f"seconds of {name}", seconds, (len(D),))
        dash = "--" if name in sequential else "-"
        panel.loglog(D, ms, dash, color=color, marker="o", markersize=3.5, linewidth=1.6)
        ends[name] = (D[-1], ms[-1], color)
    graph(panel, "dimensions D", "milliseconds")
    _names_at_ends(panel, ends)
    title(panel, "What each direction costs")
    words = "both axes logarithmic; dashed: D passes of the network, one after another"
    return finished(panel, ax, words)


def _names_at_ends(ax: Axes, ends: dict[str, tuple[float, float, str]]) -> None:
    """Names at the right end of their lines, pushed apart where they would overlap."""
    low, high = np.log10(ax.get_ylim())
    gap, at = (high - low) / 18, -np.inf
    for name, (D, ms, color) in sorted(ends.items(), key=lambda item: item[1][1]):
        at = max(np.log10(ms), at + gap)
        ax.annotate(
            name, (D, ms), xytext=(1.02, 10**at), textcoords=ax.get_yaxis_transform(),
            va="center", fontsize=8.5, color=color, annotation_clip=False,
        )  # fmt: skip
