"""What a network may predict, and how each prediction is turned into another.

Everything is a combination of x_0 and the noise:

    x_t = sqrt(A_t) x_0 + sqrt(1 - A_t) eps                             DIF-11, DIF-19
    v   = sqrt(A_t) eps - sqrt(1 - A_t) x_0                             (Salimans & Ho 2022)
    mu  = sqrt(A_{t-1}) x_0 + k sqrt(1 - A_t) eps                       DIF-20 with DIF-19
    score    = -eps / sqrt(1 - A_t)       grad log q(x_t | x_0)         (Song & Ermon 2019)
    velocity = eps - x_0                  d/ds of (1 - s) x_0 + s eps   (Lipman et al. 2023)

with k = sqrt(alpha_t) (1 - A_{t-1}) / (1 - A_t). So any two of them fix the others, by Cramer's
rule: if [a, b] is the determinant of the coefficients of a and b, then

    wanted = ([wanted, given] x_t + [x_t, wanted] given) / [x_t, given]

Tables of a schedule are (T+1,), of the times 0..T; at t = 0 there is no mu and no score, and their
entries are not numbers to use.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Grads, Layer
from minigen.core.signature import checked
from minigen.core.tree import const
from minigen.diffusion.schedule import Schedule, at

KINDS = ("eps", "x0", "v", "mu", "score", "velocity")
REAL = tuple(kind for kind in KINDS if kind != "mu")  # those with a meaning between the steps


def _roots(schedule: Schedule) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """sqrt(A_t), sqrt(1 - A_t), sqrt(A_{t-1}) and k sqrt(1 - A_t)."""
    A, rest = schedule.alpha_bar, schedule.one_minus_alpha_bar
    before, rest_before = np.append(np.nan, A[:-1]), np.append(np.nan, rest[:-1])
    with np.errstate(divide="ignore"):
        spread = np.sqrt(schedule.alpha / rest) * rest_before
    return np.sqrt(A), np.sqrt(rest), np.sqrt(before), spread


def parts(schedule: Schedule) -> dict[str, tuple[NDArray, NDArray]]:
    """{kind: (coefficient of x_0, coefficient of eps)}, x_t itself included."""
    signal, noise, before, spread = _roots(schedule)
    zero, one = np.zeros_like(signal), np.ones_like(signal)
    with np.errstate(divide="ignore"):
        score = -1 / noise
    return {
        "xt": (signal, noise),
        "eps": (zero, one),
        "x0": (one, zero),
        "v": (-noise, signal),
        "mu": (before, spread),
        "score": (zero, score),
        "velocity": (-one, one),
    }


def _determinants(signal: NDArray, noise: NDArray) -> dict[tuple[str, str], NDArray]:
    """{(a, b): coefficient determinant} without mu, with signal^2 + noise^2 = 1.

    None of them is found by a subtraction that cancels.
    """
    one = np.ones_like(signal)
    return {
        ("xt", "eps"): signal,
        ("xt", "x0"): -noise,
        ("xt", "v"): one,
        ("xt", "score"): -signal / noise,
        ("xt", "velocity"): signal + noise,
        ("eps", "x0"): -one,
        ("eps", "v"): noise,
        ("eps", "score"): np.zeros_like(signal),
        ("eps", "velocity"): one,
        ("x0", "v"): signal,
        ("x0", "score"): -1 / noise,
        ("x0", "velocity"): one,
        ("v", "score"): one,
        ("v", "velocity"): signal - noise,
        ("score", "velocity"): -1 / noise,
    }


def _with_mu(schedule: Schedule) -> dict[tuple[str, str], NDArray]:
    """The determinants at the times 0..T, those of mu among them."""
    signal, noise, before, spread = _roots(schedule)
    return _determinants(signal, noise) | {
        ("xt", "mu"): -schedule.beta * before / noise,
        ("eps", "mu"): -before,
        ("x0", "mu"): spread,
        ("v", "mu"): -(noise * spread + signal * before),
        ("score", "mu"): before / noise,
        ("velocity", "mu"): -(spread + before),
    }


def _cramer(
    table: dict[tuple[str, str], NDArray], given: str, wanted: str
) -> tuple[NDArray, NDArray]:
    """(p, q) of wanted = p x_t + q given."""
    whole = table["xt", given]
    if given == wanted:
        return np.zeros_like(whole), np.ones_like(whole)
    swapped = (wanted, given) not in table
    across = -table[given, wanted] if swapped else table[wanted, given]
    return across / whole, table["xt", wanted] / whole


def coefficients(schedule: Schedule, given: str, wanted: str) -> tuple[NDArray, NDArray]:
    """(p, q), each (T+1,): wanted = p x_t + q given, for two of `KINDS`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return _cramer(_with_mu(schedule), given, wanted)


def coefficients_at(ratio: Any, given: str, wanted: str) -> tuple[NDArray, NDArray]:
    """(p, q) as in `coefficients`, where noise / signal is `ratio`; for two kinds but mu."""
    size = np.hypot(1, ratio)
    return _cramer(_determinants(1 / size, ratio / size), given, wanted)


@dataclass(frozen=True, eq=False, repr=False)
class Convert(Layer):
    """A prediction of one kind as another: wanted = p_t x_t + q_t given, see `coefficients`.

    From eps to mu this is DIF-23. Shapes: xt (N, D), value (N, D), given t (N,) or (1,) -> (N, D).
    """

    schedule: Schedule = const()
    given: str
    wanted: str

    @cached_property
    def tables(self) -> tuple[NDArray, NDArray]:
        """p_t and q_t, (T+1,) each."""
        return coefficients(self.schedule, self.given, self.wanted)

    def forward(self, xt: NDArray, value: NDArray, *, t: NDArray) -> tuple[NDArray, Cache]:
        p, q = (at(table, t, xt.dtype) for table in self.tables)
        return p * xt + q * value, (p, q)  # DIF-23

    def backward(self, dwanted: NDArray, cache: Cache) -> tuple[NDArray, NDArray, Grads]:
        p, q = cache
        return p * dwanted, q * dwanted, {}  # DIF-23


@dataclass(frozen=True, eq=False, repr=False)
class Target(Layer):
    """x_t, or the eps, x0, v or mu that a network should have predicted, from x_0 and eps.

    For "xt" this is DIF-11. Shapes: x0 (N, D), eps (N, D), given t (N,) or (1,) -> (N, D).
    """

    schedule: Schedule = const()
    kind: str

    @cached_property
    def tables(self) -> tuple[NDArray, NDArray]:
        """The coefficients of x_0 and of eps, (T+1,) each."""
        return parts(self.schedule)[self.kind]

    def forward(self, x0: NDArray, eps: NDArray, *, t: NDArray) -> tuple[NDArray, Cache]:
        a, b = (at(table, t, x0.dtype) for table in self.tables)
        return a * x0 + b * eps, (a, b)  # DIF-11

    def backward(self, dtarget: NDArray, cache: Cache) -> tuple[NDArray, NDArray, Grads]:
        a, b = cache
        return a * dtarget, b * dtarget, {}  # DIF-11


@checked
def q_sample(
    schedule: Schedule,
    x0: Annotated[ArrayLike, "N D"],
    eps: Annotated[ArrayLike, "N D"],
    t: ArrayLike,
) -> NDArray:
    """x_t ~ q(x_t | x_0) for the given noise: sqrt(A_t) x_0 + sqrt(1 - A_t) eps (DIF-11).

    Parameters
    ----------
    schedule : of T steps
    x0, eps : data and noise, (N, D) each
    t : the times, (N,) or (1,), each in 0..T

    Returns
    -------
    (N, D)

    Examples
    --------
    >>> x0, eps = np.ones((3, 2)), rng.standard_normal((3, 2))
    >>> mg.diffusion.q_sample(mg.diffusion.linear_schedule(10), x0, eps, np.array([0, 5, 10])).shape
    (3, 2)
    """
    x0, eps, t = np.asarray(x0), np.asarray(eps), validate.integers("t", t, 0, schedule.T, ("N",))
    if len(t) not in (1, len(x0)):
        raise validate.expected("t", f"1 or {len(x0)} times", len(t))
    return Target(schedule, "xt").forward(x0, eps, t=t)[0]
