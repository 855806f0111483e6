"""Grey pictures made smaller: the middle cut out, or the area under each new pixel averaged."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate

BLOCK = 1024  # pictures averaged at once


def as_size(size: int | Sequence[int]) -> tuple[int, int]:
    """(height, width) of a square of that side, or of two numbers."""
    both = validate.widths("size", size)
    if not 1 <= len(both) <= 2:
        raise validate.expected("size", "a side, or (height, width)", size)
    return both[0], both[-1]


def middle(x: NDArray, height: int, width: int) -> NDArray:
    """The middle of pictures (N, H, W)."""
    top, left = (x.shape[1] - height) // 2, (x.shape[2] - width) // 2
    return x[:, top : top + height, left : left + width]


def averaged(x: NDArray, height: int, width: int) -> NDArray:
    """The largest middle part of those proportions, each new pixel the mean of its area, uint8."""
    scale = min(x.shape[1] / height, x.shape[2] / width)
    x = middle(x, round(height * scale), round(width * scale))
    rows, columns = overlaps(x.shape[1], height), overlaps(x.shape[2], width)
    blocks = (x[k : k + BLOCK].astype(np.float32) for k in range(0, len(x), BLOCK))
    return np.concatenate([np.rint(rows @ b @ columns.T).astype(np.uint8) for b in blocks])


def overlaps(old: int, new: int) -> NDArray:
    """(new, old): the share of each new cell that each old cell covers; rows add up to 1."""
    edges, cells = np.linspace(0, old, new + 1), np.arange(old)
    low = np.maximum(edges[:-1, None], cells)
    high = np.minimum(edges[1:, None], cells + 1)
    return (np.clip(high - low, 0, None) * (new / old)).astype(np.float32)
