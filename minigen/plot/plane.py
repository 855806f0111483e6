"""Densities and samples on the plane."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import checked
from minigen.plot.style import (
    BLUE,
    DENSITY,
    DIFFERENCE,
    INK,
    AxesLike,
    Box,
    coordinates,
    finished,
    given_window,
    panels,
    square,
    title,
    window,
)  # fmt: skip

PIXELS = 240


@checked
def density(model: Any, toy: Any = None, *, box: Box | None = None, ax: AxesLike = None) -> Figure:
    """The density of a model on the plane; with a toy, the truth, the model, their difference.

    Parameters
    ----------
    model, toy : anything with `log_prob(x)` and `sample(n, rng=)` in two dimensions
    box : the window (left, right, bottom, top), by default around samples of the toy or the model
    ax : axes to draw in, one or three; by default those of a new picture

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> len(mg.plot.density(mg.data.toy("moons")).axes)
    1
    >>> len(mg.plot.density(mg.prob.Gaussian.init(2), mg.data.toy("moons")).axes)
    3
    """
    validate.methods("model", model, "log_prob", "sample")
    validate.integer("model.features", model.features, 2, 2)
    box = _view(model if toy is None else toy) if box is None else given_window(box)
    q = _probabilities(model, box)
    if toy is None:
        (only,) = panels(1, ax, width=3.4, height=3.5)
        _heat(only, q, box, "model: density p(x)", q.max())
        coordinates(only)
        return finished(only, ax, f"white: 0, darkest: {q.max():.2g} per unit area")
    p = _probabilities(toy, box)
    axes, top = panels(3, ax, height=3.1), p.max()
    _heat(axes[0], p, box, "truth", top)
    _heat(axes[1], q, box, "model", top)
    _heat(axes[2], q - p, box, "model - truth", top / 2, -top / 2, DIFFERENCE)
    for panel in axes:
        coordinates(panel)
    how = (
        f"white: 0, darkest: {top:.2g} per unit area; "
        f"right: orange where the model has too much, blue too little, up to {top / 2:.2g}"
    )
    return finished(axes[0], ax, how)


@checked
def gallery(
    pairs: Mapping[str, tuple[Any, ...]],
    notes: Mapping[str, str | tuple[str, ...]] | None = None, *, ax: AxesLike = None,
) -> Figure:  # fmt: skip
    """Several toys in a row, the truth above and a model, or more of them, below.

    Parameters
    ----------
    pairs : {name: (model, toy)}, or {name: (model, ..., toy)} with as many models each
    notes : {name: words above the model, or a tuple of them}
    ax : axes to draw in, as many as there are panels; by default those of a new picture

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> len(mg.plot.gallery({"moons": (mg.prob.Gaussian.init(2), mg.data.toy("moons"))}).axes)
    2
    """
    sizes = {len(v) if isinstance(v, tuple) else 0 for v in pairs.values()}
    if len(sizes) != 1 or min(sizes) < 2:
        what = "{name: (model, toy)}, with as many models for each"
        raise validate.expected("pairs", what, validate.shown(pairs))
    axes = panels(sizes.pop() * len(pairs), ax, columns=len(pairs), width=2.3, height=2.45)
    for k, (name, (*models, toy)) in enumerate(pairs.items()):
        box, said = _view(toy), (notes or {}).get(name, ("model",) * len(models))
        said = (said,) if isinstance(said, str) else said
        p = _probabilities(toy, box)
        _heat(axes[k], p, box, name, p.max())
        for row, (model, words) in enumerate(zip(models, said, strict=True), 1):
            q = _probabilities(model, box)
            _heat(axes[k + row * len(pairs)], q, box, words, p.max())
    below = "the model" if len(models) == 1 else "the models"
    return finished(axes[0], ax, f"above: the truth; below: {below}, in the same scale")


@checked
def samples(
    x: ArrayLike, truth: ArrayLike | None = None, *, names: Sequence[str] = (),
    box: Box | None = None, ax: AxesLike = None,
) -> Figure:  # fmt: skip
    """Points of a model; beside those of the truth, if given, in the same window.

    Parameters
    ----------
    x, truth : arrays (N, 2)
    names : the titles of x and of truth, by default "model" and "truth", or "samples" for x alone
    box : the window (left, right, bottom, top), by default around the points
    ax : axes to draw in, one or two; by default those of a new picture

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> x = rng.standard_normal((100, 2))
    >>> len(mg.plot.samples(x, truth=mg.data.toy("moons").sample(100, rng=rng)).axes)
    2
    """
    given = {"truth": truth, "model": x} if truth is not None else {"samples": x}
    of = {"truth": "truth", "model": "x", "samples": "x"}
    clouds = {k: validate.array(of[k], v, ("N", 2)) for k, v in given.items()}
    for k, cloud in clouds.items():
        if not len(cloud):
            raise validate.expected(of[k], "at least one row", "none")
    if names and len(names) != len(clouds):
        raise validate.expected("names", f"a title for each of {len(clouds)}", list(names))
    box = window(next(iter(clouds.values()))) if box is None else given_window(box)
    axes = panels(len(clouds), ax, width=3.1, height=3.3)
    titles = list(names)[::-1] or clouds
    for panel, said, (name, points) in zip(axes, titles, clouds.items(), strict=True):
        color = INK if name == "truth" else BLUE
        alpha = float(np.clip(1500 / max(len(points), 1), 0.12, 0.7))  # fainter if many
        panel.scatter(*points.T, s=3.5, c=color, alpha=alpha, linewidths=0, rasterized=True)
        square(panel, box)
        coordinates(panel)
        title(panel, f"{said}: {len(points):,} points")
    return finished(axes[0], ax)


def _view(source: Any) -> Box:
    """The window of a density, around samples of it."""
    return window(source.sample(4000, rng=np.random.default_rng(0)))


def _probabilities(source: Any, box: Box) -> NDArray:
    """p at the pixel centres of the window, (PIXELS, PIXELS), the lowest row first."""
    left, right, bottom, top = box
    step = (np.arange(PIXELS) + 0.5) / PIXELS
    x = np.stack(np.meshgrid(left + (right - left) * step, bottom + (top - bottom) * step), axis=-1)
    return np.exp(source.log_prob(x.reshape(-1, 2))).reshape(PIXELS, PIXELS)


def _heat(
    ax: Axes, p: NDArray, box: Box, name: str, high: float, low: float = 0.0,
    cmap: Colormap = DENSITY,
) -> None:  # fmt: skip
    """A heat map of the window, its colours from low to high."""
    extent: Any = box
    ax.imshow(p, extent=extent, origin="lower", cmap=cmap, vmin=low, vmax=high, aspect="auto")
    square(ax, box)
    title(ax, name)
