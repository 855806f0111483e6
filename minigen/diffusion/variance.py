"""The variance of the reverse process p(x_{t-1} | x_t): fixed, or from the network."""

import functools

import numpy as np

from minigen.core.numeric import sigmoid
from minigen.diffusion.forward import tables

FIXED = ("beta", "beta_tilde")
LEARNED = ("learned", "free")
REACH = 6.0  # a free log-variance stays within +-6 of log beta_t


def bounds(schedule, first, t):
    """log beta_tilde_t and log beta_t at t (N,), each (N, 1); at t = 1 both are log first.

    At t = 1 beta_tilde is 0 and L_0 would be infinite: the variance of the decoder p(x_0 | x_1) is
    a parameter of its own, `first` (S-DIF-t1).
    """
    return tuple(c[t] for c in bounds_table(schedule, first))


@functools.lru_cache(maxsize=64)
def bounds_table(schedule, first):
    """The bounds of t = 0..T, each (T+1, 1), worked out once; nothing varies at t = 0."""
    t = np.arange(schedule.T + 1)
    pair = tables(schedule, t, "beta_tilde", "beta")
    with np.errstate(divide="ignore"):
        return tuple(np.log(np.where(t == 1, first, v))[:, None] for v in pair)


def log_variance(kind, low, high, raw):
    """log sigma^2 and its derivative in raw; low, high (N, 1), raw (N, D), or None if fixed.

        beta, beta_tilde    the upper or the lower bound
        learned             v log beta_t + (1 - v) log beta_tilde_t, v = sigmoid(raw)   ELBO-15b
        free                log beta_t + 6 tanh(raw / 6)

    The interpolation is Nichol & Dhariwal's (2021), with v kept in (0, 1).
    """
    if kind == "beta":
        return high, None
    if kind == "beta_tilde":
        return low, None
    if kind == "learned":
        v = sigmoid(raw)
        return low + v * (high - low), (high - low) * v * (1 - v)
    bent = np.tanh(raw / REACH)
    return high + REACH * bent, 1 - bent * bent
