"""A map of images: each at its place."""

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import checked
from minigen.plot.grids import as_images, names_of
from minigen.plot.style import CLASSES, AxesLike, bare, finished, panels, title

PIXELS, MARGIN = 1000, 0.03


@checked
def embedding(
    points: ArrayLike, images: ArrayLike, labels: ArrayLike, *, heading: str | None = None,
    ax: AxesLike = None,
) -> Figure:  # fmt: skip
    """A map: each image at its point, in the colour of its label.

    An image is drawn where it covers none drawn before; the others are dots.

    Parameters
    ----------
    points : array (N, 2), for example embeddings or principal components
    images : (N, side^2) or (N, height, width)
    labels : (N,), the classes
    heading : the title
    ax : axes to draw in, by default those of a new picture

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> test = mg.data.digits().test
    >>> points = mg.metric.PCA.of(test.x, 2).embed(test.x)
    >>> len(mg.plot.embedding(points, test.x, test.y).axes)
    1
    """
    points = validate.array("points", points, ("N", 2))
    x, labels = as_images(images, "images"), names_of(labels)
    if labels.ndim != 1:
        raise validate.expected("labels", "shape (N,)", validate.shaped(labels.shape))
    if not len(points) == len(x) == len(labels):
        sizes = f"{len(points)}, {len(x)}, {len(labels)}"
        raise validate.expected("points, images, labels", "as many of each", sizes)
    names, kind = np.unique(labels, return_inverse=True)
    hues = np.array([to_rgb(CLASSES[k % len(CLASSES)]) for k in range(len(names))])
    (panel,) = panels(1, ax, width=6.2, height=6.4)
    panel.imshow(_collage(_pixels(points), x, hues[kind]), interpolation="nearest")
    for k, name in enumerate(names):
        column, row = np.median(_pixels(points)[kind == k], axis=0)
        panel.text(
            column, row, name, fontsize=12, weight="bold", color=hues[k], ha="center",
            va="center", bbox={"boxstyle": "circle,pad=0.25", "fc": "white", "ec": hues[k],
            "alpha": 0.9},
        )  # fmt: skip
    bare(panel)
    title(panel, heading or f"A map of {len(x):,} images")
    words = "near means alike; each image is coloured by its class, named at its median"
    return finished(panel, ax, words)


def _pixels(points: NDArray) -> NDArray:
    """Columns and rows (N, 2) of the points on the canvas, one scale for both axes."""
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (1 - 2 * MARGIN) * PIXELS / max(*(high - low), 1e-12)
    centred = (points - (low + high) / 2) * scale * [1, -1]
    return np.rint(centred + PIXELS / 2).astype(int)


def _collage(at: NDArray, x: NDArray, hues: NDArray) -> NDArray:
    """The canvas (PIXELS, PIXELS, 3): images where they cover nothing, dots for the rest."""
    canvas, taken = np.ones((PIXELS, PIXELS, 3)), np.zeros((PIXELS, PIXELS), bool)
    ink = np.kron(x / max(x.max(), 1e-12), np.ones((3, 3)))
    height, width = ink.shape[1:]
    for (column, row), image, hue in zip(at, ink, hues, strict=True):
        across = slice(max(column - width // 2, 0), column - width // 2 + width)
        down = slice(max(row - height // 2, 0), row - height // 2 + height)
        spot = canvas[down, across]
        if taken[down, across].any() or spot.shape[:2] != image.shape:
            canvas[row - 1 : row + 2, column - 1 : column + 2] = 0.4 + 0.6 * hue
            continue
        spot[...] = 1 - image[..., None] * (1 - hue)
        taken[down, across] = True
    return canvas
