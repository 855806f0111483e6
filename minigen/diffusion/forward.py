"""The forward process: one step, and the jump from x_0 straight to x_t.

The coefficients are inputs like any other, one a row, so that their gradients are here too.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Grads, Layer
from minigen.core.numeric import LOG_2PI
from minigen.core.signature import checked
from minigen.diffusion.schedule import Schedule
from minigen.prob.gaussian import standard_normal


@dataclass(frozen=True, eq=False, repr=False)
class Step(Layer):
    """One step of the forward process.

        x_t = sqrt(1 - beta_t) x_{t-1} + sqrt(beta_t) eps_{t-1}         DIF-5

    Shapes: x (N, D), eps (N, D), beta (N,) -> x_t (N, D).
    """

    def forward(self, x: NDArray, eps: NDArray, beta: NDArray) -> tuple[NDArray, Cache]:
        keep, add = np.sqrt(1 - beta)[:, None], np.sqrt(beta)[:, None]
        return keep * x + add * eps, (x, eps, keep, add)  # DIF-5

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, NDArray, NDArray, Grads]:
        x, eps, keep, add = cache
        dbeta = (dy * (eps / (2 * add) - x / (2 * keep))).sum(axis=1)  # DIF-5
        return keep * dy, add * dy, dbeta, {}


@dataclass(frozen=True, eq=False, repr=False)
class StepDensity(Layer):
    """log q(x_t | x_{t-1}) = log N(x_t; sqrt(1 - beta_t) x_{t-1}, beta_t I)      DIF-1

    Shapes: xt (N, D), x (N, D), beta (N,) -> logq (N,). DIF-2 is their sum over t.
    """

    def forward(self, xt: NDArray, x: NDArray, beta: NDArray) -> tuple[NDArray, Cache]:
        keep = np.sqrt(1 - beta)[:, None]
        r = xt - keep * x
        square = (r * r).sum(axis=1)
        logq = -(r.shape[1] * (LOG_2PI + np.log(beta)) + square / beta) / 2  # DIF-1
        return logq, (x, beta, keep, r, square)

    def backward(self, dlogq: NDArray, cache: Cache) -> tuple[NDArray, NDArray, NDArray, Grads]:
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

    def forward(
        self, x0: NDArray, eps: NDArray, A: NDArray, rest: NDArray
    ) -> tuple[NDArray, Cache]:
        signal, noise = np.sqrt(A)[:, None], np.sqrt(rest)[:, None]
        return signal * x0 + noise * eps, (x0, eps, signal, noise)  # DIF-11

    def backward(
        self, dy: NDArray, cache: Cache
    ) -> tuple[NDArray, NDArray, NDArray, NDArray, Grads]:
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

    def forward(self, xt: NDArray, x0: NDArray, A: NDArray, rest: NDArray) -> tuple[NDArray, Cache]:
        signal = np.sqrt(A)[:, None]
        r = xt - signal * x0
        square = (r * r).sum(axis=1)
        logq = -(r.shape[1] * (LOG_2PI + np.log(rest)) + square / rest) / 2  # DIF-12
        return logq, (x0, rest, signal, r, square)

    def backward(
        self, dlogq: NDArray, cache: Cache
    ) -> tuple[NDArray, NDArray, NDArray, NDArray, Grads]:
        x0, rest, signal, r, square = cache
        dr = -r * (dlogq / rest)[:, None]  # DIF-12
        dA = -(dr * x0).sum(axis=1) / (2 * signal[:, 0])
        drest = dlogq * (square / rest - r.shape[1]) / (2 * rest)
        return dr, -signal * dr, dA, drest, {}


@checked
def trajectory(schedule: Schedule, x0: ArrayLike, *, rng: np.random.Generator) -> NDArray:
    """x_0, x_1, ..., x_T, one step after the other by DIF-5, for pictures.

    Parameters
    ----------
    schedule : of T steps
    x0 : data, (N, D)
    rng : numpy.random.Generator

    Returns
    -------
    (T+1, N, D)

    Examples
    --------
    >>> mg.diffusion.trajectory(mg.diffusion.linear_schedule(5), np.ones((3, 2)), rng=rng).shape
    (6, 3, 2)
    """
    path, rng = [1.0 * validate.array("x0", x0, ("N", "D"))], validate.generator(rng)
    for t in range(1, schedule.T + 1):
        x = path[-1]
        eps = standard_normal(x.shape, rng=rng).astype(x.dtype)
        path.append(Step().forward(x, eps, schedule.beta[[t]].astype(x.dtype))[0])
    return np.stack(path)
