"""Assignment 3: the affine coupling layer of Real NVP (Dinh et al. 2017), NVP-1 to NVP-8."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from minigen.homework.assignments import Pair, Question, Task, Value
from minigen.homework.marking.reference import Path
from minigen.homework.tasks.functions import FUNCTION, alike, standard
from minigen.homework.types import Drawn, Outputs, Variant

INPUTS = ("x", "W1", "b1", "W2", "b2")


def columns(half: str, D: int, d: int) -> Outputs:
    """The kept and the moved columns."""
    every = np.arange(D)
    if half == "odd":
        return every[0::2], every[1::2]
    return (every[:d], every[d:]) if half == "second" else (every[D - d :], every[: D - d])


def network(variant: Variant, path: Path, xa: NDArray,
            *weights: NDArray) -> tuple[NDArray, NDArray]:  # fmt: skip
    """s and t of the kept half."""
    W1, b1, W2, b2 = weights
    r = xa @ W1 + b1
    h = path.through("the hidden activation", r, FUNCTION[variant["hidden"]](r))
    a, t = np.split(h @ W2 + b2, 2, axis=1)
    clamp = float(variant["clamp"])
    s = clamp * FUNCTION[variant["scale"]](a / clamp)
    s = path("s", path.through("the scale function", a, s))
    return s, path("t", t)


def forward(variant: Variant, path: Path, x: NDArray, *weights: NDArray) -> Outputs:
    kept, moved = columns(variant["half"], x.shape[1], len(weights[0]))
    s, t = network(variant, path, path("the kept half in the network", x[:, kept]), *weights)
    xb = path("the moved half", x[:, moved])
    y = np.array(x, dtype=np.result_type(x, s))
    sign = -1 if variant["direction"] == "normalizing" else 1
    if variant["direction"] == "generative":
        y[:, moved] = xb * path("exp(s)", np.exp(s)) + t
    elif variant["direction"] == "normalizing":
        y[:, moved] = (xb - t) * path("exp(-s)", np.exp(-s))
    else:
        y[:, moved] = (xb + t) * path("exp(s)", np.exp(s))
    y[:, kept] = path("the kept half", x[:, kept])
    return y, path("logdet", sign * path("s in logdet", s).sum(axis=1))


def inverse(variant: Variant, path: Path, y: NDArray, *weights: NDArray) -> Outputs:
    kept, moved = columns(variant["half"], y.shape[1], len(weights[0]))
    s, t = network(variant, path, y[:, kept], *weights)
    e = path("s in the exponent", s)
    x, yb = np.array(y), y[:, moved]
    if variant["direction"] == "generative":
        x[:, moved] = (yb - t) * np.exp(-e)
    elif variant["direction"] == "normalizing":
        x[:, moved] = yb * np.exp(e) + t
    else:
        x[:, moved] = yb * np.exp(-e) - t
    sign = 1 if variant["direction"] == "normalizing" else -1
    return x, path("logdet", sign * path("s in logdet", s).sum(axis=1))


def draw(rng: np.random.Generator, N: int, D: int, H: int) -> Drawn:
    """Weights of a size at which nothing saturates."""
    d = (D + 1) // 2
    W1, W2 = standard(rng, d, H) / np.sqrt(d), standard(rng, H, 2 * (D - d)) / np.sqrt(H)
    inputs = standard(rng, N, D), W1, 0.3 * standard(rng, H), W2, 0.3 * standard(rng, 2 * (D - d))
    return inputs, ()


def nvp6(sign: int, path: Path, y2: NDArray, s: NDArray, t: NDArray) -> Outputs:
    return ((y2 - t) * np.exp(sign * s),)


def tasks(variant: Variant) -> tuple[Task, ...]:
    sizes = {"practice": ((6, 4, 5), (1, 5, 3), (3, 2, 4)),
             "grading": ((7, 5, 4), (1, 4, 6), (5, 3, 7), (11, 6, 3)),
             "large": (24, 20, 24)}  # fmt: skip
    both = {k: sizes[k] for k in ("practice", "grading")}
    return (
        Pair("coupling", INPUTS, ("y", "logdet"),
             partial(forward, variant), draw, points=(3, 2), **sizes),
        Value("coupling_inverse", ("x", "logdet"),
              partial(inverse, variant), lambda rng, *size: draw(rng, *size)[0], points=3, **both),
        Question("nvp6", "NVP-6", ("y2", "s", "t"), partial(nvp6, 1),
                 partial(nvp6, -1), lambda rng, N: standard(rng, 3, N, 3),
                 fit={"y2, s and t of one shape (N, M)": partial(alike, axes=2),
                      "|s| up to 20": lambda y2, s, t: np.abs(s).max(initial=0) <= 20}),
    )  # fmt: skip
