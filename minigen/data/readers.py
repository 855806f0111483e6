"""Readers for a user's own rows of numbers: .csv, .tsv, .npy and .npz.

Nothing in a file is executed, no memory is allocated for data a file does not hold, and what cannot
be trained on (text, ragged rows, nan, infinity) is refused with its place.
"""

import os
import pathlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.signature import checked, fields
from minigen.data.csv_file import read_csv
from minigen.data.numpy_file import read_npy, read_npz

SUFFIXES = (".csv", ".tsv", ".npy", ".npz")


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of numbers x (N, D), and what a file says of them.

    columns: the names of the D columns, or () where the file has none. y: (N,) class numbers
    0..K-1, or None without a label; classes: what stands in the file for each; label: its name.
    """

    x: Annotated[NDArray, "N D"]
    columns: tuple[str, ...] = ()
    y: Annotated[NDArray, "N"] | None = None
    classes: tuple[str, ...] = ()
    label: str = ""
    __post_init__ = fields

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each column: its own, or "column 1" and so on."""
        return self.columns or tuple(f"column {k + 1}" for k in range(self.x.shape[1]))

    def __len__(self) -> int:
        return len(self.x)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        return np.array(self.x, dtype, copy=copy)

    def __repr__(self) -> str:
        label = f", label {self.label!r} of {len(self.classes)} classes" if self.label else ""
        return f"Table({len(self.x)} rows, {self.x.shape[1]} columns{label})"


@checked
def table(
    path: str | os.PathLike[str], *, label: str | int | None = None,
    drop: str | int | Sequence[str | int] = (),
    columns: Sequence[str | int] | None = None, header: bool | None = None,
) -> Table:  # fmt: skip
    """The rows of numbers in a file, the names of its columns, and a label.

    Parameters
    ----------
    path : of a .csv, .tsv, .npy or .npz file, as in `read`
    label : the column that says the class of each row, by its name, or by its number from 1; in
        an .npz file `y`
    drop : columns to leave out, by name or number
    columns : the columns to read, in this order; by default all others
    header : whether the first line of text has the columns' names; by default it is looked at

    Returns
    -------
    Table

    Raises
    ------
    InvalidInput
        With the file and the line and column, or the index, of the first bad value.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "iris.csv"
    >>> _ = path.write_text("petal,species\\n1.4,setosa\\n4.7,versicolor\\n", encoding="utf-8")
    >>> table = mg.data.table(path, label="species")
    >>> table.columns, table.classes, table.y
    (('petal',), ('setosa', 'versicolor'), array([0, 1]))
    """
    path = pathlib.Path(path)
    kind = validate.choice(f"{path}: suffix", path.suffix.lower(), SUFFIXES)
    drop = (drop,) if isinstance(drop, str | int) else drop
    if columns is not None and drop:
        raise validate.expected("drop", "none beside columns", list(drop))
    if kind in (".csv", ".tsv"):
        named = None if label is None else str(label)
        chosen = None if columns is None else [str(name) for name in columns]
        cells = read_csv(path, header, named, [str(name) for name in drop], chosen)
        if cells.words is None:
            return Table(cells.x, cells.columns)
        return Table(cells.x, cells.columns, *classes(cells.words), cells.label)
    if header is not None:
        raise validate.expected("header", "None for an array", header)
    arrays = {"x": read_npy(path)} if kind == ".npy" else read_npz(path)
    with np.errstate(over="ignore"):  # a long double may be infinite as a float64
        mapped = isinstance(arrays["x"], np.memmap)
        x = np.array(arrays["x"], np.float64, order="C", copy=None if mapped else True)
    if x.ndim in (3, 4):
        what = "shape (N, D)"
        got = f"{validate.shaped(x.shape)} (pictures? --size, or mg.data.pictures)"
        raise validate.expected(str(path), what, got)
    x = validate.array(str(path), x, ("N", "D"))
    return _chosen(x, arrays.get("y"), str(path), label, drop, columns)


def _chosen(
    x: NDArray, y: NDArray | None, path: str, label: str | int | None,
    drop: Sequence[str | int], columns: Sequence[str | int] | None,
) -> Table:  # fmt: skip
    """The wanted columns of an array, and its label."""
    width = x.shape[1]

    def places(name: str, given: Sequence[str | int]) -> list[int]:
        return [validate.integer(name, _counted(c), 1, width) - 1 for c in given]

    words: NDArray | None = None
    out = places("drop", drop)
    if label == "y" and y is not None:
        words = validate.array(f"{path}: y", y, (len(x),))
    elif label is not None:
        out += places("label", [label])
        words = x[:, out[-1]]
    used = (
        [k for k in range(width) if k not in out] if columns is None else places("columns", columns)
    )
    if not used:
        raise validate.expected(path, "a column of numbers beside those left out", "none")
    x = x if used == list(range(width)) else x[:, used]  # all of a mapped file stays there
    if words is None:
        return Table(x)
    return Table(x, (), *classes([str(v) for v in words]), str(label))


def _counted(name: str | int) -> int | str:
    """The number of a column that was given as text: 3, or column 3."""
    number = str(name).removeprefix("column ")
    return int(number) if number.isdigit() else name


def word(label: str) -> str:
    """A label as it is called: 2.0, as pandas writes a whole number, is 2; true is True."""
    if label.strip().lower() in ("true", "false"):  # libraries differ
        return label.strip().capitalize()
    return re.sub(r"^(-?[0-9]+)[.]0*$", r"\1", label.strip())


def classes(words: Sequence[str]) -> tuple[NDArray, tuple[str, ...]]:
    """Class numbers (N,) of words, and the words in order; numbers are ordered as numbers."""
    words = [word(label) for label in words]
    found = set(words)
    if len(found) > max(20, len(words) // 5):
        raise validate.expected("label", "a column of few classes", f"{len(found)} of them")
    try:
        order = sorted(found, key=lambda label: (float(label), label))
    except ValueError:
        order = sorted(found)
    number = {word: k for k, word in enumerate(order)}
    return np.array([number[word] for word in words]), tuple(order)


@checked
def read(path: str | os.PathLike[str]) -> NDArray:
    """The rows of numbers in a file.

    Parameters
    ----------
    path : of a .csv, .tsv, .npy or .npz file. A CSV file is UTF-8 text with commas, semicolons or
        tabs between the columns, points in the decimals, and one line of column names or none. An
        .npz archive has the rows as `x`, or as its only array beside `y`.

    Returns
    -------
    array (N, D), float64; of a .npy file of 16 MB or more in this type, the file itself, mapped:
        what is not used takes no memory, and what is written to it does not reach the file

    Raises
    ------
    InvalidInput
        with the file and the line and column, or the index, of the first bad value

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "heights.csv"
    ...     _ = path.write_text("height,weight\\n1.7,65\\n1.8,80\\n", encoding="utf-8")
    ...     mg.data.read(path)
    array([[ 1.7, 65. ],
           [ 1.8, 80. ]])
    """
    return table(path).x


@checked
def read_labels(path: str | os.PathLike[str]) -> NDArray:
    """The labels `y` that stand beside the rows of an .npz file.

    Parameters
    ----------
    path : of an .npz file with an array `y` (N,) and rows `x` (N, D)

    Returns
    -------
    array (N,)

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "own.npz"
    ...     np.savez(path, x=np.zeros((3, 2)), y=[0, 1, 1])
    ...     mg.data.read_labels(path)
    array([0, 1, 1])
    """
    path = pathlib.Path(path)
    validate.choice(f"{path}: suffix", path.suffix.lower(), (".npz",))
    arrays = read_npz(path)
    if "y" not in arrays:
        raise validate.expected(str(path), "an array y of labels", "none")
    return validate.array(f"{path}: y", np.array(arrays["y"]), (len(arrays["x"]),))


@checked
def split(x: Any, fractions: Sequence[float], *, rng: np.random.Generator) -> tuple[Any, ...]:
    """Shuffle rows and divide them into parts.

    Parameters
    ----------
    x : array (N, ...), or a tuple of arrays of N rows (data, labels, context), which stay together
    fractions : of the rows in each part; they add up to 1
    rng : numpy Generator

    Returns
    -------
    tuple
        one part for each fraction: an array, or a tuple of arrays; each row lands in exactly one
        part, and no part is empty

    Examples
    --------
    >>> train, validation = mg.data.split(np.zeros((10, 2)), (0.8, 0.2), rng=rng)
    >>> len(train), len(validation)
    (8, 2)
    >>> (x, y), (new_x, new_y) = mg.data.split((np.eye(10), np.arange(10)), (0.8, 0.2), rng=rng)
    >>> bool((x.argmax(axis=1) == y).all()), new_x.shape, new_y.shape
    (True, (2, 10), (2,))
    """
    several = isinstance(x, tuple)
    named = [(f"x[{k}]", part) for k, part in enumerate(x)] if several else [("x", x)]
    arrays = [validate.array(name, part) for name, part in named]
    if not arrays or any(a.ndim < 1 for a in arrays):
        raise validate.expected("x", "arrays of rows", [validate.shaped(a.shape) for a in arrays])
    n = len(arrays[0])
    if any(len(a) != n for a in arrays):
        raise validate.expected("x", "as many rows in each array", [len(a) for a in arrays])
    shares = [validate.number(f"fractions[{k}]", f, 0, 1) for k, f in enumerate(fractions)]
    if not np.isclose(sum(shares), 1):
        raise validate.expected("fractions", "parts of 1", f"{fractions}")
    cuts = np.round(np.cumsum(shares)[:-1] * n).astype(int)
    parts = np.split(validate.generator(rng).permutation(n), cuts)
    if not all(map(len, parts)):
        raise validate.expected("x", f"a row for each of {fractions}", f"{n} rows")
    taken = [tuple(a[rows] for a in arrays) for rows in parts]
    return tuple(taken if several else (part for (part,) in taken))
