"""Homework 3: the affine coupling layer of Real NVP (Dinh et al. 2017; NVP-1 to NVP-8).

A small network of the kept half xa gives a scale s and a shift t for the moved half xb:

    $half
    r = xa @ W1 + b1,    h = $hidden
    (a, t) = the left and the right half of the columns of  h @ W2 + b2
    s = $scale,  with a for r
    $map,    ya = xa
    logdet = $logdet

Shapes: x, y (N, D); W1 (d, H); b1 (H,); W2 (H, 2 * (D - d)); b2 (2 * (D - d),); logdet (N,).
Columns keep their places: y has the kept columns where x has them.
"""

import numpy as np


def coupling_forward(x, W1, b1, W2, b2):
    """The map above. Returns y, logdet, cache; the cache is for you, anything you like."""
    ### BEGIN SOLUTION
    d = len(W1)
    xa, xb = x[:, :d], x[:, d:]
    h = np.tanh(xa @ W1 + b1)
    a, t = np.split(h @ W2 + b2, 2, axis=1)
    s = np.tanh(a)
    y = np.concatenate([xa, xb * np.exp(s) + t], axis=1)
    return y, s.sum(axis=1), (xa, xb, h, s, W1, W2)
    ### END SOLUTION


def coupling_backward(dy, dlogdet, cache):
    """The gradient of a loss L, given dy = dL/dy (N, D) and dlogdet = dL/dlogdet (N,).

    Returns dx, dW1, db1, dW2, db2. Go through your forward pass from its last line to its first;
    s reaches the loss in two ways, xa in two ways as well.
    """
    ### BEGIN SOLUTION
    xa, xb, h, s, W1, W2 = cache
    dya, dyb = dy[:, : len(W1)], dy[:, len(W1) :]
    ds = dyb * xb * np.exp(s) + dlogdet[:, None]
    dr2 = np.concatenate([ds * (1 - s**2), dyb], axis=1)
    dr1 = (dr2 @ W2.T) * (1 - h**2)
    dx = np.concatenate([dya + dr1 @ W1.T, dyb * np.exp(s)], axis=1)
    return dx, xa.T @ dr1, dr1.sum(axis=0), h.T @ dr2, dr2.sum(axis=0)
    ### END SOLUTION


def coupling_inverse(y, W1, b1, W2, b2):
    """The way back: x and the logdet of the inverse map, without a loop over columns."""
    ### BEGIN SOLUTION
    d = len(W1)
    h = np.tanh(y[:, :d] @ W1 + b1)
    a, t = np.split(h @ W2 + b2, 2, axis=1)
    s = np.tanh(a)
    return np.concatenate([y[:, :d], (y[:, d:] - t) * np.exp(-s)], axis=1), -s.sum(axis=1)
    ### END SOLUTION


def nvp6(y2, s, t):
    """The notes print the inverse of y2 = x2 * exp(s) + t as  x2 = (y2 - t) * exp(s)  (NVP-6).

    Find the misprint: return the right x2, (N, M) like y2, s and t.
    """
    ### BEGIN SOLUTION
    return (y2 - t) * np.exp(-s)
    ### END SOLUTION


def nvp6_counterexample():
    """Prove it: return y2, s, t, each (N, M), where the printed form is off by 1 % or more."""
    ### BEGIN SOLUTION
    return np.ones((1, 1)), np.ones((1, 1)), np.zeros((1, 1))
    ### END SOLUTION
