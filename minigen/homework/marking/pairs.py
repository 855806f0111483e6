"""The check of a forward and its backward pass: many caches alive, other orders, the work."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.check import Diagnosis, Kind
from minigen.homework.assignments import Pair
from minigen.homework.marking import compare, diagnose
from minigen.homework.marking import reference as ref
from minigen.homework.marking.session import Cost, Failure, Unwritten
from minigen.homework.marking.task_check import UNSTABLE, UNTRIED, Result, Status, TaskCheck

SHARE = 0.1  # of the work of a forward pass per parameter: a backward pass does far less
SPOILED = "a second backward pass from the same cache gives another result: it changes its cache"
PASSES = 8  # of forward are work enough for a backward pass, however it grows
GROWTH = 3  # from a small to a large size, of the work in forward passes: it hardly grows at all
FORWARDS = 20  # calls of a forward pass from a backward pass
NOT_BACKWARD = "a forward pass for each parameter (differences, complex step) is no backward pass"


def _text(found: Diagnosis) -> str:
    """What tells a diagnosis from others: its words, where they name a quantity."""
    return found.text if found.kind == Kind.VALUE else str(found.kind)


class PairCheck(TaskCheck):
    """All forward passes, with their caches alive; then the backward passes in another order."""

    task: Pair
    refusal: str | None = None  # why no gradient of this file earns points

    def run(self) -> None:
        self.outs, self.caches, self.grads, self.raised = {}, {}, {}, {}
        self.spoiled: set[int] = set()  # gradients that change when they are asked for again
        self.forwards()
        for case in self.shuffled(self.caches):
            if not self.session.down:
                self.step_back(case)
        for i, part in enumerate(self.task.gradients):
            self.results[part] = self.gradient_result(i)
        for further in (self.again, self.too_much_work):
            try:
                further()
            except Failure as error:
                for part in self.results:
                    self.reject(part, str(error))

    def reject(self, part: str, why: str | None) -> None:
        """A part that was right so far is wrong for this reason, if there is one."""
        if why is not None and self.results[part].status == Status.RIGHT:
            self.results[part] = Result.of(why)

    def forwards(self) -> None:
        """All forward passes, and the result of their part."""
        task, failed = self.task, None
        for case in self.shuffled(self.cases):
            try:
                *out, cache = self.session.ask(task.forward, case.values, keep=True)
            except Unwritten:
                raise
            except Failure as error:
                failed = failed or str(error)
                if self.session.down:
                    break
                continue
            self.outs[case], self.caches[case] = out, cache
        self.results[task.forward] = Result.of(failed or diagnose.outputs(task, self.outs))
        if not self.caches:
            why = f"not tried, because {task.forward} returned no cache"
            raise Failure(self.session.broken or why)

    def step_back(self, case: ref.Case) -> None:
        """The gradients of one case."""
        try:
            self.grads[case] = self.back(case, self.caches[case])
            twice = self.back(case, self.caches[case])
            for k, (one, two) in enumerate(zip(self.grads[case], twice, strict=True)):
                if not compare.same([one], [two]):
                    self.spoiled.add(k)
        except Unwritten:
            raise
        except Failure as error:
            self.raised[case] = str(error)

    def back(self, case: ref.Case, cache: Any, scale: float = 1.0) -> list[NDArray]:
        """The student's gradients for `scale` times the cotangents."""
        return self.named(self.session.ask(self.task.backward, self.cotangents(case, cache, scale)))

    def cotangents(self, case: ref.Case, cache: Any, scale: float = 1.0) -> tuple:
        """The arguments of the backward pass."""
        return (*(scale * v for v in case.vs), cache)

    def named(self, out: list[NDArray]) -> list[NDArray]:
        """The gradients, if they are as many as the inputs."""
        if len(out) != len(self.task.inputs):
            names = ", ".join(f"d{name}" for name in self.task.inputs)
            raise Failure(f"{self.task.backward}: expected ({names}), got {len(out)} arrays")
        return out

    def why_raised(self) -> str:
        """What the backward pass raised, and whether it only does so when caches mix."""
        case, text = next(iter(self.raised.items()))
        try:
            self.back(case, self.session.ask(self.task.forward, case.values, keep=True)[-1])
        except Failure:
            return text
        return f"{text}\nonly when another forward runs in between: put all you need in the cache"

    def gradient_result(self, i: int) -> Result:
        """The result of the gradient by input `i`."""
        if self.refusal or self.raised:
            return Result.of(self.refusal or self.why_raised())
        bad = {case: self.wrong_entries(case, i) for case in self.grads}
        failed = [c for c, mask in bad.items() if isinstance(mask, str) or mask.any()]
        if not failed and i in self.spoiled:
            return Result.of(SPOILED)
        if not failed:
            return Result.of(None) if len(bad) == len(self.cases) else UNTRIED
        mask = bad[case := ref.largest_first(failed)[0]]
        if isinstance(mask, str):
            return Result.of(f"d{self.task.inputs[i]}: {mask}")
        return Result.of(self.explain(case, i, mask, failed))

    def wrong_entries(self, case: ref.Case, i: int) -> NDArray | str:
        """A mask of the wrong entries, or why they cannot be compared."""
        right = ref.gradients(self.task.reference, case)
        floor = 1e-3 * max(np.abs(g).max(initial=0) for g in right)
        return compare.wrong(self.grads[case][i], right[i], floor)

    def explain(self, case: ref.Case, i: int, bad: NDArray, failed: list[ref.Case]) -> str:
        """The worst entry of a wrong gradient, and the likely reason."""
        yours = self.grads[case][i]
        right = ref.gradients(self.task.reference, case)[i]
        text = compare.worst(f"d{self.task.inputs[i]}", yours, right, bad)
        if not any(self.grads[c][i].any() for c in failed):  # many slips would give that
            return compare.joined(text, "zero everywhere: is it computed from the cotangents?")
        if constant := self.batch_size_written(i, failed):
            return compare.joined(text, constant)
        ways = [self.reasons(c, i) for c in ref.largest_first(failed)]
        found = diagnose.common([way for way in ways if way is not None], _text)
        if found is None or found.kind == Kind.PLACE:
            return compare.joined(text, found and found.text, self.some_sizes(failed))
        return compare.joined(text, found.text)

    def reasons(self, case: ref.Case, i: int) -> list[Diagnosis] | None:
        """The possible reasons that a gradient is wrong in one case, None if its shape is."""
        yours, mask = self.grads[case][i], self.wrong_entries(case, i)
        if isinstance(mask, str):
            return None
        return [*diagnose.gradient(self.task, case, i, yours, mask, self.alone(case, i))]

    def batch_size_written(self, i: int, failed: list[ref.Case]) -> str | None:
        """Whether it is off by k / N or N / k for one k: a batch size written into it."""
        factors = {}
        for case in failed:
            right, yours = ref.gradients(self.task.reference, case)[i], self.grads[case][i]
            if yours.shape != right.shape or not case.rows:
                return None
            c = np.vdot(yours, right).real / np.vdot(right, right)
            if c == 0 or not compare.fits(c * right, yours):
                return None
            factors[case.rows] = c
        for text, power in (("{:g}/N", 1), ("N/{:g}", -1)):
            sizes = {round((c * n**power) ** power, 6) for n, c in factors.items()}
            if len(factors) > 2 and len(sizes) == 1 and (k := sizes.pop()) > 1 and k % 1 == 0:
                return f"{text.format(k)} times the right one: is a batch size written into it?"
        return None

    def some_sizes(self, failed: list[ref.Case]) -> str | None:
        """Whether it is right for some batch sizes and wrong for others."""
        if self.results[self.task.forward].status != Status.RIGHT:
            return None  # another function is differentiated
        right = sorted({c.rows for c in self.grads if c not in failed and c.rows > 1})
        wrong = sorted({c.rows for c in failed if c.rows > 1} - set(right))
        if not right or not wrong:
            return None
        good, bad = (" and ".join(map(str, sizes)) for sizes in (right, wrong))
        return (
            f"right for N = {good}, wrong for N = {bad}: a size written into it, "
            "or do indices repeat?"
        )

    def alone(self, case: ref.Case, i: int) -> Callable[[float], NDArray]:
        """The gradient by input `i` with no other call in between, as a function of the scale."""

        def again(scale: float) -> NDArray:
            try:
                cache = self.session.ask(self.task.forward, case.values, keep=True)[-1]
                return self.back(case, cache, scale)[i]
            except Failure:
                return scale * self.grads[case][i]

        return again

    def again(self) -> None:
        """Everything once more, in another order: the arrays must be the same."""
        for case in self.shuffled(self.grads):
            *out, cache = self.session.ask(self.task.forward, case.values, keep=True)
            if not compare.same(out, self.outs[case]):
                self.reject(self.task.forward, UNSTABLE)
            pairs = zip(self.grads[case], self.back(case, cache), strict=True)
            for part, (old, new) in zip(self.task.gradients, pairs, strict=True):
                if not compare.same([old], [new]):
                    self.reject(part, UNSTABLE)

    def too_much_work(self) -> None:
        """Rejects a forward pass per parameter in place of a backward pass."""
        task = self.task
        if all(self.results[part].status != Status.RIGHT for part in task.gradients):
            return
        case = ref.cases(task.reference, task.draw, [task.large], self.rng)[0]
        try:
            reasons = self.at_large(case)
        except Failure as error:
            reasons = [f"at a larger size: {error}"] * len(task.inputs)
        for part, why in zip(task.gradients, reasons, strict=True):
            self.reject(part, why)

    def at_large(self, case: ref.Case) -> list[str | None]:
        """For each gradient why it is wrong at a large size, or takes too much work there."""
        grads, cost, unit = self.counted(case)
        entries, passes = sum(map(np.size, case.inputs)), cost.work / unit
        why = None
        if cost.forwards > FORWARDS:
            why = f"backward calls a forward pass {cost.forwards:.0f} times: {NOT_BACKWARD}"
        elif passes > SHARE * entries:
            why = f"backward does {passes:.0f} times the work of forward: {NOT_BACKWARD}"
        elif passes > PASSES:
            why = self.grows(passes, entries)
        if why is not None:
            return [why] * len(self.task.inputs)
        if cost.work < 0.5 * unit and cost.calls > 0.5 * entries:
            self.flag(f"{cost.calls:.0f} calls of one function, with arrays that are not counted")
        return [self.wrong_at_large(case, i, g) for i, g in enumerate(self.named(grads))]

    def counted(self, case: ref.Case) -> tuple[list[Any], Cost, float]:
        """(what backward returned, its cost, the work of a forward pass) for one case."""
        (*_, cache), _ = self.session.count(self.task.forward, case.values, keep=True)
        grads, cost = self.session.count(self.task.backward, self.cotangents(case, cache))
        unit = ref.work(lambda *values: self.task.reference(ref.Path(), *values), *case.values)[1]
        return grads, cost, unit

    def grows(self, passes: float, entries: float) -> str | None:
        """Why a backward pass of many forward passes' work is none: they grow with the entries."""
        small = ref.largest_first(self.cases)[0]
        _, cost, unit = self.counted(small)
        before, fewer = cost.work / unit, sum(map(np.size, small.inputs))
        if passes <= before * max(GROWTH, 0.25 * entries / fewer):
            return None
        return (
            f"backward does {before:.0f} times the work of forward for {fewer} numbers and "
            f"{passes:.0f} times for {entries}: {NOT_BACKWARD}"
        )

    def flag(self, what: str) -> None:
        """Leaves a word for the instructor at every gradient."""
        for part in self.task.gradients:
            self.results[part] = self.results[part]._replace(flag=what)

    def wrong_at_large(self, case: ref.Case, i: int, g: NDArray) -> str | None:
        """Why one gradient is wrong along a random direction, which takes one pass."""
        if g.shape != np.shape(case.inputs[i]) or g.dtype.kind not in "fi":
            return f"at a larger size: expected shape {np.shape(case.inputs[i])}, got {g.shape}"
        u = self.rng.standard_normal(g.shape)
        right = ref.along(self.task.reference, case, i, u)
        if abs(np.sum(u * g) - right) <= 1e-9 * (abs(right) + np.linalg.norm(u * g)):
            return None
        return "right at small sizes, but wrong at a larger one"
