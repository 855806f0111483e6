"""The triplet loss of a batch on the few triplets that mining selects."""

from dataclasses import dataclass, field

import numpy as np

from minigen.core import validate
from minigen.core.contract import Loss
from minigen.kernels.mining import scatter
from minigen.metric.mining import mine
from minigen.metric.triplet import TripletLoss

SELECTIONS = ("batch_hard", "semi_hard")


@dataclass(frozen=True, eq=False, repr=False)
class MinedTriplets(Loss):
    """TRI-1 on mined triplets of a batch of embeddings.

        loss = triplet(e[i], e[j], e[k]),   (i, j, k) = mine(e, labels)
        de   = sum over the triplets of da at row i, dp at row j, dn at row k

    The choice of rows is piecewise constant in e, so no gradient passes through it.
    Shapes: e (N, D); labels (N,) integers, given.
    """

    triplet: TripletLoss = field(default_factory=TripletLoss)
    mining: str = "batch_hard"

    def __post_init__(self):
        validate.choice("mining", self.mining, SELECTIONS)

    def forward(self, e, *, labels):
        rows = mine(np.ascontiguousarray(e.real), labels, self.mining)
        loss, triplet_cache = self.triplet.forward(*(e[r] for r in rows))  # TRI-1
        return loss, (len(e), rows, triplet_cache)

    def backward(self, dloss, cache):
        n, rows, triplet_cache = cache
        *drows, _ = self.triplet.backward(dloss, triplet_cache)  # TRI-1
        de = sum(scatter(d, r, n) for d, r in zip(drows, rows, strict=True))
        return de, {"triplet": {}}

    def metrics(self, cache):
        """active, and the number of triplets."""
        _, rows, triplet_cache = cache
        return {**self.triplet.metrics(triplet_cache), "triplets": len(rows[0])}
