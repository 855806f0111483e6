"""Densities and samples on the plane."""

import numpy as np

from minigen.core import validate
from minigen.plot.style import (
    BLUE,
    DENSITY,
    DIFFERENCE,
    INK,
    caption,
    panels,
    square,
    title,
    window,
)

PIXELS = 240


def density(model, toy=None, *, box=None, ax=None):
    """The density of a model on the plane; with a toy, the truth, the model, their difference.

    model, toy: anything with `log_prob(x)` and `sample(n, rng=)` in two dimensions.
    box: the window (left, right, bottom, top); by default around samples of the toy or the model.
    """
    validate.integer("model.features", model.features, 2, 2)
    box = view(model if toy is None else toy) if box is None else box
    q = probabilities(model, box)
    if toy is None:
        (only,) = axes = panels(1, ax, width=3.4, height=3.5)
        heat(only, q, box, q.max(), "model: density p(x)")
        caption(only, "dark: likely", ax)
        return axes[0].figure
    p = probabilities(toy, box)
    axes, top = panels(3, ax), p.max()
    heat(axes[0], p, box, top, "truth")
    heat(axes[1], q, box, top, "model")
    difference(axes[2], q - p, box, top / 2, "model - truth")
    how = "dark: likely (one scale); right: orange where the model has too much, blue too little"
    caption(axes[0], how, ax)
    return axes[0].figure


def gallery(pairs, notes=None, *, ax=None):
    """Several toys in a row, the truth above and the model below: pairs = {name: (model, toy)}.

    notes: {name: words above the model}.
    """
    axes = panels(2 * len(pairs), ax, columns=len(pairs), width=2.3, height=2.45)
    for k, (name, (model, toy)) in enumerate(pairs.items()):
        box = view(toy)
        p, q = probabilities(toy, box), probabilities(model, box)
        heat(axes[k], p, box, p.max(), name)
        heat(axes[k + len(pairs)], q, box, p.max(), (notes or {}).get(name, "model"))
    caption(axes[0], "above: the truth; below: the model, in the same scale", ax)
    return axes[0].figure


def samples(x, truth=None, *, box=None, ax=None):
    """Points (N, 2) of a model; beside those of the truth, if given, in the same window."""
    clouds = {"truth": truth, "model": x} if truth is not None else {"samples": x}
    clouds = {k: validate.array("x", v, ("N", 2)) for k, v in clouds.items()}
    box = window(*list(clouds.values())[:1]) if box is None else box
    axes = panels(len(clouds), ax, width=3.1, height=3.3)
    for panel, (name, points) in zip(axes, clouds.items(), strict=True):
        scatter(panel, points, INK if name == "truth" else BLUE)
        square(panel, box)
        title(panel, f"{name}: {len(points):,} points")
    return axes[0].figure


def scatter(ax, x, color):
    """Small points, the fainter the more there are."""
    alpha = float(np.clip(1500 / max(len(x), 1), 0.12, 0.7))
    ax.scatter(*x.T, s=3.5, c=color, alpha=alpha, linewidths=0, rasterized=True)


def view(source):
    """The window of a density, around samples of it."""
    return window(source.sample(4000, rng=np.random.default_rng(0)))


def probabilities(source, box):
    """p at the pixel centres of the window, (PIXELS, PIXELS), the lowest row first."""
    left, right, bottom, top = box
    step = (np.arange(PIXELS) + 0.5) / PIXELS
    x = np.stack(np.meshgrid(left + (right - left) * step, bottom + (top - bottom) * step), axis=-1)
    return np.exp(source.log_prob(x.reshape(-1, 2))).reshape(PIXELS, PIXELS)


def heat(ax, p, box, top, name):
    ax.imshow(p, extent=box, origin="lower", cmap=DENSITY, vmin=0, vmax=top, aspect="auto")
    square(ax, box)
    title(ax, name)


def difference(ax, d, box, top, name):
    ax.imshow(d, extent=box, origin="lower", cmap=DIFFERENCE, vmin=-top, vmax=top, aspect="auto")
    square(ax, box)
    title(ax, name)
