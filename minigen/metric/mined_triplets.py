"""The triplet loss of a batch on the few triplets that mining selects."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Grads, Loss
from minigen.kernels.mining import scatter
from minigen.metric.mining import mine
from minigen.metric.triplet import TripletLoss


@dataclass(frozen=True, eq=False, repr=False)
class MinedTriplets(Loss):
    """TRI-1 on mined triplets of a batch of embeddings.

        loss = triplet(e[i], e[j], e[k]),   (i, j, k) = mine(e, labels)
        de   = sum over the triplets of da at row i, dp at row j, dn at row k

    The choice of rows is piecewise constant in e, so no gradient passes through it.
    Shapes: e (N, D); labels (N,) integers, given.

    Parameters
    ----------
    triplet : the loss of one triplet
    mining : "batch_hard" or "semi_hard", see `triplets`

    Examples
    --------
    >>> e, labels = rng.standard_normal((6, 2)), np.array([0, 0, 0, 1, 1, 1])
    >>> criterion = mg.metric.MinedTriplets(mining="batch_hard")
    >>> loss, cache = criterion.forward(e, labels=labels)
    >>> criterion.metrics(cache)["triplets"]
    6
    """

    triplet: TripletLoss = field(default_factory=TripletLoss)
    mining: str = "batch_hard"

    def __post_init__(self) -> None:
        super().__post_init__()
        validate.choice("mining", self.mining, ("batch_hard", "semi_hard"))

    def forward(self, e: NDArray, *, labels: NDArray) -> tuple[NDArray, Cache]:
        rows = mine(np.ascontiguousarray(np.real(e)), labels, self.mining)
        loss, triplet_cache = self.triplet.forward(*(e[r] for r in rows))  # TRI-1
        return loss, (len(e), rows, triplet_cache)

    def backward(self, dloss: float, cache: Cache) -> tuple[NDArray, Grads]:
        n, rows, triplet_cache = cache
        da, dp, dn, _ = self.triplet.backward(dloss, triplet_cache)  # TRI-1
        i, j, k = rows
        return scatter(da, i, n) + scatter(dp, j, n) + scatter(dn, k, n), {"triplet": {}}

    def metrics(self, cache: Cache) -> dict[str, float]:
        """active, and the number of triplets."""
        _, rows, triplet_cache = cache
        return {**self.triplet.metrics(triplet_cache), "triplets": len(rows[0])}
