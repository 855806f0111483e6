"""Columns that stand on a grid, as whole numbers of its steps: what --levels asks for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minigen.cli.ties import spacing
from minigen.core import validate

MARGIN = 0.1  # of the levels seen, added below and above: new rows may lie there
MOST = 10_000


@dataclass(frozen=True, eq=False)
class Grid:
    """Column k is low + step * (0, 1, ..., K - 1), or real numbers where K is 0. All (D,)."""

    low: NDArray
    step: NDArray
    K: NDArray

    @classmethod
    def none(cls, features: int) -> "Grid":
        """All columns are real numbers."""
        return cls(np.zeros(features), np.ones(features), np.zeros(features))

    @classmethod
    def of(cls, x: NDArray, names: Sequence[str], asked: Sequence[str]) -> "Grid":
        """Of the columns that --levels names: NAME finds the grid, NAME=K means 0..K-1."""
        grid, taken = cls.none(x.shape[1]), set()
        for item in asked:
            name, _, count = item.partition("=")
            k = _column(name.strip(), names)
            if k in taken:
                raise validate.expected("--levels", "each column once", f"{names[k]} twice")
            taken.add(k)
            if count:
                grid.K[k] = _count(item, count)
                continue
            values = np.unique(x[:, k])
            grid.step[k] = spacing(values)
            if not grid.step[k]:
                what = "a column whose values are steps of a grid"
                raise validate.expected("--levels", what, f"{name}, {values[:4].tolist()}...")
            K = round((values[-1] - values[0]) / grid.step[k]) + 1
            more = 0 if K == 2 else int(np.ceil(MARGIN * K))
            whole = values[0] >= 0 and grid.step[k] == 1 and values[0] - more < 0
            below = int(values[0]) if whole else more  # counts do not go below 0
            grid.low[k] = values[0] - below * grid.step[k]
            grid.K[k] = K + below + more
        return grid

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels of each column, 0 for real numbers; () if there are none."""
        return tuple(map(int, self.K)) if self.K.any() else ()

    def steps(self, path: str, x: NDArray, names: Sequence[str]) -> NDArray:
        """Rows in steps of the grid; a value between two is refused."""
        k = (x - self.low) / self.step
        whole = np.where(self.K > 0, np.round(k), k)
        bad = np.abs(k - whole) > 1e-3
        if bad.any():
            row, column = validate.first(bad)
            what = f"{names[column]} on a grid of {self.step[column]:g}"
            raise validate.expected(f"{path}: row {row + 1}", what, f"{x[row, column]:g}")
        outside = (self.K > 0) & ((whole < 0) | (whole >= self.K))
        if outside.any():
            row, column = validate.first(outside)
            low, step = self.low[column], self.step[column]
            what = f"{names[column]} in {low:g}..{low + step * (self.K[column] - 1):g}"
            raise validate.expected(f"{path}: row {row + 1}", what, f"{x[row, column]:g}")
        return whole

    def values(self, k: NDArray) -> NDArray:
        """Rows in the units of the file."""
        if not self.K.any():
            return k
        digits = np.maximum(0, np.ceil(3 - np.log10(self.step))).astype(int)
        x = self.low + self.step * k
        for column in np.flatnonzero(self.K):
            x[:, column] = np.round(x[:, column], digits[column])
        return x


def _column(name: str, names: Sequence[str]) -> int:
    """The index of a column that is named, or numbered from 1."""
    if list(names).count(name) > 1:
        raise validate.expected(
            "--levels", "a name that one column has", f"{name!r}, which two have"
        )
    if name in names:
        return list(names).index(name)
    if re.fullmatch("[0-9]{1,9}", name) and 1 <= int(name) <= len(names):
        return int(name) - 1
    raise validate.expected("--levels", f"a column: {', '.join(names)}", repr(name))


def _count(item: str, count: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", count) or not 2 <= int(count) <= MOST:
        raise validate.expected("--levels", f"COLUMN=K with K in 2..{MOST}", item)
    return int(count)
