"""Gradients that cannot be compared: missing, of another shape, of another type."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.check.report import Diagnosis, Kind, Row, State


def misshapen(points: Mapping[str, NDArray], yours: Mapping[str, Any]) -> list[Row]:
    """A row for each array whose gradient is not an array of its shape and type."""
    found = {name: _fault(a, yours.get(name), name in yours) for name, a in points.items()}
    extra = Diagnosis(Kind.EXTRA, "there is no such array")
    found |= {name: extra for name in yours if name not in points}
    return [Row(name, State.WRONG, diagnosis=d) for name, d in found.items() if d]


def _fault(array: NDArray, g: Any, given: bool) -> Diagnosis | None:
    """What is wrong with the form of a gradient, or None."""
    if not given:
        return Diagnosis(Kind.MISSING, "expected a gradient, got none at this path")
    shape, dtype = np.shape(g), np.asarray(g).dtype
    if shape != array.shape:
        text = f"expected shape {array.shape}, got {shape}{hint(array.shape, shape)}"
        return Diagnosis(Kind.SHAPE, text)
    if dtype != array.dtype:
        text = f"expected {array.dtype}, got {dtype}: does a line of backward change the type?"
        return Diagnosis(Kind.DTYPE, text)
    return None


def hint(expected: tuple[int, ...], got: tuple[int, ...]) -> str:
    """The likely reason of a wrong shape, or nothing."""
    if [n for n in got if n != 1] == [n for n in expected if n != 1]:
        return ": an axis of length 1 lost or added?"
    if got[1:] == expected:
        return ": not summed over the batch?"
    if got == expected[::-1]:
        return ": the transpose?"
    return ""
