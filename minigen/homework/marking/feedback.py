"""What a student reads: for each part its status, points, the worst entry, the likely reason."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from minigen.homework.marking.marks import Mark
from minigen.homework.marking.task_check import Status
from minigen.homework.wall import LEVELS

OTHER = (
    "These are practice inputs. The instructor's check uses other inputs, other shapes and other "
    "cotangents, and calls each function more than once."
)


@dataclass(frozen=True, repr=False)
class Report:
    """The marks of one submission; true if all parts are right, and `str(report)` is the text.

    Parameters
    ----------
    title : str
        The assignment's number and title.
    marks : tuple of Mark
        One for each part: `part`, `points`, `earned`, `status` and `why`.
    level : int
        The level of the wall, 0 to 2.
    practice : bool
        Whether the inputs were those of practice.

    Examples
    --------
    >>> mark = mg.homework.Mark("nvp6", 1, mg.homework.Status.WRONG, "x2: the sign")
    >>> report = mg.homework.Report("Homework 3", (mark,), level=0, practice=False)
    >>> bool(report), report.earned, report.points
    (False, 0, 1)
    """

    title: str
    marks: tuple[Mark, ...]
    level: int
    practice: bool

    @property
    def earned(self) -> float:
        """The points earned."""
        return sum(m.earned for m in self.marks)

    @property
    def points(self) -> float:
        """The points there are."""
        return sum(m.points for m in self.marks)

    def __bool__(self) -> bool:
        return all(m.right for m in self.marks)

    def __str__(self) -> str:
        width = max(len(m.part) for m in self.marks)
        lines = [line for m in self.marks for line in _lines(m, width)]
        end = [f"  {self.earned:g} of {self.points:g} points"]
        end += _wrapped(OTHER, "  ") if self.practice else []
        return "\n".join([self.title, "", *lines, "", *end, f"  Run in {LEVELS[self.level]}."])

    __repr__ = __str__


def _lines(mark: Mark, width: int) -> Iterator[str]:
    """A line for one part, and below it why it is wrong."""
    status = {Status.RIGHT: "right", Status.EMPTY: "empty"}.get(mark.status, "WRONG")
    yield f"  {mark.part:<{width}}  {status}  {mark.earned:g}/{mark.points:g}"
    for line in mark.why.splitlines() if mark.status != Status.EMPTY else ():
        yield from _wrapped(line, "      ")


def _wrapped(text: str, indent: str) -> list[str]:
    """Lines of at most 96 characters."""
    return textwrap.wrap(text, 96, initial_indent=indent, subsequent_indent=indent)
