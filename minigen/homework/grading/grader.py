"""Grades a class: in parallel, resumable, one sealed record for each submission."""

import concurrent.futures
import importlib.metadata
import json
import os
import pathlib
import secrets

import tqdm

from minigen.core import validate
from minigen.homework import assignments
from minigen.homework.grading import records, submissions
from minigen.homework.handout import variants
from minigen.homework.marking import reference as ref
from minigen.homework.marking import trials
from minigen.homework.marking.marks import mark
from minigen.homework.marking.session import Session, behind_wall
from minigen.homework.wall import LIMITS, Refused, reached

VERSION = importlib.metadata.version("minigen")


def grade(folder, key, out, name=None, *, seed=None, isolation=1, jobs=None, single=False,
          limits=LIMITS, progress=True):  # fmt: skip
    """Grades every submission in a folder (or the folder as one) and writes the results to `out`.

    key: the instructor's; it draws the variant and seals the records.
    seed: a whole number that decides the inputs; drawn, and kept in `out`, if not given.
    isolation: the least wall to grade behind, 0 to 2; raises Refused below it.
    Returns the list of records, sorted by student.
    """
    validate.integer("isolation", isolation, 0, 2)
    if seed is not None:
        validate.integer("seed", seed, 0)
    name = name or named(folder, single)
    assignment = assignments.get(name)
    found = collect(folder, name, single)
    level, why = reached()
    if level < isolation:
        raise Refused(f"isolation: expected a wall of level {isolation}, got {level} ({why})")
    run = settings(assignment, key, pathlib.Path(out), level, seed)
    tasks = assignment.tasks(run["variant"])
    warm(tasks, run["seed"])

    def work(submission):
        return record(submission, assignment, tasks, run, key, pathlib.Path(out), limits)

    jobs = validate.integer("jobs", jobs or os.cpu_count() or 1, 1)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        done = tqdm.tqdm(
            pool.map(work, found), total=len(found), desc=name, unit="file", disable=not progress
        )
        graded = list(done)
    publish(graded, run, pathlib.Path(out))
    return graded


def collect(folder, name, single):
    """The submissions in a folder, or the folder as one."""
    if not single:
        return submissions.find(folder, name)
    folder = pathlib.Path(folder)
    return [submissions.one(folder, name, submissions.unique([folder.name])[0])]


def named(folder, single):
    """The assignment that the headers of the submissions name, all the same."""
    candidates = collect(folder, "*", single)
    found = {h[0] for s in candidates if (h := header(s.source)) and h[0] in assignments.NAMES}
    if len(found) != 1:
        what = f"one assignment in the files' headers (found {sorted(found) or 'none'})"
        raise validate.expected("name", what, "none given")
    return found.pop()


def header(source):
    """(name, variant) of a submission's header, or None."""
    try:
        return variants.read(source.decode("utf-8", "replace"))
    except ValueError:
        return None


def settings(assignment, key, out, level, seed):
    """What a run is graded by; taken from `out` where a run stopped there, and written there."""
    path = out / "run.json"
    run = {"assignment": assignment.name, "format": assignments.FORMAT, "minigen": VERSION,
           "variant": variants.drawn(assignment, key), "level": level}  # fmt: skip
    old = {}
    if path.exists():
        old = json.loads(path.read_text(encoding="utf-8"))
        if any(old.get(k) != run[k] for k in ("assignment", "variant")):
            raise validate.expected("out", "a new folder, or that of the same run", f"{out}")
    run["seed"] = seed if seed is not None else old.get("seed", secrets.randbits(64))
    records.write(path, json.dumps(run, indent=1))
    return run


def warm(tasks, seed):
    """Computes the expected values once, before the threads ask for them."""
    for k, task in enumerate(tasks):
        for case in trials.cases(task, (seed, k), False):
            if isinstance(task, assignments.Pair):
                ref.slopes(task.reference, case)


def record(submission, assignment, tasks, run, key, out, limits):
    """The sealed record of one submission, from disk if it was graded before."""
    path = out / "records" / f"{submission.student}.json"
    facts = {"student": submission.student, "sha256": submission.sha256, **run}
    old = records.load(path, key)
    if old and all(old.get(k) == v for k, v in facts.items()):
        return old
    marks = marked(submission, tasks, run, limits)
    new = facts | {
        "title": f"Homework {assignment.number}: {assignment.title}",
        "note": note(submission, run),
        "earned": sum(m.earned for m in marks),
        "points": sum(m.points for m in marks),
        "marks": [vars(m) for m in marks],
    }
    new["seal"] = records.seal(new, key)
    records.write(path, json.dumps(new, indent=1))
    return new


def marked(submission, tasks, run, limits):
    """The marks of a submission."""
    session = Session(submission.source, behind_wall(run["level"], limits), limits)
    session.broken = submission.problem
    try:
        return mark(tasks, session, (run["seed"],))
    finally:
        session.close()


def note(submission, run):
    """A word on a submission that is not of this class."""
    if submission.problem:
        return submission.problem
    found = header(submission.source)
    if found is None:
        return "the file has no header of a homework: it was graded all the same"
    if found != (run["assignment"], run["variant"]):
        return "the file was handed out for another variant than this class's"
    return ""


def publish(graded, run, out):
    """CSV, JSON and the pages."""
    records.write(out / "results.csv", records.table(graded))
    records.write(out / "results.json", records.summary(graded, run))
    for r in graded:
        records.write(out / "pages" / f"{r['student']}.html", records.page(r))
