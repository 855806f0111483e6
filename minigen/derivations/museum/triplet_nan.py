"""The mean over no triplets.

where: TensorFlow Addons issue 2447, triplet_semihard_loss; pytorch-metric-learning issue 20 met a
    relative.
what: The loss is divided by the number of valid triplets, and a batch may have none.
effect: One unlucky batch gives 0 / 0 = NaN; the next step writes it into every weight.
check: the edges of the domain: a batch of one, all labels equal, all labels different.
"""

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from minigen.derivations.museum.exhibit import Exhibit, Finding, number
from minigen.metric.mined_triplets import MinedTriplets
from minigen.metric.triplet import TripletLoss


def right(u: NDArray) -> float:
    """The mean of max(u, 0) over the triplets, 0 where there are none."""
    return np.maximum(u, 0).sum() / max(len(u), 1)


def wrong(u: NDArray) -> float:
    """The mean of max(u, 0) over the triplets."""
    return np.maximum(u, 0).sum() / np.float64(len(u))


def train(mean: Callable[[NDArray], float], rng: np.random.Generator, steps: int = 200) -> float:
    """One number trained by the loss; every tenth batch has no two rows of one class."""
    w = 1.0
    with np.errstate(all="ignore"):
        for step in range(steps):
            n = 0 if step % 10 == 9 else 8
            x = rng.uniform(0.5, 1.5, n)
            slope = (mean(1 - (w + 1e-6) * x) - mean(1 - w * x)) / 1e-6
            w -= 0.05 * slope
    return w


def measure(rng: np.random.Generator) -> Finding:
    e = rng.standard_normal((6, 2))
    loss, cache = MinedTriplets(TripletLoss(0.5)).forward(e, labels=np.arange(6))
    de, _ = MinedTriplets(TripletLoss(0.5)).backward(1.0, cache)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        nothing = right(np.zeros(0)), wrong(np.zeros(0))
    figures = (
        ("loss of a batch without triplets", *nothing),
        ("the package's loss there, and its gradient", float(loss), float(np.abs(de).max())),
        ("a parameter after 200 steps", train(right, rng), train(wrong, rng)),
    )
    seen = f"a batch in which all labels differ: the loss is {number(nothing[1])}, not 0"
    return Finding(figures, seen, ("any batch with two rows of one class",))


EXHIBIT = Exhibit.of(measure, right, wrong)
