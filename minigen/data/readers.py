"""Readers for a user's own rows of numbers: .csv, .npy and .npz.

Nothing in a file is executed, no memory is allocated for data a file does not hold, and what cannot
be trained on (text, ragged rows, nan, infinity) is refused with its place.
"""

import os
import pathlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import checked
from minigen.data.csv_file import read_csv
from minigen.data.numpy_file import read_npy, read_npz


@checked
def read(path: str | os.PathLike[str]) -> NDArray:
    """The rows of numbers in a file.

    Parameters
    ----------
    path : of a .csv, .npy or .npz file. A CSV file is UTF-8 text with commas between the columns,
        points in the decimals, and one line of column names or none. An .npz archive has the rows
        as `x`, or as its only array beside `y`.

    Returns
    -------
    array (N, D), float64

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
    path = pathlib.Path(path)
    kind = validate.choice(f"{path}: suffix", path.suffix.lower(), (".csv", ".npy", ".npz"))
    if kind == ".csv":
        return read_csv(path)
    x = read_npy(path) if kind == ".npy" else read_npz(path)["x"]
    with np.errstate(over="ignore"):  # a long double may be infinite as a float64
        return validate.array(str(path), np.array(x, np.float64, order="C"), ("N", "D"))


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
def split(
    x: ArrayLike, fractions: Sequence[float], *, rng: np.random.Generator
) -> tuple[NDArray, ...]:
    """Shuffle the rows of x and divide them into parts.

    Parameters
    ----------
    x : array (N, D)
    fractions : of the rows in each part; they add up to 1
    rng : numpy Generator

    Returns
    -------
    tuple of arrays
        one for each fraction; each row lands in exactly one part, and no part is empty

    Examples
    --------
    >>> train, validation = mg.data.split(np.zeros((10, 2)), (0.8, 0.2), rng=rng)
    >>> len(train), len(validation)
    (8, 2)
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
