"""Gaussian data: every term of the bound in closed form, for each x_0."""

import numpy as np

from minigen.diffusion.forward import LOG_2PI


def gaussian_bound(schedule, mean, covariance, x0, *, variance="exact", first=None):
    """Every term of the bound for data N(mean, covariance) and the ideal reverse mean, exactly.

    The expectation over x_t is taken in closed form, for each x_0: L (N, T+1), columns L_0..L_T.

    variance: "exact", with p(x_{t-1} | x_t) the true conditional and the prior p(x_T) = q(x_T):
    then the row's sum is -log N(x_0; mean, covariance) to the last digit. "beta" or "beta_tilde":
    the usual fixed variances, `first` at t = 1 (beta_1), and the prior N(0, I).

    Along an eigenvector of the covariance with eigenvalue s, V_t = A_t s + 1 - A_t, and
        E[x_{t-1} | x_t] = sqrt(A_{t-1}) m + sqrt(alpha_t) V_{t-1} / V_t (x_t - sqrt(A_t) m)
        Var[x_{t-1} | x_t] = beta_t V_{t-1} / V_t
        mu_tilde - E[x_{t-1} | x_t] = beta_t sqrt(A_{t-1}) / V_t (d - sqrt(A_t / (1 - A_t)) s eps)
    with d = x_0 - m.
    """
    s, vectors = np.linalg.eigh(covariance)
    d, A, rest = (x0 - mean) @ vectors, schedule.alpha_bar, schedule.one_minus_alpha_bar
    V = A[:, None] * s + rest[:, None]  # (T+1, D)
    L = [gaussian_term(schedule, t, s, d, V, variance, first) for t in range(1, schedule.T + 1)]
    A, rest = A[-1], rest[-1]
    if variance == "exact":
        last = gap(A * s / rest, A * d**2 / V[-1])
    else:
        last = gap(A / rest, A * (x0 @ vectors) ** 2)
    return np.stack([*L, last], axis=1)


def gaussian_term(schedule, t, s, d, V, variance, first):
    """L_{t-1} of `gaussian_bound`, (N,)."""
    beta, A, rest = schedule.beta[t], schedule.alpha_bar, schedule.one_minus_alpha_bar
    square = (beta * np.sqrt(A[t - 1]) / V[t]) ** 2 * (d**2 + A[t] / rest[t] * s**2)
    if variance == "exact":
        sigma2 = beta * V[t - 1] / V[t]
    else:
        sigma2 = (first or beta) if t == 1 else getattr(schedule, variance)[t]
    if t == 1:
        return (LOG_2PI + np.log(sigma2) + square / sigma2).sum(axis=1) / 2  # ELBO-16
    wider = {"exact": beta * s * A[t - 1] / V[t], "beta": beta * A[t - 1], "beta_tilde": 0.0}
    return gap(wider[variance] / rest[t - 1], square / sigma2)  # ELBO-17


def gap(u, square):
    """KL(N(0, v) || N(e, (1 + u) v)) with square = e^2 / ((1 + u) v), summed over D: (N,)."""
    return (np.log1p(u) - u / (1 + u) + square).sum(axis=1) / 2  # S-KL
