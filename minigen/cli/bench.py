"""Measure the speed: training and sampling against the floor of their matrix products.

The floor of a workload is the time of its matrix products alone. Ratios to the floor come first,
times second. Sections: steps, growth, memory, cold, profile; by default all. To measure PyTorch,
JAX, zuko and nflows too, run `python benchmarks` in a checkout of minigen.

  minigen bench
  minigen bench steps memory
"""

import argparse
import functools
import json
import sys
from collections.abc import Sequence
from typing import Any

from minigen import bench
from minigen.bench.compare import Peers
from minigen.cli import options


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "sections", nargs="*", choices=[[], *bench.SECTIONS], metavar="SECTION",
        help="what to measure, by default everything",
    )  # fmt: skip
    command.add_argument(
        "--rounds", type=options.whole(2), default=15, help="rounds of each timing (default 15)"
    )
    command.add_argument("--picture", metavar="FILE.png", help="write the ratios as a picture")
    options.json(command)


def run(args: argparse.Namespace, peers: Peers | None = None, packages: Sequence[str] = ()) -> None:
    """Print the tables as they are measured; with --json on standard error, and JSON on output.

    `python benchmarks` gives the runs of other packages, and the names of the packages.
    """
    picture = options.target(args.picture, (".png",), "--picture") if args.picture else None
    found: dict[str, Any] = {"machine": bench.machine(packages)}
    say = functools.partial(print, file=sys.stderr if args.json else sys.stdout, flush=True)
    if missing := [name for name in packages if name not in found["machine"]["versions"]]:
        options.note(f"not installed, not measured: {', '.join(missing)}")
    for warning in bench.warnings(found["machine"]):
        options.note(warning)
    say(bench.described(found["machine"]))
    for name in args.sections or bench.SECTIONS:
        found[name] = []
        for rows in bench.measured(name, args.rounds, peers):
            found[name] += rows
            say("\n" + bench.table(name, rows))
    if summary := bench.summary(found.get("steps", ())):
        say("\n" + summary)
    if args.json:
        print(json.dumps(found, indent=1))
    if picture and "steps" in found:
        from minigen import plot

        plot.bench(found["steps"]).savefig(picture, dpi=150)
