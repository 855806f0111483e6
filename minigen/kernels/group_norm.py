"""Group normalisation of pictures x (N, P, C) of P pixels, each read from memory once.

m and s (N, C) are the mean and the standard deviation of a channel's group in each picture.
"""

import numpy as np
from numpy.typing import NDArray

from minigen.kernels.jit import kernel


def over_groups(a: NDArray, groups: int) -> NDArray:
    """The mean of a (N, C) over each group of channels, at each of them."""
    each = a.shape[1] // groups
    return np.repeat(a.reshape(len(a), groups, each).mean(axis=2), each, axis=1)


def forward_numpy(
    x: NDArray, scale: NDArray, shift: NDArray, groups: int, eps: float
) -> tuple[NDArray, NDArray, NDArray]:
    """y = scale u + shift with u = (x - m) / s; also m and s."""
    m = over_groups(x.mean(axis=1), groups)
    u = x - m[:, None]
    s = np.sqrt(over_groups((u * u).mean(axis=1), groups) + eps)
    u /= s[:, None]
    return u * scale + shift, m, s


@kernel(forward_numpy)
def forward(
    x: NDArray, scale: NDArray, shift: NDArray, groups: int, eps: float
) -> tuple[NDArray, NDArray, NDArray]:
    N, P, C = x.shape
    each = C // groups
    if len(scale) != C or len(shift) != C or each * groups != C:
        raise ValueError("x (N, P, C), scale and shift (C,), groups that divide C")
    y, m, s = np.empty_like(x), np.zeros((N, C), x.dtype), np.zeros((N, C), x.dtype)
    one, count = x.dtype.type(1), x.dtype.type(P * each)
    a, total = np.empty(C, x.dtype), np.empty(groups, x.dtype)
    for n in range(N):
        a[:] = 0
        for p in range(P):
            for c in range(C):
                a[c] += x[n, p, c]
        total[:] = 0
        for c in range(C):
            total[c // each] += a[c]
        for c in range(C):
            m[n, c] = total[c // each] / count
        a[:] = 0
        for p in range(P):
            for c in range(C):
                d = x[n, p, c] - m[n, c]
                a[c] += d * d
        total[:] = 0
        for c in range(C):
            total[c // each] += a[c]
        for c in range(C):
            s[n, c] = np.sqrt(total[c // each] / count + eps)
            a[c] = scale[c] * (one / s[n, c])
        for p in range(P):
            for c in range(C):
                y[n, p, c] = (x[n, p, c] - m[n, c]) * a[c] + shift[c]
    return y, m, s


def backward_numpy(
    dy: NDArray, x: NDArray, scale: NDArray, m: NDArray, s: NDArray, groups: int
) -> tuple[NDArray, NDArray, NDArray]:
    """dx = (du - mean(du) - u mean(u du)) / s with du = scale dy; also sum u dy and sum dy (N, C).

    The means over a group follow from the sums of its channels.
    """
    u = (x - m[:, None]) / s[:, None]
    total, product = dy.sum(axis=1), (u * dy).sum(axis=1)
    P = x.shape[1]
    mean, slope = (over_groups(scale * a, groups)[:, None] / P for a in (total, product))
    return (scale * dy - mean - u * slope) / s[:, None], product, total


@kernel(backward_numpy)
def backward(
    dy: NDArray, x: NDArray, scale: NDArray, m: NDArray, s: NDArray, groups: int
) -> tuple[NDArray, NDArray, NDArray]:
    N, P, C = x.shape
    each = C // groups
    if dy.shape != x.shape or m.shape != (N, C) or s.shape != (N, C) or len(scale) != C:
        raise ValueError("dy and x (N, P, C), scale (C,), m and s (N, C)")
    dx, product, total = np.empty_like(x), np.zeros_like(m), np.zeros_like(m)
    one, count = x.dtype.type(1), x.dtype.type(P * each)
    a, b, r = np.empty(C, x.dtype), np.empty(C, x.dtype), np.empty(C, x.dtype)
    mean, slope = np.empty(groups, x.dtype), np.empty(groups, x.dtype)
    for n in range(N):
        a[:] = 0
        b[:] = 0
        for p in range(P):
            for c in range(C):
                a[c] += dy[n, p, c]
                b[c] += dy[n, p, c] * (x[n, p, c] - m[n, c])
        mean[:] = 0
        slope[:] = 0
        for c in range(C):
            r[c] = one / s[n, c]
            total[n, c] = a[c]
            product[n, c] = b[c] * r[c]
            mean[c // each] += scale[c] * total[n, c]
            slope[c // each] += scale[c] * product[n, c]
        for c in range(C):  # dx = r scale dy - b - a (x - m)
            b[c] = r[c] * (mean[c // each] / count)
            a[c] = r[c] * r[c] * (slope[c // each] / count)
            r[c] *= scale[c]
        for p in range(P):
            for c in range(C):
                dx[n, p, c] = r[c] * dy[n, p, c] - b[c] - a[c] * (x[n, p, c] - m[n, c])
    return dx, product, total
