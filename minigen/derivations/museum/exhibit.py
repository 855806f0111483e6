"""An exhibit: a real defect, the right code beside the wrong, and what the difference did."""

import inspect
import textwrap
from dataclasses import dataclass

import numpy as np

from minigen.core import tree


@dataclass(frozen=True, eq=False)
class Finding:
    """What an exhibit measured.

    figures: (what, with the right code, with the wrong). seen: what a check says of the wrong
    code, "" if it says nothing. missed: checks that pass the wrong code, in words. curves: arrays
    worth a picture, by name.
    """

    figures: tuple
    seen: str
    missed: tuple = ()
    curves: dict | None = None

    def __str__(self):
        width = max(len(what) for what, *_ in self.figures)
        rows = [f"{'':<{width}}  {'right':>12}  {'wrong':>12}"]
        rows += [f"{w:<{width}}  {number(a):>12}  {number(b):>12}" for w, a, b in self.figures]
        rows += [f"passes it: {check}" for check in self.missed]
        return "\n".join([*rows, "sees it: " + self.seen.replace("\n", "\n  ")])

    __repr__ = __str__


def number(value):
    return "not a number" if np.isnan(value) else f"{value:.4g}"


@dataclass(frozen=True, eq=False)
class Exhibit:
    """One defect.

    where: the package and the place. what: the mistake. effect: what it did to the samples or to
    the likelihood. check: which check finds it. right, wrong: functions or classes; measure: a
    function of a Generator that gives a Finding. answer: (homework, edits of its model solution).
    """

    name: str
    title: str
    where: str
    what: str
    effect: str
    check: str
    right: object
    wrong: object
    measure: object
    answer: tuple = ()

    def run(self, rng=None):
        """The Finding; the same at every call without a generator."""
        return self.measure(np.random.default_rng(0) if rng is None else rng)

    def __str__(self):
        texts = (("where", self.where), ("what", self.what), ("effect", self.effect),
                 ("found by", self.check))  # fmt: skip
        lines = [self.title.upper(), ""]
        for label, text in texts:
            lines += textwrap.wrap(f"{label}: {text}", 92, subsequent_indent="  ")
        for label, code in (("right", self.right), ("wrong", self.wrong)):
            lines += ["", f"{label}:", textwrap.indent(source(code), "    ")]
        return "\n".join(lines)

    def __repr__(self):
        return f"Exhibit({self.name!r})"


def source(code):
    """The text of a function, or of the methods that a class defines itself."""
    return textwrap.dedent(inspect.getsource(code)).strip()


def first_lines(report, most=3):
    """The head of a Report and why its first failure failed."""
    lines = [str(report).splitlines()[0], *report.reasons(most=1)]
    return "\n".join("\n".join(lines).splitlines()[:most])


def moved(layer, rng, spread=0.5):
    """The layer with its parameters moved, in place, off their starting values."""
    for array in tree.flatten(layer.params).values():
        array += spread * rng.standard_normal(array.shape)
    return layer
