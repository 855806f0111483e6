"""What an assignment is: a marked source, the variants of it, and its tasks.

The package holds the forward pass of each task as a reference, in complex-clean NumPy, and no
backward pass of a variant: the right gradients come from the complex step. References take a `path`
first, which names the quantities on the way (see `marking/reference.py`).
"""

import importlib
import pathlib
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from minigen.core import validate
from minigen.homework.types import Draw, Reference, Size, Variant

FORMAT = 2
SOURCES = pathlib.Path(__file__).with_name("sources")
NAMES = (
    "gradients", "change", "coupling", "autoregressive", "diffusion", "elbo", "triplet", "markov",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Pair:
    """A function and its backward pass: NAME_forward(*inputs, *given) -> *outputs, cache.

    practice, grading: sizes of the cases; large: the size at which the work is counted.
    points: of the forward pass, and of each gradient; `unmarked` names the inputs whose gradient is
    the same for every variant, and is worth nothing.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    reference: Reference
    draw: Draw
    practice: tuple[Size, ...]
    grading: tuple[Size, ...]
    large: Size
    points: tuple[int, int] = (2, 1)
    unmarked: tuple[str, ...] = ()

    @property
    def forward(self) -> str:
        """The name of the student's function."""
        return f"{self.name}_forward"

    @property
    def backward(self) -> str:
        """The name of its backward pass."""
        return f"{self.name}_backward"

    @property
    def gradients(self) -> list[str]:
        """The parts of the backward pass, one for each input."""
        return [f"{self.backward}: d{name}" for name in self.inputs]

    def parts(self) -> list[tuple[str, int]]:
        """(name, points) of everything that is marked."""
        worth = [0 if name in self.unmarked else self.points[1] for name in self.inputs]
        return [(self.forward, self.points[0]), *zip(self.gradients, worth, strict=True)]


@dataclass(frozen=True, eq=False)
class Value:
    """A function without a backward pass; `draw` gives its arguments.

    With an `undo`, (output, *inputs) -> the first input, it is called at size `large` too, and may
    do `times` the work that undo does; `why` says how that is possible.
    """

    name: str
    outputs: tuple[str, ...]
    reference: Reference
    draw: Callable[..., Iterable]
    practice: tuple[Size, ...]
    grading: tuple[Size, ...]
    points: int = 2
    undo: Callable[..., NDArray] | None = None
    large: Size = ()
    times: float = 0.0
    why: str = ""

    def parts(self) -> list[tuple[str, int]]:
        """(name, points) of everything that is marked."""
        return [(self.name, self.points)]


@dataclass(frozen=True, eq=False)
class Question:
    """A misprint of the notes: NAME(*inputs) is the right form, and NAME_counterexample() returns
    inputs where the printed one differs. `draw` gives the inputs of the first.

    fit: {what a counterexample must be: (*inputs) -> whether it is}, asked in order.
    """

    name: str
    ids: str
    inputs: tuple[str, ...]
    printed: Reference
    true: Reference
    draw: Callable[..., Iterable]
    fit: dict[str, Callable[..., Any]]
    practice: tuple[Size, ...] = ((3,), (5,))
    grading: tuple[Size, ...] = ((4,), (1,), (7,))
    points: tuple[int, int] = (1, 2)

    @property
    def counterexample(self) -> str:
        """The name of the student's second function."""
        return f"{self.name}_counterexample"

    def parts(self) -> list[tuple[str, int]]:
        """(name, points) of everything that is marked."""
        return [(self.name, self.points[0]), (self.counterexample, self.points[1])]


Task = Pair | Value | Question


@dataclass(frozen=True, eq=False)
class Assignment:
    """One assignment: what `sources/NAME.toml` states, and `tasks` of `tasks/NAME.py`.

    options: {option: {choice: its text}}, the first choice for practice, the others for the key of
    a class; a text fills the option's slot in the marked source, a dict of texts fills several.
    free: the options that may draw the choice for practice too, for others change the same parts.
    """

    number: int
    name: str
    title: str
    notes: str
    options: dict[str, dict[str, Any]]
    free: tuple[str, ...]
    tasks: Callable[[Variant], tuple[Task, ...]]

    @property
    def practice(self) -> Variant:
        """The variant whose backward pass the package itself contains."""
        return {name: next(iter(choices)) for name, choices in self.options.items()}

    def slots(self, variant: Variant) -> dict[str, str]:
        """{slot: text} for the marked source."""
        found = {}
        for option, choice in variant.items():
            text = self.options[option][choice]
            found |= text if isinstance(text, dict) else {option: text}
        return found

    def parts(self, variant: Variant) -> list[tuple[str, int]]:
        """(name, points) of everything that is marked."""
        return [part for task in self.tasks(variant) for part in task.parts()]


def get(name: str) -> Assignment:
    """The assignment of this name, or of this number in the list."""
    if str(name).isdecimal() and 0 < int(name) <= len(NAMES):
        name = NAMES[int(name) - 1]
    validate.choice("name", name, NAMES)
    stated = tomllib.loads((SOURCES / f"{name}.toml").read_text(encoding="utf-8"))
    tasks = importlib.import_module(f"minigen.homework.tasks.{name}").tasks
    free = tuple(stated.pop("free", ()))
    return Assignment(1 + NAMES.index(name), name, free=free, tasks=tasks, **stated)
