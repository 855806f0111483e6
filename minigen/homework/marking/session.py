"""Calls of a submission's functions; a worker that is lost is started again for the next task."""

import io
import time
import tokenize
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.homework.wall import LIMITS, Limits, Lost, Worker, frames

MAX_SOURCE = 200_000
STARTS = 4


class Failure(Exception):
    """A call that returned no arrays; its text is for the student."""


class Unwritten(Failure):
    """The function still raises NotImplementedError."""


class Session:
    """Calls a student's functions. `open_desk` starts a Worker, or in tests what stands for one."""

    def __init__(self, source: bytes, open_desk: Callable[[], Any],
                 limits: Limits = LIMITS) -> None:  # fmt: skip
        self.source, self.open_desk, self.limits = source, open_desk, limits
        self.desk, self.broken, self.starts = None, "", STARTS
        self.deadline = time.monotonic() + limits.total

    @property
    def down(self) -> bool:
        """Whether the worker of the last request is gone."""
        return self.desk is None or bool(self.desk.lost)

    def ready(self) -> Any:
        """A loaded worker, or Failure for good."""
        if self.broken:
            raise Failure(self.broken)
        if self.desk is not None and not self.desk.lost:
            return self.desk
        self.close()
        if self.starts == 0 or time.monotonic() > self.deadline:
            self.broken = "not tried: the time or the number of restarts for one file is used up"
            raise Failure(self.broken)
        self.starts -= 1
        self.desk = self.open_desk()
        self.load(self.desk)
        return self.desk

    def load(self, desk: Any) -> None:
        """Loads the file into a worker."""
        try:
            status, values = desk.load(self.source)
        except Lost as error:
            self.broken = f"the file could not be loaded: {error}"
            raise Failure(self.broken) from None
        if status == frames.UNWRITTEN:
            self.broken = "the file raises NotImplementedError as it is loaded"
        elif status == frames.FAILED:
            self.broken = f"the file could not be loaded: {message(values)}"
        if self.broken:
            raise Failure(self.broken)

    def ask(self, name: str, values: Sequence, keep: bool = False,
            counted: bool = False) -> list[Any]:  # fmt: skip
        """The outputs of a student's function; with `keep` the handle of its cache after them,
        with `counted` the work it took."""
        desk = self.ready()
        seconds = min(self.limits.call, max(0.1, self.deadline - time.monotonic()))
        operation = frames.KEEP if keep else frames.CALL
        operation |= frames.COUNTED if counted else 0
        try:
            status, out = desk.ask(operation, name, list(map(_sendable, values)), seconds)
        except Lost as error:
            raise Failure(f"{name}: {error}") from None
        if status == frames.UNWRITTEN:
            raise Unwritten(f"{name} is not written yet")
        if status == frames.FAILED:
            raise Failure(f"{name} raised {message(out)}{_hint(out)}")
        arrays = out[: len(out) - keep - counted]
        if len(out) < keep + counted or any(isinstance(v, frames.Handle) for v in arrays):
            raise Failure(f"{name} returned something that is not an array")
        return out

    def count(self, name: str, values: Sequence, keep: bool = False) -> tuple[list[Any], float]:
        """(the outputs as `ask` returns them, the work in multiply-adds)."""
        *out, work = self.ask(name, values, keep, counted=True)
        if isinstance(work, frames.Handle) or work.shape or work.dtype != float:
            raise Failure(f"{name} returned something that is not an array")
        return out, float(work)

    def close(self) -> None:
        """Ends the worker."""
        if self.desk is not None:
            self.desk.close()


def _sendable(value: Any) -> NDArray | frames.Handle:
    """An array of a type that can be sent."""
    if isinstance(value, frames.Handle):
        return value
    array = np.asarray(value)
    return array.astype("<i8") if array.dtype.kind in "iu" else array


def message(values: Sequence) -> str:
    """A worker's message, made harmless: printable ASCII, 500 characters."""
    if len(values) != 1 or not isinstance(values[0], np.ndarray):
        return "an error"
    text = values[0].tobytes()[:500].decode("ascii", "replace")
    return "".join(c if c.isprintable() else " " for c in text)


def _hint(values: Sequence) -> str:
    """The usual reason of a ValueError that NumPy marks by its words alone."""
    text = message(values)
    return " -- it writes into its input: work on a copy" if "read-only" in text else ""


def behind_wall(level: int, limits: Limits) -> Callable[[], Worker]:
    """The function that starts a worker."""
    return lambda: Worker(level, limits)


def complex_numbers(source: bytes) -> list[int]:
    """The lines where a file uses complex numbers, found by its tokens without running it."""
    words = {"imag", "complex", "complex64", "complex128", "complexfloating", "csingle", "cdouble"}
    lines = set()
    try:
        for token in tokenize.tokenize(io.BytesIO(source).readline):
            imaginary = token.type == tokenize.NUMBER and token.string[-1] in "jJ"
            if imaginary or (token.type == tokenize.NAME and token.string in words):
                lines.add(token.start[0])
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        return sorted(lines)
    return sorted(lines)
