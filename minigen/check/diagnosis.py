"""Why a gradient is wrong: the usual mistakes, tried one after the other on the numbers.

Each function of `TESTS` looks at a `Mismatch` and returns a `Diagnosis`, or None if it is not
that mistake. The first one found is reported, and where the wrong entries lie.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from minigen.check.comparison import Comparison
from minigen.check.report import Diagnosis, Kind

Found = Diagnosis | None


class Repeatable(Protocol):
    """What a diagnosis asks of a run: the names of its outputs, N, and a gradient once more."""

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def rows(self) -> int: ...

    def again(self, name: str, scale: float) -> NDArray:
        """The gradient for `scale` times the cotangents, with no other forward in between."""
        ...


@dataclass(frozen=True, eq=False)
class Mismatch:
    """The comparison of one array, which entries are wrong, the whole gradient, the evaluation."""

    all: Comparison
    bad: NDArray
    full: NDArray
    evaluation: Repeatable

    @functools.cached_property
    def wrong(self) -> Comparison:
        """The comparison at the wrong entries."""
        return self.all.part(np.flatnonzero(self.bad))

    def explained_by(self, guess: NDArray) -> bool:
        """Whether the wrong entries are `guess`, to nine figures."""
        return same(self.wrong.yours, guess, self.wrong, self.all.scale)


def same(yours: NDArray, guess: NDArray, comparison: Comparison, scale: float) -> bool:
    """Whether two rows of numbers agree to nine figures, or 20 estimates of the error."""
    near = 1e-9 * np.abs(guess) + 1e-10 * scale + 20 * comparison.error
    return bool(np.all(np.abs(yours - guess) <= near))


def diagnose(comparison: Comparison, bad: NDArray, full: NDArray, evaluation: Repeatable) -> Found:
    """The likely mistake; `full` is the whole gradient as given by this `evaluation`."""
    m = Mismatch(comparison, bad, full, evaluation)
    with np.errstate(all="ignore"):
        found = next(filter(None, (test(m) for test in TESTS)), None)
    where = place(m)
    if found is None or not where:
        return found or (Diagnosis(Kind.PLACE, where) if where else None)
    return Diagnosis(found.kind, f"{found.text}; {where}")


def not_finite(m: Mismatch) -> Found:
    bad = np.argwhere(~np.isfinite(m.full))
    if not len(bad):
        return None
    at = ", ".join(map(str, bad[0]))
    text = f"{m.full[tuple(bad[0])]} in {len(bad)} of {m.full.size} entries, first at [{at}]"
    return Diagnosis(Kind.NOT_FINITE, text)


def stateful(m: Mismatch) -> Found:
    if np.array_equal(m.evaluation.again(m.all.slopes.name, 1.0), m.full):
        return None
    return Diagnosis(
        Kind.STATEFUL,
        "another forward pass in between changes it: the layer remembers its last input; "
        "put everything that backward needs into the cache",
    )


def rounding(m: Mismatch) -> Found:
    error = m.wrong.gap.max() / m.all.scale
    if not error <= 1e-5:
        return None
    text = f"almost right, to {error:.0e}: finite differences, float32, or an inexact constant?"
    return Diagnosis(Kind.ROUNDING, text)


def zero(m: Mismatch) -> Found:
    if m.wrong.yours.any():
        return None
    where = "where it should not be" if m.all.yours.any() else "everywhere"
    return Diagnosis(Kind.ZERO, f"zero {where}: is a path missing?")


def ratio(m: Mismatch) -> Found:
    yours, g = m.wrong.yours, m.wrong.expected
    factor = np.sum(yours * g) / np.sum(g * g)
    if not m.explained_by(factor * g):
        return None
    for number, kind, text in known_ratios(m.evaluation.rows):
        if abs(factor - number) < 1e-9 * abs(number):
            return Diagnosis(kind, text)
    text = f"{factor:.6g} times the right gradient: a constant factor"
    return Diagnosis(Kind.FACTOR, text) if len(g) > 1 else None


def known_ratios(n: int) -> Iterator[tuple[float, Kind, str]]:
    """(factor, kind, sentence) for a batch of n rows."""
    yield -1, Kind.SIGN, "the sign: minus yours is right"
    yield 2, Kind.DOUBLE, "twice the right gradient: accumulated twice?"
    half = "half the right gradient: is the 2 of a square missing, or one of two equal paths?"
    yield 0.5, Kind.HALF, half
    if n > 1:
        total, mean = "a sum over the batch instead of the mean?", "a mean instead of the sum?"
        yield n, Kind.BATCH, f"N = {n} times the right gradient: {total}"
        yield 1 / n, Kind.BATCH, f"1/N of the right gradient (N = {n}): {mean}"
        yield -n, Kind.BATCH, f"-N = -{n} times the right gradient: the sign, and {total}"
        yield -1 / n, Kind.BATCH, f"-1/N of the right gradient (N = {n}): the sign, and {mean}"


def output_term(m: Mismatch) -> Found:
    terms = (
        (-1, Kind.MISSING_TERM, "the term of d{0} is missing: this is the gradient with d{0} = 0"),
        (-2, Kind.TERM_SIGN, "the term of d{0} has the wrong sign"),
        (1, Kind.TERM_TWICE, "the term of d{0} is counted twice"),
    )
    for name, part in zip(m.evaluation.names, m.wrong.parts, strict=True):
        for factor, kind, text in terms:
            if m.explained_by(m.wrong.expected + factor * part):
                return Diagnosis(kind, text.format(name))
    return None


def clipped(m: Mismatch) -> Found:
    top = np.abs(m.all.yours).max()
    guess = np.clip(m.all.expected, -top, top)
    several = np.sum(np.abs(m.all.yours) == top) > 1
    if several and same(m.all.yours, guess, m.all, 0.0):
        return Diagnosis(Kind.CLIPPED, f"clipped at {top:.6g}?")
    return None


def cotangent(m: Mismatch) -> Found:
    w = m.wrong
    for name, part, one in zip(m.evaluation.names, w.parts, w.ones, strict=True):
        if m.explained_by(w.expected - part + one):
            text = f"ignores d{name}: this is the gradient with d{name} = 1"
            return Diagnosis(Kind.COTANGENT, text)
    if m.explained_by(w.ones.sum(axis=0)):
        text = "ignores its cotangents: this is the gradient with ones for all of them"
        return Diagnosis(Kind.COTANGENT, text)
    turned = np.asarray(m.evaluation.again(w.slopes.name, -2.0))
    if np.array_equal(turned, m.full):
        return Diagnosis(Kind.COTANGENT, "ignores its cotangents: the same when they change")
    if np.array_equal(turned, 2 * m.full):
        return Diagnosis(Kind.COTANGENT, "ignores the sign of its cotangents")
    if not np.allclose(turned, -2 * m.full, 1e-9, 1e-9 * m.all.scale):
        text = "not linear in its cotangents: clipped, or a constant added?"
        return Diagnosis(Kind.NOT_LINEAR, text)
    return None


def transpose(m: Mismatch) -> Found:
    if m.full.ndim == 2 and m.full.shape[0] == m.full.shape[1]:
        turned = np.array([m.full.T[index] for index in m.all.slopes.where])
        if same(turned, m.all.expected, m.all, m.all.scale):
            return Diagnosis(Kind.TRANSPOSE, "the transpose of the right gradient")
    return None


def mask(m: Mismatch) -> Found:
    if m.wrong.size.any():
        return None
    return Diagnosis(Kind.MASK, "not 0 where the right gradient is 0: is a mask missing?")


def some_signs(m: Mismatch) -> Found:
    if same(np.abs(m.wrong.yours), np.abs(m.wrong.expected), m.wrong, m.all.scale):
        return Diagnosis(Kind.SOME_SIGNS, "the sign of these entries")
    return None


def permuted(m: Mismatch) -> Found:
    if same(np.sort(m.all.yours), np.sort(m.all.expected), m.all, m.all.scale):
        text = "the right numbers in other places: permuted, or split the other way?"
        return Diagnosis(Kind.PERMUTED, text)
    return None


def place(m: Mismatch) -> str:
    """The rows or columns of a matrix that hold all the wrong entries, if others are right.

    Of many the first eight are listed.
    """
    for axis, name in enumerate(("row", "column") if m.full.ndim == 2 else ()):
        lines = sorted({index[axis] for index in m.wrong.slopes.where})
        if len(lines) < len({index[axis] for index in m.all.slopes.where}):
            listed = ", ".join(map(str, lines[:8])) + (", ..." if len(lines) > 8 else "")
            return f"wrong only in {name}{'s' if len(lines) > 1 else ''} {listed}"
    return ""


TESTS = (
    not_finite, stateful, rounding, zero, ratio, output_term, clipped, cotangent,
    transpose, mask, some_signs, permuted,
)  # fmt: skip
