"""Differences, extrapolated, with an estimate of their own error.

    D(h) = (f(x + h) - f(x - h)) / 2h = f'(x) + c_2 h^2 + c_4 h^4 + ...
    T[k, 0] = D(h_0 / 2^k),   T[k, j] = T[k, j-1] + (T[k, j-1] - T[k-1, j-1]) / (4^j - 1)

(Richardson 1911; the choice of the best T[k, j] by its neighbours: Ridders 1982.) To the error that
the neighbours show is added the noise of f, measured beside x. For functions that the complex step
cannot read.
"""

import numpy as np

LEVELS = 10
EPS = 2.0**-52
FIRST = 0.02  # the largest step, relative to the size of what is moved
NEARBY = 1e-4  # the unit of the offsets at which noise is measured, relative to that step
OFFSETS = np.array([-4, -2.7, -1.9, -0.6, 0, 1.1, 1.7, 3.2, 4])  # uneven: rounding is periodic
CUBIC = np.vander(OFFSETS, 4)
LEFT_OVER = np.eye(len(OFFSETS)) - CUBIC @ np.linalg.pinv(CUBIC)


class Richardson:
    """Slopes of a subject's outputs from some thirty forward passes each, with errors."""

    def __init__(self, subject, reason=""):
        self.points = {name: a.copy() for name, a in subject.points.items()}
        self.subject = subject.at(self.points)
        self.note = "reference: Richardson extrapolation" + (
            f", because {reason}" if reason else ""
        )

    def entry(self, name, index):
        """(d outputs / d one entry, their errors): one array for each output."""
        unit = np.zeros(self.points[name].shape)
        unit[index] = 1
        return self.along({name: unit})

    def along(self, direction):
        """(d outputs along {name: array}, their errors)."""
        first = FIRST * min(size(self.points[name]) / size(u) for name, u in direction.items())
        steps = first / 2.0 ** np.arange(LEVELS)
        right = [self.values(direction, h) for h in steps]
        left = [self.values(direction, -h) for h in steps]
        near = [self.values(direction, NEARBY * first * t) for t in OFFSETS]
        found = [
            extrapolate(stacked(right, k), stacked(left, k), stacked(near, k), steps)
            for k in range(len(near[0]))
        ]
        return [slope for slope, _ in found], [error for _, error in found]

    def values(self, direction, step):
        """The outputs `step` along the direction."""
        here = {name: self.points[name].copy() for name in direction}
        for name, u in direction.items():
            self.points[name] += step * u
        with np.errstate(all="ignore"):
            outputs = [y.copy() for y in self.subject.forward()[0]]
        for name, a in here.items():
            self.points[name][...] = a
        return outputs


def size(a, empty=1.0):
    """The largest entry's size; `empty` where there is none but zeros."""
    return np.abs(a).max(initial=0) or empty


def stacked(values, k):
    """The k-th output of each evaluation, along a new first axis."""
    return np.array([outputs[k] for outputs in values])


def extrapolate(right, left, near, steps):
    """(f', error) by entry, from f at x + h and x - h for each step h, and at OFFSETS."""
    h, here = steps.reshape(-1, *[1] * (right.ndim - 1)), near[4]
    rounding = max(noise(near), EPS * size(here, 0.0)) / h
    with np.errstate(all="ignore"):
        best, error = ridders((right - left) / (2 * h), rounding)
        jump = np.abs(right - 2 * here + left) / h  # of the slope, from the left to the right
    kink = (jump[-1] > jump[0] / 4) & (jump[-1] > 1e-6 * np.abs(best) + 4 * rounding[-1])
    return best, np.where(kink, jump[-1], error)


def noise(near):
    """What a cubic through points so close by leaves over: nothing, if the function is smooth."""
    return size(np.tensordot(LEFT_OVER, near, axes=1), 0.0)


def ridders(central, rounding):
    """The entry of the tableau that differs least from its neighbours, and by how much."""
    best, error = central[0], np.full(central.shape[1:], np.inf)
    above = central[:1]
    for k in range(1, len(central)):
        row = [central[k]]
        for j in range(1, k + 1):
            row.append(row[-1] + (row[-1] - above[j - 1]) / (4.0**j - 1))
            gap = np.maximum(np.abs(row[j] - row[j - 1]), np.abs(row[j] - above[j - 1]))
            gap = gap + rounding[k]
            best, error = np.where(gap < error, row[j], best), np.fmin(gap, error)
        above = row
    return best, error
