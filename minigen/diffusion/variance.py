"""The variance of the reverse process p(x_{t-1} | x_t): fixed, or from the network."""

import numpy as np
from numpy.typing import NDArray

from minigen.core.numeric import sigmoid
from minigen.diffusion.schedule import Schedule

FIXED = ("beta", "beta_tilde")
LEARNED = ("learned", "free", "share")
REACH = 6.0  # a free log-variance stays within +-6 of log beta_t


def log_variance(
    kind: str, low: NDArray, high: NDArray, raw: NDArray | None
) -> tuple[NDArray, NDArray | None]:
    """log sigma^2, and its derivative in raw if it is learned.

        beta, beta_tilde    the upper or the lower bound
        learned             v log beta_t + (1 - v) log beta_tilde_t, v = sigmoid(raw)   ELBO-15b
        free                log beta_t + 6 tanh(raw / 6)
        share               log(beta_tilde_t + k_t^2 e^raw),  e^raw = Var[eps | x_t]    S-SIGMA

    The interpolation is Nichol & Dhariwal's (2021), with v kept in (0, 1). low, high (N, 1) are
    log beta_tilde_t and log beta_t, of "share" beta_tilde_t and k_t^2 (see `covariance.py`); raw
    (N, D), or None if the variance is fixed.
    """
    if raw is None:
        return (high if kind == "beta" else low), None
    if kind == "share":
        part = high * np.exp(raw)
        return np.log(low + part), part / (low + part)
    if kind == "learned":
        v = sigmoid(raw)
        return low + v * (high - low), (high - low) * v * (1 - v)
    bent = np.tanh(raw / REACH)
    return high + REACH * bent, 1 - bent * bent


def noise_to_mean(schedule: Schedule) -> NDArray:
    """k_t^2 = beta_t^2 / (alpha_t (1 - A_t)), by which the mean depends on eps (DIF-23): (T+1,)."""
    rest = np.append(1.0, schedule.one_minus_alpha_bar[1:])
    return schedule.beta**2 / (schedule.alpha * rest)
