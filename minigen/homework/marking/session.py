"""Calls of a submission's functions; a worker that is lost is started again for the next task."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minigen.homework.wall import LIMITS, Here, Limits, Lost, Worker, frames, worker

STARTS = 4
HINTS = {  # what an error of Python's or NumPy's means here
    "read-only": "it writes into its input: work on a copy",
    "name 'np' is not defined": "is `import numpy as np` missing at the top?",
    "matmul: ": "the shapes do not fit: is a .T missing, or one too many?",
    "expected a tuple with the cache": "is the cache missing after the outputs?",
}


class Failure(Exception):
    """A call that returned no arrays; its text is for the student."""


class Unwritten(Failure):
    """The function still raises NotImplementedError."""


class Cost(NamedTuple):
    """What a call cost, counted in its worker."""

    arrays: float  # multiply-adds of arrays
    lines: float  # lines of the file that ran
    calls: float  # of the function that was called most
    forwards: float  # of a function of the file whose name ends in _forward

    @property
    def work(self) -> float:
        """Multiply-adds; a line is one at least, so loops over indices are counted too."""
        return self.arrays + self.lines


class Session:
    """Calls a student's functions. `open_desk` starts a Worker, or in tests what stands for one."""

    def __init__(self, source: bytes, open_desk: Callable[[], Any], limits: Limits = LIMITS,
                 facts: dict[str, Any] | None = None) -> None:  # fmt: skip
        self.source, self.open_desk, self.limits = source, open_desk, limits
        self.facts = facts or {}  # what was found in the file's text, without running it
        self.desk, self.broken, self.starts = None, self.facts.get("problem", ""), STARTS
        self.left = limits.total  # seconds, as a worker is charged

    @property
    def down(self) -> bool:
        """Whether the worker of the last request is gone."""
        return self.desk is None or bool(self.desk.lost)

    @property
    def seconds(self) -> float:
        """For one call: half as many each time that a worker was lost and started again."""
        return self.limits.call / 2 ** max(0, STARTS - 1 - self.starts)

    def ready(self) -> Any:
        """A loaded worker, or Failure for good."""
        if self.broken:
            raise Failure(self.broken)
        if self.desk is not None and not self.desk.lost:
            return self.desk
        self.close()
        if self.starts == 0 or self.left <= 0:
            self.broken = "not tried: the time or the number of restarts for one file is used up"
            raise Failure(self.broken)
        self.starts -= 1
        self.desk = self.open_desk()
        self.load(self.desk)
        return self.desk

    def load(self, desk: Any, source: bytes | None = None) -> None:
        """Loads the file into a worker, or another text in its place."""
        try:
            status, values = desk.load(self.source if source is None else source)
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
        operation = frames.KEEP if keep else frames.CALL
        operation |= frames.COUNTED if counted else 0
        try:
            status, out = desk.ask(operation, name, list(map(_sendable, values)), self.seconds)
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

    def count(self, name: str, values: Sequence, keep: bool = False) -> tuple[list[Any], Cost]:
        """(the outputs as `ask` returns them, what they cost)."""
        *out, cost = self.ask(name, values, keep, counted=True)
        if isinstance(cost, frames.Handle) or cost.shape != (4,) or cost.dtype != float:
            raise Failure(f"{name} returned something that is not an array")
        return out, Cost(*map(float, cost))

    def close(self) -> None:
        """Ends the worker."""
        if self.desk is not None:
            self.desk.close()
            self.left -= self.desk.charged
            self.desk = None


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
    """The usual reason of an error that is known by its words alone."""
    text = message(values)
    return next((f" -- {hint}" for words, hint in HINTS.items() if words in text), "")


def behind_wall(level: int, limits: Limits) -> Callable[[], Worker | Here]:
    """The function that starts a worker."""
    return lambda: worker(level, limits)
