"""One map of the channels, at every pixel."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core.contract import Bijection, Cache


@dataclass(frozen=True, eq=False, repr=False)
class EachPixel(Bijection):
    """The map f of C columns, applied to the channels of every pixel.

        y_{nij} = f(x_{nij}),   log|det dy/dx|_n = sum_{ij} log|det df/dx_{nij}|

    Of an `ActNorm` it is Glow's activation normalisation of pictures; of an `InvertibleLinear` it
    is Glow's invertible 1 x 1 convolution (Kingma & Dhariwal 2018). The log-dets of the pixels add,
    so each pixel receives the dlogdet of its picture.

    Shapes: x, y (N, H, W, C).
    """

    f: Bijection

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        y, logdet, cache = self.f.forward(x.reshape(-1, x.shape[-1]))
        return y.reshape(x.shape), total(logdet, x), cache

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        dx, grads = self.f.backward(dy.reshape(-1, dy.shape[-1]), each(dlogdet, dy), cache)
        return dx.reshape(dy.shape), {"f": grads}

    def inverse(self, y: NDArray) -> tuple[NDArray, NDArray, Cache]:
        x, logdet, cache = self.f.inverse(y.reshape(-1, y.shape[-1]))
        return x.reshape(y.shape), total(logdet, y), cache

    def inverse_backward(self, dx: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        dy, grads = self.f.inverse_backward(dx.reshape(-1, dx.shape[-1]), each(dlogdet, dx), cache)
        return dy.reshape(dx.shape), {"f": grads}


def total(logdet: NDArray, x: NDArray) -> NDArray:
    """The sum over the pixels of each picture of x, (N,)."""
    return logdet.reshape(len(x), x.shape[1] * x.shape[2]).sum(axis=1)


def each(dlogdet: NDArray, x: NDArray) -> NDArray:
    """The dlogdet of its picture, for each pixel, (N H W,)."""
    return np.repeat(dlogdet, x.shape[1] * x.shape[2])
