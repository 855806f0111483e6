"""What a chapter gives the command line: its models, its families, and its part of the demo.

A chapter is a module of `minigen.cli.chapters`, listed there, with three names:

    MODELS   {name: Model}        what `minigen train NAME` builds and how, with which settings
    PARTS    (stage) -> Part      each trains something and draws it; none needs another
    chapter  (parts) -> Chapter   what they are together, a section of the report of `minigen demo`
"""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np

from minigen.cli.datasets import Dataset, dataset
from minigen.cli.options import note
from minigen.cli.results import Row
from minigen.core import validate

T = TypeVar("T")
KINDS = {
    "toy": "a toy", "energy": "an energy", "digits": "digits", "text": "text", "table": "a table",
    "pictures": "pictures", "flow": "the file of a trained flow",
}  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """Settings of a training run; None where the model has no such thing."""

    steps: int
    layers: int | None = None
    hidden: tuple[int, ...] | None = None
    activation: str | None = None
    predict: str | None = None
    of: str | None = None
    batch: int = 256
    lr: float = 1e-3
    weight_decay: float = 0.0
    ema: float | None = None
    patience: int | None = None
    validate_every: int | None = None
    checkpoint: pathlib.Path | None = None
    threads: int | None = None
    comm: Any = None

    def changed(self, model: str, settings: Mapping[str, Any]) -> "Recipe":
        """The recipe with the user's settings (None: not given), of those that the model has."""
        given = {name: value for name, value in settings.items() if value is not None}
        for name in given:
            if getattr(self, name) is None:
                raise validate.expected(f"--{name}", f"no such setting for {model}", given[name])
        return replace(self, **given)

    def without_validation(self, none: bool) -> "Recipe":
        """The recipe without what needs validation rows, if there are none."""
        return replace(self, patience=None, validate_every=None) if none else self

    @property
    def training(self) -> dict[str, Any]:
        """The settings that `fit` takes."""
        own = ("layers", "hidden", "activation", "predict", "of")
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in own}


@dataclass(frozen=True)
class Family:
    """All that is done with models of one class, `kind`.

    fit(model, dataset, recipe, rng=, progress=) -> Run
    sample(model, n, rng=, label=None) -> (n, D); label (n,) of a conditional model; None where
    there is nothing to sample
    measure(name, model, dataset, rng=) -> [Row]
    unit: of the loss
    """

    kind: type
    fit: Callable[..., Any]
    sample: Callable[..., Any] | None
    measure: Callable[..., list[Row]]
    unit: str = "nats"


@dataclass(frozen=True)
class Model:
    """build(dataset, recipe, rng) -> the model; recipes: {kind of data: Recipe} it can learn.

    Instead of a Recipe there may be a function (rows, features) -> Recipe.
    """

    build: Callable[[Dataset, Recipe, np.random.Generator], Any]
    recipes: Mapping[str, Recipe | Callable[[int, int], Recipe]]
    family: Family

    def recipe(self, name: str, dataset: Dataset) -> Recipe:
        """The settings for that data, or an error that says which data would do."""
        if dataset.kind not in self.recipes:
            what = " or ".join(KINDS[kind] for kind in self.recipes)
            raise validate.expected("--data", f"{what} for {name}", KINDS[dataset.kind])
        found = self.recipes[dataset.kind]
        if isinstance(found, Recipe):
            return found
        return found(0 if dataset.train is None else len(dataset.train), dataset.features)


@dataclass(frozen=True)
class Shot:
    """A picture of the report: the file's name, the figure, and what to see in it.

    The figure is None when the file is written.
    """

    name: str
    figure: Any
    text: str


Part = tuple[Sequence[Row], Sequence[Shot]]


@dataclass(frozen=True)
class Chapter:
    """A section of the report: a title, a paragraph, measured rows, pictures in order.

    result: what came out, in a sentence; tutorials: the notebooks that explain it, by their file's
    name; more: commands that make more of it.
    """

    title: str
    text: str
    rows: Sequence[Row]
    shots: Sequence[Shot]
    result: str = ""
    tutorials: Sequence[str] = ()
    more: Sequence[str] = ()

    @classmethod
    def of(
        cls, title: str, text: str, parts: Sequence[Part], result: Callable[[list[Row]], str],
        tutorials: Sequence[str], more: Sequence[str],
    ) -> "Chapter":  # fmt: skip
        """The chapter of several parts, each (rows, shots); `result` is told all rows."""
        rows = [row for part, _ in parts for row in part]
        shots = [shot for _, part in parts for shot in part]
        return cls(title, text, rows, shots, result(rows), tutorials, more)


@dataclass(frozen=True)
class Trained:
    """A trained model, what it was trained on, how, and what was measured."""

    data: Dataset
    model: Any
    run: Any
    rows: list[Row]


@dataclass(frozen=True)
class Stage:
    """What a part is given: quick or not, its own random numbers, and whether to show progress."""

    quick: bool
    rng: np.random.Generator
    progress: bool | None = None

    def pick(self, full: T, quick: T) -> T:
        """One of two settings."""
        return quick if self.quick else full

    def trained(
        self, name: str, model: Model, data: Dataset | str, steps: tuple[int, int]
    ) -> Trained:
        """Train and measure a model, with a line that says what is being trained."""
        data = dataset(data, self.rng) if isinstance(data, str) else data
        recipe = replace(model.recipe(name, data), steps=self.pick(*steps))
        new = model.build(data, recipe, self.rng)
        note(f"{name} on {data.name}, {recipe.steps} steps")
        run = model.family.fit(new, data, recipe, rng=self.rng, progress=self.progress)
        return Trained(data, new, run, model.family.measure(name, new, data, rng=self.rng))
