"""What the checks compare by: a distance, a determinant, a density."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats


def gap(a: ArrayLike, b: ArrayLike) -> float:
    """How far apart two arrays are: the largest difference, relative to numbers above 1."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise ValueError(f"gap: expected equal shapes, got {a.shape} and {b.shape}")
    scale = max(1.0, np.abs(b).max(initial=0))
    return float(np.abs(a - b).max(initial=0) / scale)


def worst(*errors: Any) -> float:
    """The largest of some errors; not a number if one of them is not."""
    return float(np.max(errors))


def logdet(J: NDArray) -> NDArray:
    """log|det| of each matrix of J (N, D, D)."""
    return np.linalg.slogdet(J)[1]


def log_gaussian(x: NDArray, mean: ArrayLike, covariance: Any) -> NDArray:
    """log N(x; mean, covariance) by scipy, (N,)."""
    return stats.multivariate_normal.logpdf(x, mean, covariance)
