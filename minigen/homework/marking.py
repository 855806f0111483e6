"""Marks a submission: fresh inputs, shuffled and repeated calls, and the default verdict is "no"."""

import functools
import time
from dataclasses import dataclass

import numpy as np

from minigen.homework import compare
from minigen.homework import reference as ref
from minigen.homework.assignment import Pair, Question, Value
from minigen.homework.session import Failure, Unwritten, complex_numbers

FLOOR, FACTOR, TRIES = 0.2, 60.0, 5  # a backward pass may take so many seconds or forward passes
REPEAT = "it answers otherwise when asked again: does it remember, or draw random numbers?"


@dataclass(frozen=True)
class Mark:
    """The verdict on one part: `earned` of `points`, and why not all."""

    part: str
    points: float
    earned: float = 0.0
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
        reasons = trial.reasons()
        marks += [
            Mark(part, points, 0.0 if reasons[part] else points, reasons[part])
            for part, points in task.parts()
        ]
    return marks


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
        beside = min(self.seconds(task.beside, case) for _ in range(3))
        for _ in range(TRIES):
            mine = self.seconds(task.name, case)
            if mine <= max(task.factor * beside, 0.05):
                return ""
        return f"it takes {mine / beside:.0f} times as long as {task.beside}: {task.why}"

    def seconds(self, name, case):
        start = time.perf_counter()
        self.session.ask(name, case.values, keep=name.endswith("_forward"))
        return time.perf_counter() - start


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
        batches = only_some_batches(bad, failed) or self.batch_written(i, failed)
        reason = batches or compare.why_gradient(
            self.task, case, i, yours, bad[case], lambda scale: self.alone(case, i, scale)
        )
        return text + (f"\n{reason}" if reason else "")

    def batch_written(self, i, failed):
        """A word, if it is off by k / N or N / k for one k: a batch size written into it."""
        factors = {}
        for case in failed:
            right, yours = ref.gradients(self.task.reference, case)[i], self.grads[case][i]
            if yours.shape != right.shape or not case.rows:
                return ""
            c = np.vdot(yours, right).real / np.vdot(right, right)
            if not compare.fits(c * right, yours):
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
        inputs, given = task.draw(self.rng, *task.large)
        case = ref.Case(tuple(inputs), tuple(given))
        try:
            passes = self.passes(case)
        except Failure as error:
            passes = f"at a larger size: {error}"
        for part in parts:
            self.blame(part, passes)

    def passes(self, case):
        """Why the backward pass costs too much, or ""."""
        there = np.inf
        for _ in range(3):
            start = time.perf_counter()
            *out, cache = self.session.ask(self.task.forward, case.values, keep=True)
            there = min(there, time.perf_counter() - start)
        limit, values = max(FLOOR, FACTOR * there), (*map(np.ones_like, out), cache)
        for _ in range(TRIES):
            start = time.perf_counter()
            self.session.ask(self.task.backward, values)
            back = time.perf_counter() - start
            if back <= limit:
                return ""
            if back > 5 * limit:
                break
        return (
            f"backward costs {back / there:.0f} forward passes: a forward pass for each parameter "
            "(differences, complex step) is no backward pass"
        )


def only_some_batches(bad, failed):
    """A word, if it is right for some batch sizes above 1 and wrong for others."""
    right = sorted({c.rows for c in bad if c not in failed and c.rows > 1})
    wrong = sorted({c.rows for c in failed if c.rows > 1} - set(right))
    if not right or not wrong:
        return ""
    texts = (" and ".join(map(str, sizes)) for sizes in (right, wrong))
    return "right for N = {}, wrong for N = {}: is a batch size written into it?".format(*texts)


class QuestionTrial(Shared):
    """The right form by its values, and a proof that the printed one is wrong."""

    def run(self):
        task = self.task
        value = Value(task.name, ("the right form",), task.true, task.draw, (), ())
        self.why[task.name] = self.guarded(lambda: self.form(value, self.cases))
        self.why[task.counterexample] = self.guarded(self.proof)

    def guarded(self, verdict):
        try:
            return verdict()
        except Failure as error:
            return str(error)

    def form(self, value, cases):
        for case in shuffled(cases, self.rng):
            out = self.session.ask(self.task.name, case.values)
            why = value_verdict(value, case, out)
            printed = ref.run(self.task.printed, case)[0]
            if why and len(out) == 1 and compare.fits(printed, out[0]):
                return f"{why}\nthis is the form as printed"
            if why:
                return why
        return ""

    def proof(self):
        """Whether the printed form and the right one differ where the student says."""
        task = self.task
        out = self.session.ask(task.counterexample, ())
        if len(out) != len(task.inputs):
            return f"expected {len(task.inputs)} values ({', '.join(task.inputs)}), got {len(out)}"
        if any(a.dtype.kind not in "fi" or not np.all(np.isfinite(a)) or a.size > 1000 for a in out):
            return "expected finite real numbers, at most 1000 of each"
        try:
            why = task.fits(*out)
        except (ValueError, IndexError, TypeError):
            why = "shapes that do not go together"
        return f"expected inputs of the formula: {why}" if why else self.differ(out)

    def differ(self, out):
        case = ref.Case(tuple(np.asarray(a, float) for a in out), ())
        try:
            right, printed = (ref.run(f, case)[0] for f in (self.task.true, self.task.printed))
        except (ValueError, IndexError, TypeError, np.linalg.LinAlgError):
            return "shapes that do not go together"
        if not np.all(np.isfinite(right)):
            return "the right form is not finite there"
        with np.errstate(all="ignore"):
            gap = np.abs(printed - right).max(initial=0)
        if gap <= 0.01 * np.abs(right).max(initial=1e-3):
            return "there the printed form gives the same: it proves nothing"
        return ""


TRIALS = {Pair: PairTrial, Value: ValueTrial, Question: QuestionTrial}
