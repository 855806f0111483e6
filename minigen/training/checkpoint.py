"""Models as files: one .npz whose first member says what the others are. No pickle.

A file holds `manifest.json` (format, package version, the classes and plain fields of the layers,
and the shape, dtype and SHA-256 of every array) and the arrays, stored uncompressed.
"""

import hashlib
import importlib
import io
import json
import os
import pathlib
import zipfile

import numpy as np

from minigen.core import tree
from minigen.core.contract import Layer

FORMAT = 1
KINDS = "fiub"  # the dtypes a file may hold: floats, integers, booleans


class CheckpointError(ValueError):
    """A file that is not a minigen checkpoint, or not an intact one."""


def save(path, model):
    """Write a layer, density or loss to `path`; an old file is replaced whole or not at all."""
    path = pathlib.Path(path)
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
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                for name, data in members.items():
                    archive.writestr(zipfile.ZipInfo(name), data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder):
    """Make the rename durable, where the system can open a folder."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def npy(array):
    """The bytes of an array as a .npy member."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def fingerprint(array):
    """What the manifest says of an array."""
    data = np.ascontiguousarray(array)
    digest = hashlib.sha256(data.tobytes()).hexdigest()
    return {"dtype": data.dtype.str, "shape": list(data.shape), "sha256": digest}


def load(path, classes=()):
    """Read a model back; classes of your own are looked up in `classes` by name."""
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


def member(path, archive, name, about):
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


def revive(description, arrays, own, prefix):
    """The dataclass that `tree.describe` described, with its arrays."""
    cls = find(description["class"], description["module"], own)
    fields = {
        name: value(what, arrays, own, f"{prefix}{name}")
        for name, what in description["fields"].items()
    }
    return cls(**fields)


def value(what, arrays, own, path):
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


def find(name, module, own):
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
