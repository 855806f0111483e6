"""Optimisers: they write into one flat vector of parameters, in place."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from minigen.core.signature import NonNegative, Positive, Share, fields
from minigen.kernels import optimizers as kernels


@dataclass(eq=False)
class Adam:
    """Adam (Kingma & Ba 2015), with decoupled weight decay (Loshchilov & Hutter 2019).

    m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2
    theta <- theta - lr (m / (1 - b1^k)) / (sqrt(v / (1 - b2^k)) + eps) - lr decay theta

    Parameters
    ----------
    lr : the learning rate
    b1, b2 : decay of the moments
    eps : keeps the division finite
    weight_decay : decay

    Examples
    --------
    >>> theta, adam = np.ones(2), mg.training.Adam(lr=0.1)
    >>> adam.start(theta)
    >>> adam.step(theta, np.array([1.0, -5.0]))
    >>> theta.round(3)
    array([0.9, 1.1])
    """

    lr: NonNegative = 1e-3
    b1: Share = 0.9
    b2: Share = 0.999
    eps: Positive = 1e-8
    weight_decay: NonNegative = 0.0

    kept: ClassVar = ("k", "m", "v")
    theta: NDArray | None = field(default=None, init=False, repr=False)  # what it moves

    __post_init__ = fields

    def start(self, theta: NDArray) -> None:
        """Fresh moments for the vector `theta`; of one it has moved before, they go on."""
        if self.theta is not theta:
            self.theta = theta
            self.k, self.m, self.v = 0, np.zeros_like(theta), np.zeros_like(theta)

    def step(self, theta: NDArray, g: NDArray, factor: float = 1.0) -> None:
        """One update of `theta` by the gradient g, at the learning rate lr * factor."""
        self.k += 1
        f, lr = theta.dtype.type, self.lr * factor
        root = np.sqrt(1 - self.b2**self.k)
        size, eps = lr * root / (1 - self.b1**self.k), self.eps * root
        shrink(theta, lr * self.weight_decay)
        kernels.adam(theta, g, self.m, self.v, f(1 - self.b1), f(1 - self.b2), f(size), f(eps))


@dataclass(eq=False)
class SGD:
    """Stochastic gradient descent with momentum (Polyak 1964).

    m <- b1 m + g,   theta <- theta - lr m - lr decay theta

    Parameters
    ----------
    lr : the learning rate
    b1 : decay of the momentum; 0 for plain descent
    weight_decay : decay

    Examples
    --------
    >>> theta, sgd = np.ones(1), mg.training.SGD(lr=0.1, b1=0.0)
    >>> sgd.start(theta)
    >>> sgd.step(theta, np.array([2.0]))
    >>> theta
    array([0.8])
    """

    lr: NonNegative = 1e-2
    b1: Share = 0.9
    weight_decay: NonNegative = 0.0

    kept: ClassVar = ("m",)
    theta: NDArray | None = field(default=None, init=False, repr=False)  # what it moves

    __post_init__ = fields

    def start(self, theta: NDArray) -> None:
        """Fresh momentum for the vector `theta`; of one it has moved before, it goes on."""
        if self.theta is not theta:
            self.theta, self.m = theta, np.zeros_like(theta)

    def step(self, theta: NDArray, g: NDArray, factor: float = 1.0) -> None:
        """One update of `theta` by the gradient g, at the learning rate lr * factor."""
        f, lr = theta.dtype.type, self.lr * factor
        shrink(theta, lr * self.weight_decay)
        self.m *= f(self.b1)
        self.m += g
        theta -= f(lr) * self.m


def shrink(theta: NDArray, amount: float) -> None:
    """Shrink the parameters by the fraction `amount`."""
    if amount:
        theta *= theta.dtype.type(1 - amount)


def constant(progress: float) -> float:
    """The same learning rate throughout."""
    return 1.0


def cosine(progress: float) -> float:
    """From the full learning rate to none, along half a cosine."""
    return 0.5 * (1 + np.cos(np.pi * progress))


def linear(progress: float) -> float:
    """From the full learning rate to none, along a line."""
    return 1 - progress


SCHEDULES = {"constant": constant, "cosine": cosine, "linear": linear}
