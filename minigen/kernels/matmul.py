"""The matrix product: NumPy's, or SciPy's BLAS where NumPy was built without one, as in a browser.

In Pyodide (512, 128) times (128, 128) takes SciPy a sixth of NumPy's time, and a (256, 64) batch
through a (64, 64) layer two thirds.
"""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray


def blas_matmul(a: NDArray, b: NDArray, out: NDArray | None = None) -> NDArray:
    """a b by BLAS, for matrices of one real type; by NumPy otherwise.

    BLAS counts columns first, so it is asked for (a b)^T = b^T a^T.
    """
    if a.ndim != 2 or b.ndim != 2 or a.dtype != b.dtype or a.dtype.char not in "fd":
        return np.matmul(a, b, out=out)
    if a.shape[1] != len(b) or not (a.size and b.size):
        return np.matmul(a, b, out=out)
    from scipy.linalg import blas

    gemm: Any = getattr(blas, "sgemm" if a.dtype.char == "f" else "dgemm")
    (left, turned), (right, turned_too) = _columns_first(b), _columns_first(a)
    y = gemm(1.0, left, right, trans_a=turned, trans_b=turned_too).T
    if out is None:
        return y
    out[...] = y
    return out


def _columns_first(a: NDArray) -> tuple[NDArray, bool]:
    """(a^T, False), or (a, True) where it is a that lies in memory by columns."""
    return (a, True) if a.flags.f_contiguous else (a.T, False)


matmul: Any = blas_matmul if sys.platform == "emscripten" else np.matmul
