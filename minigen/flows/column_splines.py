"""One fixed spline for each column, found from data: the start of a flow on few rows."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.contract import Bijection, Cache, Grads
from minigen.core.signature import Bound, Count
from minigen.core.tree import exact
from minigen.flows.spline import Spline

FOLD = 4  # every fourth row decides whether a column gets a spline
MOST = 8000  # rows that are looked at
PENALTY = 1.0  # on |r|^2 / 2: one row's worth against bends


@dataclass(frozen=True, eq=False, repr=False)
class ColumnSplines(Bijection):
    """Fixed monotone splines of the columns: y_j = RQ(x_j; r_j), log-det sum_j log(dy_j/dx_j).

    A rotation and one map of each column make a density that is no longer Gaussian from a handful
    of numbers (Gaussianization, Chen & Gopinath 2000). The formulas are those of `Spline`; r = 0
    is the identity.

    Shapes: x, y (N, D); r (D, 3K - 1) for K bins on [-bound, bound], in float64.
    """

    r: Annotated[NDArray, "D P"] = exact()
    bins: Count = 8
    bound: Bound = 5.0

    @classmethod
    def init_from(cls, x: ArrayLike, bins: Count = 8, bound: Bound = 5.0) -> "ColumnSplines":
        """The splines under which the columns of x (N, D), of mean 0 and variance 1, are N(0, 1).

        By penalised likelihood of three quarters of the rows; a column whose other rows are not
        surely likelier under its spline than under N(0, 1) keeps the identity.

        Parameters
        ----------
        x : (N, D)
        bins, bound : K bins on [-bound, bound], the identity outside

        Returns
        -------
        ColumnSplines

        Examples
        --------
        >>> two = rng.standard_normal((900, 1)) / 2 + rng.choice((-1.0, 1.0), (900, 1))
        >>> f = mg.flows.ColumnSplines.init_from(two / two.std())
        >>> y = f.forward(rng.standard_normal((5, 1)))[0]
        >>> bool(f.r.any()), y.shape
        (True, (5, 1))
        """
        x = validate.array("x", x, ("N", "D"), np.float64)[:MOST]
        spline = Spline(bins, bound)
        new = np.arange(len(x)) % FOLD == 0
        r = np.zeros((x.shape[1], spline.parts))
        for j, column in enumerate(x.T):
            found = likeliest(spline, column[~new])
            gain = log_density(spline, column[new], found) + column[new] ** 2 / 2
            if gain.mean() > 2 * gain.std() / np.sqrt(max(len(gain), 1)):
                r[j] = likeliest(spline, column)
        return cls(r, bins, bound)

    @property
    def spline(self) -> Spline:
        return Spline(self.bins, self.bound)

    def rows(self, x: NDArray) -> NDArray:
        """r for each row, (N, D, 3K - 1)."""
        return np.broadcast_to(self.r.astype(x.dtype), (len(x), *self.r.shape))

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        y, ell, cache = self.spline.forward(x, self.rows(x))
        return y, np.einsum("nj->n", ell), cache

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        return self.spline.backward(dy, spread(dlogdet, dy), cache)[0], {}

    def inverse(self, y: NDArray) -> tuple[NDArray, NDArray, Cache]:
        x, ell, cache = self.spline.inverse(y, self.rows(y))
        return x, np.einsum("nj->n", ell), cache

    def inverse_backward(
        self, dx: NDArray, dlogdet: NDArray, cache: Cache
    ) -> tuple[NDArray, Grads]:
        return self.spline.inverse_backward(dx, spread(dlogdet, dx), cache)[0], {}


def spread(dlogdet: NDArray, like: NDArray) -> NDArray:
    """The gradient of each column's log-slope: that of their sum."""
    return np.repeat(dlogdet[:, None], like.shape[1], axis=1)


def log_density(spline: Spline, x: NDArray, r: NDArray) -> NDArray:
    """log p of x (N,) under the spline r of a standard normal, without its constant."""
    y, ell, _ = spline.forward(x[:, None], np.broadcast_to(r, (len(x), 1, len(r))))
    return (ell - y * y / 2)[:, 0]


def likeliest(spline: Spline, x: NDArray) -> NDArray:
    """The r under which x (N,) is likeliest, with the penalty."""
    from scipy.optimize import minimize

    def loss(r: NDArray) -> tuple[float, NDArray]:
        y, ell, cache = spline.forward(x[:, None], np.broadcast_to(r, (len(x), 1, len(r))))
        _, dr, _ = spline.backward(y, -np.ones_like(y), cache)
        value = (y * y / 2 - ell).sum() + PENALTY * (r @ r) / 2
        return value / len(x), (dr.sum(axis=0)[0] + PENALTY * r) / len(x)

    start = np.zeros(spline.parts)
    return minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 60}).x
