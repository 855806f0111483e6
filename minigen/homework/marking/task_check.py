"""What the check of every kind of task shares: its cases, and a result for each part."""

import enum
import functools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from minigen.homework.assignments import Pair, Question, Task
from minigen.homework.marking import reference as ref
from minigen.homework.marking.session import Failure, Session, Unwritten

UNSTABLE = "a second call gave a different result: does it keep state or use random numbers?"


class Status(enum.StrEnum):
    """The state of one part of a submission."""

    RIGHT = "right"
    WRONG = "wrong"
    EMPTY = "empty"  # the function still raises NotImplementedError
    UNTRIED = "not tried"


class Result(NamedTuple):
    """The status of a part, the reason where it is not right, and a word for the instructor."""

    status: Status
    why: str = ""
    flag: str = ""

    @classmethod
    def of(cls, why: str | None) -> "Result":
        """Wrong for this reason, or right if there is none."""
        return cls(Status.RIGHT) if why is None else cls(Status.WRONG, why)

    @classmethod
    def failed(cls, error: Failure) -> "Result":
        """The result of a call that returned no arrays."""
        return cls(Status.EMPTY if isinstance(error, Unwritten) else Status.WRONG, str(error))


UNTRIED = Result(Status.UNTRIED, "not tried")


@functools.lru_cache(maxsize=256)
def cases(task: Task, seed: tuple[int, ...], practice: bool) -> list[ref.Case]:
    """The cases of a task: the same for every submission of a run, so computed once."""
    reference = task.true if isinstance(task, Question) else task.reference
    sizes = task.practice if practice else task.grading
    draw = task.draw if isinstance(task, Pair) else lambda *size: ((), tuple(task.draw(*size)))
    return ref.cases(reference, draw, sizes, np.random.default_rng([*seed, 0]))


class TaskCheck:
    """Calls the functions of one task; `results` has one for each part."""

    def __init__(self, task: Any, session: Session, seed: tuple[int, ...],
                 practice: bool) -> None:  # fmt: skip
        self.task, self.session = task, session
        self.rng = np.random.default_rng([*seed, 1])
        self.cases = cases(task, seed, practice)
        self.results = {part: UNTRIED for part, _ in task.parts()}

    def run(self) -> None:
        """Fills `results`; a Failure ends it, and is the result of the parts not tried."""
        raise NotImplementedError

    def checked(self) -> dict[str, Result]:
        """The result of each part."""
        try:
            self.run()
        except Failure as error:
            for part, result in self.results.items():
                if result.status == Status.UNTRIED:
                    self.results[part] = Result.failed(error)
        return self.results

    def result(self, reason: Callable[[], str | None]) -> Result:
        """The result of a part, also if its function fails."""
        try:
            return Result.of(reason())
        except Failure as error:
            return Result.failed(error)

    def shuffled(self, items: Iterable[Any]) -> list[Any]:
        """The items in a random order."""
        items = list(items)
        return [items[i] for i in self.rng.permutation(len(items))]
