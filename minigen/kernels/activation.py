"""Activations in one pass over memory; the tanh among them stays in NumPy."""

import numpy as np

from minigen.kernels.jit import kernel


def relu_numpy(x):
    """y = max(x, 0)."""
    return x * (x.real > 0)


@kernel(relu_numpy)
def relu(x):
    y = np.empty(x.shape, x.dtype)
    a, b = x.ravel(), y.ravel()
    zero = x.dtype.type(0)  # a plain 0 would make the loop one of float64
    for i in range(a.size):
        b[i] = zero if a[i] <= zero else a[i]  # a NaN stays a NaN
    return y


def relu_backward_numpy(dy, y):
    """dx = dy [y > 0]."""
    return dy * (y.real > 0)


@kernel(relu_backward_numpy)
def relu_backward(dy, y):
    dx = np.empty(y.shape, dy.dtype)
    a, b, c = dy.ravel(), y.ravel(), dx.ravel()
    zero = dy.dtype.type(0)
    for i in range(a.size):
        c[i] = a[i] if b[i] > zero else zero
    return dx


def silu_numpy(x, g):
    """y = x g, where g holds tanh(x / 2) and becomes (1 + tanh(x / 2)) / 2."""
    g /= 2
    g += 0.5
    return x * g


@kernel(silu_numpy)
def silu(x, g):
    y = np.empty(x.shape, x.dtype)
    a, b, c = x.ravel(), y.ravel(), g.reshape(g.size)
    half = x.dtype.type(0.5)
    for i in range(a.size):
        c[i] = half * c[i] + half
        b[i] = a[i] * c[i]
    return y


def silu_backward_numpy(dy, y, g):
    """dx = dy (g + y (1 - g))."""
    return dy * (g + y * (1 - g))


@kernel(silu_backward_numpy)
def silu_backward(dy, y, g):
    dx = np.empty(y.shape, dy.dtype)
    a, b, c, d = dy.ravel(), y.ravel(), g.ravel(), dx.ravel()
    one = dy.dtype.type(1)
    for i in range(a.size):
        d[i] = a[i] * (c[i] + b[i] * (one - c[i]))
    return dx
