"""Measured figures and how they are printed."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minigen.core.text import table

HEADER = ("model", "data", "figure", "value", "to compare with")


@dataclass(frozen=True)
class Row:
    """One measured figure: its standard error if it has one, and the figures to read it beside."""

    model: str
    data: str
    measure: str
    value: float
    error: float | None = None
    beside: Mapping[str, float] = field(default_factory=dict)


def mean(
    model: str, data: str, measure: str, values: ArrayLike, beside: Mapping[str, float]
) -> Row:
    """The row of a mean over test points, with its standard error."""
    values = np.asarray(values, np.float64)
    error = float(values.std() / math.sqrt(len(values)))
    return Row(model, data, measure, float(values.mean()), error, beside)


def plain(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Rows as data for JSON, which has no nan and no infinity."""
    return [
        {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in r.items()}
        for r in map(asdict, rows)
    ]


def cells(row: Row) -> tuple[str, ...]:
    """A row as five words, with as many decimals as the error allows, two to four."""
    digits = 3 if not row.error else int(np.clip(1 - math.floor(math.log10(row.error)), 2, 4))
    error = "" if row.error is None else f" +- {row.error:.{digits}f}"
    beside = ", ".join(
        f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value}"
        for name, value in row.beside.items()
    )
    return row.model, row.data, row.measure, f"{row.value:.{digits}f}{error}", beside


def text(rows: Iterable[Row]) -> str:
    """Rows as a table for the terminal."""
    return table(map(cells, rows), HEADER)
