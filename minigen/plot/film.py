"""A process in frames: points on the plane, or images."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import checked
from minigen.plot.grids import as_images, mosaic
from minigen.plot.style import (
    BLUE,
    AxesLike,
    Box,
    finished,
    given_window,
    panels,
    square,
    title,
    window,
)


@checked
def filmstrip(
    frames: Sequence[ArrayLike], names: Sequence[object] | None = None, *,
    color: ArrayLike | None = None, top: float | None = None,
    box: Box | None = None, how: str = "one process, from left to right", ax: AxesLike = None,
) -> Figure:  # fmt: skip
    """The frames of a process, left to right.

    Parameters
    ----------
    frames : each (N, 2) points, or (N, side^2) images (a row for each image)
    names : a title for each frame
    color : (N,) numbers that colour the points, so that the eye can follow them
    top : the value drawn black, by default each frame's largest (and its smallest white)
    box : the window (left, right, bottom, top) of points, by default around all of them
    how : a sentence under the picture
    ax : axes to draw in, one for each frame; by default those of a new picture

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> frames = [mg.data.toy("moons", noise=s).sample(100, rng=rng) for s in (0.1, 0.5, 1)]
    >>> len(mg.plot.filmstrip(frames, names=["t = 0", "t = 5", "t = 10"]).axes)
    3
    """
    arrays = [validate.array(f"frames[{k}]", x) for k, x in enumerate(frames)]
    if not arrays or len({x.shape for x in arrays}) != 1:
        raise validate.expected("frames", "arrays of one shape", [x.shape for x in arrays])
    if names is not None and len(names) != len(arrays):
        raise validate.expected("names", f"{len(arrays)} names", len(names))
    color = None if color is None else validate.array("color", color, (len(arrays[0]),))
    plane = arrays[0].ndim == 2 and arrays[0].shape[1] == 2
    tall = 2.35 if plane else 0.62 * len(arrays[0]) + 0.5
    axes = panels(len(arrays), ax, width=2.1 if plane else 0.75, height=tall)
    if plane:
        box = window(*arrays) if box is None else given_window(box)
    for k, (panel, x) in enumerate(zip(axes, arrays, strict=True)):
        if box is not None and plane:
            _points(panel, x, box, color)
        else:
            _column(panel, as_images(x), top)
        title(panel, k if names is None else names[k], loc="center", fontsize=8.5)
    return finished(axes[0], ax, how)


def _points(ax: Axes, x: NDArray, box: Box, color: ArrayLike | None) -> None:
    """One frame of points."""
    hue = {"c": BLUE} if color is None else {"c": color, "cmap": "viridis"}
    ax.scatter(*x.T, s=2.5, **hue, alpha=0.6, linewidths=0, rasterized=True)
    square(ax, box)


def _column(ax: Axes, x: NDArray, top: float | None) -> None:
    """The images of one frame under one another."""
    low, high = (x.min(), x.max()) if top is None else (0, top)
    ax.imshow(mosaic(x, 1), cmap="gray_r", vmin=low, vmax=high, interpolation="nearest")
    ax.set_axis_off()
