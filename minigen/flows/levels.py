"""Which columns of the data are integers, and of how many levels.

K for all columns; or a K for each, 0 or None for a column of real numbers; or {column: K}.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.contract import Bijection
from minigen.core.signature import Size
from minigen.flows.elementwise import Logit
from minigen.flows.on_columns import OnColumns
from minigen.prob import dequantize

Levels = Size | Sequence[Size | None] | Mapping[int, Size]


def as_levels(levels: Any, features: int) -> int | tuple[int, ...]:
    """One K, or a K for each of the columns, 0 for real numbers."""
    if isinstance(levels, Mapping):
        for column in levels:
            validate.integer("levels: column", column, 0, features - 1)
        levels = [levels.get(k) for k in range(features)]
    if isinstance(levels, Sequence):
        if len(levels) != features:
            raise validate.expected("levels", f"one for each of {features} columns", len(levels))
        named = [(f"levels[{k}]", K or 0) for k, K in enumerate(levels)]
        each = tuple(validate.integer(name, K, 0) for name, K in named)
        levels = each[0] if len(set(each)) == 1 else each
    return levels


def per_column(levels: int | tuple[int, ...], features: int) -> NDArray:
    """K of each column, (D,); 0 for real numbers."""
    return np.broadcast_to(np.array(levels), (features,))


def supports(levels: int | tuple[int, ...]) -> tuple[Bijection, ...]:
    """The maps from (0, K) to the real numbers of the columns that are integers."""
    if isinstance(levels, int):
        return (Logit(bins=float(levels), low=0.01),) if levels else ()
    return tuple(
        OnColumns(Logit(bins=float(K), low=0.01), tuple(k for k, n in enumerate(levels) if n == K))
        for K in sorted({*levels} - {0})
    )


def dequantized_columns(
    name: str, x: ArrayLike, levels: int | tuple[int, ...], rng: np.random.Generator
) -> NDArray:
    """x (N, D) with u ~ U[0, 1) added to the columns that are integers, float64."""
    features = len(levels) if isinstance(levels, tuple) else "D"
    x = validate.array(name, x, ("N", features), np.float64)
    K = per_column(levels, x.shape[1])
    bad = (K > 0) & ((x != np.floor(x)) | (x < 0) | (x >= K))
    if bad.any():
        _, column = validate.first(bad)
        validate.refuse(name, x, bad, f"whole numbers in 0..{K[column] - 1}")
    return np.where(K > 0, dequantize(np.floor(x), rng), x)


def inside(x: NDArray, levels: int | tuple[int, ...]) -> NDArray:
    """Whether each row of dequantised data is within 0..K in each column of integers, (N,)."""
    K = per_column(levels, x.shape[1])
    return np.all((K == 0) | ((x >= 0) & (x <= K)), axis=1)


def quantized(x: NDArray, levels: int | tuple[int, ...]) -> NDArray:
    """Samples with their columns of integers rounded down; integers if all columns are."""
    K = per_column(levels, x.shape[1])
    whole = np.clip(np.floor(x), 0, K - 1)
    return whole.astype(np.int64) if K.all() else np.where(K > 0, whole, x)
