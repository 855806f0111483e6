"""Element-wise maps without parameters: preprocessing with its Jacobian counted."""

import math
from dataclasses import dataclass

import numpy as np

from minigen.core.contract import Bijection
from minigen.core.numeric import sigmoid, softplus
from minigen.core.tree import const


@dataclass(frozen=True, eq=False, repr=False)
class Affine(Bijection):
    """Fixed scale and shift per column: y = scale * x + shift; the scale may be negative.

    log|det dy/dx| = sum_j log|scale_j|. Shapes: x, y (N, D); scale, shift (D,).
    """

    scale: np.ndarray = const()
    shift: np.ndarray = const()

    @classmethod
    def standardize(cls, x, *, dtype=np.float32):
        """The map that gives the columns of x mean 0 and standard deviation 1."""
        std = x.std(axis=0)
        scale = 1 / np.where(std > 0, std, 1)
        return cls(scale.astype(dtype), (-x.mean(axis=0) * scale).astype(dtype))

    def logdet(self, x):
        return np.full(len(x), np.log(np.abs(self.scale)).sum(), x.dtype)

    def forward(self, x):
        return x * self.scale + self.shift, self.logdet(x), ()

    def backward(self, dy, dlogdet, cache):
        return dy * self.scale, {}

    def inverse(self, y):
        return (y - self.shift) / self.scale, -self.logdet(y)

    def backward_inverse(self, dx, dlogdet, y):
        return dx / self.scale, {}


@dataclass(frozen=True, eq=False, repr=False)
class Exp(Bijection):
    """y = exp(x), onto the positive numbers; log|det dy/dx| = sum_j x_j."""

    def forward(self, x):
        y = np.exp(x)
        return y, x.sum(axis=1), (y,)

    def backward(self, dy, dlogdet, cache):
        (y,) = cache
        return dy * y + dlogdet[:, None], {}

    def inverse(self, y):
        x = np.log(y)
        return x, -x.sum(axis=1)

    def backward_inverse(self, dx, dlogdet, y):
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
    def slope(self):
        return (1 - 2 * self.low) / self.bins

    def forward(self, x):
        u = self.low + self.slope * x
        y = np.log(u) - np.log1p(-u)
        logdet = np.sum(math.log(self.slope) - np.log(u) - np.log1p(-u), axis=1)
        return y, logdet, (u,)

    def backward(self, dy, dlogdet, cache):
        (u,) = cache
        du = (dy + dlogdet[:, None] * (2 * u - 1)) / (u * (1 - u))
        return du * self.slope, {}

    def inverse(self, y):
        x = (sigmoid(y) - self.low) / self.slope
        logdet = -np.sum(math.log(self.slope) + softplus(-y) + softplus(y), axis=1)
        return x, logdet

    def backward_inverse(self, dx, dlogdet, y):
        u = sigmoid(y)
        return dx * u * (1 - u) / self.slope + dlogdet[:, None] * (1 - 2 * u), {}
