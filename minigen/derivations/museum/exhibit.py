"""An exhibit: a real defect, the right code beside the wrong, and what the difference did."""

import re
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.check import Report
from minigen.core import text
from minigen.derivations import statement
from minigen.derivations.page import source

FIELDS = ("where", "what", "effect", "check", "answer")
EDIT = re.compile("`(.+?)` -> `(.+?)`")


@dataclass(frozen=True, eq=False)
class Finding:
    """What an exhibit measured.

    figures: (what, with the right code, with the wrong). seen: what a check says of the wrong
    code, "" if it says nothing. missed: checks that pass the wrong code, in words. curves: arrays
    worth a picture, by name.
    """

    figures: tuple[tuple[str, float, float], ...]
    seen: str
    missed: tuple[str, ...] = ()
    curves: dict[str, NDArray] | None = None

    def __str__(self) -> str:
        cells = [("", "right", "wrong"), *((w, number(a), number(b)) for w, a, b in self.figures)]
        table = text.table((what, f"{a:>12}", f"{b:>12}") for what, a, b in cells)
        passed = [f"passes it: {check}" for check in self.missed]
        return "\n".join([table, *passed, "found by: " + self.seen.replace("\n", "\n  ")])

    __repr__ = __str__


def number(value: float) -> str:
    return "not a number" if np.isnan(value) else f"{value:.4g}"


@dataclass(frozen=True, eq=False)
class Exhibit:
    """One defect.

    where: the package and the place. what: the mistake. effect: what it did to the samples or to
    the likelihood. check: which check finds it. right, wrong: functions or classes; measure: a
    function of a Generator that gives a Finding. answer: (homework, edits of its model solution),
    in the docstring as HOMEWORK: `old` -> `new`; ...
    """

    name: str
    title: str
    where: str
    what: str
    effect: str
    check: str
    right: Callable
    wrong: Callable
    measure: Callable[[np.random.Generator], Finding]
    answer: tuple = ()

    @classmethod
    def of(
        cls, measure: Callable[[np.random.Generator], Finding], right: Callable, wrong: Callable
    ) -> "Exhibit":
        """The exhibit of a module: its name, and its title and fields from the docstring."""
        module = sys.modules[measure.__module__]
        (_, (title,)), (start, lines) = statement.paragraphs(module.__doc__ or "")
        stated: dict[str, Any] = dict(statement.fields(start, lines, FIELDS))
        homework, _, edits = stated.pop("answer", "").partition(": ")
        stated["answer"] = (homework, tuple(EDIT.findall(edits))) if homework else ()
        name = module.__name__.rpartition(".")[2]
        return cls(name, title[:-1], right=right, wrong=wrong, measure=measure, **stated)

    def run(self, rng: np.random.Generator | None = None) -> Finding:
        """The Finding; the same at every call without a generator."""
        return self.measure(np.random.default_rng(0) if rng is None else rng)

    def __str__(self) -> str:
        lines = [self.title.upper(), ""]
        for label, name in zip(("where", "what", "effect", "found by"), FIELDS, strict=False):
            lines += textwrap.wrap(f"{label}: {getattr(self, name)}", 92, subsequent_indent="  ")
        for label, code in (("right", self.right), ("wrong", self.wrong)):
            lines += ["", f"{label}:", textwrap.indent(source.text(code), "    ")]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Exhibit({self.name!r})"


def first_lines(report: Report, most: int = 3) -> str:
    """The head of a Report and why its first failure failed."""
    lines = [str(report).splitlines()[0], *report.reasons(most=1)]
    return "\n".join("\n".join(lines).splitlines()[:most])
