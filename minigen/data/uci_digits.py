"""The UCI handwritten digits, shipped with the package (see DIGITS.md for source and licence)."""

import importlib.resources
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Images x (N, 64), integers 0..16 stored as uint8, row by row; labels y (N,), 0..9."""

    x: NDArray
    y: NDArray

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        return f"Split(x={self.x.shape} {self.x.dtype}, y={self.y.shape} {self.y.dtype})"


@dataclass(frozen=True, eq=False)
class Digits:
    """1797 digits of 8 x 8 pixels with 17 grey levels (Alpaydin & Kaynak 1998), in file order.

    train 1000, validation 350, test 447 rows; pixels 0, 32 and 39 are 0 in all of them.
    """

    train: Split
    validation: Split
    test: Split
    levels: ClassVar[int] = 17
    features: ClassVar[int] = 64


def digits() -> Digits:
    """The UCI digits, split in file order.

    Returns
    -------
    Digits
        `.train`, `.validation` and `.test`, each with images `.x` and labels `.y`; `.levels`

    Examples
    --------
    >>> digits = mg.data.digits()
    >>> digits.train
    Split(x=(1000, 64) uint8, y=(1000,) uint8)
    >>> digits.levels, len(digits.test)
    (17, 447)
    """
    file = importlib.resources.files("minigen.data") / "digits8x8.npz"
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        x, y = arrays["x"], arrays["y"]
    return Digits(*(Split(x[a:b], y[a:b]) for a, b in [(0, 1000), (1000, 1350), (1350, 1797)]))
