"""Parameters as a tree: everything minigen derives from a layer's fields, for every class alike.

A layer is a frozen dataclass. Its array fields are marked `param()` (trained) or `const()` (kept);
a field that holds a dataclass, or a tuple of them, is a branch. A tree is a nested dict whose keys
are the field names, and "0", "1", ... inside a tuple; a path joins the keys with dots.
"""

import dataclasses

import numpy as np


def param(**kwargs):
    """A dataclass field: an array the optimiser trains."""
    return dataclasses.field(metadata={"kind": "param"}, **kwargs)


def const(*, cast=True, **kwargs):
    """A dataclass field: an array, or a whole layer, that is kept.

    `astype` converts its floating arrays, unless cast=False (the float64 table of a schedule).
    """
    return dataclasses.field(metadata={"kind": "const", "cast": cast}, **kwargs)


def branches(value):
    """The nodes a field holds, by key: {"": node}, {"0": node, "1": ...} for a tuple, or {}."""
    if dataclasses.is_dataclass(value):
        return {"": value}
    if isinstance(value, tuple) and value and all(map(dataclasses.is_dataclass, value)):
        return {str(k): node for k, node in enumerate(value)}
    return {}


def params(node):
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


def flatten(tree, prefix=""):
    """{path: leaf} of a nested dict."""
    return dict(walk(tree, prefix))


def walk(tree, prefix):
    """(path, leaf) of a nested dict, depth first."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from walk(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def pairs(params, grads):
    """(path, parameter, gradient) for each leaf; both trees must have the same paths and shapes."""
    ps, gs = flatten(params), flatten(grads)
    if ps.keys() != gs.keys():
        missing, extra = sorted(ps.keys() - gs.keys()), sorted(gs.keys() - ps.keys())
        raise ValueError(f"grads: expected the paths of params, missing {missing}, extra {extra}")
    for path, p in ps.items():
        if np.shape(gs[path]) != p.shape:
            raise ValueError(f"grads: expected shape {p.shape} at {path}, got {np.shape(gs[path])}")
        yield path, p, gs[path]


def arrays(node, prefix=""):
    """{path: (field, array)} of every array below `node`, trained or kept."""
    found = {}
    for f in dataclasses.fields(node):
        value, path = getattr(node, f.name), f"{prefix}{f.name}"
        for key, child in branches(value).items():
            found |= arrays(child, f"{path}.{key}." if key else f"{path}.")
        if isinstance(value, np.ndarray):
            found[path] = (f, value)
    return found


def rebuild(node, new, prefix=""):
    """A copy of `node` with the arrays of `new` ({path: array}) in place of its own."""
    changes = {}
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


def astype(node, dtype):
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


def dtype(node):
    """The floating type of a layer's first parameter (float64 if it has none)."""
    return next((array.dtype for array in trained(node)), np.dtype(np.float64))


def trained(node):
    """The trained arrays below `node`, one at a time."""
    for f in dataclasses.fields(node):
        value, kind = getattr(node, f.name), f.metadata.get("kind")
        if kind == "param":
            yield value
        elif kind != "const":
            for child in branches(value).values():
                yield from trained(child)


def shared(node):
    """Pairs of paths whose parameters share memory: one array standing at two places."""
    leaves = list(flatten(params(node)).items())
    return [
        (p, q)
        for i, (p, a) in enumerate(leaves)
        for q, b in leaves[:i]
        if np.may_share_memory(a, b)
    ]


def pack(node):
    """(flat, twin): one vector of all parameters, and a copy of `node` whose parameters view it."""
    leaves = flatten(params(node))
    flat = np.concatenate([a.ravel() for a in leaves.values()] or [np.zeros(0, dtype(node))])
    return flat, rebuild(node, views(flat, leaves))


def views(flat, leaves):
    """{path: view into `flat`} with the shapes of `leaves`, in order."""
    ends = np.cumsum([a.size for a in leaves.values()])
    return {
        path: flat[end - a.size : end].reshape(a.shape)
        for (path, a), end in zip(leaves.items(), ends, strict=True)
    }


def describe(node):
    """What `node` is apart from its arrays, as JSON-able data: {"class": ..., "fields": {...}}."""
    fields = {f.name: _described(getattr(node, f.name), f.name) for f in dataclasses.fields(node)}
    return {"class": type(node).__name__, "module": type(node).__module__, "fields": fields}


def _described(value, name):
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


def summary(node):
    """A short repr: scalars and the shapes of arrays, layers inside layers."""
    parts = []
    for f in dataclasses.fields(node):
        value = getattr(node, f.name)
        text = f"{value.shape}" if isinstance(value, np.ndarray) else f"{value!r}"
        parts.append(f"{f.name}={text}")
    return f"{type(node).__name__}({', '.join(parts)})"
