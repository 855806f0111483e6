"""What an assignment is: a marked source, the variants of it, and the tasks that are marked.

The package holds the forward pass of each task as a reference, in complex-clean NumPy, and no
backward pass of a variant: the right gradients come from the complex step. References take a `path`
first, which names the quantities on the way (see `reference.py`).
"""

import importlib
from dataclasses import dataclass

from minigen.core import validate

FORMAT = 1
NAMES = (
    "gradients", "change", "coupling", "autoregressive", "diffusion", "elbo", "triplet", "markov",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Pair:
    """A function and its backward pass: NAME_forward(*inputs, *given) -> *outputs, cache.

    reference: (path, *inputs, *given) -> tuple of outputs.  draw: (rng, *size) -> (inputs, given).
    practice, grading: sizes of the cases; large: the size at which the cost is taken.
    points: of the forward pass, and of each gradient.
    """

    name: str
    inputs: tuple
    outputs: tuple
    reference: object
    draw: object
    practice: tuple
    grading: tuple
    large: tuple
    points: tuple = (2, 1)

    @property
    def forward(self):
        return f"{self.name}_forward"

    @property
    def backward(self):
        return f"{self.name}_backward"

    def parts(self):
        """(name, points) of everything that is marked."""
        grads = [(f"{self.backward}: d{name}", self.points[1]) for name in self.inputs]
        return [(self.forward, self.points[0]), *grads]


@dataclass(frozen=True, eq=False)
class Value:
    """A function without a backward pass.

    With a `factor`, its cost at size `large` may be so many times that of the function named
    `beside`, and `undo` (output, *inputs) must give the first input again; `why` says how.
    """

    name: str
    outputs: tuple
    reference: object
    draw: object
    practice: tuple
    grading: tuple
    points: int = 2
    large: tuple = ()
    beside: str = ""
    factor: float = 0.0
    why: str = ""
    undo: object = None

    def parts(self):
        return [(self.name, self.points)]


@dataclass(frozen=True, eq=False)
class Question:
    """A misprint of the notes: NAME(*inputs) is the right form, NAME_counterexample() -> inputs
    proves the printed one wrong.

    printed, true: (path, *inputs) -> tuple; fits: (*inputs) -> "" or what is wrong with them.
    """

    name: str
    ids: str
    inputs: tuple
    printed: object
    true: object
    draw: object
    fits: object
    practice: tuple = ((3,), (5,))
    grading: tuple = ((4,), (1,), (7,))
    points: tuple = (1, 2)

    @property
    def counterexample(self):
        return f"{self.name}_counterexample"

    def parts(self):
        return [(self.name, self.points[0]), (self.counterexample, self.points[1])]


@dataclass(frozen=True, eq=False)
class Assignment:
    """One assignment. `options` are what a class's key draws: the first choice is for practice.

    slots: variant -> {slot: text} for the marked source.  tasks: variant -> the tasks.
    """

    number: int
    name: str
    title: str
    notes: str
    options: dict
    slots: object
    tasks: object

    @property
    def practice(self):
        """The variant whose backward pass the package itself contains."""
        return {name: choices[0] for name, choices in self.options.items()}

    def parts(self, variant):
        return [part for task in self.tasks(variant) for part in task.parts()]


def get(name):
    """The assignment of this name."""
    validate.choice("name", name, NAMES)
    return importlib.import_module(f"minigen.homework.tasks.{name}").ASSIGNMENT
