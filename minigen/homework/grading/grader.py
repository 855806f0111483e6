"""Grades a class: in parallel, resumable, one sealed record for each submission."""

import concurrent.futures
import importlib.metadata
import json
import os
import pathlib
import secrets
from typing import Any

import tqdm

from minigen.core import validate
from minigen.homework import assignments
from minigen.homework.assignments import Assignment, Pair
from minigen.homework.grading import records, submissions
from minigen.homework.grading.submissions import Submission
from minigen.homework.handout import variants
from minigen.homework.marking import reference as ref
from minigen.homework.marking.marks import Mark, mark
from minigen.homework.marking.session import Session, behind_wall
from minigen.homework.marking.task_check import cases
from minigen.homework.wall import LIMITS, Limits, Refused, reached

VERSION = importlib.metadata.version("minigen")


@validate.options
def grade(
    folder: str | os.PathLike,
    key: str,
    out: str | os.PathLike,
    name: str | None = None,
    *,
    seed: int | None = None,
    isolation: int = 1,
    jobs: int | None = None,
    single: bool = False,
    limits: Limits = LIMITS,
    progress: bool = True,
) -> list[dict[str, Any]]:
    """Grade every submission in a folder, and write the results to another.

    A run that was stopped goes on where it stopped. `out` has a sealed record for each submission
    in `records/`, then `results.csv`, `results.json` and a page for each student in `pages/`.

    Parameters
    ----------
    folder : str or path
        The submissions: one module, folder or zip for each student.
    key : str
        The instructor's key; it decides the variant and seals the records.
    out : str or path
        The folder of the results.
    name : str, optional
        The assignment; by default the one that the files' headers name.
    seed : int, optional
        It decides the inputs; by default it is drawn, and kept in `out/run.json`.
    isolation : int
        The least level of the wall, 0 to 2 (see the README of this package).
    jobs : int, optional
        How many submissions to grade at a time; by default one for each processor.
    single : bool
        Whether the whole folder is one submission.
    limits : Limits
        Time, memory and file sizes of a student's code.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    list of dict
        The records, sorted by student: `student`, `earned`, `points`, `marks`, `note`, `variant`,
        `seed`, `level` and more.

    Raises
    ------
    Refused
        If no wall of level `isolation` can be built on this machine.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> module, notebook = mg.homework.start("markov", folder / "in", key="a key of mine")
    >>> notebook.unlink()
    >>> records = mg.homework.grade(
    ...     folder / "in", "a key of mine", folder / "graded", isolation=0, progress=False
    ... )
    >>> [(r["student"], r["earned"]) for r in records]
    [('markov', 0)]
    """
    validate.integer("isolation", isolation, 0, 2)
    if seed is not None:
        validate.integer("seed", seed, 0)
    name = name or _named(folder, single)
    assignment = assignments.get(name)
    found = _collected(folder, name, single)
    level, why = reached()
    if level < isolation:
        raise Refused(f"isolation: expected a wall of level {isolation}, got {level} ({why})")
    run = _Run(assignment, key, pathlib.Path(out), level, limits, seed)
    jobs = validate.integer("jobs", jobs or os.cpu_count() or 1, 1)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        bar = {"total": len(found), "desc": name, "unit": "file", "disable": not progress}
        graded = list(tqdm.tqdm(pool.map(run.record, found), **bar))
    run.publish(graded)
    return graded


def _collected(folder: str | os.PathLike, name: str, single: bool) -> list[Submission]:
    """The submissions in a folder, or the folder as one."""
    if not single:
        return submissions.find(folder, name)
    folder = pathlib.Path(folder)
    return [submissions.one(folder, name, submissions.unique([folder.name])[0])]


def _named(folder: str | os.PathLike, single: bool) -> str:
    """The assignment that the headers of the submissions name, all the same."""
    headers = map(_header, _collected(folder, "*", single))
    found = {h[0] for h in headers if h and h[0] in assignments.NAMES}
    if len(found) != 1:
        what = f"one assignment in the files' headers (found {sorted(found) or 'none'})"
        raise validate.expected("name", what, "none given")
    return found.pop()


def _header(submission: Submission) -> tuple[str, Any] | None:
    """(name, variant) of a submission's header, or None."""
    try:
        return variants.read(submission.source.decode("utf-8", "replace"))
    except ValueError:
        return None


class _Run:
    """One run over a class; `facts` is what it grades by, kept in `out/run.json`."""

    def __init__(self, assignment: Assignment, key: str, out: pathlib.Path, level: int,
                 limits: Limits, seed: int | None) -> None:  # fmt: skip
        self.assignment, self.key, self.out, self.limits = assignment, key, out, limits
        self.facts = {"assignment": assignment.name, "format": assignments.FORMAT,
                      "minigen": VERSION, "variant": variants.drawn(assignment, key),
                      "level": level}  # fmt: skip
        old = self.stopped()
        self.facts["seed"] = seed if seed is not None else old.get("seed", secrets.randbits(64))
        records.write(out / "run.json", json.dumps(self.facts, indent=1))
        self.tasks = assignment.tasks(self.facts["variant"])
        for k, task in enumerate(self.tasks):  # computed once, before the threads ask for them
            for case in cases(task, (self.facts["seed"], k), False):
                if isinstance(task, Pair):
                    ref.slopes(task.reference, case)

    def stopped(self) -> dict[str, Any]:
        """What the run went by that was stopped in this folder, if there was one."""
        path = self.out / "run.json"
        if not path.exists():
            return {}
        old = json.loads(path.read_text(encoding="utf-8"))
        if any(old.get(k) != self.facts[k] for k in ("assignment", "variant")):
            raise validate.expected("out", "a new folder, or that of the same run", f"{self.out}")
        return old

    def record(self, submission: Submission) -> records.Record:
        """The sealed record of one submission, from disk if it was graded before."""
        path = self.out / "records" / f"{submission.student}.json"
        facts = {"student": submission.student, "sha256": submission.sha256, **self.facts}
        old = records.load(path, self.key)
        if old and all(old.get(k) == v for k, v in facts.items()):
            return old
        marks = self.marks(submission)
        new = facts | {
            "title": f"Homework {self.assignment.number}: {self.assignment.title}",
            "note": self.note(submission),
            "earned": sum(m.earned for m in marks),
            "points": sum(m.points for m in marks),
            "marks": [{**vars(m), "earned": m.earned} for m in marks],
        }
        new["seal"] = records.seal(new, self.key)
        records.write(path, json.dumps(new, indent=1))
        return new

    def marks(self, submission: Submission) -> list[Mark]:
        """The marks of a submission."""
        open_desk = behind_wall(self.facts["level"], self.limits)
        session = Session(submission.source, open_desk, self.limits)
        session.broken = submission.problem
        try:
            return mark(self.tasks, session, (self.facts["seed"],))
        finally:
            session.close()

    def note(self, submission: Submission) -> str:
        """What the instructor should know about a submission besides its marks."""
        found = _header(submission)
        if submission.problem or found is None:
            missing = "the file has no header of a homework: it was graded all the same"
            return submission.problem or missing
        if found != (self.facts["assignment"], self.facts["variant"]):
            return "the file was handed out for another variant than this class's"
        return ""

    def publish(self, graded: list[records.Record]) -> None:
        """CSV, JSON and the pages."""
        records.write(self.out / "results.csv", records.class_csv(graded))
        summary = json.dumps({"run": self.facts, "submissions": graded}, indent=1)
        records.write(self.out / "results.json", summary)
        for r in graded:
            records.write(self.out / "pages" / f"{r['student']}.html", records.page(r))
