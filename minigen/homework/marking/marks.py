"""Marks a submission: fresh inputs, shuffled and repeated calls; a part not tried earns nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from minigen.homework.assignments import Pair, Question, Task, Value
from minigen.homework.marking.pairs import PairCheck
from minigen.homework.marking.questions import QuestionCheck
from minigen.homework.marking.session import Session
from minigen.homework.marking.task_check import Result, Status, TaskCheck
from minigen.homework.marking.values import ValueCheck

CHECKS = {Pair: PairCheck, Value: ValueCheck, Question: QuestionCheck}


@dataclass(frozen=True)
class Mark:
    """The mark of one part: its points, its status, and the reason where it is not right."""

    part: str
    points: float
    status: Status = Status.UNTRIED
    why: str = ""
    flag: str = ""  # for the instructor: what may be wrong with it although it is right

    @property
    def right(self) -> bool:
        """Whether the part earns its points."""
        return self.status == Status.RIGHT

    @property
    def earned(self) -> float:
        """All points of a right part, none of another."""
        return self.points if self.right else 0


def mark(tasks: Iterable[Task], session: Session, seed: tuple[int, ...],
         practice: bool = False) -> list[Mark]:  # fmt: skip
    """The marks of all parts; the integers of `seed` decide the inputs."""
    marks, lines = [], session.facts.get("complex")
    for k, task in enumerate(tasks):
        check = CHECKS[type(task)](task, session, (*seed, k), practice)
        if isinstance(check, PairCheck) and lines:
            check.refusal = (
                f"the file uses complex numbers (line {lines[0]}): derive the gradient instead, "
                "and keep your own checks in another file"
            )
        results = _results(check)
        for part, points in task.parts():
            marks.append(Mark(part, points, *results[part]))
    return marks


def _results(check: TaskCheck) -> dict[str, Result]:
    """The result of each part; a fault of the checker itself earns no point and ends no run."""
    try:
        with np.errstate(all="ignore"):
            return check.checked()
    except Exception as error:
        why = f"the checker failed here: {type(error).__name__}: {error}"[:300]
        return {part: Result(Status.UNTRIED, why) for part, _ in check.task.parts()}
