"""Parameters as a tree: everything minigen derives from a layer's fields, for every class alike.

A layer is a frozen dataclass. Its array fields are marked `param()` (trained) or `const()` (kept);
a field that holds a dataclass, or a tuple of them, is a branch. A tree is a nested dict whose keys
are the field names, and "0", "1", ... inside a tuple; a path joins the keys with dots.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import getitem
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core.errors import wrong_type
from minigen.core.signature import Gain, checked
from minigen.core.validate import shown

if TYPE_CHECKING:  # what a type checker has to know: each is a `dataclasses.field`
    from dataclasses import field as const
    from dataclasses import field as exact
    from dataclasses import field as param
else:

    def param(*, default: Any = dataclasses.MISSING) -> Any:
        """A dataclass field: an array the optimiser trains.

        Parameters
        ----------
        default : of the field, as in `dataclasses.field`

        Returns
        -------
        A dataclass field

        Examples
        --------
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True, eq=False, repr=False)
        ... class Scale(mg.core.Layer):
        ...     s: np.ndarray = mg.core.param()
        >>> Scale(np.ones(3)).params
        {'s': array([1., 1., 1.])}
        """
        return dataclasses.field(default=default, metadata={"kind": "param"})

    def const(*, default: Any = dataclasses.MISSING) -> Any:
        """A dataclass field: an array, or a whole layer, that is kept; `astype` converts it.

        Parameters
        ----------
        default : of the field, as in `dataclasses.field`

        Returns
        -------
        A dataclass field

        Examples
        --------
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True, eq=False, repr=False)
        ... class Shift(mg.core.Layer):
        ...     t: np.ndarray = mg.core.const()
        >>> Shift(np.ones(3)).params
        {}
        """
        return dataclasses.field(default=default, metadata={"kind": "const", "cast": True})

    def exact(*, default: Any = dataclasses.MISSING) -> Any:
        """As `const`, but `astype` leaves it as it is: the float64 table of a schedule.

        Parameters
        ----------
        default : of the field, as in `dataclasses.field`

        Returns
        -------
        A dataclass field

        Examples
        --------
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True, eq=False, repr=False)
        ... class Table(mg.core.Layer):
        ...     t: np.ndarray = mg.core.exact()
        >>> Table(np.ones(3)).astype(np.float32).t.dtype
        dtype('float64')
        """
        return dataclasses.field(default=default, metadata={"kind": "const", "cast": False})


def branches(value: Any) -> dict[str, Any]:
    """The nodes a field holds, by key: {"": node}, {"0": node, "1": ...} for a tuple, or {}."""
    if dataclasses.is_dataclass(value):
        return {"": value}
    if isinstance(value, tuple) and value and all(map(dataclasses.is_dataclass, value)):
        return {str(k): node for k, node in enumerate(value)}
    return {}


def params(node: Any) -> dict[str, Any]:
    """The tree of the trained arrays below `node`."""
    tree = {}
    for f in dataclasses.fields(node):
        value, kind = getattr(node, f.name), f.metadata.get("kind")
        below = branches(value)
        if kind == "param":
            tree[f.name] = value
        elif below and kind != "const":
            trees = {key: params(child) for key, child in below.items()}
            tree[f.name] = trees.get("", trees)
    return tree


@checked
def flatten(tree: Mapping, prefix: str = "") -> dict[str, Any]:
    """{path: leaf} of a nested dict.

    Parameters
    ----------
    tree : nested dicts, as `layer.params` or gradients
    prefix : put before each path

    Returns
    -------
    dict of the leaves

    Examples
    --------
    >>> mg.core.flatten({"net": {"W": 1, "b": 2}})
    {'net.W': 1, 'net.b': 2}
    """
    return dict(walk(tree, prefix))


def added(trees: Sequence[dict]) -> dict[str, Any]:
    """The sum of gradients of one layer: nested dicts of the same paths."""
    first, *others = trees
    return first if not others else {
        key: added([t[key] for t in trees]) if isinstance(value, dict)
        else sum((t[key] for t in others), value)
        for key, value in first.items()
    }  # fmt: skip


def walk(tree: Mapping, prefix: str) -> Iterator[tuple[str, Any]]:
    """(path, leaf) of a nested dict, depth first."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from walk(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, leaf) of nested tuples, lists, dicts and dataclasses, as in a cache."""
    if dataclasses.is_dataclass(value):
        value = vars(value)
    if isinstance(value, dict | tuple | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, f"{path}.{key}")
    else:
        yield path, value


def pairs(params: Mapping, grads: Mapping) -> Iterator[tuple[str, NDArray, NDArray]]:
    """(path, parameter, gradient) for each leaf; both trees must have the same paths and shapes."""
    ps, gs = flatten(params), flatten(grads)
    if ps.keys() != gs.keys():
        missing, extra = sorted(ps.keys() - gs.keys()), sorted(gs.keys() - ps.keys())
        raise ValueError(f"grads: expected the paths of params, missing {missing}, extra {extra}")
    for path, p in ps.items():
        if np.shape(gs[path]) != p.shape:
            raise ValueError(f"grads: expected shape {p.shape} at {path}, got {np.shape(gs[path])}")
        yield path, p, gs[path]


def arrays(node: Any, prefix: str = "") -> dict[str, tuple[dataclasses.Field, NDArray]]:
    """{path: (field, array)} of every array below `node`, trained or kept."""
    found = {}
    for f in dataclasses.fields(node):
        value, path = getattr(node, f.name), f"{prefix}{f.name}"
        for key, child in branches(value).items():
            found |= arrays(child, f"{path}.{key}." if key else f"{path}.")
        if isinstance(value, np.ndarray):
            found[path] = (f, value)
    return found


def rebuild(node: Any, new: Mapping[str, NDArray], prefix: str = "") -> Any:
    """A copy of `node` with the arrays of `new` ({path: array}) in place of its own."""
    changes: dict[str, Any] = {}
    for f in dataclasses.fields(node):
        value, path = getattr(node, f.name), f"{prefix}{f.name}"
        below = branches(value)
        if path in new:
            changes[f.name] = new[path]
        elif "" in below:
            changes[f.name] = rebuild(value, new, f"{path}.")
        elif below:
            changes[f.name] = tuple(rebuild(c, new, f"{path}.{k}.") for k, c in below.items())
    return dataclasses.replace(node, **changes)


def astype(node: Any, dtype: DTypeLike) -> Any:
    """A copy of `node` with parameters in `dtype` and kept floating arrays in its real part."""
    real = np.finfo(dtype).dtype
    new = {}
    for path, (f, array) in arrays(node).items():
        floating = np.issubdtype(array.dtype, np.inexact)
        if f.metadata.get("kind") == "param":
            new[path] = array.astype(dtype)
        elif floating and f.metadata.get("cast", True):
            new[path] = array.astype(real)
    return rebuild(node, new)


def dtype(node: Any) -> np.dtype:
    """The floating type of a layer's first parameter (float64 if it has none)."""
    return next((getattr(*place).dtype for place in places(node)), np.dtype(np.float64))


def places(node: Any) -> Iterator[tuple[Any, str]]:
    """(owner, field name) of every trained array below `node`, in the order of the paths."""
    for f in dataclasses.fields(node):
        kind = f.metadata.get("kind")
        if kind == "param":
            yield node, f.name
        elif kind != "const":
            for child in branches(getattr(node, f.name)).values():
                yield from places(child)


def shared(node: Any) -> list[tuple[str, str]]:
    """Pairs of paths whose parameters share memory: one array standing at two places."""
    leaves = list(flatten(params(node)).items())
    return [
        (p, q)
        for i, (p, a) in enumerate(leaves)
        for q, b in leaves[:i]
        if np.may_share_memory(a, b)
    ]


def to_vector(node: Any) -> NDArray:
    """Move all parameters into one vector, and return it: the layers' arrays are views of it.

    What is written into the vector is the model's from then on. This is the one place where a
    field of a frozen layer is set again.
    """
    leaves = [getattr(*place) for place in places(node)]
    vector = whole(leaves)
    if vector is not None:  # from an earlier call
        return vector
    theta = np.concatenate([a.ravel() for a in leaves] or [np.zeros(0, dtype(node))])
    ends = np.cumsum([a.size for a in leaves])
    for (owner, name), a, end in zip(places(node), leaves, ends, strict=True):
        object.__setattr__(owner, name, theta[end - a.size : end].reshape(a.shape))
    return theta


def whole(leaves: Sequence[NDArray]) -> NDArray | None:
    """The vector that these arrays are views of, one after the other, all of it; or None."""
    vector, start = leaves[0].base if leaves else None, 0
    if vector is None or vector.ndim != 1 or vector.dtype != leaves[0].dtype:
        return None
    for a in leaves:
        inside = a.base is vector and a.flags.c_contiguous and a.dtype == vector.dtype
        if not inside or a.ctypes.data != vector.ctypes.data + start:
            return None
        start += a.nbytes
    return vector if start == vector.nbytes and vector.flags.c_contiguous else None


def join(grads: Mapping, paths: Sequence[Sequence[str]], out: NDArray) -> None:
    """Write the leaves of `grads` at these paths, each a list of keys, into one vector."""
    leaves: list[Any] = [reduce(getitem, path, grads) for path in paths]
    np.concatenate(leaves, axis=None, out=out, casting="same_kind")


@checked
def perturbed(node: Any, rng: np.random.Generator, spread: Gain = 0.4) -> Any:
    """A float64 copy with N(0, spread^2) added to every parameter.

    Fresh layers are often the identity, at which a wrong gradient may look right.

    Parameters
    ----------
    node : a layer
    rng : the generator
    spread : the standard deviation of what is added

    Returns
    -------
    The copy

    Examples
    --------
    >>> f = mg.core.perturbed(mg.flows.ActNorm.init(2), rng)
    >>> bool(np.any(f.s)), f.dtype
    (True, dtype('float64'))
    """
    if not dataclasses.is_dataclass(node) or isinstance(node, type):
        raise wrong_type("node", "a layer", shown(node))
    node = astype(node, np.float64)
    leaves = flatten(params(node))
    moved = {p: a + spread * rng.standard_normal(a.shape) for p, a in leaves.items()}
    return rebuild(node, moved)


def describe(node: Any) -> dict[str, Any]:
    """What `node` is apart from its arrays, as JSON-able data: {"class": ..., "fields": {...}}."""
    fields = {f.name: _described(getattr(node, f.name), f.name) for f in dataclasses.fields(node)}
    return {"class": type(node).__name__, "module": type(node).__module__, "fields": fields}


def _described(value: Any, name: str) -> dict[str, Any]:
    below = branches(value)
    if "" in below:
        return {"node": describe(value)}
    if below:
        return {"nodes": [describe(child) for child in below.values()]}
    if isinstance(value, np.ndarray):
        return {"array": None}
    if isinstance(value, (tuple, list)):
        return {"tuple": [_described(v, name) for v in value]}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return {"value": value}
    raise TypeError(f"{name}: expected an array, a layer or a plain value, got {type(value)}")


def summary(node: Any) -> str:
    """A short repr: scalars and the shapes of arrays, layers inside layers."""
    parts = []
    for f in dataclasses.fields(node):
        value = getattr(node, f.name)
        text = f"{value.shape}" if isinstance(value, np.ndarray) else f"{value!r}"
        parts.append(f"{f.name}={text}")
    return f"{type(node).__name__}({', '.join(parts)})"
