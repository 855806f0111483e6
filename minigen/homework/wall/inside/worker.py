"""The far side of the wall: loads a student's module and calls its functions with arrays.

Stand-alone: `python -I -S -B worker.py NUMPY_HOME` with requests on descriptor 0, responses on 1
and the null device on 2. It knows no expected value, no seed and no mark, and nothing it sends
means "pass".
"""

import importlib
import importlib.machinery
import json
import os
import struct
import sys
import types
import warnings
from typing import Any

PACKAGE = f"{__package__}." if __package__ else ""
if not PACKAGE:  # run by its path: -I leaves its folder out
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
counting = importlib.import_module(f"{PACKAGE}counting")

TYPES = {b"d": "<f8", b"f": "<f4", b"q": "<i8", b"?": "|b1", b"D": "<c16", b"B": "|u1"}
LOAD, CALL, KEEP, COUNTED, OPEN = 0, 1, 2, 4, 8
DONE, FAILED, UNWRITTEN = range(3)
FILE = "submission.py"


class OnlyNumPy:
    """Finds the package numpy in its home, and nothing else that is installed there."""

    def __init__(self, home: str) -> None:
        self.home = home

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The module's place, or None."""
        if name == "numpy":
            return importlib.machinery.PathFinder.find_spec(name, [self.home])
        return None


class Desk:
    """A student's module, and the caches its forward passes left."""

    def __init__(self, numpy: Any) -> None:
        self.np, self.module, self.caches = numpy, types.ModuleType("submission"), {}
        self.Counted = counting.counting(numpy)

    def answer(self, operation: int, name: str, values: list) -> tuple[int, list]:
        """(status, values): every exception of the student's code is caught."""
        try:
            return DONE, self.perform(operation, name, values)
        except NotImplementedError:
            return UNWRITTEN, []
        except BaseException as error:  # SystemExit and KeyboardInterrupt too
            return FAILED, [self.words(error)]

    def perform(self, operation: int, name: str, values: list) -> list:
        """The arrays of one request; with COUNTED, what it cost after them."""
        if operation == LOAD:
            return self.load(values[0].tobytes())
        if operation == OPEN:
            return self.open(values[0].tobytes(), *name.split(" "))
        function = getattr(self.module, name, None)
        if not callable(function):
            raise AttributeError(f"the file defines no function {name}")
        if not operation & COUNTED:
            return self.sent(operation, function(*(self.lent(v, self.np.ndarray) for v in values)))
        return self.counted(operation, function, values)

    def counted(self, operation: int, function: Any, values: list) -> list:
        """The arrays, then multiply-adds, lines, calls of one function, calls of a forward pass."""
        self.Counted.work = 0.0
        lent = [self.lent(v, self.Counted) for v in values]
        with counting.conversions(self.np, self.Counted), counting.Steps(FILE) as steps:
            result = function(*lent)
        cost = self.Counted.work, steps.lines, steps.most(), steps.most("_forward")
        return [*self.sent(operation, result), self.np.asarray(cost, dtype=float)]

    def sent(self, operation: int, result: Any) -> list:
        """What a function returned, as arrays; with KEEP, a handle for the cache."""
        if operation & KEEP:
            return self.keep(result)
        return self.arrays(result if isinstance(result, (tuple, list)) else (result,))

    def load(self, source: bytes) -> list:
        """Runs the module's text."""
        code = compile(source, FILE, "exec", dont_inherit=True)
        sys.modules["submission"] = self.module
        exec(code, self.module.__dict__)
        return []

    def open(self, upload: bytes, kind: str, wanted: str) -> list:
        """The module in an upload, and what is known of it, as bytes."""
        uploads = importlib.import_module(f"{PACKAGE}uploads")
        source, facts = uploads.opened(upload, kind, wanted)
        edits = importlib.import_module(f"{PACKAGE}edits")
        facts["edits"] = edits.edits(source) if "print" in facts else []
        text = json.dumps(facts).encode("ascii", "replace")
        return [self.np.frombuffer(part, "|u1") for part in (source, text)]

    def lent(self, value: Any, kind: Any) -> Any:
        """A cache by its handle, a number for an array of no dimension, a read-only array."""
        if isinstance(value, int):
            return self.caches[value]
        if value.ndim == 0:
            return value.item()
        value.flags.writeable = False
        return value.view(kind)

    def keep(self, result: Any) -> list:
        """The outputs of a forward pass, and the handle of its cache."""
        if not isinstance(result, tuple) or not result:
            raise TypeError(f"expected a tuple with the cache at its end, got {result!r:.80}")
        handle = len(self.caches)
        self.caches[handle] = result[-1]
        return [*self.arrays(result[:-1]), handle]

    def arrays(self, values: Any) -> list:
        """Outputs as arrays."""
        return [self.array(k, v) for k, v in enumerate(values)]

    def array(self, k: int, value: Any) -> Any:
        """Output k as an array of a type that can be sent."""
        if value is None or isinstance(value, (dict, str, bytes)):
            raise TypeError(f"output {k + 1}: expected an array, got {type(value).__name__}")
        array = self.np.asarray(value)
        if array.dtype.kind in "iu":
            array = array.astype("<i8")
        if array.dtype.str not in TYPES.values():
            raise TypeError(f"output {k + 1}: expected an array of numbers, got {array.dtype}")
        return array

    def words(self, error: BaseException) -> Any:
        """The type of an exception, its message and its line, as bytes."""
        line, step = "", error.__traceback__
        while step is not None:
            if step.tb_frame.f_code.co_filename == FILE:
                line = f", line {step.tb_lineno}"
            step = step.tb_next
        if isinstance(error, SyntaxError):
            line = f", line {error.lineno}"
            error = type(error)(error.msg)
        if isinstance(error, ModuleNotFoundError):
            line += " -- only NumPy and Python's own library are there"
        text = f"{type(error).__name__}: {error}"[:400] + line
        return self.np.frombuffer(text.encode("ascii", "replace"), "|u1")


def read(descriptor: int, count: int) -> bytes:
    """Exactly `count` bytes; the end of the pipe ends the worker."""
    parts = []
    while count:
        part = os.read(descriptor, min(count, 1 << 16))
        if not part:
            os._exit(0)
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def parse(numpy: Any, body: bytes) -> tuple[bytes, int, str, list]:
    """(nonce, operation, name, values) of a request, which the parent made: it is not checked."""
    operation, length = struct.unpack_from("<BB", body, 16)
    name = body[18 : 18 + length].decode("ascii")
    (count,), at = struct.unpack_from("<H", body, 18 + length), 20 + length
    values = []
    for _ in range(count):
        code = body[at : at + 1]
        if code == b"h":
            values.append(struct.unpack_from("<I", body, at + 1)[0])
            at += 5
            continue
        ndim = body[at + 1]
        shape = struct.unpack_from(f"<{ndim}I", body, at + 2)
        size = 1
        for n in shape:
            size *= n
        at += 2 + 4 * ndim
        flat = numpy.frombuffer(body, TYPES[code], size, at)
        values.append(flat.reshape(shape).copy())
        at += flat.nbytes
    return body[:16], operation, name, values


def item(value: Any) -> bytes:
    """One array or the handle of a cache, as bytes."""
    if isinstance(value, int):
        return b"h" + struct.pack("<I", value)
    code = next(code for code, kind in TYPES.items() if kind == value.dtype.str)
    sizes = struct.pack(f"<{value.ndim}I", *value.shape)
    return code + struct.pack("<B", value.ndim) + sizes + value.tobytes()


def serve(desk: Desk, requests: int, responses: int) -> None:
    """Answers until the pipe closes."""
    while True:
        (length,) = struct.unpack("<I", read(requests, 4))
        nonce, operation, name, values = parse(desk.np, read(requests, length))
        status, values = desk.answer(operation, name, values)
        body = nonce + struct.pack("<BH", status, len(values)) + b"".join(map(item, values))
        body = struct.pack("<I", len(body)) + body
        while body:
            body = body[os.write(responses, body) :]


def main() -> None:
    """Moves the pipes away from where prints go, loads NumPy, serves."""
    requests, responses = os.dup(0), os.dup(1)
    if os.name == "nt":
        import msvcrt

        msvcrt.setmode(requests, os.O_BINARY)
        msvcrt.setmode(responses, os.O_BINARY)
    for descriptor in (0, 1):
        os.dup2(2, descriptor)
    sys.meta_path.append(OnlyNumPy(sys.argv[1]))
    import numpy

    warnings.simplefilter("ignore")
    serve(Desk(numpy), requests, responses)


if __name__ == "__main__":
    main()
