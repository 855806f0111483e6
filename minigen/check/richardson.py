"""Differences, extrapolated, with an estimate of their own error.

    D(h) = (f(x + h) - f(x - h)) / 2h = f'(x) + c_2 h^2 + c_4 h^4 + ...
    T[k, 0] = D(h_0 / 2^k),   T[k, j] = T[k, j-1] + (T[k, j-1] - T[k-1, j-1]) / (4^j - 1)

(Richardson 1911; the choice of the best T[k, j] by its neighbours: Ridders 1982.) To the error that
the neighbours show is added the noise of f, measured beside x. At a kink D(h) is no slope, and its
neighbours do not show it; so there the error is the jump of the slope,

    (f(x + h) - 2 f(x) + f(x - h)) / h = J + c_1 h + c_3 h^3 + ...,

likewise extrapolated. For functions that the complex step cannot read.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from minigen.check.probe import Point, Probe

LEVELS = 10
FIRST = 0.02  # the largest step, relative to the size of what is moved
NEARBY = 4e-4  # how far beside x noise is measured, relative to that step
OFFSETS = np.cos(np.linspace(0, np.pi, 9))  # uneven: rounding is periodic
CUBIC = np.polynomial.chebyshev.chebvander(OFFSETS, 3)
LEFT_OVER = np.eye(len(OFFSETS)) - CUBIC @ np.linalg.pinv(CUBIC)


class Richardson(Point):
    """Slopes of a probe's outputs from some thirty forward passes each, with errors."""

    def __init__(self, probe: Probe, reason: str = "") -> None:
        super().__init__(probe, np.float64)
        self.note = "reference: Richardson extrapolation" + f", because {reason}" * bool(reason)

    def along(self, direction: dict[str, NDArray]) -> tuple[list[NDArray], list[NDArray]]:
        """(d outputs along {name: array}, their errors)."""
        first = FIRST * min(size(self.points[name]) / size(u) for name, u in direction.items())
        steps = first / 2.0 ** np.arange(LEVELS)
        right, left, near = (
            [self.values(direction, h) for h in along]
            for along in (steps, -steps, NEARBY * first * OFFSETS)
        )
        found = [
            extrapolate(stacked(right, k), stacked(left, k), stacked(near, k), steps)
            for k in range(len(near[0]))
        ]
        return [slope for slope, _ in found], [error for _, error in found]

    def values(self, direction: dict[str, NDArray], step: float) -> list[NDArray]:
        """The outputs `step` along the direction."""
        return self.outputs({name: step * u for name, u in direction.items()})


def size(a: NDArray, empty: float = 1.0) -> float:
    """The largest entry's size; `empty` where there is none but zeros."""
    return np.abs(a).max(initial=0) or empty


def stacked(values: Sequence[Sequence[NDArray]], k: int) -> NDArray:
    """The k-th output of each evaluation, along a new first axis."""
    return np.array([outputs[k] for outputs in values])


def extrapolate(
    right: NDArray, left: NDArray, near: NDArray, steps: NDArray
) -> tuple[NDArray, NDArray]:
    """(f', error) by entry, from f at x + h and x - h for each step h, and at OFFSETS."""
    h, here = steps.reshape(-1, *[1] * (right.ndim - 1)), near[4]
    rounding = 2 * noise(near) / h  # the weights of T[k, j] add up to less than 2
    with np.errstate(all="ignore"):
        best, error = ridders((right - left) / (2 * h), rounding)
        bend = (right - 2 * here + left) / h
        jump = np.abs(16 * bend[-1] - 10 * bend[-2] + bend[-3]) / 7
    kink = jump > 1e-6 * np.abs(best) + 10 * rounding[-1]
    return best, np.where(kink, jump, error)


def noise(near: NDArray) -> float:
    """What a cubic through points so close by leaves over: rounding, if the function is smooth.

    The cubic is fitted to the differences from the middle one, which are exact: sums of the values
    would round as much as the function does, and otherwise on another machine. Where the values
    are so large that points close by give the same one, it is half the gap to the next number.
    """
    with np.errstate(invalid="ignore"):  # infinite values
        left = np.tensordot(LEFT_OVER, near - near[4], axes=1)
        return max(size(left, 0.0), np.finfo(float).eps / 2 * size(near, 0.0))


def ridders(central: NDArray, rounding: NDArray) -> tuple[NDArray, NDArray]:
    """The entry of the tableau that differs least from the one it improves, and by how much."""
    best, error, above = central[0], np.full(central[0].shape, np.inf), []
    for k, slope in enumerate(central):
        row = [slope]
        for j, old in enumerate(above, 1):
            row.append(row[-1] + (row[-1] - old) / (4.0**j - 1))
            gap = np.abs(row[-1] - old) + rounding[k]
            best, error = np.where(gap < error, row[-1], best), np.fmin(gap, error)
        above = row
    return best, error
