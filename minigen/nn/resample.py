"""Pictures at twice or half the size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minigen.core.contract import Cache, Grads, Layer
from minigen.nn.conv import refuse_pictures


@dataclass(frozen=True, eq=False, repr=False)
class Upsample(Layer):
    """Each pixel becomes 2 x 2 equal ones ("nearest neighbour").

        y_{n, 2i+p, 2j+q} = x_{nij},   dx_{nij} = sum_{p,q} dy_{n, 2i+p, 2j+q},   p, q in {0, 1}

    Shapes: x (N, H, W, C), y (N, 2 H, 2 W, C).
    """

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        refuse_pictures(x, x.shape[-1])
        return repeated(x), None

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        return summed(dy), {}


@dataclass(frozen=True, eq=False, repr=False)
class AveragePool(Layer):
    """Each 2 x 2 pixels become their mean.

        y_{nij} = 1/4 sum_{p,q} x_{n, 2i+p, 2j+q},   dx_{n, 2i+p, 2j+q} = dy_{nij} / 4

    A quarter of the adjoint of `Upsample`. Shapes: x (N, 2 H, 2 W, C), y (N, H, W, C).
    """

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        refuse_pictures(x, x.shape[-1], divisor=2)
        return summed(x) / 4, None

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        return repeated(dy / 4), {}


def repeated(x: NDArray) -> NDArray:
    """2 x 2 copies of each pixel."""
    N, height, width, C = x.shape
    y = np.empty((N, height, 2, width, 2, C), x.dtype)
    y[:] = x[:, :, None, :, None]
    return y.reshape(N, 2 * height, 2 * width, C)


def summed(x: NDArray) -> NDArray:
    """The sum of each 2 x 2 pixels."""
    return (x[:, ::2, ::2] + x[:, ::2, 1::2]) + (x[:, 1::2, ::2] + x[:, 1::2, 1::2])
