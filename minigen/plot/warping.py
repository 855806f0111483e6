"""What each layer of a flow does to the plane."""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.contract import Bijection, Inverse
from minigen.core.signature import Count, checked
from minigen.flows import ActNorm, Affine, Chain, Flow, Permute, Preprocess
from minigen.plot.style import (
    BLUE,
    MUTED,
    ORANGE,
    AxesLike,
    Box,
    finished,
    panels,
    square,
    title,
    window,
)  # fmt: skip

Steps = list[tuple[Bijection, Callable[..., Any]]]

LINES_EACH_WAY, POINTS_A_LINE, REACH = 17, 400, 2.6


@checked
def warp(flow: Flow, *, steps: Count = 6, ax: AxesLike = None) -> Figure:
    """A grid and a cloud of latent points, carried layer by layer to the data.

    Permutations are undone in the picture, so that a column keeps its axis.

    Parameters
    ----------
    flow : a Flow in two dimensions
    steps : how many panels at most, the latent one included
    ax : axes to draw in, one for each panel; by default those of a new picture

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> flow = mg.flows.real_nvp(2, layers=4, hidden=(8,), rng=rng)
    >>> len(mg.plot.warp(flow, steps=3).axes)
    3
    """
    validate.integer("flow.features", flow.features, 2, 2)
    grid, cloud = latent_grid(), flow.base.sample(1200, rng=np.random.default_rng(0))
    reached = stages(flow, np.concatenate([grid.reshape(-1, 2), cloud]).astype(flow.dtype))
    chosen = np.unique(np.linspace(0, len(reached) - 1, steps).round().astype(int))
    axes = panels(len(chosen), ax, width=2.2, height=2.45)
    for panel, k in zip(axes, chosen, strict=True):
        lines, points = reached[k][: -len(cloud)].reshape(grid.shape), reached[k][-len(cloud) :]
        draw_grid(panel, lines, points, window(points))
        name = f"data x, layer {k}" if k == len(reached) - 1 else f"layer {k}"
        title(panel, name if k else "latent z")
    how = "the left grid is bent, never torn"
    if len(chosen) > 3:  # room for more words
        how += ": its two families of lines, and grey samples of the base"
    return finished(axes[0], ax, how)


def latent_grid() -> NDArray:
    """Lines of a square grid, (2 n, points, 2): first those of constant z_1, then of z_2."""
    at = np.linspace(-REACH, REACH, LINES_EACH_WAY)
    along = np.linspace(-REACH, REACH, POINTS_A_LINE)
    upright = np.stack(np.broadcast_arrays(at[:, None], along), axis=-1)
    return np.concatenate([upright, upright[..., ::-1]])


def stages(flow: Flow, z: NDArray) -> list[NDArray]:
    """The points after each layer from the latent to the data, in the data's order of columns.

    Maps that only permute or scale the columns belong to the layer before them.
    """
    steps = _steps(flow.chain, "inverse")
    reached = [_settled(steps, z)]
    for k, (f, move) in enumerate(steps, 1):
        z = move(z)[0]
        if not _straight(f):
            reached.append(_settled(steps[k:], z))
    return [*reached[:-1], z]


def _steps(f: Bijection, direction: str) -> Steps:
    """The single maps that a bijection applies in one direction, in order, with their functions."""
    if isinstance(f, Inverse):
        return _steps(f.f, "inverse" if direction == "forward" else "forward")
    if isinstance(f, Chain):
        layers = f.layers if direction == "forward" else f.layers[::-1]
        return [step for layer in layers for step in _steps(layer, direction)]
    return [(f, getattr(f, direction))]


def _straight(f: Bijection) -> bool:
    """Whether a map only permutes or scales the columns."""
    if isinstance(f, Preprocess):
        return all(map(_straight, f.maps.layers))
    return isinstance(f, (ActNorm, Affine, Permute))


def _settled(steps: Steps, z: NDArray) -> NDArray:
    """z in the order of columns that the permutations still to come will give it."""
    for f, move in steps:
        if isinstance(f, Permute):
            z = move(z)[0]
    return z


def draw_grid(ax: Axes, lines: NDArray, points: NDArray, box: Box) -> None:
    """The two families of lines, and the cloud."""
    half = len(lines) // 2
    for part, color in ((lines[:half], BLUE), (lines[half:], ORANGE)):
        ax.add_collection(LineCollection(list(part), colors=color, linewidths=0.55, alpha=0.75))
    ax.scatter(*points.T, s=1.6, c=MUTED, alpha=0.5, linewidths=0, zorder=0, rasterized=True)
    square(ax, box)
    ax.set_facecolor("white")
