"""Collapse: the network maps everything to one point, and the loss stays at the margin."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from minigen.core import validate
from minigen.core.signature import Count, checked

NEAR = 0.05  # of the margin
COLUMNS = ("loss", "triplets", "spread")
ADVICE = (
    "start again with mining='semi_hard' or 'batch_all', or with distance='euclidean' and "
    "normalize=False"
)


@dataclass(frozen=True)
class CollapseReport:
    """Whether an embedding has collapsed (its truth value), and the reason in words."""

    collapsed: bool
    reason: str

    def __bool__(self) -> bool:
        return self.collapsed

    def __str__(self) -> str:
        return self.reason


@checked
def collapse(run: Any, loss: Any, window: Count = 50) -> CollapseReport:
    """Whether a run of `fit` on a MinedTripletLoss ended in collapse.

    At one point d(a, p) = d(a, n) = 0, so that each triplet costs just the margin m (log 2 if
    soft), and the gradient of the squared distance is 0: the network stays there. A run has
    collapsed when, in the mean of the last `window` steps, the loss of a triplet is within 5% of
    m and the distance of two embeddings below 5% of m.

    Parameters
    ----------
    run : what `fit` returned
    loss : the MinedTripletLoss that was trained
    window : how many steps to look at

    Returns
    -------
    CollapseReport
        true if collapsed; `print` gives the reason

    Examples
    --------
    >>> net, digits = mg.metric.embedding(64, 2, rng=rng, hidden=(8,)), mg.data.digits()
    >>> sampler = mg.metric.Balanced(digits.train.x / 16, digits.train.y)
    >>> few = (digits.test.x[:50] / 16, digits.test.y[:50])
    >>> run = mg.fit(net, sampler, steps=9, rng=rng, validation=few)
    >>> bool(mg.metric.collapse(run, net))
    False
    """
    if not isinstance(getattr(run, "history", None), dict):
        raise validate.wrong_type("run", "what mg.fit returns", validate.shown(run))
    validate.methods("loss", loss, "triplet")
    missing = set(COLUMNS) - set(run.history)
    if missing:
        raise validate.expected("run", f"a history with {', '.join(COLUMNS)}", f"no {missing}")
    total, count, spread = (np.array(run.history[c][-window:]) for c in COLUMNS)
    some = count > 0
    if not some.any():
        reason = f"no triplet in the last {len(count)} steps: nothing was learned"
        return CollapseReport(False, reason)
    squared, m = loss.triplet.distance == "squared", loss.triplet.plateau
    cost = (total / np.where(some & (loss.triplet.reduce == "sum"), count, 1))[some].mean()
    apart = 2 * (spread**2).mean() if squared else np.sqrt(2) * spread.mean()
    stuck = bool(abs(cost - m) <= NEAR * m and apart <= NEAR * m)
    facts = (
        f"over the last {len(count)} steps a triplet costs {cost:.4f} (margin {m:.4f}) "
        f"and two embeddings are {apart:.2g} apart"
    )
    return CollapseReport(stuck, f"collapsed: {facts}; {ADVICE}" if stuck else facts)
