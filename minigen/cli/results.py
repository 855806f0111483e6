"""Measured figures and how they are printed."""

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

HEADER = ("model", "data", "figure", "value", "to compare with")
WIDTH = 80  # of a terminal
GLUE = "\x00"  # stands for a space at which no line is broken


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


def told(rows: Iterable[Row], model: str, data: str, measure: str) -> str:
    """The value of a row with its error, for a sentence; `measure` is how the figure begins."""
    (row, *_) = (r for r in rows if (r.model, r.data) == (model, data)
                 and r.measure.startswith(measure))  # fmt: skip
    return cells(row)[3].replace("+-", "\N{PLUS-MINUS SIGN}")


def beside(rows: Iterable[Row], model: str, data: str, name: str) -> str:
    """A figure that stands beside those of a model, for a sentence."""
    found = (r.beside[name] for r in rows if (r.model, r.data) == (model, data)
             and name in r.beside)  # fmt: skip
    return f"{next(found):.3f}"


def text(rows: Iterable[Row], width: int = WIDTH) -> str:
    """Rows as tables for the terminal, one for each model and data, no line longer than `width`."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.model, row.data), []).append(row)
    return "\n\n".join(_group(*key, found, width) for key, found in groups.items())


def _group(model: str, data: str, rows: Sequence[Row], width: int) -> str:
    """The rows of one model on one data set, under a line that names the two."""
    lines = [cells(row) for row in rows]
    name = max(len(line[2]) for line in lines)
    value = max(len(line[3]) for line in lines)
    wrap = textwrap.TextWrapper(
        max(width - name - value - 6, 24), break_long_words=False, break_on_hyphens=False
    )
    said = [f"{model} on {data}"]
    for _, _, measure, figure, beside in lines:
        parts = wrap.wrap(beside.replace(" ", GLUE).replace(f",{GLUE}", ", "))
        first, *more = [part.replace(GLUE, " ") for part in parts] or [""]
        said.append(f"  {measure:{name}}  {figure:{value}}  {first}".rstrip())
        said += [f"{'':{name + value + 6}}{part}" for part in more]
    return "\n".join(said)
