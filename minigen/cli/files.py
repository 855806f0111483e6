"""Pictures and rows of numbers, written whole or not at all."""

import csv
import io
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import files

DPI = 130  # dots an inch, of pictures


def write_picture(path: pathlib.Path, figure: Any, dpi: int = DPI) -> None:
    """A matplotlib figure as .png."""
    with files.replacing(path) as file:
        figure.savefig(file, format="png", dpi=dpi)


def write_rows(
    path: pathlib.Path, x: NDArray, names: Sequence[str] = (), words: Sequence[str] = ()
) -> None:
    """Rows of numbers as .npy, .csv or .tsv, by the suffix; names above, a word for each row last.

    With words, `names` has one name more than x has columns.
    """
    if path.suffix.lower() == ".npy":
        with files.replacing(path) as file:
            np.save(file, x, allow_pickle=False)
        return
    text = io.StringIO(newline="")
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    if names:
        writer.writerow(names)
    whole = x.dtype.kind in "iu"
    cells = ([str(v) if whole else f"{v:.9g}" for v in row] for row in x.tolist())
    if len(words):
        writer.writerows([*row, word] for row, word in zip(cells, words, strict=True))
    else:
        writer.writerows(cells)
    files.replace(path, text.getvalue())
