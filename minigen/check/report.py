"""What a check returns: a report, true or false, with a row for each thing that was checked."""

from dataclasses import dataclass
from enum import StrEnum
from html import escape

from minigen.core import html, text
from minigen.core.signature import checked


class State(StrEnum):
    """The result of one row."""

    OK = "ok"
    WRONG = "WRONG"
    INCONCLUSIVE = "inconclusive"  # the reference is not accurate enough to decide
    SKIPPED = "skipped"


Kind = StrEnum(
    "Kind",
    # of a gradient; BATCH is a factor N or 1/N, COTANGENT a gradient that does not use dy or its
    # sign, PLACE says only which rows or columns are wrong
    "SIGN DOUBLE HALF BATCH FACTOR ZERO NOT_FINITE ROUNDING STATEFUL MISSING_TERM TERM_SIGN "
    "TERM_TWICE CLIPPED COTANGENT NOT_LINEAR TRANSPOSE MASK SOME_SIGNS PERMUTED PLACE "
    "MISSING EXTRA SHAPE DTYPE "
    # beside other arrays: a branch, arguments swapped or changed, a known array as the value, as a
    # factor; 1 / right; a constant; a path through a sum; of a density: its mass, its samples
    "BRANCH SWAPPED ARGUMENT KNOWN_VALUE KNOWN_FACTOR RECIPROCAL OFFSET PATH MASS SAMPLES "
    # of the reference; of a bijection or another value; of a rule of the contract
    "UNSURE NOT_CLEAN ILL_CONDITIONED LOGDET_SIGN VALUE RULE",
)
Kind.__doc__ = "What a `Diagnosis` says, as a code: `Kind.SIGN`, `Kind.MISSING_TERM`, ..."


@dataclass(frozen=True)
class Diagnosis:
    """The likely reason of a failure: a code for programs, a sentence for people.

    Parameters
    ----------
    kind : Kind
        The code.
    text : str
        The sentence, without a final full stop.

    Examples
    --------
    >>> mg.check.Diagnosis(mg.check.Kind.SIGN, "the sign: minus yours is right").kind
    <Kind.SIGN: 'sign'>
    """

    kind: Kind
    text: str


@dataclass(frozen=True)
class Row:
    """One line of a report.

    Parameters
    ----------
    name : str
        What was checked: "dx", "params.W", "logdet of inverse", ...
    state : State
        The result; a `State` is its word, so `row.state == "ok"` holds too.
    error : float, optional
        The largest error found.
    note : str
        How much was checked, for the table.
    worst : str
        The worst entry: "[3, 5]: yours +0.41, expected -0.41".
    diagnosis : Diagnosis, optional
        The likely reason of a failure.

    Examples
    --------
    >>> row = mg.check.Row("dx", mg.check.State.OK, 1e-16, "6 entries")
    >>> row.state, row.diagnosis
    (<State.OK: 'ok'>, None)
    """

    name: str
    state: State
    error: float | None = None
    note: str = ""
    worst: str = ""
    diagnosis: Diagnosis | None = None

    @property
    def why(self) -> str:
        """The worst entry and the diagnosis, to be read after the name."""
        text = self.diagnosis.text if self.diagnosis else ""
        between = ("\n  " if self.worst else ": ") if text else ""
        return self.worst + between + text

    @property
    def failed(self) -> bool:
        """Whether the row is wrong or inconclusive."""
        return self.state in (State.WRONG, State.INCONCLUSIVE)


@dataclass(frozen=True, repr=False)
class Report:
    """The result of a check: `bool(report)` says whether all is right, `str(report)` is a table.

    Parameters
    ----------
    title : str
        What was checked.
    rows : tuple of Row
        The rows; `failures` are those that are wrong or inconclusive.
    note : str
        Which reference was used.
    values : bool
        Whether it is about the values of functions, an equation's form, not about a gradient.

    Examples
    --------
    >>> layer = mg.nn.Linear.init(3, 2, rng=rng)
    >>> report = mg.check.gradients(layer, rng.standard_normal((4, 3)), rng=rng)
    >>> bool(report), [row.name for row in report.rows], report.failures
    (True, ['dx', 'params.W', 'params.b'], ())
    """

    title: str
    rows: tuple[Row, ...]
    note: str = ""
    values: bool = False

    def __bool__(self) -> bool:
        return not self.failures

    @property
    def failures(self) -> tuple[Row, ...]:
        """The rows that are wrong or inconclusive."""
        return tuple(row for row in self.rows if row.failed)

    def __str__(self) -> str:
        cells = [(f"  {name}", *rest) for name, *rest in self._cells]
        note = f"  {self.note}" if self.note else ""
        lines = [self._headline, text.table(cells), note, *self.reasons()]
        return "\n".join(filter(None, lines))

    @property
    def _headline(self) -> str:
        """The result in a line."""
        bad, all_ = len(self.failures), len(self.rows)
        return f"{self.title}: " + (f"{bad} of {all_} not right" if bad else "all right")

    @property
    def _cells(self) -> list[tuple[str, ...]]:
        """The rows in words."""
        return [
            (row.name, row.state, "" if row.error is None else f"{row.error:.1e}", row.note)
            for row in self.rows
        ]

    def _repr_html_(self) -> str:
        """One line if all is right, with the table folded below it; else what failed, and why."""
        good = bool(self)
        worst = max((row.error for row in self.rows if row.error is not None), default=None)
        said = f"{len(self.rows)} checked" + ("" if worst is None else f", at most {worst:.1e} off")
        mark, color = ("\N{CHECK MARK}", html.BLUE) if good else ("\N{BALLOT X}", html.ORANGE)
        head = f'<b style="color:{color}">{mark}</b> {escape(self._headline)} '
        head += html.quiet(f"({said})" if good else self.note)
        rows = self._cells if good else [c for c, r in zip(self._cells, self.rows, strict=True)
                                         if r.failed]  # fmt: skip
        why = "".join(f'<pre style="margin:.3em 0">{escape(text)}</pre>' for text in self.reasons())
        note = f"<div>{html.quiet(self.note)}</div>" if good and self.note else ""
        return html.box(html.folded(head, html.table(rows) + note + why, unfolded=not good))

    @checked
    def reasons(self, most: int = 6) -> list[str]:
        """Why the first failures failed, one text each.

        Parameters
        ----------
        most : of them

        Returns
        -------
        The texts

        Examples
        --------
        >>> layer = mg.nn.Linear.init(3, 2, rng=rng)
        >>> mg.check.gradients(layer, np.ones((4, 3)), rng=rng).reasons()
        []
        """
        found = [f"{row.name}{row.why}" for row in self.failures if row.why]
        rest = [f"and {len(found) - most} more"] if len(found) > most else []
        return found[:most] + rest

    __repr__ = __str__


def versus(yours: float, expected: float) -> str:
    """Two numbers in words, with as many figures as it takes to tell them apart."""
    a = b = ""
    for figures in range(6, 18):
        a, b = f"{yours:+.{figures}g}", f"{expected:+.{figures}g}"
        if a != b:
            break
    return f"yours {a}, expected {b}"
