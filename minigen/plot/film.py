"""A process in frames: points on the plane, or images."""

from minigen.core import validate
from minigen.plot.grids import as_images, mosaic
from minigen.plot.style import BLUE, caption, panels, square, title, window


def filmstrip(frames, names=None, *, color=None, top=None, how=None, ax=None):
    """Frames, left to right: each (N, 2) points, or (N, side^2) images (a row for each image).

    names: a title for each frame. color: (N,) numbers that colour the points, so that the eye can
    follow them from frame to frame. top: the value drawn black, by default each frame's
    largest (and its smallest white). how: a sentence under the picture.
    """
    frames = [validate.array(f"frames[{k}]", x) for k, x in enumerate(frames)]
    if not frames or len({x.shape for x in frames}) != 1:
        raise validate.expected("frames", "arrays of one shape", [x.shape for x in frames])
    plane = frames[0].ndim == 2 and frames[0].shape[1] == 2
    tall = 2.35 if plane else 0.62 * len(frames[0]) + 0.5
    axes = panels(len(frames), ax, width=2.1 if plane else 0.75, height=tall)
    box = window(*frames) if plane else None
    for k, (panel, x) in enumerate(zip(axes, frames, strict=True)):
        points(panel, x, box, color) if plane else column(panel, as_images(x), top)
        title(panel, k if names is None else names[k], loc="center", fontsize=8.5)
    caption(axes[0], how or "one process, from left to right", ax)
    return axes[0].figure


def points(ax, x, box, color):
    hue = {"c": BLUE} if color is None else {"c": color, "cmap": "viridis"}
    ax.scatter(*x.T, s=2.5, **hue, alpha=0.6, linewidths=0, rasterized=True)
    square(ax, box)


def column(ax, x, top):
    """The images of one frame under one another."""
    low, high = (x.min(), x.max()) if top is None else (0, top)
    ax.imshow(mosaic(x, 1), cmap="gray_r", vmin=low, vmax=high, interpolation="nearest")
    ax.set_axis_off()
