"""Homework 2: change of variables, the base N(0, Sigma), and a chain (CV-1 to CV-10).

    gauss:   logp[n] = log N(z[n] | 0, Sigma),   $base
    linear:  $linear,   logdet = $det
    chain:   r = z W + b,  y = m(r) element by element,  m(r) = $map
             logdet = log |det dy/dz|

z, y (N, D); W (D, D) with a determinant of either sign; b (D,); L (D, D); logp, logdet (N,).
Only the lower triangle of L is used: the gradient above the diagonal is 0.
"""

import numpy as np


def gauss_forward(z, L):
    """Returns logp (N,), cache."""
    ### BEGIN SOLUTION
    u = np.linalg.solve(L, z.T).T
    log_det = np.log(np.diagonal(L)).sum()
    logp = -0.5 * (u**2).sum(axis=1) - log_det - 0.5 * z.shape[1] * np.log(2 * np.pi)
    return logp, (u, L)
    ### END SOLUTION


def gauss_backward(dlogp, cache):
    """Returns dz, dL."""
    ### BEGIN SOLUTION
    u, L = cache
    v = np.linalg.solve(L.T, u.T).T
    dz = -dlogp[:, None] * v
    dL = np.tril((dlogp[:, None] * v).T @ u) - dlogp.sum() * np.diag(1 / np.diagonal(L))
    return dz, dL
    ### END SOLUTION


def linear_forward(x, W, b):
    """x is $given above, (N, D). Returns $result (N, D), logdet (N,), cache."""
    ### BEGIN SOLUTION
    V = np.linalg.inv(W)
    z = (x - b) @ V
    logdet = np.full(len(x), -np.linalg.slogdet(W)[1])
    return z, logdet, (z, V)
    ### END SOLUTION


def linear_backward(dout, dlogdet, cache):
    """dout is d$result. Returns dx = d$given, dW, db. The derivative of log|det W| by W is W^-T."""
    ### BEGIN SOLUTION
    z, V = cache
    dy = dout @ V.T
    dW = -z.T @ dy - dlogdet.sum() * V.T
    return dy, dW, -dy.sum(axis=0)
    ### END SOLUTION


def chain_forward(z, W, b):
    """Returns y (N, D), logdet (N,), cache."""
    ### BEGIN SOLUTION
    r = z @ W + b
    logdet = np.linalg.slogdet(W)[1] - 0.5 * np.log1p(r**2).sum(axis=1)
    return np.arcsinh(r), logdet, (z, r, W)
    ### END SOLUTION


def chain_backward(dy, dlogdet, cache):
    """Returns dz, dW, db: r reaches the loss through y and through logdet."""
    ### BEGIN SOLUTION
    z, r, W = cache
    dr = dy / np.sqrt(1 + r**2) - dlogdet[:, None] * r / (1 + r**2)
    dW = z.T @ dr + dlogdet.sum() * np.linalg.inv(W).T
    return dr @ W.T, dW, dr.sum(axis=0)
    ### END SOLUTION


def cv9(logq, ld):
    """The notes print log p_K = log q(z_0) + sum over k = 1..k of log|det df_k^-1 / dz_k|  (CV-9).

    The index shadows its own limit, and a program that follows it adds the last term K times. Find
    the right form: logq (N,) is log q(z_0), ld[i] (N,) the log-det of layer i's inverse, i < K.
    Return log p_K (N,).
    """
    ### BEGIN SOLUTION
    return logq + ld.sum(axis=0)
    ### END SOLUTION


def cv9_counterexample():
    """Prove it: return logq (N,) and ld (K, N) where K times the last term is wrong."""
    ### BEGIN SOLUTION
    return np.zeros(1), np.array([[1.0], [0.0]])
    ### END SOLUTION
