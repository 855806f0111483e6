"""A forward and a backward pass, on trial: many caches alive, other orders, the cost."""

import time

import numpy as np

from minigen.homework.marking import compare
from minigen.homework.marking import reference as ref
from minigen.homework.marking.session import Failure, Unwritten
from minigen.homework.marking.trials import REPEAT, Shared, large, same, shuffled, value_verdict

TRIES = 5
LIMIT = 0.3  # seconds for a backward pass at the large size: a hundred times what it takes


class PairTrial(Shared):
    """A forward pass with several caches alive, then the backward passes in another order."""

    def run(self):
        task = self.task
        self.caches, self.outs, self.grads, self.raised = {}, {}, {}, {}
        self.forwards()
        for case in shuffled(self.cases, self.rng):
            if not self.session.down:
                self.step_back(case)
        for i, name in enumerate(task.inputs):
            self.why[f"{task.backward}: d{name}"] = self.gradient_verdict(i)
        self.guarded(self.again)
        self.guarded(self.cost)

    def guarded(self, trial):
        """A failure in what is asked on top spoils every part."""
        try:
            trial()
        except Failure as error:
            for part in self.why:
                self.blame(part, str(error))

    refusal = ""

    def refuse(self, reason):
        """No gradient earns a point, whatever its numbers."""
        self.refusal = reason

    def why_raised(self):
        """What the backward pass raised, unless it only does so when caches mix."""
        case, text = next(iter(self.raised.items()))
        try:
            cache = self.session.ask(self.task.forward, case.values, keep=True)[-1]
            self.back(case, cache, 1.0)
        except Failure:
            return text
        return f"{text}\nonly when another forward runs in between: put all you need in the cache"

    def forwards(self):
        """All forward passes, and the verdict on them."""
        task, refusal = self.task, ""
        for case in shuffled(self.cases, self.rng):
            try:
                *out, cache = self.session.ask(task.forward, case.values, keep=True)
            except Unwritten:
                raise
            except Failure as error:
                refusal = refusal or str(error)
                if self.session.down:
                    break
                continue
            self.outs[case], self.caches[case] = out, cache
        verdicts = (value_verdict(task, c, self.outs[c]) for c in large(self.outs))
        self.why[task.forward] = refusal or next(filter(None, verdicts), "")
        if not self.caches:
            nothing = f"not tried, because {task.forward} gives nothing to go back from"
            raise Failure(self.session.broken or nothing)

    def step_back(self, case):
        if case not in self.caches:
            return
        try:
            self.grads[case] = self.back(case, self.caches[case], 1.0)
        except Unwritten:
            raise
        except Failure as error:
            self.raised[case] = str(error)

    def back(self, case, cache, scale):
        """The gradients as the student gives them for `scale` times the cotangents."""
        out = self.session.ask(self.task.backward, (*(scale * v for v in case.vs), cache))
        if len(out) != len(self.task.inputs):
            names = ", ".join(f"d{name}" for name in self.task.inputs)
            raise Failure(f"{self.task.backward}: expected ({names}), got {len(out)} arrays")
        return out

    def gradient_verdict(self, i):
        """Why the gradient by input `i` is wrong in some case, or ""."""
        if self.refusal or self.raised:
            return self.refusal or self.why_raised()
        bad = {case: self.mask(case, i) for case in self.cases if case in self.grads}
        failed = [c for c, mask in bad.items() if isinstance(mask, str) or mask.any()]
        if not failed:
            return "" if len(bad) == len(self.cases) else "not tried in every case"
        case = large(failed)[0]
        if isinstance(bad[case], str):
            return f"d{self.task.inputs[i]}: {bad[case]}"
        return self.explain(case, i, bad, failed)

    def mask(self, case, i):
        right = ref.gradients(self.task.reference, case)
        floor = 1e-3 * max(np.abs(g).max(initial=0) for g in right)
        return compare.wrong(self.grads[case][i], right[i], floor)

    def explain(self, case, i, bad, failed):
        """The worst entry of a wrong gradient, and the likely reason."""
        name, yours = f"d{self.task.inputs[i]}", self.grads[case][i]
        right = ref.gradients(self.task.reference, case)[i]
        text = compare.worst(name, yours, right, bad[case])
        reason = self.batch_written(i, failed) or compare.why_gradient(
            self.task, case, i, yours, bad[case], lambda scale: self.alone(case, i, scale)
        )
        if not reason or reason.startswith("wrong only"):
            reason = "\n".join(filter(None, [reason, only_some_batches(bad, failed)]))
        return text + (f"\n{reason}" if reason else "")

    def batch_written(self, i, failed):
        """A word, if it is off by k / N or N / k for one k: a batch size written into it."""
        factors = {}
        for case in failed:
            right, yours = ref.gradients(self.task.reference, case)[i], self.grads[case][i]
            if yours.shape != right.shape or not case.rows:
                return ""
            c = np.vdot(yours, right).real / np.vdot(right, right)
            if c == 0 or not compare.fits(c * right, yours):
                return ""
            factors[case.rows] = c
        for text, power in (("{:g}/N", 1), ("N/{:g}", -1)):
            sizes = {round((c * n**power) ** power, 6) for n, c in factors.items()}
            if len(factors) > 2 and len(sizes) == 1 and (k := sizes.pop()) > 1 and k % 1 == 0:
                return f"{text.format(k)} times the right one: is a batch size written into it?"
        return ""

    def alone(self, case, i, scale):
        """The gradient by input `i` with no other forward pass in between."""
        try:
            cache = self.session.ask(self.task.forward, case.values, keep=True)[-1]
            return self.back(case, cache, scale)[i]
        except Failure:
            return scale * self.grads[case][i]

    def again(self):
        """Everything once more, in another order: the answers must be the same."""
        task = self.task
        for case in shuffled([c for c in self.cases if c in self.grads], self.rng):
            *out, cache = self.session.ask(task.forward, case.values, keep=True)
            if not same(out, self.outs[case]):
                self.blame(task.forward, REPEAT)
            for i, (old, new) in enumerate(
                zip(self.grads[case], self.back(case, cache, 1.0), strict=True)
            ):
                if not same([old], [new]):
                    self.blame(f"{task.backward}: d{task.inputs[i]}", REPEAT)

    def blame(self, part, reason):
        self.why[part] = self.why[part] or reason

    def cost(self):
        """Refuses a forward pass per parameter in place of a backward pass."""
        task = self.task
        parts = [f"{task.backward}: d{name}" for name in task.inputs]
        if all(self.why[part] for part in parts):
            return
        case = ref.cases(task.reference, task.draw, [task.large], self.rng)[0]
        try:
            reasons = self.at_large(case)
        except Failure as error:
            reasons = [f"at a larger size: {error}"] * len(parts)
        for part, reason in zip(parts, reasons, strict=True):
            self.blame(part, reason)

    def at_large(self, case):
        """For each gradient why it costs too much at a large size, or is wrong there, or ""."""
        start = time.perf_counter()
        *_, cache = self.session.ask(self.task.forward, case.values, keep=True)
        there = time.perf_counter() - start
        for _ in range(TRIES):
            start = time.perf_counter()
            grads = self.back(case, cache, 1.0)
            back = time.perf_counter() - start
            if back <= LIMIT:
                return [self.wrong_at_large(case, i, g) for i, g in enumerate(grads)]
            if back > 5 * LIMIT:
                break
        why = (
            f"backward takes {back:.1f} s where forward takes {there:.3f} s: a forward pass for "
            "each parameter (differences, complex step) is no backward pass"
        )
        return [why] * len(self.task.inputs)

    def wrong_at_large(self, case, i, g):
        """Why one gradient is wrong along a random direction, which takes one pass, or ""."""
        if g.shape != np.shape(case.inputs[i]) or g.dtype.kind not in "fi":
            return f"at a larger size: expected shape {np.shape(case.inputs[i])}, got {g.shape}"
        u = self.rng.standard_normal(g.shape)
        right = ref.along(self.task.reference, case, i, u, ref.Path())
        if abs(np.sum(u * g) - right) <= 1e-9 * (abs(right) + np.linalg.norm(u * g)):
            return ""
        return "right at small sizes, but wrong at a larger one"


def only_some_batches(bad, failed):
    """A word, if it is right for some batch sizes and wrong for others, and no more is known."""
    right = sorted({c.rows for c in bad if c not in failed and c.rows > 1})
    wrong = sorted({c.rows for c in failed if c.rows > 1} - set(right))
    if not right or not wrong:
        return ""
    texts = (" and ".join(map(str, sizes)) for sizes in (right, wrong))
    return (
        "right for N = {}, wrong for N = {}: a size written into it, or do indices repeat?".format(
            *texts
        )
    )
