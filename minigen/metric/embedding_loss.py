"""An embedding network and the loss that trains it."""

from dataclasses import dataclass

import numpy as np

from minigen.core import validate
from minigen.core.contract import Layer, Loss
from minigen.metric.batch_all import BatchAll
from minigen.metric.mined_triplets import MinedTriplets
from minigen.metric.mining import MINING, label_array
from minigen.metric.triplet import TripletLoss
from minigen.nn import Sequential, mlp


@dataclass(frozen=True, eq=False, repr=False)
class Normalize(Layer):
    """L2 normalisation of each row (FaceNet, Schroff et al. 2015).

        y = x / |x|,    dx = (dy - y <y, dy>) / |x|                     TRI-1

    The row 0 has no direction: y = 0 and dx = 0 are chosen. Shapes: x, y (N, D).
    """

    def forward(self, x):
        scale = np.max(np.sign(x.real) * x.real, axis=1, keepdims=True, initial=0)
        scale = np.where(scale > 0, scale, 1)  # so that the squares neither over- nor underflow
        u = x / scale
        length = np.sqrt((u * u).sum(axis=1, keepdims=True))
        length = np.where(length.real > 0, length, 1)
        y = u / length  # TRI-1
        return y, (y, scale, length)

    def backward(self, dy, cache):
        y, scale, length = cache
        dx = (dy - y * (y * dy).sum(axis=1, keepdims=True)) / length / scale  # TRI-1
        return dx * y.any(axis=1, keepdims=True), {}


@dataclass(frozen=True, eq=False, repr=False)
class MinedTripletLoss(Loss):
    """The triplet loss of the embeddings e = net(x) of a batch, triplets mined in it.

        loss = criterion(net(x), labels)                                TRI-1

    criterion: MinedTriplets or BatchAll. A batch is (x, labels): x (N, features), labels
    (N,) integers.
    """

    features: int
    net: Layer
    criterion: Loss

    @property
    def triplet(self):
        """The loss of one triplet."""
        return self.criterion.triplet

    def draw(self, batch, rng):
        if not isinstance(batch, tuple) or len(batch) != 2:
            got = f"a tuple of {len(batch)}" if isinstance(batch, tuple) else "one array"
            raise validate.expected("batch", "a tuple (x, labels)", got)
        x, labels = batch
        return (self.rows(x),), {"labels": label_array(labels, len(x))}

    def rows(self, x):
        """x (N, features), checked and in the type of the parameters."""
        return validate.array("x", x, ("N", self.features), self.dtype)

    def forward(self, x, *, labels):
        e, net_cache = self.net.forward(x)
        loss, criterion_cache = self.criterion.forward(e, labels=labels)
        return loss, (e, net_cache, criterion_cache)

    def backward(self, dloss, cache):
        _, net_cache, criterion_cache = cache
        de, dcriterion = self.criterion.backward(dloss, criterion_cache)
        dx, dnet = self.net.backward(de, net_cache)
        return dx, {"net": dnet, "criterion": dcriterion}

    def metrics(self, cache):
        """active, triplets, and spread: the rms distance of the embeddings to their mean."""
        e, _, criterion_cache = cache
        spread = float(np.sqrt(e.var(axis=0).sum()))
        return {**self.criterion.metrics(criterion_cache), "spread": spread}

    def embed(self, x):
        """The embeddings of data x (N, features), (N, D)."""
        return self.net.forward(self.rows(x))[0]


def embedding(
    features, dims, *, rng, hidden=(256, 256), activation="relu", margin=0.2, distance="squared",
    mining="semi_hard", normalize=True, dtype=np.float32,
):  # fmt: skip
    """A network that embeds `features` numbers in `dims` dimensions, as a loss to fit.

    mining: "batch_all", "batch_hard" or "semi_hard"; margin: a number or "soft"; normalize:
    whether embeddings are put on the unit sphere, as in FaceNet (Schroff et al. 2015).
    """
    validate.choice("mining", mining, MINING)
    net = mlp(features, hidden, dims, rng=rng, activation=activation, dtype=dtype)
    if normalize:
        net = Sequential((*net.layers, Normalize()))
    triplet = TripletLoss(margin, distance)
    every = mining == "batch_all"
    criterion = BatchAll(triplet) if every else MinedTriplets(triplet, mining)
    return MinedTripletLoss(features, net, criterion)
