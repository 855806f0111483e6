"""What `--data` may name: a toy, an energy, the digits, the text, or a file."""

import difflib
import pathlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen import data
from minigen.cli.reading import Reading
from minigen.cli.record import Record
from minigen.core import validate
from minigen.flows import ENERGIES, energy

TEST_POINTS = 20_000
FIFTH = 5  # every fifth paragraph trained on chooses when to stop
DIGITS = {"digits": "official", "digits-small": "small"}
SUFFIXES = (".csv", ".tsv", ".npy", ".npz")


@dataclass(frozen=True)
class Dataset:
    """Data to train on and to test on.

    kind: "toy", "energy" (an unnormalised density), "digits", "text" or "table". source: the Toy,
    the energy, the Digits, the Text, or all rows of the file. train, validation: what `fit`
    takes. features: D. levels: of integer data, else 0. Of a table with a label: labels, the
    class numbers of the training and validation rows, and classes, their names. record: what the
    model's file is to know of a table. paper: of a published table, the test log-likelihoods of
    the paper; its source is the test part.
    """

    name: str
    kind: str
    source: Any
    train: Any
    validation: Any
    features: int
    levels: int = 0
    labels: tuple[NDArray, NDArray | None] | None = None
    classes: tuple[str, ...] = ()
    record: Record | None = None
    paper: dict[str, float] | None = None

    @property
    def state(self) -> dict[str, Any]:
        """What stands beside a model in its file: of a table its record, of a text its symbols."""
        if self.kind == "text":
            return {"symbols": self.source.symbols}
        return {} if self.record is None else self.record.state()

    def test(self, rng: np.random.Generator) -> NDArray:
        """Rows to measure on: fresh points of a toy, the digits' test part, all rows of a file."""
        if self.kind == "toy":
            return self.source.sample(TEST_POINTS, rng=rng)
        return self.source.test.x if self.kind == "digits" else self.source


def dataset(
    name: str, rng: np.random.Generator, reading: Reading | None = None, density: bool = True
) -> Dataset:
    """The data of that name or path; of a file, parts of the rows validate and test.

    density: whether columns on which a likelihood has no upper bound are to be named.
    """
    suffix = pathlib.Path(name).suffix.lower()
    if name in data.PAPER_TABLES:
        return _paper_table(name, reading or Reading())
    if suffix in SUFFIXES:
        return _table(name, rng, reading or Reading(), density)
    if reading is not None:
        reading.refuse(name)
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
    if name == "text" or suffix == ".txt":
        content = data.text(None if name == "text" else name)
        seen, _ = content.split()  # the rest is for `evaluate`
        chosen = seen[::FIFTH]
        train = [row for k, row in enumerate(seen) if k % FIFTH]
        return Dataset(name, "text", content, train, chosen, content.states)
    known = [*data.TOYS, *ENERGIES, *DIGITS, "text", *data.PAPER_TABLES]
    near = difflib.get_close_matches(name, known, 1)
    if near:
        raise validate.expected("--data", f"a name or a file; did you mean {near[0]}?", repr(name))
    named = f"a toy ({', '.join(data.TOYS)}) or an energy ({', '.join(ENERGIES)})"
    what = f"digits, digits-small, text, a file ({', '.join(SUFFIXES)}, .txt), {named}"
    raise validate.expected("--data", what, repr(name))


def _paper_table(name: str, reading: Reading) -> Dataset:
    """A published table, divided and prepared as published."""
    if reading.path is None:
        raise validate.expected("--path", f"where the data of {name} are", "none")
    replace(reading, path=None).refuse(name)
    found = data.paper_table(name, reading.path)
    return Dataset(
        name, "table", found.test, found.train, found.validation, found.features, paper=found.paper
    )


def _table(name: str, rng: np.random.Generator, reading: Reading, density: bool) -> Dataset:
    """The rows of a file, in three parts: trained on, validated on, and never seen."""
    table = reading.table(name)
    grid = reading.grid(table)
    reading.examine(name, table, grid, density)
    (x, y), (new, new_y), _ = reading.parts(name, table, rng, grid)
    return Dataset(
        name, "table", grid.steps(name, table.x, table.names), x, new if len(new) else None,
        x.shape[1], labels=None if y is None else (y, new_y), classes=table.classes,
        record=Record.of(table, reading.drop, x, new, grid),
    )  # fmt: skip
