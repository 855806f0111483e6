"""Yours against expected: the verdict on one array, and what the mistake looks like."""

import functools
from dataclasses import dataclass

import numpy as np

from minigen.check import Kind
from minigen.check.comparison import Comparison, Slopes
from minigen.check.diagnosis import diagnose
from minigen.homework.marking import reference as ref

GENERAL = {
    None, Kind.PLACE, Kind.FACTOR, Kind.HALF, Kind.DOUBLE, Kind.NOT_LINEAR, Kind.SOME_SIGNS,
    Kind.ZERO, Kind.MASK, Kind.CLIPPED, Kind.PERMUTED,
}  # fmt: skip
RELATIVE, ABSOLUTE = 1e-11, 1e-12  # central differences reach 1e-9 to 1e-11, rounding 1e-14


def wrong(yours, expected, floor=0.0):
    """A mask of the wrong entries, or a sentence where they cannot be compared."""
    expected = np.asarray(expected)
    if yours.shape != expected.shape:
        return f"expected shape {expected.shape}, got {yours.shape}{summed(yours, expected)}"
    if expected.dtype.kind in "ib":
        return ~(yours == expected)
    if yours.dtype.kind == "c":
        return "expected real numbers, got complex ones"
    if yours.dtype == np.float32:
        return "expected float64, got float32"
    scale = max(np.abs(expected).max(initial=0), floor)
    with np.errstate(all="ignore"):
        return ~(np.abs(yours - expected) <= RELATIVE * np.abs(expected) + ABSOLUTE * scale)


def summed(yours, expected):
    """A word on a shape that has the batch where it should not, or lost it."""
    if yours.ndim == expected.ndim + 1 and yours.shape[1:] == expected.shape:
        return ": not summed over the batch?"
    if yours.ndim + 1 == expected.ndim and yours.shape == expected.shape[1:]:
        return ": summed over the batch?"
    if yours.ndim == 2 and yours.T.shape == expected.shape:
        return ": the transpose?"
    return ""


def worst(name, yours, expected, bad):
    """The worst entry in words."""
    with np.errstate(all="ignore"):
        gap = np.where(bad, np.abs(yours.astype(float) - expected), -1.0)
    index = np.unravel_index(np.argmax(np.where(np.isnan(gap), np.inf, gap)), bad.shape)
    place = f"[{', '.join(map(str, map(int, index)))}]" if bad.ndim else ""
    form = "d" if np.asarray(expected).dtype.kind in "ib" else "+.6g"
    mine, right = (format(a[index].item(), form) if form == "+.6g" else a[index].item()
                   for a in (yours, np.asarray(expected)))  # fmt: skip
    return f"{name}{place}: yours {mine}, expected {right} ({bad.sum()} of {bad.size} wrong)"


def fits(guess, yours):
    """Whether yours is `guess` to nine figures."""
    guess = np.asarray(guess)
    if guess.shape != yours.shape or not np.all(np.isfinite(guess)):
        return False
    scale = np.abs(guess).max(initial=0)
    return bool(np.all(np.abs(yours - guess) <= 1e-9 * np.abs(guess) + 1e-10 * scale))


@dataclass(frozen=True, eq=False)
class Trial:
    """What `minigen.check`'s diagnosis asks of a run; `again` runs it with other cotangents."""

    names: tuple
    rows: int
    again: object
    name: str
    yours: np.ndarray

    @functools.cached_property
    def alone(self):
        return {self.name: self.again(1.0)}

    @functools.cached_property
    def turned(self):
        return {self.name: self.again(-2.0)}


def why_gradient(task, case, i, yours, bad, again):
    """The likely reason that the gradient by input `i` is wrong, or ""."""
    name = task.inputs[i]
    trial = Trial(task.outputs, case.rows, again, name, yours)
    ones = ref.Case(case.inputs, case.given, tuple(np.ones_like(v) for v in case.vs))
    if fits(ref.gradients(task.reference, ones)[i], yours):
        return "ignores its cotangents: this is the gradient with ones for all of them"
    right = ref.gradients(task.reference, case)
    for j, other in enumerate(right):
        if j != i and fits(other, yours) and not fits(-right[i], yours):
            return f"this is d{task.inputs[j]}: exchanged?"
    with np.errstate(all="ignore"):
        found = diagnose(evidence(task, case, i, yours), bad.ravel(), yours, trial)
        kind, text = (found.kind, found.text) if found else (None, "")
        return (kind in GENERAL and slip_of_gradient(task, case, i, yours)) or text


def evidence(task, case, i, yours):
    """The evidence of minigen.check on every entry."""
    shape = np.shape(case.inputs[i])
    jacobians = [row[i] for row in ref.slopes(task.reference, case)]
    parts = np.array([v.ravel() @ j for v, j in zip(case.vs, jacobians, strict=True)])
    ones = np.array([j.sum(axis=0) for j in jacobians])
    size = sum(np.abs(v).ravel() @ np.abs(j) for v, j in zip(case.vs, jacobians, strict=True))
    flat = yours.ravel()
    slopes = Slopes(task.inputs[i], list(np.ndindex(*shape)), flat, np.zeros(flat.size))
    return Comparison(slopes, parts, ones, size, 0 * size)


def slip_of_gradient(task, case, i, yours):
    """Which slip on the way would give these numbers."""
    for path, text in gradient_slips(task.reference, case):
        if would_give(task.reference, case, i, yours, path):
            return text
    for path, text in value_slips(task.reference, case):
        if would_give(task.reference, case, i, yours, path):
            return f"this is the gradient if {text}"
    return ""


def would_give(reference, case, i, yours, path):
    """Whether a slip gives this gradient: along one direction first, which is cheap."""
    u = np.random.default_rng(0).standard_normal(yours.shape)
    slope, mine = attempt(ref.along, reference, case, i, u, path), np.sum(u * yours)
    if slope is None or not abs(slope - mine) <= 1e-7 * (abs(slope) + abs(mine)):
        return False
    return fits(ref.gradients(reference, case, path)[i], yours)


def gradient_slips(reference, case):
    """(path, sentence) of each slip that changes derivatives."""
    for name, of_one in ref.names(reference, case).items():
        for slip, text in ref.GRADIENT_SLIPS.items():
            if slip != "straight" or of_one:
                yield ref.Path(name, slip, case.rows or 1), text.format(name)


def value_slips(reference, case):
    """(path, sentence) of each slip that changes values."""
    for name, of_one in ref.names(reference, case).items():
        for slip, text in ref.VALUE_SLIPS.items():
            if slip != "unapplied" or of_one:
                yield ref.Path(name, slip), text.format(name)


def attempt(function, *arguments):
    """The result, or None where a slip makes no sense for the shapes."""
    try:
        return function(*arguments)
    except (ValueError, IndexError, TypeError):
        return None


def why_value(task, case, k, yours):
    """The likely reason that output `k` of a function is wrong, or ""."""
    right = ref.run(task.reference, case)[k]
    if right.dtype.kind in "ib":
        return why_integer(right, yours)
    if not np.all(np.isfinite(yours)):
        return f"{np.count_nonzero(~np.isfinite(yours))} of {yours.size} entries are not finite"
    if np.all(np.abs(yours - right) <= 1e-5 * np.abs(right).max(initial=0)):
        return "almost right: float32 or a small constant in the middle?"
    for path, text in value_slips(task.reference, case):
        guess = attempt(ref.run, task.reference, case, path)
        if guess is not None and fits(guess[k], yours):
            return text
    for factor, text in factors(case, right):
        if fits(factor * right, yours):
            return text
    return rest_of_value(right, yours)


def factors(case, right):
    """Factors by which a value is often off."""
    n, d = case.rows, right.shape[-1] if right.ndim > 1 else 0
    yield -1, "the sign: minus yours is right"
    yield 2, "twice the right one"
    yield 0.5, "half the right one"
    for size, text in ((n, "N"), (d, f"its {d} columns")):
        if size > 1:
            yield size, f"too large by the factor {size} ({text}): a sum in place of a mean?"
            yield 1 / size, f"too small by the factor {size} ({text}): a mean in place of a sum?"


def rest_of_value(right, yours):
    """Patterns that need no reference."""
    if right.ndim == 2 and right.shape[0] == right.shape[1] and fits(right.T, yours):
        return "the transpose of the right one"
    if right.ndim and fits(right[..., ::-1], yours):
        return "the right numbers in the reverse order"
    if not yours.any():
        return "zero everywhere"
    off = yours - right
    if off.size > 1 and np.ptp(off) <= 1e-9 * np.abs(right).max(initial=1):
        return f"off by a constant: {off.flat[0]:+.6g}"
    good = ~wrong(yours, right)
    if right.ndim == 2 and good.any():
        columns = np.flatnonzero(~good.all(axis=0))
        if len(columns) < right.shape[1]:
            return f"wrong only in column {', '.join(map(str, columns))}"
    return ""


def why_integer(right, yours):
    """The likely reason for wrong indices or masks."""
    if right.ndim == 2 and right.shape[0] == right.shape[1] and np.array_equal(right.T, yours):
        return "the transpose of the right one"
    off = yours.astype(np.int64) - right
    if np.ptp(off) == 0:
        return f"off by {int(off.flat[0]):+d} everywhere: counted from 0 or from 1?"
    if right.ndim and np.array_equal(right[..., ::-1], yours):
        return "the right numbers in the reverse order"
    if np.array_equal(1 - right, yours):
        return "0 and 1 exchanged"
    if set(np.unique(right)) <= {0, 1} and np.all(np.abs(off) <= 1):
        return one_sided(off)
    return ""


def one_sided(off):
    """A mask that has only too many ones, or only too few."""
    if np.all(off >= 0):
        return f"{off.sum()} ones too many, none too few: >= in place of >, or degrees off by one?"
    if np.all(off <= 0):
        return f"{-off.sum()} ones too few, none too many: > in place of >=, or degrees off by one?"
    return "ones at other places"
