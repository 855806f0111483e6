"""The posterior q(x_{t-1} | x_t, x_0) in each form of the notes, DIF-13 to DIF-23."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minigen.core.contract import Cache, Grads, Layer
from minigen.core.tree import const
from minigen.diffusion import MarginalDensity, PosteriorMean, Schedule, StepDensity


@dataclass(frozen=True, eq=False, repr=False)
class PosteriorMeanFromNoise(Layer):
    """The posterior mean, with x_0 written by the total noise of DIF-19.

        mu_tilde = 1 / sqrt(alpha_t) (x_t - beta_t / sqrt(1 - A_t) eps)    DIF-22, DIF-23

    Shapes: xt (N, D), eps (N, D), given t (N,) -> (N, D).
    """

    schedule: Schedule = const()

    def forward(self, xt: NDArray, eps: NDArray, *, t: NDArray) -> tuple[NDArray, Cache]:
        s = self.schedule
        alpha, beta, rest = s.alpha[t], s.beta[t], s.one_minus_alpha_bar[t]
        c_t, c_eps = 1 / np.sqrt(alpha), beta / np.sqrt(alpha * rest)
        c_t, c_eps = (c.astype(xt.dtype)[:, None] for c in (c_t, c_eps))
        return c_t * xt - c_eps * eps, (c_t, c_eps)  # DIF-23

    def backward(self, dmu: NDArray, cache: Cache) -> tuple[NDArray, NDArray, Grads]:
        c_t, c_eps = cache
        return c_t * dmu, -c_eps * dmu, {}  # DIF-23


def log_bayes(schedule: Schedule, x: NDArray, xt: NDArray, x0: NDArray, t: NDArray) -> NDArray:
    """log q(x_{t-1} | x_t, x_0) by the rule of Bayes, DIF-13 and DIF-14.

        log [q(x_{t-1} | x_0) q(x_t | x_{t-1}) / q(x_t | x_0)]

    Parameters
    ----------
    schedule : Schedule
        The tables of the forward process.
    x : array (N, D)
        x_{t-1}.
    xt, x0 : arrays (N, D)
        x_t and x_0.
    t : array (N,)
        The time of each row, 2..T.

    Returns
    -------
    array (N,)

    Examples
    --------
    >>> schedule, t = mg.diffusion.linear_schedule(10), np.array([2, 5, 9])
    >>> x, xt, x0 = rng.standard_normal((3, 3, 2))
    >>> mg.derivations.log_bayes(schedule, x, xt, x0, t).shape
    (3,)
    """
    A, rest = schedule.alpha_bar, schedule.one_minus_alpha_bar
    prior, _ = MarginalDensity().forward(x, x0, A[t - 1], rest[t - 1])
    step, _ = StepDensity().forward(xt, x, schedule.beta[t])
    evidence, _ = MarginalDensity().forward(xt, x0, A[t], rest[t])
    return prior + step - evidence


def quadratic(schedule: Schedule, xt: NDArray, x0: NDArray, t: NDArray) -> tuple[NDArray, NDArray]:
    """(a, b) of the exponent a |x_{t-1}|^2 - 2 x_{t-1}.b + const.

    DIF-16, whose linear term is missing in the notes, and DIF-17, which is that term.

    Parameters
    ----------
    schedule : Schedule
        The tables of the forward process.
    xt, x0 : arrays (N, D)
        x_t and x_0.
    t : array (N,)
        The time of each row, 2..T.

    Returns
    -------
    a (N, 1), b (N, D)

    Examples
    --------
    >>> schedule, t = mg.diffusion.linear_schedule(10), np.array([2, 5, 9])
    >>> x, xt, x0 = rng.standard_normal((3, 3, 2))
    >>> a, b = mg.derivations.quadratic(schedule, xt, x0, t)
    >>> bool(np.allclose(1 / a[:, 0], schedule.beta_tilde[t]))
    True
    """
    alpha, beta = schedule.alpha[t], schedule.beta[t]
    A, rest = schedule.alpha_bar[t - 1], schedule.one_minus_alpha_bar[t - 1]
    a = 1 / rest + alpha / beta
    b = (np.sqrt(A) / rest)[:, None] * x0 + (np.sqrt(alpha) / beta)[:, None] * xt
    return a[:, None], b


def variance_forms(schedule: Schedule, t: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """The three forms of beta_tilde_t in DIF-18.

    Parameters
    ----------
    schedule : Schedule
        The tables of the forward process.
    t : array (N,)
        Times, 2..T.

    Returns
    -------
    three arrays (N,)

    Examples
    --------
    >>> first, second, third = mg.derivations.variance_forms(
    ...     mg.diffusion.linear_schedule(10), np.arange(2, 11)
    ... )
    >>> bool(np.allclose(first, second) and np.allclose(second, third))
    True
    """
    beta, alpha, rest = schedule.beta[t], schedule.alpha[t], schedule.one_minus_alpha_bar[t]
    A, before = schedule.alpha_bar[t - 1], schedule.one_minus_alpha_bar[t - 1]
    return (
        1 / (1 / before + alpha / beta),
        beta * before / (beta + alpha - alpha * A),
        beta * before / rest,
    )


def mean_forms(schedule: Schedule, xt: NDArray, x0: NDArray, t: NDArray) -> dict[str, NDArray]:
    """mu_tilde, the mean of q(x_{t-1} | x_t, x_0), by DIF-17 and DIF-20 to DIF-23 as corrected.

    The noise is that of DIF-19: eps = (x_t - sqrt(A_t) x_0) / sqrt(1 - A_t).

    Parameters
    ----------
    schedule : Schedule
        The tables of the forward process.
    xt, x0 : arrays (N, D)
        x_t and x_0.
    t : array (N,)
        The time of each row, 2..T.

    Returns
    -------
    dict of arrays (N, D), by the id of the equation

    Examples
    --------
    >>> schedule, t = mg.diffusion.linear_schedule(10), np.array([2, 5, 9])
    >>> x, xt, x0 = rng.standard_normal((3, 3, 2))
    >>> sorted(mg.derivations.mean_forms(schedule, xt, x0, t))
    ['DIF-17', 'DIF-20', 'DIF-21', 'DIF-22', 'DIF-23']
    """
    s = schedule
    beta, alpha, A, rest = (
        table[t][:, None] for table in (s.beta, s.alpha, s.alpha_bar, s.one_minus_alpha_bar)
    )
    a, b = quadratic(schedule, xt, x0, t)
    k_t, k_0 = (k[t][:, None] for k in PosteriorMean(schedule).weights)
    eps = (xt - np.sqrt(A) * x0) / np.sqrt(rest)  # DIF-19
    by_noise = beta / np.sqrt(alpha * rest) * eps
    return {
        "DIF-17": b / a,
        "DIF-20": k_t * xt + k_0 * x0,
        "DIF-21": k_t * xt + k_0 * (xt - np.sqrt(rest) * eps) / np.sqrt(A),
        "DIF-22": (alpha - A + 1 - alpha) / (np.sqrt(alpha) * rest) * xt - by_noise,
        "DIF-23": xt / np.sqrt(alpha) - by_noise,
    }
