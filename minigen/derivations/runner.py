"""Run entries: draw, measure, and say what failed and why."""

import difflib
import pathlib
import time
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from minigen.check import Report
from minigen.core import html, validate
from minigen.derivations.equation import Entry, NotEvaluable, Result
from minigen.derivations.notes import catalogue
from minigen.derivations.statement import CLAIM, CORRECT, SUPPLEMENT

DRAWS = 3  # a full run; a quick one draws once
GRADIENT = 1e-12
SEEN = 1e-3  # a misprint is shown failing when it is off by more than this in every draw


@dataclass(frozen=True, eq=False, repr=False)
class Row:
    """One entry as it was just measured.

    printed: the smallest error of the printed form over the draws, NotEvaluable, or None where
    it is the correct form. correct, gradient: the largest ones, None if not evaluated. problems:
    what is wrong, in words; empty if the entry holds. allowed: what `correct` was compared with,
    None where a report decided. failing: which of "form" and "gradient" failed.
    """

    entry: Entry
    printed: float | NotEvaluable | None
    correct: float | None
    gradient: float | None
    problems: tuple[str, ...]
    note: str
    seconds: float
    allowed: float | None = None
    failing: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.problems

    def __repr__(self) -> str:
        return f"Row({', '.join(word for word in self.cells if word)})"

    @property
    def cells(self) -> tuple[str, ...]:
        """The row in five words: id, verdict, the errors of the printed and the correct form, and
        whether it holds."""
        printed = "not evaluable" if isinstance(self.printed, NotEvaluable) else said(self.printed)
        off = f"printed {printed}" if printed else ""
        correct = f"correct {said(self.correct)}" if self.correct is not None else ""
        holds = "ok" if self.ok else f"FAILS: {'; '.join(self.problems)}"
        return self.entry.id, self.entry.verdict, off, correct, holds

    def _repr_html_(self) -> str:
        mark = "\N{CHECK MARK}" if self.ok else "\N{BALLOT X}"
        color = html.BLUE if self.ok else html.ORANGE
        name, *rest = (escape(word) for word in self.cells if word)
        head = f'<b style="color:{color}">{mark} {name}</b> {", ".join(rest)}'
        return html.box(f"<div>{head}</div>{self.entry._forms()}")

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON-able data."""
        gone = self.printed if isinstance(self.printed, NotEvaluable) else None
        return {
            "id": self.entry.id,
            "line": self.entry.line,
            "verdict": self.entry.verdict,
            "ok": self.ok,
            "printed": self.entry.printed,
            "form": self.entry.correct,
            "printed_error": None if gone else self.printed,
            "not_evaluable": gone and gone.reason,
            "correct_error": finite(self.correct),
            "gradient_error": finite(self.gradient),
            "tolerance": self.allowed,
            "problems": list(self.problems),
            "note": self.note,
            "seconds": round(self.seconds, 3),
        }


class Rows(list[Row]):
    """Rows in a list, which a notebook shows as a table."""

    def _repr_html_(self) -> str:
        bad = sum(not row.ok for row in self)
        head = f"<b>{len(self)} entries, {f'{bad} failing' if bad else 'all hold'}</b>"
        names = ("id", "verdict", "as printed", "correct form", "")
        cells = [[c.removeprefix("printed ").removeprefix("correct ") for c in row.cells]
                 for row in self]  # fmt: skip
        return html.box(html.folded(head, html.table(cells, names), len(self) <= 20 or bad > 0))


def said(error: float | None) -> str:
    """An error in a word."""
    return "" if error is None else f"off {error:.1e}"


def finite(x: float | None) -> float | None:
    """A number JSON has, or None."""
    return float(x) if x is not None and np.isfinite(x) else None


@validate.options
def run(
    ids: str | Iterable[str] | None = None,
    *,
    entries: Iterable[Entry] | None = None,
    seed: int = 0,
    quick: bool = False,
    progress: Callable[[Row], Any] | None = None,
) -> list[Row]:
    """Check the entries of the notes, some of them, or your own.

    Parameters
    ----------
    ids : str, list of str or None
        Names of entries, in upper or lower case; "NVP" for every NVP-...; None for all.
    entries : list of Entry or None
        Entries in place of those of the notes.
    seed : int
        Each entry draws its random numbers from this seed and its own name.
    quick : bool
        One draw per entry in place of three.
    progress : function or None
        Called with each Row when it is done.

    Returns
    -------
    list of Row
        One for each entry, shown by a notebook as a table; `row.ok` says whether it holds,
        `row.problems` why not.

    Raises
    ------
    ValueError
        For an unknown id, with the names nearest to it.

    Examples
    --------
    >>> [row.ok for row in mg.derivations.run(["NVP-4", "nvp-6"], quick=True)]
    [True, True]
    """
    seed = validate.integer("seed", seed, 0)
    known = catalogue() if entries is None else tuple(entries)
    ids = [ids] if isinstance(ids, str) else ids
    rows = Rows()
    for e in known if ids is None else select(known, ids):
        rows.append(measure(e, seed, 1 if quick else DRAWS))
        if progress is not None:
            progress(rows[-1])
    return rows


def select(known: Iterable[Entry], ids: Iterable[str]) -> list[Entry]:
    """The entries of these names, upper and lower case alike; NVP is every NVP-..."""
    known = tuple(known)
    by_name = {e.id.lower(): e for e in known}
    found = []
    for name in ids:
        key = name.lower()
        chosen = [e for k, e in by_name.items() if k == key or k.startswith(f"{key}-")]
        if not chosen:
            near = difflib.get_close_matches(key, by_name, n=4, cutoff=0.5)
            close = ", ".join(by_name[k].id for k in near)
            groups = ", ".join(dict.fromkeys(e.id.partition("-")[0] for e in known))
            hint = f"did you mean {close}?" if near else f"names begin with {groups}"
            raise validate.expected("id", "the name of an entry", f"{name!r}; {hint}")
        found += chosen
    return found


def draw_of(e: Entry, seed: int) -> np.random.Generator:
    """The generator of one entry: it depends on the seed and on the entry's name only."""
    return np.random.default_rng([seed, zlib.crc32(e.id.encode())])


def measure(e: Entry, seed: int, draws: int) -> Row:
    """The Row of one entry."""
    rng = draw_of(e, seed)
    start = time.perf_counter()
    try:
        results = [e(rng) for _ in range(draws)]
    except (Exception, SystemExit) as error:  # a broken check may fail in any way: a finding
        told = f"{type(error).__name__} in {place_of(error, e.check)}: {error}"
        return Row(e, None, None, None, (told,), "", time.perf_counter() - start)
    return measured(e, results, time.perf_counter() - start)


def place_of(error: BaseException, check: Callable) -> str:
    """file.py:12, the line of the check's own file in which an exception passed through last."""
    frames = traceback.extract_tb(error.__traceback__)
    file = getattr(getattr(check, "__code__", None), "co_filename", None)
    last = ([frame for frame in frames if frame.filename == file] or frames)[-1]
    return f"{pathlib.Path(last.filename).name}:{last.lineno}"


def measured(e: Entry, results: list[Result], seconds: float) -> Row:
    """The Row of an entry from its draws."""
    printed = least([r.printed for r in results])
    forms = [r.correct for r in results]
    correct = largest([error_of(c) if isinstance(c, Report) else c for c in forms])
    found = [r.gradient if isinstance(r.gradient, tuple) else (r.gradient,) for r in results]
    reports = [g for gradients in found for g in gradients if g is not None]
    gradient = largest([error_of(g) for g in reports])
    own = any(isinstance(c, Report) for c in forms)  # a tolerance of its own
    bad_form = [str(c) for c in forms if isinstance(c, Report) and not c][:1]
    bad_form += form_problems(e, printed, None if own else correct)
    bad_gradient = list(gradient_problems(reports))
    problems = (*bad_form, *bad_gradient)
    if correct is None and gradient is None:
        problems += ("the check evaluated neither a form nor a gradient",)
    allowed = None if own or correct is None else e.tolerance
    failing = tuple(name for name, bad in (("form", bad_form), ("gradient", bad_gradient)) if bad)
    note = results[0].note
    return Row(e, printed, correct, gradient, problems, note, seconds, allowed, failing)


def least(printed: list[float | NotEvaluable | None]) -> float | NotEvaluable | None:
    """The smallest error of the printed form."""
    numbers = [p for p in printed if not (p is None or isinstance(p, NotEvaluable))]
    return float(np.min(numbers)) if len(numbers) == len(printed) else printed[0]


def largest(errors: list[float | None]) -> float | None:
    """The largest error, NaN if one of them is NaN; None if there is none."""
    numbers = [x for x in errors if x is not None]
    return float(np.max(numbers)) if numbers else None


def form_problems(
    e: Entry, printed: float | NotEvaluable | None, correct: float | None
) -> Iterator[str]:
    """What is wrong about the two forms."""
    if correct is not None and not correct <= e.tolerance:
        yield f"the form that must hold is off by {correct:.3g}, allowed is {e.tolerance:.0e}"
    if e.verdict in (CORRECT, SUPPLEMENT, CLAIM):
        return
    if printed is None:
        yield f"the line is said to be {e.verdict}, but nothing was computed from it"
    elif not isinstance(printed, NotEvaluable) and not printed > SEEN:
        yield f"the printed form is said to be {e.verdict}, but it is off by {printed:.3g} only"


def gradient_problems(reports: list[Report | float]) -> Iterator[str]:
    """What is wrong about the backward pass: the first report that fails."""
    for g in reports:
        if isinstance(g, Report) and not g:
            yield str(g)
            return
        if not isinstance(g, Report) and not g <= GRADIENT:
            yield f"the gradient is off by {g:.3g}, allowed is {GRADIENT:.0e}"
            return


def error_of(gradient: Report | float) -> float:
    """The largest error of a report, or the number itself."""
    if not isinstance(gradient, Report):
        return float(gradient)
    errors = [row.error for row in gradient.rows if row.error is not None]
    return float(np.max(errors)) if errors else 0.0 if gradient else np.nan
