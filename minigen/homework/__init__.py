"""Homework on the derivations: hand out, check, grade.

    homework.start("coupling")             coupling.py and coupling.ipynb, to be filled in
    homework.check("coupling.py")          in seconds: what is right, what is wrong, and why
    homework.milestone("coupling.py")      a model of the chapter, trained with your functions
    homework.grade(folder, key, out)       a class, behind a wall
    homework.exam(key, folder)             a paper exam in two versions, with its answers
    homework.bundle(name, key, path)       an autograder for Gradescope

What is protected and what is not: README.md beside this file.
"""

import importlib
import os
import pathlib
from typing import NamedTuple

from minigen.core import validate
from minigen.homework import assignments
from minigen.homework.grading.grader import grade
from minigen.homework.grading.gradescope import bundle
from minigen.homework.grading.submissions import MAX_SOURCE, Looker
from minigen.homework.handout import blanks, variants
from minigen.homework.marking.feedback import Report
from minigen.homework.marking.marks import Mark, mark
from minigen.homework.marking.session import Session, behind_wall
from minigen.homework.marking.task_check import Status
from minigen.homework.milestones import Milestone, layers, milestone
from minigen.homework.paper import exam
from minigen.homework.wall import LIMITS, PROCESSES, Limits, Refused, reached

__all__ = [
    "Limits", "Mark", "Milestone", "Refused", "Report", "Status",
    "bundle", "check", "exam", "grade", "layers", "listing", "milestone", "solution", "start",
]  # fmt: skip

PRACTICE_SEED = (20150524,)  # the inputs of `check`, the same for everyone


def __dir__() -> list[str]:
    return sorted(__all__)


class Entry(NamedTuple):
    """An assignment in the listing."""

    number: int
    name: str
    title: str
    notes: str  # the equations it is about
    points: int


def listing() -> list[Entry]:
    """List the assignments.

    Returns
    -------
    list of Entry
        Tuples (number, name, title, notes, points), `notes` being the ids of the equations.

    Examples
    --------
    >>> [entry.name for entry in mg.homework.listing()][:3]
    ['gradients', 'change', 'coupling']
    """
    found = map(assignments.get, assignments.NAMES)
    return [
        Entry(a.number, a.name, a.title, a.notes, sum(n for _, n in a.parts(a.practice)))
        for a in found
    ]


def start(name: str, folder: str | os.PathLike = ".", *,
          key: str | None = None, student: str | None = None) -> list[pathlib.Path]:  # fmt: skip
    """Write an assignment into a folder: NAME.py to be filled in, NAME.ipynb to explore.

    Parameters
    ----------
    name : str
        One of the names of `listing()`, or its number.
    folder : str or path
        Where to write; it is made if it is missing. Nothing in it is overwritten.
    key : str, optional
        The instructor's key, or @FILE; without it, the variant for practice.
    student : str, optional
        Whose variant the key draws; without it, that of the class.

    Returns
    -------
    list of pathlib.Path
        The paths of the module and of the notebook.

    Raises
    ------
    FileExistsError
        If one of the two files is there already.

    Examples
    --------
    >>> import tempfile
    >>> [path.name for path in mg.homework.start("coupling", tempfile.mkdtemp())]
    ['coupling.py', 'coupling.ipynb']
    """
    a = assignments.get(name)
    if key is None and student is not None:
        raise validate.expected("key", "the key that draws the student's variant", "none")
    variant = a.practice if key is None else variants.drawn(a, variants.secret(key), student)
    return blanks.write(a, variant, folder, student)


def solution(name: str, key: str, student: str | None = None) -> str:
    """A model solution of a variant, for instructors.

    It is in the project's repository, and left out of what is installed.

    Parameters
    ----------
    name : str
        One of the names of `listing()`, or its number.
    key : str
        The instructor's key, or @FILE.
    student : str, optional
        Whose variant the key draws; without it, that of the class.

    Returns
    -------
    str
        The text of a module that earns all points.

    Raises
    ------
    ValueError
        If this minigen was installed without the model solutions.

    Examples
    --------
    >>> text = mg.homework.solution("markov", "a key of mine", "anna")
    >>> text.splitlines()[0][:50]
    '# minigen homework markov, format 2, for "anna", v'
    """
    a = assignments.get(name)
    variant = variants.drawn(a, variants.secret(key), student)
    try:
        solutions = importlib.import_module("minigen.homework.solutions")
    except ModuleNotFoundError:
        raise validate.expected("minigen", "a checkout of the repository, for model solutions",
                                "an installed package, which has none") from None  # fmt: skip
    return solutions.module(a, variant, student)


def check(path: str | os.PathLike, *, limits: Limits = LIMITS) -> Report:
    """Check a student's module: right or wrong for each part, and why.

    The file runs in a process of its own (in a browser, which has none, in the page itself), on the
    same practice inputs for everybody.

    Parameters
    ----------
    path : str or path
        The module. Its header names the assignment and the variant; without one, the file's name
        does, and the variant is that for practice.
    limits : Limits
        Time, memory and file sizes of the module's process.

    Returns
    -------
    Report
        True if every part is right; as text, what a student reads.

    Examples
    --------
    >>> import tempfile
    >>> module, notebook = mg.homework.start("markov", tempfile.mkdtemp())
    >>> report = mg.homework.check(module)
    >>> bool(report), report.earned, report.marks[0].status
    (False, 0, <Status.EMPTY: 'empty'>)
    """
    path = pathlib.Path(path)
    level = reached()[0] if PROCESSES else -1
    with Looker(level, limits) as looker:
        source, facts = looker.opened(path.read_bytes()[: MAX_SOURCE + 1], "py")
    if "unreadable" in facts:
        raise validate.expected("path", "a module with the header it was handed out with",
                                f"{path}, {facts['unreadable']}")  # fmt: skip
    name, version, student, given = facts.get("header", (path.stem, assignments.FORMAT, None, None))
    if version != assignments.FORMAT:
        made = f"format {version}, made by another minigen"
        raise validate.expected("path", f"a module of format {assignments.FORMAT}", made)
    a = assignments.get(name)
    variant = a.practice if given is None else variants.known(a, given)
    session = Session(source, behind_wall(level, limits), limits, facts)
    try:
        marks = mark(a.tasks(variant), session, PRACTICE_SEED, practice=True)
    finally:
        session.close()
    whose = "for practice" if variant == a.practice else f"for {student or 'a class'}"
    title = f"Homework {a.number}: {a.title}\nVariant {whose}: {variants.words(variant)}"
    return Report(title, tuple(marks), level, True)
