"""Assignment 4: MADE's masks, MAF and IAF, and the pass that is sequential (MAF, IAF, S-MADE)."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from minigen.core.numeric import softplus
from minigen.homework.assignments import Pair, Question, Task, Value
from minigen.homework.marking.reference import Path
from minigen.homework.tasks.functions import FUNCTION, alike, standard
from minigen.homework.types import Drawn, Outputs, Variant

SIGMA = {
    "exp": np.exp,
    "softplus": softplus,
    "exp of minus": lambda a: np.exp(-a),
    "bounded": lambda a: np.exp(np.tanh(a)),
}
NET = ("W1", "b1", "Wm", "bm", "Wa", "ba")


def positions(order: str, D: int) -> NDArray:
    """pos[i] = 1..D, the place of column i in the factorisation."""
    if order == "natural":
        return np.arange(1, D + 1)
    if order == "reversed":
        return np.arange(D, 0, -1)
    pos = np.empty(D, int)
    pos[np.r_[1:D:2, 0:D:2] if order == "odd first" else np.r_[0:D:2, 1:D:2]] = np.arange(1, D + 1)
    return pos


def degrees(rule: str, D: int, H: int) -> NDArray:
    k = np.arange(H)
    if rule == "cyclic":
        return 1 + k % (D - 1)
    return 1 + k * (D - 1) // H if rule == "blocks" else (D - 1) - k % (D - 1)


def masks(variant: Variant, D: int, H: int) -> tuple[NDArray, NDArray]:
    """M1 (D, H), M2 (H, D) of 0 and 1."""
    pos, m = positions(variant["order"], int(D)), degrees(variant["degrees"], int(D), int(H))
    return (m >= pos[:, None]).astype(int), (pos > m[:, None]).astype(int)


def network(variant: Variant, path: Path, x: NDArray, *net: NDArray) -> tuple[NDArray, NDArray]:
    """mu and log sigma, each (N, D)."""
    W1, b1, Wm, bm, Wa, ba = net
    M1, M2 = masks(variant, x.shape[1], W1.shape[1])
    r = path("x in the network", x) @ (M1 * W1) + b1
    h = path.through("the hidden activation", r, FUNCTION[variant["hidden"]](r))
    mu = path("mu", h @ (M2 * Wm) + bm)
    a = h @ (M2 * Wa) + ba
    return mu, np.log(SIGMA[variant["sigma"]](a) + float(variant["floor"]))


def maf(variant: Variant, path: Path, x: NDArray, *net: NDArray) -> Outputs:
    mu, log_sigma = network(variant, path, x, *net)
    scale = np.exp(-path("log sigma in z", log_sigma))
    z = (path("the direct x", x) - mu) * path("the division by sigma", scale)
    return z, path("logdet", -path("log sigma in logdet", log_sigma).sum(axis=1))


def iaf(variant: Variant, path: Path, z: NDArray, *net: NDArray) -> Outputs:
    mu, log_sigma = network(variant, path, z, *net)
    scale = path("sigma", np.exp(path("log sigma in x", log_sigma)))
    x = path("the direct z", z) * scale + mu
    return x, path("logdet", path("log sigma in logdet", log_sigma).sum(axis=1))


def maf_inverse(variant: Variant, path: Path, z: NDArray, *net: NDArray) -> Outputs:
    """x column by column, the plain way."""
    x = np.zeros(z.shape)
    for _ in range(z.shape[1]):
        mu, log_sigma = network(variant, path, x, *net)
        x = z * np.exp(log_sigma) + mu
    return (x,)


def draw(rng: np.random.Generator, N: int, D: int, H: int) -> Drawn:
    W1, Wm, Wa = (standard(rng, *shape) / np.sqrt(shape[0]) for shape in ((D, H), (H, D), (H, D)))
    b1, bm, ba = (0.3 * standard(rng, n) for n in (H, D, D))
    return (standard(rng, N, D), W1, b1, Wm, bm, Wa / 2, ba), ()


def draw_values(rng: np.random.Generator, N: int, D: int, H: int) -> Outputs:
    return draw(rng, N, D, H)[0]


def density(path: Path, z: NDArray, mu: NDArray, sigma: NDArray) -> Outputs:
    return (np.exp(-z * z / 2) / (np.sqrt(2 * np.pi) * sigma),)


def tasks(variant: Variant) -> tuple[Task, ...]:
    sizes = {"practice": ((6, 4, 7), (1, 3, 5), (4, 5, 6)),
             "grading": ((7, 5, 9), (1, 4, 6), (5, 3, 8), (9, 2, 4))}  # fmt: skip
    slow = "only the hidden units of one degree become known with each column: compute each once"
    return (
        Value("made_masks", ("M1", "M2"), lambda path, D, H: masks(variant, D, H),
              lambda rng, N, D, H: (D, H), **sizes),
        Pair("maf", ("x", *NET), ("z", "logdet"), partial(maf, variant), draw,
             large=(24, 12, 24), **sizes),
        Pair("iaf", ("z", *NET), ("x", "logdet"), partial(iaf, variant), draw,
             large=(24, 12, 24), unmarked=("bm",), **sizes),
        Value("maf_inverse", ("x",), partial(maf_inverse, variant), draw_values,
              **sizes),
        Value("maf_inverse_fast", ("x",), partial(maf_inverse, variant),
              draw_values, points=4, undo=lambda x, z, *net: maf(variant, Path(), x, *net)[0],
              large=(16, 32, 48), times=10.0, why=slow, **sizes),
        Question("maf2", "MAF-2", ("z", "mu", "sigma"),
                 lambda path, z, mu, sigma: (z * sigma + mu,), density,
                 lambda rng, N: (*standard(rng, 2, N), rng.uniform(0.3, 2, N)),
                 fit={"z, mu and sigma of one shape (N,)": alike,
                      "sigma above 0": lambda z, mu, sigma: np.all(sigma > 0)}),
    )  # fmt: skip
