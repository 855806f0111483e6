"""An embedding network and the loss that trains it."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core import validate
from minigen.core.blocks import in_blocks
from minigen.core.contract import Cache, Grads, Layer, Loss
from minigen.core.signature import Count, NonNegative, Positive, checked
from minigen.core.units import Units
from minigen.metric.batch_all import BatchAll
from minigen.metric.info_nce import InfoNCE
from minigen.metric.mined_triplets import MinedTriplets
from minigen.metric.mining import MINING, label_array
from minigen.metric.triplet import TripletLoss
from minigen.nn import Sequential, mlp


@dataclass(frozen=True, eq=False, repr=False)
class Normalize(Layer):
    """L2 normalisation of each row (FaceNet, Schroff et al. 2015).

        y = x / |x|,    dx = (dy - y <y, dy>) / |x|                     TRI-1

    The row 0 has no direction: y = 0 and dx = 0 are chosen. Shapes: x, y (N, D).

    Examples
    --------
    >>> y, cache = mg.metric.Normalize().forward(np.array([[3.0, 4.0], [0.0, 0.0]]))
    >>> y.tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        scale = np.max(np.abs(np.real(x)), axis=1, keepdims=True, initial=0)
        scale = np.where(scale > 0, scale, 1)  # so that the squares neither over- nor underflow
        u = x / scale
        length = np.sqrt((u * u).sum(axis=1, keepdims=True))
        length = np.where(np.real(length) > 0, length, 1)
        y = u / length  # TRI-1
        return y, (y, scale, length)

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        y, scale, length = cache
        dx = (dy - y * (y * dy).sum(axis=1, keepdims=True)) / length / scale  # TRI-1
        return dx * y.any(axis=1, keepdims=True), {}


@dataclass(frozen=True, eq=False, repr=False)
class MinedTripletLoss(Loss):
    """The triplet loss of the embeddings e = net(x) of a batch, triplets mined in it.

        loss = criterion(net(z), labels),   z = (x - mean) / std         TRI-1

    A batch is (x, labels): x (N, features), labels (N,) integers. Without units z is x.

    Parameters
    ----------
    features : the number of columns of x
    net : a layer from (N, features) to embeddings (N, D)
    criterion : MinedTriplets, BatchAll or InfoNCE
    units : the mean and standard deviation of the columns of x, or None
    """

    features: Count
    net: Layer
    criterion: MinedTriplets | BatchAll | InfoNCE
    units: Units | None = None

    @property
    def data_dtype(self) -> np.dtype:
        """The type in which the data are read: float64 where they have units of their own."""
        return np.dtype(np.float64) if self.units else self.dtype

    @property
    def triplet(self) -> TripletLoss:
        """The loss of one triplet."""
        return self.criterion.triplet

    def examine(self, data: Any, name: str = "data") -> None:
        (x,), _ = self.draw(data, np.random.default_rng(0))
        validate.warn_of_scale(name, data[0], x, narrow=False)  # pixels may be nearly constant

    def draw(
        self, batch: Any, rng: np.random.Generator
    ) -> tuple[tuple[NDArray, ...], dict[str, Any]]:
        if not isinstance(batch, tuple) or len(batch) != 2:
            got = f"a tuple of {len(batch)}" if isinstance(batch, tuple) else "one array"
            raise validate.expected("batch", "a tuple (x, labels)", got)
        x, labels = batch
        return (self._rows(x),), {"labels": label_array(labels, len(x))}

    def _rows(self, x: ArrayLike) -> NDArray:
        """x (N, features), checked, in the units and the type of the network."""
        x = validate.array("x", x, ("N", self.features), self.data_dtype)
        return validate.cast("x", self.units.scale(x), self.dtype) if self.units else x

    def forward(self, x: NDArray, *, labels: NDArray) -> tuple[NDArray, Cache]:
        e, net_cache = self.net.forward(x)
        loss, criterion_cache = self.criterion.forward(e, labels=labels)
        return loss, (e, net_cache, criterion_cache)

    def backward(self, dloss: float, cache: Cache) -> tuple[NDArray, Grads]:
        _, net_cache, criterion_cache = cache
        de, dcriterion = self.criterion.backward(dloss, criterion_cache)
        dx, dnet = self.net.backward(de, net_cache)
        return dx, {"net": dnet, "criterion": dcriterion}

    def metrics(self, cache: Cache) -> dict[str, float]:
        """active, triplets, and spread: the rms distance of the embeddings to their mean."""
        e, _, criterion_cache = cache
        spread = float(np.sqrt(e.var(axis=0).sum()))
        return {**self.criterion.metrics(criterion_cache), "spread": spread}

    @checked
    def embed(self, x: ArrayLike) -> NDArray:
        """The embeddings of data x (N, features), (N, D).

        Parameters
        ----------
        x : data, (N, features)

        Returns
        -------
        (N, D)

        Examples
        --------
        >>> mg.metric.embedding(4, 2, hidden=(8,), rng=rng).embed(np.ones((3, 4))).shape
        (3, 2)
        """
        rows = validate.array("x", x, ("N", self.features))
        try:
            return in_blocks(lambda part: self.net.forward(self._rows(part))[:1], (rows,))[0]
        except validate.InvalidInput:
            self._rows(rows)  # names the row among all of them
            raise


@checked
def embedding(
    features: Count, dims: Count, *, rng: np.random.Generator, hidden: tuple[int, ...] = (256, 256),
    activation: str = "relu", margin: NonNegative | Literal["soft"] = 0.2,
    distance: str = "squared", mining: str = "semi_hard", normalize: bool = True,
    temperature: Positive | None = None, init_from: ArrayLike | None = None,
    dtype: DTypeLike = np.float32,
) -> MinedTripletLoss:  # fmt: skip
    """A network that embeds `features` numbers in `dims` dimensions, as a loss to fit.

    Parameters
    ----------
    features, dims : numbers of columns of the data and of the embeddings
    rng : numpy Generator for the initial weights
    hidden : widths of the hidden layers
    activation : of the hidden layers
    margin : of the triplet loss, a number or "soft"
    distance : "squared" or "euclidean"
    mining : "batch_all", "batch_hard" or "semi_hard"
    normalize : whether embeddings are put on the unit sphere, as in FaceNet (Schroff et al. 2015)
    temperature : if given, the loss is `InfoNCE` of this temperature, on all negatives at once, and
        margin, distance and mining are not used
    init_from : data (N, features), whose mean and standard deviation become the units of x
    dtype : of the parameters

    Returns
    -------
    MinedTripletLoss

    Examples
    --------
    >>> digits = mg.data.digits()
    >>> net = mg.metric.embedding(64, 16, rng=rng, hidden=(32,))
    >>> net.embed(digits.test.x).shape
    (1797, 16)
    """
    validate.choice("mining", mining, MINING)
    units = None
    if init_from is not None:
        x = validate.array("init_from", init_from, ("N", features), np.float64)
        if not len(x):
            raise validate.expected("init_from", "at least one row", "none")
        units = Units.of(x)
    net = mlp(features, hidden, dims, rng=rng, activation=activation, dtype=dtype)
    if normalize:
        net = Sequential((*net.layers, Normalize()))
    if temperature is not None:
        return MinedTripletLoss(features, net, InfoNCE(temperature), units)
    triplet = TripletLoss(margin, distance)
    every = mining == "batch_all"
    criterion = BatchAll(triplet) if every else MinedTriplets(triplet, mining)
    return MinedTripletLoss(features, net, criterion, units)
