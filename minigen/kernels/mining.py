"""Triplet mining in a batch: which rows are anchor, positive and negative.

d (N, N) holds distances, label (N,) class numbers. A positive of i has its label and is not i; a
negative has another label. Where several are equally far, the first wins. A row without positive
or negative has no triplet. No gradient passes here: mining only chooses rows.
"""

import numpy as np
from numpy.typing import NDArray

from minigen.kernels.jit import kernel

BLOCK = 128


def positives(label: NDArray) -> NDArray:
    """Whether j is a positive of i, (N, N)."""
    return (label[:, None] == label) & ~np.eye(len(label), dtype=bool)


def hardest_numpy(key: NDArray, label: NDArray) -> tuple[NDArray, NDArray]:
    """The farthest positive and the nearest negative of each row, (N,) each; -1 for none.

    key (N, N): integers in the order of the distances; those below 0 count as 0.
    """
    key, top = np.maximum(key, 0), np.iinfo(key.dtype).max
    same, other = positives(label), label[:, None] != label
    pos = np.where(same, key, -1).argmax(axis=1)
    neg = np.where(other, key, top).argmin(axis=1)
    return np.where(same.any(axis=1), pos, -1), np.where(other.any(axis=1), neg, -1)


@kernel(hardest_numpy)
def hardest(key: NDArray, label: NDArray) -> tuple[NDArray, NDArray]:
    # The extremes of BLOCK columns at a time, without a branch: that compiles to vector
    # instructions (for integers; for floats a NaN forbids it). Then the place, in one block.
    n = len(label)
    if key.shape != (n, n):
        raise ValueError("key (N, N), label (N,)")
    pos, neg = np.full(n, -1), np.full(n, -1)
    none, top = key.dtype.type(-1), key.dtype.type(np.iinfo(key.dtype).max)
    zero = key.dtype.type(0)
    for i in range(n):
        farthest, nearest, p_block, n_block = none, top, n, n
        for start in range(0, n, BLOCK):
            far, near = none, top
            part, names = key[i, start : start + BLOCK], label[start : start + BLOCK]
            for j in range(len(part)):
                v = max(part[j], zero)
                same = names[j] == label[i]
                far = max(far, v if same and start + j != i else none)
                near = min(near, top if same else v)
            if far > farthest:
                farthest, p_block = far, start
            if near < nearest:
                nearest, n_block = near, start
        for j in range(p_block, n):
            if max(key[i, j], zero) == farthest and label[j] == label[i] and j != i:
                pos[i] = j
                break
        for j in range(n_block, n):
            if max(key[i, j], zero) == nearest and label[j] != label[i]:
                neg[i] = j
                break
    return pos, neg


def semi_hard_numpy(key: NDArray, label: NDArray) -> NDArray:
    """Triplets (T, 3): for each pair i, j the nearest negative that is farther than j is.

    key (N, N) as for `hardest`.
    """
    key, top, rows = np.maximum(key, 0), np.iinfo(key.dtype).max, []
    for i, j in np.argwhere(positives(label)):
        farther = (label != label[i]) & (key[i] > key[i, j])
        if farther.any():
            rows.append((i, j, np.where(farther, key[i], top).argmin()))
    return np.array(rows, np.int64).reshape(-1, 3)


@kernel(semi_hard_numpy)
def semi_hard(key: NDArray, label: NDArray) -> NDArray:
    # the negatives of a row side by side; then again minima without a branch
    n = len(label)
    if key.shape != (n, n):
        raise ValueError("key (N, N), label (N,)")
    rows, count = np.empty((np.sum(label[:, None] == label) - n, 3), np.int64), 0
    value, place = np.empty(n, key.dtype), np.empty(n, np.int64)
    zero, top = key.dtype.type(0), key.dtype.type(np.iinfo(key.dtype).max)
    for i in range(n):
        m = 0
        for k in range(n):
            if label[k] != label[i]:
                value[m], place[m], m = max(key[i, k], zero), k, m + 1
        others, last = value[:m], key.dtype.type(m)
        for j in range(n):
            if label[j] != label[i] or j == i:
                continue
            own, nearest, first = max(key[i, j], zero), top, last
            for t in range(len(others)):
                nearest = min(nearest, others[t] if others[t] > own else top)
            for t in range(len(others)):
                first = min(first, key.dtype.type(t) if others[t] == nearest else last)
            if nearest < top:
                rows[count, 0], rows[count, 1], rows[count, 2] = i, j, place[first]
                count += 1
    return rows[:count]


def every_numpy(label: NDArray) -> NDArray:
    """All valid triplets (T, 3), in lexicographic order."""
    valid = positives(label)[:, :, None] & (label[:, None] != label)[:, None, :]
    return np.argwhere(valid)


@kernel(every_numpy)
def every(label: NDArray) -> NDArray:
    n = len(label)
    count = 0
    for i in range(n):
        same = np.sum(label == label[i])
        count += (same - 1) * (n - same)
    rows = np.empty((count, 3), np.int64)
    t = 0
    for i in range(n):
        for j in range(n):
            if label[j] != label[i] or j == i:
                continue
            for k in range(n):
                if label[k] != label[i]:
                    rows[t, 0], rows[t, 1], rows[t, 2] = i, j, k
                    t += 1
    return rows


def scatter_numpy(rows: NDArray, index: NDArray, n: int) -> NDArray:
    """out (n, D): the sum of the rows (T, D) that share an index (T,)."""
    out = np.zeros((n, rows.shape[1]), rows.dtype)
    np.add.at(out, index, rows)
    return out


@kernel(scatter_numpy)
def scatter(rows: NDArray, index: NDArray, n: int) -> NDArray:
    if len(rows) != len(index):
        raise ValueError("rows (T, D), index (T,)")
    out = np.zeros((n, rows.shape[1]), rows.dtype)
    for t in range(len(index)):
        for d in range(rows.shape[1]):
            out[index[t], d] += rows[t, d]
    return out
