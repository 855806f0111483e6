"""Functions of numbers that the variants draw from, complex-clean."""

import numpy as np
from numpy.typing import NDArray

from minigen.core.numeric import sigmoid, softplus

FUNCTION = {
    "tanh": np.tanh,
    "arctan": np.arctan,
    "root": lambda r: r / np.sqrt(1 + r * r),
    "arcsinh": np.arcsinh,
    "softplus": softplus,
    "swish": lambda r: r * sigmoid(r),
    "gauss": lambda r: np.exp(-r * r / 2),
    "sine": np.sin,
}


def standard(rng: np.random.Generator, *shape: int) -> NDArray:
    """Numbers away from 0, of both signs."""
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.2, 1.2, shape)


def alike(*arrays: NDArray, axes: int = 1) -> bool:
    """Whether arrays have one shape, of so many axes."""
    return all(a.shape == arrays[0].shape and a.ndim == axes for a in arrays)
