"""The check of a misprint of the notes: the right form, and inputs where the print is wrong."""

import numpy as np

from minigen.homework.assignments import Question, Value
from minigen.homework.marking import compare, diagnose
from minigen.homework.marking import reference as ref
from minigen.homework.marking.task_check import TaskCheck

MISFIT = "shapes that do not go together"


class QuestionCheck(TaskCheck):
    """The right form by its values, and a counterexample to the printed one."""

    task: Question

    def run(self) -> None:
        self.results[self.task.name] = self.result(self.wrong_form)
        self.results[self.task.counterexample] = self.result(self.no_counterexample)

    def wrong_form(self) -> str | None:
        """Why the values are not those of the right form."""
        task = self.task
        value = Value(task.name, ("the right form",), task.true, task.draw, (), ())
        for case in self.shuffled(self.cases):
            out = self.session.ask(task.name, case.values)
            why = diagnose.outputs(value, {case: out})
            if why and len(out) == 1 and compare.fits(ref.run(task.printed, case)[0], out[0]):
                return f"{why}\nthis is the form as printed"
            if why:
                return why
        return None

    def no_counterexample(self) -> str | None:
        """Why the student's inputs do not show that the printed form is wrong."""
        task = self.task
        out = self.session.ask(task.counterexample, ())
        if len(out) != len(task.inputs):
            return f"expected {len(task.inputs)} values ({', '.join(task.inputs)}), got {len(out)}"
        if any(
            a.dtype.kind not in "fi" or not np.all(np.isfinite(a)) or a.size > 1000 for a in out
        ):
            return "expected finite real numbers, at most 1000 of each"
        try:
            why = next((what for what, holds in task.fit.items() if not holds(*out)), None)
        except (ValueError, IndexError, TypeError):
            why = MISFIT
        if why is not None:
            return f"expected inputs of the formula: {why}"
        return self.forms_agree(ref.Case(tuple(np.asarray(a, float) for a in out), ()))

    def forms_agree(self, case: ref.Case) -> str | None:
        """Why a case does not tell the two forms apart."""
        try:
            right, printed = (ref.run(f, case)[0] for f in (self.task.true, self.task.printed))
        except (ValueError, IndexError, TypeError, np.linalg.LinAlgError):
            return MISFIT
        if not np.all(np.isfinite(right)):
            return "the right form is not finite at these inputs"
        with np.errstate(all="ignore"):
            gap = np.abs(printed - right).max(initial=0)
        if gap <= 0.01 * np.abs(right).max(initial=1e-3):
            return "both forms agree at these inputs, so they are no counterexample"
        return None
