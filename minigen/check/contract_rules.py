"""The rules of the contract that need no derivative, one function each.

Each takes a `Probe` and a generator of random numbers and yields what is broken. Its docstring is
the rule.
"""

import copy
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.check.probe import Probe, params, random_cotangents
from minigen.check.shapes import misshapen
from minigen.core import tree

NEAR = 1e-9  # relative: the same sum in another order, in a layer that may amplify it
BIG = 2.0**20  # a power of 2: a linear map follows it without rounding
Faults = Iterator[str]
Rule = Callable[[Probe, np.random.Generator], Faults]


def _run(probe: Probe, rng: np.random.Generator) -> tuple[list[NDArray], list[NDArray], Any]:
    """(outputs, cotangents, cache) of one forward pass."""
    outputs, cache = probe.forward()
    return outputs, random_cotangents(outputs, rng), cache


def _named(arrays: Iterable[NDArray], what: str) -> dict[str, NDArray]:
    """A list as a dict: {"output 0": ..., "output 1": ...}."""
    return {f"{what} {k}": a for k, a in enumerate(arrays)}


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """The names whose arrays are not the same bits."""
    for name, a in before.items():
        array = isinstance(a, np.ndarray | np.generic)
        if array and not np.array_equal(a, after[name], equal_nan=True):
            yield name


def _far(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """The names whose arrays differ by more than rounding does among them all."""
    top = max((np.abs(a).max(initial=0) for a in before.values()), default=0)
    for name, a in before.items():
        if not np.all(np.abs(np.asarray(a) - after[name]) <= NEAR * top):
            yield name


def form(probe: Probe, rng: np.random.Generator) -> Faults:
    """grads has the keys of params, and every gradient has its array's shape and type"""
    _, vs, cache = _run(probe, rng)
    faults = misshapen(probe.points, probe.backward(vs, cache))
    if faults:
        yield "; ".join(f"{row.name}{row.why}" for row in faults)


def forward_is_pure(probe: Probe, rng: np.random.Generator) -> Faults:
    """forward changes neither its arguments nor the parameters"""
    inputs, given, before = copy.deepcopy((probe.inputs, probe.given, params(probe.layer)))
    probe.push(inputs.values(), given)
    pairs = [(probe.inputs, inputs), (probe.given, given), (before, params(probe.layer))]
    for was, now in pairs:
        yield from (f"forward changes {name}" for name in _changed(was, now))


def backward_is_pure(probe: Probe, rng: np.random.Generator) -> Faults:
    """backward changes neither its arguments nor the parameters"""
    _, vs, cache = _run(probe, rng)
    vs = _named(vs, "the cotangent of output")
    lent, before = copy.deepcopy((vs, params(probe.layer)))
    probe.pull(lent.values(), cache)
    for was, now in ((vs, lent), (before, params(probe.layer))):
        yield from (f"backward changes {name}" for name in _changed(was, now))


def repeatable(probe: Probe, rng: np.random.Generator) -> Faults:
    """the same call gives the same bits twice, forward and backward"""
    outputs, vs, cache = _run(probe, rng)
    for name in _changed(_named(outputs, "output"), _named(probe.forward()[0], "output")):
        yield f"{name} differs at the second call: is it random, or does it use earlier calls?"
    for name in _changed(probe.backward(vs, cache), probe.backward(vs, cache)):
        yield f"{name} differs at the second call: backward changes the cache"


def two_caches(probe: Probe, rng: np.random.Generator) -> Faults:
    """two caches may be alive at once, and go backward in either order"""
    other = dataclasses.replace(probe, inputs={n: 0.75 * x for n, x in probe.inputs.items()})
    vs = _run(probe, rng)[1]
    alone = [at.backward(vs, at.forward()[1]) for at in (probe, other)]
    for order in ((0, 1), (1, 0)):
        caches = probe.forward()[1], other.forward()[1]
        for k in order:
            for name in _changed(alone[k], probe.backward(vs, caches[k])):
                yield f"{name} depends on other calls: put what backward needs into the cache"


def linear(probe: Probe, rng: np.random.Generator) -> Faults:
    """backward is linear in the cotangents, however large or small"""
    outputs, vs, cache = _run(probe, rng)
    us = random_cotangents(outputs, rng)
    of_v, of_u = probe.backward(vs, cache), probe.backward(us, cache)
    both = probe.backward([v + u for v, u in zip(vs, us, strict=True)], cache)
    # compared as v + u - v with u, so that a sum that cancels does not set the scale
    for name in _far(of_u, {n: both[n] - g for n, g in of_v.items()}):
        yield f"{name} for v + u is not {name} for v plus {name} for u (v, u: cotangents)"
    for factor in (BIG, 1 / BIG):
        expected = {n: factor * g for n, g in of_v.items()}
        for name in _far(expected, probe.backward([factor * v for v in vs], cache)):
            yield f"{name} is not {factor:.2g} times as large when the cotangents are: clipped?"


def zero(probe: Probe, rng: np.random.Generator) -> Faults:
    """zero cotangents give gradients that are exactly 0"""
    _, vs, cache = _run(probe, rng)
    grads = probe.backward([0 * v for v in vs], cache)
    yield from (f"{name} is not 0" for name, g in grads.items() if np.any(g))


def layouts(probe: Probe, rng: np.random.Generator) -> Faults:
    """strided, Fortran-ordered and read-only arrays give the same result"""
    outputs, vs, cache = _run(probe, rng)
    grads = probe.backward(vs, cache)
    for label, laid in LAYOUTS.items():
        ys, cache = probe.push([laid(x) for x in probe.inputs.values()], probe.given)
        dys = probe.pull([laid(v) for v in vs], cache)
        for was, now in ((_named(outputs, "output"), _named(ys, "output")), (grads, dys)):
            yield from (f"{name} differs for {label} arrays" for name in _far(was, now))


def _strided(a: NDArray) -> NDArray:
    """The same numbers with gaps between them, backwards."""
    return np.repeat(a[..., ::-1], 2, axis=-1)[..., ::-2] if a.ndim else a


LAYOUTS: dict[str, Callable[[NDArray], NDArray]] = {
    "strided": _strided,
    "Fortran-ordered": np.asfortranarray,
    "read-only": lambda a: np.broadcast_to(a, a.shape),
}


def row_by_row(probe: Probe, rng: np.random.Generator) -> Faults:
    """each row of an output depends on its own row only; a loss is the mean over the rows"""
    outputs = probe.forward()[0]
    arrays = (*probe.inputs.values(), *probe.given.values())
    lengths = [len(a) for a in (*outputs, *arrays) if np.ndim(a)]
    n = lengths[0] if any(map(np.ndim, arrays)) else 0  # parameters alone have no rows
    each = [_one_row(probe, n, i).forward()[0] for i in range(n)]
    for k, y in enumerate(outputs if n else []):
        alone = np.array([ys[k] for ys in each])
        alone = alone.reshape(y.shape) if y.ndim else alone.mean()
        for name in _far({f"output {k}": y}, {f"output {k}": alone}):
            yield f"{name} of a row depends on the other rows (if it should: mixes=True)"


def _one_row(probe: Probe, n: int, i: int) -> Probe:
    """The probe at row i of every array that has n rows."""

    def cut(a: Any) -> Any:
        return a[i : i + 1] if isinstance(a, np.ndarray) and a.ndim and len(a) == n else a

    inputs = {name: cut(x) for name, x in probe.inputs.items()}
    return dataclasses.replace(
        probe, inputs=inputs, given={k: cut(v) for k, v in probe.given.items()}
    )


def float32(probe: Probe, rng: np.random.Generator) -> Faults:
    """float32 stays float32: outputs, gradients and every array of the cache"""
    light = Probe.of(probe.layer, probe.inputs.values(), probe.given, np.float32, probe.direction)
    outputs, cache = light.forward()
    vs = [v.astype(np.float32) for v in random_cotangents(outputs, rng)]
    found = (
        _named(outputs, "output") | dict(tree.leaves(cache, "cache")) | light.backward(vs, cache)
    )
    kinds = {name: getattr(a, "dtype", np.dtype(int)) for name, a in found.items()}
    for name, kind in kinds.items():
        if np.issubdtype(kind, np.inexact) and kind != np.float32:
            yield f"{name} is {kind}"


def own_memory(probe: Probe, rng: np.random.Generator) -> Faults:
    """outputs and gradients are not the parameters' own memory"""
    outputs, vs, cache = _run(probe, rng)
    found = _named(outputs, "output") | probe.backward(vs, cache)
    for name, a in found.items():
        for path, p in params(probe.layer).items():
            if np.may_share_memory(a, p):
                yield f"{name} shares memory with params.{path}"


def frozen(probe: Probe, rng: np.random.Generator) -> Faults:
    """a dataclass is frozen: nothing is stored between calls"""
    layer = probe.layer
    if dataclasses.is_dataclass(layer) and not getattr(layer, "__dataclass_params__").frozen:  # noqa: B009
        yield "expected @dataclass(frozen=True)"


RULES: tuple[Rule, ...] = (
    forward_is_pure,  # first: a layer may initialise itself in its first forward pass
    form, backward_is_pure, repeatable, two_caches, linear, zero, layouts, row_by_row, float32,
    own_memory, frozen,
)  # fmt: skip
