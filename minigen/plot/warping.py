"""What each layer of a flow does to the plane."""

import numpy as np
from matplotlib.collections import LineCollection

from minigen.core import validate
from minigen.flows import ActNorm, Affine, Permute
from minigen.plot.style import BLUE, FAINT, MUTED, ORANGE, caption, panels, square, title, window

LINES_EACH_WAY, POINTS_A_LINE, REACH = 17, 400, 2.6


def warp(flow, *, steps=6, ax=None):
    """A grid and a cloud of latent points, carried layer by layer to the data.

    flow: a Flow in two dimensions. steps: how many panels at most, the latent one included.
    Permutations are undone in the picture, so that a column keeps its axis.
    """
    validate.integer("flow.features", flow.features, 2, 2)
    grid, cloud = latent_grid(), flow.base.sample(1200, rng=np.random.default_rng(0))
    stages = passage(flow, np.concatenate([grid.reshape(-1, 2), cloud]).astype(flow.dtype))
    chosen = np.unique(np.linspace(0, len(stages) - 1, steps).round().astype(int))
    axes = panels(len(chosen), ax, width=2.2, height=2.45)
    for panel, k in zip(axes, chosen, strict=True):
        lines, points = stages[k][: -len(cloud)].reshape(grid.shape), stages[k][-len(cloud) :]
        draw(panel, lines, points)
        title(panel, caption_of(k, len(stages) - 1))
    how = (
        "the left grid is bent, never torn: its two families of lines, and grey samples of the base"
    )
    caption(axes[0], how, ax)
    return axes[0].figure


def latent_grid():
    """Lines of a square grid, (2 n, points, 2): first those of constant z_1, then of z_2."""
    at = np.linspace(-REACH, REACH, LINES_EACH_WAY)
    along = np.linspace(-REACH, REACH, POINTS_A_LINE)
    upright = np.stack(np.broadcast_arrays(at[:, None], along), axis=-1)
    return np.concatenate([upright, upright[..., ::-1]])


def passage(flow, z):
    """The points after each layer from the latent to the data, in the data's order of columns.

    Maps that only permute or scale the columns belong to the layer before them.
    """
    if flow.runs == "generative":
        todo, move = list(flow.chain.layers), lambda f, y: f.forward(y)[0]
    else:
        todo, move = list(reversed(flow.chain.layers)), lambda f, y: f.inverse(y)[0]
    stages = [settled(todo, move, z)]
    while todo:
        f = todo.pop(0)
        z = move(f, z)
        if not isinstance(f, (ActNorm, Affine, Permute)):
            stages.append(settled(todo, move, z))
    return [*stages[:-1], z]


def settled(todo, move, z):
    """z in the order of columns that the permutations still to come will give it."""
    for f in todo:
        if isinstance(f, Permute):
            z = move(f, z)
    return z


def draw(ax, lines, points):
    half = len(lines) // 2
    for part, color in ((lines[:half], BLUE), (lines[half:], ORANGE)):
        ax.add_collection(LineCollection(list(part), colors=color, linewidths=0.55, alpha=0.75))
    ax.scatter(*points.T, s=1.6, c=MUTED, alpha=0.5, linewidths=0, zorder=0, rasterized=True)
    square(ax, window(points))
    ax.set_facecolor("white")
    for spine in ax.spines.values():
        spine.set_color(FAINT)


def caption_of(k, last):
    return "latent z" if k == 0 else f"data x, layer {k}" if k == last else f"layer {k}"
