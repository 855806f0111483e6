"""What is checked: a layer and the point it is checked at, in any precision.

The layer is anything with a `forward` and a `backward` that keep the contract. Its arrays are
found in one of two ways:

- a dataclass whose arrays are marked `param()`: `core.tree` rebuilds it with others;
- any other object: it is copied deeply, and every array that its `params` lists is replaced
  wherever the copy holds it (`self.W`, `self.params["W"]`, inside another object).
"""

import copy
import dataclasses
import functools
import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core import tree, validate


def params(layer: Any) -> dict[str, NDArray]:
    """{path: array} of the trained arrays, by `layer.params`; {} for an object without."""
    found = getattr(layer, "params", {})
    if not isinstance(found, dict):
        raise TypeError(f"params: expected a dict of arrays, got {type(found).__name__}")
    leaves = tree.flatten(found)
    for path, leaf in leaves.items():
        if not isinstance(leaf, np.ndarray):
            raise TypeError(f"params.{path}: expected an array, got {type(leaf).__name__}")
    return leaves


def is_tree(layer: Any, leaves: Mapping[str, NDArray]) -> bool:
    """Whether `core.tree` knows every array that `layer.params` lists."""
    return dataclasses.is_dataclass(layer) and (
        tree.flatten(tree.params(layer)).keys() >= leaves.keys()
    )


def with_params(layer: Any, leaves: Mapping[str, NDArray], new: Mapping[str, NDArray]) -> Any:
    """A copy of the layer that computes with the arrays of `new` in place of its `leaves`."""
    if is_tree(layer, leaves):
        return tree.rebuild(layer, new)
    twin = copy.deepcopy(layer, {id(a): new[path] for path, a in leaves.items()})
    for path, array in params(twin).items():
        if array is not new[path]:
            what = "the array the layer computes with"
            raise TypeError(f"params.{path}: expected {what}, got a copy made by `params`")
    return twin


def in_dtype(layer: Any, dtype: DTypeLike) -> Any:
    """A copy of the layer with parameters, and kept arrays where they are known, in `dtype`."""
    leaves = params(layer)
    if is_tree(layer, leaves):
        return tree.astype(layer, dtype)
    return with_params(layer, leaves, {path: a.astype(dtype) for path, a in leaves.items()})


@dataclass(frozen=True, eq=False)
class Probe:
    """A layer, its inputs by name, and what is given."""

    layer: Any
    inputs: dict[str, NDArray]
    given: dict[str, Any]

    @classmethod
    def of(
        cls,
        layer: Any,
        inputs: Iterable[ArrayLike],
        given: Mapping[str, Any],
        dtype: DTypeLike = np.float64,
    ) -> "Probe":
        """The layer, the inputs and the floating arrays among the given, copied to `dtype`."""
        inputs = tuple(inputs)
        names = input_names(validate.methods("layer", layer, "forward"), len(inputs))
        arrays = {
            name: validate.array(name, x).astype(dtype)
            for name, x in zip(names, inputs, strict=True)
        }
        return cls(in_dtype(layer, dtype), arrays, {k: cast(v, dtype) for k, v in given.items()})

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
        return Probe(with_params(self.layer, self.params, new), inputs, self.given)

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
        *outputs, cache = self.layer.forward(*inputs, **given)
        return [np.asarray(y) for y in outputs], cache

    def pull(self, cotangents: Iterable[NDArray], cache: Any) -> dict[str, Any]:
        """{name: gradient} for just these arrays; the cotangent of a loss is passed as a number."""
        *dinputs, grads = self.layer.backward(*(v[()] for v in cotangents), cache)
        if len(dinputs) != len(self.inputs):
            what = ", ".join(f"d{name}" for name in self.inputs)
            raise validate.expected("backward", f"({what}, grads)", f"{len(dinputs) + 1} values")
        if not isinstance(grads, dict):
            raise TypeError(f"grads: expected a dict like params, got {type(grads).__name__}")
        named = {f"d{name}": g for name, g in zip(self.inputs, dinputs, strict=True)}
        return named | {f"params.{path}": g for path, g in tree.flatten(grads).items()}


def cast(value: Any, dtype: DTypeLike) -> Any:
    """Floating arrays in `dtype`; everything else as it is."""
    floating = isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating)
    return value.astype(dtype) if floating else value


def input_names(layer: Any, count: int) -> list[str]:
    """The names `forward` gives its positional inputs."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    signature = inspect.signature(layer.forward).parameters.values()
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
