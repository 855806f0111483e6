"""The Gaussian discretised to K levels, stable in the tails."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from minigen.core.contract import Cache, Grads, Layer
from minigen.core.numeric import LOG_2PI
from minigen.core.signature import Size, checked

ROOT_2 = 2**0.5


@checked
def log_ndtr(x: NDArray) -> NDArray:
    """log Phi(x), the logarithm of the normal distribution function, at complex x too.

    Phi(-x) = erfcx(x / sqrt 2) exp(-x^2 / 2) / 2 keeps its digits where Phi itself underflows.

    Parameters
    ----------
    x : array, real or complex

    Returns
    -------
    array of the same shape

    Examples
    --------
    >>> mg.prob.log_ndtr(np.array([0.0, -40.0])).round(3).tolist()
    [-0.693, -804.608]
    """
    negative = np.real(x) < 0
    u = np.where(negative, -x, x) / ROOT_2
    tail = _erfcx(u) / 2
    return np.where(negative, np.log(tail) - u * u, np.log1p(-tail * np.exp(-u * u)))


def log_interval(a: NDArray, b: NDArray) -> NDArray:
    """log(Phi(b) - Phi(a)) for finite a < b, at complex ones too.

    The interval is mirrored to have its middle right of 0. If all of it lies there, the common
    factor exp(-a^2/2) is taken out and only differences remain that do not cancel. If it holds 0
    it is nearly everything, 1 - Phi(a) - Phi(-b), or the sum of two halves.
    """
    left = np.real(a + b) < 0
    low, high = np.where(left, -b, a) / ROOT_2, np.where(left, -a, b) / ROOT_2
    right = np.real(low) >= 0
    near, far = _erfcx(np.where(right, low, -low)), _erfcx(high)
    drop = (high - low) * (high + low)
    gone = np.exp(-drop)
    inside = np.where(right, (near - far) * gone - np.expm1(-drop) * near, 1) / 2
    outside = np.where(right, 0, far * np.exp(-high * high) + near * np.exp(-low * low)) / 2
    halves = np.where(right, 1, scipy.special.erf(high) + scipy.special.erf(-low)) / 2
    middle = np.where(np.real(outside) < 0.5, np.log1p(-outside), np.log(halves))
    return np.where(right, np.log(inside) - low * low, middle)


def _erfcx(x: NDArray) -> Any:
    """exp(x^2) (1 - erf(x))."""
    return scipy.special.erfcx(x)


@dataclass(frozen=True, eq=False, repr=False)
class DiscretisedGaussian(Layer):
    """log P(x) of integers 0..K-1 laid on the grid -1..1 (Ho, Jain & Abbeel 2020, eq. 13).

        P(x) = Phi((x + h - mu) / sigma) - Phi((x - h - mu) / sigma),  h = 1 / (K - 1)

    The first bin reaches to -inf and the last to +inf, so that the K of them sum to one. Other
    codes approximate Phi by a tanh and floor the difference; this is exact, with a gradient
    however far away x is. Shapes: x, mu, logvar (N, D), x on the grid -> logp (N,).

    Parameters
    ----------
    levels : K

    Examples
    --------
    >>> grid, zero = np.linspace(-1, 1, 5)[:, None], np.zeros((5, 1))
    >>> logp, cache = mg.prob.DiscretisedGaussian(5).forward(grid, zero, zero)
    >>> print(np.exp(logp).sum().round(12))
    1.0
    """

    levels: Size

    def forward(self, x: NDArray, mu: NDArray, logvar: NDArray) -> tuple[NDArray, Cache]:
        h, sigma = 1 / (self.levels - 1), np.exp(logvar / 2)
        a, b = (x - h - mu) / sigma, (x + h - mu) / sigma
        first, last = np.real(x) < h - 1, np.real(x) > 1 - h
        inner = log_interval(a, b)
        logp = np.where(first, log_ndtr(b), np.where(last, log_ndtr(-a), inner))
        return logp.sum(axis=1), (a, b, sigma, first, last, logp)

    def backward(self, dlogp: NDArray, cache: Cache) -> tuple[NDArray, NDArray, NDArray, Grads]:
        a, b, sigma, first, last, logp = cache
        at_a = np.where(first, 0, np.exp(-a * a / 2 - LOG_2PI / 2 - logp))  # density / P
        at_b = np.where(last, 0, np.exp(-b * b / 2 - LOG_2PI / 2 - logp))
        d = (b - a) * (b + a) / 2  # density(b) = density(a) exp(-d)
        fall = np.expm1(-np.absolute(d))
        inner = np.where(d > 0, at_a * fall, -at_b * fall)
        rise = np.where(np.logical_or(first, last), at_b - at_a, inner)
        dx = dlogp[:, None] * rise / sigma
        dlogvar = -dlogp[:, None] * ((b - a) * at_b + a * rise) / 2
        return dx, -dx, dlogvar, {}
