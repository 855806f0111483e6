"""A function without a backward pass, on trial."""

import time

from minigen.homework import reference as ref
from minigen.homework.session import Failure
from minigen.homework.trials import REPEAT, TRIES, Shared, large, same, shuffled, value_verdict

BESIDE = 12  # calls of the other function for one of this


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
            if mine <= task.factor * beside:
                return ""
        return f"it takes {mine / beside:.0f} times as long as {task.beside}: {task.why}"

    def seconds(self, name, case, times):
        start = time.perf_counter()
        for _ in range(times):
            self.session.ask(name, case.values, keep=name.endswith("_forward"))
        return (time.perf_counter() - start) / times
