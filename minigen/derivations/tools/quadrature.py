"""Integrals: the trapezoid rule, and Gauss-Hermite rules for expectations under a normal."""

import numpy as np
from numpy.typing import NDArray


def trapezoid(low: float, high: float, n: int) -> tuple[NDArray, NDArray]:
    """Nodes (n,) and weights (n,) of the trapezoid rule; exact to rounding for smooth decay."""
    x, h = np.linspace(low, high, n), (high - low) / (n - 1)
    w = np.full(n, h)
    w[[0, -1]] /= 2
    return x, w


def grid(low: float, high: float, n: int) -> tuple[NDArray, NDArray]:
    """The product rule in the plane: nodes (n^2, 2) and weights (n^2,)."""
    x, w = trapezoid(low, high, n)
    points = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)
    return points, np.outer(w, w).ravel()


def hermite(n: int = 3) -> tuple[NDArray, NDArray]:
    """Nodes and weights with sum w f(z) = E f(z), z ~ N(0, 1), exact for degree 2 n - 1."""
    z, w = np.polynomial.hermite_e.hermegauss(n)
    return z, w / w.sum()


def expectation(columns: int) -> tuple[NDArray, NDArray]:
    """Nodes (n, columns) and weights of independent N(0, 1): exact for quadratic functions."""
    z, w = hermite()
    nodes = np.stack(np.meshgrid(*[z] * columns, indexing="ij"), axis=-1).reshape(-1, columns)
    weights = np.prod(np.stack(np.meshgrid(*[w] * columns, indexing="ij"), axis=-1), axis=-1)
    return nodes, weights.ravel()
