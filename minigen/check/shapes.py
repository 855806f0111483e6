"""Gradients that cannot be compared: missing, of another shape, of another type."""

import numpy as np

from minigen.check.report import WRONG, Row


def misshapen(points, yours):
    """A row for each array whose gradient is not an array of its shape and type."""
    rows = [
        Row(name, WRONG, why=fault(a, yours.get(name), name in yours)) for name, a in points.items()
    ]
    extra = [
        Row(name, WRONG, why=": there is no such array") for name in yours if name not in points
    ]
    return [row for row in rows if row.why] + extra


def fault(array, g, given):
    """What is wrong with the form of a gradient, or ""."""
    if not given:
        return ": expected a gradient, got none at this path"
    shape, kind = np.shape(g), np.asarray(g).dtype
    if shape != array.shape:
        return f": expected shape {array.shape}, got {shape}{hint(array.shape, shape)}"
    if kind != array.dtype:
        return f": expected {array.dtype}, got {kind}: does a line of backward change the type?"
    return ""


def hint(expected, got):
    """What may have gone wrong with a shape."""
    if [n for n in got if n != 1] == [n for n in expected if n != 1]:
        return ": an axis of length 1 lost or added?"
    if got[1:] == expected:
        return ": not summed over the batch?"
    if got == expected[::-1]:
        return ": the transpose?"
    return ""
