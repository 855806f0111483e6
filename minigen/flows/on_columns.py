"""A map of some columns, the others left as they are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.contract import Bijection, Cache
from minigen.core.signature import Size


@dataclass(frozen=True, eq=False, repr=False)
class OnColumns(Bijection):
    """y = x but for y[:, columns] = f(x[:, columns]); log|det dy/dx| is that of f.

    `OnColumns(Inverse(Exp()), (2,))` is the logarithm of the third column.

    Shapes: x, y (N, D); columns: their indices, each once.
    """

    f: Bijection
    columns: tuple[Size, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.columns)) < len(self.columns) or not self.columns:
            raise validate.expected("columns", "indices, each once", self.columns)

    def defined(self, x: NDArray) -> NDArray:
        return self.f.defined(x[:, self.columns])

    def reached(self, y: NDArray) -> NDArray:
        return self.f.reached(y[:, self.columns])

    def put(self, x: NDArray, part: NDArray) -> NDArray:
        """x with other columns."""
        y = x.astype(np.result_type(x, part))
        y[:, self.columns] = part
        return y

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        part, logdet, cache = self.f.forward(x[:, self.columns])
        return self.put(x, part), logdet, cache

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        part, grads = self.f.backward(dy[:, self.columns], dlogdet, cache)
        return self.put(dy, part), {"f": grads}

    def inverse(self, y: NDArray) -> tuple[NDArray, NDArray, Cache]:
        part, logdet, cache = self.f.inverse(y[:, self.columns])
        return self.put(y, part), logdet, cache

    def inverse_backward(self, dx: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        part, grads = self.f.inverse_backward(dx[:, self.columns], dlogdet, cache)
        return self.put(dx, part), {"f": grads}
