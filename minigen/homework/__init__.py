"""Homework on the derivations: hand out, check, grade.

    homework.start("coupling")             coupling.py and coupling.ipynb, to be filled in
    homework.check("coupling.py")          in seconds: what is right, what is wrong, and why
    homework.grade(folder, key, out)       a class, behind a wall

What is protected and what is not: README.md beside this file.
"""

import pathlib

from minigen.homework import assignments
from minigen.homework.grading.grader import grade
from minigen.homework.grading.submissions import limited
from minigen.homework.handout import blanks, variants
from minigen.homework.marking.feedback import Report
from minigen.homework.marking.marks import mark
from minigen.homework.marking.session import Session, behind_wall
from minigen.homework.wall import LIMITS, Refused, reached

__all__ = ["Refused", "Report", "check", "grade", "listing", "start"]

PRACTICE_SEED = (20150524,)  # the inputs of `check`, the same for everyone


def listing():
    """(number, name, title, notes, points) of every assignment."""
    found = []
    for name in assignments.NAMES:
        a = assignments.get(name)
        points = sum(n for _, n in a.parts(a.practice))
        found.append((a.number, a.name, a.title, a.notes, points))
    return found


def start(name, folder=".", *, key=None):
    """Writes NAME.py and NAME.ipynb into a folder, for practice or in the variant of a key.

    Never overwrites: raises FileExistsError if one of them is there. Returns the two paths.
    """
    a = assignments.get(name)
    return blanks.write(a, a.practice if key is None else variants.drawn(a, key), folder)


def check(path, *, limits=LIMITS):
    """The Report on a file: right or wrong for each part, and why. It runs in its own process."""
    path = pathlib.Path(path)
    source = limited(path)
    found = variants.read(source.decode("utf-8", "replace")) or (path.stem, None)
    a = assignments.get(found[0])
    variant = a.practice if found[1] is None else variants.known(a, found[1])
    level, _ = reached()
    session = Session(source, behind_wall(level, limits), limits)
    try:
        marks = mark(a.tasks(variant), session, PRACTICE_SEED, practice=True)
    finally:
        session.close()
    return Report(f"Homework {a.number}: {a.title}", tuple(marks), level, True)
