"""Measure the speed: training and sampling against the floor of their matrix products, and peers.

The floor of a workload is the time of its matrix products alone. torch, jax, zuko and nflows are
measured where they are installed (pip install "minigen[bench]"). Ratios to the floor come first,
times second. Sections: steps, growth, memory, cold, profile; by default all.
"""

import functools
import json
import sys

from minigen import bench
from minigen.bench import peers
from minigen.cli import options


def arguments(command):
    command.add_argument(
        "sections", nargs="*", choices=[[], *bench.SECTIONS], metavar="SECTION",
        help="what to measure, by default everything",
    )  # fmt: skip
    command.add_argument(
        "--rounds", type=options.whole(2), default=15, help="rounds of each timing (default 15)"
    )
    command.add_argument("--picture", metavar="FILE.png", help="write the ratios as a picture")
    options.json(command)


def run(args):
    """The tables, as they are measured; with --json on standard error, JSON alone on the other."""
    picture = options.target(args.picture, (".png",), "--picture") if args.picture else None
    found = {"machine": bench.machine()}
    say = functools.partial(print, file=sys.stderr if args.json else sys.stdout, flush=True)
    warn(found["machine"])
    say(bench.described(found["machine"]))
    for name in args.sections or bench.SECTIONS:
        found[name] = []
        for rows in bench.SECTIONS[name](args.rounds):
            found[name] += rows
            say("\n" + bench.text(name, rows))
    verdict = bench.verdict(found.get("steps", ()))
    if verdict:
        say("\n" + verdict)
    if args.json:
        print(json.dumps(found, indent=1))
    if picture and "steps" in found:
        from minigen import plot

        plot.bench(found["steps"]).savefig(picture, dpi=150)


def warn(machine):
    """What makes a measurement less than it could be."""
    missing = [name for name in peers.PEERS if name not in peers.installed()]
    if missing:
        options.note(f"not installed, not measured: {', '.join(missing)}")
    if machine["load"] is not None and machine["load"] > 0.5:
        options.note(f"the machine is not idle: its load is {machine['load']:.1f}")
