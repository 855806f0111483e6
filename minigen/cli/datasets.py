"""What `--data` may name: a toy, an energy, digits, glyphs, the text, or a file."""

import difflib
import pathlib
import zipfile
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen import data
from minigen.cli.album import Album, album, is_pictures
from minigen.cli.reading import Reading
from minigen.cli.record import Record
from minigen.core import validate
from minigen.data.readers import SUFFIXES
from minigen.flows import ENERGIES, Flow, energy
from minigen.training import load
from minigen.training.archive import MANIFEST

TEST_POINTS = 20_000
FIFTH = 5  # every fifth paragraph trained on chooses when to stop
DIGITS = {"digits": "official", "digits-small": "small"}


@dataclass(frozen=True)
class Dataset:
    """Data to train on and to test on.

    kind: "toy", "energy" (an unnormalised density), "flow" (a trained one), "digits",
    "pictures", "text" or "table". source: the Toy, the energy, the Flow, the Digits, the Album, the
    Text, or all rows of the file. train, validation: what `fit` takes. features: D. levels: of
    integer data, else 0. labels: the class numbers of the training and validation rows, where the
    model is to be conditional, and classes, their names. record: what the model's file is to know
    of a table. paper: of a published table, the test log-likelihoods of the paper; its source is
    the test part.
    """

    name: str
    kind: str
    source: Any
    train: Any
    validation: Any
    features: int
    levels: int = 0
    labels: tuple[Any, NDArray | None] | None = None
    classes: tuple[str, ...] = ()
    record: Record | None = None
    paper: dict[str, float] | None = None

    @property
    def state(self) -> dict[str, Any]:
        """What stands beside a model in its file: of a table its record, of a text its symbols."""
        if self.kind == "text":
            return {"symbols": self.source.symbols}
        if isinstance(self.source, Album):
            return self.source.state()
        return {} if self.record is None else self.record.state()

    def test(self, rng: np.random.Generator) -> NDArray:
        """Rows to measure on: fresh points of a toy, the digits' test part, all rows of a file."""
        if self.kind == "toy":
            return self.source.sample(TEST_POINTS, rng=rng)
        return self.source.test.x if self.pictures else self.source

    @property
    def pictures(self) -> bool:
        """Whether the rows are pictures of grey levels."""
        return self.kind in ("digits", "pictures")

    @property
    def baselines(self) -> dict[str, float]:
        """Bits per dimension of simple models, to print beside those of a model of pictures."""
        return self.source.baselines if self.kind == "pictures" else data.baselines(self.source)

    @property
    def pairs(self) -> tuple[Any, Any]:
        """Pictures to train on with their class numbers, and those that validate."""
        train, new = self.source.train, self.source.validation
        fresh = getattr(self.source, "fresh", None)
        return fresh or (train.x, train.y), (new.x, new.y)


def dataset(
    name: str, rng: np.random.Generator, reading: Reading | None = None, density: bool = True
) -> Dataset:
    """The data of that name or path; of a file, parts of the rows validate and test.

    density: whether columns on which a likelihood has no upper bound are to be named.
    """
    suffix = pathlib.Path(name).suffix.lower()
    reading = reading or Reading()
    if is_pictures(name, reading.size):
        return _pictures(name, reading, rng)
    if name in data.PAPER_TABLES:
        return _paper_table(name, reading)
    if suffix == ".npz" and is_model(name):
        reading.refuse(name)
        return _flow(name)
    if suffix in SUFFIXES:
        return _table(name, rng, reading, density)
    if name in DIGITS:
        return _digits(name, reading)
    reading.refuse(name)
    if name in data.TOYS:
        toy = data.toy(name)
        return Dataset(name, "toy", toy, toy, None, toy.features)
    if name in ENERGIES:
        target = energy(name)
        return Dataset(name, "energy", target, None, None, target.features)
    if name == "text" or suffix == ".txt":
        content = data.text(None if name == "text" else name)
        seen, _ = content.split()  # the rest is for `evaluate`
        chosen = seen[::FIFTH]
        train = [row for k, row in enumerate(seen) if k % FIFTH]
        return Dataset(name, "text", content, train, chosen, content.states)
    known = [*data.TOYS, *ENERGIES, *DIGITS, "glyphs", "text", *data.PAPER_TABLES]
    near = difflib.get_close_matches(name, known, 1)
    if near and not suffix:
        raise validate.expected("--data", f"a name or a file; did you mean {near[0]}?", repr(name))
    named = f"a toy ({', '.join(data.TOYS)}) or an energy ({', '.join(ENERGIES)})"
    what = f"digits, digits-small, glyphs, text, a file ({', '.join(SUFFIXES)}, .txt), {named}"
    raise validate.expected("--data", what, repr(name))


def is_model(path: str) -> bool:
    """Whether an .npz is the file of a model, not rows of numbers."""
    try:
        with zipfile.ZipFile(path) as archive:
            return MANIFEST in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def _flow(path: str) -> Dataset:
    """A trained flow as a density to learn from."""
    flow = load(path)
    if not isinstance(flow, Flow):
        raise validate.expected(path, "a flow, to be learned from", type(flow).__name__)
    return Dataset(path, "flow", flow, None, None, flow.features, levels=0)


def _digits(name: str, reading: Reading) -> Dataset:
    """The digits that are shipped."""
    replace(reading, label=None).refuse(name)
    digits = data.digits(DIGITS[name])
    train, new = digits.train, digits.validation
    labels = (train.y, new.y) if reading.labelled(name, True) else None
    return Dataset(
        name, "digits", digits, train.x, new.x, digits.features, digits.levels, labels,
        tuple("0123456789"),
    )  # fmt: skip


def _pictures(name: str, reading: Reading, rng: np.random.Generator) -> Dataset:
    """Glyphs, or the pictures of a file."""
    replace(reading, label=None, levels=(), size=None).refuse(name)
    found = album(name, reading.size, reading.grey_levels, rng)
    train: Any = replace(found.fresh, labelled=False) if found.fresh else found.train.x
    labels = None
    if reading.labelled(name, bool(found.classes)):
        labels = found.fresh or found.train.y, found.validation.y
    return Dataset(
        name, "pictures", found, train, found.validation.x, found.features, found.levels, labels,
        found.classes,
    )  # fmt: skip


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
