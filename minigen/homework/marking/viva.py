"""Questions about a student's own code, with what a right answer contains: found by running it.

A question puts a small mistake into one of the student's lines; the answer is which gradients are
then wrong. Another asks what would change for another variant. A part that is wrong is asked about.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minigen.homework.assignments import Assignment, Pair, Question, Task, Value
from minigen.homework.handout import variants
from minigen.homework.marking import compare
from minigen.homework.marking import reference as ref
from minigen.homework.marking.marks import Mark
from minigen.homework.marking.session import Failure, Session
from minigen.homework.marking.task_check import cases
from minigen.homework.types import Variant
from minigen.homework.wall.inside.edits import edited

Asked = dict[str, str]  # a question, its lines of code, and what a right answer contains


def sheet(assignment: Assignment, tasks: Sequence[Task], variant: Variant, session: Session,
          marks: Sequence[Mark], seed: tuple[int, ...]) -> list[Asked]:  # fmt: skip
    """Three questions, as far as the file gives rise to them."""
    rng = np.random.default_rng([*seed, 3])
    right = {m.part for m in marks if m.right}
    found = _of_wrong_parts(marks)[:1]
    lines = [e for e in session.facts.get("edits", []) if any(p.startswith(e[0]) for p in right)]
    shuffled = [lines[k] for k in rng.permutation(len(lines))]
    telling = _of_lines(tasks, session, shuffled, seed)
    found += itertools.islice(telling, 2 - len(found))
    return [*found, _of_variant(assignment, variant, tasks, rng)] if right else found


def _of_wrong_parts(marks: Sequence[Mark]) -> list[Asked]:
    """What is wrong, to be found by the student."""
    return [
        {"question": f"{m.part} is wrong. Which line causes it, and what should it be?", "code": "",
         "answer": f"The checker found: {m.why}"}
        for m in marks if m.status == "wrong" and m.why
    ]  # fmt: skip


def _of_lines(tasks: Sequence[Task], session: Session, edits: Sequence[Any],
              seed: tuple[int, ...]) -> Iterator[Asked]:  # fmt: skip
    """Questions on a line with a mistake in it, no line twice; some gradient stays right.

    Lines that do not run with their mistake come last: they tell less.
    """
    pairs = {t.backward: (k, t) for k, t in enumerate(tasks) if isinstance(t, Pair)}
    asked, failing = set(), []
    for function, at, old, new in edits:
        if at in asked or function not in pairs:
            continue
        k, task = pairs[function]
        names = [f"d{name}" for name in task.inputs]
        wrong = broken(task, cases(task, (*seed, k), False), session,
                       edited(session.source, at, new))  # fmt: skip
        if not wrong or set(wrong) == set(names) != {names[0]}:
            continue
        if wrong[0] not in names:
            failing.append(_of_failure(function, at, old, new, wrong[0]))
            continue
        asked.add(at)
        stay = [name for name in names if name not in wrong]
        what = f"Wrong: {', '.join(wrong)}." + (f" Still right: {', '.join(stay)}." if stay else "")
        yield {
            "question": f"In {function}, line {at}, your code has the first of these two lines. "
            f"Suppose it had the second. Which of {', '.join(names)} would be wrong, and why?",
            "code": f"{old.strip()}\n{new.strip()}",
            "answer": f"{what} (Found by running it.) The reason must name what this line computes "
            "in the chain rule, and which of the returned gradients are computed from it.",
        }
    yield from failing


def _of_failure(function: str, at: int, old: str, new: str, error: str) -> Asked:
    """A question on a line that does not run with its mistake."""
    return {
        "question": f"In {function}, line {at}, your code has the first of these two lines. The "
        "second would not run. Why not? What are the shapes of everything in the line?",
        "code": f"{old.strip()}\n{new.strip()}",
        "answer": f"{error} (Found by running it.) A right answer names the shape of each array in "
        "the line, and the gradient whose shape the result must have.",
    }


def broken(task: Pair, cases: Sequence[ref.Case], session: Session, source: bytes) -> list[str]:
    """The gradients that are wrong once the module is `source`, or the error that it raises."""
    wrong = set()
    try:
        session.load(session.ready(), source)
        for case in cases:
            cache = session.ask(task.forward, case.values, keep=True)[-1]
            grads = session.ask(task.backward, (*case.vs, cache))
            right = ref.gradients(task.reference, case)
            for name, g, r in zip(task.inputs, grads, right, strict=False):
                if g.shape != r.shape or not compare.fits(r, g):
                    wrong.add(name)
    except Failure as error:
        return [str(error)]
    return [f"d{name}" for name in task.inputs if name in wrong]


def _of_variant(assignment: Assignment, variant: Variant, tasks: Sequence[Task],
                rng: np.random.Generator) -> Asked:  # fmt: skip
    """What would change for another choice of one option; rather one that leaves something."""
    found = []
    for option in rng.permutation(list(variant)).tolist():
        others = [c for c in assignment.options[option] if c != variant[option]]
        other = variant | {option: others[rng.integers(len(others))]}
        pairs = zip(tasks, assignment.tasks(other), strict=True)
        found.append((option, other, [p for a, b in pairs for p in differ(a, b)]))
    option, other, parts = min(found, key=lambda f: len(f[2]) or np.inf)
    slots, old = assignment.slots(other), assignment.slots(variant)
    change = "\n".join(f"{old[k]}  becomes  {slots[k]}" for k in slots if slots[k] != old[k])
    every = [p for task in tasks if not isinstance(task, Question) for p, _ in task.parts()]
    stay = [p for p in every if p not in parts]
    return {
        "question": f"Your variant: {variants.words(variant)}. Suppose {option} were "
        f"“{other[option]}”: which functions and gradients would have to change, and how?",
        "code": change,
        "answer": f"These give other numbers then: {', '.join(parts) or 'none'}. These do not: "
        f"{', '.join(stay) or 'none'}. (Found by computing both.) A right answer shows the lines "
        "of the file that they come from.",
    }


def differ(one: Task, two: Task) -> list[str]:
    """The parts of a task that give other numbers in another variant."""
    first = cases(one, (1,), False)
    if not isinstance(one, Pair) or not isinstance(two, Pair):
        if isinstance(one, Value) and isinstance(two, Value):
            same = all(compare.same(ref.run(one.reference, c), ref.run(two.reference, c))
                       for c in first)  # fmt: skip
            return [] if same else [one.name]
        return []
    case = first[0]
    found = []
    if not compare.same(ref.run(one.reference, case), ref.run(two.reference, case)):
        found.append(one.forward)
    pairs = zip(ref.gradients(one.reference, case), ref.gradients(two.reference, case), strict=True)
    return found + [p for p, (a, b) in zip(one.gradients, pairs, strict=True)
                    if not np.allclose(a, b, 1e-9, 1e-12)]  # fmt: skip
