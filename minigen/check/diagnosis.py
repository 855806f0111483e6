"""Why a gradient is wrong: the usual mistakes, tried one after the other on the numbers.

Each function of `TESTS` looks at a `Case` and answers with a sentence, or "" if it is not that.
The first answer is given, and where the wrong entries lie.
"""

import functools
from dataclasses import dataclass

import numpy as np

from minigen.check.comparison import Comparison


@dataclass(frozen=True, eq=False)
class Case:
    """The comparison on one array, which of its entries are wrong, the whole gradient, the run."""

    all: Comparison
    bad: np.ndarray
    full: np.ndarray
    evaluation: object

    @functools.cached_property
    def wrong(self):
        """The comparison at the wrong entries."""
        return self.all.part(np.flatnonzero(self.bad))

    def explains(self, guess):
        """Whether the wrong entries are `guess`, to nine figures."""
        return same(self.wrong.yours, guess, self.wrong, self.all.scale)


def same(yours, guess, comparison, scale):
    """Whether two rows of numbers are one, to nine figures or 20 estimates of the error."""
    near = 1e-9 * np.abs(guess) + 1e-10 * scale + 20 * comparison.error
    return bool(np.all(np.abs(yours - guess) <= near))


def diagnose(comparison, bad, full, evaluation):
    """One sentence; `full` is the whole gradient as given, `evaluation` the run it comes from."""
    case = Case(comparison, bad, full, evaluation)
    with np.errstate(all="ignore"):
        said = filter(None, (test(case) for test in TESTS))
        return "; ".join(filter(None, [next(said, ""), place(case)]))


def not_finite(c):
    bad = np.argwhere(~np.isfinite(c.full))
    if len(bad):
        at = ", ".join(map(str, bad[0]))
        return f"{c.full[tuple(bad[0])]} in {len(bad)} of {c.full.size} entries, first at [{at}]"
    return ""


def remembers(c):
    if np.array_equal(c.evaluation.alone[c.all.slopes.name], c.full):
        return ""
    return (
        "other numbers when no other forward runs in between: the layer remembers its last "
        "input; everything backward needs belongs in the cache"
    )


def rounding(c):
    if np.all(c.wrong.gap <= 1e-5 * c.all.scale):
        return (
            f"almost right, to {c.wrong.gap.max() / c.all.scale:.0e}: finite differences, "
            "float32 in the middle, or a constant a little off?"
        )
    return ""


def zero(c):
    if not c.all.yours.any():
        return "zero everywhere: is a path missing?"
    return "" if c.wrong.yours.any() else "zero where it should not be: is a path missing?"


def ratio(c):
    yours, g = c.wrong.yours, c.wrong.expected
    factor = np.sum(yours * g) / np.sum(g * g)
    if not c.explains(factor * g):
        return ""
    for number, text in known_ratios(c.evaluation.rows):
        if abs(factor - number) < 1e-9 * abs(number):
            return text
    return f"always {factor:.6g} times the right one: a constant factor" if len(g) > 1 else ""


def known_ratios(n):
    yield -1, "the sign: minus yours is right"
    yield 2, "twice the right one: accumulated twice?"
    yield 0.5, "half the right one: the 2 of a square, or one of two equal paths missing?"
    if n > 1:
        yield n, f"N = {n} times the right one: a sum over the batch instead of the mean?"
        yield 1 / n, f"1/N of the right one (N = {n}): a mean over the batch instead of the sum?"
        yield -n, f"-N = {-n} times the right one: the sign, and a sum instead of the mean?"
        yield -1 / n, f"-1/N of the right one (N = {n}): the sign, and a mean instead of the sum?"


def output_term(c):
    for name, part in zip(c.evaluation.names, c.wrong.parts, strict=True):
        if c.explains(c.wrong.expected - part):
            return f"the term of d{name} is missing: this is the gradient with d{name} = 0"
        if c.explains(c.wrong.expected - 2 * part):
            return f"the term of d{name} has the wrong sign"
        if c.explains(c.wrong.expected + part):
            return f"the term of d{name} is counted twice"
    return ""


def clipped(c):
    top = np.abs(c.all.yours).max()
    guess = np.clip(c.all.expected, -top, top)
    several = np.sum(np.abs(c.all.yours) == top) > 1
    return f"clipped at {top:.6g}?" if several and same(c.all.yours, guess, c.all, 0.0) else ""


def cotangent(c):
    e = c.wrong
    for name, part, one in zip(c.evaluation.names, e.parts, e.ones, strict=True):
        if c.explains(e.expected - part + one):
            return f"ignores d{name}: this is the gradient with d{name} = 1"
    if c.explains(e.ones.sum(axis=0)):
        return "ignores its cotangents: this is the gradient with ones for all of them"
    turned, full = np.asarray(c.evaluation.turned[e.slopes.name]), c.full
    if np.array_equal(turned, full):
        return "ignores its cotangents: it stays as it is when they change"
    if np.array_equal(turned, 2 * full):
        return "ignores the sign of its cotangents"
    if not np.allclose(turned, -2 * full, 1e-9, 1e-9 * c.all.scale):
        return "not linear in its cotangents: clipped, or a constant added?"
    return ""


def transpose(c):
    if c.full.ndim == 2 and c.full.shape[0] == c.full.shape[1]:
        turned = np.array([c.full.T[index] for index in c.all.slopes.where])
        if same(turned, c.all.expected, c.all, c.all.scale):
            return "the transpose of the right one"
    return ""


def mask(c):
    return "" if c.wrong.size.any() else "not 0 where the right one is: is a mask missing?"


def some_signs(c):
    if same(np.abs(c.wrong.yours), np.abs(c.wrong.expected), c.wrong, c.all.scale):
        return "the sign of these entries"
    return ""


def shuffled(c):
    if same(np.sort(c.all.yours), np.sort(c.all.expected), c.all, c.all.scale):
        return "the right numbers at other places: is something permuted, or split the other way?"
    return ""


def place(c):
    """The rows or columns of a matrix that hold all the wrong entries, if others are right.

    Of many the first eight are listed.
    """
    for axis, name in enumerate(("row", "column") if c.full.ndim == 2 else ()):
        lines = sorted({index[axis] for index in c.wrong.slopes.where})
        if len(lines) < len({index[axis] for index in c.all.slopes.where}):
            listed = ", ".join(map(str, lines[:8])) + (", ..." if len(lines) > 8 else "")
            return f"wrong only in {name}{'s' if len(lines) > 1 else ''} {listed}"
    return ""


TESTS = (
    not_finite, remembers, rounding, zero, ratio, output_term, clipped, cotangent,
    transpose, mask, some_signs, shuffled,
)  # fmt: skip
