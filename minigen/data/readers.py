"""Readers for a user's own rows of numbers: .csv, .npy and .npz.

Nothing in a file is executed, nothing is allocated for data a file does not hold, and what cannot
be trained on (text, ragged rows, nan, infinity) is refused with its place.
"""

import pathlib

import numpy as np

from minigen.core import validate
from minigen.data.csv_file import read_csv
from minigen.data.numpy_file import read_npy, read_npz


def read(path):
    """The rows of numbers in a .csv, .npy or .npz file, (N, D) float64.

    A CSV file is UTF-8 text with commas between the columns, points in the decimals, and one line
    of column names or none. An .npz archive has the rows as `x`, or as its only array beside `y`.
    Raises ValueError with the file and the line and column, or the index, of the first bad value.
    """
    path = pathlib.Path(path)
    kind = validate.choice(f"{path}: suffix", path.suffix.lower(), (".csv", ".npy", ".npz"))
    if kind == ".csv":
        return read_csv(path)
    return rows(path, read_npy(path) if kind == ".npy" else read_npz(path)["x"])


def read_labels(path):
    """The labels `y` (N,) that stand beside the rows of an .npz file."""
    path = pathlib.Path(path)
    validate.choice(f"{path}: suffix", path.suffix.lower(), (".npz",))
    arrays = read_npz(path)
    if "y" not in arrays:
        raise validate.expected(path, "an array y of labels", "none")
    return validate.array(f"{path}: y", np.array(arrays["y"]), (len(arrays["x"]),))


def rows(path, x):
    """x as rows of finite float64 numbers, in memory of their own."""
    with np.errstate(over="ignore"):  # a long double may be infinite as a float64
        return validate.array(path, np.array(x, np.float64, order="C"), ("N", "D"))


def split(x, fractions, *, rng):
    """Rows of x shuffled and dealt into parts: split(x, (0.9, 0.1), rng=rng) -> train, validation.

    Each row lands in exactly one part; the fractions add up to 1, and no part is empty.
    """
    x = validate.array("x", x, ("N", "D"))
    shares = [validate.number(f"fractions[{k}]", f, 0, 1) for k, f in enumerate(fractions)]
    if not np.isclose(sum(shares), 1):
        raise validate.expected("fractions", "parts of 1", f"{fractions}")
    cuts = np.round(np.cumsum(shares)[:-1] * len(x)).astype(int)
    parts = np.split(validate.generator(rng).permutation(x), cuts)
    if not all(map(len, parts)):
        raise validate.expected("x", f"a row for each of {fractions}", f"{len(x)} rows")
    return tuple(parts)
