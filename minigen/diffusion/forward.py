"""The forward process: one step, and the jump from x_0 straight to x_t.

The coefficients are inputs like any other, one a row, so that their gradients are here too;
`tables` reads them from a schedule.
"""

from dataclasses import dataclass

import numpy as np

from minigen.core.contract import Layer

LOG_2PI = float(np.log(2 * np.pi))  # a Python float leaves float32 alone


def tables(schedule, t, *names, dtype=np.float64):
    """The rows of a schedule's tables at t (N,), each (N,) and in `dtype`."""
    return tuple(getattr(schedule, name)[t].astype(dtype) for name in names)


@dataclass(frozen=True, eq=False, repr=False)
class Step(Layer):
    """One step of the forward process.

        x_t = sqrt(1 - beta_t) x_{t-1} + sqrt(beta_t) eps_{t-1}         DIF-5

    Shapes: x (N, D), eps (N, D), beta (N,) -> x_t (N, D).
    """

    def forward(self, x, eps, beta):
        keep, add = np.sqrt(1 - beta)[:, None], np.sqrt(beta)[:, None]
        return keep * x + add * eps, (x, eps, keep, add)  # DIF-5

    def backward(self, dy, cache):
        x, eps, keep, add = cache
        dbeta = (dy * (eps / (2 * add) - x / (2 * keep))).sum(axis=1)  # DIF-5
        return keep * dy, add * dy, dbeta, {}


@dataclass(frozen=True, eq=False, repr=False)
class StepDensity(Layer):
    """log q(x_t | x_{t-1}) = log N(x_t; sqrt(1 - beta_t) x_{t-1}, beta_t I)      DIF-1

    Shapes: xt (N, D), x (N, D), beta (N,) -> logq (N,). DIF-2 is their sum over t.
    """

    def forward(self, xt, x, beta):
        keep = np.sqrt(1 - beta)[:, None]
        r = xt - keep * x
        square = (r * r).sum(axis=1)
        logq = -(r.shape[1] * (LOG_2PI + np.log(beta)) + square / beta) / 2  # DIF-1
        return logq, (x, beta, keep, r, square)

    def backward(self, dlogq, cache):
        x, beta, keep, r, square = cache
        dr = -r * (dlogq / beta)[:, None]  # DIF-1
        dbeta = dlogq * (square / beta - r.shape[1]) / (2 * beta)
        dbeta += (dr * x).sum(axis=1) / (2 * keep[:, 0])
        return dr, -keep * dr, dbeta, {}


@dataclass(frozen=True, eq=False, repr=False)
class Marginal(Layer):
    """All steps at once, by DIF-6 to DIF-10: a product of alphas, a sum of variances.

        x_t = sqrt(A_t) x_0 + sqrt(1 - A_t) eps                         DIF-11, DIF-19

    1 - A_t comes as an input of its own, `rest`, because it must not be found by subtraction
    (S-DIF-num); the total derivative with respect to A_t is dA - drest.
    Shapes: x0 (N, D), eps (N, D), A (N,), rest (N,) -> x_t (N, D).
    """

    def forward(self, x0, eps, A, rest):
        signal, noise = np.sqrt(A)[:, None], np.sqrt(rest)[:, None]
        return signal * x0 + noise * eps, (x0, eps, signal, noise)  # DIF-11

    def backward(self, dy, cache):
        x0, eps, signal, noise = cache
        dA = (dy * x0).sum(axis=1) / (2 * signal[:, 0])  # DIF-11
        drest = (dy * eps).sum(axis=1) / (2 * noise[:, 0])
        return signal * dy, noise * dy, dA, drest, {}


@dataclass(frozen=True, eq=False, repr=False)
class MarginalDensity(Layer):
    """log q(x_t | x_0) = log N(x_t; sqrt(A_t) x_0, (1 - A_t) I)                   DIF-12

    The answer to the question mark of DIF-3. The gradient at x_t is the score
    -eps / sqrt(1 - A_t). Shapes: xt (N, D), x0 (N, D), A (N,), rest (N,) -> logq (N,).
    """

    def forward(self, xt, x0, A, rest):
        signal = np.sqrt(A)[:, None]
        r = xt - signal * x0
        square = (r * r).sum(axis=1)
        logq = -(r.shape[1] * (LOG_2PI + np.log(rest)) + square / rest) / 2  # DIF-12
        return logq, (x0, rest, signal, r, square)

    def backward(self, dlogq, cache):
        x0, rest, signal, r, square = cache
        dr = -r * (dlogq / rest)[:, None]  # DIF-12
        dA = -(dr * x0).sum(axis=1) / (2 * signal[:, 0])
        drest = dlogq * (square / rest - r.shape[1]) / (2 * rest)
        return dr, -signal * dr, dA, drest, {}


def diffuse(schedule, x0, eps, t):
    """x_t of DIF-11 for x0 (N, D), eps (N, D) and times t (N,) or (1,)."""
    A, rest = tables(schedule, t, "alpha_bar", "one_minus_alpha_bar", dtype=x0.dtype)
    return Marginal().forward(x0, eps, A, rest)[0]


def trajectory(schedule, x0, *, rng):
    """x_0, x_1, ..., x_T of one walk by DIF-5, for pictures: x0 (N, D) -> (T+1, N, D)."""
    path = [x0]
    for t in range(1, schedule.T + 1):
        (beta,) = tables(schedule, [t], "beta", dtype=x0.dtype)
        eps = rng.standard_normal(x0.shape).astype(x0.dtype)
        path.append(Step().forward(path[-1], eps, beta)[0])
    return np.stack(path)
