"""What a question found, and the points at which it is asked."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N, NEAR = 5, 1e-6  # rows; how far a value may be off in double precision


@dataclass(frozen=True)
class Cell:
    """What an oracle found: right, wrong, or None where it could not be asked; and in words."""

    right: bool | None
    text: str
    why: str = ""


def points(rng: np.random.Generator, n: int = N) -> tuple[NDArray, NDArray]:
    """(x (n, 2), c (n, 1))."""
    return rng.standard_normal((n, 2)), rng.standard_normal((n, 1))


def within(error: float, limit: float = NEAR, why: str = "") -> Cell:
    """Right if an error is within a limit."""
    return Cell(bool(error <= limit), f"{error:.0e}", why)


def gap(a: NDArray, b: NDArray) -> float:
    return float(np.max(np.abs(a - b) / (1 + np.abs(b))))
