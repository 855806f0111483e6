"""Models as files: one .npz whose first member says what the others are. No pickle.

A file holds `manifest.json` (format, package version, the classes and plain fields of the layers,
and the shape, dtype and SHA-256 of every array) and the arrays, stored uncompressed.
"""

import dataclasses
import hashlib
import importlib
import io
import json
import os
import pathlib
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import files, tree, validate
from minigen.core.contract import Layer

FORMAT = 2  # 1 was that of version 0.1.0, with other classes and fields
KINDS = "fiub"  # the dtypes a file may hold: floats, integers, booleans


class CheckpointError(validate.InvalidValue):
    """A file that is not a minigen checkpoint, or not an intact one."""


def save(path: str | os.PathLike, model: Any) -> None:
    """Write a model to a file; an old file is replaced whole or not at all.

    Parameters
    ----------
    path : of the file, usually `.npz`, in a folder that exists
    model : a layer, density or loss

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "flow.npz")
    >>> mg.save(path, mg.flows.real_nvp(2, 1, (8,), rng=rng))
    >>> mg.load(path).features
    2
    """
    path = pathlib.Path(path)
    if not dataclasses.is_dataclass(model) or isinstance(model, type):
        raise validate.wrong_type("model", "a layer, density or loss", repr(model))
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path: expected a file in a folder that exists, got {path}")
    arrays = {name: array for name, (_, array) in tree.arrays(model).items()}
    manifest = {
        "format": FORMAT,
        "model": tree.describe(model),
        "arrays": {name: fingerprint(array) for name, array in arrays.items()},
    }
    members = {"manifest.json": json.dumps(manifest).encode()}
    members |= {f"{name}.npy": npy(array) for name, array in arrays.items()}
    with files.replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)


def npy(array: NDArray) -> bytes:
    """The bytes of an array as a .npy member."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def fingerprint(array: NDArray) -> dict[str, Any]:
    """What the manifest says of an array."""
    data = np.ascontiguousarray(array)
    digest = hashlib.sha256(data.tobytes()).hexdigest()
    return {"dtype": data.dtype.str, "shape": list(data.shape), "sha256": digest}


def load(path: str | os.PathLike, classes: Sequence[type] = ()) -> Any:
    """Read a model back.

    Parameters
    ----------
    path : a file that `save` wrote
    classes : your own classes in it, which are looked up here by name

    Returns
    -------
    The layer, density or loss

    Raises
    ------
    CheckpointError
        When the file is not an intact minigen checkpoint

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "layer.npz")
    >>> mg.save(path, mg.nn.Linear.init(2, 3, rng=rng))
    >>> mg.load(path)
    Linear(W=(2, 3), b=(3,))
    """
    path = pathlib.Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read("manifest.json"))
            if manifest["format"] != FORMAT:
                raise CheckpointError(f"{path}: expected format {FORMAT}, got {manifest['format']}")
            names = sorted(n for n in archive.namelist() if n != "manifest.json")
            if names != sorted(f"{n}.npy" for n in manifest["arrays"]):
                raise CheckpointError(f"{path}: expected the members of its manifest, got others")
            arrays = {n: member(path, archive, n, about) for n, about in manifest["arrays"].items()}
        own = {cls.__name__: cls for cls in classes}
        return revive(manifest["model"], arrays, own, "")
    except CheckpointError:
        raise
    except FileNotFoundError:
        raise
    except (OSError, KeyError, TypeError, ValueError, EOFError, RuntimeError,
            NotImplementedError, zipfile.BadZipFile) as error:  # fmt: skip
        raise CheckpointError(f"{path}: not an intact minigen checkpoint ({error})") from None


def member(
    path: pathlib.Path, archive: zipfile.ZipFile, name: str, about: Mapping[str, Any]
) -> NDArray:
    """One array, compared with what the manifest says of it before and after it is read."""
    dtype, shape = np.dtype(about["dtype"]), tuple(about["shape"])
    size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    stored = archive.getinfo(f"{name}.npy").file_size
    if dtype.kind not in KINDS or not size < stored <= size + 4096:
        raise CheckpointError(f"{path}: {name}: expected {size} bytes of data, got {stored}")
    array = np.load(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)
    if fingerprint(array) != about:
        raise CheckpointError(f"{path}: {name}: expected the array of the manifest, got another")
    return array


def revive(
    description: Mapping[str, Any],
    arrays: Mapping[str, NDArray],
    own: Mapping[str, type],
    prefix: str,
) -> Any:
    """The dataclass that `tree.describe` described, with its arrays."""
    cls = find(description["class"], description["module"], own)
    fields = {
        name: value(what, arrays, own, f"{prefix}{name}")
        for name, what in description["fields"].items()
    }
    return cls(**fields)


def value(
    what: Mapping[str, Any], arrays: Mapping[str, NDArray], own: Mapping[str, type], path: str
) -> Any:
    """One field: a plain value, an array, a layer, or a tuple of them."""
    kind, content = next(iter(what.items()))
    if kind == "array":
        return arrays[path]
    if kind == "node":
        return revive(content, arrays, own, f"{path}.")
    if kind == "nodes":
        return tuple(revive(c, arrays, own, f"{path}.{k}.") for k, c in enumerate(content))
    if kind == "tuple":
        return tuple(value(c, arrays, own, path) for c in content)
    return content


def find(name: str, module: str, own: Mapping[str, type]) -> type:
    """A class of the package, or one of the caller's own; nothing else is imported."""
    if name in own:
        return own[name]
    if module.split(".")[0] == "minigen" and all(map(str.isidentifier, module.split("."))):
        cls = getattr(importlib.import_module(module), name, None)
        if isinstance(cls, type) and (
            issubclass(cls, Layer) or hasattr(cls, "__dataclass_fields__")
        ):
            return cls
    raise CheckpointError(f"expected a class of minigen or of classes=[...], got {module}.{name}")
