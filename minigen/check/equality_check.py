"""Two values that should be the same, and what the wrong one looks like."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.check.comparison import Comparison
from minigen.check.diagnosis import Mismatch, diagnose
from minigen.check.gradient_check import worst_entry
from minigen.check.plain import name_of, named, numbers
from minigen.check.probe import input_names
from minigen.check.report import Diagnosis, Kind, Report, Row, State
from minigen.check.shapes import hint
from minigen.core import validate
from minigen.core.signature import Positive, checked

SMALL = 1e-3  # of the numbers; what the tolerance could hide more of is no evidence
GENERAL = {None, Kind.PLACE, Kind.FACTOR, Kind.PERMUTED, Kind.SOME_SIGNS, Kind.ROUNDING}
FAINT = Diagnosis(
    Kind.UNSURE, "the numbers are as small as the tolerance: give scale=, the size of what they "
    "are made of",
)  # fmt: skip


@checked
def equal(
    a: ArrayLike | Callable, b: ArrayLike | Callable, *inputs: Any, tolerance: Positive = 1e-12,
    scale: float = 1.0, known: Mapping[str, ArrayLike] | None = None,
) -> Report:  # fmt: skip
    """Check that two arrays, or two functions at the same inputs, are equal.

    |a - b| <= tolerance (max(|a|, |b|) + scale), entry by entry; equal infinities are equal, and
    nan equals nothing. b is taken for right: what `a` looks like beside it is said of `a`.

    Parameters
    ----------
    a, b : array_like or callable
        The value in doubt, and what it must be, found in another way; functions are called with
        the inputs.
    *inputs : array_like
        The inputs of `a` and `b`. A wrong function is tried with its inputs exchanged, transposed
        and negated, and the place of wrong entries is compared with the signs of the inputs.
    tolerance : float
        The relative error allowed.
    scale : float
        The size of the numbers that `a` and `b` are computed from: a difference of numbers of
        size 1 is exact to rounding of 1. 0 for an error relative to each entry.
    known : dict of arrays, optional
        Quantities by name, of the shape of `b`: a wrong `a` is compared with them, as a term that
        is missing, of the wrong sign or counted twice, as a factor, or as the value itself.

    Returns
    -------
    Report
        False if an entry differs; as text it says where, by how much, and what the wrong numbers
        look like.

    Raises
    ------
    InvalidInput
        If an argument is not of the expected form.

    Examples
    --------
    >>> def kl(m, v, n, w):
    ...     return np.log(w / v) / 2 + (v + (m - n) ** 2) / (2 * w) - 1 / 2
    >>> bool(mg.check.equal(kl(0.0, 1.0, 0.0, 2.0), np.log(2) / 2 - 1 / 4))
    True
    >>> other = lambda m, v, n, w: kl(n, w, m, v)
    >>> mg.check.equal(other, kl, 0.3, 1.0, 0.0, 2.0).failures[0].diagnosis.text
    'right with (m, v) and (n, w) exchanged'
    """
    tolerance = validate.number("tolerance", tolerance, 0.0)
    scale = validate.number("scale", scale, 0.0)
    extra = named(known)
    if inputs and not (callable(a) or callable(b)):
        raise validate.expected("inputs", "none for two arrays", f"{len(inputs)} of them")
    yours, right = _value("a", a, inputs), _value("b", b, inputs)
    title = f"{name_of(a)} = {name_of(b)}" if callable(a) and callable(b) else "a = b"
    if yours.shape != right.shape:
        why = f"expected shape {right.shape}, got {yours.shape}{hint(right.shape, yours.shape)}"
        row = Row("a", State.WRONG, diagnosis=Diagnosis(Kind.SHAPE, why))
        return Report(title, (row,), values=True)
    row, bad = compared(yours, right, tolerance, scale)
    if row.state == State.WRONG:
        names = _names(a, b, len(inputs))
        why = _reason(yours, right, bad, names, inputs, extra)
        if callable(a) and (why.kind if why else None) in GENERAL:
            why = next(_changed(a, right, names, inputs, tolerance, scale), why)
        row = Row("a", row.state, row.error, row.note, row.worst, why)
    return Report(title, (row,), f"allowed {tolerance:.0e} of each entry and of {scale:g}", True)


def _value(name: str, value: Any, inputs: tuple) -> NDArray:
    """An array, or what a function makes of the inputs."""
    made = value(*(_copy(x) for x in inputs)) if callable(value) else value
    return numbers(name, made)


def _copy(x: Any) -> Any:
    return x.copy() if isinstance(x, np.ndarray) else x


def gaps(a: NDArray, b: NDArray) -> NDArray:
    """|a - b|; 0 for equal infinities, nan where a number is missing."""
    with np.errstate(invalid="ignore"):
        gap = np.where(a == b, 0.0, np.abs(a - b))
    return np.where(np.isfinite(gap), gap, np.nan)


def compared(a: NDArray, b: NDArray, tolerance: float, scale: float) -> tuple[Row, NDArray]:
    """(the row of two arrays, which entries are wrong)."""
    gap = gaps(a, b)
    size = np.fmax(np.where(np.isfinite(a), np.abs(a), 0), np.where(np.isfinite(b), np.abs(b), 0))
    bad = ~(gap <= tolerance * (size + scale))
    largest = size.max(initial=0.0)
    error = float(gap.max(initial=0.0) / max(largest, scale)) if max(largest, scale) else 0.0
    note = f"{a.size} entries" if a.size != 1 else "1 entry"
    if bad.any():
        far = np.where(np.isnan(gap), np.inf, gap)
        k = int(np.argmax(np.where(bad, far, -1.0)))
        worst = worst_entry(flat(a, b).part([k]), np.array([True]))
        note = f"{bad.sum()} of {note}" if a.size > 1 else note
        return Row("a", State.WRONG, error, note, worst), bad
    nothing = not b.any() or np.array_equal(a, b)
    if not nothing and tolerance * scale > SMALL * largest:
        return Row("a", State.INCONCLUSIVE, error, note, diagnosis=FAINT), bad
    return Row("a", State.OK, error, note), bad


def flat(yours: NDArray, right: NDArray) -> Comparison:
    """All entries of two arrays, one beside the other."""
    where = [tuple(map(int, index)) for index in np.ndindex(right.shape)]
    g, none = right.ravel(), np.zeros(right.size)
    size = np.where(np.isfinite(g), np.abs(g), 0.0)
    return Comparison(
        "a", where, yours.ravel(), none, g[None], np.full((1, g.size), np.nan), size, none
    )


def _names(a: Any, b: Any, count: int) -> list[str]:
    """What the inputs are called."""
    for function in (a, b):
        try:
            return input_names(function, count)
        except (TypeError, ValueError):  # no function, or written in C
            continue
    return [f"input{k}" for k in range(count)]


def _reason(
    yours: NDArray, right: NDArray, bad: NDArray, names: list[str], inputs: tuple,
    extra: dict[str, NDArray],
) -> Diagnosis | None:  # fmt: skip
    """What the wrong entries look like."""
    known = dict(_near(names, inputs, right)) | extra
    first = next((np.asarray(x) for x in inputs if np.ndim(x)), right)
    rows = len(first) if first.ndim else 0
    seen = Mismatch(flat(yours, right), bad.ravel(), yours, ["a"], rows, lambda c: c * yours, known)
    why = diagnose(seen)
    return why and Diagnosis(why.kind, why.text.replace("gradient", "value"))


def _near(names: list[str], inputs: tuple, right: NDArray) -> Iterator[tuple[str, NDArray]]:
    """The inputs of the shape of the value, and the columns of those with a row for each entry."""
    for name, x in zip(names, inputs, strict=True):
        x = np.asarray(x)
        if x.dtype.kind not in "iuf":
            continue
        if x.shape == right.shape:
            yield name, x.astype(float)
        elif x.ndim == 2 and right.shape == x.shape[:1]:
            for k in range(min(x.shape[1], 8)):
                yield f"{name}[:, {k}]", x[:, k].astype(float)


def _changed(
    a: Callable, right: NDArray, names: list[str], inputs: tuple, tolerance: float, scale: float
) -> Iterator[Diagnosis]:
    """With which change of its inputs the function would be right."""
    for kind, text, some in changes(names, inputs):
        try:
            with np.errstate(all="ignore"):
                found = numbers("a", a(*some))
        except Exception:  # the function may refuse such inputs in any way
            continue
        if found.shape == right.shape and not compared(found, right, tolerance, scale)[1].any():
            yield Diagnosis(kind, text)


def changes(names: list[str], inputs: tuple) -> Iterator[tuple[Kind, str, list]]:
    """(kind, sentence, inputs) with inputs exchanged, transposed, or negated."""
    values = [np.asarray(x) if np.ndim(x) else x for x in inputs]
    half = len(values) // 2
    if len(values) >= 4 and len(values) % 2 == 0:
        first, second = ", ".join(names[:half]), ", ".join(names[half:])
        some = values[half:] + values[:half]
        yield Kind.SWAPPED, f"right with ({first}) and ({second}) exchanged", some
    for i, k in itertools.combinations(range(len(values)), 2):
        if np.shape(values[i]) == np.shape(values[k]) and not callable(values[i]):
            some = list(values)
            some[i], some[k] = some[k], some[i]
            yield Kind.SWAPPED, f"right with {names[i]} and {names[k]} exchanged", some
    for i, x in enumerate(values):
        if np.ndim(x) == 2 and len(x) == len(x[0]):
            some = [v.T if k == i else v for k, v in enumerate(values)]
            yield Kind.TRANSPOSE, f"right with {names[i]} transposed", some
    for i, x in enumerate(values):
        if np.asarray(x).dtype.kind == "f":
            some = [-v if k == i else v for k, v in enumerate(values)]
            yield Kind.ARGUMENT, f"right with -{names[i]} for {names[i]}", some
