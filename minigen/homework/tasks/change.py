"""Assignment 2: change of variables, N(0, Sigma) and chains, CV-1 to CV-10."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from minigen.homework.assignments import Pair, Question, Task
from minigen.homework.marking.reference import Path
from minigen.homework.tasks.functions import standard
from minigen.homework.types import Drawn, Outputs, Variant


def triangular(kind: str, L: NDArray) -> NDArray:
    """The lower triangular factor of the parameters."""
    if kind == "log diagonal":
        return np.tril(L, -1) + np.diag(np.exp(np.diagonal(L)))
    return np.tril(L)


def gauss(kind: str, mean: float, path: Path, z: NDArray, L: NDArray) -> Outputs:
    C, z = triangular(kind, L), z - path("the mean m", mean + 0 * z)
    log_diagonal = path("the log-determinant of Sigma", np.log(np.diagonal(C)).sum())
    if kind == "precision":
        u, sign = z @ path("L in the quadratic form", C), 1
    else:
        u, sign = np.linalg.solve(path("L in the quadratic form", C), z.T).T, -1
    quadratic = path("the quadratic form", (u * u).sum(axis=1) / 2)
    constant = path("the constant log(2 pi)", z.shape[1] / 2 * np.log(2 * np.pi) + 0 * L[0, 0])
    return (sign * log_diagonal - quadratic - constant,)


def log_det(W: NDArray) -> NDArray:
    """log|det W|, right for either sign of the determinant."""
    det = np.linalg.det(W)
    return np.log(det * np.sign(det.real))


def linear(kind: str, path: Path, x: NDArray, W: NDArray, b: NDArray) -> Outputs:
    rows = 1 + 0 * x[:, 0]
    if kind != "density":
        V = W.T if kind == "sampling, transposed" else W
        shift = path("b", b)
        first, last = (shift, 0) if kind == "sampling, shift first" else (0, shift)
        y = (x + first) @ path("W in the product", V) + last
        return y, path("logdet", rows * log_det(path("W in logdet", W)))
    z = np.linalg.solve(path("W in the product", W).T, (x - path("b", b)).T).T
    return z, path("logdet", -rows * log_det(path("W in logdet", W)))


def bend(kind: str, r: NDArray) -> tuple[NDArray, NDArray]:
    """(m(r), m'(r)) of the elementwise map."""
    if kind == "arcsinh":
        return np.arcsinh(r), 1 / np.sqrt(1 + r * r)
    if kind == "cubic":
        return r + r**3 / 3, 1 + r * r
    if kind == "sine":
        return r + np.sin(r) / 2, 1 + np.cos(r) / 2
    if kind == "kink-free leak":
        return r + np.tanh(r) / 2, 1 + (1 - np.tanh(r) ** 2) / 2
    return r + np.log(1 + np.exp(r)), 1 + 1 / (1 + np.exp(-r))


def chain(kind: str, order: str, path: Path, z: NDArray, W: NDArray, b: NDArray) -> Outputs:
    affine = order == "affine first"
    r = path.product("W", z, path("W in the product", W)) + b if affine else z
    y = bend(kind, path("r in y", r))[0]
    y = path.through("the elementwise map", r, y)
    if not affine:
        y = path.product("W", y, path("W in the product", W)) + b
    bent = path("the log-det of the elementwise map", np.log(bend(kind, path("r in logdet", r))[1]))
    det = path("the log-det of W", log_det(path("W in logdet", W)))
    return y, det + bent.sum(axis=1)


def matrix(rng: np.random.Generator, D: int) -> NDArray:
    """A well-conditioned matrix; its determinant is negative for odd D, positive for even D."""
    W = standard(rng, D, D) / (2 * D) + np.eye(D)
    return W * np.where(np.arange(D) == 0, (-1.0) ** D, 1.0)


def draw_gauss(rng: np.random.Generator, N: int, D: int) -> Drawn:
    L = np.tril(standard(rng, D, D)) / 2
    np.fill_diagonal(L, rng.uniform(0.6, 1.4, D))
    return (standard(rng, N, D), L), ()


def draw_linear(rng: np.random.Generator, N: int, D: int) -> Drawn:
    return (standard(rng, N, D), matrix(rng, D), standard(rng, D)), ()


def tasks(variant: Variant) -> tuple[Task, ...]:
    sizes = {"practice": ((6, 3), (1, 4), (4, 2)), "grading": ((7, 4), (1, 3), (5, 2), (11, 5))}
    result = "z" if variant["direction"] == "density" else "y"
    mean = float(variant["mean"])
    return (
        Pair("gauss", ("z", "L"), ("logp",), partial(gauss, variant["base"], mean),
             draw_gauss, large=(30, 15), points=(2, 2), **sizes),
        Pair("linear", ("x", "W", "b"), (result, "logdet"),
             partial(linear, variant["direction"]), draw_linear,
             large=(30, 15), **sizes),
        Pair("chain", ("z", "W", "b"), ("y", "logdet"),
             partial(chain, variant["map"], variant["order"]), draw_linear, large=(30, 15),
             points=(2, 2), **sizes),
        Question("cv9", "CV-9", ("logq", "ld"),
                 lambda path, logq, ld: (logq + len(ld) * ld[-1],),
                 lambda path, logq, ld: (logq + ld.sum(axis=0),),
                 lambda rng, N: (standard(rng, N), standard(rng, 3, N)),
                 fit={"logq (N,) and ld (K, N)": lambda logq, ld: logq.ndim == 1 and ld.ndim == 2
                      and ld.shape[1:] == logq.shape and len(ld) > 0}),
    )  # fmt: skip
