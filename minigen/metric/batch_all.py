"""The triplet loss of a batch on all its valid triplets, without listing them."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from minigen.core.contract import Cache, Grads, Loss
from minigen.metric.triplet import TripletLoss


@dataclass(frozen=True, eq=False, repr=False)
class BatchAll(Loss):
    """TRI-1 on every valid triplet of a batch of embeddings ("batch all", Hermans et al. 2017).

        loss = weight * sum_i sum_jk cost(d_ij - d_ik + m),   j positives, k negatives of anchor i
        W_ij = sum_k w_ijk,   W_ik = -sum_j w_ijk             the slope of the loss in d_ij, d_ik
        de_i = sum_j V_ij (e_i - e_j) + V_ji (e_i - e_j),     V_ij = W_ij dd_ij/d|e_i - e_j|

    One anchor at a time: N^3 triplets in the time of sums over them, and N^2 numbers of memory.
    Shapes: e (N, D); labels (N,) integers, given.

    Parameters
    ----------
    triplet : the loss of one triplet

    Examples
    --------
    >>> e, labels = rng.standard_normal((6, 2)), np.array([0, 0, 0, 1, 1, 1])
    >>> criterion = mg.metric.BatchAll()
    >>> loss, cache = criterion.forward(e, labels=labels)
    >>> criterion.metrics(cache)["triplets"]
    36
    """

    triplet: TripletLoss = field(default_factory=TripletLoss)

    def forward(self, e: NDArray, *, labels: NDArray) -> tuple[NDArray, Cache]:
        slopes = np.zeros((len(e), len(e)), e.dtype)
        total, active, valid = e.dtype.type(0), 0, 0
        for i in range(len(e)):
            same, other = labels == labels[i], labels != labels[i]
            same[i] = False
            d, slope = self.triplet.distances(e[i] - e)
            u, each, w = self.triplet.cost(d[same][:, None], d[other])  # TRI-1
            total += each.sum()
            slopes[i, same], slopes[i, other] = w.sum(axis=1), -w.sum(axis=0)
            slopes[i] *= slope
            active, valid = active + int((np.real(u) > 0).sum()), valid + u.size
        return total * self.triplet.weight(valid), (e, slopes, active, valid)

    def backward(self, dloss: float, cache: Cache) -> tuple[NDArray, Grads]:
        e, slopes, _, valid = cache
        V = slopes * slopes.dtype.type(dloss * self.triplet.weight(valid))
        de = np.zeros_like(e)
        for i in range(len(e)):
            pull = V[i][:, None] * (e[i] - e)
            de[i] += pull.sum(axis=0)
            de -= pull
        return de, {"triplet": {}}

    def metrics(self, cache: Cache) -> dict[str, float]:
        """active, and the number of valid triplets."""
        *_, active, valid = cache
        return {"active": active / max(valid, 1), "triplets": valid}
