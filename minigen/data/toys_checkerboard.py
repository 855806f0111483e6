"""The checkerboard."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minigen.data.base import Toy, option


@dataclass(frozen=True, eq=False, repr=False)
class Checkerboard(Toy):
    """Uniform on the eight black squares, of side 2, of a 4 x 4 board over (-4, 4)^2.

        black:  floor(x_1 / side) + floor(x_2 / side) is even, and both floors are in -2..1
        p(x) = 1 / (8 side^2) on black squares, 0 elsewhere;   entropy = log(8 side^2)

    Outside, log p is -inf, which is exact: a model that puts mass there loses that mass, and
    KL(model || board) is infinite.
    """

    name = "checkerboard"
    side: float = option(2.0)

    def _sample(self, n: int, rng: np.random.Generator) -> NDArray:
        column, half = rng.integers(4, size=n), rng.integers(2, size=n)
        corner = np.stack([column, 2 * half + column % 2], axis=-1) - 2
        return self.side * (corner + rng.random((n, 2)))

    def _log_prob(self, x: NDArray) -> NDArray:
        cell = np.floor(x / self.side)
        black = (cell.sum(axis=1) % 2 == 0) & (np.abs(cell + 0.5) < 2).all(axis=1)
        return np.where(black, -self._entropy(), -np.inf)

    def _entropy(self) -> float:
        return np.log(8 * self.side**2)
