"""What a student reads: for each part the verdict, points, the worst entry, the likely reason."""

import textwrap
from dataclasses import dataclass

from minigen.homework.wall import LEVELS

OTHER = (
    "These are practice inputs. The instructor's check uses other inputs, other shapes and other "
    "cotangents, and asks more than once."
)


@dataclass(frozen=True, repr=False)
class Report:
    """The marks of one submission; `str(report)` is the text."""

    title: str
    marks: tuple
    level: int
    practice: bool

    @property
    def earned(self):
        return sum(m.earned for m in self.marks)

    @property
    def points(self):
        return sum(m.points for m in self.marks)

    def __bool__(self):
        return all(m.right for m in self.marks)

    def __str__(self):
        width = max(len(m.part) for m in self.marks)
        table = [line for m in self.marks for line in lines(m, width)]
        end = [f"  {self.earned:g} of {self.points:g} points"]
        pad = {"initial_indent": "  ", "subsequent_indent": "  "}
        end += textwrap.wrap(OTHER, 96, **pad) if self.practice else []
        return "\n".join([self.title, "", *table, "", *end, f"  Run in {LEVELS[self.level]}."])

    __repr__ = __str__


def lines(mark, width):
    """One part: a line of the table, and below it why it is wrong."""
    verdict = "right" if mark.right else "WRONG"
    if mark.why.endswith("is not written yet"):
        verdict = "empty"
    yield f"  {mark.part:<{width}}  {verdict}  {mark.earned:g}/{mark.points:g}"
    for line in mark.why.splitlines() if verdict != "empty" else ():
        yield from textwrap.wrap(
            line, 96, initial_indent="      ", subsequent_indent="      ", break_long_words=True
        )
