"""A model solution of every variant, for instructors: left out of what is installed.

Each module has `solution(variant)`: the bodies, as text, of the functions that vary.
"""

import importlib

from minigen.homework.assignments import Assignment
from minigen.homework.handout import blanks, variants
from minigen.homework.types import Variant

FUNCTION = {  # the text of a function, and of its derivative
    "tanh": ("np.tanh({r})", "(1 - np.tanh({r}) ** 2)"),
    "arctan": ("np.arctan({r})", "1 / (1 + {r} * {r})"),
    "root": ("{r} / np.sqrt(1 + {r} * {r})", "(1 + {r} * {r}) ** -1.5"),
    "arcsinh": ("np.arcsinh({r})", "1 / np.sqrt(1 + {r} * {r})"),
    "softplus": ("np.logaddexp(0, {r})", "1 / (1 + np.exp(-{r}))"),
    "swish": (
        "{r} / (1 + np.exp(-{r}))",
        "(1 + np.exp(-{r}) + {r} * np.exp(-{r})) / (1 + np.exp(-{r})) ** 2",
    ),
    "gauss": ("np.exp(-{r} * {r} / 2)", "-{r} * np.exp(-{r} * {r} / 2)"),
    "sine": ("np.sin({r})", "np.cos({r})"),
}


def function(name: str, r: str) -> tuple[str, str]:
    """The text of a function of the variants, and of its derivative, at the quantity named r."""
    value, slope = (f"({text.format(r=r)})" for text in FUNCTION[name])
    return value, slope


def module(assignment: Assignment, variant: Variant, student: str | None = None) -> str:
    """The handout of a variant with its functions filled in."""
    bodies = {}
    if variant != assignment.practice:
        bodies = importlib.import_module(f"{__name__}.{assignment.name}").solution(variant)
    text = blanks.replaced(
        blanks.marked(assignment, variant),
        lambda name, pad, body: bodies[name].strip("\n") + "\n" if name in bodies else body,
    )
    return variants.header(assignment, variant, student) + "\n" + text
