"""Grids of small images."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import Count, checked
from minigen.plot.style import MUTED, AxesLike, finished, panels, title

INCH = 0.52  # the size of an image on the page


@checked
def images(
    x: ArrayLike, labels: ArrayLike | None = None, *, columns: Count | None = None,
    top: float | None = None, heading: str | None = None, ax: AxesLike = None,
) -> Figure:  # fmt: skip
    """Images in a grid, dark where they are high.

    Parameters
    ----------
    x : array (N, side^2) or (N, height, width)
    labels : (N,), a word or number at each image
    columns : of the grid, by default about as many as rows
    top : the value drawn black, by default the largest
    heading : the title
    ax : axes to draw in, by default those of a new picture

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> test = mg.data.digits().test
    >>> len(mg.plot.images(test.x[:10], test.y[:10], columns=5).axes)
    1
    """
    x, labels = as_images(x), None if labels is None else names_of(labels)
    columns = columns or int(np.ceil(np.sqrt(len(x))))
    rows = -(-len(x) // columns)
    (panel,) = panels(1, ax, width=INCH * columns + 0.3, height=INCH * rows + 0.55)
    _grid(panel, x, labels, columns, top)
    title(panel, heading or f"{len(x)} images")
    return finished(panel, ax)


@checked
def neighbours(
    query: ArrayLike, found: ArrayLike, labels: ArrayLike | None = None, *,
    top: float | None = None, heading: str = "left: the query; right: its nearest, nearest first",
    ax: AxesLike = None,
) -> Figure:  # fmt: skip
    """Query images in the left column, and beside each what was found for it.

    Parameters
    ----------
    query : images (N, side^2) or (N, height, width)
    found : images (N, K, side^2) or (N, K, height, width)
    labels : (N, 1 + K), a word or number at each image
    top : the value drawn black, by default the largest
    heading : the title
    ax : axes to draw in, by default those of a new picture

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> test = mg.data.digits().test
    >>> found = mg.metric.nearest(test.x, 4, queries=[0, 1])
    >>> len(mg.plot.neighbours(test.x[:2], test.x[found]).axes)
    1
    """
    query = as_images(query, "query")
    found = validate.array("found", found)
    if found.ndim < 2 or not found.size:
        raise validate.expected(
            "found", "images (N, k, side^2) or (N, k, height, width)", found.shape
        )
    near = np.stack([as_images(f, "found") for f in found])
    if near.shape[2:] != query.shape[1:]:
        raise validate.expected("found", f"images of shape {query.shape[1:]}", near.shape[2:])
    if len(near) != len(query):
        raise validate.expected("found", f"rows for {len(query)} queries", len(near))
    columns, (height, width) = near.shape[1] + 1, query.shape[1:]
    labels = None if labels is None else names_of(labels)
    if labels is not None and np.shape(labels) != (len(query), columns):
        what = f"shape ({len(query)}, {columns}): the query's, then what was found"
        raise validate.expected("labels", what, np.shape(labels))
    tiles = np.concatenate([query[:, None], near], axis=1).reshape(-1, height, width)
    (panel,) = panels(1, ax, width=INCH * columns + 0.6, height=INCH * len(query) + 0.55)
    _grid(panel, tiles, labels, columns, top)
    panel.axvline(width - 0.5 + _gap(width) / 2, color=MUTED, linewidth=1)
    title(panel, heading)
    return finished(panel, ax)


def names_of(labels: ArrayLike, name: str = "labels") -> NDArray:
    """Words or numbers, as an array."""
    try:
        out = np.asarray(labels)
    except ValueError:
        raise validate.expected(name, "an array of words or numbers", "ragged rows") from None
    if out.dtype.kind not in "biufUS" or out.ndim == 0 or not out.size:
        raise validate.wrong_type(name, "an array of words or numbers", validate.shown(labels))
    if out.dtype.kind == "f":
        validate.refuse(name, out, ~np.isfinite(out), "finite numbers")
    return out


def as_images(x: ArrayLike, name: str = "x") -> NDArray:
    """(N, height, width): square images where the rows are flat."""
    x = validate.array(name, x)
    if x.ndim == 0:
        raise validate.expected(name, "images (N, height, width) or (N, side^2)", "a number")
    if x.ndim == 3 and x.size:
        return x
    side = round(np.sqrt(x.shape[-1])) if x.ndim == 2 else 0
    if x.size == 0 or side * side != x.shape[-1]:
        raise validate.expected(name, "images (N, height, width) or (N, side^2)", f"{x.shape}")
    return x.reshape(-1, side, side)


def _gap(width: int) -> int:
    """Pixels between two images of that width."""
    return max(1, width // 8)


def mosaic(x: NDArray, columns: int) -> NDArray:
    """One large image of the small ones, row by row; nan between them and where none is left."""
    n, height, width = x.shape
    rows, space = -(-n // columns), _gap(width)
    cells = np.full((rows * columns, height + space, width + space), np.nan)
    cells[:n, :height, :width] = x
    cells = cells.reshape(rows, columns, height + space, width + space).swapaxes(1, 2)
    return cells.reshape(rows * (height + space), -1)[:-space, :-space]


def _grid(ax: Axes, x: NDArray, labels: ArrayLike | None, columns: int, top: float | None) -> None:
    """Draw images, 0 or less white, `top` black, with a word in the lower right corner of each."""
    top = x.max() if top is None else top
    ax.imshow(mosaic(x, columns), cmap="gray_r", vmin=0, vmax=top, interpolation="nearest")
    ax.set_axis_off()
    (height, width), space = x.shape[1:], _gap(x.shape[2])
    for k, word in enumerate(() if labels is None else np.ravel(labels)):
        right = k % columns * (width + space) + width - 0.5
        low = k // columns * (height + space) + height - 0.5
        ax.text(right, low, word, fontsize=6.5, color=MUTED, ha="right", va="bottom")
