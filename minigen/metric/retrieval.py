"""Finding rows of the same class by their embeddings."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import Count, checked
from minigen.metric.mining import label_array, pairwise

BLOCK = 512  # rows of the distance matrix in memory at a time


@checked
def nearest(e: ArrayLike, k: Count, *, queries: ArrayLike | None = None) -> NDArray:
    """The k nearest other rows of each query, by Euclidean distance.

    A row is never its own neighbour (leave one out); of equally near rows the first comes first.

    Parameters
    ----------
    e : features (N, D)
    k : how many
    queries : row numbers (Q,), by default all N

    Returns
    -------
    array (Q, k)
        row numbers, nearest first

    Examples
    --------
    >>> mg.metric.nearest([[0.0], [1.0], [3.0]], 1).tolist()
    [[1], [0], [1]]
    """
    x = validate.array("e", e, ("N", "D"), np.float64)
    n = len(x)
    k = validate.integer("k", k, 1, n - 1)
    asked = np.arange(n) if queries is None else queries
    asked = validate.integers("queries", asked, 0, n - 1, ("Q",))
    found = np.empty((len(asked), k), np.int64)
    for start in range(0, len(asked), BLOCK):
        rows = asked[start : start + BLOCK]
        d = pairwise(x[rows], x)
        d[np.arange(len(rows)), rows] = np.inf
        found[start : start + BLOCK] = np.argsort(d, axis=1, kind="stable")[:, :k]
    return found


@checked
def recall(e: ArrayLike, labels: ArrayLike, at: int | Sequence[int] = (1, 5)) -> dict[int, float]:
    """The share of rows with one of their class among the k nearest others.

    Parameters
    ----------
    e : features (N, D) of any kind (embeddings, pixels, principal components)
    labels : integers (N,)
    at : k, or several

    Returns
    -------
    dict
        {k: recall@k}

    Examples
    --------
    >>> test = mg.data.digits().test
    >>> recall = mg.metric.recall(test.x, test.y)
    >>> bool(0.9 < recall[1] <= recall[5])
    True
    """
    at = validate.widths("at", at)
    if not at:
        raise validate.expected("at", "at least one rank", "none")
    e = validate.array("e", e, ("N", "D"))
    if len(e) <= max(at):
        raise validate.expected("e", f"more than {max(at)} rows, for at={max(at)}", len(e))
    hits = hit_ranks(e, labels, max(at))
    return {k: float(hits[:, :k].any(axis=1).mean()) for k in at}


def hit_ranks(e: ArrayLike, labels: ArrayLike, k: int) -> NDArray:
    """Whether the neighbour of each rank is of the query's class, (N, k)."""
    near = nearest(e, k)
    labels = label_array(labels, len(near))
    return labels[near] == labels[:, None]
