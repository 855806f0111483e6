"""Optimisers: they write into one flat vector of parameters, in place."""

from dataclasses import dataclass

import numpy as np

from minigen.core import validate
from minigen.kernels import optimizers as kernels


@dataclass(eq=False)
class Adam:
    """Adam (Kingma & Ba 2015), with decoupled weight decay (Loshchilov & Hutter 2019).

    m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2
    theta <- theta - lr (m / (1 - b1^k)) / (sqrt(v / (1 - b2^k)) + eps) - lr decay theta
    """

    lr: float = 1e-3
    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self):
        validate.number("lr", self.lr, 0)
        validate.number("weight_decay", self.weight_decay, 0)

    def start(self, theta):
        """Fresh moments for the vector `theta`."""
        self.k, self.m, self.v = 0, np.zeros_like(theta), np.zeros_like(theta)

    def step(self, theta, g, factor=1.0):
        """One update of `theta` by the gradient g, at the learning rate lr * factor.

        g: a vector like theta, or a list of vectors that make it up one after the other.
        """
        self.k += 1
        f, lr = theta.dtype.type, self.lr * factor
        root = np.sqrt(1 - self.b2**self.k)
        size, eps = lr * root / (1 - self.b1**self.k), self.eps * root
        decay(theta, lr * self.weight_decay)
        numbers = f(1 - self.b1), f(1 - self.b2), f(size), f(eps)
        for part, piece in pieces(g):
            kernels.adam(theta[part], piece, self.m[part], self.v[part], *numbers)


@dataclass(eq=False)
class SGD:
    """Stochastic gradient descent with momentum (Polyak 1964).

    m <- b1 m + g,   theta <- theta - lr m - lr decay theta
    """

    lr: float = 1e-2
    b1: float = 0.9
    weight_decay: float = 0.0

    def __post_init__(self):
        validate.number("lr", self.lr, 0)
        validate.number("weight_decay", self.weight_decay, 0)

    def start(self, theta):
        """Fresh momentum for the vector `theta`."""
        self.m = np.zeros_like(theta)

    def step(self, theta, g, factor=1.0):
        """One update of `theta` by the gradient g, as in Adam."""
        f, lr = theta.dtype.type, self.lr * factor
        decay(theta, lr * self.weight_decay)
        for part, piece in pieces(g):
            kernels.momentum(theta[part], piece, self.m[part], f(self.b1), f(lr))


def pieces(g):
    """(slice of theta, its gradient) for each vector of g, or for the one vector that g is."""
    end = 0
    for piece in [g] if isinstance(g, np.ndarray) else g:
        start, end = end, end + len(piece)
        yield slice(start, end), piece


def decay(theta, amount):
    """Shrink the parameters by the fraction `amount`."""
    if amount:
        theta *= theta.dtype.type(1 - amount)


def constant(progress):
    """The same learning rate throughout."""
    return 1.0


def cosine(progress):
    """From the full learning rate to none, along half a cosine."""
    return 0.5 * (1 + np.cos(np.pi * progress))


def linear(progress):
    """From the full learning rate to none, along a line."""
    return 1 - progress


SCHEDULES = {"constant": constant, "cosine": cosine, "linear": linear}
