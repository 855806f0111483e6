"""Homework 4: MADE (Germain et al. 2015), MAF and IAF (MAF-1 to IAF-5, S-MADE, S-IAF).

Column i, counted from 0, stands at place pos[i] of the factorisation, 1..D: $order.
Hidden unit k, counted from 0, has the degree $degrees.  (D >= 2)

    M1[i, k] = 1 if m[k] >= pos[i] else 0        M2[k, i] = 1 if pos[i] > m[k] else 0
    r = x @ (M1 * W1) + b1,   h = $hidden
    mu = h @ (M2 * Wm) + bm,   a = h @ (M2 * Wa) + ba,   sigma = $sigma

    MAF:  z = (x - mu(x)) / sigma(x),    logdet = log |det dz/dx|
    IAF:  x = z * sigma(z) + mu(z),      logdet = log |det dx/dz|    (the network applied to z)

x, z, mu, sigma (N, D); W1 (D, H); b1 (H,); Wm, Wa (H, D); bm, ba (D,); logdet (N,).
"""

import numpy as np


### BEGIN SOLUTION
def network(x, W1, b1, Wm, bm, Wa, ba):
    M1, M2 = made_masks(*W1.shape)
    h = np.tanh(x @ (M1 * W1) + b1)
    return M1, M2, h, h @ (M2 * Wm) + bm, h @ (M2 * Wa) + ba


def network_backward(dmu, da, x, h, M1, M2, W1, Wm, Wa):
    dh = dmu @ (M2 * Wm).T + da @ (M2 * Wa).T
    dr = dh * (1 - h**2)
    dx = dr @ (M1 * W1).T
    dW1, dWm, dWa = M1 * (x.T @ dr), M2 * (h.T @ dmu), M2 * (h.T @ da)
    return dx, dW1, dr.sum(axis=0), dWm, dmu.sum(axis=0), dWa, da.sum(axis=0)


### END SOLUTION


def made_masks(D, H):
    """Returns M1 (D, H) and M2 (H, D), of 0 and 1."""
    ### BEGIN SOLUTION
    pos, m = np.arange(1, D + 1), 1 + np.arange(H) % (D - 1)
    return (m[None, :] >= pos[:, None]) * 1, (pos[None, :] > m[:, None]) * 1
    ### END SOLUTION


def maf_forward(x, W1, b1, Wm, bm, Wa, ba):
    """Returns z (N, D), logdet (N,), cache."""
    ### BEGIN SOLUTION
    M1, M2, h, mu, a = network(x, W1, b1, Wm, bm, Wa, ba)
    z = (x - mu) * np.exp(-a)
    return z, -a.sum(axis=1), (x, z, a, h, M1, M2, W1, Wm, Wa)
    ### END SOLUTION


def maf_backward(dz, dlogdet, cache):
    """Returns dx, dW1, db1, dWm, dbm, dWa, dba."""
    ### BEGIN SOLUTION
    x, z, a, h, M1, M2, W1, Wm, Wa = cache
    dmu = -dz * np.exp(-a)
    da = -dz * z - dlogdet[:, None]
    dx, *rest = network_backward(dmu, da, x, h, M1, M2, W1, Wm, Wa)
    return dx + dz * np.exp(-a), *rest
    ### END SOLUTION


def iaf_forward(z, W1, b1, Wm, bm, Wa, ba):
    """Returns x (N, D), logdet (N,), cache."""
    ### BEGIN SOLUTION
    M1, M2, h, mu, a = network(z, W1, b1, Wm, bm, Wa, ba)
    return z * np.exp(a) + mu, a.sum(axis=1), (z, a, h, M1, M2, W1, Wm, Wa)
    ### END SOLUTION


def iaf_backward(dx, dlogdet, cache):
    """Returns dz, dW1, db1, dWm, dbm, dWa, dba."""
    ### BEGIN SOLUTION
    z, a, h, M1, M2, W1, Wm, Wa = cache
    da = dx * z * np.exp(a) + dlogdet[:, None]
    dz, *rest = network_backward(dx, da, z, h, M1, M2, W1, Wm, Wa)
    return dz + dx * np.exp(a), *rest
    ### END SOLUTION


def maf_inverse(z, W1, b1, Wm, bm, Wa, ba):
    """The x whose MAF is z. Column by column, in the order of pos; the network may run D times."""
    ### BEGIN SOLUTION
    x = np.zeros_like(z)
    for i in range(z.shape[1]):
        mu, a = network(x, W1, b1, Wm, bm, Wa, ba)[3:]
        x[:, i] = z[:, i] * np.exp(a[:, i]) + mu[:, i]
    return x
    ### END SOLUTION


def maf_inverse_fast(z, W1, b1, Wm, bm, Wa, ba):
    """The same x at about the cost of one pass through the network.

    A hidden unit of degree m depends on the columns up to place m: with each new column only the
    units of one degree become known, and those known stay as they are.
    """
    ### BEGIN SOLUTION
    N, D = z.shape
    m = 1 + np.arange(W1.shape[1]) % (D - 1)
    x, h = np.zeros_like(z), np.zeros((N, W1.shape[1]))
    by = [np.flatnonzero(m == d) for d in range(D)]
    mu, a = np.tile(bm, (N, 1)), np.tile(ba, (N, 1))
    for i in range(D):
        x[:, i] = z[:, i] * np.exp(a[:, i]) + mu[:, i]
        new = by[i + 1] if i + 1 < D else by[0]
        h = np.tanh(x[:, : i + 1] @ W1[: i + 1, new] + b1[new])
        mu[:, i + 1 :] += h @ Wm[new, i + 1 :]
        a[:, i + 1 :] += h @ Wa[new, i + 1 :]
    return x
    ### END SOLUTION


def maf2(z, mu, sigma):
    """The notes print  x_i ~ p(x_i | x_1:i-1) = z_i sigma_i + mu_i  (MAF-2): a density set equal to
    a sample. Return the density p(x) at x = z sigma + mu, where z ~ N(0, 1); all of shape (N,).
    """
    ### BEGIN SOLUTION
    return np.exp(-(z**2) / 2) / (sigma * np.sqrt(2 * np.pi))
    ### END SOLUTION


def maf2_counterexample():
    """Prove it: return z, mu and sigma > 0, each (N,), where z sigma + mu is not the density."""
    ### BEGIN SOLUTION
    return np.zeros(1), np.ones(1), np.ones(1)
    ### END SOLUTION
