"""Element-wise maps without parameters: preprocessing with its Jacobian counted."""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.contract import Bijection, Cache, Grads
from minigen.core.numeric import sigmoid, softplus
from minigen.core.signature import checked
from minigen.core.tree import exact
from minigen.core.units import moments


@dataclass(frozen=True, eq=False, repr=False)
class Affine(Bijection):
    """Fixed scale and shift per column: y = scale * x + shift; the scale may be negative.

    log|det dy/dx| = sum_j log|scale_j|. Shapes: x, y (N, D); scale, shift (D,), in float64: what
    is far from 0 has its mean subtracted before its digits are cut.
    """

    scale: Annotated[NDArray, "D"] = exact()
    shift: Annotated[NDArray, "D"] = exact()

    @classmethod
    @checked
    def standardize(cls, x: ArrayLike) -> "Affine":
        """The map that gives the columns of x (N, D) mean 0 and standard deviation 1.

        Parameters
        ----------
        x : data, (N, D)

        Returns
        -------
        Affine, in float64, which is not trained

        Examples
        --------
        >>> x = 5 + 2 * rng.standard_normal((100, 2))
        >>> y, _, _ = mg.flows.Affine.standardize(x).forward(x)
        >>> bool(np.allclose(y.mean(axis=0), 0))
        True
        """
        x = validate.array("x", x, ("N", "D"), np.float64)
        if not len(x):
            raise validate.expected("x", "at least one row", "none")
        mean, std = moments(x)
        scale = 1 / std
        return cls(scale, -mean * scale)

    def logdet(self, x: NDArray) -> NDArray:
        return np.full(len(x), np.log(np.abs(self.scale)).sum(), x.dtype)

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        return (x * self.scale + self.shift).astype(x.dtype), self.logdet(x), None

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        return (dy * self.scale).astype(np.result_type(dy, np.float32)), {}

    def inverse(self, y: NDArray) -> tuple[NDArray, NDArray, Cache]:
        return ((y - self.shift) / self.scale).astype(y.dtype), -self.logdet(y), None

    def inverse_backward(
        self, dx: NDArray, dlogdet: NDArray, cache: Cache
    ) -> tuple[NDArray, Grads]:
        return (dx / self.scale).astype(np.result_type(dx, np.float32)), {}


@dataclass(frozen=True, eq=False, repr=False)
class Exp(Bijection):
    """y = exp(x), onto the positive numbers; log|det dy/dx| = sum_j x_j.

    `Inverse(Exp())` is the logarithm, for data that are positive.
    """

    def reached(self, y: NDArray) -> NDArray:
        return np.all(y > 0, axis=1)

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
class Softplus(Bijection):
    """y = log(1 + exp(x)), onto the positive numbers; log|det dy/dx| = sum_j log sigmoid(x_j).

    Large numbers stay as they are: `Inverse(Softplus())` suits positive data without heavy tails.
    """

    def reached(self, y: NDArray) -> NDArray:
        return np.all(y > 0, axis=1)

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        return softplus(x), -softplus(-x).sum(axis=1), sigmoid(x)

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        g = cache
        return dy * g + dlogdet[:, None] * (1 - g), {}

    def inverse(self, y: NDArray) -> tuple[NDArray, NDArray, Cache]:
        x = y + np.log(-np.expm1(-y))
        return x, softplus(-x).sum(axis=1), sigmoid(x)

    def inverse_backward(
        self, dx: NDArray, dlogdet: NDArray, cache: Cache
    ) -> tuple[NDArray, Grads]:
        g = cache
        return (dx - dlogdet[:, None] * (1 - g)) / g, {}


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

    def defined(self, x: NDArray) -> NDArray:
        u = self.low + self.slope * x
        return np.all((u > 0) & (u < 1), axis=1)

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
