"""Element-wise activations."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minigen.core.contract import Cache, Grads, Layer
from minigen.core.numeric import sigmoid, softplus
from minigen.kernels import activation as kernels


@dataclass(frozen=True, eq=False, repr=False)
class Tanh(Layer):
    """y = tanh(x), dx = dy (1 - y^2); any shape."""

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        y = np.tanh(x)
        return y, (y,)

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        (y,) = cache
        return dy * (1 - y * y), {}


@dataclass(frozen=True, eq=False, repr=False)
class ReLU(Layer):
    """y = max(x, 0), dx = dy [x > 0]; at the kink x = 0 the subgradient 0 is chosen."""

    def forward(self, x: NDArray[np.inexact]) -> tuple[NDArray, Cache]:
        y = x * (x.real > 0) if np.iscomplexobj(x) else np.maximum(x, 0)
        return y, (y,)

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        (y,) = cache
        return dy * (y.real > 0), {}


@dataclass(frozen=True, eq=False, repr=False)
class SiLU(Layer):
    """y = x g with g = sigmoid(x) (Elfwing et al. 2018), dx = dy (g + y (1 - g)); any shape."""

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        rows = x.reshape(-1, x.shape[-1])
        y, slope = kernels.silu(rows, np.zeros((1, x.shape[-1]), x.dtype))
        return y.reshape(x.shape), (slope.reshape(x.shape),)

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        (slope,) = cache
        return dy * slope, {}


@dataclass(frozen=True, eq=False, repr=False)
class Softplus(Layer):
    """y = log(1 + exp(x)), dx = dy sigmoid(x)."""

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        return softplus(x), (x,)

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        (x,) = cache
        return dy * sigmoid(x), {}
