"""Distances: between paired rows with their gradient, and between all rows at once."""

import numpy as np

DISTANCES = ("squared", "euclidean")


def between(u, distance):
    """(d, slope) for differences u = a - b, (N, D): d = |u|^2 or |u|, (N,), and dd/du = slope u.

    Where |u| = 0 the Euclidean distance has a kink; its subgradient 0 is chosen.
    """
    d = (u * u).sum(axis=1)
    if distance == "squared":
        return d, np.full_like(d, 2)
    d = np.sqrt(d)
    apart = d.real > 0
    return d, apart / np.where(apart, d, 1)


def pairwise(x, y=None):
    """Squared distances of all rows of x (N, D) and y (M, D), (N, M), as one matrix product.

        |x_i - y_j|^2 = [x_i, |x_i|^2, 1] . [-2 y_j, 1, |y_j|^2]

    Rounding of the size of |x|^2 remains, so that what should be 0 may be a little below.
    """
    y = x if y is None else y
    xx, yy = ((z * z).sum(axis=1, keepdims=True) for z in (x, y))
    left = np.hstack([x, xx, np.ones_like(xx)])
    right = np.hstack([-2 * y, np.ones_like(yy), yy])
    return left @ right.T
