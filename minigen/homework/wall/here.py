"""Where there are no processes, as in a browser: a file for practice is checked without a wall."""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from minigen.homework.wall import frames
from minigen.homework.wall.inside.worker import Desk
from minigen.homework.wall.process import Limits, Worker


class Here:
    """What stands for a Worker: the student's code runs in this very process, without limits."""

    def __init__(self) -> None:
        self.desk, self.lost, self.charged = Desk(np), "", 0.0

    def open(self, upload: bytes, kind: str, wanted: str) -> tuple[int, list]:
        """(status, values) of looking into an upload, as a Worker gives them."""
        return self.ask(frames.OPEN, f"{kind} {wanted}", [np.frombuffer(upload, np.uint8)])

    def load(self, source: bytes) -> tuple[int, list]:
        """(status, values) of loading a module's text."""
        return self.ask(frames.LOAD, "", [np.frombuffer(source, np.uint8)])

    def ask(self, operation: int, name: str, values: Sequence,
            seconds: float | None = None) -> tuple[int, list]:  # fmt: skip
        """(status, values) of one request; arrays are copied, as they are for a Worker."""
        given = [int(v) if isinstance(v, frames.Handle) else np.array(v) for v in values]
        with warnings.catch_warnings(action="ignore"):
            status, out = self.desk.answer(operation, name, given)
        return status, [_returned(value) for value in out]

    def close(self) -> None:
        """Forgets the module and its caches."""
        self.lost = self.lost or "closed"


def _returned(value: NDArray | int) -> NDArray | frames.Handle:
    """An array of its own, or the handle of a cache."""
    return frames.Handle(value) if isinstance(value, int) else np.array(value)


def worker(level: int, limits: Limits) -> Worker | Here:
    """What loads and calls a submission at a level of the wall; -1 is none."""
    return Worker(level, limits) if level >= 0 else Here()
