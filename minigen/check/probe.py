"""What is checked: a layer and the point it is checked at, in any precision.

The layer is anything with a `forward` and a `backward` that keep the contract. Its arrays are
found in one of two ways:

- a dataclass whose arrays are marked `param()`: `core.tree` rebuilds it with others;
- any other object: it is copied deeply, and every array that its `params` lists is replaced
  wherever the copy holds it (`self.W`, `self.params["W"]`, inside another object).
"""

import contextlib
import copy
import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core import tree, validate


def params(layer: Any) -> dict[str, NDArray]:
    """{path: array} of the trained arrays, by `layer.params`; {} for an object without."""
    found = getattr(layer, "params", {})
    if not isinstance(found, dict):
        raise validate.wrong_type("params", "a dict of arrays", type(found).__name__)
    leaves = tree.flatten(found)
    for path, leaf in leaves.items():
        if not isinstance(leaf, np.ndarray):
            raise validate.wrong_type(f"params.{path}", "an array", type(leaf).__name__)
    return leaves


def _is_tree(layer: Any, leaves: Mapping[str, NDArray]) -> bool:
    """Whether `core.tree` knows every array that `layer.params` lists."""
    return dataclasses.is_dataclass(layer) and (
        tree.flatten(tree.params(layer)).keys() >= leaves.keys()
    )


def _with_params(layer: Any, leaves: Mapping[str, NDArray], new: Mapping[str, NDArray]) -> Any:
    """A copy of the layer that computes with the arrays of `new` in place of its `leaves`."""
    if _is_tree(layer, leaves):
        return tree.rebuild(layer, new)
    twin = copy.deepcopy(layer, {id(a): new[path] for path, a in leaves.items()})
    for path, array in params(twin).items():
        if array is not new[path]:
            what = "the array the layer computes with"
            raise validate.wrong_type(f"params.{path}", what, "a copy made by `params`")
    return twin


def _in_dtype(layer: Any, dtype: DTypeLike) -> Any:
    """A copy of the layer with parameters, and kept arrays where they are known, in `dtype`."""
    leaves = params(layer)
    if _is_tree(layer, leaves):
        return tree.astype(layer, dtype)
    return _with_params(layer, leaves, {path: a.astype(dtype) for path, a in leaves.items()})


BACKWARD = {"forward": "backward", "inverse": "inverse_backward"}


@dataclass(frozen=True, eq=False)
class Probe:
    """A layer, its inputs by name, what is given, and the direction: "forward" or "inverse"."""

    layer: Any
    inputs: dict[str, NDArray]
    given: dict[str, Any]
    direction: str = "forward"

    @classmethod
    def of(
        cls, layer: Any, inputs: Iterable[ArrayLike], given: Mapping[str, Any],
        dtype: DTypeLike = np.float64, direction: str = "forward",
    ) -> "Probe":  # fmt: skip
        """The layer, the inputs and the floating arrays among the given, copied to `dtype`."""
        inputs = tuple(inputs)
        method = getattr(validate.methods("layer", layer, direction), direction)
        names = input_names(method, len(inputs))
        arrays = {
            name: validate.array(name, x).astype(dtype)
            for name, x in zip(names, inputs, strict=True)
        }
        given = {name: _cast(value, dtype) for name, value in given.items()}
        return cls(_in_dtype(layer, dtype), arrays, given, direction)

    def tried(self) -> "Probe":
        """This probe, if the layer takes its inputs; where it does not, their shapes are said."""
        try:
            self.forward()
        except validate.InvalidInput:
            raise
        except (ValueError, TypeError, IndexError, RuntimeError) as error:
            shapes = ", ".join(f"{n} {validate.shaped(x.shape)}" for n, x in self.inputs.items())
            what = f"inputs that {type(self.layer).__name__}.{self.direction} takes"
            got = f"{shapes} ({type(error).__name__}: {error})"
            raise validate.expected(", ".join(self.inputs) or "given", what, got) from error
        return self

    @functools.cached_property
    def params(self) -> dict[str, NDArray]:
        """{path: array} of the trained arrays."""
        return params(self.layer)

    @functools.cached_property
    def points(self) -> dict[str, NDArray]:
        """Every array that has a gradient, by the name of that gradient."""
        named = {f"d{name}": x for name, x in self.inputs.items()}
        return named | {f"params.{path}": a for path, a in self.params.items()}

    def at(self, points: Mapping[str, NDArray]) -> "Probe":
        """The same probe with other arrays in place of `points`."""
        inputs = {name: points[f"d{name}"] for name in self.inputs}
        new = {path: points[f"params.{path}"] for path in self.params}
        layer = _with_params(self.layer, self.params, new)
        return dataclasses.replace(self, layer=layer, inputs=inputs)

    def forward(self) -> tuple[list[NDArray], Any]:
        """(outputs, cache); the layer gets copies of the inputs."""
        return self.push([x.copy() for x in self.inputs.values()], self.given)

    def backward(self, cotangents: Sequence[NDArray], cache: Any) -> dict[str, Any]:
        """{name: gradient}, as the layer gives it; the layer gets copies of the cotangents."""
        return self.pull([v.copy() for v in cotangents], cache)

    def push(
        self, inputs: Iterable[NDArray], given: Mapping[str, Any]
    ) -> tuple[list[NDArray], Any]:
        """(outputs, cache) of just these arrays."""
        *outputs, cache = getattr(self.layer, self.direction)(*inputs, **given)
        return [np.asarray(y) for y in outputs], cache

    def pull(self, cotangents: Iterable[NDArray], cache: Any) -> dict[str, Any]:
        """{name: gradient} for just these arrays; the cotangent of a loss is passed as a number."""
        method = BACKWARD[self.direction]
        *dinputs, grads = getattr(self.layer, method)(*(v[()] for v in cotangents), cache)
        if len(dinputs) != len(self.inputs):
            what = ", ".join(f"d{name}" for name in self.inputs)
            raise validate.expected(method, f"({what}, grads)", f"{len(dinputs) + 1} values")
        if not isinstance(grads, dict):
            raise validate.wrong_type("grads", "a dict like params", type(grads).__name__)
        named = {f"d{name}": g for name, g in zip(self.inputs, dinputs, strict=True)}
        return named | {f"params.{path}": g for path, g in tree.flatten(grads).items()}


class Point:
    """A copy of a probe in a precision of its own, whose arrays can be moved."""

    def __init__(self, probe: Probe, dtype: DTypeLike) -> None:
        self.points = {name: a.astype(dtype) for name, a in probe.points.items()}
        self.probe = probe.at(self.points)

    @contextlib.contextmanager
    def moved(self, new: Mapping[str, NDArray]) -> Iterator[None]:
        """Inside, the arrays of `new` stand in place of those of the point."""
        here = {name: self.points[name].copy() for name in new}
        for name, a in new.items():
            self.points[name][...] = a
        yield
        for name, a in here.items():
            self.points[name][...] = a

    def outputs(self, moves: Mapping[str, NDArray]) -> list[NDArray]:
        """The outputs where `moves` is added to the arrays."""
        new = {name: self.points[name] + u for name, u in moves.items()}
        with self.moved(new), np.errstate(all="ignore"):
            return [y.copy() for y in self.probe.forward()[0]]


def _cast(value: Any, dtype: DTypeLike) -> Any:
    """Floating arrays in `dtype`; everything else as it is."""
    floating = isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating)
    return value.astype(dtype) if floating else value


def input_names(method: Callable, count: int) -> list[str]:
    """The names that a method gives its positional inputs."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    signature = inspect.signature(method).parameters.values()
    names = [p.name for p in signature if p.kind in kinds][:count]
    rest = next((p.name for p in signature if p.kind is inspect.Parameter.VAR_POSITIONAL), "input")
    spare = count - len(names)
    return names + ([rest] if spare == 1 else [f"{rest}{k}" for k in range(spare)])


def random_cotangents(outputs: Iterable[NDArray], rng: np.random.Generator) -> list[NDArray]:
    """A random, sign-mixed cotangent for each output, of sizes from 0.5 to 2: ones hide errors."""
    return [
        np.asarray(rng.choice([-1.0, 1.0], y.shape) * rng.uniform(0.5, 2.0, y.shape))
        for y in outputs
    ]
