"""Solvers of the probability-flow ODE with few steps: Euler, Heun and DPM-Solver++.

The ODE is the same on every path from data to noise. With r = noise / signal,

    x = signal x_0 + noise eps,  signal^2 + noise^2 = 1      the path of DIF-11
    y = (1 - s) x_0 + s eps,  s = r / (1 + r)                the straight path of flow matching
    y = x / (signal + noise)                                 one is the other, in another scale

    dy/ds = eps - x_0 = velocity                             (Lipman et al. 2023)

Euler and Heun take even steps of s; DPM-Solver++ (Lu et al. 2022) takes even steps of
lambda = -log r and integrates the linear part exactly. From the first time of the schedule to the
data all of them take x_0 as the network predicts it. None adds noise: an ODE has none, and noise
that is added without a drift that balances it changes the distribution.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.blocks import in_blocks
from minigen.diffusion.predict import REAL, coefficients_at
from minigen.diffusion.reverse import ReverseProcess

SOLVERS = ("euler", "heun", "dpm++2m", "dpm++3m")
Predict = Callable[[NDArray, float, str], NDArray]


def predictor(reverse: ReverseProcess, label: NDArray | None = None) -> Predict:
    """A function (x, r, kind) -> the prediction of that kind at the real time where r is r(t)."""
    validate.choice("predict", reverse.predict, REAL)

    def predict(x: NDArray, r: float, kind: str) -> NDArray:
        t = np.atleast_1d(reverse.schedule.time(r))
        (out,) = in_blocks(lambda x, k: reverse.prediction(x, t, k)[:1], (x, label))
        p, q = coefficients_at(r, reverse.predict, kind)
        return (p * x + q * out).astype(x.dtype, copy=False)

    return predict


def ratios(reverse: ReverseProcess, steps: int, solver: str) -> NDArray:
    """r at the ends of the steps, from t = T to t = 1: even in s, or even in log r."""
    last, first = np.exp(reverse.schedule.log_ratios[[-1, 1]])
    if solver.startswith("dpm"):
        return np.geomspace(last, first, steps + 1)
    s = np.linspace(last / (1 + last), first / (1 + first), steps + 1)
    return s / (1 - s)


def solve(
    reverse: ReverseProcess, x: NDArray, *, solver: str, steps: int, label: NDArray | None = None
) -> Iterator[tuple[float, NDArray]]:
    """(t, x_t) after each step, the last of them at t = 0; x (N, D) at t = T."""
    predict, r = predictor(reverse, label), ratios(reverse, steps, solver)
    state = x
    for now, state in STEPS[solver](predict, x, r):
        yield float(reverse.schedule.time(now)), state
    yield 0.0, predict(state, r[-1], "x0")


def heun(predict: Predict, x: NDArray, r: NDArray, order: int = 2) -> Iterator:
    """The trapezoidal rule on the straight path; of order 1 it is Euler's step.

    y' = y + (s' - s) u(y, s),  and once more with the mean of u(y, s) and u(y', s')
    """
    for a, b in pairwise(r):
        y, h = x / scale(a), b / (1 + b) - a / (1 + a)
        u = predict(x, a, "velocity")
        x = ((y + h * u) * scale(b)).astype(x.dtype, copy=False)
        if order == 2:
            u = (u + predict(x, b, "velocity")) / 2
            x = ((y + h * u) * scale(b)).astype(x.dtype, copy=False)
        yield b, x


def dpm(predict: Predict, x: NDArray, r: NDArray, order: int) -> Iterator:
    """DPM-Solver++, multistep, on the prediction of x_0 (Lu et al. 2022, algorithm 2; order 3).

        x' = noise'/noise x + signal' int_0^h e^(u - h) D(u) du,   h = lambda' - lambda

    D is the polynomial through the last `order` predictions; until there are as many, a step is
    Heun's, whose error does not lower the order.
    """
    known: list[tuple[float, NDArray]] = []  # (lambda, x_0), the latest first
    for a, b in pairwise(r):
        known = [(-np.log(a), predict(x, a, "x0")), *known[: order - 1]]
        if len(known) < order:
            ((_, x),) = heun(predict, x, np.array([a, b]))
        else:
            h, ends = np.log(a / b), [x0 for _, x0 in known]
            back = [known[0][0] - at for at, _ in known]  # how long ago each was predicted
            weights = exponential_weights(h, back)
            x = noise(b) / noise(a) * x + signal(b) * sum(
                w * x0 for w, x0 in zip(weights, ends, strict=True)
            )
            x = x.astype(ends[0].dtype, copy=False)
        yield b, x


def exponential_weights(h: float, back: list[float]) -> NDArray:
    """w_k with int_0^h e^(u - h) D(u) du = sum_k w_k D(-back_k) for each polynomial D."""
    n = len(back)
    moments = [-np.expm1(-h)]  # of u^k: int_0^h u^k e^(u - h) du, by parts
    for k in range(1, n):
        moments.append(h**k - k * moments[-1])
    powers = np.array([[(-b) ** k for b in back] for k in range(n)])
    return np.linalg.solve(powers, np.array(moments))


def signal(r: float) -> float:
    return 1 / np.hypot(1, r)


def noise(r: float) -> float:
    return r / np.hypot(1, r)


def scale(r: float) -> float:
    """signal + noise: x is as many times as large as y."""
    return (1 + r) / np.hypot(1, r)


STEPS: dict[str, Callable[[Predict, NDArray, NDArray], Iterator]] = {
    "euler": lambda predict, x, r: heun(predict, x, r, order=1),
    "heun": heun,
    "dpm++2m": lambda predict, x, r: dpm(predict, x, r, 2),
    "dpm++3m": lambda predict, x, r: dpm(predict, x, r, 3),
}
