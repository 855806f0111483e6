"""A misprint of the notes, on trial: the right form, and a proof that the print is wrong."""

import numpy as np

from minigen.homework.assignments import Value
from minigen.homework.marking import compare
from minigen.homework.marking import reference as ref
from minigen.homework.marking.session import Failure
from minigen.homework.marking.trials import Shared, shuffled, value_verdict


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
        if any(
            a.dtype.kind not in "fi" or not np.all(np.isfinite(a)) or a.size > 1000 for a in out
        ):
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
