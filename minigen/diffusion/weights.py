"""What the simple loss leaves out: the exact weight and constant of each term of the bound."""

import numpy as np

from minigen.diffusion.forward import LOG_2PI, tables
from minigen.diffusion.predict import coefficients
from minigen.diffusion.variance import bounds, log_variance


def exact_weights(model):
    """(w, C), each (T,), of t = 1..T: the term at t is w_t |target - out|^2 + C_t.

        w_t = q_t^2 / (2 sigma_t^2)                                     S-SIMPLE
        C_t = D/2 (beta_tilde_t / sigma_t^2 - 1 - log(beta_tilde_t / sigma_t^2))
        C_1 = D/2 log(2 pi sigma_1^2)

    where mu = p_t x_t + q_t out; for eps, q_t^2 = beta_t^2 / (alpha_t (1 - A_t)). The variance is
    a fixed one. The square of sigma, not its fourth power, and a sum over D, not a mean.
    """
    t = np.arange(1, model.schedule.T + 1)
    _, q = coefficients(model.schedule, t, model.predict, "mu")
    low, high = bounds(model.schedule, model.first, t)
    logvar = log_variance(model.variance, low, high, None)[0][:, 0]
    (tilde,) = tables(model.schedule, t[1:], "beta_tilde")
    gap = np.log(tilde) - logvar[1:]
    C = np.append(LOG_2PI + logvar[0], np.expm1(gap) - gap)
    return q[:, 0] ** 2 * np.exp(-logvar) / 2, model.features / 2 * C
