"""What a check answers: true or false, and a table that says where and why."""

from dataclasses import dataclass

OK, WRONG, OPEN, SKIPPED = "ok", "WRONG", "inconclusive", "skipped"


@dataclass(frozen=True)
class Row:
    """One line: what was checked, the verdict, its error, a note, and why it failed.

    `why` is read after the name: "[3, 5]: yours +0.41, expected -0.41" or ": expected ...".
    """

    name: str
    verdict: str
    error: float | None = None
    note: str = ""
    why: str = ""

    def line(self, width):
        """One line of the table, the name `width` wide."""
        error = "" if self.error is None else f"{self.error:.1e}"
        return f"  {self.name:<{width}}  {self.verdict:<12}  {error:>7}  {self.note}".rstrip()


@dataclass(frozen=True, repr=False)
class Report:
    """The answer of a check: `bool(report)` is the verdict, `str(report)` the table."""

    title: str
    rows: tuple
    note: str = ""

    def __bool__(self):
        return all(row.verdict in (OK, SKIPPED) for row in self.rows)

    @property
    def failures(self):
        """The rows that are wrong or inconclusive."""
        return tuple(row for row in self.rows if row.verdict not in (OK, SKIPPED))

    def __str__(self):
        bad = len(self.failures)
        head = f"{self.title}: " + (f"{bad} of {len(self.rows)} not right" if bad else "all right")
        width = max((len(row.name) for row in self.rows), default=0)
        table = [row.line(width) for row in self.rows]
        return "\n".join(
            [head, *table, *([f"  {self.note}"] if self.note else []), *self.reasons()]
        )

    def reasons(self, most=6):
        """Why the first failures failed."""
        told = [f"{row.name}{row.why}" for row in self.failures if row.why]
        rest = [f"and {len(told) - most} more"] if len(told) > most else []
        return told[:most] + rest

    __repr__ = __str__


def versus(yours, expected):
    """Two numbers in words, with as many figures as it takes to tell them apart."""
    for figures in range(6, 18):
        a, b = f"{yours:+.{figures}g}", f"{expected:+.{figures}g}"
        if a != b:
            break
    return f"yours {a}, expected {b}"
