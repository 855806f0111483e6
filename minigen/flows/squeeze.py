"""Rows as pictures, and pictures with fewer and deeper pixels."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.contract import Bijection, Cache, Grads
from minigen.nn.conv import refuse_pictures


@dataclass(frozen=True, eq=False, repr=False)
class Picture(Bijection):
    """The same numbers as a picture; log|det dy/dx| = 0. `Inverse(Picture(shape))` flattens.

    Shapes: x (N, H W C), y (N, H, W, C).
    """

    shape: tuple[int, int, int]

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        if x.shape[1:] != (math.prod(self.shape),):
            what = f"{math.prod(self.shape)} columns, those of {' x '.join(map(str, self.shape))}"
            raise validate.expected("x", what, f"shape {validate.shaped(x.shape)}")
        return x.reshape(-1, *self.shape), np.zeros(len(x), x.dtype), None

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        return dy.reshape(len(dy), math.prod(self.shape)), {}

    def inverse(self, y: NDArray) -> tuple[NDArray, NDArray, Cache]:
        return y.reshape(len(y), math.prod(self.shape)), np.zeros(len(y), y.dtype), None

    def inverse_backward(
        self, dx: NDArray, dlogdet: NDArray, cache: Cache
    ) -> tuple[NDArray, Grads]:
        return dx.reshape(-1, *self.shape), {}


@dataclass(frozen=True, eq=False, repr=False)
class Squeeze(Bijection):
    """Each 2 x 2 pixels become one with four times the channels (Dinh et al. 2017, section 3.6).

        y_{n, i, j, (p, q, c)} = x_{n, 2i+p, 2j+q, c},   p, q in {0, 1},   log|det dy/dx| = 0

    Shapes: x (N, 2 H, 2 W, C), y (N, H, W, 4 C).
    """

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        refuse_pictures(x, x.shape[-1], divisor=2)
        return squeezed(x), np.zeros(len(x), x.dtype), None

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        return spread(dy), {}

    def inverse(self, y: NDArray) -> tuple[NDArray, NDArray, Cache]:
        refuse_pictures(y, 4 * (y.shape[-1] // 4))
        return spread(y), np.zeros(len(y), y.dtype), None

    def inverse_backward(
        self, dx: NDArray, dlogdet: NDArray, cache: Cache
    ) -> tuple[NDArray, Grads]:
        return squeezed(dx), {}


def squeezed(x: NDArray) -> NDArray:
    """(N, H, W, 4 C) of (N, 2 H, 2 W, C)."""
    N, height, width, C = x.shape
    x = x.reshape(N, height // 2, 2, width // 2, 2, C)
    return x.swapaxes(2, 3).reshape(N, height // 2, width // 2, 4 * C)


def spread(y: NDArray) -> NDArray:
    """(N, 2 H, 2 W, C) of (N, H, W, 4 C)."""
    N, height, width, C = y.shape
    y = y.reshape(N, height, width, 2, 2, C // 4)
    return y.swapaxes(2, 3).reshape(N, 2 * height, 2 * width, C // 4)
