"""Run entries: draw, judge, and say what failed and why."""

import time
import traceback
import zlib
from dataclasses import dataclass

import numpy as np

from minigen.check import Report
from minigen.core import validate
from minigen.derivations.equation import CLAIM, CORRECT, SUPPLEMENT, Entry, NotEvaluable
from minigen.derivations.notes import catalogue

DRAWS = 3  # a full run; a quick one draws once
GRADIENT = 1e-12
SEEN = 1e-3  # a misprint is shown failing when it is off by more than this in every draw


@dataclass(frozen=True, eq=False)
class Row:
    """One entry as it was just measured.

    printed: the smallest error of the printed form over the draws, NotEvaluable, or None where
    it is the correct form. correct, gradient: the largest ones. problems: what is not as it
    should be, in words; none of them if the entry holds.
    """

    entry: Entry
    printed: float | NotEvaluable | None
    correct: float
    gradient: float | None
    problems: tuple
    note: str
    seconds: float

    @property
    def ok(self):
        return not self.problems

    def as_dict(self):
        """The row as JSON-able data."""
        gone = isinstance(self.printed, NotEvaluable)
        return {
            "id": self.entry.id,
            "line": self.entry.line,
            "verdict": self.entry.verdict,
            "ok": self.ok,
            "printed": self.entry.printed,
            "form": self.entry.correct,
            "printed_error": None if gone else self.printed,
            "not_evaluable": self.printed.reason if gone else None,
            "correct_error": finite(self.correct),
            "gradient_error": finite(self.gradient),
            "tolerance": self.entry.tolerance,
            "problems": list(self.problems),
            "note": self.note,
            "seconds": round(self.seconds, 3),
        }


def finite(x):
    """A number JSON has, or None."""
    return float(x) if x is not None and np.isfinite(x) else None


def run(ids=None, *, entries=None, seed=0, quick=False, progress=None):
    """Check the entries of the notes, or some of them, or your own.

    ids: names of entries, None for all. entries: Entry objects in place of those of the notes.
    quick: one draw an entry in place of three. progress: called with each Row as it is done.
    Returns a list of Row. Raises ValueError, with near matches, for an unknown id.
    """
    seed = validate.integer("seed", seed, 0)
    known = catalogue() if entries is None else tuple(entries)
    rows = []
    for e in known if ids is None else select(known, ids):
        rows.append(measure(e, seed, 1 if quick else DRAWS))
        if progress is not None:
            progress(rows[-1])
    return rows


def select(known, ids):
    """The entries of these names, upper and lower case alike."""
    by_name = {e.id.lower(): e for e in known}
    for name in ids:
        if name.lower() not in by_name:
            raise ValueError(unknown(name, [e.id for e in known]))
    return [by_name[name.lower()] for name in ids]


def unknown(name, ids):
    """The message for a name that is none of `ids`."""
    import difflib

    folded = {i.lower(): i for i in ids}
    near = [folded[m] for m in difflib.get_close_matches(name.lower(), folded, n=4, cutoff=0.5)]
    hint = f"did you mean {', '.join(near)}?" if near else f"they run from {ids[0]} to {ids[-1]}"
    return f"id: expected the name of an entry, got {name!r}; {hint}"


def draw_of(e, seed):
    """The dice of one entry, its own: they depend on the seed and on its name."""
    return np.random.default_rng([seed, zlib.crc32(e.id.encode())])


def measure(e, seed, draws):
    """The Row of one entry."""
    rng = draw_of(e, seed)
    start = time.perf_counter()
    try:
        results = [e(rng) for _ in range(draws)]
    except Exception as error:  # a broken layer may fail in any way: that is a finding
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{last.filename.rsplit('/', 1)[-1]}:{last.lineno}"
        told = f"{type(error).__name__} in {where}: {error}"
        return Row(e, None, np.nan, None, (told,), "", time.perf_counter() - start)
    return judged(e, results, time.perf_counter() - start)


def judged(e, results, seconds):
    """The Row of an entry from its draws."""
    printed = least([r.printed for r in results])
    correct = float(np.max([r.correct for r in results]))  # NaN stays NaN
    reports = [g for r in results for g in gradients_of(r)]
    gradient = float(np.max([error_of(g) for g in reports])) if reports else None
    problems = (*form_problems(e, printed, correct), *gradient_problems(reports))
    return Row(e, printed, correct, gradient, problems, results[0].note, seconds)


def gradients_of(result):
    """The reports and errors of a result, none, one or some."""
    g = result.gradient
    return () if g is None else g if isinstance(g, tuple) else (g,)


def least(printed):
    """The smallest error of the printed form."""
    numbers = [p for p in printed if not (p is None or isinstance(p, NotEvaluable))]
    return float(np.min(numbers)) if len(numbers) == len(printed) else printed[0]


def form_problems(e, printed, correct):
    """What is not right about the two forms."""
    if not correct <= e.tolerance:
        yield f"the form that must hold is off by {correct:.3g}, allowed is {e.tolerance:.0e}"
    if e.verdict in (CORRECT, SUPPLEMENT, CLAIM):
        return
    if printed is None:
        yield f"the line is said to be {e.verdict}, but nothing was computed from it"
    elif not isinstance(printed, NotEvaluable) and not printed > SEEN:
        yield f"the printed form is said to be {e.verdict}, but it is off by {printed:.3g} only"


def gradient_problems(reports):
    """What is not right about the backward pass: the first report that says so."""
    for g in reports:
        if isinstance(g, Report) and not g:
            yield str(g)
            return
        if not isinstance(g, Report) and not g <= GRADIENT:
            yield f"the gradient is off by {g:.3g}, allowed is {GRADIENT:.0e}"
            return


def error_of(gradient):
    """The largest error of a report, or the number itself."""
    if not isinstance(gradient, Report):
        return float(gradient)
    return max((row.error for row in gradient.rows if row.error is not None), default=0.0)
