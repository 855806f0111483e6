"""Find the first layer with a non-finite output."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.tree import branches


class NotFinite(FloatingPointError):
    """Raised for NaN or infinity in training."""


def explain(loss: Any, inputs: tuple[NDArray, ...], given: dict[str, Any]) -> str:
    """Run the forward pass again and name the layer that first gives a NaN or an infinity."""
    try:
        with np.errstate(all="ignore"):
            watched(loss, "").forward(*inputs, **given)
    except NotFinite as error:
        return str(error)
    return "the forward pass is finite: the gradient is not"


def watched(node: Any, path: str) -> Any:
    """A copy of a layer whose every part checks what its forward returns."""
    twin = copy.copy(node)
    for name, value in vars(node).items():
        below = branches(value)
        parts = {k: watched(v, f"{path}.{name}.{k}".strip(".")) for k, v in below.items()}
        if parts:
            new = parts[""] if "" in parts else tuple(parts.values())
            object.__setattr__(twin, name, new)
    for method in ("forward", "inverse"):
        if hasattr(node, method):
            checked = watch(getattr(twin, method), type(node).__name__, path)
            object.__setattr__(twin, method, checked)
    return twin


def watch(forward: Callable, kind: str, path: str) -> Callable:
    """`forward`, raising when an output is not finite."""

    def run(*inputs: NDArray, **given: Any) -> Any:
        results = forward(*inputs, **given)
        for output in map(np.atleast_1d, results[:-1]):
            bad = ~np.isfinite(output)
            if bad.any():
                where = validate.first(bad)
                place = f"{kind} at {path or 'the top'}"
                raise NotFinite(f"{place} gives {output[where]} at index {where}")
        return results

    return run
