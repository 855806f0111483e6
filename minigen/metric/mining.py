"""Which triplets of a batch to learn from."""

import numpy as np

from minigen.core import validate
from minigen.kernels.mining import every, hardest, semi_hard

MINING = ("batch_all", "batch_hard", "semi_hard")
MOST = 20_000_000  # triplets of one batch: beyond it memory ends


def triplets(e, labels, mining="batch_hard"):
    """Rows (i, j, k) of anchors, positives and negatives in a batch of embeddings.

    batch_all: every valid triplet; batch_hard: for each anchor its farthest positive and its
    nearest negative (Hermans et al. 2017); semi_hard: for each anchor and positive the nearest
    negative that is farther than the positive (Schroff et al. 2015; where it is farther by more
    than the margin, the triplet is inactive). Of equally far rows the first is taken. An anchor
    without positive or negative has no triplet; a batch may have none at all.

    e (N, D), labels (N,) integers; i, j, k (T,).
    """
    e = validate.array("e", e, ("N", "D"))
    e = e if e.dtype == np.float32 else e.astype(np.float64)
    labels = label_array(labels, len(e))
    return mine(e, labels, validate.choice("mining", mining, MINING))


def label_array(labels, n):
    """Labels as integers (n,)."""
    labels = validate.array("labels", labels, (n,))
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels: expected integers, got dtype {labels.dtype}")
    return labels


def pairwise(x, y=None):
    """Squared distances of all rows of x (N, D) and y (M, D), (N, M), as one matrix product.

        |x_i - y_j|^2 = [x_i, |x_i|^2, 1] . [-2 y_j, 1, |y_j|^2]

    Rounding of the size of |x|^2 remains, so that what should be 0 may be a little below.
    """
    y = x if y is None else y
    xx, yy = ((z * z).sum(axis=1, keepdims=True) for z in (x, y))
    left = np.hstack([x, xx, np.ones_like(xx)])
    right = np.hstack([-2 * y, np.ones_like(yy), yy])
    return left @ right.T


def mine(e, labels, mining):
    """The same for real, validated arrays."""
    if not len(e):
        return (np.zeros(0, np.int64),) * 3
    _, code = np.unique(labels, return_inverse=True)
    if mining == "batch_all":
        return batch_all(code)
    d = pairwise(e)
    # the bits of floats >= 0, read as integers, are in the order of the floats
    key = d.view(np.int32 if d.dtype == np.float32 else np.int64)
    if mining == "semi_hard":
        return tuple(semi_hard(key, code.astype(key.dtype)).T)
    pos, neg = hardest(key, code.astype(key.dtype))
    i = np.flatnonzero((pos >= 0) & (neg >= 0))
    return i, pos[i], neg[i]


def batch_all(code):
    """Every valid triplet, where memory allows it."""
    same = np.bincount(code)
    count = int((same * (same - 1) * (len(code) - same)).sum())
    if count > MOST:
        what = f"at most {MOST:,} valid triplets for mining='batch_all'"
        raise validate.expected("batch", what, f"{count:,} in {len(code)} rows; use fewer rows")
    return tuple(every(code).T)
