"""The forward process as plain Gaussian algebra: what the formulas of the notes are held against.

Each coordinate of x_0, x_1, ..., x_T is a combination of x_0 and of the step noises, by DIF-5 and
nothing else. Conditional laws follow from the covariance by a Schur complement.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from minigen.diffusion import Schedule, schedule_from_betas

T, D, N = 6, 3, 4


def short_schedule(rng: np.random.Generator) -> Schedule:
    """T steps, each of which forgets a good part, so that a wrong index shows."""
    return schedule_from_betas(rng.uniform(0.1, 0.4, T))


def unrolled(schedule: Schedule) -> NDArray:
    """B (T+1, T+1): x_t = B[t, 0] x_0 + sum_s B[t, s] eps_s, by unrolling DIF-5."""
    B = np.eye(1, schedule.T + 1)
    for t in range(1, schedule.T + 1):
        row = np.sqrt(1 - schedule.beta[t]) * B[-1]
        row[t] = np.sqrt(schedule.beta[t])
        B = np.vstack([B, row])
    return B


def conditional(schedule: Schedule, want: int, given: dict[int, NDArray]) -> tuple[NDArray, float]:
    """Mean (N, D) and variance of x_want when x_s is known for the s in given, 0 among them.

    m + C_wk C_kk^{-1} (x_k - m_k),  C_ww - C_wk C_kk^{-1} C_kw, coordinate by coordinate.
    """
    B, x0 = unrolled(schedule), given[0]
    C, known = B[:, 1:] @ B[:, 1:].T, [s for s in given if s]
    gain = np.linalg.solve(C[np.ix_(known, known)], C[known, want]) if known else np.zeros(0)
    mean = B[want, 0] * x0
    for weight, s in zip(gain, known, strict=True):
        mean = mean + weight * (given[s] - B[s, 0] * x0)
    return mean, C[want, want] - C[want, known] @ gain


def log_normal(x: NDArray, mean: NDArray | float, variance: float) -> NDArray:
    """log N(x; mean, variance I), (N,)."""
    return stats.norm.logpdf(x, mean, np.sqrt(variance)).sum(axis=1)


def walk(schedule: Schedule, rng: np.random.Generator) -> tuple[list[NDArray], list[NDArray]]:
    """x_0 (N, D), and a list of all x_t with x_t at place t, and the step noises at place t."""
    x = [rng.standard_normal((N, D))]
    eps = [np.zeros((N, D)), *rng.standard_normal((schedule.T, N, D))]
    B = unrolled(schedule)
    x += [B[t, 0] * x[0] + np.tensordot(B[t, 1:], eps[1:], 1) for t in range(1, schedule.T + 1)]
    return x, eps


def column(schedule: Schedule, t: int, *names: str) -> tuple[float, ...]:
    """Tables of the schedule at t, as plain numbers."""
    return tuple(float(getattr(schedule, name)[t]) for name in names)


def rows(schedule: Schedule, t: int, *names: str) -> tuple[NDArray, ...]:
    """The same for each row of a batch, (N,) each."""
    return tuple(np.full(N, v) for v in column(schedule, t, *names))
