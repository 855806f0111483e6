"""A derivative written as a plain function."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.check.comparison import Comparison, Slopes, compare
from minigen.check.diagnosis import Mismatch, diagnose
from minigen.check.evaluation import Evaluation
from minigen.check.gradient_check import worst_entry
from minigen.check.plain import (
    Method,
    Plain,
    function_of,
    name_of,
    named,
    numbers,
    settled,
    unexplained,
)  # fmt: skip
from minigen.check.probe import Probe
from minigen.check.reference import choose
from minigen.check.report import Diagnosis, Kind, Report, Row, State
from minigen.check.tolerance import decide
from minigen.core import validate
from minigen.core.signature import checked

OUTPUTS, ENTRIES = 50, 400  # rows of a Jacobian, and entries of each, that are checked


@checked
def derivative(
    f: Callable, df: Callable, x: ArrayLike, *, rng: np.random.Generator | None = None,
    method: Method = "auto", known: Mapping[str, ArrayLike] | None = None,
) -> Report:  # fmt: skip
    """Check that the function `df` is the derivative of the function `f` at x.

    The shape of df(x) says what kind of derivative it is: that of x and f(x) for a function of
    single numbers; that of x for a number f(x), or for one number a row of x; and f(x).shape +
    x.shape for a whole Jacobian, or (N, E, D) for one a row. Judged by the complex step, or by
    Richardson's differences with an estimate of their error where `f` is not complex-clean; what
    these cannot decide is inconclusive.

    Parameters
    ----------
    f, df : callable
        Functions of one array.
    x : array_like
        The point; many different numbers see more than one.
    rng : numpy.random.Generator, optional
        Draws signs, and the entries of large arrays; the same every time unless given.
    method : {"auto", "complex", "richardson"}
        The reference, as in `gradients`.
    known : dict of arrays, optional
        Quantities by name, of the shape of df(x): a wrong derivative is compared with them. x and
        f(x) are known where they have this shape.

    Returns
    -------
    Report
        False if anything is wrong or inconclusive; as text it says where, by how much, and what
        the wrong numbers look like.

    Raises
    ------
    InvalidInput
        If an argument is not of the expected form.

    Examples
    --------
    >>> x = rng.standard_normal((4, 3))
    >>> bool(mg.check.derivative(np.sin, np.cos, x))
    True
    >>> report = mg.check.derivative(lambda x: np.exp(-x), lambda x: np.exp(-x), x)
    >>> report.failures[0].diagnosis.text
    'the sign: minus yours is right'
    """
    rng = settled(rng)
    function_of("f", f)
    function_of("df", df)
    x = validate.array("x", x, dtype=np.float64)
    extra = named(known)
    y, d = numbers("f", f(x.copy())), numbers("df", df(x.copy()))
    title = f"derivative of {name_of(f)}"
    layout = _layout(x, y, d)
    if layout is None:
        return Report(title, (_misshapen(x, y, d),))
    if not np.all(np.isfinite(y)):
        at = ", ".join(map(str, validate.first(~np.isfinite(y))))
        why = Diagnosis(Kind.NOT_FINITE, f"f(x) is {y[~np.isfinite(y)][0]}, first at [{at}]")
        return Report(title, (Row("df", State.INCONCLUSIVE, diagnosis=why),))
    probe = Probe.of(Plain(f), (x,), {})
    run = Evaluation(probe, [y], [np.ones(y.shape)], {}, choose(probe, method, rng), rng)
    row = _row(layout, run, d, {"x": x, "f(x)": y} | extra)
    for text, point in (("-x", -x), ("f(x)", y)):
        if unexplained(row) and point.shape == x.shape:
            with contextlib.suppress(Exception):  # df may refuse this point in any way
                other = numbers("df", df(point.copy()))
                if _row(layout, run, other, {}).state == State.OK:
                    why = Diagnosis(Kind.ARGUMENT, f"right at {text} in place of x")
                    row = replace(row, diagnosis=why)
    return Report(title, (row,), run.reference.note, values=True)


@dataclass(frozen=True, eq=False)
class _Pattern:
    """One cotangent v of f(x), and the part of df that is v . df / dx: signs times d[at]."""

    v: NDArray
    signs: NDArray
    at: tuple


def _layout(x: NDArray, y: NDArray, d: NDArray) -> str | None:
    """How the axes of df are those of f and x."""
    if d.shape == y.shape + x.shape:
        return "whole"
    if d.shape == x.shape and (y.shape == x.shape or (x.ndim > 1 and y.shape == x.shape[:1])):
        return "entries"
    by_row = x.ndim == y.ndim == 2 and len(x) == len(y)
    return "rows" if by_row and d.shape == (*y.shape, x.shape[1]) else None


def _misshapen(x: NDArray, y: NDArray, d: NDArray) -> Row:
    """The row of a derivative of a shape that means nothing."""
    shapes = [y.shape + x.shape]
    if y.shape == x.shape or (x.ndim > 1 and y.shape == x.shape[:1]):
        shapes.insert(0, x.shape)
    turned = d.shape == x.shape + y.shape
    what = " or ".join(map(str, dict.fromkeys(shapes)))
    text = f"expected shape {what}, got {d.shape}{': the transpose?' if turned else ''}"
    return Row("df", State.WRONG, diagnosis=Diagnosis(Kind.SHAPE, text))


def _patterns(layout: str, y: NDArray, x: NDArray, rng: np.random.Generator) -> Iterator[_Pattern]:
    """The cotangents that a layout needs."""
    signs = rng.choice([-1.0, 1.0], y.shape)
    if layout == "entries":
        spread = signs if y.shape == x.shape else signs.reshape(-1, *[1] * (x.ndim - 1))
        yield _Pattern(signs, np.broadcast_to(spread, x.shape), ())
    elif layout == "rows":
        for e in range(y.shape[1]):
            v = np.zeros(y.shape)
            v[:, e] = signs[:, e]
            yield _Pattern(v, np.broadcast_to(signs[:, e, None], x.shape), (slice(None), e))
    else:
        chosen = range(y.size)
        if y.size > OUTPUTS:
            chosen = np.sort(rng.choice(y.size, OUTPUTS, replace=False))
        for i in chosen:
            index = tuple(int(k) for k in np.unravel_index(i, y.shape))
            v = np.zeros(y.shape)
            v[index] = 1.0
            yield _Pattern(v, np.ones(x.shape), index)


@np.errstate(all="ignore")  # numbers that are not finite are reported, not warned of
def _row(layout: str, run: Evaluation, d: NDArray, known: dict[str, NDArray]) -> Row:
    """The row of all patterns together."""
    x, y = run.probe.points[next(iter(run.probe.points))], run.outputs[0]
    name = next(iter(run.probe.points))
    found, states, doubt = [], [], None
    for pattern in _patterns(layout, y, x, run.rng):
        part = np.asarray(pattern.signs * d[pattern.at])
        now = replace(run, cotangents=[pattern.v])
        comparison = compare(Slopes.at_entries(name, part, ENTRIES, run.rng), now)
        state, why = decide(comparison, now)
        doubt = doubt or why
        states.append(state)
        found.append(_unsigned(comparison, pattern, y.ndim))
    whole = _joined(found)
    states = np.concatenate(states)
    note = "1 entry" if d.size == 1 else f"{d.size} entries"
    note += f", {len(states)} of them checked" * (len(states) < d.size)
    order = (State.WRONG, State.INCONCLUSIVE, State.OK)
    state = next((s for s in order if np.any(states == s)), State.OK)
    error = float(whole.gap.max(initial=0) / (whole.scale or 1.0))
    if state == State.OK:
        return Row("df", state, error, note)
    bad = states == state
    note = f"{bad.sum()} of {note}" if d.size > 1 else note
    again = functools.partial(np.multiply, d)
    seen = Mismatch(whole, bad, d, ["f"], len(x) if x.ndim else 0, again, known)
    why = doubt if state == State.INCONCLUSIVE else None
    why = why or _not_single(layout, run, name) or diagnose(seen)
    why = why and Diagnosis(why.kind, why.text.replace("gradient", "derivative"))
    return Row("df", state, error, note, worst_entry(whole, bad), why)


def _not_single(layout: str, run: Evaluation, name: str) -> Diagnosis | None:
    """That f is no function of single numbers, or of single rows, where df says it is."""
    x, y = run.probe.points[name], run.outputs[0]
    if layout == "whole" or x.size < 2 or len(x) < 2:
        return None
    u = np.zeros(x.shape)
    u[(0,) * x.ndim if y.shape == x.shape and layout == "entries" else 0] = 1.0
    slope = np.abs(run.reference.along({name: u})[0][0])
    outside = u == 0 if u.shape == y.shape and layout == "entries" else np.arange(len(y)) > 0
    if np.max(slope[outside], initial=0.0) <= 1e-6 * np.max(slope, initial=0.0):
        return None
    what = "entries" if y.shape == x.shape and layout == "entries" else "rows"
    text = f"f(x) depends on other {what} of x: its derivative is a Jacobian of shape"
    return Diagnosis(Kind.SHAPE, f"{text} {y.shape + x.shape}")


def _unsigned(comparison: Comparison, pattern: _Pattern, axes: int) -> Comparison:
    """The comparison without the signs of its cotangent, at the places of df."""
    signs = np.array([pattern.signs[index] for index in comparison.where])
    where = [_place(pattern.at, index) for index in comparison.where]
    parts = signs * comparison.parts
    nothing = np.full(parts.shape, np.nan)
    return replace(
        comparison, name="df", where=where, yours=signs * comparison.yours, parts=parts,
        ones=nothing,
    )  # fmt: skip


def _place(at: tuple, index: tuple) -> tuple:
    """The index in df of an index in a part of it."""
    if at and isinstance(at[0], slice):  # (:, e) of a Jacobian a row
        return (index[0], at[1], *index[1:])
    return at + index


def _joined(parts: list[Comparison]) -> Comparison:
    """Several comparisons as one."""
    fields = {
        name: np.concatenate([getattr(c, name) for c in parts], axis=-1)
        for name in ("yours", "norm", "parts", "ones", "size", "error")
    }
    return Comparison("df", [w for c in parts for w in c.where], **fields)
