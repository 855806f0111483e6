"""Grids of small images."""

import numpy as np

from minigen.core import validate
from minigen.plot.style import MUTED, panels, title

INCH = 0.52  # the size of an image on the page


def images(x, labels=None, *, columns=None, top=None, heading=None, ax=None):
    """Images (N, side^2) or (N, height, width), dark where they are high, in a grid.

    labels: a word or number at each. top: the value drawn black, by default the largest.
    """
    x = as_images(x)
    columns = columns or int(np.ceil(np.sqrt(len(x))))
    rows = -(-len(x) // columns)
    (panel,) = panels(1, ax, width=INCH * columns + 0.3, height=INCH * rows + 0.55)
    tile(panel, mosaic(x, columns), x.max() if top is None else top)
    words(panel, labels, columns, *x.shape[1:])
    title(panel, heading or f"{len(x)} images")
    return panel.figure


def neighbours(query, found, labels=None, *, top=None, heading=None, ax=None):
    """Query images (N, ...) in the left column, beside each what was found for it, (N, K, ...).

    labels: (N, 1 + K), a word or number at each image.
    """
    query = as_images(query)
    found = np.stack([as_images(f) for f in found])
    if len(found) != len(query):
        raise validate.expected("found", f"rows for {len(query)} queries", len(found))
    columns = found.shape[1] + 1
    if labels is not None and np.shape(labels) != (len(query), columns):
        what = f"shape ({len(query)}, {columns}): the query's, then what was found"
        raise validate.expected("labels", what, np.shape(labels))
    tiles = np.concatenate([query[:, None], found], axis=1).reshape(-1, *query.shape[1:])
    (panel,) = panels(1, ax, width=INCH * columns + 0.6, height=INCH * len(query) + 0.55)
    tile(panel, mosaic(tiles, columns), tiles.max() if top is None else top)
    words(panel, labels if labels is None else np.ravel(labels), columns, *query.shape[1:])
    panel.axvline(query.shape[2] - 0.5 + gap(query.shape[2]) / 2, color=MUTED, linewidth=1)
    title(panel, heading or "left: the query; right: its nearest, nearest first")
    return panel.figure


def as_images(x):
    """(N, height, width): square images where the rows are flat."""
    x = validate.array("x", x)
    if x.ndim == 3 and x.size:
        return x
    side = round(np.sqrt(x.shape[-1])) if x.ndim == 2 else 0
    if x.size == 0 or side * side != x.shape[-1]:
        raise validate.expected("x", "images (N, height, width) or (N, side^2)", f"{x.shape}")
    return x.reshape(-1, side, side)


def gap(width):
    """Pixels between two images of that width."""
    return max(1, width // 8)


def mosaic(x, columns):
    """One large image of the small ones, row by row; nan between them and where none is left."""
    n, height, width = x.shape
    rows, space = -(-n // columns), gap(width)
    cells = np.full((rows * columns, height + space, width + space), np.nan)
    cells[:n, :height, :width] = x
    cells = cells.reshape(rows, columns, height + space, width + space).swapaxes(1, 2)
    return cells.reshape(rows * (height + space), -1)[:-space, :-space]


def tile(ax, picture, top):
    """Draw a mosaic: 0 or less white, `top` black, the gaps transparent."""
    ax.imshow(picture, cmap="gray_r", vmin=0, vmax=top, interpolation="nearest")
    ax.set_axis_off()


def words(ax, labels, columns, height, width):
    """A word in the lower right corner of each image."""
    space = gap(width)
    for k, word in enumerate(() if labels is None else labels):
        right = k % columns * (width + space) + width - 0.5
        low = k // columns * (height + space) + height - 0.5
        ax.text(right, low, word, fontsize=6.5, color=MUTED, ha="right", va="bottom")
