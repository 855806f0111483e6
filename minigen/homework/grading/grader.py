"""Grades a class: in parallel, resumable, one sealed record for each submission."""

import collections
import concurrent.futures
import functools
import itertools
import json
import os
import pathlib
import platform
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import tqdm

from minigen import __version__
from minigen.core import validate
from minigen.homework import assignments
from minigen.homework.assignments import Assignment, Task
from minigen.homework.grading import class_page, records, submissions
from minigen.homework.grading.submissions import Looker, Submission, Upload
from minigen.homework.handout import variants
from minigen.homework.marking import viva
from minigen.homework.marking.marks import Mark, mark
from minigen.homework.marking.session import Session, behind_wall
from minigen.homework.types import Variant
from minigen.homework.wall import LIMITS, Limits, Refused, reached


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
    only: str | None = None,
    due: str | None = None,
    limits: Limits = LIMITS,
    progress: bool = True,
    executor: concurrent.futures.Executor | None = None,
) -> list[dict[str, Any]]:
    """Grade every submission in a folder, and write the results to another.

    A run that was stopped goes on where it stopped. `out` has a sealed record for each submission
    in `records/`, then `results.csv`, `lms.csv`, `results.json`, the page of the class
    `index.html`, and a page and a viva sheet for each student in `pages/` and `viva/`.

    Parameters
    ----------
    folder : str or path
        The submissions: one module, folder or zip for each student.
    key : str
        The instructor's key, or @FILE; it decides the variants and seals the records.
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
        Whether the whole folder is one submission; the list has one record then.
    only : str, optional
        A student to be graded anew; the others' records stay as they are.
    due : str, optional
        A date and time, such as 2026-11-30 23:59; files that are newer are noted as late.
    limits : Limits
        Time, memory and file sizes of a student's code.
    progress : bool
        Whether to show a progress bar.
    executor : concurrent.futures.Executor, optional
        Who marks the submissions, by default `jobs` processes of this machine: a pool, or a cluster
        (`distributed.Client(address).get_executor()`). The submissions are opened and the results
        written here; the wall is built on each worker, where it must reach the level reached here.
        The marks are the same.

    Returns
    -------
    list of dict
        The records, sorted by student: `student`, `earned`, `points`, `marks`, `note`, `variant`,
        `seed`, `level` and more.

    Raises
    ------
    Refused
        If no wall of level `isolation` can be built on this machine.
    ValueError
        If most files were handed out for other variants than this key's.

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
    key, date = variants.secret(key), submissions.due(due)
    jobs = validate.integer("jobs", jobs or os.cpu_count() or 1, 1)
    name = None if name is None else assignments.get(name).name
    uploads = _whole(folder) if single else submissions.find(folder)
    level, why = reached()
    if level < isolation:
        raise Refused(f"isolation: expected a wall of level {isolation}, got {level} ({why})")
    if not (executor is None or hasattr(executor, "submit")):
        what = "a concurrent.futures.Executor"
        raise validate.wrong_type("executor", what, validate.shown(executor))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:

        def look(some: list) -> list[Submission]:
            with Looker(level, limits, name) as looker:
                return [looker.look(entries, date) for entries in some]

        slices = pool.map(look, [uploads[k::jobs] for k in range(jobs)])
        found = list(itertools.chain.from_iterable(slices))
        found.sort(key=lambda submission: submission.student)
        assignment = assignments.get(name or _named(found))
        run = _Run(assignment, key, pathlib.Path(out), level, limits, seed, found, single,
                   executor or pool)  # fmt: skip
        if only is not None:
            run.forget(only)
        bar = {"total": len(found), "desc": assignment.name, "unit": "file"}
        graded = list(tqdm.tqdm(run.graded(found), disable=not progress, **bar))
    graded.sort(key=lambda record: record["student"])
    run.publish(graded)
    return graded


def _whole(folder: str | os.PathLike) -> list[list[Upload]]:
    """A folder as one submission."""
    path = pathlib.Path(folder).absolute()
    if not path.is_dir():
        raise validate.expected("submissions", "a folder", folder)
    return [[Upload(path, "", submissions.shown(path.name))]]


def _named(found: list[Submission]) -> str:
    """The assignment that most headers of the submissions name."""
    said = collections.Counter(s.header[0] for s in found if s.header)
    known = {name: n for name, n in said.items() if name in assignments.NAMES}
    name = max(known, key=lambda n: known[n], default="")
    if not name or 2 * known[name] <= said.total():
        what = f"one assignment in the files' headers (found {sorted(known) or 'none'})"
        raise validate.expected("name", what, "none given")
    return name


class _Run:
    """One run over a class; `facts` is what it grades by, kept in `out/run.json`."""

    def __init__(self, assignment: Assignment, key: str, out: pathlib.Path, level: int,
                 limits: Limits, seed: int | None, found: list[Submission],
                 single: bool, executor: concurrent.futures.Executor) -> None:  # fmt: skip
        self.assignment, self.key, self.out, self.limits = assignment, key, out, limits
        self.executor = executor
        self.named = 2 * sum(bool(s.header and s.header[2]) for s in found) > len(found)
        if not single:
            self.refuse_another_key(found)
        self.facts = {"assignment": assignment.name, "format": assignments.FORMAT,
                      "minigen": __version__, "key": variants.number(key, assignment.name) % 10**6,
                      "level": level}  # fmt: skip
        old = self.stopped()
        self.facts["seed"] = seed if seed is not None else old.get("seed", secrets.randbits(64))
        records.write(out / "run.json", json.dumps(self.facts, indent=1))
        inputs = variants.number(key, "inputs", assignment.name, str(self.facts["seed"]))
        self.inputs = (inputs, self.facts["seed"])

    def variant(self, submission: Submission) -> Variant:
        """The variant that the key draws for a submission: its student's, or the class's."""
        header = submission.header
        student = header[2] if header else submission.student if self.named else None
        return variants.drawn(self.assignment, self.key, student)

    def refuse_another_key(self, found: list[Submission]) -> None:
        """A key that draws other variants than most files were handed out for is not theirs."""
        theirs = [s for s in found if s.header and s.header[:2] == self.kind]
        other = [s for s in theirs if s.header and s.header[3] != self.variant(s)]
        if 2 * len(other) > len(theirs):
            header = other[0].facts["header"]
            what = f"the key of the handouts: {len(other)} of {len(theirs)} files are for others"
            said = f"{variants.words(header[3])} ({other[0].entry})"
            mine = variants.words(self.variant(other[0]))
            raise validate.expected("key", f"{what}, as {said}", f"one that draws {mine}")

    @property
    def kind(self) -> tuple[str, int]:
        """What the header of a handout begins with."""
        return self.assignment.name, assignments.FORMAT

    def stopped(self) -> dict[str, Any]:
        """What the run went by that was stopped in this folder, if there was one."""
        path = self.out / "run.json"
        if not path.exists():
            return {}
        old = json.loads(path.read_text(encoding="utf-8"))
        if any(old.get(k) != self.facts[k] for k in ("assignment", "key", "format")):
            raise validate.expected("out", "a new folder, or that of the same run", f"{self.out}")
        return old

    def forget(self, student: str) -> None:
        """Removes the record of a student, who is graded anew."""
        path = self.out / "records" / f"{Submission(student).id}.json"
        if not path.exists():
            raise validate.expected("only", "a student who was graded before", repr(student))
        path.unlink()

    def graded(self, found: list[Submission]) -> Iterator[records.Record]:
        """The sealed records of all submissions: first those on disk, then as they are marked."""
        waiting = {}
        try:
            for submission in found:
                facts, old = self.known(submission)
                if old:
                    yield old
                else:
                    waiting[self.marks(submission, facts["variant"])] = submission, facts
            for done in concurrent.futures.as_completed(waiting):
                yield self.record(*waiting[done], *done.result())
        finally:
            for future in waiting:
                future.cancel()

    def known(self, submission: Submission) -> tuple[dict[str, Any], records.Record | None]:
        """What a record says of a submission beside its marks, and the record of a run before."""
        variant = self.variant(submission)
        facts = {"student": submission.student, "id": submission.id, "entry": submission.entry,
                 "sha256": submission.sha256, "variant": variant,
                 "notes": self.notes(submission, variant), **self.facts}  # fmt: skip
        old = records.load(self.path(submission), self.key)
        same = old and all(old.get(k) == v for k, v in facts.items())
        return facts, old if same else None

    def path(self, submission: Submission) -> pathlib.Path:
        """The file of its record."""
        return self.out / "records" / f"{submission.id}.json"

    def record(
        self, submission: Submission, facts: dict[str, Any], marks: list[Mark],
        asked: list[viva.Asked],
    ) -> records.Record:  # fmt: skip
        """The sealed record of one submission, written to its file."""
        flags = [f"line {at}: {what}" for at, what in submission.facts.get("flags", [])]
        new = facts | {
            "title": f"Homework {self.assignment.number}: {self.assignment.title}",
            "late": submission.late,
            "flags": [*flags, *(f"{m.part}: {m.flag}" for m in marks if m.flag)],
            "viva": asked,
            "print": submission.facts.get("print", []),
            "earned": sum(m.earned for m in marks),
            "points": sum(m.points for m in marks),
            "marks": [{**vars(m), "earned": m.earned} for m in marks],
        }
        new["seal"] = records.seal(new, self.key)
        records.write(self.path(submission), json.dumps(new, indent=1))
        return new

    def marks(self, submission: Submission, variant: Variant) -> concurrent.futures.Future:
        """The marks and the viva sheet, when a worker of the executor has them."""
        return self.executor.submit(
            marked, self.assignment.name, variant, submission, self.facts["level"], self.limits,
            self.inputs,
        )  # fmt: skip

    def notes(self, submission: Submission, variant: Variant) -> list[str]:
        """What the instructor should know about a submission besides its marks."""
        found, facts = [], submission.facts
        if submission.others:
            others = ", ".join(submission.others)
            found.append(f"handed in more than once: {submission.entry} counts, {others} does not")
        if submission.late:
            found.append(f"{submission.late} late by the file's time")
        found += [facts[k] for k in ("problem", "unreadable") if k in facts]
        header = submission.header
        if not facts.keys() & {"problem", "unreadable", "header"}:
            found.append("the file has no header of a homework: it was graded all the same")
        elif header and header[:2] != self.kind:
            found.append(f"its header is of {header[0]}, format {header[1]}")
        elif header and header[3] != variant:
            found.append("the file was handed out for another variant than this key's: "
                         f"{variants.words(header[3])}")  # fmt: skip
        if header and header[2] and not _same(header[2], submission.student):
            found.append(f"handed out to {header[2]}, handed in as {submission.student}")
        return found

    def publish(self, graded: list[records.Record]) -> None:
        """CSV, JSON and the pages."""
        records.write(self.out / "results.csv", records.class_csv(graded))
        records.write(self.out / "lms.csv", records.lms_csv(graded))
        summary = json.dumps({"run": self.facts, "submissions": graded}, indent=1)
        records.write(self.out / "results.json", summary)
        for r in graded:
            records.write(self.out / "pages" / f"{r['id']}.html", records.page(r))
            records.write(self.out / "viva" / f"{r['id']}.html", records.viva(r))
        records.write(self.out / "index.html", class_page.page(graded))


def marked(
    name: str, variant: Variant, submission: Submission, level: int, limits: Limits,
    inputs: tuple[int, int],
) -> tuple[list[Mark], list[viva.Asked]]:  # fmt: skip
    """The marks and the viva sheet of a submission, behind a wall of the machine this runs on.

    A fault of the grader's own is a reason and ends no run.
    """
    if (here := reached())[0] < level:
        what = f"a wall of level {level} on every worker"
        raise Refused(f"isolation: expected {what}, got {here[0]} on {platform.node()} ({here[1]})")
    assignment, tasks = assignments.get(name), _tasks(name, tuple(variant.items()))
    session = Session(submission.source, behind_wall(level, limits), limits, submission.facts)
    marks, asked = [Mark(part, n) for task in tasks for part, n in task.parts()], []
    try:
        marks = mark(tasks, session, inputs)
        with np.errstate(all="ignore"):
            asked = viva.sheet(assignment, tasks, variant, session, marks, inputs)
    except Exception as error:
        why = f"the grader failed here: {type(error).__name__}: {error}"[:300]
        marks = [m if m.status != "not tried" else replace(m, why=why) for m in marks]
    finally:
        session.close()
    return marks, asked


@functools.lru_cache(64)
def _tasks(name: str, choices: tuple) -> tuple[Task, ...]:
    """The tasks of a variant, whose expected values stay while the submissions need them."""
    return assignments.get(name).tasks(dict(choices))


def _same(name: str, entry: str) -> bool:
    """Whether the name of a handout is in that of an entry, in letters and digits."""
    plain = ("".join(c for c in text.casefold() if c.isalnum()) for text in (name, entry))
    short, long = plain
    return short in long
