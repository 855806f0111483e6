"""The file of a checkpoint: a zip archive of .npy members, of which nothing is believed.

The first member, `manifest.json`, says what the others are: the shape, dtype and SHA-256 of every
array. The archive's comment holds the SHA-256 of the manifest. Nothing is compressed, so the size
of the file bounds what is read; sizes are compared before memory is allocated. No pickle.
"""

import contextlib
import hashlib
import io
import json
import math
import os
import pathlib
import struct
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from minigen import __version__
from minigen.core import files, validate

FORMAT = 3  # 2 had no hash of the manifest; 1 was that of version 0.1.0, with other classes
OLDEST = 2
DTYPES = ("|b1", "|i1", "|u1", *(f"<{kind}{n}" for kind in "iuf" for n in (2, 4, 8)))
MANIFEST = "manifest.json"
MOST = 2**22, 2**24, 2**32 - 2**16  # bytes of a manifest, of the zip's directory, of a file
END = struct.Struct("<4s4H2LH")  # the end of a zip file
MARK = b"minigen "  # and 64 hexadecimal digits: the comment


class CheckpointError(validate.InvalidValue):
    """A file that is not an intact minigen checkpoint: `file`, `member`, `expected`, `found`."""

    file: str = ""
    member: str = ""
    expected: str = ""
    found: str = ""


class NoCheckpoint(CheckpointError, FileNotFoundError):
    """There is no such file: a CheckpointError that is a FileNotFoundError too."""

    __str__ = Exception.__str__


def refused(member: str, expected: object, found: object) -> CheckpointError:
    """The error for a member or a place in the model; `named` adds the file's name."""
    text = str(found) if len(str(found)) <= 200 else f"{str(found)[:200]}..."
    error = CheckpointError(f"{member}{': ' if member else ''}expected {expected}, got {text}")
    error.member, error.expected, error.found = member, str(expected), text
    return error


@contextlib.contextmanager
def named(path: pathlib.Path) -> Iterator[None]:
    """Whatever a bad file makes raise becomes one CheckpointError that names the file."""
    try:
        yield
        return
    except CheckpointError as error:
        bad = error
    except FileNotFoundError:
        bad = refused("", "a checkpoint", "none")
        bad.args = ("No such file",)
    except (Exception, RecursionError, MemoryError) as error:
        found = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        bad = refused("", "an intact minigen checkpoint", found)
    kind = NoCheckpoint if bad.args == ("No such file",) else CheckpointError
    new = kind(f"{path}: {bad}")
    new.file, new.member, new.expected, new.found = str(path), bad.member, bad.expected, bad.found
    raise new from None


def write(
    path: str | os.PathLike, manifest: Mapping[str, Any], arrays: Mapping[str, NDArray]
) -> None:
    """Write the arrays and the manifest, to which what is known of the arrays is added."""
    stored = {name: array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
              for name, array in arrays.items()}  # fmt: skip
    for name, array in stored.items():
        if array.dtype.str not in DTYPES:
            raise validate.wrong_type(name, "numbers of at most 8 bytes", array.dtype)
    about = {name: fingerprint(array) for name, array in stored.items()}
    head = {"format": FORMAT, "minigen": __version__, **manifest, "arrays": about}
    text = json.dumps(head).encode()
    size = len(text) + sum(array.nbytes for array in stored.values())
    if len(text) > MOST[0] or size > MOST[2]:
        raise validate.expected("model", "one that fits a file of 4 GB", f"{size} bytes")
    with files.replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.comment = MARK + hashlib.sha256(text).hexdigest().encode()
        archive.writestr(zipfile.ZipInfo(MANIFEST), text)
        for name, array in stored.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), npy(array))


def npy(array: NDArray) -> bytes:
    """The bytes of an array as a .npy member."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def fingerprint(array: NDArray) -> dict[str, Any]:
    """What the manifest says of an array."""
    digest = hashlib.sha256(bytes_of(array)).hexdigest()
    return {"dtype": array.dtype.str, "shape": list(array.shape), "sha256": digest}


def bytes_of(array: NDArray) -> memoryview:
    """The memory of a contiguous array, not copied."""
    flat: Any = array.reshape(-1).view(np.uint8)
    return memoryview(flat)


def read(path: str | os.PathLike) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """The manifest and the arrays, each compared with the manifest before and after it is read."""
    with files.open_regular(path) as file:
        comment = ending(file)
        archive = zipfile.ZipFile(file)
        members = stored(archive, os.fstat(file.fileno()).st_size)
        text = archive.read(members[MANIFEST])
        manifest = json.loads(text)
        check(manifest, text, comment)
        about = manifest["arrays"]
        names = [MANIFEST, *(f"{name}.npy" for name in about)]
        if list(members) != names:
            others = sorted(set(members) ^ set(names)) or ["another order"]
            raise refused("", "the members of its manifest", others[0])
        return manifest, {n: member(archive, members[f"{n}.npy"], n, about[n]) for n in about}


def ending(file: BinaryIO) -> bytes:
    """The comment of a zip file whose end is as `write` makes it."""
    size = file.seek(0, os.SEEK_END)
    for length in (len(MARK) + 64, 0):  # of the comment; format 2 had none
        file.seek(max(0, size - END.size - length))
        raw = file.read(END.size)
        if len(raw) == END.size and raw[:4] == b"PK\5\6":
            _, disk, disk2, here, total, directory, start, found = END.unpack(raw)
            whole = start + directory + END.size + length == size and found == length
            if whole and disk == disk2 == 0 and here == total and directory <= MOST[1]:
                return file.read(length)
    raise refused("", "an intact minigen checkpoint", f"{size} bytes that do not end like one")


def stored(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """The members of an archive by name: stored plainly, one after the other, each once."""
    members: dict[str, zipfile.ZipInfo] = {}
    end = 0
    for info in archive.infolist():
        name = info.filename
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise refused(name, "a member that is not compressed", "one that is")
        if info.flag_bits & ~0x800 or name in members or info.header_offset < end:
            raise refused(name, "plain members, one after the other", "another archive")
        end = info.header_offset + info.file_size
        members[name] = info
    if next(iter(members), "") != MANIFEST or end > size or members[MANIFEST].file_size > MOST[0]:
        raise refused(MANIFEST, "a short manifest as the first member", "another archive")
    return members


def check(manifest: Any, text: bytes, comment: bytes) -> None:
    """Refuse a manifest of another format, or without its parts, or with another hash."""
    if not isinstance(manifest, dict) or type(manifest.get("format")) is not int:
        raise refused(MANIFEST, f"format {FORMAT}", "none")
    version = manifest["format"]
    if version > FORMAT:
        found = f"{version}, of minigen {manifest.get('minigen')!s:.40}; this is {__version__}"
        raise refused(MANIFEST, f"format {FORMAT} or older", found)
    if version < OLDEST:
        raise refused(MANIFEST, f"format {OLDEST} to {FORMAT}", f"{version}, of an older minigen")
    if version > 2 and comment != MARK + hashlib.sha256(text).hexdigest().encode():
        raise refused(MANIFEST, "the hash of the archive's comment", "another")
    if not all(isinstance(manifest.get(key), dict) for key in ("model", "arrays")):
        raise refused(MANIFEST, "the parts model and arrays", "others")


def member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, about: Mapping[str, Any]
) -> NDArray:
    """One array, which is no longer than its member, which is no longer than the file."""
    if not isinstance(about, dict) or sorted(about) != ["dtype", "sha256", "shape"]:
        raise refused(name, "dtype, sha256 and shape", "others")
    shape = about["shape"]
    if about["dtype"] not in DTYPES:
        raise refused(name, f"one of the dtypes {', '.join(DTYPES)}", about["dtype"])
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise refused(name, "a shape", shape)
    dtype = np.dtype(about["dtype"])
    size = dtype.itemsize * math.prod(shape)
    if not size < info.file_size <= size + 2**14:
        raise refused(name, f"{size} bytes for the shape {shape}", f"{info.file_size} bytes")
    stream: Any
    with archive.open(info) as stream:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise refused(name, "a .npy member of version 1.0", "another")
        header = np.lib.format.read_array_header_1_0(stream)
        if header != (tuple(shape), False, dtype):
            raise refused(name, f"{dtype} {tuple(shape)}", f"{header[2]} {header[0]}")
        array = np.empty(shape, dtype)
        space = bytes_of(array)
        while space and (n := stream.readinto(space)):
            space = space[n:]
        if space or stream.read(1):
            raise refused(name, f"{size} bytes of data", "another number")
    if hashlib.sha256(bytes_of(array)).hexdigest() != about["sha256"]:
        raise refused(name, "the array of the manifest", "another")
    return array.astype(dtype.newbyteorder("="), copy=False)
