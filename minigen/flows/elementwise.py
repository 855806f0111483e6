"""Element-wise maps without parameters: preprocessing with its Jacobian counted."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core.contract import Bijection, Cache, Grads
from minigen.core.numeric import sigmoid, softplus
from minigen.core.tree import const


@dataclass(frozen=True, eq=False, repr=False)
class Affine(Bijection):
    """Fixed scale and shift per column: y = scale * x + shift; the scale may be negative.

    log|det dy/dx| = sum_j log|scale_j|. Shapes: x, y (N, D); scale, shift (D,).
    """

    scale: NDArray = const()
    shift: NDArray = const()

    @classmethod
    def standardize(cls, x: NDArray, *, dtype: DTypeLike = np.float32) -> "Affine":
        """The map that gives the columns of x mean 0 and standard deviation 1."""
        std = x.std(axis=0)
        scale = 1 / np.where(std > 0, std, 1)
        return cls(scale.astype(dtype), (-x.mean(axis=0) * scale).astype(dtype))

    def logdet(self, x: NDArray) -> NDArray:
        return np.full(len(x), np.log(np.abs(self.scale)).sum(), x.dtype)

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        return x * self.scale + self.shift, self.logdet(x), None

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        return dy * self.scale, {}

    def inverse(self, y: NDArray) -> tuple[NDArray, NDArray, Cache]:
        return (y - self.shift) / self.scale, -self.logdet(y), None

    def inverse_backward(
        self, dx: NDArray, dlogdet: NDArray, cache: Cache
    ) -> tuple[NDArray, Grads]:
        return dx / self.scale, {}


@dataclass(frozen=True, eq=False, repr=False)
class Exp(Bijection):
    """y = exp(x), onto the positive numbers; log|det dy/dx| = sum_j x_j."""

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        y = np.exp(x)
        return y, x.sum(axis=1), y

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        y = cache
        return dy * y + dlogdet[:, None], {}

    def inverse(self, y: NDArray) -> tuple[NDArray, NDArray, Cache]:
        x = np.log(y)
        return x, -x.sum(axis=1), y

    def inverse_backward(
        self, dx: NDArray, dlogdet: NDArray, cache: Cache
    ) -> tuple[NDArray, Grads]:
        y = cache
        return (dx - dlogdet[:, None]) / y, {}


@dataclass(frozen=True, eq=False, repr=False)
class Logit(Bijection):
    """y = log(u / (1 - u)) with u = low + (1 - 2 low) x / bins, from (0, bins) to the reals.

    log|det dy/dx| = sum_j [log((1 - 2 low) / bins) - log u_j - log(1 - u_j)], and with
    softplus it stays finite where u rounds to 0 or 1: -log u = softplus(-y).
    """

    bins: float = 1.0
    low: float = 0.0

    @property
    def slope(self) -> float:
        return (1 - 2 * self.low) / self.bins

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        u = self.low + self.slope * x
        y = np.log(u) - np.log1p(-u)
        logdet = np.sum(math.log(self.slope) - np.log(u) - np.log1p(-u), axis=1)
        return y, logdet, u

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        u = cache
        du = (dy + dlogdet[:, None] * (2 * u - 1)) / (u * (1 - u))
        return du * self.slope, {}

    def inverse(self, y: NDArray) -> tuple[NDArray, NDArray, Cache]:
        u = sigmoid(y)
        logdet = -np.sum(math.log(self.slope) + softplus(-y) + softplus(y), axis=1)
        return (u - self.low) / self.slope, logdet, u

    def inverse_backward(
        self, dx: NDArray, dlogdet: NDArray, cache: Cache
    ) -> tuple[NDArray, Grads]:
        u = cache
        return dx * u * (1 - u) / self.slope + dlogdet[:, None] * (1 - 2 * u), {}
