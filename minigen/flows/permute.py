"""A fixed permutation of the columns."""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.contract import Bijection, Cache, Grads
from minigen.core.signature import Count, checked
from minigen.core.tree import const


@dataclass(frozen=True, eq=False, repr=False)
class Permute(Bijection):
    """Permutation of the columns.

        y_i = x_{order_i},   log|det dy/dx| = 0

    Shapes: x, y (N, D); order (D,), each of 0 .. D-1 once.
    """

    order: Annotated[NDArray, "D"] = const()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not np.array_equal(np.sort(self.order), np.arange(len(self.order))):
            raise validate.expected("order", "a permutation of 0 .. D-1", self.order)

    @classmethod
    @checked
    def halves(cls, features: Count) -> "Permute":
        """Last columns first: what the coupling kept, the next one moves.

        Parameters
        ----------
        features : D, the number of columns

        Returns
        -------
        Permute

        Examples
        --------
        >>> mg.flows.Permute.halves(5).order
        array([2, 3, 4, 0, 1])
        """
        return cls(np.roll(np.arange(features), -(features // 2)))

    @classmethod
    @checked
    def random(cls, features: Count, *, rng: np.random.Generator) -> "Permute":
        """A random order.

        Parameters
        ----------
        features : D, the number of columns
        rng : the generator of the order

        Returns
        -------
        Permute

        Examples
        --------
        >>> sorted(mg.flows.Permute.random(3, rng=rng).order.tolist())
        [0, 1, 2]
        """
        return cls(rng.permutation(features))

    @cached_property
    def back(self) -> NDArray:
        """The inverse permutation."""
        return np.argsort(self.order)

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        return x.take(self.order, axis=1), np.zeros(len(x), x.dtype), None

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        return dy.take(self.back, axis=1), {}

    def inverse(self, y: NDArray) -> tuple[NDArray, NDArray, Cache]:
        return y.take(self.back, axis=1), np.zeros(len(y), y.dtype), None

    def inverse_backward(
        self, dx: NDArray, dlogdet: NDArray, cache: Cache
    ) -> tuple[NDArray, Grads]:
        return dx.take(self.order, axis=1), {}
