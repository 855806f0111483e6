"""Train every model of the notes on real data; write pictures and a report.

Less than two minutes on two cores; --quick shows the same in less than half a minute, less well
trained.

  minigen demo --quick
  minigen demo --out pictures
"""

import argparse
import concurrent.futures
import functools
import json
import multiprocessing
import os
import pathlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from minigen.cli import options, results
from minigen.cli.chapter import Chapter, Part, Stage
from minigen.cli.chapters import CHAPTERS
from minigen.cli.files import write_picture
from minigen.cli.report import html
from minigen.core import files, validate

Task = tuple[str, int]  # a chapter, and the number of its part
MOST = 4  # processes, if nothing is said: each needs about 400 MB


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--quick", action="store_true", help="less training, under 30 seconds")
    where = "where the pictures and report.html go (default %(default)s)"
    command.add_argument("--out", default="minigen-demo", metavar="DIR", help=where)
    command.add_argument(
        "--only", nargs="+", choices=CHAPTERS, metavar="CHAPTER", help="some of: %(choices)s"
    )
    command.add_argument(
        "--jobs", type=options.whole(1), metavar="N",
        help=f"parts at a time (default: one for each core, at most {MOST})",
    )  # fmt: skip
    options.seed(command)
    options.quiet(command)
    options.json(command)


def run(args: argparse.Namespace) -> None:
    folder = pathlib.Path(args.out)
    if folder.exists() and not folder.is_dir():
        raise validate.expected("--out", "a folder", f"a file {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    start, names = time.perf_counter(), args.only or [*CHAPTERS]
    tasks = [(name, k) for name in names for k in range(len(CHAPTERS[name].PARTS))]
    jobs = min(args.jobs or min(os.cpu_count() or 1, MOST), len(tasks))
    quiet = args.quiet or jobs > 1  # bars of several processes would overwrite each other
    perform = functools.partial(_perform, args.quick, args.seed, quiet, folder)
    parts = _by_processes(perform, tasks, jobs) if jobs > 1 else map(perform, tasks)
    of = {name: [] for name in names}
    for (name, _), part in zip(tasks, parts, strict=True):
        of[name].append(part)
    played = [CHAPTERS[name].chapter(done) for name, done in of.items()]
    _finish(args, folder, played, time.perf_counter() - start)


def _perform(quick: bool, seed: int, quiet: bool, folder: pathlib.Path, task: Task) -> Part:
    """Run one part and write its pictures; its random numbers depend on the seed and it alone."""
    name, k = task
    rng = np.random.default_rng([seed, *name.encode(), k])
    rows, shots = CHAPTERS[name].PARTS[k](Stage(quick, rng, False if quiet else None))
    for shot in shots:
        write_picture(folder / f"{shot.name}.png", shot.figure)
    return rows, [replace(shot, figure=None) for shot in shots]


def _by_processes(
    perform: Callable[[Task], Part], tasks: Sequence[Task], jobs: int
) -> Iterator[Part]:
    """The parts in order, several at a time, each in one of so many processes."""
    fresh = multiprocessing.get_context("spawn")  # a copy of this one would share its threads
    with concurrent.futures.ProcessPoolExecutor(jobs, fresh, _leave_with_parent) as pool:
        try:
            yield from pool.map(perform, tasks)
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            if isinstance(error, concurrent.futures.BrokenExecutor):
                what = "a process was ended from outside (too little memory?): try --jobs 1"
                raise ChildProcessError(what) from None
            raise


def _leave_with_parent() -> None:
    """In a process: Ctrl-C is the parent's to answer, and its end ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _finish(
    args: argparse.Namespace, folder: pathlib.Path, played: list[Chapter], seconds: float
) -> None:
    """Write the report and the figures, and print them."""
    rows = [row for chapter in played for row in chapter.rows]
    figures = json.dumps({"seed": args.seed, "quick": args.quick, "rows": results.plain(rows)})
    about = f"minigen demo{' --quick' if args.quick else ''}, seed {args.seed}, {seconds:.0f} s"
    files.replace(folder / "figures.json", figures + "\n")
    files.replace(folder / "report.html", html(about, played, folder))
    print(figures if args.json else results.text(rows))
    options.note(f"{seconds:.0f} s; pictures, figures.json and the report: {folder}/report.html")
