"""Scale and shift parameters, the scale bounded: what their network's outputs are given back.

A network says (shift, r) for each number; the log-scale is c w with w = tanh(r / c), so that
dr = dlogscale (1 - w^2). Coupling layers keep the two side by side in halves, a MADE in pairs.
"""

import numpy as np

from minigen.kernels.jit import kernel


def halves_numpy(dscale, dshift, w):
    """dh (N, 2K) = (dscale (1 - w^2), dshift), each (N, K), side by side."""
    return np.concatenate([dscale * (1 - w * w), dshift], axis=1)


@kernel(halves_numpy)
def halves(dscale, dshift, w):
    n, k = w.shape
    dh = np.empty((n, 2 * k), w.dtype)
    one = w.dtype.type(1)
    for i in range(n):
        for j in range(k):
            dh[i, j] = dscale[i, j] * (one - w[i, j] * w[i, j])
        for j in range(k):
            dh[i, k + j] = dshift[i, j]
    return dh


def pairs_numpy(dshift, dscale, w):
    """dh (N, D, 2) = (dshift, dscale (1 - w^2)), each (N, D), in pairs."""
    return np.stack([dshift, dscale * (1 - w * w)], axis=-1)


@kernel(pairs_numpy)
def pairs(dshift, dscale, w):
    n, d = w.shape
    dh = np.empty((n, d, 2), w.dtype)
    one = w.dtype.type(1)
    for i in range(n):
        for j in range(d):
            dh[i, j, 0] = dshift[i, j]
            dh[i, j, 1] = dscale[i, j] * (one - w[i, j] * w[i, j])
    return dh
