"""The log-determinant of maps whose Jacobian is the same everywhere."""

import numpy as np


def constant(value, x):
    """`value` for each row of x: (N,)."""
    return np.full(len(x), value, np.result_type(value, x))


def zeros(x):
    """The log-determinant of a map that keeps volumes: (N,) zeros."""
    return np.zeros(len(x), x.dtype)
