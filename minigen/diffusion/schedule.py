"""Noise schedules: how fast the forward process forgets, as tables indexed by t = 0..T."""

from dataclasses import dataclass

import numpy as np

from minigen.core import validate
from minigen.core.contract import Layer
from minigen.core.numeric import sigmoid
from minigen.core.tree import exact

LARGEST = 0.999  # a step never forgets everything: sqrt(alpha_t) stays a number to divide by


@dataclass(frozen=True, eq=False, repr=False)
class Schedule:
    """The tables of a forward process with T steps, float64, indexed by t itself.

        alpha_t = 1 - beta_t                                            DIF-4
        A_t = alpha_1 ... alpha_t,  A_0 = 1                             DIF-10
        beta_tilde_t = beta_t (1 - A_{t-1}) / (1 - A_t)                 DIF-18

    Each array is (T+1,); `alpha_bar` is A_t and `one_minus_alpha_bar` is 1 - A_t without
    cancellation. At t = 0 nothing has happened: beta_0 = 0 and A_0 = 1; beta_tilde_1 = 0.
    """

    beta: np.ndarray = exact()
    alpha: np.ndarray = exact()
    alpha_bar: np.ndarray = exact()
    one_minus_alpha_bar: np.ndarray = exact()
    beta_tilde: np.ndarray = exact()

    @property
    def T(self):
        """The number of steps."""
        return len(self.beta) - 1

    @property
    def prior_gap(self):
        """L_T in nats per dimension for data of unit variance: -log(1 - A_T) / 2 (ELBO-18)."""
        return float(-np.log1p(-self.alpha_bar[-1]) / 2)

    def __repr__(self):
        return f"Schedule(T={self.T}, A_T={self.alpha_bar[-1]:.3g})"


@dataclass(frozen=True, eq=False, repr=False)
class Cumulate(Layer):
    """From the betas of t = 1..T to the tables of t = 1..T, with the gradient a learned
    schedule needs.

        A_t = exp(sum_{s<=t} log1p(-beta_s)),  1 - A_t = -expm1(same)   DIF-10, S-DIF-num
        beta_tilde_t = beta_t (1 - A_{t-1}) / (1 - A_t)                 DIF-18

    Shapes: beta (T,) -> alpha_bar (T,), one_minus_alpha_bar (T,), beta_tilde (T,).
    """

    def forward(self, beta):
        log_A = np.cumsum(np.log1p(-beta))
        A, rest = np.exp(log_A), -np.expm1(log_A)  # S-DIF-num
        before = np.concatenate([np.zeros(1, rest.dtype), rest[:-1]])  # 1 - A_{t-1}
        tilde = beta * (before / rest)  # DIF-18
        return A, rest, tilde, (beta, A, rest, before)

    def backward(self, dA, drest, dtilde, cache):
        beta, A, rest, before = cache
        dbeta = dtilde * before / rest  # DIF-18
        drest = drest - dtilde * beta * before / rest**2
        drest[:-1] += (dtilde * beta / rest)[1:]
        dlog_A = (dA - drest) * A  # S-DIF-num
        return dbeta - np.cumsum(dlog_A[::-1])[::-1] / (1 - beta), {}  # DIF-10


def schedule_from_betas(betas):
    """The schedule of your own beta_1..beta_T, each strictly between 0 and 1."""
    betas = np.array(betas, dtype=np.float64)
    if betas.ndim != 1 or len(betas) == 0:
        raise validate.expected("betas", "shape (T,) with T >= 1", validate.shaped(betas.shape))
    bad = np.flatnonzero(~((betas > 0) & (betas < 1)))
    if len(bad):
        t = int(bad[0])
        raise validate.expected("betas", "numbers in (0, 1)", f"{betas[t]} at index {t}")
    *tables, _ = Cumulate().forward(betas)
    starts = (0.0, 1.0, 1.0, 0.0, 0.0)
    columns = (betas, 1 - betas, *tables)
    return Schedule(*(np.append(s, c) for s, c in zip(starts, columns, strict=True)))


def linear_schedule(T):
    """beta_t linear from 1e-4 to 0.02, times 1000 / T (Ho, Jain & Abbeel 2020; T = 1000 there).

    The scaling keeps A_T small at every T; a beta that would pass 0.999 stops there.
    """
    T = validate.integer("T", T, 1)
    low, high = 0.1 / T, 20 / T
    betas = np.linspace(low, high, T) if T > 1 else np.array([high])
    return schedule_from_betas(np.minimum(betas, LARGEST))


def cosine_schedule(T, offset=0.008):
    """A_t = f(t/T) / f(0), f(u) = cos(pi/2 (u + s) / (1 + s))^2 (Nichol & Dhariwal 2021).

    s is `offset`: the larger, the more noise the first step adds. For integer data sqrt(beta_1)
    is best about the distance of two neighbours, so that no network must learn to round.
    """
    u = np.arange(validate.integer("T", T, 1) + 1) / T
    s = validate.number("offset", offset, 0)
    return from_signal(np.cos(np.pi / 2 * (u + s) / (1 + s)) ** 2)


def sigmoid_schedule(T):
    """A_t a sigmoid falling from u = -3 to 3, shifted and scaled to 1..0 (Jabri et al. 2022)."""
    u = np.arange(validate.integer("T", T, 1) + 1) / T
    return from_signal(sigmoid(3 - 6 * u) - sigmoid(np.array(-3.0)))


def from_signal(f):
    """The schedule whose A_t is proportional to f (T+1,), a step never above beta = 0.999."""
    return schedule_from_betas(np.minimum(1 - f[1:] / f[:-1], LARGEST))


def jump(schedule, s, t):
    """alpha and beta of the step from s straight to t > s: A_t / A_s, and one minus it.

    Of the two ways to write beta, the one that keeps more digits is taken.
    """
    A, rest = schedule.alpha_bar, schedule.one_minus_alpha_bar
    alpha = A[t] / A[s]
    return alpha, np.where(rest[t] < A[s], (rest[t] - rest[s]) / A[s], 1 - alpha)


def respaced(schedule, times):
    """The schedule that visits only `times` (S,), increasing: A'_s = A_{times[s]}."""
    t, before = np.append(0, times), np.append([0, 0], times[:-1])
    (alpha, beta), rest = jump(schedule, before, t), schedule.one_minus_alpha_bar
    tilde = beta * rest[before] / np.where(t > 0, rest[t], 1)
    return Schedule(beta, alpha, schedule.alpha_bar[t], rest[t], tilde)


def spread(T, steps):
    """`steps` of the times 1..T, evenly spaced, the last one T and the first one 1."""
    steps = validate.integer("steps", steps, 1, T)
    return np.linspace(T if steps == 1 else 1, T, steps).round().astype(int)
