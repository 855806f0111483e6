"""Train every model of the notes on real data; write pictures and a report.

About two minutes on two cores; --quick shows the same in less than half a minute, less well
trained.

  minigen demo --quick
  minigen demo --out pictures
"""

import argparse
import json
import pathlib
import time

import numpy as np

from minigen.cli import options, results
from minigen.cli.chapter import Chapter, Stage
from minigen.cli.chapters import CHAPTERS
from minigen.cli.files import write_picture
from minigen.cli.report import html
from minigen.core import files, validate


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--quick", action="store_true", help="less training, under 30 seconds")
    where = "where the pictures and report.html go (default %(default)s)"
    command.add_argument("--out", default="minigen-demo", metavar="DIR", help=where)
    command.add_argument(
        "--only", nargs="+", choices=CHAPTERS, metavar="CHAPTER", help="some of: %(choices)s"
    )
    options.seed(command)
    options.quiet(command)
    options.json(command)


def run(args: argparse.Namespace) -> None:
    folder = pathlib.Path(args.out)
    if folder.exists() and not folder.is_dir():
        raise validate.expected("--out", "a folder", f"a file {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    start, played = time.perf_counter(), []
    for name in args.only or CHAPTERS:
        chapter = _perform(name, args)
        for shot in chapter.shots:
            write_picture(folder / f"{shot.name}.png", shot.figure)
        played.append(chapter)
    _finish(args, folder, played, time.perf_counter() - start)


def _perform(name: str, args: argparse.Namespace) -> Chapter:
    """Run one show; its random numbers depend on the seed and its name alone."""
    options.note(f"{name}:")
    rng = np.random.default_rng([args.seed, *name.encode()])
    return CHAPTERS[name].show(Stage(args.quick, rng, False if args.quiet else None))


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
