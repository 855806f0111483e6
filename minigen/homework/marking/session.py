"""A submission on trial: its worker, started again for the next task when one is lost."""

import io
import time
import tokenize

import numpy as np

from minigen.homework.wall import LIMITS, Lost, Worker, frames

MAX_SOURCE = 200_000
LIVES = 4


class Failure(Exception):
    """A call that gave no arrays: what to tell the student."""


class Unwritten(Failure):
    """The function still raises NotImplementedError."""


class Session:
    """Asks a student's functions. `open` gives a desk: a Worker, or in tests anything like one."""

    def __init__(self, source, open_desk, limits=LIMITS):
        self.source, self.open_desk, self.limits = source, open_desk, limits
        self.desk, self.broken, self.lives = None, "", LIVES
        self.deadline = time.monotonic() + limits.total

    @property
    def down(self):
        """Whether the worker of the last request is gone."""
        return self.desk is None or bool(self.desk.lost)

    def ready(self):
        """A loaded worker, or Failure for good."""
        if self.broken:
            raise Failure(self.broken)
        if self.desk is not None and not self.desk.lost:
            return
        self.close()
        if self.lives == 0 or time.monotonic() > self.deadline:
            self.broken = "not tried: the time or the number of restarts for one file is used up"
            raise Failure(self.broken)
        self.lives -= 1
        self.desk = self.open_desk()
        self.load()

    def load(self):
        try:
            status, values = self.desk.load(self.source)
        except Lost as error:
            self.broken = f"the file could not be loaded: {error}"
            raise Failure(self.broken) from None
        if status == frames.UNWRITTEN:
            self.broken = "the file raises NotImplementedError as it is loaded"
        elif status == frames.FAILED:
            self.broken = f"the file could not be loaded: {said(values)}"
        if self.broken:
            raise Failure(self.broken)

    def ask(self, name, values, keep=False):
        """The outputs of a function of the student's; with `keep`, the handle of its cache last."""
        self.ready()
        seconds = min(self.limits.call, max(0.1, self.deadline - time.monotonic()))
        operation = frames.KEEP if keep else frames.CALL
        try:
            status, out = self.desk.ask(operation, name, list(map(plain, values)), seconds)
        except Lost as error:
            raise Failure(f"{name}: {error}") from None
        if status == frames.UNWRITTEN:
            raise Unwritten(f"{name} is not written yet")
        if status == frames.FAILED:
            raise Failure(f"{name} raised {said(out)}{hint(out)}")
        if any(isinstance(v, frames.Handle) for v in out[: -1 if keep else None]):
            raise Failure(f"{name}: it sent what is no answer")
        return out

    def forget(self):
        """Drops the caches of earlier forward passes."""
        self.ready()
        try:
            self.desk.ask(frames.FORGET, "", [])
        except Lost as error:
            raise Failure(str(error)) from None

    def close(self):
        if self.desk is not None:
            self.desk.close()


def plain(value):
    """An array of a type that crosses."""
    if isinstance(value, frames.Handle):
        return value
    array = np.asarray(value)
    return array.astype("<i8") if array.dtype.kind in "iu" else array


def said(values):
    """A worker's message, made harmless: printable ASCII, 500 characters."""
    if len(values) != 1 or not isinstance(values[0], np.ndarray):
        return "an error"
    text = values[0].tobytes()[:500].decode("ascii", "replace")
    return "".join(c if c.isprintable() else " " for c in text)


def hint(values):
    """What usually stands behind an exception."""
    text = said(values)
    if "read-only" in text:
        return " -- it writes into its input: work on a copy"
    if "No module named" in text:
        return " -- only NumPy and Python's own library are there"
    return ""


def behind_wall(level, limits):
    """The function that opens a worker."""
    return lambda: Worker(level, limits)


def complex_numbers(source):
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
