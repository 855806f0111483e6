"""What the checks have in common: a distance, layers off their starting values, an adapter."""

import numpy as np


def gap(a, b):
    """How far apart two arrays are: the largest difference, relative to numbers above 1."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise ValueError(f"gap: expected equal shapes, got {a.shape} and {b.shape}")
    scale = max(1.0, np.abs(b).max(initial=0))
    return float(np.abs(a - b).max(initial=0) / scale)


def worst(*errors):
    """The largest of some errors; not a number if one of them is not."""
    return float(np.max(errors))


def logdet(J):
    """log|det| of each matrix of J (N, D, D)."""
    return np.linalg.slogdet(J)[1]
