"""How a user's table is read and divided: the options of `train` that say so."""

import argparse
import pathlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen import data
from minigen.cli.grid import Grid
from minigen.cli.options import note, whole
from minigen.cli.record import Record, fingerprints
from minigen.cli.ties import warnings_of
from minigen.core import validate
from minigen.data.readers import SUFFIXES

LARGEST, SMALLEST = 1e100, 1e-100  # beyond them covariances are not numbers
FEW = 20  # rows, below which all are trained on
YES_NO = {"yes": True, "no": False}
Part = tuple[NDArray, NDArray | None]  # rows and their class numbers


def options(command: argparse.ArgumentParser) -> None:
    """The options for tables."""
    pictures = command.add_argument_group("pictures", "glyphs, MNIST's files, .npz, folders of PNG")
    pictures.add_argument(
        "--size",
        type=whole(8),
        help="the side they are brought to; an .npz or .npy is then pictures",
    )
    group = command.add_argument_group("tables", "columns go by their names, or numbers from 1")
    group.add_argument(
        "--path", metavar="PATH", help=f"where the data of {', '.join(data.PAPER_TABLES)} are"
    )
    group.add_argument(
        "--label", metavar="COLUMN", help="of classes: a conditional model; y of pictures"
    )
    group.add_argument("--drop", metavar="COLUMN,...", type=listed, help="left out")
    group.add_argument(
        "--levels", metavar="COLUMN[=K],...", type=listed,
        help="columns of whole numbers, 0..K-1, or on a grid: dequantised; of pictures K alone",
    )  # fmt: skip
    group.add_argument("--header", choices=YES_NO, help="whether the first line has names")
    group.add_argument(
        "--validation", metavar="PART|FILE", default=None,
        help="rows that choose when to stop: a share, or a file (default 0.1)",
    )  # fmt: skip
    group.add_argument(
        "--test", metavar="PART", type=share, default=None,
        help="rows that are kept for `evaluate`, never seen (default 0.1)",
    )  # fmt: skip


def listed(text: str) -> tuple[str, ...]:
    """The type of --drop: names with commas between them."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def share(text: str) -> float:
    """The type of a share of the rows: 0 or more, below 0.9."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 0.9:
        raise argparse.ArgumentTypeError(f"expected a share in 0..0.9, got {text}")
    return value


def shared(option: str, text: str) -> float:
    """A share that may be the path of a file instead, but is not."""
    try:
        return share(text)
    except argparse.ArgumentTypeError:
        what = f"a share of the rows in 0..0.9, or a file ({', '.join(SUFFIXES)})"
        raise validate.expected(option, what, text) from None


@dataclass(frozen=True)
class Reading:
    """The options for tables, as given: None where not."""

    label: str | None = None
    drop: tuple[str, ...] = ()
    header: bool | None = None
    validation: str | None = None
    test: float | None = None
    path: str | None = None
    levels: tuple[str, ...] = ()
    size: int | None = None

    @classmethod
    def of(cls, args: argparse.Namespace) -> "Reading":
        header = YES_NO[args.header] if args.header else None
        drop, levels = args.drop or (), args.levels or ()
        return cls(
            args.label, drop, header, args.validation, args.test, args.path, levels, args.size
        )  # fmt: skip

    def refuse(self, name: str) -> None:
        """Refuse what is said of a table when the data are none."""
        for option, value in vars(self).items():
            if value not in (None, ()):
                raise validate.expected(f"--{option}", f"a table in --data, not {name}", value)

    @property
    def grey_levels(self) -> int | None:
        """--levels, of pictures."""
        if not self.levels:
            return None
        try:
            return validate.integer("--levels", int(",".join(self.levels)), 2, 256)
        except ValueError:
            got = ",".join(self.levels)
            raise validate.expected("--levels", "a number in 2..256 for pictures", got) from None

    def labelled(self, name: str, known: bool) -> bool:
        """Whether a flow of pictures is to be conditional."""
        if self.label not in (None, "y"):
            raise validate.expected("--label", f"y, the label of {name}", self.label)
        if self.label and not known:
            raise validate.expected("--label", f"none ({name} has no labels)", self.label)
        return self.label is not None

    def table(self, path: str) -> data.Table:
        """The wanted columns of a file."""
        return data.table(path, label=self.label, drop=self.drop, header=self.header)

    def grid(self, table: data.Table) -> Grid:
        """The columns that --levels names."""
        return Grid.of(table.x, table.names, self.levels)

    def examine(self, name: str, table: data.Table, grid: Grid, density: bool) -> None:
        """Refuse constant columns; of a density name those on which it has no bound."""
        x = table.x
        twice = [column for column in table.columns if table.columns.count(column) > 1]
        if twice:
            raise validate.expected(name, "columns of different names", f"{twice[0]!r} twice")
        constant = np.flatnonzero(np.ptp(x, axis=0) == 0)
        if len(constant):
            k = int(constant[0])
            got = f"{table.names[k]} always {x[0, k]:g} (leave it out: --drop)"
            what = "columns that vary (a density cannot follow a constant)"
            raise validate.expected(name, what, got)
        with np.errstate(over="ignore"):
            spread = np.ptp(x, axis=0)
        odd = np.flatnonzero((spread < SMALLEST) | (np.abs(x).max(axis=0) > LARGEST))
        if len(odd):
            k = int(odd[0])
            what = f"numbers up to {LARGEST:g}, and a spread of {SMALLEST:g} or more (other units?)"
            got = f"{table.names[k]} from {x[:, k].min():g} to {x[:, k].max():g}"
            raise validate.expected(name, what, got)
        if table.label and len(table.classes) < 2:
            what = "a column with at least two classes"
            raise validate.expected("--label", what, "one, " + ", ".join(table.classes))
        treated = [column for column, K in zip(table.names, grid.K, strict=True) if K]
        said = warnings_of(x, table.names, treated) if density else []
        if said:
            note(f"{name}: on these columns a likelihood has no upper bound; to do something:")
            for line in said:
                note(f"  {line}")

    def parts(
        self, name: str, table: data.Table, rng: np.random.Generator, grid: Grid | None = None
    ) -> tuple[Part, Part, Part]:
        """Rows to train on, to validate on, and to keep."""
        n, given = len(table), self.validation
        grid = grid or Grid.none(table.x.shape[1])
        x = grid.steps(name, table.x, table.names)
        path = None
        if given is not None and pathlib.Path(given).suffix.lower() in SUFFIXES:
            part, path = 0.0, given
        else:
            part = shared("--validation", "0.1" if given is None else given)
        kept = 0.1 if self.test is None else self.test
        few = n < FEW
        if few:
            part, kept = (part if given else 0.0), (self.test or 0.0)
        counts = [round(n * p) for p in (part, kept)]
        if n - sum(counts) < 2 or (part and not counts[0]) or (kept and not counts[1]):
            raise validate.expected(name, "rows for each part", f"{n} of them, {part} and {kept}")
        order = rng.permutation(n)
        at = np.split(order, np.cumsum(counts))
        validation, test, train = (
            (x[rows], None if table.y is None else table.y[rows]) for rows in at
        )
        if path is not None:
            validation = self.other(path, table, grid)
            both = np.isin(fingerprints(validation[0]), fingerprints(train[0])).sum()
            if both:
                note(
                    f"{path}: {both} of {len(validation[0])} rows are trained on, too, and cannot "
                    "tell when to stop"
                )
        if table.y is not None:
            here = train[1]
            assert here is not None
            lost = set(range(len(table.classes))) - set(here.tolist())
            if lost:
                what = "rows of each class to train on"
                raise validate.expected("--label", what, f"none of {table.classes[min(lost)]}")
        return train, validation, test

    def other(self, path: str, table: data.Table, grid: Grid) -> Part:
        """The same columns of a file of validation rows."""
        nothing = np.zeros((0, table.x.shape[1]))
        record = Record.of(table, self.drop, table.x, nothing, grid)
        found = record.read(path, self.header)
        return found.x, found.y


def given(args: Any) -> dict[str, Any]:
    """The settings of training that have options of their own."""
    names = (
        "steps",
        "batch",
        "layers",
        "hidden",
        "lr",
        "weight_decay",
        "patience",
        "predict",
        "of",
    )
    return {name: getattr(args, name) for name in names}
