"""The forward process as plain Gaussian algebra: what the formulas of the notes are held against.

Each coordinate of x_0, x_1, ..., x_T is a combination of x_0 and of the step noises, by DIF-5 and
nothing else. Conditional laws follow from the covariance by a Schur complement.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from minigen.diffusion import MarginalDensity, Schedule, StepDensity, schedule_from_betas

T, D, N = 6, 3, 4
TABLES = ("alpha_bar", "one_minus_alpha_bar")


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


def column(schedule: Schedule, t: int, *names: str) -> tuple[float, ...]:
    """Tables of the schedule at t, as plain numbers; by default A_t and 1 - A_t."""
    return tuple(float(getattr(schedule, name)[t]) for name in names or TABLES)


@dataclass(frozen=True, eq=False)
class Walk:
    """A schedule, all x_t (N, D) of a walk with x_t at place t, and the step noises at place t."""

    schedule: Schedule
    x: list[NDArray]
    eps: list[NDArray]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Walk":
        schedule = short_schedule(rng)
        B, x = unrolled(schedule), [rng.standard_normal((N, D))]
        eps = [np.zeros((N, D)), *rng.standard_normal((T, N, D))]
        x += [B[t, 0] * x[0] + np.tensordot(B[t, 1:], eps[1:], 1) for t in range(1, T + 1)]
        return cls(schedule, x, eps)

    def rows(self, t: int, *names: str) -> tuple[NDArray, ...]:
        """Tables of the schedule at t, for each row of a batch: (N,) each."""
        return tuple(np.full(N, v) for v in column(self.schedule, t, *names))

    def law(self, want: int, *known: int) -> tuple[NDArray, float]:
        """Mean and variance of x_want given x_0 and x_s for the s in known."""
        return conditional(self.schedule, want, {s: self.x[s] for s in (0, *known)})

    def log(self, want: int, *known: int) -> NDArray:
        """The log density of that law at x_want, (N,)."""
        return log_normal(self.x[want], *self.law(want, *known))

    # the same by the package's layers

    def step(self, t: int) -> NDArray:
        """log q(x_t | x_{t-1}), (N,)."""
        return StepDensity().forward(self.x[t], self.x[t - 1], *self.rows(t, "beta"))[0]

    def marginal(self, t: int) -> NDArray:
        """log q(x_t | x_0), (N,)."""
        return MarginalDensity().forward(self.x[t], self.x[0], *self.rows(t))[0]
