"""Marks a submission: fresh inputs, shuffled and repeated calls; the default verdict is "no"."""

from dataclasses import dataclass

import numpy as np

from minigen.homework.assignments import Pair, Question, Value
from minigen.homework.marking.pairs import PairTrial
from minigen.homework.marking.questions import QuestionTrial
from minigen.homework.marking.session import complex_numbers
from minigen.homework.marking.values import ValueTrial

TRIALS = {Pair: PairTrial, Value: ValueTrial, Question: QuestionTrial}


@dataclass(frozen=True)
class Mark:
    """The verdict on one part: `earned` of `points`, and why not all."""

    part: str
    points: float
    earned: float = 0
    why: str = "not tried"

    @property
    def right(self):
        return self.earned == self.points


def mark(tasks, session, seed, practice=False):
    """The marks of all parts; `seed` (a list of integers) decides the inputs."""
    marks, lines = [], complex_numbers(session.source)
    for k, task in enumerate(tasks):
        trial = TRIALS[type(task)](task, session, (*seed, k), practice)
        if isinstance(task, Pair) and lines:
            trial.refuse(f"the file uses complex numbers (line {lines[0]}): derive it instead, "
                         "and keep your own checks in another file")  # fmt: skip
        reasons = reasons_of(trial)
        marks += [
            Mark(part, points, 0 if reasons[part] else points, reasons[part])
            for part, points in task.parts()
        ]
    return marks


def reasons_of(trial):
    """{part: why it is wrong, or ""}; a mistake of the checker's own is no point and no crash."""
    try:
        with np.errstate(all="ignore"):
            return trial.reasons()
    except Exception as error:
        why = f"the checker failed here: {type(error).__name__}: {error}"[:300]
        return {part: why for part, _ in trial.task.parts()}
