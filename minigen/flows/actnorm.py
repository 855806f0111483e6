"""A learned scale and shift per column, set from data."""

from dataclasses import dataclass

import numpy as np

from minigen.core.contract import Bijection
from minigen.core.tree import param
from minigen.flows.volume import constant


@dataclass(frozen=True, eq=False, repr=False)
class ActNorm(Bijection):
    """Activation normalisation of Glow (Kingma & Dhariwal 2018).

        y = exp(s) * x + t,   log|det dy/dx| = sum_j s_j

    Shapes: x, y (N, D); s, t (D,). `init_from(x)` chooses s and t so that y has mean 0 and
    standard deviation 1 in each column; afterwards they are parameters like any other, so what
    is saved and loaded is the whole state of the layer.
    """

    s: np.ndarray = param()
    t: np.ndarray = param()

    @classmethod
    def init(cls, features, *, dtype=np.float32):
        """The identity."""
        return cls(np.zeros(features, dtype), np.zeros(features, dtype))

    @classmethod
    def init_from(cls, x, *, dtype=np.float32):
        """Standardise the columns of x (N, D); a constant column is only shifted."""
        mean, std = x.mean(axis=0), x.std(axis=0)
        s = -np.log(np.where(std > 0, std, 1))
        return cls(s.astype(dtype), (-mean * np.exp(s)).astype(dtype))

    def forward(self, x):
        scaled = x * np.exp(self.s)
        return scaled + self.t, constant(self.s.sum(), x), (scaled,)

    def backward(self, dy, dlogdet, cache):
        (scaled,) = cache
        ds = (dy * scaled).sum(axis=0) + dlogdet.sum()
        return dy * np.exp(self.s), {"s": ds, "t": dy.sum(axis=0)}

    def inverse(self, y):
        return (y - self.t) * np.exp(-self.s), constant(-self.s.sum(), y)

    def backward_inverse(self, dx, dlogdet, y):
        x, _ = self.inverse(y)
        dy = dx * np.exp(-self.s)
        ds = -(dx * x).sum(axis=0) - dlogdet.sum()
        return dy, {"s": ds, "t": -dy.sum(axis=0)}
