"""Measured figures and how they are printed."""

import math
from dataclasses import asdict, dataclass, field

import numpy as np


@dataclass(frozen=True)
class Row:
    """One measured figure: its standard error if it has one, and the figures to read it beside."""

    model: str
    data: str
    measure: str
    value: float
    error: float | None = None
    beside: dict = field(default_factory=dict)


def mean(model, data, measure, values, **beside):
    """The row of a mean over test points, with its standard error."""
    values = np.asarray(values, np.float64)
    error = float(values.std() / math.sqrt(len(values)))
    return Row(model, data, measure, float(values.mean()), error, beside)


def plain(rows):
    """Rows as data for JSON, in which a number that is none has no place."""
    return [
        {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in r.items()}
        for r in map(asdict, rows)
    ]


HEADER = ("model", "data", "figure", "value", "to compare with")


def cells(row):
    """A row as five words."""
    error = "" if row.error is None else f" +- {row.error:.{digits(row)}f}"
    beside = ", ".join(f"{name} {number(value)}" for name, value in row.beside.items())
    return row.model, row.data, row.measure, f"{row.value:.{digits(row)}f}{error}", beside


def digits(row):
    """As many decimals as the error allows, two to four."""
    return 3 if not row.error else int(np.clip(1 - math.floor(math.log10(row.error)), 2, 4))


def number(value):
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def text(rows):
    """Rows as a table for the terminal."""
    table = [HEADER, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in table]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])
