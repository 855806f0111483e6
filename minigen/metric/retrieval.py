"""What an embedding is for: finding rows of the same class."""

import numpy as np

from minigen.core import validate
from minigen.metric.mining import label_array, pairwise

BLOCK = 512  # rows of the distance matrix in memory at a time


def nearest(e, k, *, queries=None):
    """Row numbers of the k nearest others of each query, (Q, k), nearest first.

    e (N, D) any features, Euclidean distance; queries: row numbers (Q,), by default all N. A row is
    never its own neighbour (leave one out); of equally near rows the first comes first.
    """
    e = validate.array("e", e, ("N", "D"), np.float64)
    k = validate.integer("k", k, 1, len(e) - 1)
    queries = np.arange(len(e)) if queries is None else row_numbers(queries, len(e))
    e = e - e.mean(axis=0)  # distances are the same, their rounding is less
    found = np.empty((len(queries), k), np.int64)
    for start in range(0, len(queries), BLOCK):
        rows = queries[start : start + BLOCK]
        d = pairwise(e[rows], e)
        d[np.arange(len(rows)), rows] = np.inf
        found[start : start + BLOCK] = np.argsort(d, axis=1, kind="stable")[:, :k]
    return found


def row_numbers(queries, n):
    queries = validate.array("queries", queries, ("Q",))
    if queries.dtype.kind not in "iu" or np.any((queries < 0) | (queries >= n)):
        raise validate.expected("queries", f"row numbers in 0..{n - 1}", queries)
    return queries


def recall(e, labels, at=(1, 5)):
    """{k: recall@k}, leave one out: the share of rows with one of their class among the k nearest.

    e (N, D) features of any kind (embeddings, pixels, PCA), labels (N,) integers.
    """
    hits = hit_ranks(e, labels, max(at))
    return {k: float(hits[:, :k].any(axis=1).mean()) for k in at}


def hit_ranks(e, labels, k):
    """Whether the neighbour of each rank is of the query's class, (N, k)."""
    labels = label_array(labels, len(e))
    return labels[nearest(e, k)] == labels[:, None]
