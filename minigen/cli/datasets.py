"""What `--data` may name: a toy, an energy, the digits, the text, or a file."""

import pathlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen import data
from minigen.core import validate
from minigen.flows import ENERGIES, energy

TEST_POINTS = 20_000
DIGITS = {"digits": "official", "digits-small": "small"}
SUFFIXES = (".csv", ".npy", ".npz")


@dataclass(frozen=True)
class Dataset:
    """Data to train on and to test on.

    kind: "toy", "energy" (an unnormalised density), "digits", "text" or "table". source: the Toy,
    the energy, the Digits, the Text, or all rows of the file. train, validation: what `fit`
    takes. features: D. levels: of integer data, else 0.
    """

    name: str
    kind: str
    source: Any
    train: Any
    validation: Any
    features: int
    levels: int = 0

    def test(self, rng: np.random.Generator) -> NDArray:
        """Rows to measure on: fresh points of a toy, the digits' test part, all rows of a file."""
        if self.kind == "toy":
            return self.source.sample(TEST_POINTS, rng=rng)
        return self.source.test.x if self.kind == "digits" else self.source


def dataset(name: str, rng: np.random.Generator) -> Dataset:
    """The data of that name or path; a tenth of a file's rows, drawn by rng, validates."""
    if name in data.TOYS:
        toy = data.toy(name)
        return Dataset(name, "toy", toy, toy, None, toy.features)
    if name in ENERGIES:
        target = energy(name)
        return Dataset(name, "energy", target, None, None, target.features)
    if name in DIGITS:
        digits = data.digits(DIGITS[name])
        parts = digits.train.x, digits.validation.x
        return Dataset(name, "digits", digits, *parts, digits.features, digits.levels)
    suffix = pathlib.Path(name).suffix.lower()
    if name == "text" or suffix == ".txt":
        content = data.text(None if name == "text" else name)
        return Dataset(name, "text", content, *content.split(), content.states)
    if suffix in SUFFIXES:
        return _table(name, data.read(name), rng)
    named = f"a toy ({', '.join(data.TOYS)}) or an energy ({', '.join(ENERGIES)})"
    what = f"digits, digits-small, text, a file ({', '.join(SUFFIXES)}, .txt), {named}"
    raise validate.expected("--data", what, repr(name))


def _table(name: str, x: NDArray, rng: np.random.Generator) -> Dataset:
    """The rows of a file; fewer than 20 are all trained on."""
    train, validation = data.split(x, (0.9, 0.1), rng=rng) if len(x) >= 20 else (x, None)
    constant = np.flatnonzero(np.ptp(x, axis=0) == 0)
    if len(constant):
        what = "columns that vary (a density cannot follow a constant)"
        raise validate.expected(name, what, f"column {constant[0] + 1} always {x[0, constant[0]]}")
    return Dataset(name, "table", x, train, validation, x.shape[1])
