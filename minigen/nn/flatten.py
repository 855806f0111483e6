"""Pictures as rows."""

import math
from dataclasses import dataclass

from numpy.typing import NDArray

from minigen.core.contract import Cache, Grads, Layer


@dataclass(frozen=True, eq=False, repr=False)
class Flatten(Layer):
    """y_n = all the numbers of x_n in one row, row after row of the picture; dx is dy in its shape.

    Shapes: x (N, H, W, C), y (N, H W C).
    """

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        return x.reshape(len(x), math.prod(x.shape[1:])), x.shape

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        shape = cache
        return dy.reshape(shape), {}
