"""The triplet loss on given triplets."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Grads, Loss
from minigen.core.numeric import sigmoid, softplus
from minigen.core.signature import NonNegative

DISTANCES = ("squared", "euclidean")
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

    Parameters
    ----------
    margin : m, a number >= 0, or "soft"
    distance : "squared" or "euclidean"
    reduce : "mean" or "sum"

    Examples
    --------
    >>> a, p, n = np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    >>> loss, cache = mg.metric.TripletLoss(margin=0.5).forward(a, p, n)
    >>> print(loss)
    0.5
    """

    margin: NonNegative | Literal["soft"] = 0.2
    distance: str = "squared"
    reduce: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        validate.choice("distance", self.distance, DISTANCES)
        validate.choice("reduce", self.reduce, REDUCTIONS)

    @property
    def plateau(self) -> float:
        """The loss of a triplet whose rows are one point: all that a collapsed network can do."""
        return float(np.log(2) if isinstance(self.margin, str) else self.margin)

    def distances(self, u: NDArray) -> tuple[NDArray, NDArray]:
        """(d, slope) for differences u = a - b, (N, D): d (N,), and dd/du = slope u.

        Where |u| = 0 the Euclidean distance has a kink; its subgradient 0 is chosen.
        """
        d = (u * u).sum(axis=1)
        if self.distance == "squared":
            return d, np.full_like(d, 2)
        d = np.sqrt(d)
        apart = np.real(d) > 0
        return d, apart / np.where(apart, d, 1)

    def cost(self, to_p: NDArray, to_n: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """(u, max(u, 0) or log(1 + exp(u)), its slope w) for distances of any one shape."""
        if self.margin == "soft":
            u = to_p - to_n
            return u, softplus(u), sigmoid(u)
        u = to_p - to_n + np.asarray(self.margin, to_p.dtype)  # TRI-1
        w = (np.real(u) > 0).astype(np.real(u).dtype)
        return u, u * w, w

    def weight(self, count: int) -> float:
        """1/count for the mean, 1 for the sum."""
        return 1 / max(count, 1) if self.reduce == "mean" else 1.0

    def forward(self, a: NDArray, p: NDArray, n: NDArray) -> tuple[NDArray, Cache]:
        to_p, slope_p = self.distances(a - p)
        to_n, slope_n = self.distances(a - n)
        u, each, w = self.cost(to_p, to_n)  # TRI-1
        loss = each.sum() * self.weight(len(u))
        return loss, (a - p, a - n, slope_p, slope_n, u, w)

    def backward(self, dloss: float, cache: Cache) -> tuple[NDArray, NDArray, NDArray, Grads]:
        a_p, a_n, slope_p, slope_n, u, w = cache
        du = w * w.dtype.type(dloss * self.weight(len(u)))
        dp = -(du * slope_p)[:, None] * a_p  # TRI-1
        dn = (du * slope_n)[:, None] * a_n
        return -dp - dn, dp, dn, {}

    def metrics(self, cache: Cache) -> dict[str, float]:
        """active: the share of triplets with u > 0 (out of order, for the soft margin)."""
        *_, u, _ = cache
        return {"active": float((u > 0).mean()) if len(u) else 0.0}
