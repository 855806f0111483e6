"""The triplet loss on given triplets."""

from dataclasses import dataclass

import numpy as np

from minigen.core import validate
from minigen.core.contract import Loss
from minigen.core.numeric import sigmoid, softplus
from minigen.metric.distance import DISTANCES, between

REDUCTIONS = ("mean", "sum")


@dataclass(frozen=True, eq=False, repr=False)
class TripletLoss(Loss):
    """An anchor is to be nearer to its positive than to its negative (Schroff et al. 2015).

        u_i  = d(a_i, p_i) - d(a_i, n_i) + m                            TRI-1
        loss = 1/N sum_i max(u_i, 0)         or log(1 + exp(u_i)) with m = 0 for margin="soft"
        da = w (n - p) 2/N,  dp = w (p - a) 2/N,  dn = w (a - n) 2/N,   w = [u > 0] or sigmoid(u)

    d is |a - b|^2, or |a - b| for distance="euclidean" (then each difference is divided by its
    length instead of doubled); reduce="sum" leaves 1/N out. The soft margin is Hermans et al.
    2017. At the kinks the subgradient 0 is chosen: u = 0 of the hinge, d = 0 of the Euclidean
    distance. No triplets give loss 0. Always da + dp + dn = 0: only differences count.

    Shapes: a, p, n (N, D).
    """

    margin: float | str = 0.2
    distance: str = "squared"
    reduce: str = "mean"

    def __post_init__(self):
        if self.margin != "soft":
            validate.number("margin", self.margin, 0)
        validate.choice("distance", self.distance, DISTANCES)
        validate.choice("reduce", self.reduce, REDUCTIONS)

    @property
    def plateau(self):
        """The loss of one triplet whose rows are one point: what a collapsed network is left with."""
        return np.log(2) if self.margin == "soft" else float(self.margin)

    def forward(self, a, p, n):
        to_p, slope_p = between(a - p, self.distance)
        to_n, slope_n = between(a - n, self.distance)
        if self.margin == "soft":
            u = to_p - to_n
            each, w = softplus(u), sigmoid(u)
        else:
            u = to_p - to_n + np.asarray(self.margin, to_p.dtype)  # TRI-1
            w = u.real > 0
            each = u * w
        share = 1 / max(len(u), 1) if self.reduce == "mean" else 1.0
        loss = each.sum() * each.dtype.type(share)
        return loss, (a - p, a - n, slope_p, slope_n, w, u, share)

    def backward(self, dloss, cache):
        a_p, a_n, slope_p, slope_n, w, _, share = cache
        du = dloss * share * w
        dp = -(du * slope_p)[:, None].astype(a_p.dtype, copy=False) * a_p  # TRI-1
        dn = (du * slope_n)[:, None].astype(a_n.dtype, copy=False) * a_n
        return -dp - dn, dp, dn, {}

    def metrics(self, cache):
        """active: the share of triplets with u > 0 (out of order, for the soft margin)."""
        u = cache[-2]
        return {"active": float((u > 0).mean()) if len(u) else 0.0}
