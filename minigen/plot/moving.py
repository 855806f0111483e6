"""Pictures that move: an animated PNG that a notebook, a page and a code host show alike."""

import io
import os
import pathlib
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from minigen.core import files, validate
from minigen.core.signature import Count, checked
from minigen.flows import Flow
from minigen.plot.style import panels, title, window
from minigen.plot.warping import draw_grid, latent_grid, stages

COLOURS, DPI = 64, 96  # of all frames together: small files


class Animation:
    """Frames that a notebook shows one after the other, again and again.

    Parameters
    ----------
    frames : figures of one size
    seconds : of each frame
    last : seconds of the last frame

    Examples
    --------
    >>> toy = mg.data.toy("moons")
    >>> clouds = [s * toy.sample(50, rng=rng) for s in (0.5, 0.7, 1.0)]
    >>> film = mg.plot.Animation([mg.plot.samples(x, box=(-3, 3, -3, 3)) for x in clouds])
    >>> len(film.frames)
    3
    """

    @checked
    def __init__(
        self, frames: Sequence[Figure], *, seconds: float = 0.15, last: float = 1.5
    ) -> None:
        self.frames = tuple(frames)
        if not self.frames:
            raise validate.expected("frames", "at least one figure", "none")
        sizes = {tuple(f.get_size_inches()) for f in self.frames}
        if len(sizes) > 1:
            raise validate.expected("frames", "figures of one size", sorted(sizes))
        if seconds <= 0 or last <= 0:
            raise validate.expected("seconds, last", "positive numbers", (seconds, last))
        self.seconds, self.last = seconds, last

    def png(self) -> bytes:
        """The animation as an animated PNG."""
        images = [_pixels(figure) for figure in self.frames]
        tall = np.concatenate([np.asarray(image) for image in images])
        palette = Image.fromarray(tall).quantize(COLOURS, dither=Image.Dither.NONE)
        paletted = [i.quantize(palette=palette, dither=Image.Dither.NONE) for i in images]
        durations = [1000 * self.seconds] * (len(images) - 1) + [1000 * self.last]
        buffer = io.BytesIO()
        paletted[0].save(
            buffer, "PNG", save_all=True, append_images=paletted[1:], duration=durations, loop=0,
            optimize=True,
        )  # fmt: skip
        return buffer.getvalue()

    @checked
    def save(self, path: str | os.PathLike) -> None:
        """Write the animated PNG to a file."""
        with files.replacing(pathlib.Path(path)) as file:
            file.write(self.png())

    def _repr_png_(self) -> bytes:
        return self.png()


def _pixels(figure: Figure) -> Image.Image:
    """One frame as an image."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, facecolor="white")
    return Image.open(buffer).convert("RGB")


@checked
def moving_grid(flow: Flow, *, between: Count = 4) -> Animation:
    """A grid and a cloud of latent points on their way to the data, layer by layer.

    Between two layers each point goes along a straight line.

    Parameters
    ----------
    flow : a Flow in two dimensions
    between : frames from one layer to the next

    Returns
    -------
    Animation

    Examples
    --------
    >>> flow = mg.flows.real_nvp(2, layers=2, hidden=(8,), rng=rng)
    >>> len(mg.plot.moving_grid(flow, between=3).frames)
    7
    """
    validate.integer("flow.features", flow.features, 2, 2)
    grid, cloud = latent_grid(), flow.base.sample(800, rng=np.random.default_rng(0))
    ends = stages(flow, np.concatenate([grid.reshape(-1, 2), cloud]).astype(flow.dtype))
    box, frames = window(*(x[-len(cloud) :] for x in ends)), []
    for k in range(between * (len(ends) - 1) + 1):
        layer, share = divmod(k, between)
        x = ends[layer]
        if share:
            x = x + (ends[layer + 1] - x) * share / between
        (panel,) = panels(1, width=3.2, height=3.5)
        draw_grid(panel, x[: -len(cloud)].reshape(grid.shape), x[-len(cloud) :], box)
        name = f"layer {layer + (share > 0)} of {len(ends) - 1}" if k else "latent z"
        title(panel, name)
        frames.append(panel.figure)
    return Animation(frames, seconds=0.15)
