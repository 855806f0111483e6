"""Chapter: embeddings by the triplet loss (TRI-1).

net = mg.metric.embedding(64, 16, rng=rng)
run = mg.fit(net, mg.metric.Balanced(x, labels), rng=rng)
mg.metric.recall(net.embed(x_test), labels_test)        {1: ..., 5: ...}, leave one out
"""

from minigen.metric.augment import RandomAffine
from minigen.metric.batch_all import BatchAll
from minigen.metric.diagnosis import CollapseReport, collapse
from minigen.metric.embedding_loss import MinedTripletLoss, Normalize, embedding
from minigen.metric.info_nce import InfoNCE
from minigen.metric.mined_triplets import MinedTriplets
from minigen.metric.mining import MINING, triplets
from minigen.metric.pca import PCA
from minigen.metric.pk_sampler import Balanced
from minigen.metric.retrieval import nearest, recall
from minigen.metric.triplet import TripletLoss

__all__ = [
    "MINING", "PCA", "Balanced", "BatchAll", "CollapseReport", "InfoNCE", "MinedTripletLoss",
    "MinedTriplets", "Normalize", "RandomAffine", "TripletLoss", "collapse", "embedding", "nearest",
    "recall", "triplets",
]  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
