"""Monotone rational-quadratic splines (Durkan, Bekasov, Murray & Papamakarios 2019).

M splines at M points, from [-B, B] onto [-B, B], the identity outside. Each has K bins, given by
positive numbers e (M, 3K - 1) = (e_w, e_h, e_d):

    widths w = 2B e_w / sum(e_w),   heights h = 2B e_h / sum(e_h),   slopes d = (1, e_d, 1)

In the bin from (x_k, y_k), with s = h_k / w_k, theta = (x - x_k) / w_k, u = theta (1 - theta):

    y     = y_k + h_k (s theta^2 + d_k u) / den,   den = s + (d_k + d_{k+1} - 2 s) u      (1)
    dy/dx = s^2 A / den^2,   A = d_{k+1} theta^2 + 2 s u + d_k (1 - theta)^2              (2)
"""

import numpy as np
from numpy.typing import NDArray

from minigen.kernels.jit import kernel


def at(table: NDArray, k: NDArray) -> NDArray:
    """table[m, k[m]] for each m."""
    return np.take_along_axis(table, k[:, None], axis=1)[:, 0]


def knots(e: NDArray, B: float) -> tuple[NDArray, NDArray]:
    """The K sizes that e stands for, and the K + 1 knots from -B to B that they lie between."""
    sizes = 2 * B * e / e.sum(axis=1, keepdims=True)
    first = np.full_like(sizes[:, :1], -B)
    return sizes, np.cumsum(np.concatenate([first, sizes], axis=1), axis=1)


def bins(
    x: NDArray[np.inexact], e: NDArray, B: float, inverse: bool = False
) -> tuple[NDArray, ...]:
    """(k, x_k, w_k, y_k, h_k, d_k, d_{k+1}) of the bin of each x; of each y if inverse."""
    K = (e.shape[1] + 1) // 3
    w, xs = knots(e[:, :K], B)
    h, ys = knots(e[:, K : 2 * K], B)
    one = np.ones_like(e[:, :1])
    d = np.concatenate([one, e[:, 2 * K :], one], axis=1)
    inner: NDArray[np.inexact] = (ys if inverse else xs)[:, 1:-1]
    k = (inner.real <= x.real[:, None]).sum(axis=1)
    return k, at(xs, k), at(w, k), at(ys, k), at(h, k), at(d, k), at(d, k + 1)


def forward_numpy(x: NDArray[np.inexact], e: NDArray, B: float) -> tuple[NDArray, NDArray]:
    """y (M,) and dy/dx (M,)."""
    inside = (x.real > -B) & (x.real < B)
    _, xk, w, yk, h, d0, d1 = bins(x, e, B)
    s, theta = h / w, np.where(inside, (x - xk) / w, 0)
    u = theta * (1 - theta)
    den = s + (d0 + d1 - 2 * s) * u
    y = yk + h * (s * theta**2 + d0 * u) / den  # (1)
    A = d1 * theta**2 + 2 * s * u + d0 * (1 - theta) ** 2
    return np.where(inside, y, x), np.where(inside, s**2 * A / den**2, 1)  # (2)


@kernel(forward_numpy)
def forward(x: NDArray[np.inexact], e: NDArray, B: float) -> tuple[NDArray, NDArray]:
    if len(e) != len(x) or (e.shape[1] + 1) % 3:
        raise ValueError("x (M,), e (M, 3K - 1)")
    M, K = len(x), (e.shape[1] + 1) // 3
    y, slope = np.empty_like(x), np.empty_like(x)
    for m in range(M):
        y[m], slope[m] = x[m], 1
        if not -B < x[m] < B:
            continue
        tw = th = 0.0
        for j in range(K):
            tw += e[m, j]
            th += e[m, K + j]
        k, xk, yk, w = 0, -B, -B, 2 * B * e[m, 0] / tw
        while k < K - 1 and xk + w <= x[m]:
            xk += w
            yk += 2 * B * e[m, K + k] / th
            k += 1
            w = 2 * B * e[m, k] / tw
        h = 2 * B * e[m, K + k] / th
        d0 = e[m, 2 * K + k - 1] if k > 0 else 1.0
        d1 = e[m, 2 * K + k] if k < K - 1 else 1.0
        s, theta = h / w, (x[m] - xk) / w
        u = theta * (1 - theta)
        den = s + (d0 + d1 - 2 * s) * u
        y[m] = yk + h * (s * theta * theta + d0 * u) / den
        A = d1 * theta * theta + 2 * s * u + d0 * (1 - theta) * (1 - theta)
        slope[m] = s * s * A / (den * den)
    return y, slope


def inverse_numpy(y: NDArray[np.inexact], e: NDArray, B: float) -> tuple[NDArray, NDArray]:
    """x (M,) and dy/dx (M,) at it: (1) is a quadratic a theta^2 + b theta + c = 0 in theta.

    The form 2c / (-b - sqrt(b^2 - 4ac)) loses no digits; at the edge of a bin, where rounding may
    take the root out of it, theta is put back into [0, 1].
    """
    inside = (y.real > -B) & (y.real < B)
    _, xk, w, yk, h, d0, d1 = bins(y, e, B, inverse=True)
    s, r = h / w, np.where(inside, y - yk, 0)
    delta = d0 + d1 - 2 * s
    a, b, c = h * (s - d0) + r * delta, h * d0 - r * delta, -s * r
    root = b * b - 4 * a * c
    theta = 2 * c / (-b - np.sqrt(np.where(root.real > 0, root, 0)))
    theta = theta - theta.real + np.clip(theta.real, 0, 1)
    u = theta * (1 - theta)
    den = s + delta * u
    A = d1 * theta**2 + 2 * s * u + d0 * (1 - theta) ** 2
    slope = s**2 * A / den**2  # (2)
    return np.where(inside, xk + theta * w, y), np.where(inside, slope, 1)


@kernel(inverse_numpy)
def inverse(y: NDArray[np.inexact], e: NDArray, B: float) -> tuple[NDArray, NDArray]:
    if len(e) != len(y) or (e.shape[1] + 1) % 3:
        raise ValueError("y (M,), e (M, 3K - 1)")
    M, K = len(y), (e.shape[1] + 1) // 3
    x, slope = np.empty_like(y), np.empty_like(y)
    for m in range(M):
        x[m], slope[m] = y[m], 1
        if not -B < y[m] < B:
            continue
        tw = th = 0.0
        for j in range(K):
            tw += e[m, j]
            th += e[m, K + j]
        k, xk, yk, h = 0, -B, -B, 2 * B * e[m, K] / th
        while k < K - 1 and yk + h <= y[m]:
            xk += 2 * B * e[m, k] / tw
            yk += h
            k += 1
            h = 2 * B * e[m, K + k] / th
        w = 2 * B * e[m, k] / tw
        d0 = e[m, 2 * K + k - 1] if k > 0 else 1.0
        d1 = e[m, 2 * K + k] if k < K - 1 else 1.0
        s, r = h / w, y[m] - yk
        delta = d0 + d1 - 2 * s
        a, b, c = h * (s - d0) + r * delta, h * d0 - r * delta, -s * r
        root = max(b * b - 4 * a * c, 0.0)
        theta = min(max(2 * c / (-b - np.sqrt(root)), 0.0), 1.0)
        u = theta * (1 - theta)
        den = s + delta * u
        A = d1 * theta * theta + 2 * s * u + d0 * (1 - theta) * (1 - theta)
        x[m], slope[m] = xk + theta * w, s * s * A / (den * den)
    return x, slope


def backward_numpy(
    x: NDArray[np.inexact], e: NDArray, B: float, dy: NDArray, dl: NDArray
) -> tuple[NDArray, NDArray]:
    """dx (M,) and e * de (M, 3K - 1), of dy for y and dl for log(dy/dx).

    The gradient is taken with respect to log e: a softmax for widths and heights.
    """
    inside = (x.real > -B) & (x.real < B)
    k, xk, w, _, h, d0, d1 = bins(x, e, B)
    s, theta = h / w, np.where(inside, (x - xk) / w, 0)
    u = theta * (1 - theta)
    delta = d0 + d1 - 2 * s
    den = s + delta * u
    A = d1 * theta**2 + 2 * s * u + d0 * (1 - theta) ** 2
    q = h * (s * theta**2 + d0 * u) / den
    gy, gl = np.where(inside, dy, 0), np.where(inside, dl, 0)
    dA = 2 * (d1 * theta + s * (1 - 2 * theta) - d0 * (1 - theta))
    dtheta = gy * w * s**2 * A / den**2 + gl * (dA / A - 2 * delta * (1 - 2 * theta) / den)
    ds = gy * (h * theta**2 - q * (1 - 2 * u)) / den
    ds = ds + gl * (2 / s + 2 * u / A - 2 * (1 - 2 * u) / den)
    dd0 = gy * (h - q) * u / den + gl * ((1 - theta) ** 2 / A - 2 * u / den)
    dd1 = -gy * q * u / den + gl * (theta**2 / A - 2 * u / den)
    dw, dh = -(ds * s + dtheta * theta) / w, gy * q / h + ds / w
    dlog = scatter(e, k, B, (-dtheta / w, dw), (gy, dh), (dd0, dd1))
    return np.where(inside, dtheta / w, dy), dlog


Pair = tuple[NDArray, NDArray]


def scatter(e: NDArray, k: NDArray, B: float, widths: Pair, heights: Pair, slopes: Pair) -> NDArray:
    """The gradient of log e from that of (x_k, w_k), (y_k, h_k) and (d_k, d_{k+1})."""
    K = (e.shape[1] + 1) // 3
    j = np.arange(K)
    out = []
    for part, (dknot, dsize) in ((e[:, :K], widths), (e[:, K : 2 * K], heights)):
        size, _ = knots(part, B)
        # each bin before the k-th moves the knot k
        g = np.where(j < k[:, None], dknot[:, None], np.where(j == k[:, None], dsize[:, None], 0))
        mean = (g * size).sum(axis=1, keepdims=True) / (2 * B)
        out.append(size * (g - mean))
    d0, d1 = (d[:, None] for d in slopes)
    inner = j[1:]  # slope number j, between the bins j - 1 and j
    g = np.where(inner == k[:, None], d0, 0) + np.where(inner == k[:, None] + 1, d1, 0)
    return np.concatenate([*out, e[:, 2 * K :] * g], axis=1)


@kernel(backward_numpy)
def backward(
    x: NDArray[np.inexact], e: NDArray, B: float, dy: NDArray, dl: NDArray
) -> tuple[NDArray, NDArray]:
    if not len(e) == len(x) == len(dy) == len(dl) or (e.shape[1] + 1) % 3:
        raise ValueError("x (M,), e (M, 3K - 1), dy (M,), dl (M,)")
    M, K = len(x), (e.shape[1] + 1) // 3
    dx, dlog = np.empty_like(x), np.zeros_like(e)
    for m in range(M):
        dx[m] = dy[m]
        if not -B < x[m] < B:
            continue
        tw = th = 0.0
        for j in range(K):
            tw += e[m, j]
            th += e[m, K + j]
        k, xk, w = 0, -B, 2 * B * e[m, 0] / tw
        while k < K - 1 and xk + w <= x[m]:
            xk += w
            k += 1
            w = 2 * B * e[m, k] / tw
        h = 2 * B * e[m, K + k] / th
        d0 = e[m, 2 * K + k - 1] if k > 0 else 1.0
        d1 = e[m, 2 * K + k] if k < K - 1 else 1.0
        s, theta = h / w, (x[m] - xk) / w
        u, v = theta * (1 - theta), 1 - 2 * theta
        delta = d0 + d1 - 2 * s
        den = s + delta * u
        A = d1 * theta * theta + 2 * s * u + d0 * (1 - theta) * (1 - theta)
        q = h * (s * theta * theta + d0 * u) / den
        dA = 2 * (d1 * theta + s * v - d0 * (1 - theta))
        dtheta = dy[m] * w * s * s * A / (den * den) + dl[m] * (dA / A - 2 * delta * v / den)
        ds = dy[m] * (h * theta * theta - q * (1 - 2 * u)) / den
        ds += dl[m] * (2 / s + 2 * u / A - 2 * (1 - 2 * u) / den)
        dw, dh = -(ds * s + dtheta * theta) / w, dy[m] * q / h + ds / w
        dx[m] = dtheta / w
        if k > 0:
            g = dy[m] * (h - q) * u / den + dl[m] * ((1 - theta) * (1 - theta) / A - 2 * u / den)
            dlog[m, 2 * K + k - 1] = d0 * g
        if k < K - 1:
            g = -dy[m] * q * u / den + dl[m] * (theta * theta / A - 2 * u / den)
            dlog[m, 2 * K + k] = d1 * g
        before_w, before_h = -dtheta / w, dy[m]
        mean_w, mean_h = dw * e[m, k] / tw, dh * e[m, K + k] / th
        for j in range(k):
            mean_w += before_w * e[m, j] / tw
            mean_h += before_h * e[m, K + j] / th
        for j in range(K):
            gw = before_w if j < k else (dw if j == k else 0.0)
            gh = before_h if j < k else (dh if j == k else 0.0)
            dlog[m, j] = 2 * B * e[m, j] / tw * (gw - mean_w)
            dlog[m, K + j] = 2 * B * e[m, K + j] / th * (gh - mean_h)
    return dx, dlog
