"""The variance of the reverse process p(x_{t-1} | x_t): fixed, or from the network."""

import numpy as np
from numpy.typing import NDArray

from minigen.core.numeric import sigmoid

FIXED = ("beta", "beta_tilde")
LEARNED = ("learned", "free")
REACH = 6.0  # a free log-variance stays within +-6 of log beta_t


def log_variance(
    kind: str, low: NDArray, high: NDArray, raw: NDArray | None
) -> tuple[NDArray, NDArray | None]:
    """log sigma^2, and its derivative in raw if it is learned.

        beta, beta_tilde    the upper or the lower bound
        learned             v log beta_t + (1 - v) log beta_tilde_t, v = sigmoid(raw)   ELBO-15b
        free                log beta_t + 6 tanh(raw / 6)

    The interpolation is Nichol & Dhariwal's (2021), with v kept in (0, 1). low, high (N, 1) are
    log beta_tilde_t and log beta_t; raw (N, D), or None if the variance is fixed.
    """
    if raw is None:
        return (high if kind == "beta" else low), None
    if kind == "learned":
        v = sigmoid(raw)
        return low + v * (high - low), (high - low) * v * (1 - v)
    bent = np.tanh(raw / REACH)
    return high + REACH * bent, 1 - bent * bent
