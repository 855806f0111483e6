"""What a student reads: for each part its status, points, the worst entry, the likely reason."""

import textwrap
from dataclasses import dataclass

from minigen.core import text
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
        words = {Status.RIGHT: "right", Status.EMPTY: "empty"}
        rows = [
            (m.part, words.get(m.status, "WRONG"), f"{m.earned:g}/{m.points:g}") for m in self.marks
        ]
        lines = [self.title, ""]
        for mark, line in zip(self.marks, text.table(rows).splitlines(), strict=True):
            lines.append(f"  {line}")
            for why in mark.why.splitlines() if mark.status != Status.EMPTY else ():
                lines += _wrapped(why, "      ")
        lines += ["", f"  {self.earned:g} of {self.points:g} points"]
        lines += _wrapped(OTHER, "  ") if self.practice else []
        return "\n".join([*lines, f"  Run in {LEVELS[self.level]}."])

    __repr__ = __str__


def _wrapped(line: str, indent: str) -> list[str]:
    """Lines of at most 96 characters."""
    return textwrap.wrap(line, 96, initial_indent=indent, subsequent_indent=indent)
