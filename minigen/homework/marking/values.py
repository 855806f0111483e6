"""The check of a function without a backward pass."""

import numpy as np

from minigen.homework.assignments import Value
from minigen.homework.marking import compare, diagnose
from minigen.homework.marking import reference as ref
from minigen.homework.marking.task_check import UNSTABLE, TaskCheck

LEAST = 0.1  # of the work of `undo`: less has escaped the count


class ValueCheck(TaskCheck):
    """A function without a backward pass."""

    task: Value

    def run(self) -> None:
        self.results[self.task.name] = self.result(lambda: self.wrong() or self.too_much_work())

    def wrong(self) -> str | None:
        """Why it is wrong in some case."""
        first = {}
        for case in self.shuffled(self.cases * 2):
            out = self.session.ask(self.task.name, case.values)
            if not compare.same(first.setdefault(case, out), out):
                return UNSTABLE
        return diagnose.outputs(self.task, first)

    def too_much_work(self) -> str | None:
        """Why its work at the large size is too much, where there is a limit."""
        task = self.task
        if task.undo is None:
            return None
        case = ref.Case((), tuple(task.draw(self.rng, *task.large)))
        out, cost = self.session.count(task.name, case.values)
        if len(out) != 1 or out[0].shape != np.shape(case.given[0]):
            return "the shape is wrong at a larger size"
        back, unit = ref.work(task.undo, out[0], *case.given)
        if not np.allclose(back, case.given[0], 1e-6, 1e-6):
            return "right at small sizes, but wrong at a larger one"
        if cost.work < LEAST * unit:
            return "its work cannot be counted: use the arrays as they are given"
        if cost.work > task.times * unit:
            return f"it does {cost.work / unit:.0f} times the work of one pass: {task.why}"
        return None
