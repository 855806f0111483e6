"""Curves of a small table: a line for each name, with its name at its end."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import checked
from minigen.plot.style import INK, LINES, MUTED, AxesLike, finished, graph, panels
from minigen.plot.style import title as titled

SCALES = ("", "x", "y", "xy")
FEW = 80  # points of a line, that each may have a dot
FEW_PLACES = 8  # of a logarithmic x that are all named
DRAW = {"": "plot", "x": "semilogx", "y": "semilogy", "xy": "loglog"}


@checked
def lines(
    table: Mapping[str, tuple[ArrayLike, ArrayLike]], *, xlabel: str = "", ylabel: str = "",
    log: str = "", title: str = "", dashed: Collection[str] = (), floor: float | None = None,
    caption: str = "", ax: AxesLike = None,
) -> Figure:  # fmt: skip
    """y against x, one line for each name.

    Parameters
    ----------
    table : {name: (x, y)}, two arrays of equal length
    xlabel, ylabel : of the axes
    log : which axes are logarithmic: "", "x", "y" or "xy"; a y of 0 is then left out
    title : of the panel
    dashed : the names that are drawn dashed
    floor : a value of y that is drawn as a dotted line, for example a known truth
    caption : one line under a new picture that says how to read it
    ax : axes to draw in, by default those of a new picture

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> h = np.array([0.1, 0.05, 0.025])
    >>> figure = mg.plot.lines({"Euler": (h, h), "Heun": (h, h**2)}, xlabel="step", log="xy")
    >>> len(figure.axes)
    1
    """
    if not isinstance(table, Mapping) or not table:
        raise validate.expected("table", "a dict of at least one line", repr(table))
    validate.choice("log", log, SCALES)
    for name in dashed:
        validate.choice("dashed", name, list(table))
    (panel,) = panels(1, ax, width=6.4, height=3.9)
    ends = {}
    for name, pair in table.items():
        if not isinstance(pair, Sequence | np.ndarray) or len(pair) != 2:
            raise validate.expected(f"table[{name!r}]", "a pair (x, y)", validate.shown(pair))
    for k, (name, (x, y)) in enumerate(table.items()):
        x = validate.array(f"x of {name}", x, ("N",), np.float64)
        y = validate.array(f"y of {name}", y, (len(x),), np.float64)
        shown = y > 0 if "y" in log else np.ones(len(y), bool)
        dash, color = "--" if name in dashed else "-", LINES[k % len(LINES)]
        draw = getattr(panel, DRAW[log])
        dot = "o" if len(x) <= FEW else ""
        draw(x[shown], y[shown], dash, color=color, marker=dot, markersize=3.5, linewidth=1.6)
        if shown.any():
            ends[name] = (x[shown][-1], y[shown][-1], color)
    if floor is not None:
        panel.axhline(floor, color=INK, linewidth=1.1, linestyle=":")
    graph(panel, xlabel, ylabel)
    _places(panel, np.unique(np.concatenate([np.ravel(x) for x, _ in table.values()])), log)
    _names_at_ends(panel, ends, "y" in log)
    titled(panel, title)
    return finished(panel, ax, caption)


def _places(ax: Axes, x: NDArray, log: str) -> None:
    """Ticks on a logarithmic x: at the places themselves where they are few, else at powers of 10.

    The small ticks between have no numbers, which would run into each other.
    """
    if "x" in log:
        if len(x) <= FEW_PLACES and x.min(initial=1) > 0:
            ax.set_xticks(x, [f"{v:g}" for v in x])
            ax.minorticks_off()
        ax.xaxis.set_minor_formatter(NullFormatter())
    if "y" in log:
        low, high = ax.get_ylim()
        if high > 100 * low:  # below two powers of 10 the small numbers are all there is
            ax.yaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(which="minor", labelsize=7, colors=MUTED)


def _names_at_ends(ax: Axes, ends: dict[str, tuple[float, float, str]], log: bool) -> None:
    """Names at the right end of their lines, pushed apart where they would overlap."""
    scale, back = (np.log10, lambda v: 10**v) if log else (float, float)
    low, high = (scale(v) for v in ax.get_ylim())
    gap, at = (high - low) / 18, -np.inf
    for name, (x, y, color) in sorted(ends.items(), key=lambda item: item[1][1]):
        at = max(scale(y), at + gap)
        ax.annotate(
            name, (x, y), xytext=(1.02, back(at)), textcoords=ax.get_yaxis_transform(),
            va="center", fontsize=8.5, color=color, annotation_clip=False,
        )  # fmt: skip
