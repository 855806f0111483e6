"""From one negative to all of them: N-pairs and InfoNCE as the soft limit of the triplet loss."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minigen.core.contract import Cache, Grads, Loss
from minigen.core.numeric import logsumexp, sigmoid, softplus
from minigen.core.signature import Positive
from minigen.metric.triplet import TripletLoss

MINUS = -1e30  # a score that no softmax sees


@dataclass(frozen=True, eq=False, repr=False)
class InfoNCE(Loss):
    """The positive is to be picked out of all negatives (Sohn 2016; van den Oord et al. 2018).

        l_ij = log(1 + sum_k exp((d_ij - d_ik) / tau))                          S-NCE
             = -log softmax of -d_ij / tau among the positive j and all negatives k of anchor i
        loss = mean over the pairs (i, j) of one class

    d is the squared distance. With one negative and tau = 1 it is the soft margin of `TripletLoss`;
    for small tau, tau l_ij becomes max(d_ij - min_k d_ik, 0), the hinge of the hardest negative.
    With g_ij = sum_k p_ijk, p_ijk the softmax's share of negative k,

        dd_ij = g_ij / tau,   dd_ik = -sum_j p_ijk / tau,   V = dd / pairs
        de_i = 2 sum_j (V_ij + V_ji) (e_i - e_j)

    so a negative pushes by its share, where the hinge lets each push alike or not at all. Shapes:
    e (N, D); labels (N,) integers, given.

    Parameters
    ----------
    temperature : tau; the larger, the more negatives count

    Examples
    --------
    >>> e, labels = rng.standard_normal((6, 2)), np.array([0, 0, 0, 1, 1, 1])
    >>> loss, cache = mg.metric.InfoNCE(temperature=1.0).forward(e, labels=labels)
    >>> bool(loss > 0)
    True
    """

    temperature: Positive = 0.1

    @property
    def triplet(self) -> TripletLoss:
        """The triplet loss of which it is the limit: by it a batch is judged as collapsed."""
        return TripletLoss("soft")

    def forward(self, e: NDArray, *, labels: NDArray) -> tuple[NDArray, Cache]:
        centred = e - e.mean(axis=0)  # distances do not see a shift, but their rounding does
        length = (centred * centred).sum(axis=1)
        score = (2 * (centred @ centred.T) - length - length[:, None]) / self.temperature
        same = labels[:, None] == labels
        pairs = same & ~np.eye(len(e), dtype=bool) & ~same.all(axis=1)[:, None]
        near = logsumexp(np.where(same, MINUS, score))  # of the negatives of each anchor
        u = near[:, None] - score  # S-NCE: l = softplus(u)
        share = np.where(same, 0, np.exp(np.minimum(score - near[:, None], 0)))
        g = np.where(pairs, sigmoid(u), 0)
        loss = np.where(pairs, softplus(u), 0).sum() / max(pairs.sum(), 1)
        return loss.astype(e.dtype), (e, g, share, pairs.sum())

    def backward(self, dloss: float, cache: Cache) -> tuple[NDArray, Grads]:
        e, g, share, count = cache
        V = (g - g.sum(axis=1, keepdims=True) * share) * e.dtype.type(
            dloss / (self.temperature * max(count, 1))
        )
        V = V + V.T
        return 2 * (V.sum(axis=1, keepdims=True) * e - V @ e), {}  # S-NCE

    def metrics(self, cache: Cache) -> dict[str, float]:
        """active: the mean chance that a negative is taken for the positive."""
        _, g, _, count = cache
        return {"active": float(g.sum() / max(count, 1))}
