"""Dequantisation: from densities to likelihoods of integers."""

import numpy as np

from minigen.core import validate


def whole(name, x, low=-np.inf, high=np.inf):
    """`x` as an array whose values are whole numbers in low..high."""
    x = validate.array(name, x)
    wrong = (np.floor(x) != x) | (x < low) | (x > high)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        span = "" if np.isinf(high) else f" in {low}..{high}"
        raise validate.expected(name, f"whole numbers{span}", f"{x[where]} at index {where}")
    return x


def dequantize(x, rng):
    """Whole numbers k become k + u, u uniform in [0, 1): any shape; float64 from integers.

    A density p of k + u bounds the probability of k (Theis, van den Oord & Bethge 2016):

        log P(k) = log int_[0,1)^D p(k + u) du >= E_u[log p(k + u)]

    so -E[log p] is an upper bound of the discrete code length, with nothing to add; noise narrower
    than one level would make it no bound. floor(k + u) is k, always.
    """
    x = whole("x", x)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    noisy = x + validate.generator(rng).random(x.shape).astype(x.dtype)
    return np.minimum(noisy, np.nextafter(x + 1, x))  # rounding may not reach the next level
