"""Products with a masked matrix whose mask is block triangular: the empty half is left out.

Row k of the mask M (n_below, n_above) is 0 up to column first[k] and 1 from there on, and `first`
rises. Panels (i, j, row, column) cut M into stairs: columns j .. column - 1 see no row from `row`
on, and rows i .. row - 1 are seen by no column before j. In all functions MW is M * W.
"""

import numpy as np

from minigen.kernels.jit import kernel


def panels(first, n_above):
    """The stairs of a mask, about eight of them, or fewer.

    Panels of less than 48 columns would leave out more, and lose it again in small products.
    """
    count = max(1, min(8, n_above // 48))
    columns = [n_above * k // count for k in range(count + 1)]
    rows = [0, *np.searchsorted(first, columns[1:]).tolist()]
    return tuple(zip(rows, columns, rows[1:], columns[1:], strict=False))


def starts(panels, n_below, n_above):
    """start[k]: the first column of row k that a panel reads; n_above where none does."""
    start = np.full(n_below, n_above)
    for i, j, row, _ in panels:
        start[i:row] = j
    return start


def masked_numpy(W, first, start):
    """M * W; what stands before start[k] in row k is never read, and may be anything."""
    return W * (np.arange(W.shape[1]) >= first[:, None])


@kernel(masked_numpy)
def masked(W, first, start):
    if not len(W) == len(first) == len(start):
        raise ValueError("W (N, H), first (N,), start (N,)")
    MW = np.empty_like(W)
    for k in range(W.shape[0]):
        MW[k, start[k] : first[k]] = 0
        MW[k, first[k] :] = W[k, first[k] :]
    return MW


def clear_numpy(W, first):
    """W <- M * W; what the mask holds out may be anything, also no number."""
    W[np.arange(W.shape[1]) < first[:, None]] = 0


@kernel(clear_numpy)
def clear(W, first):
    if len(W) != len(first):
        raise ValueError("W (N, H), first (N,)")
    for k in range(W.shape[0]):
        W[k, : first[k]] = 0


def product(x, MW, panels):
    """y = x (M * W)."""
    if x.shape[1] != len(MW):  # the panels would not notice
        raise ValueError(f"x: expected shape (N, {len(MW)}), got {x.shape}")
    y = np.empty((len(x), MW.shape[1]), np.result_type(x, MW))
    for _, j, row, column in panels:
        np.matmul(x[:, :row], MW[:row, j:column], out=y[:, j:column])
    return y


def product_backward(dy, x, MW, first, panels):
    """dx = dy (M * W)^T and dW = M * (x^T dy)."""
    dx = np.empty((len(dy), len(MW)), np.result_type(dy, MW))
    dW = np.empty(MW.shape, np.result_type(x, dy))
    for i, j, row, column in panels:
        np.matmul(dy[:, j:], MW[i:row, j:].T, out=dx[:, i:row])
        np.matmul(x[:, :row].T, dy[:, j:column], out=dW[:row, j:column])
    clear(dW, first)
    dx[:, panels[-1][2] :] = 0
    return dx, dW
