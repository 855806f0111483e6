"""Pictures and rows of numbers, written whole or not at all."""

import pathlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import files


def write_picture(path: pathlib.Path, figure: Any, dpi: int = 130) -> None:
    """A matplotlib figure as .png."""
    with files.replacing(path) as file:
        figure.savefig(file, format="png", dpi=dpi)


def write_rows(path: pathlib.Path, x: NDArray) -> None:
    """Rows of numbers as .npy or .csv, by the suffix."""
    with files.replacing(path) as file:
        if path.suffix.lower() == ".npy":
            np.save(file, x, allow_pickle=False)
        else:
            np.savetxt(file, x, delimiter=",", fmt="%d" if x.dtype.kind in "iu" else "%.9g")
