"""What a check answers: true or false, and a table that says where and why."""

from dataclasses import dataclass

OK, WRONG, OPEN, SKIPPED = "ok", "WRONG", "inconclusive", "skipped"


@dataclass(frozen=True)
class Row:
    """One line: what was checked, the verdict, its error, a note, and why it failed."""

    name: str
    verdict: str
    error: float | None = None
    note: str = ""
    why: str = ""

    def __str__(self):
        error = "" if self.error is None else f"{self.error:.1e}"
        return f"  {self.name:<28} {self.verdict:<12} {error:>8}  {self.note}".rstrip()


@dataclass(frozen=True, repr=False)
class Report:
    """The answer of a check: `bool(report)` is the verdict, `str(report)` the table."""

    title: str
    rows: tuple

    def __bool__(self):
        return all(row.verdict in (OK, SKIPPED) for row in self.rows)

    @property
    def failures(self):
        """The rows that are wrong or inconclusive."""
        return tuple(row for row in self.rows if row.verdict not in (OK, SKIPPED))

    def __str__(self):
        bad = len(self.failures)
        head = f"{self.title}: " + (f"{bad} of {len(self.rows)} not right" if bad else "all right")
        why = [f"\n{row.name}: {row.why}" for row in self.failures if row.why]
        return "\n".join([head, *map(str, self.rows), *why])

    __repr__ = __str__
