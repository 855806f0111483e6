"""The posterior q(x_{t-1} | x_t, x_0) in each form of the notes, DIF-13 to DIF-23."""

import numpy as np
from numpy.typing import NDArray

from minigen.diffusion import MarginalDensity, Schedule, StepDensity
from minigen.diffusion.forward import tables
from minigen.diffusion.posterior import weights


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
    names = ("alpha_bar", "one_minus_alpha_bar")
    prior, _ = MarginalDensity().forward(x, x0, *tables(schedule, np.asarray(t) - 1, *names))
    step, _ = StepDensity().forward(xt, x, *tables(schedule, t, "beta"))
    evidence, _ = MarginalDensity().forward(xt, x0, *tables(schedule, t, *names))
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
    alpha, beta = tables(schedule, t, "alpha", "beta")
    A, rest = tables(schedule, np.asarray(t) - 1, "alpha_bar", "one_minus_alpha_bar")
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
    beta, alpha, rest = tables(schedule, t, "beta", "alpha", "one_minus_alpha_bar")
    A, before = tables(schedule, np.asarray(t) - 1, "alpha_bar", "one_minus_alpha_bar")
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
    names = ("beta", "alpha", "alpha_bar", "one_minus_alpha_bar")
    beta, alpha, A, rest = (c[:, None] for c in tables(schedule, t, *names))
    a, b = quadratic(schedule, xt, x0, t)
    k_t, k_0 = weights(schedule, t)
    eps = (xt - np.sqrt(A) * x0) / np.sqrt(rest)  # DIF-19
    by_noise = beta / np.sqrt(alpha * rest) * eps
    return {
        "DIF-17": b / a,
        "DIF-20": k_t * xt + k_0 * x0,
        "DIF-21": k_t * xt + k_0 * (xt - np.sqrt(rest) * eps) / np.sqrt(A),
        "DIF-22": (alpha - A + 1 - alpha) / (np.sqrt(alpha) * rest) * xt - by_noise,
        "DIF-23": xt / np.sqrt(alpha) - by_noise,
    }
