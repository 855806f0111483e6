"""The triplet loss of an embedding network, its triplets mined in each batch."""

from dataclasses import dataclass, field

import numpy as np

from minigen.core import validate
from minigen.core.contract import Layer, Loss
from minigen.kernels.mining import scatter
from minigen.metric.mining import MINING, label_array, mine
from minigen.metric.normalize import Normalize
from minigen.metric.triplet import TripletLoss
from minigen.nn import Sequential, mlp


@dataclass(frozen=True, eq=False, repr=False)
class MinedTripletLoss(Loss):
    """TRI-1 on the triplets that mining finds among the embeddings e = net(x) of a batch.

        loss = triplet(e[i], e[j], e[k]),   (i, j, k) = mine(e, labels)
        de   = sum over the triplets of da at row i, dp at row j, dn at row k

    The choice of rows is piecewise constant in the parameters, so no gradient passes through it.
    A batch is (x, labels): x (N, features), labels (N,) integers.
    """

    net: Layer
    triplet: TripletLoss = field(default_factory=TripletLoss)
    mining: str = "batch_hard"

    def __post_init__(self):
        validate.choice("mining", self.mining, MINING)

    def draw(self, batch, rng):
        if not isinstance(batch, tuple) or len(batch) != 2:
            got = f"a tuple of {len(batch)}" if isinstance(batch, tuple) else "one array"
            raise validate.expected("batch", "a tuple (x, labels)", got)
        x, labels = batch
        return (x.astype(self.dtype, copy=False),), {"labels": label_array(labels, len(x))}

    def forward(self, x, *, labels):
        e, net_cache = self.net.forward(x)
        margin = np.inf if self.triplet.margin == "soft" else self.triplet.margin
        real = np.ascontiguousarray(e.real)
        rows = mine(real, labels, self.mining, margin, self.triplet.distance)
        loss, triplet_cache = self.triplet.forward(*(e[r] for r in rows))
        return loss, (e, rows, net_cache, triplet_cache)

    def backward(self, dloss, cache):
        e, rows, net_cache, triplet_cache = cache
        *drows, _ = self.triplet.backward(dloss, triplet_cache)
        de = sum(scatter(d, r, len(e)) for d, r in zip(drows, rows, strict=True))
        dx, grads = self.net.backward(de, net_cache)
        return dx, {"net": grads, "triplet": {}}

    def metrics(self, cache):
        """active, the number of triplets, and the rms distance of the embeddings to their mean."""
        e, rows, _, triplet_cache = cache
        spread = np.sqrt(e.var(axis=0).sum())
        return {
            **self.triplet.metrics(triplet_cache),
            "triplets": len(rows[0]),
            "spread": float(spread),
        }

    def embed(self, x):
        """The embeddings of data x (N, features), (N, D)."""
        x = validate.array("x", x, ("N", "features"), self.dtype)
        return self.net.forward(x)[0]


def embedding(
    features, dims, *, rng, hidden=(128,), activation="relu", margin=0.2, distance="squared",
    mining="batch_hard", normalize=True, dtype=np.float32,
):  # fmt: skip
    """An embedding network of `features` numbers in `dims` dimensions, as a loss to fit.

    normalize: whether embeddings are put on the unit sphere, as in FaceNet.
    """
    net = mlp(features, hidden, dims, rng=rng, activation=activation, dtype=dtype)
    if normalize:
        net = Sequential((*net.layers, Normalize()))
    return MinedTripletLoss(net, TripletLoss(margin, distance), mining)
