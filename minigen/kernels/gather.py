"""The columns of a matrix in another order."""

import numpy as np

from minigen.kernels.jit import kernel


def gather_numpy(x, order):
    """y_nj = x_n,order(j): x (N, D), order (D,), each of 0 .. D-1 once -> (N, D)."""
    return x.take(order, axis=1)


@kernel(gather_numpy)
def gather(x, order):
    if len(order) != x.shape[1]:
        raise ValueError("x (N, D), order (D,)")
    y = np.empty(x.shape, x.dtype)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            y[i, j] = x[i, np.uint64(order[j])]  # no index from the end
    return y
