"""Plain functions of arrays, as the checks take them."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from minigen.check.report import Kind, Row, State
from minigen.core import validate

Method = Literal["auto", "complex", "richardson"]


class Plain:
    """Functions as a layer: `forward` with the names of its inputs, `backward(*dys, inputs)`."""

    def __init__(self, forward: Callable, backward: Callable | None = None) -> None:
        self.function, self.pullback = forward, backward

    @property
    def forward(self) -> Callable:
        """The function, with the signature it came with; the cache is its inputs."""

        def push(*inputs: Any) -> tuple:
            kept = tuple(x.copy() if isinstance(x, np.ndarray) else x for x in inputs)
            outputs = self.function(*inputs)
            outputs = outputs if isinstance(outputs, tuple) else (outputs,)
            return (*outputs, kept)

        try:
            signature = inspect.signature(self.function)
        except (TypeError, ValueError):  # written in C
            return push
        setattr(push, "__signature__", signature)  # noqa: B010
        return push

    def backward(self, *cotangents: Any) -> tuple:
        """The gradients of the inputs, and {}."""
        assert self.pullback is not None
        *dys, inputs = cotangents
        grads = self.pullback(*dys, *inputs)
        grads = grads if isinstance(grads, (tuple, list)) else (grads,)
        return (*grads, {})


def name_of(function: Any) -> str:
    """What to call a function in a report."""
    return getattr(function, "__name__", type(function).__name__)


def function_of(name: str, value: Any) -> Callable:
    """`value`, a function."""
    if not callable(value):
        raise validate.wrong_type(name, "a function of arrays", type(value).__name__)
    return value


def settled(rng: np.random.Generator | None) -> np.random.Generator:
    """The generator given, or one that is the same every time."""
    return np.random.default_rng(0) if rng is None else validate.generator(rng)


def numbers(name: str, value: Any) -> NDArray:
    """What a function returned, as an array of real numbers, finite or not."""
    try:
        out = np.asarray(value)
    except ValueError as error:
        raise validate.expected(name, "an array", f"ragged rows ({error})") from None
    if out.dtype.kind not in "iuf":
        raise validate.wrong_type(name, "an array of real numbers", f"dtype {out.dtype}")
    return out.astype(np.float64)


def named(known: Mapping[str, Any] | None) -> dict[str, NDArray]:
    """The known arrays by name."""
    if known is not None and not isinstance(known, Mapping):
        raise validate.wrong_type("known", "a dict of arrays", type(known).__name__)
    return {str(name): numbers(f"known[{name!r}]", q) for name, q in (known or {}).items()}


def unexplained(row: Row) -> bool:
    """Whether a row is wrong and nothing more particular is known than where."""
    general = (None, Kind.PLACE, Kind.PERMUTED, Kind.SOME_SIGNS)
    return row.state == State.WRONG and (row.diagnosis and row.diagnosis.kind) in general
