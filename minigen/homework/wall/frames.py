"""What crosses the wall: frames of raw arrays with a nonce, parsed under caps. No pickle, no JSON.

    frame    = length u32, body
    request  = nonce (16), operation u8, name length u8, name, count u16, items
    response = nonce (16), status u8, count u16, items
    item     = dtype code u8, ndim u8, sizes u32 each, bytes;  "h" is a handle: one u32

CALL returns the outputs, KEEP the outputs and a handle for the cache; with COUNTED its cost
follows. OPEN returns the module in an upload and what is known of it. The worker has its own copy
of this format (it imports nothing of minigen); the parent trusts no length, no code and no shape of
a response.
"""

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

TYPES = {b"d": "<f8", b"f": "<f4", b"q": "<i8", b"?": "|b1", b"D": "<c16", b"B": "|u1"}
CODES = {np.dtype(t).str: code for code, t in TYPES.items()}
LOAD, CALL, KEEP, COUNTED, OPEN = 0, 1, 2, 4, 8  # COUNTED is added to CALL or KEEP
DONE, FAILED, UNWRITTEN = range(3)
MAX_BYTES, MAX_DIMS, MAX_ITEMS = 1 << 23, 4, 32


class Garbled(ValueError):
    """A response that does not follow the format."""


class Handle(int):
    """The number of a cache that stays in the worker."""


def request(nonce: bytes, operation: int, name: str, values: Sequence) -> bytes:
    """The bytes of a request, its length in front."""
    body = nonce + struct.pack("<BB", operation, len(name)) + name.encode("ascii")
    body += struct.pack("<H", len(values)) + b"".join(map(item, values))
    return struct.pack("<I", len(body)) + body


def item(value: NDArray | Handle) -> bytes:
    """One array, or the handle of a cache."""
    if isinstance(value, Handle):
        return b"h" + struct.pack("<I", value)
    array = np.asarray(value)
    code = CODES[array.dtype.str]
    sizes = struct.pack(f"<{array.ndim}I", *array.shape)
    return code + struct.pack("<B", array.ndim) + sizes + array.tobytes()


def response(body: bytes, nonce: bytes) -> tuple[int, list]:
    """(status, values) of a response to the request with this nonce."""
    if len(body) < 19 or body[:16] != nonce:
        raise Garbled("a response to another request")
    status, count = struct.unpack_from("<BH", body, 16)
    if status not in (DONE, FAILED, UNWRITTEN) or count > MAX_ITEMS:
        raise Garbled("an unknown status")
    values, at = [], 19
    for _ in range(count):
        value, at = _parse(body, at)
        values.append(value)
    if at != len(body):
        raise Garbled("bytes left over")
    return status, values


def _parse(body: bytes, at: int) -> tuple[NDArray | Handle, int]:
    """(value, where the next item begins)."""
    code = body[at : at + 1]
    try:
        if code == b"h":
            return Handle(struct.unpack_from("<I", body, at + 1)[0]), at + 5
        (ndim,) = struct.unpack_from("<B", body, at + 1)
        shape = struct.unpack_from(f"<{min(ndim, MAX_DIMS)}I", body, at + 2)
    except struct.error:
        raise Garbled("an item cut short") from None
    if code not in TYPES or ndim > MAX_DIMS:
        raise Garbled("an array of an unknown kind")
    return _buffer(body, at + 2 + 4 * ndim, TYPES[code], shape)


def _buffer(body: bytes, at: int, dtype: str, shape: tuple[int, ...]) -> tuple[NDArray, int]:
    """(an array of this type and shape at this place, where the next item begins)."""
    count = 1
    for size in shape:
        count *= size  # Python integers: no overflow
    end = at + count * np.dtype(dtype).itemsize
    if end > len(body):
        raise Garbled("an array longer than its frame")
    # A copy, for the bytes may lie anywhere: BLAS kernels fail on unaligned arrays.
    return np.frombuffer(body, dtype, count, at).reshape(shape).copy(), end
