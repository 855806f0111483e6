"""Homework 8: the Markov chain  p(x_1..x_T) = p(x_1) p(x_2 | x_1) ... p(x_T | x_T-1)  (MK-1).

    chain:     x_t = a x_t-1 + b + sqrt(v) noise,   v = $variance,   $start
    discrete:  y_t in 0..K-1,   p(y_1 = k) = softmax of l0,
               $table

Time t = 1..T stands in column t - 1. x, noise (N, T); y (N, T) whole numbers; L (K, K); l0 (K,);
a, b, r numbers with |a| < 1; logp (N,), the log-density of each row.
"""

import numpy as np


def chain_forward(x, a, b, r):
    """Returns logp (N,), cache."""
    ### BEGIN SOLUTION
    v = np.exp(r)
    e = x - b
    e[:, 1:] -= a * x[:, :-1]
    return -0.5 * (np.log(2 * np.pi * v) + e**2 / v).sum(axis=1), (x, e, a, v)
    ### END SOLUTION


def chain_backward(dlogp, cache):
    """Returns dx, da, db, dr; the last three are numbers."""
    ### BEGIN SOLUTION
    x, e, a, v = cache
    de = -dlogp[:, None] * e / v
    dx = de.copy()
    dx[:, :-1] -= a * de[:, 1:]
    da = -(de[:, 1:] * x[:, :-1]).sum()
    dr = (dlogp[:, None] * 0.5 * (e**2 / v - 1)).sum()
    return dx, da, -de.sum(), dr
    ### END SOLUTION


def discrete_forward(L, l0, y):
    """Returns logp (N,), cache."""
    ### BEGIN SOLUTION
    P = np.exp(L) / np.exp(L).sum(axis=1, keepdims=True)
    p0 = np.exp(l0) / np.exp(l0).sum()
    logp = np.log(p0[y[:, 0]]) + np.log(P[y[:, :-1], y[:, 1:]]).sum(axis=1)
    return logp, (P, p0, y)
    ### END SOLUTION


def discrete_backward(dlogp, cache):
    """Returns dL, dl0: a transition may occur several times in a row, and in several rows."""
    ### BEGIN SOLUTION
    P, p0, y = cache
    counts = np.zeros_like(P)
    np.add.at(counts, (y[:, :-1], y[:, 1:]), dlogp[:, None])
    dL = counts - counts.sum(axis=1, keepdims=True) * P
    dl0 = -dlogp.sum() * p0
    np.add.at(dl0, y[:, 0], dlogp)
    return dL, dl0
    ### END SOLUTION


def sample(noise, a, b, r):
    """Returns x (N, T) from standard normal noise (N, T), noise[:, 0] for x_1."""
    ### BEGIN SOLUTION
    x, s = np.zeros_like(noise), np.exp(r / 2)
    x[:, 0] = b + s * noise[:, 0]
    for t in range(1, noise.shape[1]):
        x[:, t] = a * x[:, t - 1] + b + s * noise[:, t]
    return x
    ### END SOLUTION


def marginals(L, l0, T):
    """Returns p (T, K): row t - 1 is the distribution of y_t, exactly, without sampling."""
    ### BEGIN SOLUTION
    P = np.exp(L) / np.exp(L).sum(axis=1, keepdims=True)
    p = [np.exp(l0) / np.exp(l0).sum()]
    for _ in range(T - 1):
        p.append(p[-1] @ P)
    return np.array(p)
    ### END SOLUTION


def mk1(p1, P):
    """The notes print the bare conditional p(x_i | x_i-1) (MK-1). It does not make the joint a
    product of the marginals. Return the joint of (x_1, x_2), (K, K), from p1 (K,), the distribution
    of x_1, and P[i, j] = p(x_2 = j | x_1 = i).
    """
    ### BEGIN SOLUTION
    return p1[:, None] * P
    ### END SOLUTION


def mk1_counterexample():
    """Prove it: return p1 and P where the joint is not the product of the two marginals."""
    ### BEGIN SOLUTION
    return np.full(2, 0.5), np.eye(2)
    ### END SOLUTION
