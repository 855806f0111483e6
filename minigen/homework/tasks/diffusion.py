"""Assignment 5: the forward process and its posterior, DIF-1 to DIF-23."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from minigen.homework.assignments import Pair, Question, Task, Value
from minigen.homework.marking.reference import Path
from minigen.homework.tasks.functions import alike, standard
from minigen.homework.types import Drawn, Outputs, Variant

LOW, HIGH = 0.001, 0.2
SIGNAL_AND_NOISE = {
    "preserving": (np.sqrt, lambda A: np.sqrt(1 - A)),
    "straight": (lambda A: A, lambda A: 1 - A),
    "exploding": (np.ones_like, lambda A: np.sqrt((1 - A) / A)),
    "arc": (lambda A: np.sin(np.pi / 2 * A), lambda A: np.cos(np.pi / 2 * A)),
}


def betas(kind: str, T: int) -> NDArray:
    """beta[0..T], beta[0] = 0."""
    t = np.arange(1, T + 1)
    part = (t - 1) / (T - 1)
    if kind == "cosine":
        f = np.cos(np.pi / 2 * (np.arange(T + 1) / T + 0.008) / 1.008) ** 2
        return np.concatenate([[0.0], np.minimum(1 - f[1:] / f[:-1], 0.999)])
    if kind == "quadratic":
        beta = (np.sqrt(LOW) + (np.sqrt(HIGH) - np.sqrt(LOW)) * part) ** 2
    else:
        rise = part if kind == "linear" else 1 / (1 + np.exp(6 - 12 * part))
        beta = LOW + (HIGH - LOW) * rise
    return np.concatenate([[0.0], beta])


def schedule(kind: str, path: Path, T: int) -> Outputs:
    beta = betas(kind, int(T))
    return beta, np.cumprod(1 - beta)


def noise(kind: str, path: Path, x0: NDArray, eps: NDArray, beta: NDArray, t: NDArray) -> Outputs:
    """x_t for every row's t; A_t = product of 1 - beta_s, s = 1..t."""
    products = np.cumprod(np.concatenate([[1], 1 - beta[1:]]))
    earlier = path("beta_s of the steps s < t in A_t", products[t - 1])
    alpha_bar = (earlier * path("beta_t itself in A_t", 1 - beta[t]))[:, None]
    of_signal, of_noise = SIGNAL_AND_NOISE[kind]
    signal = path("the factor of x0", of_signal(path("A_t in the signal", alpha_bar)))
    rest = path("the factor of eps", of_noise(path("A_t in the noise", alpha_bar)))
    return (signal * path("x0", x0) + rest * path("eps", eps),)


def columns(beta: NDArray, t: NDArray) -> Outputs:
    """beta_t, alpha_t, A_t, A_t-1 as columns."""
    A = np.cumprod(1 - beta)
    return beta[t][:, None], 1 - beta[t][:, None], A[t][:, None], A[t - 1][:, None]


def mean(path: Path, xt: NDArray, x0: NDArray, beta: NDArray, t: NDArray) -> NDArray:
    b, a, A, B = columns(beta, t)
    first = path("the term of x_t", np.sqrt(a) * (1 - B) / (1 - A) * xt)
    return first + path("the term of x0", b * np.sqrt(B) / (1 - A) * x0)


def posterior(eta: float, path: Path, xt: NDArray, x0: NDArray, beta: NDArray,
              t: NDArray) -> Outputs:  # fmt: skip
    b, _, A, B = columns(beta, t)
    ratio = path("the factor (1 - A_t-1) / (1 - A_t) of beta_tilde", (1 - B) / (1 - A))
    var = eta**2 * b * ratio
    if eta == 1:
        middle = mean(path, xt, x0, beta, t)
    else:
        k = np.sqrt(1 - B - eta**2 * b * (1 - B) / (1 - A)) / np.sqrt(1 - A)
        noise = path("the term of x_t", k * xt) - path("sqrt(A_t) x0 in eps", k * np.sqrt(A) * x0)
        middle = path("the term of x0", np.sqrt(B) * x0) + noise
    return middle, (var + 0 * x0[:, :1])[:, 0]


def clean(kind: str, path: Path, xt: NDArray, out: NDArray, beta: NDArray, t: NDArray) -> NDArray:
    """x0 from what the network predicts."""
    A = columns(beta, t)[2]
    if kind == "x0":
        return out
    if kind == "v":
        return path("x_t in x0", np.sqrt(A) * xt) - path("out in x0", np.sqrt(1 - A) * out)
    eps = out if kind == "eps" else -np.sqrt(1 - A) * out
    return (path("x_t in x0", xt) - path("out in x0", np.sqrt(1 - A) * eps)) / np.sqrt(A)


def reverse(variant: Variant, path: Path, xt: NDArray, out: NDArray, prev: NDArray, beta: NDArray,
            t: NDArray) -> Outputs:  # fmt: skip
    """log p(x_t-1 | x_t), summed over columns."""
    b, _, A, B = columns(beta, t)
    tilde = b * (1 - B) / (1 - A)
    variance = {"beta": b, "beta_tilde": tilde, "geometric mean": np.sqrt(b * tilde)}
    s2 = variance[variant["variance"]]
    x0 = clean(variant["predict"], path, path("x_t in x0", xt), out, beta, t)
    r = path("x_t-1", prev) - path("the mean", mean(path, xt, x0, beta, t))
    quadratic = path("the quadratic term", r * r / (2 * s2))
    each = path("the log term", np.log(2 * np.pi * s2) / 2 + 0 * r) + quadratic
    return (-path("the sum over the columns", each).sum(axis=1),)


def times(rng: np.random.Generator, N: int, T: int, low: int) -> NDArray:
    """A time for each row, low..T; the first is T, and the last `low`."""
    t = rng.integers(low, T + 1, N)
    t[-1], t[0] = low, T
    return t


def draw_noise(rng: np.random.Generator, N: int, D: int, T: int) -> Drawn:
    beta = np.concatenate([[0.0], rng.uniform(0.02, 0.3, T)])
    return (standard(rng, N, D), standard(rng, N, D), beta), (times(rng, N, T, 1),)


def draw_posterior(rng: np.random.Generator, N: int, D: int, T: int) -> Drawn:
    (x, y, beta), _ = draw_noise(rng, N, D, T)
    return (x, y), (beta, times(rng, N, T, 2))


def draw_reverse(rng: np.random.Generator, N: int, D: int, T: int) -> Drawn:
    (x, y), given = draw_posterior(rng, N, D, T)
    return (x, y, standard(rng, N, D)), given


def draw_dif22(rng: np.random.Generator, N: int) -> Outputs:
    alpha = rng.uniform(0.5, 0.95, N)
    return *standard(rng, 2, N), alpha, alpha * rng.uniform(0.3, 0.9, N)


def dif22(first: Callable[[NDArray], NDArray], path: Path, xt: NDArray, eps: NDArray,
          alpha: NDArray, A: NDArray) -> Outputs:  # fmt: skip
    return (first(alpha) * xt - (1 - alpha) / np.sqrt(alpha * (1 - A)) * eps,)


def tasks(variant: Variant) -> tuple[Task, ...]:
    sizes = {"practice": ((6, 3, 8), (1, 4, 5), (4, 2, 12)),
             "grading": ((7, 4, 9), (1, 3, 6), (5, 2, 11), (11, 3, 4))}  # fmt: skip
    return (
        Value("schedule", ("beta", "alpha_bar"),
              partial(schedule, variant["schedule"]), lambda rng, N, D, T: (2 * T + 1,), **sizes),
        Pair("noise", ("x0", "eps", "beta"), ("xt",), partial(noise, variant["noise"]),
             draw_noise, large=(32, 16, 60), points=(2, 2), **sizes),
        Pair("posterior", ("xt", "x0"), ("mean", "var"),
             partial(posterior, float(variant["posterior"])), draw_posterior,
             large=(32, 16, 20), **sizes),
        Pair("reverse", ("xt", "out", "prev"), ("logp",),
             partial(reverse, variant), draw_reverse, large=(32, 16, 20),
             points=(3, 2), **sizes),
        Question("dif22", "DIF-22", ("xt", "eps", "alpha", "A"),
                 partial(dif22, np.ones_like),
                 partial(dif22, lambda alpha: 1 / np.sqrt(alpha)),
                 draw_dif22,
                 fit={"xt, eps, alpha and A of one shape (N,)": alike,
                      "0 < A <= alpha < 1": lambda xt, eps, alpha, A: np.all(
                          (A > 0) & (alpha >= A) & (alpha < 1))}),
    )  # fmt: skip
