"""From densities to likelihoods of whole numbers: dequantisation and bits per dimension."""

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


def bits_per_dim(nll, features):
    """Nats per row (a number, or an array of them) as bits per dimension: nll / (D log 2)."""
    return nll / (validate.integer("features", features, 1) * np.log(2))
