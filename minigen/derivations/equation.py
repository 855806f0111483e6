"""An entry: one equation, what it claims, the code that has it, and the check that judges it."""

from dataclasses import dataclass

import numpy as np

from minigen.check import Report
from minigen.core import validate

CORRECT, MISPRINT, WRONG, INCOMPLETE = "correct", "misprint", "wrong", "incomplete"
SUPPLEMENT, CLAIM = "supplement", "claim"  # not printed in the notes; somebody's own
VERDICTS = (CORRECT, MISPRINT, WRONG, INCOMPLETE, SUPPLEMENT, CLAIM)


@dataclass(frozen=True)
class NotEvaluable:
    """Why a printed line has no error: there is nothing in it that could be computed."""

    reason: str


@dataclass(frozen=True)
class Result:
    """What one draw of a check found.

    correct: the error of the form that must hold, against a quantity found another way.
    printed: the error of the form as printed, or NotEvaluable; None where they are the same.
    gradient: the Report of the hand-written backward pass, or its error as a number, or a tuple.
    note: a figure worth reading beside the errors.
    """

    correct: float
    printed: float | NotEvaluable | None = None
    gradient: Report | float | tuple | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class Entry:
    """One equation. Called with a Generator, it answers with a Result.

    printed: the line as it stands in the notes, with its dollar signs; "" for a claim of one's own.
    correct, gradient: LaTeX of the form that holds and of its backward pass ("" for none).
    code: the functions that implement it. tolerance: how far `correct` may be off, 0 for exact.
    figure: a function of a Generator that gives a picture for the page (see svg.plot), or None.
    """

    id: str
    check: object
    correct: str
    printed: str = ""
    verdict: str = CLAIM
    why: str = ""
    code: tuple = ()
    line: int | None = None
    tolerance: float = 1e-12
    gradient: str = ""
    figure: object = None

    def __call__(self, rng):
        return as_result(self.check(rng))

    def __repr__(self):
        return f"Entry({self.id!r})"


def entry(id, correct, *, code=(), verdict=CLAIM, **details):
    """Decorator: a function of `rng` that checks an equation, as an Entry.

        @entry("MINE-1", r"y = x W", code=Linear.forward)
        def mine(rng):
            ...
            return error

    The function returns a Result, a Report of `minigen.check`, or the error as a number.
    code: a function, a method, a class, or a tuple of them. details: the other fields of Entry.
    """
    if not isinstance(id, str) or not id or any(c.isspace() for c in id):
        raise validate.expected("id", "a name without spaces", repr(id))
    validate.choice("verdict", verdict, VERDICTS)
    code = code if isinstance(code, tuple) else (code,)

    def bound(check):
        return Entry(id, check, correct, code=code, verdict=verdict, **details)

    return bound


def as_result(value):
    """What a check returned, as a Result."""
    if isinstance(value, Result):
        return value
    if isinstance(value, Report):
        return Result(correct=0.0, gradient=value)
    if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
        return Result(correct=float(value))
    raise TypeError(f"check: expected a Result, a Report or a number, got {type(value).__name__}")


def entries_of(namespace):
    """The entries among the values of a module's namespace, in their order."""
    return tuple(value for value in namespace.values() if isinstance(value, Entry))
