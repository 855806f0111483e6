"""Rows of numbers from a CSV file, with the place of the first mistake."""

import csv
import io
import math
import pathlib
import re
import warnings
from collections.abc import Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from minigen.core.validate import expected

Record = tuple[int, list[str]]  # the line number and the cells


def read_csv(path: pathlib.Path) -> NDArray:
    """The numbers of a CSV file, (N, D) float64; a first line of names is skipped."""
    records = _records(path)
    first = next(records, None)
    if first is None:
        raise expected(str(path), "rows of numbers", "an empty file")
    if not _is_header(path, first):
        records = chain([first], records)
    rows = (_numbers(path, record, first) for record in records)
    values = np.fromiter(chain.from_iterable(rows), np.float64)
    if not values.size:
        raise expected(str(path), "rows of numbers", "column names only")
    return values.reshape(-1, len(first[1]))


def decoded(name: str, content: bytes) -> str:
    """Bytes as UTF-8 text; the first line that is not is named."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise expected(f"{name}:{line}", "text in UTF-8", "bytes that are not") from None


def _records(path: pathlib.Path) -> Iterator[Record]:
    """The records that are not blank; blank lines may only stand at the end."""
    stream = io.StringIO(decoded(str(path), path.read_bytes()), newline="")
    reader = csv.reader(stream, strict=True, skipinitialspace=True)
    blank = 0
    try:
        for cells in reader:
            if len(cells) < 2 and not "".join(cells).strip():
                blank = blank or reader.line_num
            elif blank:
                what, got = "a row of numbers", "a blank line before other rows"
                raise expected(f"{path}:{blank}", what, got)
            else:
                yield reader.line_num, cells
    except csv.Error as error:
        raise expected(f"{path}:{reader.line_num}", "comma-separated values", error) from None


def _is_header(path: pathlib.Path, record: Record) -> bool:
    """Whether no cell of the first line is a number; then each must be a name.

    0, 1, 2, ... are names too: those that pandas gives to columns that have none.
    """
    line, cells = record
    if len(cells) > 1 and [cell.strip() for cell in cells] == [str(k) for k in range(len(cells))]:
        warnings.warn(f"{path}:{line}: 0, 1, ... are taken for column names", stacklevel=4)
        return True
    if any(_as_float(cell) is not None for cell in cells):
        return False
    names = [cell.strip() for cell in cells]
    if "" in names:
        got = "an empty cell (an index column? leave it out)"
        raise expected(f"{path}:{line}:{names.index('') + 1}", "a column name", got)
    return True


def _numbers(path: pathlib.Path, record: Record, first: Record) -> list[float]:
    """The finite numbers of one record, as many as the first line has columns."""
    (line, cells), (first_line, width), got = record, (first[0], len(first[1])), len(record[1])
    if got != width:
        place = f"{path}:{line}:{min(got, width) + 1}"
        raise expected(place, f"as many columns as line {first_line}, {width}", got)
    row = []
    for column, cell in enumerate(cells, 1):
        value = _as_float(cell)
        if value is None or not math.isfinite(value):
            raise expected(f"{path}:{line}:{column}", "a finite number", _described(cell))
        row.append(value)
    return row


def _as_float(cell: str) -> float | None:
    """The number in a cell, nan and infinity included, or None."""
    try:
        return None if "_" in cell else float(cell)  # 1_000 is a number in Python alone
    except ValueError:
        return None


def _described(cell: str) -> str:
    """A cell that is no number, shortened, with a guess at the mistake."""
    if not cell.strip():
        return "an empty cell"
    separated = re.search(r"\d\s*[,;\s]\s*[-+.\d]", cell)
    hint = " (columns are separated by commas, decimals have a point)" if separated else ""
    return f"{cell[:37] + '...' if len(cell) > 40 else cell!r}{hint}"
