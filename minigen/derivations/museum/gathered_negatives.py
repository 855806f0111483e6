"""Negatives without a gradient.

where: VISSL, simclr_info_nce_loss.py, pull request 123 of 2021: with several processes.
what: Each anchor is compared with embeddings that were gathered from all processes, and what was
    gathered has no gradient. An embedding then learns as an anchor, but not as the positive or the
    negative of another.
effect: The loss is right to the last digit, but its gradient has one of two terms: nothing pushes a
    negative away as a negative. Training ends at a larger loss, with fewer right neighbours.
check: gradients: the same batch in one process and in two, or a derivative made from the loss.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen import check
from minigen.core.contract import Cache, Grads
from minigen.data import digits
from minigen.derivations.museum.exhibit import Exhibit, Finding, first_lines
from minigen.metric import InfoNCE

Rule = Callable[[NDArray, NDArray], NDArray]


def right(V: NDArray, e: NDArray) -> NDArray:
    """de_i = 2 sum_j (V_ij + V_ji) (e_i - e_j),  V_ij = dloss / dd_ij."""
    V = V + V.T
    return 2 * (V.sum(axis=1, keepdims=True) * e - V @ e)


def wrong(V: NDArray, e: NDArray) -> NDArray:
    """de_i = 2 sum_j V_ij (e_i - e_j): i as the anchor alone."""
    return 2 * (V.sum(axis=1, keepdims=True) * e - V @ e)


class Gathered(InfoNCE):
    """InfoNCE whose gradient goes to the anchors alone."""

    def backward(self, dloss: float, cache: Cache) -> tuple[NDArray, Grads]:
        return wrong(slopes(self, cache) * dloss, cache[0]), {}


def slopes(loss: InfoNCE, cache: Cache) -> NDArray:
    """V_ij (N, N)."""
    _, g, share, pairs = cache
    return (g - g.sum(axis=1, keepdims=True) * share) / (loss.temperature * max(pairs, 1))


def trained(rule: Rule, rng: np.random.Generator, steps: int = 300) -> tuple[float, float]:
    """The loss and the share of right nearest neighbours of new digits, by a linear map."""
    data, loss = digits("small"), InfoNCE(1.0)
    x, y = data.train.x / 16, data.train.y
    W = rng.standard_normal((64, 8)) / 8
    for _ in range(steps):
        i = rng.integers(0, len(x), 64)
        e = x[i] @ W
        _, cache = loss.forward(e, labels=y[i])
        W = W - 0.05 * x[i].T @ rule(slopes(loss, cache), e)
    e, y = data.test.x / 16 @ W, data.test.y
    distance = ((e[:, None] - e) ** 2).sum(axis=2) + np.diag(np.full(len(e), np.inf))
    return float(loss.forward(e, labels=y)[0]), float((y[distance.argmin(axis=1)] == y).mean())


def measure(rng: np.random.Generator) -> Finding:
    e, given = rng.standard_normal((6, 3)), {"labels": np.array([0, 0, 1, 1, 2, 2])}
    reports: list[Any] = [
        check.gradients(loss(1.0), e, given=given, rng=rng) for loss in (InfoNCE, Gathered)
    ]
    seed = rng.integers(2**31)
    good, bad = (trained(rule, np.random.default_rng(seed)) for rule in (right, wrong))
    (loss, cache), (same, _) = (f(1.0).forward(e, **given) for f in (InfoNCE, Gathered))
    V = slopes(InfoNCE(1.0), cache)
    full = right(V, e)
    figures = (
        ("loss of a batch", float(loss), float(same)),
        ("distance of the gradient, relative", 0.0,
         float(np.linalg.norm(wrong(V, e) - full) / np.linalg.norm(full))),
        ("loss of new digits after training", good[0], bad[0]),
        ("share of right nearest neighbours", good[1], bad[1]),
    )  # fmt: skip
    assert reports[0]
    missed = ("the value of the loss", "every test in one process")
    return Finding(figures, first_lines(reports[1]), missed)


EXHIBIT = Exhibit.of(measure, right, wrong)
