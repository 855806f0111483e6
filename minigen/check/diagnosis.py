"""Why a gradient is wrong: the usual mistakes, tried one after the other on the numbers.

Each function of `TESTS` looks at a `Mismatch` and yields what it may be. The first mistake found is
reported, and where the wrong entries lie.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from minigen.check import resemblance
from minigen.check.comparison import Comparison
from minigen.check.report import Diagnosis, Kind

Found = Iterator[tuple[Kind, str]]
BRANCHED = {  # what the wrong branch of a function may look like too
    Kind.PLACE, Kind.SIGN, Kind.DOUBLE, Kind.HALF, Kind.FACTOR, Kind.ZERO, Kind.MASK,
    Kind.SOME_SIGNS, Kind.KNOWN_FACTOR, Kind.KNOWN_VALUE, Kind.OFFSET,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Mismatch:
    """The comparison of one array and its whole gradient.

    bad: which entries are wrong; outputs: their names; rows: N; again(c): the whole gradient for
    c times the cotangents, with no other forward pass in between; known: arrays by name that may
    explain the error (see `resemblance`).
    """

    all: Comparison
    bad: NDArray
    full: NDArray
    outputs: Sequence[str]
    rows: int
    again: Callable[[float], NDArray]
    known: Mapping[str, NDArray] = field(default_factory=dict)

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


def diagnose(m: Mismatch) -> Diagnosis | None:
    """The likely mistake."""
    with np.errstate(all="ignore"):
        kind, text = next((found for test in TESTS for found in test(m)), (Kind.PLACE, ""))
    branch = resemblance.branch(m) if kind in BRANCHED else ""
    kind = Kind.BRANCH if branch else kind
    text = "; ".join(filter(None, [branch, text, "" if branch else _place(m)]))
    return Diagnosis(kind, text) if text else None


def not_finite(m: Mismatch) -> Found:
    bad = np.argwhere(~np.isfinite(m.full))
    if len(bad):
        at, value = ", ".join(map(str, bad[0])), m.full[tuple(bad[0])]
        many = f"{value} in {len(bad)} of {m.full.size} entries"
        yield Kind.NOT_FINITE, f"{many}, first at [{at}]"


def stateful(m: Mismatch) -> Found:
    if not np.array_equal(m.again(1.0), m.full):
        yield (
            Kind.STATEFUL,
            "another forward pass in between changes it: the layer remembers its last input; "
            "put everything that backward needs into the cache",
        )


def rounding(m: Mismatch) -> Found:
    error = m.wrong.gap.max() / m.all.scale
    if error <= 1e-5:
        where = "finite differences, float32, or an inexact constant?"
        yield Kind.ROUNDING, f"almost right, to {error:.0e}: {where}"


def zero(m: Mismatch) -> Found:
    if not m.wrong.yours.any():
        where = "where it should not be" if m.all.yours.any() else "everywhere"
        yield Kind.ZERO, f"zero {where}: is a path missing?"


def ratio(m: Mismatch) -> Found:
    yours, g = m.wrong.yours, m.wrong.expected
    factor = np.sum(yours * g) / np.sum(g * g)
    if m.explained_by(factor * g):
        for number, kind, text in _known_ratios(m.rows):
            if abs(factor - number) < 1e-9 * abs(number):
                yield kind, text
        if len(g) > 1:
            yield Kind.FACTOR, f"{factor:.6g} times the right gradient: a constant factor"


def _known_ratios(n: int) -> Iterator[tuple[float, Kind, str]]:
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
    for name, part in zip(m.outputs, m.wrong.parts, strict=True):
        if m.explained_by(m.wrong.expected - part):
            zero = f"this is the gradient with d{name} = 0"
            yield Kind.MISSING_TERM, f"the term of d{name} is missing: {zero}"
        if m.explained_by(m.wrong.expected - 2 * part):
            yield Kind.TERM_SIGN, f"the term of d{name} has the wrong sign"
        if m.explained_by(m.wrong.expected + part):
            yield Kind.TERM_TWICE, f"the term of d{name} is counted twice"


def clipped(m: Mismatch) -> Found:
    top = np.abs(m.all.yours).max()
    guess = np.clip(m.all.expected, -top, top)
    if np.sum(np.abs(m.all.yours) == top) > 1 and same(m.all.yours, guess, m.all, 0.0):
        yield Kind.CLIPPED, f"clipped at {top:.6g}?"


def cotangent(m: Mismatch) -> Found:
    w = m.wrong
    for name, part, one in zip(m.outputs, w.parts, w.ones, strict=True):
        if m.explained_by(w.expected - part + one):
            yield Kind.COTANGENT, f"ignores d{name}: this is the gradient with d{name} = 1"
    if m.explained_by(w.ones.sum(axis=0)):
        ones = "this is the gradient with ones for all of them"
        yield Kind.COTANGENT, f"ignores its cotangents: {ones}"
    turned = np.asarray(m.again(-2.0))
    if np.array_equal(turned, m.full):
        yield Kind.COTANGENT, "ignores its cotangents: the same when they change"
    if np.array_equal(turned, 2 * m.full):
        yield Kind.COTANGENT, "ignores the sign of its cotangents"
    if not np.allclose(turned, -2 * m.full, 1e-9, 1e-9 * m.all.scale):
        yield Kind.NOT_LINEAR, "not linear in its cotangents: clipped, or a constant added?"


def transpose(m: Mismatch) -> Found:
    if m.full.ndim == 2 and m.full.shape[0] == m.full.shape[1]:
        turned = np.array([m.full.T[index] for index in m.all.where])
        if same(turned, m.all.expected, m.all, m.all.scale):
            yield Kind.TRANSPOSE, "the transpose of the right gradient"


def mask(m: Mismatch) -> Found:
    if not m.wrong.size.any():
        yield Kind.MASK, "not 0 where the right gradient is 0: is a mask missing?"


def some_signs(m: Mismatch) -> Found:
    if same(np.abs(m.wrong.yours), np.abs(m.wrong.expected), m.wrong, m.all.scale):
        yield Kind.SOME_SIGNS, "the sign of these entries is wrong"


def permuted(m: Mismatch) -> Found:
    if same(np.sort(m.all.yours), np.sort(m.all.expected), m.all, m.all.scale):
        text = "the right numbers in other places: permuted, or split the other way?"
        yield Kind.PERMUTED, text


def _place(m: Mismatch) -> str:
    """The rows or columns of a matrix that hold all the wrong entries, if others are right.

    Of many the first eight are listed.
    """
    for axis, name in enumerate(("row", "column") if m.full.ndim == 2 else ()):
        lines = sorted({index[axis] for index in m.wrong.where})
        if len(lines) < len({index[axis] for index in m.all.where}):
            listed = ", ".join(map(str, lines[:8])) + (", ..." if len(lines) > 8 else "")
            return f"wrong only in {name}{'s' if len(lines) > 1 else ''} {listed}"
    return ""


TESTS = (
    not_finite, stateful, rounding, zero, ratio, output_term, clipped, cotangent,
    transpose, *resemblance.TESTS, mask, some_signs, permuted,
)  # fmt: skip
