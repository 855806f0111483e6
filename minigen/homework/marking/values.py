"""A function without a backward pass, on trial."""

import time

import numpy as np

from minigen.homework.marking import reference as ref
from minigen.homework.marking.session import Failure
from minigen.homework.marking.trials import REPEAT, Shared, large, same, shuffled, value_verdict

BESIDE, TRIES = 8, 3  # calls of the other function for one of this
SLACK = 2.0  # how much slower than ours the other one may be before it counts as slowed down


class ValueTrial(Shared):
    """A function without a backward pass."""

    def run(self):
        task = self.task
        try:
            why = self.verdict(self.cases)
            if not why and task.factor:
                why = self.cost()
        except Failure as error:
            why = str(error)
        self.why[task.name] = why

    def verdict(self, cases):
        first = {}
        for case in shuffled(cases + cases, self.rng):
            out = self.session.ask(self.task.name, case.values)
            if case in first and not same(out, first[case]):
                return REPEAT
            first[case] = out
        return next(filter(None, (value_verdict(self.task, c, first[c]) for c in large(cases))), "")

    def cost(self):
        """Whether it costs no more than it may beside another function."""
        task = self.task
        case = ref.Case(*task.draw(self.rng, *task.large))
        for _ in range(TRIES):
            beside = self.seconds(task.beside, case, BESIDE)  # as long as `mine`, as much disturbed
            mine = self.seconds(task.name, case, 1)
            self.session.forget()
            why, own = self.undone(case)
            times = mine / min(beside, SLACK * own)
            if why or times <= task.factor:
                return why
            if times > 3 * task.factor:
                break
        return f"it takes {times:.0f} times as long as {task.beside}: {task.why}"

    def undone(self, case):
        """(whether the answer at the large size leads back to the input, seconds of our own)."""
        (out,) = self.session.ask(self.task.name, case.values) or (np.zeros(0),)
        if out.shape != case.given[0].shape:
            return "it has another shape at a larger size", 0.0
        own = np.inf
        for _ in range(3):
            start = time.perf_counter()
            back = self.task.undo(out, *case.given)
            own = min(own, time.perf_counter() - start)
        good = np.allclose(back, case.given[0], 1e-6, 1e-6)
        return "" if good else "right at small sizes, but wrong at a larger one", own

    def seconds(self, name, case, times):
        start = time.perf_counter()
        for _ in range(times):
            self.session.ask(name, case.values, keep=name.endswith("_forward"))
        return (time.perf_counter() - start) / times
