"""Collapse: the network maps everything to one point, and the loss stays at the margin."""

from dataclasses import dataclass

import numpy as np

from minigen.core import validate

WINDOW = 50  # steps that are looked at
NEAR = 0.05  # of the margin
COLUMNS = ("loss", "triplets", "spread")


@dataclass(frozen=True)
class CollapseReport:
    """Whether an embedding has collapsed (its truth value), and the reason in words."""

    collapsed: bool
    reason: str

    def __bool__(self):
        return self.collapsed

    def __str__(self):
        return self.reason


def collapse(run, loss, window=WINDOW):
    """Whether a run of `fit` on a MinedTripletLoss ended in collapse.

    At one point d(a, p) = d(a, n) = 0, so that each triplet costs just the margin m (log 2 if
    soft), and the gradient of the squared distance is 0: the network stays there. The verdict is
    collapse when, in the mean of the last `window` steps, the loss of a triplet is within 5% of
    m and the distance of two embeddings below 5% of m.
    """
    missing = set(COLUMNS) - set(run.history)
    if missing:
        raise validate.expected("run", f"a history with {', '.join(COLUMNS)}", f"no {missing}")
    total, count, spread = (np.array(run.history[c][-window:]) for c in COLUMNS)
    some = count > 0
    if not some.any():
        return CollapseReport(
            False, f"no triplet in the last {len(count)} steps: nothing was learned"
        )
    squared, m = loss.triplet.distance == "squared", loss.triplet.plateau
    cost = (total / np.where(some & (loss.triplet.reduce == "sum"), count, 1))[some].mean()
    apart = 2 * (spread**2).mean() if squared else np.sqrt(2) * spread.mean()
    stuck = abs(cost - m) <= NEAR * m and apart <= NEAR * m
    facts = (
        f"over the last {len(count)} steps a triplet costs {cost:.4f} (margin {m:.4f}) "
        f"and two embeddings are {apart:.2g} apart"
    )
    return (
        CollapseReport(True, f"collapsed: {facts}; {ADVICE}")
        if stuck
        else CollapseReport(False, facts)
    )


ADVICE = (
    "start again with mining='semi_hard' or 'batch_all', or with distance='euclidean' and "
    "normalize=False"
)
