"""The far side of the wall: loads a student's module and calls its functions with arrays.

Stand-alone: `python -I -S -B worker.py NUMPY_HOME` with requests on descriptor 0, responses on 1
and the null device on 2. It knows no expected value, no seed and no mark, and nothing it sends
means "pass".
"""

import contextlib
import importlib.machinery
import math
import os
import struct
import sys
import types
import warnings
from typing import Any

TYPES = {b"d": "<f8", b"f": "<f4", b"q": "<i8", b"?": "|b1", b"D": "<c16", b"B": "|u1"}
LOAD, CALL, KEEP, COUNTED = 0, 1, 2, 4
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


def counting(numpy: Any) -> Any:
    """A class of arrays that count the multiply-adds of what NumPy computes with them.

    A product of arrays counts its multiplications, any other function the size of its largest
    array; indexing and copying count nothing.
    """

    def plain(value: Any) -> Any:
        return value.view(numpy.ndarray) if isinstance(value, Counted) else value

    def wrapped(value: Any) -> Any:
        return value.view(Counted) if type(value) is numpy.ndarray else value

    class Counted(numpy.ndarray):
        work = 0.0  # of all these arrays

        def dot(self, other: Any, out: Any = None) -> Any:
            return numpy.dot(self, other, out)

        def __array_ufunc__(
            self, ufunc: Any, method: str, *inputs: Any, out: tuple = (), **options: Any
        ) -> Any:
            given = [plain(a) for a in inputs]
            options = {name: plain(a) for name, a in options.items()}
            if out:
                options["out"] = tuple(map(plain, out))
            result = getattr(ufunc, method)(*given, **options)
            if ufunc.signature:  # matmul
                Counted.work += numpy.size(result) * numpy.shape(given[0])[-1]
            else:
                counted = given[2:] if method == "at" else [*given, result]
                Counted.work += max(map(numpy.size, counted), default=0)
            return out[0] if len(out) == 1 else wrapped(result)

        def __array_function__(
            self, function: Any, types: Any, inputs: tuple, options: dict
        ) -> Any:
            name = function.__name__
            if name not in ("dot", "einsum", "inner", "outer", "tensordot", "vdot"):
                if name in ("cholesky", "det", "inv", "slogdet", "solve"):
                    Counted.work += numpy.size(inputs[0]) * numpy.shape(inputs[0])[-1]
                return wrapped(super().__array_function__(function, types, inputs, options))
            given = [plain(a) for a in inputs]
            result = function(*given, **{name: plain(a) for name, a in options.items()})
            if isinstance(given[0], str):
                sizes = {}
                for labels, array in zip(
                    given[0].split("->")[0].split(","), given[1:], strict=True
                ):
                    sizes.update(zip(labels.strip()[::-1], numpy.shape(array)[::-1], strict=False))
                Counted.work += math.prod(sizes.values())
            else:  # (n, k) times (k, m): the root of nk km nm
                Counted.work += math.prod(map(numpy.size, [*given[:2], result])) ** 0.5
            return wrapped(result)

    return Counted


@contextlib.contextmanager
def conversions(numpy: Any, Counted: Any) -> Any:
    """While it lasts, np.array and its like leave a counted array counted."""
    original = {name: getattr(numpy, name) for name in ("array", "asarray", "ascontiguousarray")}

    def keeping(function: Any) -> Any:
        def convert(value: Any, *args: Any, **options: Any) -> Any:
            result = function(value, *args, **options)
            return result.view(Counted) if isinstance(value, Counted) else result

        return convert

    try:
        for name, function in original.items():
            setattr(numpy, name, keeping(function))
        yield
    finally:
        for name, function in original.items():
            setattr(numpy, name, function)


class Desk:
    """A student's module, and the caches its forward passes left."""

    def __init__(self, numpy: Any) -> None:
        self.np, self.module, self.caches = numpy, types.ModuleType("submission"), {}
        self.Counted = counting(numpy)

    def answer(self, operation: int, name: str, values: list) -> tuple[int, list]:
        """(status, values): every exception of the student's code is caught."""
        try:
            return DONE, self.perform(operation, name, values)
        except NotImplementedError:
            return UNWRITTEN, []
        except BaseException as error:  # SystemExit and KeyboardInterrupt too
            return FAILED, [self.words(error)]

    def perform(self, operation: int, name: str, values: list) -> list:
        """The arrays of one request; with COUNTED, the work it took after them."""
        if operation == LOAD:
            return self.load(values[0].tobytes())
        function = getattr(self.module, name, None)
        if not callable(function):
            raise AttributeError(f"the file defines no function {name}")
        if not operation & COUNTED:
            return self.sent(operation, function(*(self.lent(v, self.np.ndarray) for v in values)))
        self.Counted.work = 0.0
        with conversions(self.np, self.Counted):
            result = function(*(self.lent(v, self.Counted) for v in values))
        work = self.np.asarray(float(self.Counted.work))
        return [*self.sent(operation, result), work]

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
