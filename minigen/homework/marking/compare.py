"""One array against the expected one: which entries are wrong, and the worst in words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

RELATIVE, ABSOLUTE = 1e-11, 1e-12  # central differences reach 1e-9 to 1e-11, rounding 1e-14


def wrong(yours: NDArray, right: ArrayLike, floor: float = 0.0) -> NDArray | str:
    """A mask of the wrong entries, or why the arrays cannot be compared."""
    expected = np.asarray(right)
    if yours.shape != expected.shape:
        return f"expected shape {expected.shape}, got {yours.shape}{_shape_hint(yours, expected)}"
    if expected.dtype.kind in "ib":
        return ~(yours == expected)
    if yours.dtype.kind == "c":
        return "expected real numbers, got complex ones"
    if yours.dtype == np.float32:
        return "expected float64, got float32"
    scale = max(np.abs(expected).max(initial=0), floor)
    with np.errstate(all="ignore"):
        return ~(np.abs(yours - expected) <= RELATIVE * np.abs(expected) + ABSOLUTE * scale)


def _shape_hint(yours: NDArray, expected: NDArray) -> str:
    """What a wrong shape may come from."""
    if yours.ndim == expected.ndim + 1 and yours.shape[1:] == expected.shape:
        return ": not summed over the batch?"
    if yours.ndim + 1 == expected.ndim and yours.shape == expected.shape[1:]:
        return ": summed over the batch?"
    return ": the transpose?" if yours.ndim == 2 and yours.T.shape == expected.shape else ""


def worst(name: str, yours: NDArray, right: ArrayLike, bad: NDArray) -> str:
    """The worst entry in words."""
    expected = np.asarray(right)
    with np.errstate(all="ignore"):
        gap = np.where(bad, np.abs(yours.astype(float) - expected), -1.0)
    index = np.unravel_index(np.argmax(np.where(np.isnan(gap), np.inf, gap)), bad.shape)
    place = f"[{', '.join(map(str, map(int, index)))}]" if bad.ndim else ""
    form = "" if expected.dtype.kind in "ib" else "+.6g"
    mine, theirs = (format(a[index].item(), form) for a in (yours, expected))
    return f"{name}{place}: yours {mine}, expected {theirs} ({bad.sum()} of {bad.size} wrong)"


def fits(guess: ArrayLike, yours: NDArray) -> bool:
    """Whether yours is `guess` to nine figures."""
    guess = np.asarray(guess)
    if guess.shape != yours.shape or not np.all(np.isfinite(guess)):
        return False
    scale = np.abs(guess).max(initial=0)
    return bool(np.all(np.abs(yours - guess) <= 1e-9 * np.abs(guess) + 1e-10 * scale))


def joined(*texts: str | None) -> str:
    """The texts that there are, one below the other."""
    return "\n".join(filter(None, texts))


def same(a: Sequence[NDArray], b: Sequence[NDArray]) -> bool:
    """Whether two lists of arrays are equal up to rounding.

    Some matrix products and sums round by where their operands lie in memory: a call that is made
    again need not give the same bytes.
    """
    return len(a) == len(b) and all(map(_same, a, b))


def _same(x: NDArray, y: NDArray) -> bool:
    if x.dtype.kind not in "fc" or y.dtype.kind not in "fc":
        return np.array_equal(x, y)
    scale = np.abs(x[np.isfinite(x)]).max(initial=0)
    return x.shape == y.shape and np.allclose(x, y, RELATIVE, ABSOLUTE * scale, equal_nan=True)
