"""Assignment 1: a layer, a loss, weights used twice, and how gradients are checked."""

import numpy as np

from minigen.homework.assignments import Assignment, Pair, Question, Value
from minigen.homework.tasks.functions import FUNCTION, TEXT, standard

H = 1e-100
OPTIONS = {
    "activation": ("tanh", "swish", "sine", "softplus", "arctan"),
    "loss": ("half square", "log cosh", "pseudo-Huber"),
    "steps": ("halved", "divided by three", "halved, forward differences"),
}
LOSS = {
    "half square": "e^2 / 2",
    "log cosh": "log(cosh(e))",
    "pseudo-Huber": "sqrt(1 + e^2) - 1",
}
STEPS = {"halved": (2, 2), "divided by three": (3, 2), "halved, forward differences": (2, 1)}


def layer(activation, path, x, W, b):
    r = path("the product with W", x @ W) + path("b", b)
    return (path.through("the activation", r, FUNCTION[activation](r)),)


def twice(activation, path, x, W, b):
    r = x @ path("the first use of W", W) + path("the first use of b", b)
    h = path.through("the first activation", r, FUNCTION[activation](r))
    r2 = h @ path("the second use of W", W) + path("the second use of b", b)
    return (path.through("the second activation", r2, FUNCTION[activation](r2)),)


def loss(kind, path, pred, target):
    e = path("e", pred - target)
    if kind == "half square":
        each = path("the square", e * e) / 2
    else:
        each = np.log(np.cosh(e)) if kind == "log cosh" else np.sqrt(1 + e * e) - 1
    return (path("the loss", each.sum(axis=1).mean()),)


def tangent(activation, path, x, W, b, ux, uW, ub):
    """The derivative along (ux, uW, ub), by a complex step."""
    u = 1j * H
    x = x + u * path("the path of ux", ux)
    r = x @ (W + u * path("the path of uW", uW)) + (b + u * path("the path of ub", ub))
    return (FUNCTION[activation](r).imag / H,)


def extrapolated(ratio, order, path, coarse, fine):
    power = ratio**order
    return ((power * fine - coarse) / (power - 1),)


def draw_layer(rng, N, D, M):
    return (standard(rng, N, D), standard(rng, D, M) / np.sqrt(D), 0.3 * standard(rng, M)), ()


def draw_twice(rng, N, D, _):
    return draw_layer(rng, N, D, D)


def draw_loss(rng, N, D, _):
    return (standard(rng, N, D),), (standard(rng, N, D),)


def draw_tangent(rng, N, D, M):
    return (), (*draw_layer(rng, N, D, M)[0], *draw_layer(rng, N, D, M)[0])


def draw_steps(rng, N, D, _):
    return (), (standard(rng, N, D), standard(rng, N, D))


def cv4_fits(q, slope):
    """What is wrong with a counterexample to CV-4, or ""."""
    if q.shape != slope.shape or q.ndim != 1:
        return "q and slope of one shape (N,)"
    return "" if np.all(q > 0) and np.all(slope != 0) else "q above 0, slope not 0"


def draw_cv4(rng, N):
    slope = standard(rng, N)
    slope[0] = -np.abs(slope[0])
    return (), (rng.uniform(0.1, 1, N), slope)


def tasks(variant):
    kind, (ratio, order) = variant["activation"], STEPS[variant["steps"]]
    sizes = {"practice": ((6, 4, 3), (1, 3, 5), (4, 2, 2)),
             "grading": ((7, 3, 4), (1, 5, 2), (5, 4, 6), (11, 2, 3))}  # fmt: skip
    return (
        Pair("layer", ("x", "W", "b"), ("y",), lambda path, *a: layer(kind, path, *a),
             draw_layer, large=(128, 80, 80), **sizes),
        Pair("loss", ("pred",), ("loss",), lambda path, *a: loss(variant["loss"], path, *a),
             draw_loss, large=(800, 40, 1), **sizes),
        Pair("twice", ("x", "W", "b"), ("y",), lambda path, *a: twice(kind, path, *a),
             draw_twice, large=(128, 80, 80), **sizes),
        Value("layer_jvp", ("dy",), lambda path, *a: tangent(kind, path, *a), draw_tangent,
              points=3, **sizes),
        Value("extrapolate", ("d",), lambda path, *a: extrapolated(ratio, order, path, *a),
              draw_steps, **sizes),
        Question("cv4", "CV-4", ("q", "slope"), lambda path, q, slope: (q * slope,),
                 lambda path, q, slope: (q * np.abs(slope),), draw_cv4, cv4_fits),
    )  # fmt: skip


def slots(variant):
    ratio, order = STEPS[variant["steps"]]
    return {
        "activation": TEXT[variant["activation"]],
        "loss": LOSS[variant["loss"]],
        "ratio": str(ratio),
        "order": str(order),
        "kind": "central" if order == 2 else "forward",
    }


ASSIGNMENT = Assignment(
    1, "gradients", "Gradients and their checks", "CV-4", OPTIONS, slots, tasks
)  # fmt: skip
