"""What every kind of task has on trial: its cases, the order of calls, a reason for each part."""

import functools

import numpy as np

from minigen.homework.assignments import Question
from minigen.homework.marking import compare
from minigen.homework.marking import reference as ref
from minigen.homework.marking.session import Failure

REPEAT = "it answers otherwise when asked again: does it remember, or draw random numbers?"


@functools.lru_cache(maxsize=256)
def cases(task, seed, practice):
    """The cases of a task: the same for every submission of a run, so computed once."""
    reference = task.true if isinstance(task, Question) else task.reference
    sizes = task.practice if practice else task.grading
    return ref.cases(reference, task.draw, sizes, np.random.default_rng([*seed, 0]))


def shuffled(items, rng):
    return [items[i] for i in rng.permutation(len(items))]


class Shared:
    """What every kind of task does: asks, and keeps the first reason of each part."""

    def __init__(self, task, session, seed, practice):
        self.task, self.session = task, session
        self.rng = np.random.default_rng([*seed, 1])
        self.cases = cases(task, seed, practice)
        self.why = {part: "not tried" for part, _ in task.parts()}

    def reasons(self):
        """{part: why it is wrong, or ""}."""
        try:
            self.run()
        except Failure as error:
            for part, why in self.why.items():
                self.why[part] = str(error) if why == "not tried" else why
        return self.why


def large(cases):
    """Cases with the largest first: they tell more about a mistake."""
    return sorted(cases, key=lambda c: -sum(np.size(v) for v in c.values))


def same(a, b):
    """Whether two answers are equal, number for number."""
    return len(a) == len(b) and all(
        x.shape == y.shape and np.array_equal(x, y, equal_nan=x.dtype.kind in "fc")
        for x, y in zip(a, b, strict=True)
    )


def value_verdict(task, case, out):
    """Why the outputs of one case are wrong, or ""."""
    if len(out) != len(task.outputs):
        return f"expected {len(task.outputs)} outputs ({', '.join(task.outputs)}), got {len(out)}"
    for k, (name, yours, right) in enumerate(
        zip(task.outputs, out, ref.run(task.reference, case), strict=True)
    ):
        bad = compare.wrong(yours, right)
        if isinstance(bad, str):
            return f"{name}: {bad}"
        if bad.any():
            reason = compare.why_value(task, case, k, yours)
            return compare.worst(name, yours, right, bad) + (f"\n{reason}" if reason else "")
    return ""
