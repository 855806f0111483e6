"""Homework 1: gradients by hand, and how they are checked.

    layer:  r = x @ W + b,   y = $activation                            x (N, D), W (D, M), b (M,)
    twice:  the layer applied to its own output with the SAME W (D, D) and b (D,)
    loss:   e = pred - target,   loss = mean over the N rows of the sum over the columns of $loss

A backward pass takes the gradient by each output and the cache, and returns the gradient by each
input, of the input's shape: dx = dL/dx and so on. A forward pass may run many times before a
backward pass does, so everything that one needs belongs in its cache.
"""

import numpy as np


def layer_forward(x, W, b):
    """Returns y (N, M), cache."""
    ### BEGIN SOLUTION
    y = np.tanh(x @ W + b)
    return y, (x, W, y)
    ### END SOLUTION


def layer_backward(dy, cache):
    """Returns dx, dW, db."""
    ### BEGIN SOLUTION
    x, W, y = cache
    dr = dy * (1 - y**2)
    return dr @ W.T, x.T @ dr, dr.sum(axis=0)
    ### END SOLUTION


def loss_forward(pred, target):
    """Returns loss (a number), cache. pred, target: (N, D)."""
    ### BEGIN SOLUTION
    e = pred - target
    return (e**2).sum() / 2 / len(e), e
    ### END SOLUTION


def loss_backward(dloss, cache):
    """Returns dpred; dloss is a number, and need not be 1."""
    ### BEGIN SOLUTION
    return dloss * cache / len(cache)
    ### END SOLUTION


def twice_forward(x, W, b):
    """Returns y (N, D), cache."""
    ### BEGIN SOLUTION
    h = np.tanh(x @ W + b)
    y = np.tanh(h @ W + b)
    return y, (x, h, y, W)
    ### END SOLUTION


def twice_backward(dy, cache):
    """Returns dx, dW, db: what is used twice has a gradient from each use."""
    ### BEGIN SOLUTION
    x, h, y, W = cache
    dr2 = dy * (1 - y**2)
    dr1 = (dr2 @ W.T) * (1 - h**2)
    return dr1 @ W.T, x.T @ dr1 + h.T @ dr2, dr1.sum(axis=0) + dr2.sum(axis=0)
    ### END SOLUTION


def layer_jvp(x, W, b, ux, uW, ub):
    """The derivative of the layer's y along the direction (ux, uW, ub), of y's shape.

    It checks layer_backward: sum(dy * jvp) = sum(dx * ux) + sum(dW * uW) + sum(db * ub), for
    every dy and every direction. Derive it; no small steps.
    """
    ### BEGIN SOLUTION
    y = np.tanh(x @ W + b)
    return (1 - y**2) * (ux @ W + x @ uW + ub)
    ### END SOLUTION


def extrapolate(coarse, fine):
    """A better derivative from two $kind differences, taken with steps h and h / $ratio.

    The error of each is c h^$order and higher powers, with the same c: combine them so that the
    term with c is gone (Richardson).
    """
    ### BEGIN SOLUTION
    return (4 * fine - coarse) / 3
    ### END SOLUTION


def cv4(q, slope):
    """The notes print the density of y = F(z), z = G(y) with G the inverse of F, as
    p(y) = q(z) * G'(y)  (CV-4, the last form).

    Find the misprint: return the right p(y), (N,), from q = q(z) (N,) and slope = G'(y) (N,).
    """
    ### BEGIN SOLUTION
    return q * np.abs(slope)
    ### END SOLUTION


def cv4_counterexample():
    """Prove it: return q and slope, each (N,), possible for a density, where the print is wrong."""
    ### BEGIN SOLUTION
    return np.array([0.5]), np.array([-1.0])
    ### END SOLUTION
