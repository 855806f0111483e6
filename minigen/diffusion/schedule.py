"""Noise schedules: how fast the forward process forgets, as tables indexed by t = 0..T.

A table is read in one way: `at(table, t)`."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.interpolate import make_interp_spline

from minigen.core import validate
from minigen.core.contract import Cache, Grads, Layer
from minigen.core.numeric import sigmoid
from minigen.core.signature import Count, Range, Steps, checked, fields
from minigen.core.tree import exact

LARGEST = 0.999  # a step never forgets everything: sqrt(alpha_t) stays a number to divide by


def at(table: NDArray, t: NDArray, dtype: DTypeLike) -> NDArray:
    """A table of the times 0..T at the times t (N,): a column (N, 1) in `dtype`."""
    return table[t].astype(dtype)[:, None]


@dataclass(frozen=True, eq=False, repr=False)
class Schedule:
    """The tables of a forward process with T steps, float64, indexed by t itself.

        alpha_t = 1 - beta_t                                            DIF-4
        A_t = alpha_1 ... alpha_t,  A_0 = 1                             DIF-10
        beta_tilde_t = beta_t (1 - A_{t-1}) / (1 - A_t)                 DIF-18

    At t = 0 nothing has happened: beta_0 = 0 and A_0 = 1; beta_tilde_1 = 0. The arrays are copies
    that nobody can write to, so that a table derived from them stays right.

    Parameters
    ----------
    beta, alpha, beta_tilde : (T+1,) each
    alpha_bar, one_minus_alpha_bar : (T+1,) each; A_t, and 1 - A_t without cancellation

    Examples
    --------
    >>> schedule = mg.diffusion.linear_schedule(10)
    >>> schedule.T, schedule.alpha_bar.shape, float(schedule.alpha_bar[0])
    (10, (11,), 1.0)
    """

    beta: Annotated[NDArray, "S"] = exact()
    alpha: Annotated[NDArray, "S"] = exact()
    alpha_bar: Annotated[NDArray, "S"] = exact()
    one_minus_alpha_bar: Annotated[NDArray, "S"] = exact()
    beta_tilde: Annotated[NDArray, "S"] = exact()

    def __post_init__(self) -> None:
        fields(self)
        for f in dataclasses.fields(self):
            array = np.array(getattr(self, f.name))
            array.setflags(write=False)
            object.__setattr__(self, f.name, array)

    @property
    def T(self) -> int:
        """The number of steps."""
        return len(self.beta) - 1

    @property
    def prior_gap(self) -> float:
        """L_T in nats per dimension for data of unit variance: -log(1 - A_T) / 2 (ELBO-18)."""
        return float(-np.log1p(-self.alpha_bar[-1]) / 2)

    @cached_property
    def log_ratios(self) -> NDArray:
        """log r_t with r_t = sqrt((1 - A_t) / A_t), noise over signal: (T+1,), -inf at t = 0."""
        with np.errstate(divide="ignore"):
            A = np.maximum(self.alpha_bar, np.finfo(float).tiny)
            return (np.log(self.one_minus_alpha_bar) - np.log(A)) / 2

    @cached_property
    def spline(self) -> Any:
        """log r(t) at the real times 1..T: the cubic spline through `log_ratios` (T >= 2)."""
        knots = np.arange(1, self.T + 1)
        return make_interp_spline(knots, self.log_ratios[1:], k=min(3, self.T - 1))

    @checked
    def ratio(self, t: ArrayLike) -> NDArray:
        """r(t) at real times 0..T: t r_1 up to t = 1, then by the spline.

        Parameters
        ----------
        t : real times

        Returns
        -------
        An array of the shape of t

        Examples
        --------
        >>> schedule = mg.diffusion.linear_schedule(10)
        >>> bool(np.allclose(schedule.time(schedule.ratio([2.5])), 2.5))
        True
        """
        t = validate.array("t", t, dtype=np.float64)
        validate.refuse("t", t, (t < 0) | (t > self.T), f"times in 0..{self.T}")
        early = t * np.exp(self.log_ratios[1])
        return early if self.T == 1 else np.where(t < 1, early, np.exp(self.spline(t.clip(1))))

    def time(self, ratio: ArrayLike) -> NDArray:
        """The real time t at which r(t) is `ratio`, the inverse of `ratio`; at most T.

        Parameters
        ----------
        ratio : values of r, from 0

        Returns
        -------
        An array of the shape of `ratio`

        Examples
        --------
        >>> mg.diffusion.linear_schedule(10).time([0.0])
        array([0.])
        """
        want = validate.array("ratio", ratio, dtype=np.float64)
        validate.refuse("ratio", want, want < 0, "numbers >= 0")
        first, last = np.exp(self.log_ratios[[1, -1]])
        if self.T == 1:
            return np.minimum(want / first, 1)
        goal = np.log(np.clip(want, first, last))
        low = np.clip(np.searchsorted(self.log_ratios[1:], goal), 1, self.T - 1)
        start, end = self.log_ratios[low], self.log_ratios[low + 1]
        t = low + (goal - start) / (end - start)
        for _ in range(6):  # Newton's steps, within the two whole times on both sides
            t = np.clip(t - (self.spline(t) - goal) / self.spline(t, 1), low, low + 1)
        return np.where(want < first, want / first, t)

    def __repr__(self) -> str:
        return f"Schedule(T={self.T}, A_T={self.alpha_bar[-1]:.3g})"


@dataclass(frozen=True, eq=False, repr=False)
class Cumulate(Layer):
    """From the betas of t = 1..T to the tables of t = 1..T, with the gradient a learned
    schedule needs.

        A_t = exp(sum_{s<=t} log1p(-beta_s)),  1 - A_t = -expm1(same)   DIF-10, S-DIF-num
        beta_tilde_t = beta_t (1 - A_{t-1}) / (1 - A_t)                 DIF-18

    Shapes: beta (T,) -> alpha_bar (T,), one_minus_alpha_bar (T,), beta_tilde (T,).
    """

    def forward(self, beta: NDArray) -> tuple[NDArray, NDArray, NDArray, Cache]:
        log_A = np.cumsum(np.log1p(-beta))
        A, rest = np.exp(log_A), -np.expm1(log_A)  # S-DIF-num
        before = np.concatenate([np.zeros(1, rest.dtype), rest[:-1]])  # 1 - A_{t-1}
        tilde = beta * (before / rest)  # DIF-18
        return A, rest, tilde, (beta, A, rest, before)

    def backward(
        self, dA: NDArray, drest: NDArray, dtilde: NDArray, cache: Cache
    ) -> tuple[NDArray, Grads]:
        beta, A, rest, before = cache
        dbeta = dtilde * before / rest  # DIF-18
        drest = drest - dtilde * beta * before / rest**2
        drest[:-1] += (dtilde * beta / rest)[1:]
        dlog_A = (dA - drest) * A  # S-DIF-num
        return dbeta - np.cumsum(dlog_A[::-1])[::-1] / (1 - beta), {}  # DIF-10


@checked
def schedule_from_betas(betas: ArrayLike) -> Schedule:
    """The schedule of your own beta_1..beta_T.

    Parameters
    ----------
    betas : (T,), each strictly between 0 and 1

    Returns
    -------
    Schedule

    Raises
    ------
    InvalidValue
        For another shape, or a beta that is not between 0 and 1.

    Examples
    --------
    >>> mg.diffusion.schedule_from_betas([0.1, 0.2]).alpha_bar.round(2)
    array([1.  , 0.9 , 0.72])
    """
    betas = validate.array("betas", betas, dtype=np.float64)
    if betas.ndim != 1 or len(betas) == 0:
        raise validate.expected("betas", "shape (T,) with T >= 1", validate.shaped(betas.shape))
    validate.refuse("betas", betas, ~((betas > 0) & (betas < 1)), "numbers in (0, 1)")
    *tables, _ = Cumulate().forward(betas)
    starts = (0.0, 1.0, 1.0, 0.0, 0.0)
    columns = (betas, 1 - betas, *tables)
    return Schedule(*(np.append(s, c) for s, c in zip(starts, columns, strict=True)))


@checked
def linear_schedule(T: Steps) -> Schedule:
    """beta_t linear from 1e-4 to 0.02, times 1000 / T (Ho, Jain & Abbeel 2020; T = 1000 there).

    The scaling keeps A_T small at every T; a beta that would pass 0.999 stops there.

    Parameters
    ----------
    T : the number of steps

    Returns
    -------
    Schedule

    Examples
    --------
    >>> mg.diffusion.linear_schedule(1000).beta[[1, 1000]]
    array([0.0001, 0.02  ])
    """
    T = validate.integer("T", T, 1)
    low, high = 0.1 / T, 20 / T
    betas = np.linspace(low, high, T) if T > 1 else np.array([high])
    return schedule_from_betas(np.minimum(betas, LARGEST))


@checked
def cosine_schedule(T: Steps, offset: Annotated[float, Range(0, 10)] = 0.008) -> Schedule:
    """A_t = f(t/T) / f(0), f(u) = cos(pi/2 (u + s) / (1 + s))^2 (Nichol & Dhariwal 2021).

    Parameters
    ----------
    T : the number of steps
    offset : s; the larger, the more noise the first step adds. For integer data sqrt(beta_1) is
        best about the distance of two neighbours, so that no network must learn to round

    Returns
    -------
    Schedule

    Examples
    --------
    >>> mg.diffusion.cosine_schedule(1000).alpha_bar[[0, 500]].round(3)
    array([1.   , 0.494])
    """
    u = np.arange(validate.integer("T", T, 1) + 1) / T
    s = validate.number("offset", offset, 0)
    return _from_signal(np.cos(np.pi / 2 * (u + s) / (1 + s)) ** 2)


@checked
def sigmoid_schedule(T: Steps) -> Schedule:
    """A_t a sigmoid falling from u = -3 to 3, shifted and scaled to 1..0 (Jabri et al. 2022).

    Parameters
    ----------
    T : the number of steps

    Returns
    -------
    Schedule

    Examples
    --------
    >>> float(mg.diffusion.sigmoid_schedule(100).alpha_bar[50].round(3))
    0.5
    """
    u = np.arange(validate.integer("T", T, 1) + 1) / T
    return _from_signal(sigmoid(3 - 6 * u) - sigmoid(np.array(-3.0)))


def _from_signal(f: NDArray) -> Schedule:
    """The schedule whose A_t is proportional to f (T+1,), a step never above beta = 0.999."""
    return schedule_from_betas(np.minimum(1 - f[1:] / f[:-1], LARGEST))


def jump(schedule: Schedule, s: int | NDArray, t: int | NDArray) -> tuple[NDArray, NDArray]:
    """alpha and beta of the step from s straight to t > s: A_t / A_s, and one minus it.

    Of the two ways to write beta, the one that keeps more digits is taken.
    """
    A, rest = schedule.alpha_bar, schedule.one_minus_alpha_bar
    alpha = A[t] / A[s]
    return alpha, np.where(rest[t] < A[s], (rest[t] - rest[s]) / A[s], 1 - alpha)


@checked
def respaced(schedule: Schedule, times: ArrayLike) -> Schedule:
    """The schedule that visits only some of the times: A'_s = A_{times[s]}.

    Parameters
    ----------
    schedule : of T steps
    times : (S,), increasing, each in 1..T

    Returns
    -------
    Schedule
        Of S steps.

    Examples
    --------
    >>> mg.diffusion.respaced(mg.diffusion.linear_schedule(100), [10, 50, 100]).T
    3
    """
    t = np.append(0, validate.integers("times", times, 1, schedule.T, ("S",)))
    if not (len(t) > 1 and np.all(np.diff(t) > 0)):
        raise validate.expected("times", "at least one, increasing", validate.shown(t[1:]))
    before = np.append(0, t[:-1])
    (alpha, beta), rest = jump(schedule, before, t), schedule.one_minus_alpha_bar
    tilde = beta * rest[before] / np.where(t > 0, rest[t], 1)
    return Schedule(beta, alpha, schedule.alpha_bar[t], rest[t], tilde)


def evenly_spaced(T: Steps, steps: Count) -> NDArray:
    """`steps` of the times 1..T, evenly spaced, the last one T and the first one 1."""
    steps = validate.integer("steps", steps, 1, T)
    return np.linspace(T if steps == 1 else 1, T, steps).round().astype(int)
