"""What the file of a model knows of the table that it was trained on."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen import data
from minigen.cli.grid import Grid
from minigen.core import validate
from minigen.core.numeric import LOG_2PI
from minigen.training.checkpoint import load_state

PARTS = ("training", "validation", "held out")


@dataclass(frozen=True, eq=False)
class Record:
    """The columns, the label, and which rows the model has seen.

    columns: their names, or (); label, classes: of a conditional model, or "" and (); drop: columns
    left out, where they have no names; seen: {"training", "validation": (N,) fingerprints of rows};
    mean, covariance: of the training rows, for the baselines; grid: the columns that are counted in
    steps, as all rows here are.
    """

    columns: tuple[str, ...]
    features: int
    label: str
    classes: tuple[str, ...]
    drop: tuple[str, ...]
    seen: Mapping[str, NDArray]
    mean: NDArray
    covariance: NDArray
    grid: Grid

    @classmethod
    def of(
        cls, table: data.Table, drop: Sequence[str], train: NDArray, validation: NDArray,
        grid: Grid | None = None,
    ) -> "Record":  # fmt: skip
        """The record of a table of which these rows are trained and validated on."""
        seen = {"training": fingerprints(train), "validation": fingerprints(validation)}
        covariance = np.atleast_2d(np.cov(train, rowvar=False, bias=True))
        return cls(
            table.columns, table.x.shape[1], table.label, table.classes, tuple(map(str, drop)),
            seen, train.mean(axis=0), covariance, grid or Grid.none(train.shape[1]),
        )  # fmt: skip

    def after(self, path: str) -> "Record":
        """With the rows that the model in a file has seen, of which another one is made."""
        other = Record.from_state(load_state(path)[1])
        if other is None:
            return self
        here, there = (
            [r.names, *(a.tolist() for a in vars(r.grid).values())] for r in (self, other)
        )
        if here != there:
            what = f"the columns of {path}, {', '.join(other.names)}, with the same --levels"
            raise validate.expected("--data", what, ", ".join(self.names))
        seen = {part: np.union1d(a, other.seen[part]) for part, a in self.seen.items()}
        return replace(self, seen=seen)

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each column."""
        return self.columns or tuple(f"column {k + 1}" for k in range(self.features))

    def state(self) -> dict[str, Any]:
        """As `save_state` takes it."""
        plain = {"columns": list(self.columns), "label": self.label, "features": self.features}
        plain |= {"classes": list(self.classes), "drop": list(self.drop)}
        arrays = {f"seen_{part}": a for part, a in self.seen.items()}
        arrays |= {f"grid_{name}": a for name, a in vars(self.grid).items()}
        return {"table": plain, "mean": self.mean, "covariance": self.covariance, **arrays}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Record | None":
        """From what `load_state` gives, or None where there is none."""
        if "table" not in state:
            return None
        plain = state["table"]
        seen = {part: state[f"seen_{part}"] for part in ("training", "validation")}
        return cls(
            tuple(plain["columns"]), plain["features"], plain["label"], tuple(plain["classes"]),
            tuple(plain["drop"]), seen, state["mean"], state["covariance"],
            Grid(state["grid_low"], state["grid_step"], state["grid_K"]),
        )  # fmt: skip

    def read(self, path: str, header: bool | None) -> data.Table:
        """The same columns of another file, in the same order, whatever theirs is there."""
        label = self.label or None
        if self.columns and path.lower().endswith((".csv", ".tsv")):
            table = data.table(path, label=label, columns=self.columns, header=header)
        else:
            table = data.table(path, label=label, drop=self.drop, header=header)
        if table.x.shape[1] != self.features:
            what = f"{self.features} columns, as the model was trained on"
            raise validate.expected(path, what, table.x.shape[1])
        x = self.grid.steps(path, table.x, self.names)
        new = [name for name in table.classes if name not in self.classes]
        if new:
            what = f"labels among {', '.join(self.classes)}"
            raise validate.expected(f"{path}: {self.label}", what, new[0])
        if self.label:
            number = np.array([self.classes.index(name) for name in table.classes])
            assert table.y is not None
            return data.Table(x, table.columns, number[table.y], self.classes, self.label)
        return data.Table(x, table.columns)

    def parts(self, x: NDArray) -> dict[str, NDArray]:
        """{part: which rows of x belong to it}, of the parts that have rows."""
        prints = fingerprints(x)
        trained = np.isin(prints, self.seen["training"])
        chose = np.isin(prints, self.seen["validation"]) & ~trained
        masks = dict(zip(PARTS, (trained, chose, ~trained & ~chose), strict=True))
        return {part: mask for part, mask in masks.items() if mask.any()}

    def baselines(self, x: NDArray) -> dict[str, NDArray]:
        """-log p of each row under two models fitted to the training rows."""
        alone = np.diag(np.diag(self.covariance))
        return {
            "full Gaussian": gaussian_nll(x, self.mean, self.covariance, self.grid.K > 0),
            "independent columns": gaussian_nll(x, self.mean, alone, self.grid.K > 0),
        }


def fingerprints(x: NDArray) -> NDArray:
    """A 64-bit hash of each row, (N,) uint64, of its numbers in single precision."""
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(x, "<f4") + np.float32(0)  # -0 is 0
    hashes = [hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in rows]
    return np.frombuffer(b"".join(hashes), "<u8").astype(np.uint64)


def gaussian_nll(
    x: NDArray, mean: NDArray, covariance: NDArray, whole: ArrayLike = False, ridge: float = 1e-9
) -> NDArray:
    """-log N(x; mean, covariance) of each row.

    A little is added to each variance, against columns that are sums of others. Columns of whole
    numbers are those of x + u, u uniform on (-1/2, 1/2), the density averaged over u.
    """
    noise = np.where(whole, 1 / 12, 0.0) + np.zeros(len(mean))
    covariance = covariance + np.diag(noise)
    std = np.sqrt(np.diag(covariance))
    z = (x - mean) / std
    s, V = np.linalg.eigh(covariance / np.outer(std, std) + ridge * np.eye(len(std)))
    s = np.maximum(s, ridge)
    square = ((z @ V) ** 2 / s).sum(axis=1) + ((V**2 / s).sum(axis=1) * noise / std**2).sum()
    return 0.5 * (square + np.log(s).sum() + len(s) * LOG_2PI) + np.log(std).sum()
