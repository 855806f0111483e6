"""Chapter: embeddings by the triplet loss (TRI-1).

net = mg.metric.embedding(64, 16, rng=rng)
run = mg.fit(net, mg.metric.Balanced(x, labels), rng=rng)
mg.metric.recall(net.embed(x_test), labels_test)        {1: ..., 5: ...}, leave one out
"""

from minigen.metric.collapse import Verdict, collapse
from minigen.metric.jitter import Jitter
from minigen.metric.mined import MinedTripletLoss, embedding
from minigen.metric.mining import MINING, triplets
from minigen.metric.normalize import Normalize
from minigen.metric.pca import PCA
from minigen.metric.retrieval import nearest, recall
from minigen.metric.sampler import Balanced
from minigen.metric.triplet import TripletLoss

__all__ = [
    "MINING",
    "PCA",
    "Balanced",
    "Jitter",
    "MinedTripletLoss",
    "Normalize",
    "TripletLoss",
    "Verdict",
    "collapse",
    "embedding",
    "nearest",
    "recall",
    "triplets",
]
