"""Rows of numbers from a CSV file, with the place of the first mistake."""

import contextlib
import csv
import io
import math
import re
from itertools import chain

import numpy as np

from minigen.core.validate import expected


def read_csv(path):
    """The numbers of a CSV file, (N, D) float64; a first line of names is skipped."""
    records = filled(path, lines(path))
    first = next(records, None)
    if first is None:
        raise expected(path, "rows of numbers", "an empty file")
    kept = records if is_header(path, *first) else chain([first], records)
    rows = (numbers(path, line, cells, *first) for line, cells in kept)
    values = np.fromiter(chain.from_iterable(rows), np.float64)
    if not values.size:
        raise expected(path, "rows of numbers", "column names only")
    return values.reshape(-1, len(first[1]))


def lines(path):
    """(line number, cells) of each record of the file."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise expected(f"{path}:{line}", "text in UTF-8", "bytes that are not") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise expected(f"{path}:{reader.line_num}", "comma-separated values", error) from None


def filled(path, records):
    """The records that are not blank; blank lines may only stand at the end."""
    blank = None
    for line, cells in records:
        if len(cells) < 2 and not "".join(cells).strip():
            blank = blank or line
        elif blank:
            raise expected(f"{path}:{blank}", "a row of numbers", "a blank line before other rows")
        else:
            yield line, cells


def is_header(path, line, cells):
    """Whether no cell of the first line is a number; then each must be a name."""
    if any(as_float(cell) is not None for cell in cells):
        return False
    for column, cell in enumerate(cells, 1):
        if not cell.strip():
            got = "an empty cell (an index column? leave it out)"
            raise expected(f"{path}:{line}:{column}", "a column name", got)
    return True


def numbers(path, line, cells, first_line, first_cells):
    """The finite numbers of one record, as many as the first line has columns."""
    width, got = len(first_cells), len(cells)
    if got != width:
        place = f"{path}:{line}:{min(got, width) + 1}"
        raise expected(place, f"as many columns as line {first_line}, {width}", got)
    with contextlib.suppress(ValueError):
        row = list(map(float, cells))
        if all(map(math.isfinite, row)) and "_" not in "".join(cells):
            return row
    for column, cell in enumerate(cells, 1):
        value = as_float(cell)
        if value is None or not math.isfinite(value):
            raise expected(f"{path}:{line}:{column}", "a finite number", described(cell))


def as_float(cell):
    """The number in a cell, nan and infinity included, or None."""
    try:
        return None if "_" in cell else float(cell)  # Python reads 1_000, nobody else does
    except ValueError:
        return None


def described(cell):
    """A cell that is no number, short, and what it may have been meant to be."""
    if not cell.strip():
        return "an empty cell"
    separated = re.search(r"\d\s*[,;\s]\s*[-+.\d]", cell)
    hint = " (columns are separated by commas, decimals have a point)" if separated else ""
    return f"{cell[:37] + '...' if len(cell) > 40 else cell!r}{hint}"
