"""Which triplets of a batch to learn from."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import Size, checked
from minigen.kernels.mining import every, hardest, semi_hard

MINING = ("batch_all", "batch_hard", "semi_hard")
MOST = 20_000_000  # triplets of one batch: beyond it memory ends

Triplets = tuple[NDArray, NDArray, NDArray]


@checked
def triplets(e: ArrayLike, labels: ArrayLike, mining: str = "batch_hard") -> Triplets:
    """Rows of anchors, positives and negatives in a batch of embeddings.

    An anchor without positive or negative has no triplet; a batch may have none at all. Of
    equally far rows the first is taken.

    Parameters
    ----------
    e : embeddings (N, D)
    labels : integers (N,)
    mining : "batch_all", every valid triplet; "batch_hard", for each anchor its farthest positive
        and its nearest negative (Hermans et al. 2017); or "semi_hard", for each anchor and
        positive the nearest negative that is farther than the positive (Schroff et al. 2015;
        where it is farther by more than the margin, the triplet is inactive)

    Returns
    -------
    i, j, k : integer arrays (T,), the rows of the anchors, positives and negatives

    Examples
    --------
    >>> e, labels = np.array([[0.0], [1.0], [3.0]]), np.array([0, 0, 1])
    >>> i, j, k = mg.metric.triplets(e, labels)
    >>> i.tolist(), j.tolist(), k.tolist()
    ([0, 1], [1, 0], [2, 2])
    """
    e = validate.array("e", e, ("N", "D"))
    e = e if e.dtype == np.float32 else e.astype(np.float64)
    return mine(e, label_array(labels, len(e)), validate.choice("mining", mining, MINING))


def label_array(labels: ArrayLike, n: Size) -> NDArray:
    """Labels as integers (n,)."""
    labels = validate.array("labels", labels, (n,))
    if labels.dtype.kind not in "iu":
        raise validate.wrong_type("labels", "integers", f"dtype {labels.dtype}")
    return labels


def pairwise(x: NDArray, y: NDArray | None = None) -> NDArray:
    """Squared distances of all rows of x (N, D) and y (M, D), (N, M), as one matrix product.

        |x_i - y_j|^2 = [x_i, |x_i|^2, 1] . [-2 y_j, 1, |y_j|^2]

    The median of y is subtracted from both, which changes no distance, so rows far from 0 lose no
    digits; it is a value of y, so differences that are exact stay so. Rounding of the size of
    |x|^2 remains: what should be 0 may be a little below.
    """
    y = x if y is None else y
    middle = (len(y) - 1) // 2
    centre = np.partition(y, middle, axis=0)[middle]
    a, b = x - centre, y - centre
    aa, bb = ((z * z).sum(axis=1, keepdims=True) for z in (a, b))
    left = np.hstack([a, aa, np.ones_like(aa)])
    right = np.hstack([-2 * b, np.ones_like(bb), bb])
    return left @ right.T


def mine(e: NDArray, labels: NDArray, mining: str) -> Triplets:
    """The same for real, validated arrays."""
    if not len(e):
        none = np.zeros(0, np.int64)
        return none, none, none
    _, code = np.unique(labels, return_inverse=True)
    if mining == "batch_all":
        return _batch_all(code)
    d = pairwise(e)
    # the bits of floats >= 0, read as integers, are in the order of the floats
    key = d.view(np.int32 if d.dtype == np.float32 else np.int64)
    if mining == "semi_hard":
        i, j, k = semi_hard(key, code.astype(key.dtype)).T
        return i, j, k
    pos, neg = hardest(key, code.astype(key.dtype))
    i = np.flatnonzero((pos >= 0) & (neg >= 0))
    return i, pos[i], neg[i]


def _batch_all(code: NDArray) -> Triplets:
    """Every valid triplet, where memory allows it."""
    same = np.bincount(code)
    count = int((same * (same - 1) * (len(code) - same)).sum())
    if count > MOST:
        what = f"at most {MOST:,} valid triplets for mining='batch_all'"
        raise validate.expected("batch", what, f"{count:,} in {len(code)} rows; use fewer rows")
    i, j, k = every(code).T
    return i, j, k
