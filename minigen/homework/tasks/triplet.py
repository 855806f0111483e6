"""Assignment 7: the triplet loss and mining (TRI-1; Schroff et al. 2015)."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core.numeric import softplus
from minigen.homework.assignments import Pair, Question, Task, Value
from minigen.homework.marking.reference import Path
from minigen.homework.tasks.functions import alike, standard
from minigen.homework.types import Drawn, Outputs, Variant


def distance(kind: str, u: NDArray, v: NDArray) -> NDArray:
    """Along the last axis."""
    if kind == "cosine":
        dot, uu, vv = (u * v).sum(-1), (u * u).sum(-1), (v * v).sum(-1)
        return 1 - dot / (np.sqrt(uu) * np.sqrt(vv))
    e = u - v
    if kind == "pseudo-Huber":
        return (np.sqrt(1 + e * e) - 1).sum(-1)
    total = (e * e).sum(-1)
    return np.sqrt(total + 0.01) if kind == "euclidean" else total


def penalty(kind: str, g: NDArray) -> NDArray:
    if kind == "softplus":
        return softplus(g)
    if kind.endswith("softplus"):
        return softplus(2 * g) / 2 if kind == "sharp softplus" else softplus(g) ** 2
    positive = np.where(np.real(g) > 0, g, 0)
    return positive if kind == "hinge" else positive * positive


LENGTH = {  # of the squares of h
    "euclidean": lambda s: np.sqrt(s.sum(axis=1, keepdims=True)),
    "smooth 0.1": lambda s: np.sqrt(s.sum(axis=1, keepdims=True) + 0.1),
    "smooth 0.5": lambda s: np.sqrt(s.sum(axis=1, keepdims=True) + 0.5),
    "root mean square": lambda s: np.sqrt(s.mean(axis=1, keepdims=True)),
    "shifted": lambda s: 1 + np.sqrt(s.sum(axis=1, keepdims=True)),
    "fourth": lambda s: (s * s).sum(axis=1, keepdims=True) ** 0.25,
}


def normalize(kind: str, path: Path, h: NDArray) -> Outputs:
    length = path("the length", LENGTH[kind](h * h))
    return (path("the direct h", h) / length,)


def triplet(variant: Variant, path: Path, a: NDArray, p: NDArray, n: NDArray,
            margin: NDArray) -> Outputs:  # fmt: skip
    dp = path("d(a, p)", distance(variant["distance"], a, p))
    dn = path("d(a, n)", distance(variant["distance"], a, n))
    g = path("d(a, p) - d(a, n)", dp - dn) + path("the margin", margin + 0 * dp)
    each = path.through("the penalty", g, penalty(variant["loss"], g))
    rows = len(each) if variant["reduction"] == "MEAN" else 1
    return (path("the loss", path("the sum", each.sum()) / rows),)


def mined(variant: Variant, e: NDArray, labels: NDArray) -> tuple[NDArray, NDArray]:
    """pos, neg (N,): the rows chosen for each anchor."""
    d = distance(variant["distance"], np.real(e)[:, None], np.real(e)[None])
    same = labels[:, None] == labels[None, :]
    mine = same & ~np.eye(len(e), dtype=bool)
    near = np.where(mine, d, np.inf).argmin(axis=1)
    far = np.where(mine, d, -np.inf).argmax(axis=1)
    pos = near if variant["mining"] == "batch easy" else far
    neg = np.where(same, np.inf, d).argmin(axis=1)
    if variant["mining"].startswith("hard positive"):
        beyond = ~same & (d > d[np.arange(len(e)), pos][:, None])
        semi = np.where(beyond, d, np.inf).argmin(axis=1)
        neg = np.where(beyond.any(axis=1), semi, np.where(same, -np.inf, d).argmax(axis=1))
    return pos, neg


def batch(variant: Variant, path: Path, e: NDArray, labels: NDArray, margin: NDArray) -> Outputs:
    pos, neg = mined(variant, e, labels)
    return triplet(
        variant, path, path("e as anchors", e), path("e as positives", e[pos]),
        path("e as negatives", e[neg]), margin,
    )  # fmt: skip


def draw_triplet(rng: np.random.Generator, N: int, D: int) -> Drawn:
    """Active and inactive triplets, none near the kink; for D = 2 the first is on it, g = 0.

    There p and n mirror each other in an axis that goes through a, in numbers of few bits.
    """
    a, p, n = (standard(rng, N, D) for _ in range(3))
    p, n = a + 0.4 * p, a + 0.5 * n
    if D == 2:
        a[0], p[0], n[0] = (1, 0), (0.5, 0.75), (0.5, -0.75)
    return (a, p, n), (0.0 if D == 2 else 0.2,)


def draw_batch(rng: np.random.Generator, N: int, D: int) -> Drawn:
    """Rows with labels; for D = 2 two of one label are equal, of numbers of few bits: ties."""
    labels, e = rng.permutation(np.arange(N) % max(2, N // 3)), standard(rng, N, D)
    if D == 2:
        e = np.rint(64 * e) / 64
        _, one, two, *_ = np.argsort(labels, kind="stable")
        e[one] = e[two] if labels[one] == labels[two] else e[one]
    return (e,), (labels, 0.3)


def draw_mine(rng: np.random.Generator, N: int, D: int) -> Outputs:
    (e,), (labels, _) = draw_batch(rng, N, D)
    return e, labels


def hinge(power: int, path: Path, dp: NDArray, dn: NDArray) -> Outputs:
    return (np.maximum(dp**power - dn**power + 0.2, 0),)


def tasks(variant: Variant) -> tuple[Task, ...]:
    three: dict[str, Any] = {
        "practice": ((6, 3), (1, 4), (4, 2)),
        "grading": ((7, 4), (1, 3), (5, 2), (13, 3)),
    }
    many: dict[str, Any] = {
        "practice": ((6, 3), (9, 2), (4, 3)),
        "grading": ((7, 4), (12, 3), (8, 2), (4, 3)),
    }
    return (
        Pair("normalize", ("h",), ("a",), partial(normalize, variant["length"]),
             lambda rng, N, D: ((standard(rng, N, D),), ()), large=(48, 24), **three),
        Pair("triplet", ("a", "p", "n"), ("loss",), partial(triplet, variant),
             draw_triplet, large=(48, 24), points=(2, 2), **three),
        Value("mine", ("pos", "neg"), lambda path, *a: mined(variant, *a), draw_mine,
              points=3, **many),
        Pair("batch", ("e",), ("loss",), partial(batch, variant), draw_batch,
             large=(32, 12), points=(2, 4), **many),
        Question("tri1", "TRI-1", ("dp", "dn"), partial(hinge, 1),
                 partial(hinge, 2), lambda rng, N: rng.uniform(0, 1.5, (2, N)),
                 fit={"dp and dn of one shape (N,)": alike,
                      "lengths, not below 0": lambda dp, dn: np.all((dp >= 0) & (dn >= 0))}),
    )  # fmt: skip
