"""Arrays of numbers from .npy and .npz files that may be damaged or malicious.

`np.load` allocates what a header declares before it looks for the data, and offers to unpickle.
Here the declared size must be the actual size, and only numbers are read.
"""

import contextlib
import io
import math
import pathlib
import warnings
import zipfile
from collections.abc import Iterator
from typing import IO

import numpy as np
from numpy.typing import NDArray

from minigen.core.validate import InvalidInput, expected

HEADER = 2**14  # bytes; NumPy accepts no longer header either
LARGE = 2**24  # bytes, from which on a file is mapped into memory
VERSIONS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_npy(path: pathlib.Path) -> NDArray:
    """The array in a .npy file; a large one stays there until it is used, and is not written to."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        return _array(str(path), file, size, path if size >= LARGE else None)


def read_npz(path: pathlib.Path) -> dict[str, NDArray]:
    """{"x": the array x, or the only one beside y; "y": the array y if there is one}."""
    with open(path, "rb") as file, _readable(str(path)):
        archive = zipfile.ZipFile(file)
        return {
            key: _array(f"{path}: {member.filename}", archive.open(member), member.file_size)
            for key, member in _chosen(str(path), archive.infolist()).items()
        }


def _chosen(path: str, members: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """The members of an archive that hold x and y."""
    found = {member.filename.removesuffix(".npy"): member for member in members}
    if len(found) < len(members):
        raise expected(path, "arrays of different names", "one name twice")
    labels = {"y": found.pop("y")} if "y" in found else {}
    if "x" not in found and len(found) != 1:
        raise expected(path, "an array named x, or only one", ", ".join(found) or "none")
    return {"x": found["x"] if "x" in found else found.popitem()[1]} | labels


def _array(
    name: str, stream: IO[bytes], size: int, mapped: pathlib.Path | None = None
) -> NDArray:  # fmt: skip
    """The numeric array in a .npy stream of `size` bytes, or of a file to be mapped."""
    with _readable(name):
        start = stream.read(HEADER)
        head = io.BytesIO(start)
        with warnings.catch_warnings():  # a damaged header may hold odd Python
            warnings.simplefilter("ignore")
            shape, fortran, dtype = VERSIONS[np.lib.format.read_magic(head)](head)
        if dtype.kind not in "iufb":
            raise expected(name, "an array of real numbers", f"dtype {dtype}")
        if min(shape, default=1) < 1:
            raise expected(name, "at least one number", f"shape {shape}")
        declared, actual = math.prod(shape) * dtype.itemsize, size - head.tell()
        if declared != actual:
            raise expected(name, f"{declared} bytes for shape {shape} of {dtype}", actual)
        order = "F" if fortran else "C"
        if mapped is not None:
            return np.memmap(mapped, dtype, "c", head.tell(), shape, order)
        flat = np.frombuffer(start[head.tell() :] + stream.read(), dtype)
        return flat.reshape(shape, order=order)


@contextlib.contextmanager
def _readable(name: str) -> Iterator[None]:
    """Turn the ten kinds of errors that a damaged file can raise into one refusal."""
    try:
        yield
    except InvalidInput:
        raise
    except Exception as error:
        got = f"a damaged or foreign one ({type(error).__name__})"
        raise expected(name, "a readable NumPy file", got) from None
