"""Products with a masked matrix whose mask is block triangular: the empty half is left out.

                   columns (units above)
                  j      column
        +--------+------+-----+
      i |  M = 0 |  1 1 |  1  |       rows i .. row - 1 are seen by no column before j,
    row |        +------+  1  |       columns j .. column - 1 see no row from `row` on
        |        |  0   |  1  |
        +--------+------+-----+

One such step of the staircase is a panel (i, j, row, column). A product takes each panel's own
columns with the rows above its lower edge, so that at most half a panel's zeros are multiplied.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from minigen.kernels.jit import kernel
from minigen.kernels.matmul import matmul

PANELS, WIDTH = 8, 48  # at most so many; narrower ones lose in small products what they leave out


class BlockTriangular:
    """The mask M_kl = [above_l >= below_k] of a MADE, for degrees that rise, and its products.

    M * W            the masked weights (entries that no product reads may hold anything)
    M.product(x, MW)             y = x (M * W)
    M.product_backward(dy, x, MW)    dx = dy (M * W)^T, dW = M * (x^T dy)

    below (n_below,), above (n_above,): integers; x (N, n_below), W (n_below, n_above).
    """

    def __init__(self, below: NDArray, above: NDArray) -> None:
        self.shape = len(below), len(above)
        self.first = np.searchsorted(above, below)  # the first column that sees each row
        count = max(1, min(PANELS, self.shape[1] // WIDTH))
        columns = [self.shape[1] * k // count for k in range(count + 1)]
        rows = [0, *np.searchsorted(self.first, columns[1:]).tolist()]
        self.panels = tuple(zip(rows, columns, rows[1:], columns[1:], strict=False))
        self.start = np.full(self.shape[0], self.shape[1])  # the first column of a row that is read
        for i, j, row, _ in self.panels:
            self.start[i:row] = j

    @cached_property
    def array(self) -> NDArray:
        """M as a matrix of booleans."""
        return np.arange(self.shape[1]) >= self.first[:, None]

    def __mul__(self, W: NDArray) -> NDArray:
        return masked(W, self.first, self.start)

    def product(self, x: NDArray, MW: NDArray) -> NDArray:
        """y = x (M * W)."""
        if x.shape[1] != len(MW):  # the panels would not notice
            raise ValueError(f"x: expected shape (N, {len(MW)}), got {x.shape}")
        y = np.empty((len(x), MW.shape[1]), common(x, MW))
        for _, j, row, column in self.panels:
            matmul(x[:, :row], MW[:row, j:column], out=y[:, j:column])
        return y

    def product_backward(self, dy: NDArray, x: NDArray, MW: NDArray) -> tuple[NDArray, NDArray]:
        """dx = dy (M * W)^T and dW = M * (x^T dy)."""
        dx = np.empty((len(dy), len(MW)), common(dy, MW))
        dW = np.empty(MW.shape, common(x, dy))
        for i, j, row, column in self.panels:
            matmul(dy[:, j:], MW[i:row, j:].T, out=dx[:, i:row])
            matmul(x[:, :row].T, dy[:, j:column], out=dW[:row, j:column])
        clear(dW, self.first)
        dx[:, self.panels[-1][2] :] = 0
        return dx, dW


def common(a: NDArray, b: NDArray) -> np.dtype:
    """The type of a product; np.result_type alone takes 2 % of a step."""
    return a.dtype if a.dtype == b.dtype else np.result_type(a, b)


def masked_numpy(W: NDArray, first: NDArray, start: NDArray) -> NDArray:
    """M * W; what stands before start[k] in row k is never read, and may be anything."""
    return W * (np.arange(W.shape[1]) >= first[:, None])


@kernel(masked_numpy)
def masked(W: NDArray, first: NDArray, start: NDArray) -> NDArray:
    if not len(W) == len(first) == len(start):
        raise ValueError("W (N, H), first (N,), start (N,)")
    MW = np.empty_like(W)
    for k in range(W.shape[0]):
        MW[k, start[k] : first[k]] = 0
        MW[k, first[k] :] = W[k, first[k] :]
    return MW


def clear_numpy(W: NDArray, first: NDArray) -> None:
    """W <- M * W; what the mask holds out may be anything, also no number."""
    W[np.arange(W.shape[1]) < first[:, None]] = 0


@kernel(clear_numpy)
def clear(W: NDArray, first: NDArray) -> None:
    if len(W) != len(first):
        raise ValueError("W (N, H), first (N,)")
    for k in range(W.shape[0]):
        W[k, : first[k]] = 0
