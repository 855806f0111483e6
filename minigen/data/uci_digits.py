"""The UCI handwritten digits, shipped with the package (see DIGITS.md for source and licence)."""

import importlib.resources
import itertools
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.signature import fields

SPLITS = {  # where train, validation and test begin and end in the file
    "official": (0, 3400, 3823, 5620),
    "small": (3823, 4823, 5173, 5620),
}


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Images x (N, 64), integers 0..16 stored as uint8, row by row; labels y (N,), 0..9."""

    x: Annotated[NDArray, "N D"]
    y: Annotated[NDArray, "N"]
    __post_init__ = fields

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        return f"Split(x={self.x.shape} {self.x.dtype}, y={self.y.shape} {self.y.dtype})"


@dataclass(frozen=True, eq=False)
class Digits:
    """Digits of 8 x 8 pixels with 17 grey levels (Alpaydin & Kaynak 1998), in file order."""

    train: Split
    validation: Split
    test: Split
    levels: ClassVar[int] = 17
    features: ClassVar[int] = 64


def digits(split: str = "official") -> Digits:
    """The UCI digits, split in file order.

    Parameters
    ----------
    split : "official", the split by writers: 3823 images by 30 people, of which the last 423 are
        for validation, and 1797 by 13 others as the test part. Or "small": the official test
        part alone, as 1000, 350 and 447 images, which are few enough to be learned by heart

    Returns
    -------
    Digits
        `.train`, `.validation` and `.test`, each with images `.x` and labels `.y`; `.levels`

    Examples
    --------
    >>> digits = mg.data.digits()
    >>> digits.train
    Split(x=(3400, 64) uint8, y=(3400,) uint8)
    >>> digits.levels, len(digits.test)
    (17, 1797)
    """
    cuts = SPLITS[validate.choice("split", split, SPLITS)]
    file = importlib.resources.files("minigen.data") / "digits8x8.npz"
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        x, y = arrays["x"], arrays["y"]
    return Digits(*(Split(x[a:b].copy(), y[a:b].copy()) for a, b in itertools.pairwise(cuts)))
