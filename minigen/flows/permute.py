"""A fixed permutation of the columns."""

from dataclasses import dataclass

import numpy as np

from minigen.core import validate
from minigen.core.contract import Bijection
from minigen.core.tree import const
from minigen.flows.volume import zeros


@dataclass(frozen=True, eq=False, repr=False)
class Permute(Bijection):
    """Permutation of the columns.

        y_i = x_{order_i},   log|det dy/dx| = 0

    Shapes: x, y (N, D); order (D,), each of 0 .. D-1 once.
    """

    order: np.ndarray = const()

    def __post_init__(self):
        if not np.array_equal(np.sort(self.order), np.arange(len(self.order))):
            raise validate.expected("order", "a permutation of 0 .. D-1", self.order)

    @classmethod
    def halves(cls, features):
        """Last columns first: what the coupling kept, the next one moves."""
        return cls(np.roll(np.arange(features), features // 2 + features % 2))

    @classmethod
    def random(cls, features, *, rng):
        """A random order."""
        return cls(rng.permutation(features))

    def forward(self, x):
        return x.take(self.order, axis=1), zeros(x), ()

    def backward(self, dy, dlogdet, cache):
        return dy.take(np.argsort(self.order), axis=1), {}

    def inverse(self, y):
        return y.take(np.argsort(self.order), axis=1), zeros(y)

    def backward_inverse(self, dx, dlogdet, y):
        return dx.take(self.order, axis=1), {}
