"""Every column of a table against every other: samples of a model over the data."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import Several, checked
from minigen.plot.curves import training
from minigen.plot.style import BLUE, INK, MUTED, Picture, frame

SHOWN = 1500  # points of a panel


@checked
def pairs(
    x: ArrayLike, data: ArrayLike | None = None, *, names: Sequence[str] = (),
    most: Several = 6, run: Any = None,
) -> Figure:  # fmt: skip
    """Histograms of the columns, and a panel for each pair of them.

    Parameters
    ----------
    x : (N, D) samples
    data : (M, D) the rows that the model learned from, drawn below the samples
    names : of the columns
    most : so many columns are drawn, the first ones
    run : what `fit` returned; its training curve is drawn in the free corner

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> x = rng.standard_normal((200, 3))
    >>> len(mg.plot.pairs(x, names=("a", "b", "c")).axes)
    6
    """
    x = validate.array("x", x, ("N", "D"), np.float64)
    if not x.size:
        raise validate.expected("x", "at least one row and one column", f"shape {x.shape}")
    clouds = {"samples": (x, BLUE)}
    if data is not None:
        old = validate.array("data", data, ("N", x.shape[1]), np.float64)
        if not len(old):
            raise validate.expected("data", "at least one row", "none")
        clouds = {"data": (old, INK), "samples": (x, BLUE)}
    D = min(x.shape[1], most)
    if names and len(names) != x.shape[1]:
        raise validate.expected("names", f"one for each of {x.shape[1]} columns", len(names))
    names = [str(name) for name in names or [f"column {k + 1}" for k in range(x.shape[1])]]
    side = max(1.5, min(2.6, 11 / D)) * D
    figure = Picture(figsize=(side, side), layout="constrained", facecolor="white")
    grid = figure.add_gridspec(D, D)
    first = next(iter(clouds.values()))[0]
    boxes = [_range(first[:, k], x[:, k]) for k in range(D)]
    for i in range(D):
        for j in range(i + 1):
            ax = figure.add_subplot(grid[i, j])
            if i == j:
                _histogram(ax, [(cloud[:, j], c) for cloud, c in clouds.values()], boxes[j])
            else:
                _scatter(ax, [(cloud[:, [j, i]], c) for cloud, c in clouds.values()])
                ax.set(xlim=boxes[j], ylim=boxes[i])
            _labels(ax, names[j] if i == D - 1 else "", names[i] if j == 0 and i else "")
    if run is not None:
        half = D // 2
        corner = figure.add_subplot(grid[: max(1, half), D - max(1, half) :])
        training(run, ax=corner)
    words = f"{D} of {x.shape[1]} columns; " if x.shape[1] > D else ""
    colours = "black: data, blue: samples" if data is not None else "samples"
    figure.supxlabel(words + colours, fontsize=8.5, color=MUTED)
    return figure


def _range(*columns: NDArray) -> tuple[float, float]:
    """The window of a column, around all but its farthest values."""
    both = np.concatenate(columns)
    low, high = np.quantile(both, [0.002, 0.998])
    room = 0.06 * max(high - low, 1e-9)
    return float(low - room), float(high + room)


def _histogram(ax: Axes, columns: Sequence[tuple[NDArray, str]], box: tuple[float, float]) -> None:
    """The shares of the values, as steps on the same bins."""
    bins = np.linspace(*box, 26)
    for values, color in columns:
        ax.hist(values, bins=bins.tolist(), density=True, histtype="step", color=color, linewidth=1)
    ax.set(xlim=box, yticks=[])
    frame(ax)


def _scatter(ax: Axes, clouds: Sequence[tuple[NDArray, str]]) -> None:
    """Points, fainter where they are many."""
    for points, color in clouds:
        shown = points[:: max(1, len(points) // SHOWN)]
        alpha = float(np.clip(250 / len(shown), 0.15, 0.6))
        ax.scatter(*shown.T, s=4, c=color, alpha=alpha, linewidths=0, rasterized=True)
    frame(ax)


def _labels(ax: Axes, below: str, left: str) -> None:
    """Names at the edges of the figure alone."""
    short = [name if len(name) <= 22 else f"{name[:20]}..." for name in (below, left)]
    ax.set_xlabel(short[0], fontsize=8, color=INK)
    ax.set_ylabel(short[1], fontsize=8, color=INK)
    ax.tick_params(labelsize=6, colors=MUTED, width=0.6, length=2)
    if not below:
        ax.set_xticklabels([])
    if not left:
        ax.set_yticklabels([])
