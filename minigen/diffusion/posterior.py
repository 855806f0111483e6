"""The posterior q(x_{t-1} | x_t, x_0), in each of the forms the notes give it.

Times t (N,) run over 1..T. The layers at the top are what the models use; the functions below
are the lines of the derivation, equal to one another, for the reader and the checks.
"""

from dataclasses import dataclass

import numpy as np

from minigen.core.contract import Layer
from minigen.core.tree import const
from minigen.diffusion.forward import LOG_2PI, MarginalDensity, StepDensity, tables
from minigen.diffusion.schedule import Schedule


def weights(schedule, t):
    """(k_t, k_0), each (N, 1): mu_tilde = k_t x_t + k_0 x_0 (DIF-20)."""
    beta, alpha, rest = tables(schedule, t, "beta", "alpha", "one_minus_alpha_bar")
    A_before, before = tables(schedule, np.asarray(t) - 1, "alpha_bar", "one_minus_alpha_bar")
    k_t, k_0 = np.sqrt(alpha) * before / rest, beta * np.sqrt(A_before) / rest
    return k_t[:, None], k_0[:, None]


def noise_weights(schedule, t):
    """(c_t, c_eps), each (N, 1): mu_tilde = c_t x_t - c_eps eps (DIF-23)."""
    beta, alpha, rest = tables(schedule, t, "beta", "alpha", "one_minus_alpha_bar")
    return 1 / np.sqrt(alpha)[:, None], (beta / np.sqrt(alpha * rest))[:, None]


@dataclass(frozen=True, eq=False, repr=False)
class PosteriorMean(Layer):
    """The mean of q(x_{t-1} | x_t, x_0); at t = 1 it is x_0 itself (S-DIF-t1).

        mu_tilde = sqrt(alpha_t) (1 - A_{t-1}) / (1 - A_t) x_t
                   + beta_t sqrt(A_{t-1}) / (1 - A_t) x_0               DIF-20

    Shapes: xt (N, D), x0 (N, D), given t (N,) -> (N, D).
    """

    schedule: Schedule = const()

    def forward(self, xt, x0, *, t):
        k_t, k_0 = (k.astype(xt.dtype) for k in weights(self.schedule, t))
        return k_t * xt + k_0 * x0, (k_t, k_0)  # DIF-20

    def backward(self, dmu, cache):
        k_t, k_0 = cache
        return k_t * dmu, k_0 * dmu, {}  # DIF-20


@dataclass(frozen=True, eq=False, repr=False)
class PosteriorMeanFromNoise(Layer):
    """The same mean, with x_0 written by the total noise of DIF-19.

        mu_tilde = 1 / sqrt(alpha_t) (x_t - beta_t / sqrt(1 - A_t) eps)    DIF-22, DIF-23

    Shapes: xt (N, D), eps (N, D), given t (N,) -> (N, D).
    """

    schedule: Schedule = const()

    def forward(self, xt, eps, *, t):
        c_t, c_eps = (c.astype(xt.dtype) for c in noise_weights(self.schedule, t))
        return c_t * xt - c_eps * eps, (c_t, c_eps)  # DIF-23

    def backward(self, dmu, cache):
        c_t, c_eps = cache
        return c_t * dmu, -c_eps * dmu, {}  # DIF-23


@dataclass(frozen=True, eq=False, repr=False)
class PosteriorDensity(Layer):
    """log q(x_{t-1} | x_t, x_0) for t = 2..T, a Gaussian about mu_tilde.

        log q = -|x_{t-1} - mu_tilde|^2 / (2 beta_tilde_t) - D/2 log(2 pi beta_tilde_t)   DIF-15

    Shapes: x (N, D), which is x_{t-1}; mu (N, D), which is mu_tilde; given t (N,) -> logq (N,).
    """

    schedule: Schedule = const()

    def forward(self, x, mu, *, t):
        (tilde,) = tables(self.schedule, t, "beta_tilde", dtype=x.dtype)
        r = x - mu
        logq = -((r * r).sum(axis=1) / tilde + r.shape[1] * (LOG_2PI + np.log(tilde))) / 2
        return logq, (r, tilde)  # DIF-15

    def backward(self, dlogq, cache):
        r, tilde = cache
        dx = -r * (dlogq / tilde)[:, None]  # DIF-15
        return dx, -dx, {}


def log_bayes(schedule, x, xt, x0, t):
    """DIF-13 and DIF-14: log [q(x_{t-1}|x_0) q(x_t|x_{t-1}) / q(x_t|x_0)], t = 2..T -> (N,)."""
    names = ("alpha_bar", "one_minus_alpha_bar")
    prior, _ = MarginalDensity().forward(x, x0, *tables(schedule, np.asarray(t) - 1, *names))
    step, _ = StepDensity().forward(xt, x, *tables(schedule, t, "beta"))
    evidence, _ = MarginalDensity().forward(xt, x0, *tables(schedule, t, *names))
    return prior + step - evidence


def quadratic(schedule, xt, x0, t):
    """(a, b) of the exponent a |x_{t-1}|^2 - 2 x_{t-1}.b + ..., for t = 2..T.

    DIF-16, whose linear term the notes lost, and DIF-17, which is that term.
    """
    alpha, beta = tables(schedule, t, "alpha", "beta")
    A, rest = tables(schedule, np.asarray(t) - 1, "alpha_bar", "one_minus_alpha_bar")
    a = 1 / rest + alpha / beta
    b = (np.sqrt(A) / rest)[:, None] * x0 + (np.sqrt(alpha) / beta)[:, None] * xt
    return a[:, None], b


def variance_forms(schedule, t):
    """The three forms of beta_tilde_t in DIF-18, for t = 2..T, each (N,)."""
    beta, alpha, rest = tables(schedule, t, "beta", "alpha", "one_minus_alpha_bar")
    A, before = tables(schedule, np.asarray(t) - 1, "alpha_bar", "one_minus_alpha_bar")
    return (
        1 / (1 / before + alpha / beta),
        beta * before / (beta + alpha - alpha * A),
        beta * before / rest,
    )


def mean_forms(schedule, xt, x0, t):
    """mu_tilde by DIF-17 and DIF-20 to DIF-23 as corrected, for t = 2..T: {id: (N, D)}.

    The noise is that of DIF-19: eps = (x_t - sqrt(A_t) x_0) / sqrt(1 - A_t).
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
