"""Assignment 1: a layer, a loss, weights used twice, and how gradients are checked."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from minigen.core.numeric import softplus
from minigen.homework.assignments import Pair, Question, Task, Value
from minigen.homework.marking.reference import Path
from minigen.homework.tasks.functions import FUNCTION, alike, standard
from minigen.homework.types import Drawn, Outputs, Variant

H = 1e-100
EACH = {
    "log cosh": lambda e: np.log(np.cosh(e)),
    "pseudo-Huber": lambda e: np.sqrt(1 + e * e) - 1,
    "logistic": lambda e: softplus(e) - e / 2,
}


def layer(activation: str, path: Path, x: NDArray, W: NDArray, b: NDArray) -> Outputs:
    r = path("the product with W", x @ W) + path("b", b)
    return (path.through("the activation", r, FUNCTION[activation](r)),)


def twice(activation: str, path: Path, x: NDArray, W: NDArray, b: NDArray) -> Outputs:
    r = x @ path("the first use of W", W) + path("the first use of b", b)
    h = path.through("the first activation", r, FUNCTION[activation](r))
    r2 = path.product("W", h, path("the second use of W", W)) + path("the second use of b", b)
    return (path.through("the second activation", r2, FUNCTION[activation](r2)),)


def loss(kind: str, reduction: str, path: Path, pred: NDArray, target: NDArray) -> Outputs:
    e = path("e", pred - target)
    each = path("the square", e * e) / 2 if kind == "half square" else EACH[kind](e)
    rows = {"mean of rows": len(e), "sum": 1, "mean": e.size}[reduction]
    return (path("the loss", path("the sum", each.sum()) / rows),)


def tangent(activation: str, path: Path, x: NDArray, W: NDArray, b: NDArray, ux: NDArray,
            uW: NDArray, ub: NDArray) -> Outputs:  # fmt: skip
    """The derivative along (ux, uW, ub), by a complex step."""
    u = 1j * H
    x = x + u * path("the path of ux", ux)
    r = x @ (W + u * path("the path of uW", uW)) + (b + u * path("the path of ub", ub))
    return (FUNCTION[activation](r).imag / H,)


def extrapolated(steps: str, path: Path, coarse: NDArray, fine: NDArray) -> Outputs:
    ratio, kind = steps.split()
    power = int(ratio) ** {"forward": 1, "central": 2}[kind]
    return ((power * fine - coarse) / (power - 1),)


def draw_layer(rng: np.random.Generator, N: int, D: int, M: int) -> Drawn:
    return (standard(rng, N, D), standard(rng, D, M) / np.sqrt(D), 0.3 * standard(rng, M)), ()


def draw_twice(rng: np.random.Generator, N: int, D: int, _: int) -> Drawn:
    return draw_layer(rng, N, D, D)


def draw_loss(rng: np.random.Generator, N: int, D: int, _: int) -> Drawn:
    return (standard(rng, N, D),), (standard(rng, N, D),)


def draw_cv4(rng: np.random.Generator, N: int) -> Outputs:
    slope = standard(rng, N)
    slope[0] = -np.abs(slope[0])
    return rng.uniform(0.1, 1, N), slope


def tasks(variant: Variant) -> tuple[Task, ...]:
    kind = variant["activation"]
    sizes = {"practice": ((6, 4, 3), (1, 3, 5), (4, 2, 2)),
             "grading": ((7, 3, 4), (1, 5, 2), (5, 4, 6), (11, 2, 3))}  # fmt: skip
    return (
        Pair("layer", ("x", "W", "b"), ("y",), partial(layer, kind),
             draw_layer, large=(24, 20, 20), **sizes),
        Pair("loss", ("pred",), ("loss",), partial(loss, variant["loss"], variant["reduction"]),
             draw_loss, large=(60, 20, 1), **sizes),
        Pair("twice", ("x", "W", "b"), ("y",), partial(twice, kind),
             draw_twice, large=(24, 20, 20), **sizes),
        Value("layer_jvp", ("dy",), partial(tangent, kind),
              lambda rng, *size: (*draw_layer(rng, *size)[0], *draw_layer(rng, *size)[0]),
              points=3, **sizes),
        Value("extrapolate", ("d",), partial(extrapolated, variant["steps"]),
              lambda rng, N, D, _: standard(rng, 2, N, D), **sizes),
        Question("cv4", "CV-4", ("q", "slope"), lambda path, q, slope: (q * slope,),
                 lambda path, q, slope: (q * np.abs(slope),), draw_cv4,
                 fit={"q and slope of one shape (N,)": alike,
                      "q above 0, slope not 0":
                      lambda q, slope: np.all(q > 0) and np.all(slope != 0)}),
    )  # fmt: skip
