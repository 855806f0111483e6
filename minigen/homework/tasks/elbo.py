"""Assignment 6: the ELBO, its exact terms, and a learned variance (ELBO-1 to ELBO-18)."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from minigen.core.numeric import sigmoid, softplus
from minigen.homework.assignments import Pair, Question, Task
from minigen.homework.marking.reference import Path
from minigen.homework.tasks.functions import alike, standard
from minigen.homework.types import Drawn, Outputs, Variant


def spread(kind: str, r: NDArray) -> NDArray:
    """The variance of a raw output."""
    if kind == "softplus":
        return softplus(r) + 0.05
    if kind == "logistic":
        return sigmoid(r) + 0.1
    return r * r + 0.1 if kind == "shifted square" else np.exp(2 * r if kind == "log sigma" else r)


SHARE = {
    "linear": lambda v: v,
    "sigmoid": sigmoid,
    "arctan": lambda v: 0.5 + np.arctan(v) / np.pi,
    "sine": lambda v: (1 + np.sin(v)) / 2,
    "square": lambda v: v * v,
}


def kl_terms(path: Path, m1: NDArray, v1: NDArray, m2: NDArray, v2: NDArray) -> NDArray:
    """The KL of two diagonal Gaussians, entry by entry (S-KL)."""
    d = path("m1 - m2", m1 - m2)
    log = path("the log term", np.log(v2 / v1))
    one = path("the -1", 1 + 0 * d)
    ratio = path("v1 / v2", v1 / v2)
    return (log - one + ratio + path("the quadratic term", d * d / v2)) / 2


def kl(kind: str, path: Path, m1: NDArray, l1: NDArray, m2: NDArray, r2: NDArray) -> Outputs:
    v2 = path.through("V", r2, spread(kind, r2))
    each = kl_terms(path, m1, np.exp(path("l1", l1)), m2, v2)
    return (path("the sum over the columns", each).sum(axis=1),)


def term(kind: str, rows: str, path: Path, eps_hat: NDArray, v: NDArray, x0: NDArray, eps: NDArray,
         beta: NDArray, t: NDArray) -> Outputs:  # fmt: skip
    """L_t-1, the mean or the sum over the rows, with log s2 between log beta_tilde and log beta."""
    A = np.cumprod(1 - beta)
    b, A, B = (a[:, None] for a in (beta[t], A[t], A[t - 1]))
    tilde = b * (1 - B) / (1 - A)
    share = path.through("the share of v", v, SHARE[kind](v))
    log_s2 = share * np.log(b) + (1 - share) * np.log(tilde)
    s2 = np.exp(path.through("log s2 by its share", share, path("log s2", log_s2)))
    weighted = b / np.sqrt((1 - b) * (1 - A)) * (eps - eps_hat)
    d = path.through("the weight of eps - eps_hat", eps - eps_hat, weighted)
    log, ratio = path("the log term", np.log(s2 / tilde)), path("beta_tilde / s2", tilde / s2)
    each = (log - 1 + ratio + path("the quadratic term", d * d / s2)) / 2
    total = path("the sum over the columns", each).sum()
    return (total / len(v) if rows == "MEAN" else total,)


def decoder(kind: str, path: Path, mean: NDArray, r: NDArray, x0: NDArray) -> Outputs:
    """L_0 = -log N(x0 | mean, V(r)), a number for each row."""
    v = path.through("V", r, spread(kind, r))
    d = path("x0 - mean", x0 - mean)
    log = path("the log term", np.log(2 * np.pi * v)) / 2
    return (path("the sum over the columns", log + path("the quadratic term", d * d / v) / 2)
            .sum(axis=1),)  # fmt: skip


def prior(scale: float, path: Path, x0: NDArray, A: NDArray) -> Outputs:
    """L_T = KL(N(sqrt(A) x0, (1 - A) I) || N(0, scale^2 I)), a number for each row."""
    v = 1 - path("A in the variance", A)
    m = path("sqrt(A)", np.sqrt(path("A in the mean", A))) * x0
    each = (path("the log term", np.log(scale**2 / v)) - 1 + path("v / s^2", v / scale**2)
            + path("the quadratic term", m * m / scale**2)) / 2  # fmt: skip
    return (path("the sum over the columns", each).sum(axis=1),)


def draw_term(rng: np.random.Generator, N: int, D: int) -> Drawn:
    beta = np.concatenate([[0.0], rng.uniform(0.05, 0.3, 8)])
    t = rng.integers(2, 9, N)
    t[0] = 2
    return (standard(rng, N, D), standard(rng, N, D)), (
        standard(rng, N, D), standard(rng, N, D), beta, t,
    )  # fmt: skip


def draw_decoder(rng: np.random.Generator, N: int, D: int) -> Drawn:
    return (standard(rng, N, D), standard(rng, N, D)), (standard(rng, N, D),)


def draw_prior(rng: np.random.Generator, N: int, D: int) -> Drawn:
    return (standard(rng, N, D), rng.uniform(0.1, 0.9, (N, D))), ()


def tasks(variant: Variant) -> tuple[Task, ...]:
    sizes = {"practice": ((6, 3), (1, 4), (4, 2)), "grading": ((7, 4), (1, 3), (5, 2), (11, 3)),
             "large": (24, 24)}  # fmt: skip
    kind, scale = variant["variance"], float(variant["prior"])
    return (
        Pair("kl", ("m1", "l1", "m2", "r2"), ("kl",), partial(kl, kind),
             lambda rng, N, D: (tuple(standard(rng, 4, N, D)), ()), **sizes),
        Pair("term", ("eps_hat", "v"), ("L",),
             partial(term, variant["between"], variant["rows"]), draw_term, points=(3, 2),
             **sizes),
        Pair("decoder", ("mean", "r"), ("L0",), partial(decoder, kind),
             draw_decoder, **sizes),
        Pair("prior", ("x0", "A"), ("LT",), partial(prior, scale), draw_prior,
             **sizes),
        Question("elbo13", "ELBO-13", ("a", "b"), lambda path, a, b: (np.log(a) * b,),
                 lambda path, a, b: (np.log(a * b),), lambda rng, N: rng.uniform(0.2, 3, (2, N)),
                 fit={"a and b of one shape (N,)": alike,
                      "a and b above 0": lambda a, b: np.all((a > 0) & (b > 0))}),
    )  # fmt: skip
