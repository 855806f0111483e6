"""Homework 5: the forward process of a diffusion model and its posterior (DIF-1 to DIF-23).

Time runs t = 1..T; arrays of the schedule have length T + 1 and are indexed by t itself, with
beta[0] = 0 and A_0 = 1. alpha_t = 1 - beta_t, A_t = alpha_1 ... alpha_t (alpha_bar).

    schedule:   $schedule
    noise:      x_t = sqrt(A_t) x0 + sqrt(1 - A_t) eps
    posterior:  q(x_t-1 | x_t, x0) = N(mean, var I),   mean as DIF-20, var = beta_tilde_t as DIF-18
    reverse:    p(x_t-1 | x_t) = N(mean, s2 I): the posterior's mean with x0 from a network,
                $predict
                $variance

x, eps, mean, out (N, D); t (N,) of whole numbers, one for each row; beta (T + 1,); var, logp (N,).
"""

import numpy as np


def schedule(T):
    """Returns beta and alpha_bar, each (T + 1,)."""
    ### BEGIN SOLUTION
    beta = np.zeros(T + 1)
    beta[1:] = np.linspace(0.001, 0.2, T)
    return beta, np.cumprod(1 - beta)
    ### END SOLUTION


def noise_forward(x0, eps, beta, t):
    """Returns xt, cache. The schedule is learned here: beta has a gradient too."""
    ### BEGIN SOLUTION
    A = np.cumprod(1 - beta)[t][:, None]
    return np.sqrt(A) * x0 + np.sqrt(1 - A) * eps, (x0, eps, beta, t, A)
    ### END SOLUTION


def noise_backward(dxt, cache):
    """Returns dx0, deps, dbeta (T + 1,): beta_s is in A_t for every s = 1..t, and beta_0 is not."""
    ### BEGIN SOLUTION
    x0, eps, beta, t, A = cache
    dA = (dxt * (x0 / np.sqrt(A) - eps / np.sqrt(1 - A))).sum(axis=1) / 2
    dbeta = np.zeros_like(beta)
    for n, s in enumerate(t):
        dbeta[1 : s + 1] -= dA[n] * A[n, 0] / (1 - beta[1 : s + 1])
    return np.sqrt(A) * dxt, np.sqrt(1 - A) * dxt, dbeta
    ### END SOLUTION


def posterior_forward(xt, x0, beta, t):
    """Returns mean (N, D), var (N,), cache. Every t is 2 or more."""
    ### BEGIN SOLUTION
    A = np.cumprod(1 - beta)
    b, A, B = beta[t][:, None], A[t][:, None], A[t - 1][:, None]
    u, w = np.sqrt(1 - b) * (1 - B) / (1 - A), b * np.sqrt(B) / (1 - A)
    return u * xt + w * x0, (b * (1 - B) / (1 - A))[:, 0], (u, w)
    ### END SOLUTION


def posterior_backward(dmean, dvar, cache):
    """Returns dxt, dx0."""
    ### BEGIN SOLUTION
    u, w = cache
    return u * dmean, w * dmean
    ### END SOLUTION


def reverse_forward(xt, out, prev, beta, t):
    """Returns logp (N,) = log p(prev | xt), summed over the columns, and cache."""
    ### BEGIN SOLUTION
    A = np.cumprod(1 - beta)[t][:, None]
    s2 = beta[t][:, None]
    c, k = 1 / np.sqrt(1 - s2), s2 / np.sqrt((1 - s2) * (1 - A))
    r = prev - (c * xt - k * out)
    return -(r**2 / (2 * s2) + 0.5 * np.log(2 * np.pi * s2)).sum(axis=1), (r, s2, c, k)
    ### END SOLUTION


def reverse_backward(dlogp, cache):
    """Returns dxt, dout, dprev."""
    ### BEGIN SOLUTION
    r, s2, c, k = cache
    dprev = -dlogp[:, None] * r / s2
    return -c * dprev, k * dprev, dprev
    ### END SOLUTION


def dif22(xt, eps, alpha, A):
    """The notes print  mean = (alpha - A + 1 - alpha) / (alpha (1 - A_t-1) + beta) x_t
    - beta / sqrt(alpha (1 - A)) eps  (DIF-22), with alpha (1 - A_t-1) = alpha - A and A = A_t.

    Find the misprint: return the right mean of q(x_t-1 | x_t, x0), all of shape (N,).
    """
    ### BEGIN SOLUTION
    return xt / np.sqrt(alpha) - (1 - alpha) / np.sqrt(alpha * (1 - A)) * eps
    ### END SOLUTION


def dif22_counterexample():
    """Prove it: return xt, eps, alpha and A, each (N,), 0 < A <= alpha < 1, where it is wrong."""
    ### BEGIN SOLUTION
    return np.ones(1), np.zeros(1), np.full(1, 0.5), np.full(1, 0.25)
    ### END SOLUTION
