"""IDX files, the format of MNIST: bytes behind a header that says how many, plain or gzipped.

    0 0 type rank | size_1 ... size_rank | numbers      sizes are 32-bit, big-endian

type 8 is unsigned bytes; pictures have rank 3, (N, H, W), labels rank 1, (N,).
"""

import gzip
import math
import pathlib
import zlib
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from minigen.core.validate import expected

CHUNK = 2**24
BYTES = 8  # the type of MNIST and of all that follow it


def is_idx(path: pathlib.Path) -> bool:
    """Whether the name is that of an IDX file: train-images-idx3-ubyte.gz, digits.idx."""
    name = path.name.removesuffix(".gz")
    return name.endswith(("-ubyte", ".idx")) or "-idx" in name or ".idx" in name


def read_idx(path: pathlib.Path, rank: int) -> NDArray:
    """The unsigned bytes in an IDX file of that rank."""
    with open(path, "rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        try:
            stream: Any = gzip.GzipFile(fileobj=raw) if packed else raw
            return _bytes(path, stream, rank)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise expected(str(path), "an intact gzip file", f"a damaged one ({error})") from None


def _bytes(path: pathlib.Path, stream: IO[bytes], rank: int) -> NDArray:
    """The array; no more is read than the header declares."""
    head = stream.read(4)
    if len(head) < 4 or head[:2] != b"\0\0":
        got = " ".join(f"{b:02x}" for b in head) or "an empty file"
        raise expected(f"{path}: bytes 0..3", "an IDX file, 00 00 08 and the rank", got)
    if head[2] != BYTES:
        raise expected(f"{path}: byte 2", "08, unsigned bytes", f"{head[2]:02x}")
    if head[3] != rank:
        what = f"{rank}, {'pictures (N, H, W)' if rank == 3 else 'labels (N,)'}"
        raise expected(f"{path}: byte 3, the rank", what, head[3])
    sizes = stream.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise expected(f"{path}: the header", f"{4 + 4 * rank} bytes", 4 + len(sizes))
    shape = tuple(int(n) for n in np.frombuffer(sizes, ">u4"))
    if min(shape) < 1:
        raise expected(f"{path}: the header", "sizes of 1 or more", shape)
    count = math.prod(shape)
    content = _at_most(stream, count + 1)
    if len(content) != count:
        got = "more" if len(content) > count else len(content)
        raise expected(str(path), f"{count} bytes after the header, for shape {shape}", got)
    return np.frombuffer(content, np.uint8).reshape(shape)


def _at_most(stream: IO[bytes], count: int) -> bytes:
    """The next `count` bytes, or fewer; no memory is asked for what is not there."""
    parts, left = [], count
    while left and (part := stream.read(min(left, CHUNK))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
