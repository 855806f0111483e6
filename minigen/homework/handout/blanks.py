"""What a student gets: the marked source with its solutions taken out, and a notebook."""

import os
import pathlib
import re
import string
from collections.abc import Callable

from minigen.homework.assignments import SOURCES, Assignment
from minigen.homework.handout import variants
from minigen.homework.handout.notebook import notebook_json
from minigen.homework.types import Variant

RULES = """\
# Cost is counted, never timed. One call may run a million lines of this file, so loops over indices
# are fine. A backward pass may not do the work of a forward pass for each parameter.
"""
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
REGION = re.compile(rf"^([ \t]*){BEGIN}\n(.*?)^[ \t]*{END}\n", re.MULTILINE | re.DOTALL)
DEFINED = re.compile(r"^def (\w+)\(", re.MULTILINE)


def marked(assignment: Assignment, variant: Variant) -> str:
    """The marked source with the equations of a variant; the solutions in it are for practice."""
    text = (SOURCES / f"{assignment.name}.py.in").read_text(encoding="utf-8")
    return string.Template(text).substitute(assignment.slots(variant))


def replaced(text: str, body: Callable[[str, str, str], str]) -> str:
    """The source with each solution replaced by body(name of the function, indent, solution).

    A solution that is not indented holds helpers: its name is "".
    """

    def region(match: re.Match) -> str:
        name = DEFINED.findall(text, 0, match.start())[-1] if match[1] else ""
        return body(name, match[1], match[2])

    return REGION.sub(region, text)


def blank(assignment: Assignment, variant: Variant, student: str | None = None) -> str:
    """The module a student fills in."""
    text = replaced(
        marked(assignment, variant),
        lambda name, pad, _: f'{pad}raise NotImplementedError("{name}")\n' if name else "",
    )
    return variants.header(assignment, variant, student) + "\n" + RULES + text


def solved(assignment: Assignment) -> str:
    """The practice module with its solutions."""
    text = replaced(marked(assignment, assignment.practice), lambda name, pad, solution: solution)
    return variants.header(assignment, assignment.practice) + "\n" + text


def write(assignment: Assignment, variant: Variant, folder: str | os.PathLike,
          student: str | None = None) -> list:  # fmt: skip
    """Writes NAME.py and NAME.ipynb; refuses, before writing anything, to overwrite a file."""
    folder = pathlib.Path(folder)
    texts = {
        folder / f"{assignment.name}.py": blank(assignment, variant, student),
        folder / f"{assignment.name}.ipynb": notebook_json(assignment),
    }
    there = [path for path in texts if path.exists() or path.is_symlink()]
    if there:
        raise FileExistsError(f"{there[0]}: expected no such file, it is there and is kept")
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    return list(texts)
