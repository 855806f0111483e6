"""A fixed permutation of the columns."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from minigen.core import validate
from minigen.core.contract import Bijection
from minigen.core.tree import const
from minigen.flows.volume import zeros
from minigen.kernels.gather import gather


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
        return cls(np.roll(np.arange(features), -(features // 2)))

    @classmethod
    def random(cls, features, *, rng):
        """A random order."""
        return cls(rng.permutation(features))

    @cached_property
    def back(self):
        """The inverse permutation."""
        return np.argsort(self.order)

    def forward(self, x):
        return gather(x, self.order), zeros(x), ()

    def backward(self, dy, dlogdet, cache):
        return gather(dy, self.back), {}

    def inverse(self, y):
        return gather(y, self.back), zeros(y)

    def backward_inverse(self, dx, dlogdet, y):
        return gather(dx, self.order), {}
