"""Dequantisation: from densities to likelihoods of integers."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import checked


@checked
def dequantize(x: ArrayLike, rng: np.random.Generator) -> NDArray:
    """Integers k become k + u, u uniform in [0, 1).

    A density p of k + u bounds the probability of k (Theis, van den Oord & Bethge 2016):

        log P(k) = log int_[0,1)^D p(k + u) du >= E_u[log p(k + u)]

    so -E[log p] is an upper bound of the discrete code length, with nothing to add; noise narrower
    than one level would make it no bound. floor(k + u) is k, always.

    Parameters
    ----------
    x : array of any shape whose values are whole numbers
    rng : numpy Generator

    Returns
    -------
    array of the same shape
        float64 for integers, else of the type of x

    Examples
    --------
    >>> y = mg.prob.dequantize([3, 0, 7], rng)
    >>> y.dtype, np.floor(y).tolist()
    (dtype('float64'), [3.0, 0.0, 7.0])
    """
    x = validate.array("x", x)
    validate.refuse("x", x, np.floor(x) != x, "whole numbers")
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    noisy = x + validate.generator(rng).random(x.shape).astype(x.dtype)
    return np.minimum(noisy, np.nextafter(x + 1, x))  # rounding may not reach the next level
