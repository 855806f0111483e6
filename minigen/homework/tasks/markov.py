"""Assignment 8: the Markov chain, Gaussian and discrete (MK-1)."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from minigen.core.numeric import logsumexp, softplus
from minigen.homework.assignments import Pair, Question, Task, Value
from minigen.homework.marking.reference import Path
from minigen.homework.tasks.functions import standard
from minigen.homework.types import Drawn, Outputs, Variant


def variance(kind: str, r: NDArray) -> NDArray:
    if kind == "softplus":
        return softplus(r) + 0.05
    return r * r + 0.1 if kind == "shifted square" else np.exp(2 * r if kind == "log sigma" else r)


STEP = {  # the mean of x_t
    "linear": lambda x, a, b: a * x + b,
    "centred": lambda x, a, b: a * (x - b) + b,
    "tanh": lambda x, a, b: a * np.tanh(x) + b,
    "arctan": lambda x, a, b: a * np.arctan(x) + b,
}


def beginning(kind: str, a: NDArray, b: NDArray, v: NDArray) -> tuple[NDArray, NDArray]:
    """Mean and variance of x_1."""
    if kind == "spread":
        return b / (1 - a), v / (1 - a * a)
    if kind in ("half", "one"):
        return (b / 2, v / 2) if kind == "half" else (1 + 0 * b, v)
    return (b, v) if kind == "from zero" else (0 * b, 4 * v)


def gaussian(path: Path, x: NDArray, mean: NDArray, v: NDArray) -> NDArray:
    """log N(x | mean, v)."""
    e = x - mean
    return -(path("the log term", np.log(2 * np.pi * v) + 0 * e)
             + path("the quadratic term", e * e / v)) / 2  # fmt: skip


def chain(variant: Variant, path: Path, x: NDArray, a: NDArray, b: NDArray, r: NDArray) -> Outputs:
    v = path.through("the variance", r, variance(variant["variance"], r))
    mean, first = beginning(variant["start"], path("a in x_1", a), path("b in x_1", b),
                            path("v in x_1", v))  # fmt: skip
    start = path("the first factor", gaussian(path, x[:, 0], mean, first))
    before = path("x_t-1", x[:, :-1])
    mean = STEP[variant["step"]](before, path("a", a), path("b", b))
    rest = gaussian(path, x[:, 1:], mean, v)
    each = np.concatenate([start[:, None], path("the factors t > 1", rest)], axis=1)
    return (path("the sum over time", each).sum(axis=1),)


def logs(kind: str, path: Path, L: NDArray) -> NDArray:
    """log P[i, j]."""
    L = L.T if kind == "columns" else L * {"double": 2, "half": 0.5}.get(kind, 1)
    P = L - path("the normaliser", logsumexp(L, axis=1)[:, None])
    stay = {"lazy": 0.3, "lazy 0.5": 0.5}.get(kind, 0)
    return np.log(stay * np.eye(len(L)) + (1 - stay) * np.exp(P)) if stay else P


def discrete(variant: Variant, path: Path, L: NDArray, l0: NDArray, y: NDArray) -> Outputs:
    P = path("the table of transitions", logs(variant["table"], path, L))
    start = path("the first factor", l0 - logsumexp(l0))[y[:, 0]]
    return (start + path("the factors t > 1", P[y[:, :-1], y[:, 1:]]).sum(axis=1),)


def sample(variant: Variant, path: Path, noise: NDArray, a: NDArray, b: NDArray,
           r: NDArray) -> Outputs:  # fmt: skip
    v = path("v", variance(variant["variance"], r))
    mean, first = beginning(variant["start"], a, b, v)
    x = [mean + np.sqrt(first) * noise[:, 0]]
    for n in noise[:, 1:].T:
        x.append(STEP[variant["step"]](x[-1], a, b) + np.sqrt(v) * n)
    return (np.stack(x, axis=1),)


def marginals(variant: Variant, path: Path, L: NDArray, l0: NDArray, T: int) -> Outputs:
    P = np.exp(logs(variant["table"], path, L))
    p = [np.exp(l0 - logsumexp(l0))]
    for _ in range(int(T) - 1):
        p.append(p[-1] @ P)
    return (np.stack(p),)


def numbers(rng: np.random.Generator) -> Outputs:
    a, b, r = rng.uniform(0.3, 0.8), rng.uniform(0.2, 0.9), rng.uniform(-0.6, 0.6)
    return tuple(np.asarray(n) for n in (a, b, r))


def draw_chain(rng: np.random.Generator, N: int, T: int, K: int) -> Drawn:
    return (standard(rng, N, T), *numbers(rng)), ()


def draw_discrete(rng: np.random.Generator, N: int, T: int, K: int) -> Drawn:
    return (standard(rng, K, K), standard(rng, K)), (rng.integers(0, K, (N, T)),)


def draw_mk1(rng: np.random.Generator, N: int) -> Outputs:
    P = rng.uniform(0.1, 1, (N, N))
    return rng.dirichlet(np.ones(N)), P / P.sum(axis=1, keepdims=True)


def tasks(variant: Variant) -> tuple[Task, ...]:
    sizes = {"practice": ((6, 4, 3), (1, 3, 2), (4, 2, 4)),
             "grading": ((7, 5, 4), (1, 4, 3), (5, 2, 2), (11, 3, 5))}  # fmt: skip
    return (
        Pair("chain", ("x", "a", "b", "r"), ("logp",), partial(chain, variant),
             draw_chain, large=(40, 30, 2), points=(2, 2), **sizes),
        Pair("discrete", ("L", "l0"), ("logp",), partial(discrete, variant),
             draw_discrete, large=(40, 15, 30), points=(2, 2), unmarked=("l0",), **sizes),
        Value("sample", ("x",), partial(sample, variant),
              lambda rng, N, T, K: (standard(rng, N, T), *numbers(rng)), **sizes),
        Value("marginals", ("p",), partial(marginals, variant),
              lambda rng, N, T, K: (standard(rng, K, K), standard(rng, K), T),
              **sizes),
        Question("mk1", "MK-1", ("p1", "P"), lambda path, p1, P: (np.outer(p1, p1 @ P),),
                 lambda path, p1, P: (p1[:, None] * P,), draw_mk1,
                 fit={"p1 (K,) and P (K, K)":
                      lambda p1, P: p1.ndim == 1 and P.shape == 2 * p1.shape,
                      "probabilities: not below 0, each row summing to 1": lambda p1, P: all(
                          np.all(p >= 0) and abs(p.sum() - 1) < 1e-6 for p in (p1, *P))}),
    )  # fmt: skip
