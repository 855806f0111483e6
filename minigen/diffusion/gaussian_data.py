"""Gaussian data: every term of the bound in closed form, for each x_0."""

from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.numeric import LOG_2PI
from minigen.core.signature import Positive, checked
from minigen.diffusion.schedule import Schedule
from minigen.prob.kl import gaussian_kl


@checked
def gaussian_bound(
    schedule: Schedule, mean: Annotated[ArrayLike, "D"], covariance: Annotated[ArrayLike, "D D"],
    x0: Annotated[ArrayLike, "N D"], *, variance: str = "exact", first: Positive | None = None,
) -> NDArray:  # fmt: skip
    """Every term of the bound for data N(mean, covariance) and the ideal reverse mean, exactly.

    The expectation over x_t is taken in closed form, for each x_0. Along an eigenvector of the
    covariance with eigenvalue s, V_t = A_t s + 1 - A_t, and
        E[x_{t-1} | x_t] = sqrt(A_{t-1}) m + sqrt(alpha_t) V_{t-1} / V_t (x_t - sqrt(A_t) m)
        Var[x_{t-1} | x_t] = beta_t V_{t-1} / V_t
        mu_tilde - E[x_{t-1} | x_t] = beta_t sqrt(A_{t-1}) / V_t (d - sqrt(A_t / (1 - A_t)) s eps)
    with d = x_0 - m.

    Parameters
    ----------
    schedule : of T steps
    mean, covariance : (D,) and (D, D)
    x0 : (N, D)
    variance : "exact", with p(x_{t-1} | x_t) the true conditional and the prior p(x_T) = q(x_T):
        then the row's sum is -log N(x_0; mean, covariance) to the last digit. "beta" or
        "beta_tilde": the usual fixed variances, and the prior N(0, I)
    first : the variance at t = 1 of "beta" and "beta_tilde"; by default beta_1

    Returns
    -------
    (N, T+1)
        The columns are L_0..L_T, in nats.

    Examples
    --------
    >>> schedule = mg.diffusion.linear_schedule(10)
    >>> L = mg.diffusion.gaussian_bound(schedule, [0.0], [[1.0]], [[0.5]])
    >>> L.shape, round(float(L.sum()), 4)  # -log N(0.5; 0, 1)
    ((1, 11), 1.0439)
    """
    validate.choice("variance", variance, ("exact", "beta", "beta_tilde"))
    s, vectors = np.linalg.eigh(validate.semidefinite("covariance", covariance))
    x0 = np.asarray(x0)
    d, A, rest = (x0 - np.asarray(mean)) @ vectors, schedule.alpha_bar, schedule.one_minus_alpha_bar
    V = A[:, None] * s + rest[:, None]  # (T+1, D)
    L = [_term(schedule, t, s, d, V, variance, first) for t in range(1, schedule.T + 1)]
    A, rest = A[-1], rest[-1]
    if variance == "exact":
        last = _kl(A * s / rest, A * d**2 / V[-1])
    else:
        last = _kl(A / rest, A * (x0 @ vectors) ** 2)
    return np.stack([*L, last], axis=1)


def _term(
    schedule: Schedule, t: int, s: NDArray, d: NDArray, V: NDArray, variance: str,
    first: Positive | None,
) -> NDArray:  # fmt: skip
    """L_{t-1} of `gaussian_bound`, (N,)."""
    beta, A, rest = schedule.beta[t], schedule.alpha_bar, schedule.one_minus_alpha_bar
    square = (beta * np.sqrt(A[t - 1]) / V[t]) ** 2 * (d**2 + A[t] / rest[t] * s**2)
    if variance == "exact":
        sigma2 = beta * V[t - 1] / V[t]
    else:
        table = schedule.beta if variance == "beta" else schedule.beta_tilde
        sigma2 = (first or beta) if t == 1 else table[t]
    if t == 1:
        return (LOG_2PI + np.log(sigma2) + square / sigma2).sum(axis=1) / 2  # ELBO-16
    wider = {"exact": beta * s * A[t - 1] / V[t], "beta": beta * A[t - 1], "beta_tilde": 0.0}
    return _kl(wider[variance] / rest[t - 1], square / sigma2)  # ELBO-17


def _kl(u: NDArray, square: NDArray) -> NDArray:
    """KL(N(0, v) || N(e, (1 + u) v)) with square = e^2 / ((1 + u) v), summed over D: (N,)."""
    return gaussian_kl(-u / (1 + u), -np.log1p(u), square)  # S-KL
