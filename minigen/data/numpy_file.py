"""Arrays of numbers from .npy and .npz files that may be damaged, or meant to do damage.

`np.load` allocates what a header declares before it looks for the data, and offers to unpickle.
Here the declared size must be the size there is, and only numbers are read.
"""

import contextlib
import io
import math
import warnings
import zipfile

import numpy as np

from minigen.core.validate import expected

HEADER = 2**14  # bytes; NumPy accepts no longer header either
VERSIONS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_npy(path):
    """The array in a .npy file."""
    with open(path, "rb") as file:
        return array_in(path, file, path.stat().st_size)


def read_npz(path):
    """{"x": the array x, or the only one beside y; "y": the array y if there is one}."""
    with open(path, "rb") as file:
        with readable(path):
            archive = zipfile.ZipFile(file)
        return {
            key: member_array(path, archive, info)
            for key, info in chosen(path, archive.infolist()).items()
        }


def chosen(path, members):
    """The members of an archive that hold x and y."""
    found = {member.filename.removesuffix(".npy"): member for member in members}
    if len(found) < len(members):
        raise expected(path, "arrays of different names", "one name twice")
    labels = {"y": found.pop("y")} if "y" in found else {}
    if "x" not in found and len(found) != 1:
        raise expected(path, "an array named x, or only one", ", ".join(found) or "none")
    return {"x": found["x"] if "x" in found else found.popitem()[1]} | labels


def member_array(path, archive, member):
    """The array in one member of an archive."""
    name = f"{path}: {member.filename}"
    with readable(name):
        stream = archive.open(member)
    with stream:
        return array_in(name, stream, member.file_size)


def array_in(name, stream, size):
    """The numeric array in a .npy stream of `size` bytes."""
    with readable(name):
        start = stream.read(HEADER)
        shape, fortran, dtype, offset = header(start)
    if dtype.kind not in "iuf":
        raise expected(name, "an array of real numbers", f"dtype {dtype}")
    if min(shape, default=1) < 1:
        raise expected(name, "at least one number", f"shape {shape}")
    declared, there = math.prod(shape) * dtype.itemsize, size - offset
    if declared != there:
        raise expected(name, f"{declared} bytes for shape {shape} of {dtype}", there)
    with readable(name):
        flat = np.frombuffer(start[offset:] + stream.read(), dtype)
        return flat.reshape(shape, order="F" if fortran else "C")


def header(start):
    """(shape, fortran, dtype, offset of the data) from the first bytes of a .npy file."""
    stream = io.BytesIO(start)
    with warnings.catch_warnings():  # a damaged header may hold odd Python
        warnings.simplefilter("ignore")
        read = VERSIONS[np.lib.format.read_magic(stream)]
        return *read(stream), stream.tell()


@contextlib.contextmanager
def readable(name):
    """Turns whatever a damaged file raises, of some ten kinds, into one ValueError."""
    try:
        yield
    except Exception as error:
        got = f"a damaged or foreign one ({type(error).__name__})"
        raise expected(name, "a readable NumPy file", got) from None
