"""Models as files: one .npz whose first member says what the others are. No pickle.

The file is read by `archive`, which trusts nothing in it; the model is built here, from the classes
of layers and from nothing else, and is compared with what its classes allow by `schema`.
"""

import dataclasses
import importlib
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import tree, validate
from minigen.core.contract import Layer
from minigen.core.signature import checked
from minigen.training import archive, schema
from minigen.training.archive import CheckpointError, refused

__all__ = ["CheckpointError", "load", "save"]
PACKAGES = ("core", "nn", "prob", "flows", "diffusion", "markov", "metric")  # with layers in them
DEPTH = 60  # of layers inside layers
MOVED = {("minigen.diffusion.data_format", "Units"): "minigen.core.units"}  # in older files
STATE = "state/"  # before the names of arrays that are not the model's


@checked
def save(path: str | os.PathLike, model: Any) -> None:
    """Write a model to a file; an old file is replaced whole or not at all.

    Parameters
    ----------
    path : of the file, usually `.npz`, in a folder that exists
    model : a layer, density or loss

    Raises
    ------
    InvalidInput
        When the model has a field that is neither an array nor a layer nor a plain value, or a
        parameter that is not finite
    OSError
        When the file cannot be written; names the file

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "flow.npz")
    >>> mg.save(path, mg.flows.real_nvp(2, 1, (8,), rng=rng))
    >>> mg.load(path).features
    2
    """
    save_state(path, model, {})


def save_state(path: str | os.PathLike, model: Any, state: Mapping[str, Any]) -> None:
    """Write a model, and beside it the arrays and plain values of `state`, by name."""
    path = pathlib.Path(path)
    if not dataclasses.is_dataclass(model) or isinstance(model, type):
        raise validate.wrong_type("model", "a layer, density or loss", repr(model))
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path: expected a file in a folder that exists, got {path}")
    arrays = {name: array for name, (_, array) in tree.arrays(model).items()}
    kept = {n: value for n, value in state.items() if isinstance(value, np.ndarray)}
    plain = {n: value for n, value in state.items() if n not in kept}
    manifest = {"model": tree.describe(model), **({"state": plain} if state else {})}
    archive.write(path, manifest, arrays | {f"{STATE}{n}": a for n, a in kept.items()})


@checked
def load(path: str | os.PathLike, classes: Sequence[type] = ()) -> Any:
    """Read a model back.

    Parameters
    ----------
    path : a file that `save` or `fit` wrote
    classes : your own classes in it, which are looked up here by name

    Returns
    -------
    The layer, density or loss

    Raises
    ------
    CheckpointError
        When the file is not an intact minigen checkpoint, or holds what its classes do not allow;
        one that is a FileNotFoundError too when there is no such file

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "layer.npz")
    >>> mg.save(path, mg.nn.Linear.init(2, 3, rng=rng))
    >>> mg.load(path)
    Linear(W=(2, 3), b=(3,))
    """
    return load_state(path, classes)[0]


def load_state(path: str | os.PathLike, classes: Sequence[type] = ()) -> tuple[Any, dict[str, Any]]:
    """The model of a file, and what `save_state` wrote beside it."""
    path = pathlib.Path(path)
    with archive.named(path):
        manifest, arrays = archive.read(path)
        kept = {n.removeprefix(STATE): arrays.pop(n) for n in list(arrays) if n.startswith(STATE)}
        own = {cls.__name__: cls for cls in classes}
        model = Reviver(arrays, own).model(manifest["model"])
        plain = manifest.get("state", {})
        if not isinstance(plain, dict):
            raise refused("manifest.json: state", "values by name", plain)
        return model, plain | kept


class Reviver:
    """Builds what `tree.describe` described, from arrays that are each used once."""

    def __init__(self, arrays: dict[str, NDArray], own: Mapping[str, type]) -> None:
        self.arrays, self.own = arrays, own

    def model(self, description: Any) -> Any:
        """The whole model; it is compared with what its classes allow."""
        model = self.node(description, "")
        if self.arrays:
            raise refused(next(iter(self.arrays)), "an array of the model", "another array")
        schema.check(model)
        return model

    def node(self, what: Any, prefix: str) -> Any:
        """A dataclass from its class and its fields."""
        place = prefix.rstrip(".") or "model"
        if not (isinstance(what, dict) and sorted(what) == ["class", "fields", "module"]):
            raise refused(place, "a class, its module and its fields", what)
        if prefix.count(".") > DEPTH:
            raise refused(place, f"at most {DEPTH} layers inside one another", "more")
        cls = find(what["class"], what["module"], self.own)
        known = {f.name: f for f in dataclasses.fields(cls) if f.init}
        given = what["fields"]
        if not (isinstance(given, dict) and given.keys() <= known.keys()):
            raise refused(place, f"the fields {', '.join(known)}", given)
        fields = {name: self.value(what, f"{prefix}{name}") for name, what in given.items()}
        schema.check_fields(cls, fields, place)
        try:
            return cls(**fields)
        except (validate.InvalidInput, TypeError, ValueError, IndexError) as error:
            raise refused(place, f"what {cls.__name__} accepts", error) from None

    def value(self, what: Any, path: str) -> Any:
        """One field: a plain value, an array, a layer, or a tuple of them."""
        if not (isinstance(what, dict) and len(what) == 1):
            raise refused(path, "a value, an array or a layer", what)
        kind, content = next(iter(what.items()))
        if kind == "array" and path in self.arrays:
            return self.arrays.pop(path)
        if kind == "node":
            return self.node(content, f"{path}.")
        if kind == "nodes" and isinstance(content, list):
            return tuple(self.node(c, f"{path}.{k}.") for k, c in enumerate(content))
        if kind == "tuple" and isinstance(content, list):
            return tuple(self.value(c, path) for c in content)
        if kind == "value" and isinstance(content, bool | int | float | str | None):
            return content
        raise refused(path, "a value, an array or a layer", kind)


def find(name: Any, module: Any, own: Mapping[str, type]) -> type:
    """A layer's class, of the package or of the caller's own; nothing else is imported."""
    if isinstance(name, str) and name in own:
        return own[name]
    module = MOVED.get((module, name), module) if isinstance(module, str) else ""
    parts = module.split(".")
    if len(parts) > 1 and parts[0] == "minigen" and parts[1] in PACKAGES and all(
        part.isidentifier() and not part.startswith("__") for part in parts
    ):  # fmt: skip
        try:
            cls: Any = getattr(importlib.import_module(module), name, None)
        except (ImportError, TypeError):
            cls = None
        same = isinstance(cls, type) and (cls.__module__, cls.__name__) == (module, name)
        layer = same and (issubclass(cls, Layer) or name in schema.PARTS)
        if layer and dataclasses.is_dataclass(cls):
            return cls
    raise refused("model", "a class of minigen or of classes=[...]", f"{module}.{name}")
