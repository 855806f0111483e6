"""What the tests of every assignment share: a desk in this process, and banks of answers."""

import functools
import itertools
import re
import warnings
from dataclasses import dataclass

import numpy as np

from minigen.homework import assignments
from minigen.homework.handout import blanks, variants
from minigen.homework.marking.marks import mark
from minigen.homework.marking.session import Session
from minigen.homework.wall import Limits, frames
from minigen.homework.wall.inside import uploads, worker

FUNCTION = {
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


def function(name, r):
    """The text of a function of the variants, and of its derivative, at the quantity named r."""
    return tuple(f"({text.format(r=r)})" for text in FUNCTION[name])


def every(assignment):
    """All variants that a key may draw."""
    drawn = itertools.product(*(list(choices)[1:] for choices in assignment.options.values()))
    return [dict(zip(assignment.options, chosen, strict=True)) for chosen in drawn]


class Desk:
    """The worker's own code, without a process around it: for answers of ours alone."""

    def __init__(self):
        self.desk, self.lost, self.charged = worker.Desk(np), "", 0.0

    def load(self, source):
        return self.ask(frames.LOAD, "", [np.frombuffer(source, np.uint8)])

    def ask(self, operation, name, values, seconds=None):
        values = [int(v) if isinstance(v, frames.Handle) else np.array(v) for v in values]
        with warnings.catch_warnings(action="ignore"):
            status, out = self.desk.answer(operation, name, values)
        return status, [frames.Handle(v) if type(v) is int else v for v in out]

    def close(self):
        pass


@functools.cache
def tasks(name, choices):
    """The tasks of a variant, made once, so that their expected values are computed once."""
    return assignments.get(name).tasks(dict(choices))


def marks(assignment, variant, text, seed=7, practice=False):
    """The marks of a module's text."""
    session = Session(text.encode(), Desk, Limits(total=300), uploads.facts(text.encode()))
    return mark(tasks(assignment.name, tuple(variant.items())), session, (seed,), practice)


def pairs(texts):
    """((old, new), ...) of old, new, old, new, ..."""
    return tuple(zip(texts[::2], texts[1::2], strict=True))


def edited(text, edits):
    """The text with each (old, new) put in; every old must be there."""
    for old, new in edits:
        assert old in text, f"nothing to edit: {old}"
        text = text.replace(old, new)
    return text


class Wrong:
    """A wrong answer: what the diagnosis should say, "" where it names the wrong entry alone, and
    edits of the practice solution: old, new, old, new, ...
    """

    def __init__(self, name, says, *texts):
        self.name, self.says, self.edits = name, says, pairs(texts)


@dataclass(frozen=True)
class Bank:
    """Answers to one assignment: right ones, wrong ones, and a solution of each variant."""

    name: str
    right: dict
    wrong: tuple
    solution: object

    @property
    def assignment(self):
        return assignments.get(self.name)

    def practice(self):
        return blanks.solved(self.assignment)

    def variant_solution(self, variant):
        """The variant's handout with the bodies of `solution(variant)` in it."""
        bodies = self.solution(variant)
        return blanks.replaced(
            blanks.marked(self.assignment, variant),
            lambda name, pad, body: bodies[name].strip("\n") + "\n" if name in bodies else body,
        )


def header_and(bank, variant):
    """The file a student hands in who has solved a variant."""
    return variants.header(bank.assignment, variant) + "\n" + bank.variant_solution(variant)


def failures(found):
    return {m.part: m.why for m in found if not m.right}


def check_right(bank, name):
    text = edited(bank.practice(), pairs(bank.right[name]))
    assert not failures(marks(bank.assignment, bank.assignment.practice, text))


def check_wrong(bank, wrong):
    """Refused; returns whether the diagnosis names the kind of mistake."""
    text = edited(bank.practice(), wrong.edits)
    found = failures(marks(bank.assignment, bank.assignment.practice, text))
    assert found, f"{bank.name}: {wrong.name} was accepted"
    told = any(re.search(wrong.says, why) for why in found.values())
    return bool(wrong.says) and told, found
