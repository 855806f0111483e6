"""Measured ratios to the time of the matrix products alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minigen.core import validate
from minigen.core.signature import checked
from minigen.plot.style import FAINT, INK, LINES, AxesLike, finished, graph, panels, title


@checked
def bench(rows: Sequence[dict[str, Any]], *, ax: AxesLike = None) -> Figure:
    """Time of each workload divided by the time of its matrix products, a dot for each library.

    A bar reaches from 1 to minigen's ratio: what lies right of its end is slower. Lines are
    quartiles.

    Parameters
    ----------
    rows : those of the section "steps" of `minigen bench --json`: workload, name, ratio, ratio_low
        and ratio_high
    ax : axes to draw in, by default those of a new picture

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> row = {"workload": "MAF", "name": "minigen", "ratio": 2.0, "ratio_low": 1.9}
    >>> len(mg.plot.bench([{**row, "ratio_high": 2.2}]).axes)
    1
    """
    if not rows:
        raise validate.expected("rows", "at least one measurement", "none")
    works = list(dict.fromkeys(r["workload"] for r in rows))
    names = list(dict.fromkeys(r["name"] for r in rows if r["name"] != "floor"))
    (panel,) = panels(1, ax, width=7.4, height=1.3 + 0.42 * len(works))
    graph(panel, "time / time of the matrix products alone", "")
    for k, (color, name) in enumerate(zip(LINES, names, strict=False)):
        down = 0.1 * (k - len(names) / 2) if name != "minigen" else 0
        _dots(panel, [r for r in rows if r["name"] == name], works, name, color, down)
    panel.axvline(1, color=INK, linewidth=1)
    panel.set_xscale("log")
    _ticks(panel, max(r["ratio"] for r in rows))
    panel.set_yticks(range(len(works)), works, color=INK, fontsize=8.5)
    panel.invert_yaxis()
    panel.grid(False, axis="y")
    panel.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    title(panel, "How far from the matrix products")
    words = "right of minigen's bar is slower; dots: medians; lines: quartiles; logarithmic scale"
    return finished(panel, ax, words)


def _dots(
    ax: Axes, rows: list[dict[str, Any]], works: list[str], name: str, color: str, down: float
) -> None:
    """The medians and quartiles of one name, minigen's larger, the others' clear of each other."""
    at = np.array([works.index(r["workload"]) + down for r in rows])
    low, middle, high = (
        np.array([r[key] for r in rows]) for key in ("ratio_low", "ratio", "ratio_high")
    )
    ax.hlines(at, low, high, color=color, linewidth=2)
    if name == "minigen":
        ax.hlines(at, 1, middle, color=FAINT, linewidth=9, zorder=0)
    size = 52 if name == "minigen" else 26
    ax.scatter(middle, at, size, color=color, edgecolor=FAINT, linewidth=0.5, label=name, zorder=3)


def _ticks(ax: Axes, top: float) -> None:
    """Plain numbers at 1, 2, 5, 10, ... up to the largest ratio."""
    at = [m * 10**k for k in range(4) for m in (1, 2, 5)]
    at = [t for t in at if t <= 1.2 * top] or [1]
    ax.set_xticks(at, [f"{t:g}" for t in at])
    ax.set_xticks([], minor=True)
