"""What a wrong array looks like beside arrays that stand near it: its inputs, outputs, known terms.

Each function of `TESTS` looks at a `Mismatch` and yields what its wrong numbers may be, as those of
`minigen.check.diagnosis`, which tries them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from minigen.check.report import Kind

if TYPE_CHECKING:
    from minigen.check.diagnosis import Found, Mismatch

FEWEST = 6  # entries, before a pattern among them says anything


def near(m: Mismatch) -> Iterator[tuple[str, NDArray]]:
    """The known arrays of the same shape, at the compared entries."""
    for name, q in m.known.items():
        if q.shape == m.full.shape:
            yield name, np.array([q[index] for index in m.all.where])


def known_value(m: Mismatch) -> Found:
    for name, q in near(m):
        if _equal(m, m.all.yours, q):
            yield Kind.KNOWN_VALUE, f"this is {name}"


def known_factor(m: Mismatch) -> Found:
    yours, g = m.all.yours, m.all.expected
    for name, q in near(m):
        if _equal(m, yours, g * q):
            yield Kind.KNOWN_FACTOR, f"{name} times the right one: a factor too many"
        if np.all(q) and _equal(m, yours, g / q):
            yield Kind.KNOWN_FACTOR, f"the factor {name} is missing"
        if _equal(m, yours, -g * q) or (np.all(q) and _equal(m, yours, -g / q)):
            yield Kind.KNOWN_FACTOR, f"the sign, and a factor {name} too many or missing"
        for text, guess in (("", g * q), ("1 / ", g / q if np.all(q) else 0 * g)):
            c = np.sum(yours * guess) / (np.sum(guess * guess) or 1.0)
            if c and len(q) > 2 and _equal(m, yours, c * guess):
                text = f"{c:.6g} times {text}{name} times the right one: one factor for another?"
                yield Kind.KNOWN_FACTOR, text


def known_term(m: Mismatch) -> Found:
    off = m.all.yours - m.all.expected
    for name, q in near(m):
        if not q.any():
            continue
        if _equal(m, off, -q):
            yield Kind.MISSING_TERM, f"the term {name} is missing"
        if _equal(m, off, -2 * q):
            yield Kind.TERM_SIGN, f"the term {name} has the wrong sign"
        if _equal(m, off, q):
            yield Kind.TERM_TWICE, f"the term {name} is too much, or counted twice"
        for other, p in near(m):
            if other != name and _equal(m, off, q - p):
                yield Kind.KNOWN_VALUE, f"{name} and {other}: one stands in place of the other"
        c = np.sum(off * q) / np.sum(q * q)
        if len(q) > 2 and _equal(m, off, c * q):
            yield Kind.MISSING_TERM, f"off by {c:.6g} times {name}: a term is missing or too much"


def reciprocal(m: Mismatch) -> Found:
    if np.all(m.all.expected) and _equal(m, m.all.yours, 1 / m.all.expected):
        yield Kind.RECIPROCAL, "one over the right one: upside down, or of the other direction?"


def offset(m: Mismatch) -> Found:
    off = m.all.yours - m.all.expected
    if len(off) > 2 and _equal(m, off, np.full(len(off), off.mean())):
        yield Kind.OFFSET, f"off by the constant {off.mean():.6g} everywhere"


def path(m: Mismatch) -> Found:
    """Of a matrix, the same error in all rows, or in all columns, times a known array."""
    n, d = m.full.shape if m.full.ndim == 2 else (0, 0)
    if min(n, d) < 2 or len(m.all.where) != n * d:
        return
    off = (m.all.yours - m.all.expected).reshape(n, d)
    ones = ("", np.ones(n * d))
    of_forward = (
        pair for pair in near(m) if pair[0].removeprefix("d") not in {*m.known} - {pair[0]}
    )
    for name, q in (ones, *of_forward):
        q = q.reshape(n, d)
        for axis, line, across in ((0, "column", "rows"), (1, "row", "columns")):
            weight = np.sum(q * q, axis=axis, keepdims=True)
            c = np.sum(off * q, axis=axis, keepdims=True) / np.where(weight, weight, 1.0)
            if _equal(m, off.ravel(), (c * q).ravel()):
                what = f"a multiple of {name}" if name else "one number"
                text = f"off by {what} in each {line}: is the path through a sum or mean over the"
                yield Kind.PATH, f"{text} {across} missing?"


def branch(m: Mismatch) -> str:
    """Where the wrong entries lie, if that is where an array is negative, positive, or large."""
    if len(m.bad) < FEWEST or not 2 <= m.bad.sum() <= len(m.bad) - 2:
        return ""
    for name, q in near(m):
        for text, here in (
            (f"{name} < 0", q < 0), (f"{name} > 0", q > 0),
            (f"|{name}| > 1", np.abs(q) > 1), (f"|{name}| < 1", np.abs(q) < 1),
        ):  # fmt: skip
            if np.array_equal(here, m.bad):
                return f"wrong only where {text}: the other branch of a function with two?"
    return ""


def _equal(m: Mismatch, a: NDArray, b: NDArray) -> bool:
    """Whether two rows of numbers agree to nine figures, or 20 estimates of the error."""
    size = max(m.all.scale, np.abs(b).max(initial=0.0))
    near = 1e-9 * np.abs(b) + 1e-10 * size + 20 * m.all.error
    return bool(np.all(np.abs(a - b) <= near))


TESTS = (known_value, known_factor, known_term, reciprocal, offset, path)
