"""Small random affine changes of images: copies that a person would give the same label."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import Count, NonNegative, Size, fields


@dataclass(frozen=True)
class RandomAffine:
    """Rotate, stretch and shift each image a little, by bilinear interpolation.

        y[p] = x[A p + b],   A = diag(exp(stretch n)) R(turn n),   b = shift n,   n ~ N(0, 1)

    p are pixel coordinates from the middle; outside the image is 0.

    Parameters
    ----------
    side : width of the square images in pixels
    shift : standard deviation in pixels
    turn : standard deviation in radians
    stretch : standard deviation of the log-scale of each axis

    Examples
    --------
    >>> x = mg.data.digits().train.x[:5]
    >>> mg.metric.RandomAffine(8)(x, rng).shape
    (5, 64)
    """

    side: Count
    shift: NonNegative = 0.4
    turn: NonNegative = 0.15
    stretch: NonNegative = 0.08
    __post_init__ = fields

    def __call__(self, x: ArrayLike, rng: np.random.Generator) -> NDArray:
        """Changed copies of images x (N, side * side)."""
        x = validate.array("x", x, ("N", self.side**2))
        x = x if x.dtype.kind == "f" else x.astype(np.float32)
        row, column = self.sources(len(x), validate.generator(rng))
        return bilinear(x.reshape(-1, self.side, self.side), row, column).reshape(x.shape)

    def sources(self, n: Size, rng: np.random.Generator) -> NDArray:
        """Where the pixels of each copy are taken from: rows and columns (2, n, side^2)."""
        angle = self.turn * rng.standard_normal((n, 1))
        scale = np.exp(self.stretch * rng.standard_normal((2, n, 1)))
        move = self.shift * rng.standard_normal((2, n, 1))
        r, c = np.indices((self.side, self.side)).reshape(2, 1, -1) - (self.side - 1) / 2
        turned = np.cos(angle) * r - np.sin(angle) * c, np.sin(angle) * r + np.cos(angle) * c
        return scale * np.stack(turned) + move + (self.side - 1) / 2


def bilinear(image: NDArray, row: NDArray, column: NDArray) -> NDArray:
    """Values (N, P) of images (N, H, W) at fractional places; 0 outside."""
    n, high, wide = image.shape
    framed = np.pad(image, ((0, 0), (1, 2), (1, 2))).reshape(n, -1)
    row, column = np.clip(row, -1, high) + 1, np.clip(column, -1, wide) + 1
    r, c = row.astype(np.int64), column.astype(np.int64)
    down, right = (row - r).astype(image.dtype), (column - c).astype(image.dtype)
    corner = r * (wide + 3) + c
    upper, lower = (
        (1 - right) * np.take_along_axis(framed, at, axis=1)
        + right * np.take_along_axis(framed, at + 1, axis=1)
        for at in (corner, corner + wide + 3)
    )
    return (1 - down) * upper + down * lower
