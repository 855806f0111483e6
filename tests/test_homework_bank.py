"""What the tests of every assignment share: a desk in this process, and banks of answers."""

import functools
import itertools
import re
from dataclasses import dataclass

from minigen.homework import assignments, solutions
from minigen.homework.handout import blanks
from minigen.homework.marking.marks import mark
from minigen.homework.marking.session import Session
from minigen.homework.wall import Here, Limits
from minigen.homework.wall.inside import uploads


def every(assignment):
    """All variants that a key may draw."""
    drawn = itertools.product(*(
        list(choices)[name not in assignment.free :]
        for name, choices in assignment.options.items()
    ))  # fmt: skip
    return [dict(zip(assignment.options, chosen, strict=True)) for chosen in drawn]


@functools.cache
def tasks(name, choices):
    """The tasks of a variant, made once, so that their expected values are computed once."""
    return assignments.get(name).tasks(dict(choices))


def marks(assignment, variant, text, seed=7, practice=False):
    """The marks of a module's text."""
    session = Session(text.encode(), Here, Limits(total=300), uploads.facts(text.encode()))
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

    @property
    def assignment(self):
        return assignments.get(self.name)

    def practice(self):
        return blanks.solved(self.assignment)

    def variant_solution(self, variant):
        """The model solution, without its header."""
        return header_and(self, variant).split("\n", 1)[1]


def header_and(bank, variant):
    """The file a student hands in who has solved a variant."""
    return solutions.module(bank.assignment, variant)


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
