"""Rows of numbers from a CSV file, with the place of the first mistake.

Columns are separated by commas; or by semicolons or tabs, where the first line has no comma, and by
tabs in a .tsv file. One column may be a label, in numbers or in words; columns may be left out.
"""

import csv
import io
import math
import pathlib
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from minigen.core.validate import expected

Record = tuple[int, list[str]]  # the line number and the cells
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
TRUTH = {"true": 1.0, "false": 0.0}
MISSING = ("na", "nan", "inf", "null", "none", "infinity")
LOOKED_AT = 200  # lines, for whether the first is like the others


@dataclass(frozen=True)
class Cells:
    """What a file holds: numbers x (N, D), their columns' names or (), and a column of words."""

    x: NDArray
    columns: tuple[str, ...]
    words: list[str] | None
    label: str


def read_csv(
    path: pathlib.Path, header: bool | None = None, label: str | None = None,
    drop: Sequence[str] = (), columns: Sequence[str] | None = None,
) -> Cells:  # fmt: skip
    """The numbers of a CSV file; header None: the first line is looked at."""
    separator, records = _opened(path)
    first = next(records, None)
    if first is None:
        raise expected(str(path), "rows of numbers", "an empty file")
    ahead = list(islice(records, LOOKED_AT))
    records = chain(ahead, records)
    names: list[str] = []
    if _has_names(path, first, ahead, header):
        names = [cell.strip() for cell in first[1]]
    else:
        records = chain([first], records)
    width = len(first[1])
    at = None if label is None else _place(path, "label", label, names, width)
    out = {_place(path, "drop", name, names, width) for name in drop}
    if at in out:
        raise expected("drop", "other columns than the label", repr(label))
    used = [k for k in range(width) if k not in out and k != at]
    if columns is not None:
        used = [_place(path, "columns", name, names, width) for name in columns]
    unnamed = [k for k in used if names and not names[k]]
    if unnamed:
        k = unnamed[0] + 1
        got = f"an empty cell (an index column? `drop` 'column {k}' leaves it out)"
        raise expected(f"{path}:{first[0]}:{k}", "a column name", got)
    if not used:
        raise expected(str(path), "a column of numbers beside those left out", "none")
    words: list[str] = []
    rows = (_numbers(path, record, first, used, at, words, separator) for record in records)
    values = np.fromiter(chain.from_iterable(rows), np.float64)
    if not values.size:
        raise expected(str(path), "rows of numbers", "column names only")
    title = "" if at is None else (names[at] if names else f"column {at + 1}")
    kept = tuple(names[k] for k in used) if names else ()
    return Cells(values.reshape(-1, len(used)), kept, None if at is None else words, title)


def _place(path: pathlib.Path, option: str, name: str, names: Sequence[str], width: int) -> int:
    """The index of the column of that name, or of that number, counted from 1."""
    if names.count(name) > 1:
        raise expected(option, f"a name that one column of {path} has", f"{name!r}, which two have")
    if name in names:
        return list(names).index(name)
    number = name.removeprefix("column ")
    if re.fullmatch(r"[0-9]{1,9}", number) and 1 <= int(number) <= width:
        return int(number) - 1
    known = f"one of {', '.join(names)}, or" if names and len(names) <= 40 else ""
    what = f"a column of {path}: {known} a number in 1..{width}".replace(":  ", ": ")
    raise expected(option, what, repr(name))


def decoded(name: str, content: bytes) -> str:
    """Bytes as UTF-8 text; the first line that is not is named."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise expected(f"{name}:{line}", "text in UTF-8", "bytes that are not") from None


def _opened(path: pathlib.Path) -> tuple[str, Iterator[Record]]:
    """The character between columns, and the records."""
    text = decoded(str(path), path.read_bytes())
    line = text.split("\n", 1)[0]
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    if separator == "," and "," not in re.sub(r'"[^"]*"', "", line):
        separator = next((c for c in ";\t" if c in line), ",")
    return separator, _records(path, text, separator)


def _records(path: pathlib.Path, text: str, separator: str) -> Iterator[Record]:
    """The records that are not blank; blank lines may only stand at the end."""
    stream = io.StringIO(text, newline="")
    reader = csv.reader(stream, strict=True, skipinitialspace=True, delimiter=separator)
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
        what = "comma-separated values" if separator == "," else f"{SEPARATORS[separator]} between"
        raise expected(f"{path}:{reader.line_num}", what, error) from None


def _has_names(
    path: pathlib.Path, record: Record, others: Sequence[Record], header: bool | None
) -> bool:
    """Whether the first line has the columns' names: no cell of it is a number.

    0, 1, 2, ... are names too: those that pandas gives to columns that have none, some beside words
    or after the empty name of its index. Other whole numbers above columns that are not whole may
    be names, and may not: that is refused.
    """
    line, cells = record[0], [cell.strip() for cell in record[1]]
    if header is not None:
        return header
    first = int(len(cells) > 1 and not cells[0])  # past the empty name that pandas gives an index
    at = [k for k, cell in enumerate(cells) if k >= first and _as_float(cell) is not None]
    if not at:
        return True
    found, all_of_them = [cells[k] for k in at], len(at) == len(cells) - first
    below = [[other[k] for k in at if k < len(other)] for _, other in others]
    alone = len(others) > 2 and not any(map(_whole, below))
    sure = first or (len(at) > 1 and (alone or all_of_them))
    if sure and found == [str(k - first) for k in at]:
        warnings.warn(f"{path}:{line}: 0, 1, ... are taken for column names", stacklevel=5)
        return True
    counted = found == [f"{k - first}.0" for k in at] or _whole(found)
    if len(at) == 1:  # data may well begin with a whole number
        counted = found == ["0"]
    if alone and counted and len(set(found)) == len(found):
        what = "names, or numbers like those below it (`header` says which)"
        raise expected(f"{path}:{line}", what, ", ".join(cells[:6]))
    return False


def _whole(cells: Sequence[str]) -> bool:
    """Whether all are whole numbers, written as such."""
    return all(re.fullmatch(r"\s*[0-9]+\s*", cell) for cell in cells)


def _numbers(
    path: pathlib.Path, record: Record, first: Record, used: Sequence[int], label: int | None,
    words: list[str], separator: str,
) -> list[float]:  # fmt: skip
    """The finite numbers of one record, as many as the first line has columns; the label's word."""
    (line, cells), (first_line, width), got = record, (first[0], len(first[1])), len(record[1])
    if got != width:
        place = f"{path}:{line}:{min(got, width) + 1}"
        raise expected(place, f"as many columns as line {first_line}, {width}", got)
    row = []
    for column in used:
        value = _as_float(cells[column])
        if value is None or not math.isfinite(value):
            said = _described(cells[column], separator)
            raise expected(f"{path}:{line}:{column + 1}", "a finite number", said)
        row.append(value)
    if label is not None:
        word = cells[label].strip()
        if not word:
            raise expected(f"{path}:{line}:{label + 1}", "a label", "an empty cell")
        words.append(word)
    return row


def _as_float(cell: str) -> float | None:
    """The number in a cell, nan and infinity included, or None; True is 1 and False 0."""
    try:
        return None if "_" in cell else float(cell)  # 1_000 is a number in Python alone
    except ValueError:
        return TRUTH.get(cell.strip().lower())


def _described(cell: str, separator: str) -> str:
    """A cell that is no number, shortened, with a guess at the mistake."""
    if not cell.strip():
        return "an empty cell (a missing value)"
    short = f"{cell[:37] + '...' if len(cell) > 40 else cell!r}"
    if re.search(r"\d\s*[,;|\s]\s*[-+.\d]", cell):
        return f"{short} (columns are separated by {SEPARATORS[separator]}, decimals have a point)"
    if re.fullmatch(r"[^\W\d][\w .-]*", cell.strip()) and cell.strip().lower() not in MISSING:
        return f"{short} (a label? `label` names its column, `drop` leaves it out)"
    return short
