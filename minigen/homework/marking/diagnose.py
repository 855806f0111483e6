"""What a mistake looks like: the likely reason of a wrong gradient, value or index."""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.check import Diagnosis, Kind
from minigen.check.comparison import Comparison
from minigen.check.diagnosis import Mismatch, diagnose
from minigen.homework.assignments import Pair, Value
from minigen.homework.marking import reference as ref
from minigen.homework.marking.compare import fits, joined, worst, wrong
from minigen.homework.types import Reference

# What minigen.check finds from numbers alone; a slip at a named quantity says more.
GENERAL = {
    Kind.PLACE, Kind.FACTOR, Kind.HALF, Kind.DOUBLE, Kind.NOT_LINEAR, Kind.SOME_SIGNS, Kind.ZERO,
    Kind.MASK, Kind.CLIPPED, Kind.PERMUTED, Kind.PATH, Kind.OFFSET, Kind.RECIPROCAL, Kind.BRANCH,
}  # fmt: skip
Again = Callable[[float], NDArray]


def gradient(task: Pair, case: ref.Case, i: int, yours: NDArray, bad: NDArray,
             again: Again) -> Iterator[Diagnosis]:  # fmt: skip
    """The possible reasons that the gradient by input `i` is wrong, the likeliest first."""
    ones = ref.Case(case.inputs, case.given, tuple(np.ones_like(v) for v in case.vs))
    if fits(ref.gradients(task.reference, ones)[i], yours):
        text = "ignores its cotangents: this is the gradient with ones for all of them"
        yield Diagnosis(Kind.COTANGENT, text)
    right = ref.gradients(task.reference, case)
    for j, other in enumerate(right):
        if j != i and fits(other, yours) and not fits(-right[i], yours):
            yield Diagnosis(Kind.PERMUTED, f"this is d{task.inputs[j]}: exchanged?")
    with np.errstate(all="ignore"):
        seen = _comparison(task, case, i, yours)
        found = diagnose(Mismatch(seen, bad.ravel(), yours, task.outputs, case.rows, again))
        if found is not None and found.kind not in GENERAL:
            yield found
        yield from _slips_of_gradient(task, case, i, yours)
        if found is not None and found.kind in GENERAL:
            yield found


def _comparison(task: Pair, case: ref.Case, i: int, yours: NDArray) -> Comparison:
    """Every entry of a gradient beside the reference, as minigen.check compares them."""
    shape = np.shape(case.inputs[i])
    jacobians = [row[i] for row in ref.slopes(task.reference, case)]
    parts = np.array([v.ravel() @ j for v, j in zip(case.vs, jacobians, strict=True)])
    ones = np.array([j.sum(axis=0) for j in jacobians])
    size = np.sum(
        [np.abs(v).ravel() @ np.abs(j) for v, j in zip(case.vs, jacobians, strict=True)], axis=0
    )
    flat = yours.ravel()
    places, none = list(np.ndindex(*shape)), np.zeros(flat.size)
    return Comparison(task.inputs[i], places, flat, none, parts, ones, size, none)


def _slips_of_gradient(task: Pair, case: ref.Case, i: int, yours: NDArray) -> Iterator[Diagnosis]:
    """Which slips at a named quantity would give these numbers."""
    of_gradients = _slips(task.reference, case, ref.GRADIENT_SLIPS)
    of_values = (
        (path, f"this is the gradient if {text}")
        for path, text in _slips(task.reference, case, ref.VALUE_SLIPS)
    )
    for path, text in itertools.chain(of_gradients, of_values):
        if _would_give(task.reference, case, i, yours, path):
            yield Diagnosis(Kind.VALUE, text)


def _would_give(reference: Reference, case: ref.Case, i: int, yours: NDArray,
                path: ref.Path) -> bool:  # fmt: skip
    """Whether a slip gives this gradient: along one direction first, which is cheap."""
    u = np.random.default_rng(0).standard_normal(yours.shape)
    slope, mine = _attempt(ref.along, reference, case, i, u, path), np.sum(u * yours)
    if slope is None or not abs(slope - mine) <= 1e-7 * (abs(slope) + abs(mine)):
        return False
    guess = _attempt(ref.gradients, reference, case, path)
    return guess is not None and fits(guess[i], yours)


def _slips(reference: Reference, case: ref.Case,
           texts: dict[str, str]) -> Iterator[tuple[ref.Path, str]]:  # fmt: skip
    """(path, sentence) of each slip at each quantity."""
    for name, kind in ref.names(reference, case).items():
        for slip, text in texts.items():
            if (kind == "product") == (slip in ref.OF_PRODUCT) and (
                kind == "one" or slip not in ref.OF_ONE
            ):
                yield ref.Path(name, slip, case.rows or 1), text.format(name)


def _attempt(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result, or None where a slip makes no sense for the shapes."""
    try:
        return function(*arguments)
    except (ValueError, IndexError, TypeError):
        return None


def value(task: Pair | Value, case: ref.Case, k: int, outs: Sequence[NDArray]) -> Iterator[str]:
    """The possible reasons that output `k` of a function is wrong, the likeliest first.

    No slip is one that would make an output wrong which is right.
    """
    every, yours = ref.run(task.reference, case), outs[k]
    right = every[k]
    if right.dtype.kind in "ib":
        yield from filter(None, [_integer(right, yours)])
        return
    if not np.all(np.isfinite(yours)):
        yield f"{np.count_nonzero(~np.isfinite(yours))} of {yours.size} entries are not finite"
        return
    if np.all(np.abs(yours - right) <= 1e-5 * np.abs(right).max(initial=0)):
        yield "almost right: float32 or a small constant in the middle?"
    kept = [j for j, (a, b) in enumerate(zip(outs, every, strict=True)) if j != k and fits(b, a)]
    for path, text in _slips(task.reference, case, ref.VALUE_SLIPS):
        guess = _attempt(ref.run, task.reference, case, path)
        if guess is not None and all(fits(guess[j], outs[j]) for j in (k, *kept)):
            yield text
    for factor, text in _factors(case, right):
        if fits(factor * right, yours):
            yield text
    yield from filter(None, [_pattern(right, yours)])


def outputs(task: Pair | Value, outs: dict[ref.Case, Sequence[NDArray]]) -> str | None:
    """Why the outputs of some cases are wrong, or None; a reason is that of all wrong cases."""
    wrongs: dict[ref.Case, tuple[int, NDArray]] = {}
    for case in ref.largest_first(outs):
        out = outs[case]
        if len(out) != len(task.outputs):
            wanted = ", ".join(task.outputs)
            less = isinstance(task, Pair) and len(out) == len(task.outputs) - 1
            hint = f" before the cache: return {wanted}, cache" if less else ""
            return f"expected {len(task.outputs)} outputs ({wanted}), got {len(out)}{hint}"
        expected = ref.run(task.reference, case)
        for k, (name, yours, right) in enumerate(zip(task.outputs, out, expected, strict=True)):
            bad = wrong(yours, right)
            if isinstance(bad, str):
                return f"{name}: {bad}"
            if bad.any():
                wrongs[case] = k, bad
                break
    if not wrongs:
        return None
    case, (k, bad) = next(iter(wrongs.items()))
    right = ref.run(task.reference, case)[k]
    same = [c for c, (at, _) in wrongs.items() if at == k]
    telling = [c for c in same if outs[c][k].size > 1] or same
    if not any(outs[c][k].any() for c in same):  # many slips would give that
        why = "zero everywhere"
    else:
        why = common([[*value(task, c, k, outs[c])] for c in telling], str)
    return joined(worst(task.outputs[k], outs[case][k], right, bad), why)


def common(ways: Sequence[Sequence[Any]], text: Callable[[Any], str]) -> Any:
    """The first of the reasons of one case that is a reason of every case, numbers apart."""

    def plain(reason: Any) -> str:
        return re.sub(r"[+-]?[\d.]+(e[+-]\d+)?(, \d+)*", "#", text(reason))

    others = [{plain(reason) for reason in way} for way in ways[1:]]
    return next((r for r in ways[0] if all(plain(r) in other for other in others)), None)


def _factors(case: ref.Case, right: NDArray) -> Iterator[tuple[float, str]]:
    """Factors by which a value is often off."""
    n, d = case.rows, right.shape[-1] if right.ndim > 1 else 0
    yield -1, "the sign: minus yours is right"
    yield 2, "twice the right one"
    yield 0.5, "half the right one"
    columns = np.shape(case.inputs[0])[-1] if case.inputs and case.rows and not right.ndim else 0
    for size, text in ((n, "N"), (d, f"its {d} columns"), (columns, "the columns"),
                       (n * columns, "all entries")):  # fmt: skip
        if size > 1:
            yield size, f"too large by the factor {size} ({text}): a sum in place of a mean?"
            yield 1 / size, f"too small by the factor {size} ({text}): a mean in place of a sum?"


def _rearranged(right: NDArray, yours: NDArray) -> str | None:
    """Whether the right entries stand in other places."""
    square = right.ndim == 2 and right.shape[0] == right.shape[1]
    if square and fits(right.T, yours):
        return "the transpose of the right one"
    if right.ndim and fits(right[..., ::-1], yours):
        return "the right numbers in the reverse order"
    return None


def _pattern(right: NDArray, yours: NDArray) -> str | None:
    """Patterns that need no reference."""
    if text := _rearranged(right, yours):
        return text
    off = yours - right
    if off.size > 1 and np.ptp(off) <= 1e-9 * np.abs(right).max(initial=1):
        return f"off by a constant: {off.flat[0]:+.6g}"
    good = ~np.asarray(wrong(yours, right))
    if right.ndim == 2 and good.any():
        columns = np.flatnonzero(~good.all(axis=0))
        if len(columns) < right.shape[1]:
            return f"wrong only in column {', '.join(map(str, columns))}"
    return None


def _integer(right: NDArray, yours: NDArray) -> str | None:
    """The likely reason for wrong indices or masks."""
    off = yours.astype(np.int64) - right
    if np.ptp(off) == 0:
        return f"off by {int(off.flat[0]):+d} everywhere: counted from 0 or from 1?"
    if text := _rearranged(right, yours):
        return text
    if np.array_equal(1 - right, yours):
        return "0 and 1 exchanged"
    if not set(np.unique(right)) <= {0, 1} or np.any(np.abs(off) > 1):
        return None
    if np.all(off >= 0):
        return f"{off.sum()} ones too many, none too few: >= in place of >, or degrees off by one?"
    if np.all(off <= 0):
        return f"{-off.sum()} ones too few, none too many: > in place of >=, or degrees off by one?"
    return "ones in other places"
