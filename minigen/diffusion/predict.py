"""What a network may predict, and how each prediction is turned into another.

Everything is a combination of x_0 and the noise:

    x_t = sqrt(A_t) x_0 + sqrt(1 - A_t) eps                             DIF-19
    v   = sqrt(A_t) eps - sqrt(1 - A_t) x_0                             (Salimans & Ho 2022)
    mu  = sqrt(A_{t-1}) x_0 + k sqrt(1 - A_t) eps                       DIF-20 with DIF-19

with k = sqrt(alpha_t) (1 - A_{t-1}) / (1 - A_t). So any two of them fix the others, by Cramer's
rule: if [a, b] is the determinant of the coefficients of a and b, then

    wanted = ([wanted, given] x_t + [x_t, wanted] given) / [x_t, given]
"""

import functools
from dataclasses import dataclass

import numpy as np

from minigen.core.contract import Layer
from minigen.core.tree import const
from minigen.diffusion.forward import tables
from minigen.diffusion.schedule import Schedule

KINDS = ("eps", "x0", "v", "mu")


def rows(schedule, t):
    """{kind: (coefficient of x_0, coefficient of eps)}, each (N, 1)."""
    signal, noise, before, spread = roots(schedule, t)
    zero, one = np.zeros_like(signal), np.ones_like(signal)
    return {
        "xt": (signal, noise),
        "eps": (zero, one),
        "x0": (one, zero),
        "v": (-noise, signal),
        "mu": (before, spread),
    }


def roots(schedule, t):
    """sqrt(A_t), sqrt(1 - A_t), sqrt(A_{t-1}) and k sqrt(1 - A_t), each (N, 1)."""
    alpha, A, rest = tables(schedule, t, "alpha", "alpha_bar", "one_minus_alpha_bar")
    A_before, rest_before = tables(schedule, np.asarray(t) - 1, "alpha_bar", "one_minus_alpha_bar")
    spread = np.sqrt(alpha / rest) * rest_before
    return tuple(c[:, None] for c in (np.sqrt(A), np.sqrt(rest), np.sqrt(A_before), spread))


def at(columns, t, dtype):
    """Columns (T+1, 1) of the times 0..T at t (N,), each (N, 1) and in `dtype`."""
    return tuple(c[t].astype(dtype) for c in columns)


def determinants(schedule, t):
    """{(a, b): coefficient determinant}, none of them found by a subtraction that cancels."""
    signal, noise, before, spread = roots(schedule, t)
    (beta,) = tables(schedule, t, "beta")
    one = np.ones_like(signal)
    return {
        ("xt", "eps"): signal,
        ("xt", "x0"): -noise,
        ("xt", "v"): one,  # A_t + (1 - A_t)
        ("xt", "mu"): -beta[:, None] * before / noise,
        ("eps", "x0"): -one,
        ("eps", "v"): noise,
        ("eps", "mu"): -before,
        ("x0", "v"): signal,
        ("x0", "mu"): spread,
        ("v", "mu"): -(noise * spread + signal * before),
    }


def coefficients(schedule, t, given, wanted):
    """(p, q), each (N, 1) in float64: wanted = p x_t + q given, for two of eps, x0, v, mu."""
    table = determinants(schedule, t)
    whole = table["xt", given]
    if given == wanted:
        return np.zeros_like(whole), np.ones_like(whole)
    swapped = (wanted, given) not in table
    across = -table[given, wanted] if swapped else table[wanted, given]
    return across / whole, table["xt", wanted] / whole


@functools.lru_cache(maxsize=64)
def table(schedule, given, wanted):
    """The coefficients of t = 0..T, each (T+1, 1), worked out once; at t = 0 mu has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return coefficients(schedule, np.arange(schedule.T + 1), given, wanted)


@functools.lru_cache(maxsize=64)
def target_table(schedule, kind):
    """The coefficients of x_0 and of eps in this kind, for t = 0..T, each (T+1, 1)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return rows(schedule, np.arange(schedule.T + 1))[kind]


@dataclass(frozen=True, eq=False, repr=False)
class Convert(Layer):
    """A prediction of one kind as another: wanted = p_t x_t + q_t given, see `coefficients`.

    From eps to mu this is DIF-23. Shapes: xt (N, D), value (N, D), given t (N,) or (1,) -> (N, D).
    """

    schedule: Schedule = const()
    given: str
    wanted: str

    def forward(self, xt, value, *, t):
        p, q = at(table(self.schedule, self.given, self.wanted), t, xt.dtype)
        return p * xt + q * value, (p, q)  # DIF-23

    def backward(self, dwanted, cache):
        p, q = cache
        return p * dwanted, q * dwanted, {}  # DIF-23


@dataclass(frozen=True, eq=False, repr=False)
class Target(Layer):
    """What the network is asked for: the prediction of this kind that is right for x_0 and eps.

    Shapes: x0 (N, D), eps (N, D), given t (N,) -> (N, D).
    """

    schedule: Schedule = const()
    kind: str

    def forward(self, x0, eps, *, t):
        to_x0, to_eps = at(target_table(self.schedule, self.kind), t, x0.dtype)
        return to_x0 * x0 + to_eps * eps, (to_x0, to_eps)

    def backward(self, dtarget, cache):
        to_x0, to_eps = cache
        return to_x0 * dtarget, to_eps * dtarget, {}
