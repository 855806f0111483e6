"""A table that lost its digits.

where: A habit of many diffusion codes: tables as float32 tensors, and 1 - alpha_bar by subtraction.
    improved-diffusion keeps them in float64 for this reason.
what: At small t, A_t is 1 - 1e-4: of float32's seven digits the subtraction leaves three.
effect: Every early weight is off in the fourth digit, and the bound, whose early terms are divided
    by these numbers, with it. Nothing in a picture shows it; no identity of the notes can be tested
    beyond three digits any more.
check: the linear-Gaussian identity: with the exact reverse the terms sum to -log p(x_0).
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from minigen.derivations.museum.exhibit import Exhibit, Finding
from minigen.diffusion import Schedule, gaussian_bound, linear_schedule
from minigen.prob import Gaussian


def right(beta: NDArray) -> NDArray:
    """1 - A_t = -expm1(sum of log1p(-beta)): no subtraction, in double precision."""
    return -np.expm1(np.cumsum(np.log1p(-beta)))


def wrong(beta: NDArray) -> NDArray:
    """1 - cumprod(1 - beta) in float32."""
    return 1 - np.cumprod(1 - beta.astype(np.float32))


def schedule(beta: NDArray, rest: NDArray) -> Schedule:
    """A Schedule that takes its 1 - A_t from `rest` (T,)."""
    rest = np.append(0.0, rest.astype(np.float64))
    beta = np.append(0.0, beta)
    tilde = np.append(0.0, beta[1:] * rest[:-1] / rest[1:])
    return Schedule(beta, 1 - beta, 1 - rest, rest, tilde)


def identity(rest_of: Callable[[NDArray], NDArray], beta: NDArray) -> float:
    """|L_0 + ... + L_T + log p(x_0)| for Gaussian data and the exact reverse: it should be 0."""
    mean, covariance = np.array([0.5, -1.0]), np.array([[1e-4, 0.0], [0.0, 0.5]])
    x0 = np.array([[0.5, -0.3]])
    L = gaussian_bound(schedule(beta, rest_of(beta)), mean, covariance, x0)
    truth = Gaussian.from_moments(mean, covariance).forward(x0)[0]
    return float(np.abs(L.sum(axis=1) + truth)[0])


def measure(rng: np.random.Generator) -> Finding:
    T = 1000
    beta = linear_schedule(T).beta[1:]
    logs = np.log1p(-beta)
    exact = np.array([-math.expm1(math.fsum(logs[:t])) for t in range(1, T + 1)])
    good, error = (np.abs(f(beta) - exact) / exact for f in (right, wrong))
    figures = (
        ("largest relative error of 1 - A_t", float(good.max()), float(error.max())),
        ("the bound minus -log p(x_0), nats", identity(right, beta), identity(wrong, beta)),
    )
    seen = f"the linear-Gaussian identity is {figures[1][2]:.1e} nats off, where 1e-12 is possible"
    curves = {"t": np.arange(1, T + 1), "relative error of 1 - A_t": error}
    return Finding(figures, seen, ("samples and their pictures", "a test with rtol = 1e-3"), curves)


EXHIBIT = Exhibit.of(measure, right, wrong)
