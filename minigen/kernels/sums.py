"""Sums along one axis of a matrix, which NumPy takes slowly when the matrix is small."""

import numpy as np

from minigen.kernels.jit import kernel


def columns_numpy(a):
    """sum_n a_nj: (N, D) -> (D,)."""
    return a.sum(axis=0)


@kernel(columns_numpy)
def columns(a):
    total = np.zeros(a.shape[1], a.dtype)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total[j] += a[i, j]
    return total


def rows_numpy(a):
    """sum_j a_nj: (N, D) -> (N,)."""
    return a.sum(axis=1)


@kernel(rows_numpy, fastmath=True)
def rows(a):
    total = np.zeros(a.shape[0], a.dtype)
    for i in range(a.shape[0]):
        one = total[i]
        for j in range(a.shape[1]):
            one += a[i, j]
        total[i] = one
    return total
