"""A class of three hundred with every attack and every broken upload in it, graded and timed.

    python tests/classroom.py [--level 1|2] [--students 300] [--jobs 2] [--honest]

Started as root it goes into namespaces of its own (processes, mounts, network), where the folders
open to everybody are empty ones. Level 1 is graded by root there, the files by user ids that nobody
uses; level 2 by the user nobody. It prints what was graded, how long it took, and what was left.
"""

import argparse
import collections
import contextlib
import glob
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
SECRET, KEY = "the instructor's secret", "a key of the instructor's own"
SLIPS = (
    ("logdet = ", "logdet = 2 * "), (".sum(axis=0)", ".mean(axis=0)"),
    ("return dx, ", "return -dx, "), ("import numpy as np", "import torch"),
    ("def coupling_inverse(y, ", "def coupling_inverse(y, more, "),
    ("dlogdet[:, None]", "0 * dlogdet[:, None]"), ("np.ones((1, 1))", "np.zeros((1, 1))"),
    ("cache\n", "cache\n    dy = dy + 0 * dy.sum()\n"), ("\n", "\r\n"), ("def ", "def  "),
)  # fmt: skip


def honest(name: str, k: int) -> tuple[str, dict, bool]:
    """(text, variant, whether all of it is right) of a student's own file."""
    from minigen.homework import assignments, solutions
    from minigen.homework.handout import blanks, variants

    a = assignments.get("coupling")
    variant = variants.drawn(a, KEY, name)
    text = solutions.module(a, variant, name)
    if k % 12 == 11:
        return blanks.blank(a, variant, name), variant, False
    if k % 3 == 2:
        old, new = SLIPS[k // 3 % len(SLIPS)]
        return text.replace(old, new), variant, False
    return text, variant, True


def built(folder: pathlib.Path, students: int, bad: bool) -> tuple[dict, set, set]:
    """({honest student: (text, variant, right)}, attacks, broken uploads) written as a class."""
    import hostile_more
    import test_grader as short
    import test_grader_uploads as uploads

    (folder / "in").mkdir()
    (folder / "kept").mkdir()
    (folder / "kept" / "canary.txt").write_text(SECRET, encoding="utf-8")
    (folder / "kept").chmod(0o700)
    attacks, broken = set(), set()
    if bad:
        uploads.written(folder / "in")
        broken = {path.name for path in (folder / "in").iterdir()}
        for k, name in enumerate(sorted(hostile_more.ALL)):
            attacks.add(f"attack {k:02d} {name}".replace("/", "_"))
            text = short.place(hostile_more.ALL[name], folder)
            (folder / "in" / f"attack {k:02d} {name}.py").write_text(text, encoding="utf-8")
    names = [f"Student {k:03d}" for k in range(students - len(attacks) - len(broken))]
    texts = {name: honest(name, k) for k, name in enumerate(names)}
    for name, (text, _, _) in random.Random(300).sample(sorted(texts.items()), len(texts)):
        (folder / "in" / f"{name}.py").write_bytes(text.encode())
    return texts, attacks, broken


def expected(texts: dict) -> dict[str, float]:
    """The points of each honest file, marked in this process."""
    import test_homework_bank as bank

    from minigen.homework import assignments

    a = assignments.get("coupling")
    return {
        name: sum(m.earned for m in bank.marks(a, variant, text, seed=300))
        for name, (text, variant, _) in texts.items()
    }


def graded(folder: pathlib.Path, level: int, jobs: int) -> tuple[list, dict, dict]:
    """(the records, what it took, {source: seconds charged})."""
    import resource

    from minigen import homework
    from minigen.homework.grading import grader
    from minigen.homework.marking.session import Session
    from minigen.homework.wall import reached

    grader.reached = lambda: reached(level)
    charged, close = {}, Session.close

    def closed(session: Session) -> None:
        close(session)
        charged[session.source] = session.limits.total - session.left

    Session.close = closed
    begun, cpu, load = time.monotonic(), time.process_time(), os.getloadavg()[0]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    records = homework.grade(folder / "in", KEY, folder / "out", "coupling", seed=300, jobs=jobs,
                             isolation=level, progress=False)  # fmt: skip
    seconds, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    children = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return records, {
        "seconds": seconds, "CPU of the grader": time.process_time() - cpu,
        "CPU of the workers": children, "load before": load, "load after": os.getloadavg()[0],
        "MB of the grader": own / 1024, "MB of a worker, at most": after.ru_maxrss / 1024,
        "seconds charged to one file, at most": max(charged.values()),
    }, charged  # fmt: skip


def left() -> list[str]:
    """Processes and files that the class left behind."""
    found = []
    for path in glob.glob("/proc/[0-9]*"):
        with contextlib.suppress(OSError):
            words = pathlib.Path(path, "cmdline").read_bytes()
            if b"jail.py" in words or b"worker.py" in words or foreign(path):
                found.append(f"{path} {words[:60]!r}")
    for folder in ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue"):
        every = glob.glob(f"{folder}/*", include_hidden=True)
        found += [p for p in every if foreign(p) or "homework-" in p]
    return found


def foreign(path: str) -> bool:
    """Whether a file or process belongs to a user id that the wall takes."""
    return 62000 <= os.lstat(path).st_uid < 65000


def trial(args: argparse.Namespace, folder: pathlib.Path) -> int:
    """Builds, grades, compares, prints; the number of failures."""
    texts, attacks, broken = built(folder, args.students, not args.honest)
    points = expected(texts)
    records, cost, charged = graded(folder, args.level, args.jobs)
    by, failed = {r["student"]: r for r in records}, []
    if len(records) != args.students or {r["level"] for r in records} != {args.level}:
        failed.append(f"{len(records)} records, levels { ({r['level'] for r in records}) }")
    for name, (_, _, right) in texts.items():
        record = by.get(name, {"earned": None})
        if record["earned"] != points[name] or (right and points[name] != 19):
            failed.append(f"{name}: {record['earned']} in place of {points[name]}")
    for name in attacks:
        record = by.get(name, {"earned": None, "marks": []})
        said = " ".join(m["why"] for m in record["marks"])
        if record["earned"] != 0 or SECRET in said or KEY in said:
            failed.append(f"{name}: {record['earned']} points; {said[:300]}")
        if args.level == 2 and "LEAK" in said:
            failed.append(f"{name}: {said[:300]}")
    entries = {r["entry"]: r for r in records}
    for name in broken:
        from minigen.homework.grading.submissions import shown

        record = entries.get(shown(name))
        if record is None or record["earned"] or not all(m["why"] for m in record["marks"]):
            failed.append(f"{name!r}: {record and record['earned']}")
    failed += [f"left: {what}" for what in left()]
    whys = collections.Counter(
        m["why"].splitlines()[0][:70] for name in attacks for m in by[name]["marks"] if m["why"]
    )
    print(
        f"level {args.level}, {args.jobs} jobs: {len(records)} submissions, {len(texts)} honest, "
        f"{len(attacks)} attacks, {len(broken)} broken uploads; {len(failed)} failed"
    )
    print("\n".join(f"  {what:<40} {value:8.1f}" for what, value in cost.items()))
    print("\n".join(failed[:40]))
    slow = {
        p.stem: charged.get(p.read_bytes(), 0) for p in (folder / "in").glob("*.py") if p.is_file()
    }
    for name in sorted(slow, key=lambda n: -slow[n])[: 0 if args.honest else 25]:
        print(f"  {slow[name]:5.1f} s  {name}")
    if args.keep:
        subprocess.run(["cp", "-r", str(folder / "out"), args.keep], check=True)
        pathlib.Path(args.keep, "attacks.json").write_text(
            json.dumps(whys.most_common(60), indent=1), "utf-8"
        )
    return len(failed)


def apart(args: argparse.Namespace) -> None:
    """In mounts of its own: folders that are open to everybody are empty, Python can be read."""
    from campaigns import rights

    from minigen.homework.wall import ownroot as own

    own.checked(own.libc.unshare(own.NEWNS), "unshare")
    own.mount(None, "/", None, own.REC | own.PRIVATE)
    for folder in ("/tmp", "/var/tmp", "/dev/shm"):
        own.mount("none", folder, "tmpfs", own.NOSUID | own.NODEV, "size=1g,mode=1777")
    rights.show([*rights.PLACES])
    os.environ["HOME"] = os.environ["TMPDIR"] = tempfile.tempdir = "/tmp"
    if args.level == 2:
        os.setgroups([])
        os.setgid(rights.NOBODY)
        os.setuid(rights.NOBODY)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("--level", type=int, default=2, choices=(0, 1, 2))
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--honest", action="store_true", help="no attacks, no broken uploads")
    parser.add_argument("--keep", metavar="FOLDER", help="where to copy the results to")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if os.geteuid() == 0 and not args.inside:
        command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--net", "--ipc",
                   sys.executable, __file__, *sys.argv[1:], "--inside"]  # fmt: skip
        return subprocess.run(command, check=False).returncode
    if args.keep:
        pathlib.Path(args.keep).mkdir(exist_ok=True)
        pathlib.Path(args.keep).chmod(0o777)
    if args.inside:
        apart(args)
    with tempfile.TemporaryDirectory(prefix="class-", ignore_cleanup_errors=True) as folder:
        return min(1, trial(args, pathlib.Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
