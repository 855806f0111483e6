"""Where a NaN was born: the first layer whose output is not finite."""

import copy

import numpy as np

from minigen.core.tree import branches


class NotFinite(FloatingPointError):
    """A value that must not exist."""


def blame(loss, inputs, given):
    """Run the forward pass again and name the layer that first gives a NaN or an infinity."""
    try:
        with np.errstate(all="ignore"):
            watched(loss, "").forward(*inputs, **given)
    except NotFinite as error:
        return str(error)
    return "the forward pass is finite: the gradient is not"


def watched(node, path):
    """A copy of a layer whose every part checks what its forward returns."""
    twin = copy.copy(node)
    for name, value in vars(node).items():
        below = branches(value)
        parts = {k: watched(v, f"{path}.{name}.{k}".strip(".")) for k, v in below.items()}
        if parts:
            new = parts[""] if "" in parts else tuple(parts.values())
            object.__setattr__(twin, name, new)
    if hasattr(node, "forward"):
        object.__setattr__(twin, "forward", watch(twin.forward, type(node).__name__, path))
    return twin


def watch(forward, kind, path):
    """`forward`, raising when an output is not finite."""

    def run(*inputs, **given):
        results = forward(*inputs, **given)
        for output in results[:-1]:
            if not np.isfinite(output).all():
                raise NotFinite(f"{kind} at {path or 'the top'} gives {worst(output)}")
        return results

    return run


def worst(output):
    """The first value that is not finite, and where."""
    where = tuple(int(i) for i in np.argwhere(~np.isfinite(np.atleast_1d(output)))[0])
    return f"{np.atleast_1d(output)[where]} at index {where}"
