"""A backward pass written as a plain function."""

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minigen.check.gradient_check import gradient_rows
from minigen.check.plain import Method, Plain, function_of, name_of, settled, unexplained
from minigen.check.probe import Probe, input_names
from minigen.check.report import Diagnosis, Kind, Report, State
from minigen.core import validate
from minigen.core.signature import checked


@checked
def vjp(
    forward: Callable, backward: Callable, *inputs: ArrayLike,
    rng: np.random.Generator | None = None, method: Method = "auto",
) -> Report:  # fmt: skip
    """Check that a function `backward` is the backward pass of a function `forward`.

    backward(v, *inputs) = v . d forward / d inputs for a random v, entry by entry, as `gradients`
    does for a layer.

    Parameters
    ----------
    forward : callable
        *inputs -> y, or a tuple of arrays.
    backward : callable
        dy, *inputs -> dx, or a tuple with a gradient for each input; with several outputs their
        cotangents come first, one after the other.
    *inputs : array_like
        The point, in floating numbers. Whole numbers (labels, indices) are handed on and not
        differentiated; their gradient is None, or left out at the end.
    rng : numpy.random.Generator, optional
        Draws v; the same draw every time unless given.
    method : {"auto", "complex", "richardson"}
        The reference, as in `gradients`.

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
    >>> def outer(x, y):
    ...     return x[:, None] * y
    >>> def back(dz, x, y):
    ...     return dz @ y, dz @ x
    >>> x, y = rng.standard_normal((2, 3))
    >>> report = mg.check.vjp(outer, back, x, y)
    >>> bool(report), report.failures[0].name
    (False, 'dy')
    >>> bool(mg.check.vjp(outer, lambda dz, x, y: (dz @ y, x @ dz), x, y))
    True
    """
    rng = settled(rng)
    function_of("forward", forward)
    function_of("backward", backward)
    values = [validate.array(f"inputs[{k}]", x) for k, x in enumerate(inputs)]
    moving = [k for k, x in enumerate(values) if x.dtype.kind == "f"]
    if not moving:
        raise validate.expected("inputs", "an array of floating numbers", "none")

    def whole(some: tuple) -> list:
        parts = dict(zip(moving, some, strict=True))
        return [parts.get(k, x) for k, x in enumerate(values)]

    @_named_like(forward, moving, len(values))
    def push(*some: Any) -> Any:
        return forward(*whole(some))

    def pull(*args: Any) -> list:
        count = len(args) - len(moving)
        grads = backward(*args[:count], *whole(args[count:]))
        grads = list(grads) if isinstance(grads, (tuple, list)) else [grads]
        fixed = [k for k in range(len(grads)) if k not in moving and k < len(values)]
        if any(grads[k] is not None for k in fixed):
            what = f"None for inputs[{fixed[0]}], whole numbers that have no gradient"
            raise validate.expected("backward", what, "a gradient")
        return [g for k, g in enumerate(grads) if k not in fixed]

    def with_change(change: Callable, *args: Any) -> Any:
        return change(pull, args)

    moved = [values[k] for k in moving]
    rows, note = gradient_rows(Probe.of(Plain(push, pull), moved, {}), rng, method)
    if any(unexplained(row) for row in rows):
        names = [f"d{name}" for name in inspect.signature(push).parameters]
        for kind, text, change in _turned(names, moved):
            probe = Probe.of(Plain(push, functools.partial(with_change, change)), moved, {})
            with contextlib.suppress(Exception):  # backward may refuse these shapes in any way
                other = {row.name: row.state for row in gradient_rows(probe, rng, method)[0]}
                rows = [
                    replace(row, diagnosis=Diagnosis(kind, text))
                    if unexplained(row) and other[row.name] == State.OK else row
                    for row in rows
                ]  # fmt: skip
    return Report(f"backward pass of {name_of(forward)}", tuple(rows), note)


def _turned(names: list[str], inputs: list) -> Iterator[tuple[Kind, str, Callable]]:
    """(kind, sentence, change): what `backward` may have taken the wrong way round.

    change(backward, args) calls it otherwise: with a square matrix transposed, or with the last
    axes of the cotangent and of the gradients in the opposite order.
    """
    for k, (name, x) in enumerate(zip(names, inputs, strict=True), start=-len(names)):
        if x.ndim == 2 and len(x) == x.shape[1]:
            text = f"right with {name.removeprefix('d')} transposed in backward"
            yield Kind.TRANSPOSE, text, functools.partial(_with_turned, k)
    yield Kind.TRANSPOSE, "right with dy transposed in backward", functools.partial(_with_turned, 0)
    text = "right in the opposite order of the last axis, of dy and of this: is a flip missing?"
    yield Kind.PERMUTED, text, _with_flipped


def _with_turned(k: int, backward: Callable, args: tuple) -> list:
    return backward(*(a.T if i == k % len(args) else a for i, a in enumerate(args)))


def _with_flipped(backward: Callable, args: tuple) -> list:
    return [g if g is None else np.flip(g, -1) for g in backward(np.flip(args[0], -1), *args[1:])]


def _named_like(forward: Callable, moving: list[int], count: int) -> Callable:
    """Decorator: the signature of `forward`, of which only some inputs move."""

    def bound(push: Callable) -> Callable:
        with_names = functools.partial(inspect.Parameter, kind=inspect.Parameter.POSITIONAL_ONLY)
        try:
            names = input_names(forward, count)
        except (TypeError, ValueError):  # written in C
            names = [f"input{k}" for k in range(count)]
        parameters = [with_names(names[k]) for k in moving]
        setattr(push, "__signature__", inspect.Signature(parameters))  # noqa: B010
        return push

    return bound
