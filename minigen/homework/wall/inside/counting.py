"""The cost of a student's function, by counting: multiply-adds of arrays, lines, calls.

No clock: the numbers are the same on a loaded machine.
"""

import contextlib
import math
import sys
from typing import Any

MOST_LINES = 1_000_000  # of one call: a loop over the indices of its arrays takes far less


class TooSlow(BaseException):
    """A call that runs more lines than any right solution needs."""


class Steps:
    """While it lasts, counts the lines of one file that run, and the calls of its functions."""

    def __init__(self, file: str) -> None:
        self.file, self.lines, self.calls = file, 0, {}

    def __enter__(self) -> "Steps":
        sys.settrace(self.entered)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def entered(self, frame: Any, event: str, arg: Any) -> Any:
        """A function begins, or a generator goes on."""
        code = frame.f_code
        if code.co_filename != self.file:
            return None
        self.calls[code] = self.calls.get(code, 0) + 1
        return self.ran(frame, "line", arg)

    def ran(self, frame: Any, event: str, arg: Any) -> Any:
        """A line begins; a loop within one line counts each time round."""
        if event == "line":
            self.lines += 1
            if self.lines > MOST_LINES:
                raise TooSlow(f"stopped after {MOST_LINES} lines of the file in one call")
        return self.ran

    def most(self, ending: str = "") -> int:
        """The calls of the function called most, of those whose name has this ending."""
        return max((n for c, n in self.calls.items() if c.co_name.endswith(ending)), default=0)


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
