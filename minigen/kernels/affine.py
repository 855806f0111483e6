"""The element-wise backward pass of affine maps whose scale and shift come from a network.

The network gives h, which holds r and the shift of each number. The log-scale is bounded, s = c w
with w = tanh(r / c), so that dr = ds (1 - w^2). A coupling keeps r and t in the halves of h
(N, 2K), a MADE keeps mu and r in pairs, h (N, D, 2).
"""

import numpy as np

from minigen.kernels.jit import kernel


def coupling_backward_numpy(dy, dlogdet, x, e, w):
    """Of NVP-4 and NVP-8: dx without the path through the network, and dh = (dr, dt).

    dy, x (N, D), dlogdet (N,), e = exp(s) and w (N, K) -> dx (N, D), dh (N, 2K).
    """
    d = x.shape[1] - w.shape[1]
    dy1, dy2 = dy[:, :d], dy[:, d:]
    dx2 = dy2 * e  # NVP-4
    ds = dx2 * x[:, d:] + dlogdet[:, None]  # NVP-4, NVP-8
    dr, dt = ds * (1 - w * w), dy2  # NVP-4
    return np.concatenate([dy1, dx2], axis=1), np.concatenate([dr, dt], axis=1)  # NVP-3


@kernel(coupling_backward_numpy)
def coupling_backward(dy, dlogdet, x, e, w):
    n, k = w.shape
    d = x.shape[1] - k
    if not (x.shape == dy.shape and e.shape == w.shape and len(x) == len(dlogdet) == n and d >= 0):
        raise ValueError("dy (N, D), dlogdet (N,), x (N, D), e (N, K), w (N, K)")
    dx, dh = np.empty(dy.shape, e.dtype), np.empty((n, 2 * k), e.dtype)
    x2, dy2, dx2, dt = x[:, d:], dy[:, d:], dx[:, d:], dh[:, k:]  # d + j would be checked each time
    one = e.dtype.type(1)
    for i in range(n):
        for j in range(d):
            dx[i, j] = dy[i, j]
        for j in range(k):
            dx2[i, j] = dy2[i, j] * e[i, j]
            dt[i, j] = dy2[i, j]
        for j in range(k):  # one loop over all the arrays would not be vectorised
            ds = dx2[i, j] * x2[i, j] + dlogdet[i]
            dh[i, j] = ds * (one - w[i, j] * w[i, j])
    return dx, dh


def standardize_backward_numpy(dz, dlogdet, z, e, w):
    """Of MAF-4 and MAF-9: dx without the path through the network, and dh = (dmu, dr).

    dz, z (N, D), dlogdet (N,), e = exp(-alpha) and w (N, D) -> dx (N, D), dh (N, D, 2).
    """
    dx = dz * e  # MAF-4
    dmu = -dx  # MAF-4
    dalpha = -dz * z - dlogdet[:, None]  # MAF-4, MAF-9
    return dx, np.stack([dmu, dalpha * (1 - w * w)], axis=-1)


@kernel(standardize_backward_numpy)
def standardize_backward(dz, dlogdet, z, e, w):
    n, d = z.shape
    if not (dz.shape == z.shape == e.shape == w.shape and len(dlogdet) == n):
        raise ValueError("dz (N, D), dlogdet (N,), z (N, D), e (N, D), w (N, D)")
    dx, dh = np.empty(dz.shape, e.dtype), np.empty((n, d, 2), e.dtype)
    one = e.dtype.type(1)
    for i in range(n):
        for j in range(d):
            dx[i, j] = dz[i, j] * e[i, j]
        for j in range(d):
            dalpha = -dz[i, j] * z[i, j] - dlogdet[i]
            dh[i, j, 0] = -dx[i, j]
            dh[i, j, 1] = dalpha * (one - w[i, j] * w[i, j])
    return dx, dh
