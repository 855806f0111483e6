"""Columns without correlation: the fixed map that makes the best Gaussian of the data N(0, I)."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.contract import Bijection, Cache, Grads
from minigen.core.tree import exact
from minigen.core.units import moments

FOLDS = 5
SHRINKAGES = (
    1e-6,
    *np.geomspace(1e-5, 1, 21),
)  # the least keeps sums of columns from dividing by 0


@dataclass(frozen=True, eq=False, repr=False)
class Whiten(Bijection):
    """Fixed linear map: y = (x - mean) L^{-T}, log|det dy/dx| = -log|det L|.

    With L L^T = cov(x), y has mean 0 and covariance I, and a flow that starts at the identity
    starts as the full-covariance Gaussian. L is the Cholesky factor: y_j is what x_j adds to
    x_1 .. x_{j-1}, so the order of the columns stays. Or, with axes="principal", L = diag(std) V
    diag(s)^{1/2} with V diag(s) V^T the correlations: y_j is the place on the j-th principal axis.
    Of few rows the correlations R are drawn towards none, (1 - a) R + a I (Ledoit & Wolf 2004), a
    by the likelihood of rows left out.

    Shapes: x, y (N, D); mean (D,); L (D, D), in float64.
    """

    mean: Annotated[NDArray, "D"] = exact()
    L: Annotated[NDArray, "D D"] = exact()

    @classmethod
    def init_from(
        cls, x: ArrayLike, shrinkage: float | None = None, axes: str = "columns"
    ) -> "Whiten":
        """The map that gives the columns of x (N, D) mean 0 and covariance I.

        Parameters
        ----------
        x : (N, D), at least one row
        shrinkage : a in [0, 1]; by default the least under whose Gaussian rows that are left out, a
            fifth at a time, are as likely as under the best
        axes : "columns" for the Cholesky factor, "principal"

        Returns
        -------
        Whiten

        Examples
        --------
        >>> x = rng.standard_normal((500, 2)) @ [[3.0, 0.0], [2.9, 0.1]]
        >>> y = mg.flows.Whiten.init_from(x).forward(x)[0]
        >>> np.allclose(np.cov(y.T), np.eye(2), atol=0.05)
        True
        """
        x = validate.array("x", x, ("N", "D"), np.float64)
        validate.choice("axes", axes, ("columns", "principal"))
        a = (
            best_shrinkage(x)
            if shrinkage is None
            else validate.number("shrinkage", shrinkage, 0, 1)
        )
        if not len(x):
            raise validate.expected("x", "at least one row", "none")
        mean, std = moments(x)
        z = (x - mean) / std
        C = (1 - a) * (z.T @ z / len(z)) + a * np.eye(z.shape[1])
        if axes == "columns":
            return cls(mean, std[:, None] * np.linalg.cholesky(C))
        s, V = np.linalg.eigh(C)
        return cls(mean, std[:, None] * (V * np.sqrt(s))[:, ::-1])

    def logdet(self, x: NDArray) -> NDArray:
        return np.full(len(x), -np.linalg.slogdet(self.L)[1], x.dtype)

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


def best_shrinkage(x: NDArray) -> float:
    """The least a of SHRINKAGES under whose Gaussian rows left out are as likely as under the best.

    As likely: within a standard error of the difference, row by row. A few rows far out alone would
    else decide for a Gaussian that is wider than all others want.
    """
    folds = np.arange(len(x)) % FOLDS
    if len(x) < 2 * FOLDS:
        return 1.0
    a = np.array(SHRINKAGES)[:, None]
    loss = np.zeros((len(x), len(a)))
    for k in range(FOLDS):
        mean, std = moments(x[folds != k])
        z = (x - mean) / std
        old, new = z[folds != k], z[folds == k]
        s, V = np.linalg.eigh(old.T @ old / len(old))
        e = (1 - a) * np.maximum(s, 0) + a
        loss[folds == k] = np.log(e).sum(axis=1) + (new @ V) ** 2 @ (1 / e).T
    worse = loss - loss[:, [np.argmin(loss.mean(axis=0))]]
    error = worse.std(axis=0) / np.sqrt(len(x))
    return float(SHRINKAGES[int(np.argmax(worse.mean(axis=0) <= error))])
