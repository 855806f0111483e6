"""A learned scale and shift per column, set from data."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Bijection, Cache, Grads
from minigen.core.signature import Count, checked
from minigen.core.tree import param


@dataclass(frozen=True, eq=False, repr=False)
class ActNorm(Bijection):
    """Activation normalisation of Glow (Kingma & Dhariwal 2018).

        y = exp(s) * x + t,   log|det dy/dx| = sum_j s_j

    Shapes: x, y (N, D); s, t (D,). `init_from(x)` chooses s and t so that y has mean 0 and
    standard deviation 1 in each column; afterwards they are parameters like any other, so what
    is saved and loaded is the whole state of the layer.
    """

    s: Annotated[NDArray, "D"] = param()
    t: Annotated[NDArray, "D"] = param()

    @classmethod
    @checked
    def init(cls, features: Count, *, dtype: DTypeLike = np.float32) -> "ActNorm":
        """The identity.

        Parameters
        ----------
        features : D, the number of columns
        dtype : of the parameters

        Returns
        -------
        ActNorm

        Examples
        --------
        >>> mg.flows.ActNorm.init(3).size
        6
        """
        return cls(np.zeros(features, dtype), np.zeros(features, dtype))

    @classmethod
    @checked
    def init_from(
        cls, x: Annotated[ArrayLike, "N D"], *, dtype: DTypeLike = np.float32
    ) -> "ActNorm":
        """Standardise the columns of x (N, D); a constant column is only shifted.

        Parameters
        ----------
        x : data, (N, D)
        dtype : of the parameters

        Returns
        -------
        ActNorm

        Examples
        --------
        >>> x = 5 + 2 * rng.standard_normal((100, 2))
        >>> y, _, _ = mg.flows.ActNorm.init_from(x, dtype=np.float64).forward(x)
        >>> bool(np.allclose(y.std(axis=0), 1))
        True
        """
        x = np.asarray(x)
        if not len(x):
            raise validate.expected("x", "at least one row", "none")
        mean, std = x.mean(axis=0), x.std(axis=0)
        s = -np.log(np.where(std > 0, std, 1))
        return cls(s.astype(dtype), (-mean * np.exp(s)).astype(dtype))

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        scaled = x * np.exp(self.s)
        return scaled + self.t, self.s.sum() + np.zeros(len(x), x.dtype), (scaled,)

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        (scaled,) = cache
        ds = (dy * scaled).sum(axis=0) + dlogdet.sum()
        return dy * np.exp(self.s), {"s": ds, "t": dy.sum(axis=0)}

    def inverse(self, y: NDArray) -> tuple[NDArray, NDArray, Cache]:
        x = (y - self.t) * np.exp(-self.s)
        return x, -self.s.sum() + np.zeros(len(y), y.dtype), (x,)

    def inverse_backward(
        self, dx: NDArray, dlogdet: NDArray, cache: Cache
    ) -> tuple[NDArray, Grads]:
        (x,) = cache
        dy = dx * np.exp(-self.s)
        ds = -(dx * x).sum(axis=0) - dlogdet.sum()
        return dy, {"s": ds, "t": -dy.sum(axis=0)}
