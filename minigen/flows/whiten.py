"""Columns without correlation: the fixed map that makes the best Gaussian of the data N(0, I)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.contract import Bijection, Cache, Grads
from minigen.core.tree import exact

RIDGE = 1e-6  # of a column's variance: keeps a column that is a sum of others from dividing by 0


@dataclass(frozen=True, eq=False, repr=False)
class Whiten(Bijection):
    """Fixed linear map: y = (x - mean) L^{-T}, with L lower triangular.

    log|det dy/dx| = -sum_j log L_jj. With L L^T = cov(x), the Cholesky factor, y has mean 0 and
    covariance I, and a flow that starts at the identity starts as the full-covariance Gaussian.
    y_j is what x_j adds to x_1 .. x_{j-1}, so the order of the columns stays.

    Shapes: x, y (N, D); mean (D,); L (D, D), in float64.
    """

    mean: NDArray = exact()
    L: NDArray = exact()

    @classmethod
    def init_from(cls, x: ArrayLike) -> "Whiten":
        """The map that gives the columns of x (N, D) mean 0 and covariance I."""
        x = validate.array("x", x, ("N", "D"), np.float64)
        mean, std = x.mean(axis=0), x.std(axis=0)
        std = np.where(std > 1e-12 * np.abs(mean), std, 1)  # 1 for a constant column
        z = (x - mean) / std
        C = z.T @ z / len(z) + RIDGE * np.eye(z.shape[1])
        return cls(mean, std[:, None] * np.linalg.cholesky(C))

    def logdet(self, x: NDArray) -> NDArray:
        return np.full(len(x), -np.log(np.abs(np.diag(self.L))).sum(), x.dtype)

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        y = (x - self.mean) @ np.linalg.inv(self.L).T
        return y.astype(x.dtype), self.logdet(x), None

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        return (dy @ np.linalg.inv(self.L)).astype(np.result_type(dy, np.float32)), {}

    def inverse(self, y: NDArray) -> tuple[NDArray, NDArray, Cache]:
        return (y @ self.L.T + self.mean).astype(y.dtype), -self.logdet(y), None

    def inverse_backward(
        self, dx: NDArray, dlogdet: NDArray, cache: Cache
    ) -> tuple[NDArray, Grads]:
        return (dx @ self.L).astype(np.result_type(dx, np.float32)), {}
