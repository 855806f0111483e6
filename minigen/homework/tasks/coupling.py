"""Assignment 3: the affine coupling layer of Real NVP (Dinh et al. 2017), NVP-1 to NVP-8."""

import numpy as np

from minigen.homework.assignments import Assignment, Pair, Question, Value
from minigen.homework.tasks.functions import FUNCTION, TEXT, standard

OPTIONS = {
    "scale": ("tanh", "arctan", "root", "arcsinh"),
    "hidden": ("tanh", "softplus", "swish", "gauss"),
    "half": ("second", "first", "odd"),
    "direction": ("generative", "normalizing", "shift first"),
}
SPLIT = {
    "second": "xa = x[:, :d] is kept, xb = x[:, d:] is moved",
    "first": "xa = x[:, D-d:] is kept, xb = x[:, :D-d] is moved",
    "odd": "xa = x[:, 0::2] is kept, xb = x[:, 1::2] is moved",
}
MAP = {
    "generative": ("yb = xb * exp(s) + t", "+ sum over the columns of s"),
    "normalizing": ("yb = (xb - t) * exp(-s)", "- sum over the columns of s"),
    "shift first": ("yb = (xb + t) * exp(s)", "+ sum over the columns of s"),
}
INPUTS = ("x", "W1", "b1", "W2", "b2")


def columns(half, D, d):
    """The kept and the moved columns."""
    every = np.arange(D)
    if half == "odd":
        return every[0::2], every[1::2]
    return (every[:d], every[d:]) if half == "second" else (every[D - d :], every[: D - d])


def network(variant, path, xa, W1, b1, W2, b2):
    """s and t of the kept half."""
    r = xa @ W1 + b1
    h = path.through("the hidden activation", r, FUNCTION[variant["hidden"]](r))
    a, t = np.split(h @ W2 + b2, 2, axis=1)
    s = path("s", path.through("the scale function", a, FUNCTION[variant["scale"]](a)))
    return s, path("t", t)


def forward(variant, path, x, *weights):
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


def inverse(variant, path, y, *weights):
    kept, moved = columns(variant["half"], y.shape[1], len(weights[0]))
    s, t = network(variant, path, y[:, kept], *weights)
    x, yb = np.array(y), y[:, moved]
    if variant["direction"] == "generative":
        x[:, moved] = (yb - t) * np.exp(-s)
    elif variant["direction"] == "normalizing":
        x[:, moved] = yb * np.exp(s) + t
    else:
        x[:, moved] = yb * np.exp(-s) - t
    sign = 1 if variant["direction"] == "normalizing" else -1
    return x, path("logdet", sign * path("s in logdet", s).sum(axis=1))


def draw(rng, N, D, H):
    """Weights of a size at which nothing saturates."""
    d = (D + 1) // 2
    W1, W2 = standard(rng, d, H) / np.sqrt(d), standard(rng, H, 2 * (D - d)) / np.sqrt(H)
    inputs = standard(rng, N, D), W1, 0.3 * standard(rng, H), W2, 0.3 * standard(rng, 2 * (D - d))
    return inputs, ()


def draw_values(rng, N, D, H):
    return (), draw(rng, N, D, H)[0]


def nvp6(sign, path, y2, s, t):
    return ((y2 - t) * np.exp(sign * s),)


def same_shapes(y2, s, t):
    """What is wrong with a counterexample to NVP-6, or ""."""
    if y2.ndim != 2 or y2.shape != s.shape or y2.shape != t.shape:
        return "y2, s and t of one shape (N, M)"
    return "" if np.abs(s).max(initial=0) <= 20 else "|s| up to 20"


def draw_nvp6(rng, N):
    return (), (standard(rng, N, 3), standard(rng, N, 3), standard(rng, N, 3))


def tasks(variant):
    sizes = {"practice": ((6, 4, 5), (1, 5, 3), (3, 2, 4)),
             "grading": ((7, 5, 4), (1, 4, 6), (5, 3, 7), (11, 6, 3)),
             "large": (64, 24, 64)}  # fmt: skip
    both = {k: sizes[k] for k in ("practice", "grading")}
    return (
        Pair("coupling", INPUTS, ("y", "logdet"),
             lambda path, *a: forward(variant, path, *a), draw, points=(3, 2), **sizes),
        Value("coupling_inverse", ("x", "logdet"),
              lambda path, *a: inverse(variant, path, *a), draw_values, points=3, **both),
        Question("nvp6", "NVP-6", ("y2", "s", "t"), lambda path, *a: nvp6(1, path, *a),
                 lambda path, *a: nvp6(-1, path, *a), draw_nvp6, same_shapes),
    )  # fmt: skip


def slots(variant):
    formula, logdet = MAP[variant["direction"]]
    return {
        "split": SPLIT[variant["half"]],
        "hidden": TEXT[variant["hidden"]],
        "scale": TEXT[variant["scale"]],
        "map": formula,
        "logdet": logdet,
    }


ASSIGNMENT = Assignment(
    3, "coupling", "The affine coupling layer of Real NVP", "NVP-1 to NVP-8", OPTIONS, slots, tasks
)  # fmt: skip
