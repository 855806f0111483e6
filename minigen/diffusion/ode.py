"""The probability-flow ODE: the same marginals without noise, and an exact likelihood.

The solver is a Runge-Kutta method of order 8 on a fixed grid of times, made twice as fine until a
row changes by less than a quarter of the tolerance. So no row's result depends on another row.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853

from minigen.core import validate
from minigen.core.contract import Cache
from minigen.core.numeric import LOG_2PI
from minigen.core.signature import Count, Positive
from minigen.diffusion.predict import REAL, coefficients, coefficients_at
from minigen.diffusion.reverse import ReverseProcess
from minigen.diffusion.schedule import Schedule

FINEST = 8192  # steps
STAGES = DOP853.A[: DOP853.n_stages]


def weights(kind: str, ratio: float) -> tuple[float, float]:
    """(p, q): dx / d log r = p x + q prediction, r = noise / signal.

    x = signal x_0 + noise eps, signal^2 + noise^2 = 1
    dx / d log r = noise eps - noise^2 x = signal^2 x - signal x_0 = signal noise v
    """
    p, q = coefficients_at(ratio, kind, "v")
    slope = ratio / (1 + ratio**2)  # signal noise
    return float(slope * p), float(slope * q)


def velocity(
    reverse: ReverseProcess, x: NDArray, t: float, label: NDArray | None, early: bool
) -> tuple[NDArray, Cache]:
    """dx/dt of the probability-flow ODE (Song et al. 2021), and the cache of `divergence`.

        dx/dt = (d log r / dt) (noise eps - noise^2 x),  r(t) = Schedule.ratio

    early: for t <= 1. There the network has not been trained, and its eps at t = 1 is scaled by
    r / r_1 = t, as it would be if the score did not change.
    """
    schedule, kind = reverse.schedule, reverse.predict
    r, first = float(schedule.ratio(t)), float(schedule.ratio(1))
    signal, noise = 1 / np.hypot(1, r), r / np.hypot(1, r)
    if early:  # d log r / dt = 1 / t, and noise / t = first signal
        p, q = (noise * float(c[1]) for c in coefficients(schedule, kind, "eps"))
        p -= first * signal * noise
    else:
        speed = float(schedule.spline(t, 1))
        p, q = (speed * w for w in weights(kind, r))
    out, net = reverse.prediction(x, np.array([1.0 if early else t]), label)
    return p * x + q * out, (p, q, net)


def divergence(reverse: ReverseProcess, x: NDArray, cache: Cache) -> NDArray:
    """The trace of d velocity / dx, exact: D backward passes; (N,)."""
    p, q, net = cache
    trace = np.full(len(x), p * x.shape[1])
    for d in range(x.shape[1]):
        dout = np.zeros_like(x)
        dout[:, d] = q
        trace += reverse.prediction_backward(dout, net)[0][:, d]
    return trace


def grid(schedule: Schedule, steps: Count) -> NDArray:
    """About `steps` steps over 1..T, half of them spread evenly in t and half in log r.

    A step ends on every whole time, where r has a kink (of the third derivative), or, where there
    are fewer steps than times, on whole times alone.
    """
    knots, log_r = np.arange(1, schedule.T + 1), schedule.log_ratios[1:]
    even = (knots - 1) / (schedule.T - 1) + (log_r - log_r[0]) / (log_r[-1] - log_r[0])
    even *= steps / 2
    ends = np.unique(np.append(np.unique(np.floor(even), return_index=True)[1], len(knots) - 1))
    times = [
        np.linspace(knots[i], knots[j], max(1, round(even[j] - even[i])), endpoint=False)
        for i, j in pairwise(ends)
    ]
    return np.append(np.concatenate(times), schedule.T)


def runge_kutta(rate: Callable[[float, NDArray], NDArray], y: NDArray, times: NDArray) -> NDArray:
    """y at the last of the times, by the method of Dormand & Prince (1981) of order 8."""
    for t, after in pairwise(times):
        h, slopes = after - t, []
        for row, c in zip(STAGES, DOP853.C, strict=False):
            now = y + h * sum((a * k for a, k in zip(row, slopes, strict=False) if a), 0.0)
            slopes.append(rate(t + c * h, now))
        y = y + h * sum((b * k for b, k in zip(DOP853.B, slopes, strict=True) if b), 0.0)
    return y


def solve(
    rate: Callable[[float, NDArray, NDArray, bool], NDArray], y: NDArray,
    result: Callable[[NDArray], NDArray], schedule: Schedule, backwards: bool,
    settled: Callable[[NDArray, NDArray], NDArray],
) -> NDArray:  # fmt: skip
    """result(y) (N, k) after dy/dt = rate(t, y, rows, early) over 0..T, or backwards.

    The number of steps doubles until settled(finer, coarser) (N,) says that a row is done; the
    others go on.
    """

    def carried(rows: NDArray, steps: Count) -> NDArray:
        parts = [(True, np.linspace(0, 1, steps // 8 + 1))]
        if schedule.T > 1:
            parts.append((False, grid(schedule, steps)))
        state = y[rows]
        for early, times in parts[::-1] if backwards else parts:
            path = times[::-1] if backwards else times
            state = runge_kutta(lambda t, z, early=early: rate(t, z, rows, early), state, path)
        return result(state)

    rows, steps = np.arange(len(y)), max(8, schedule.T // 8)  # a network may change within 8 times
    with np.errstate(all="ignore"):  # coarse steps may overflow
        found = carried(rows, steps)
        while len(rows):
            steps *= 2
            if steps > FINEST:
                raise FloatingPointError(
                    f"probability-flow ODE: row {rows[0]} is not within the tolerance after "
                    f"{FINEST} steps; a larger tolerance may do"
                )
            finer = carried(rows, steps)
            done = settled(finer, found[rows])
            found[rows] = finer
            rows = rows[~done]
    return found


def sample(
    reverse: ReverseProcess, x: NDArray, *, label: NDArray | None = None,
    tolerance: Positive = 1e-3, backwards: bool = True,
) -> NDArray:  # fmt: skip
    """x_0 (N, D) from x_T (N, D) along the ODE, in float64; or x_T from x_0, not backwards in time.

    Each row is within `tolerance`, times its largest entry if that is above 1.
    """
    reverse = _continuous(reverse)

    def rate(t: float, x: NDArray, rows: NDArray, early: bool) -> NDArray:
        return velocity(reverse, x, t, None if label is None else label[rows], early)[0]

    def settled(finer: NDArray, coarser: NDArray) -> NDArray:
        size = np.abs(finer).max(axis=1, initial=1)
        return np.abs(finer - coarser).max(axis=1, initial=0) <= tolerance / 4 * size

    return solve(rate, x.astype(np.float64), lambda x: x, reverse.schedule, backwards, settled)


def log_prob(
    reverse: ReverseProcess,
    x0: NDArray,
    *,
    label: NDArray | None = None,
    tolerance: Positive = 1e-5,
) -> NDArray:
    """log p(x_0) of the ODE in nats, (N,), in float64, each within `tolerance`.

    log p(x_0) = log N(x_T; 0, I) + integral of div(dx/dt) over t = 0..T    (Chen et al. 2018)
    """
    reverse, D = _continuous(reverse), x0.shape[1]

    def rate(t: float, y: NDArray, rows: NDArray, early: bool) -> NDArray:
        x = np.ascontiguousarray(y[:, :D])
        dx, cache = velocity(reverse, x, t, None if label is None else label[rows], early)
        return np.concatenate([dx, divergence(reverse, x, cache)[:, None]], axis=1)

    def result(y: NDArray) -> NDArray:
        xT, integral = y[:, :D], y[:, D:]
        logp = integral - (xT * xT + LOG_2PI).sum(axis=1, keepdims=True) / 2
        return np.concatenate([xT, logp], axis=1)

    y = np.concatenate([x0.astype(np.float64), np.zeros((len(x0), 1))], axis=1)

    def settled(finer: NDArray, coarser: NDArray) -> NDArray:
        """x_T too: of one number alone, two wrong values may be near each other by chance."""
        return np.abs(finer - coarser).max(axis=1) <= tolerance / 4

    return solve(rate, y, result, reverse.schedule, False, settled)[:, D]


def _continuous(reverse: ReverseProcess) -> ReverseProcess:
    """The process in float64, if its prediction has a meaning between the steps."""
    validate.choice("predict", reverse.predict, REAL)
    return reverse.astype(np.float64)
