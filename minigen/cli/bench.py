"""Measure the speed: training and sampling against the floor of their matrix products, and peers.

The floor of a workload is the time of its matrix products alone. torch, jax, zuko and nflows are
measured where they are installed (pip install "minigen[bench]"). Ratios to the floor come first,
times second. Sections: steps, growth, memory, cold, profile; by default all.
"""

import json

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
    picture = options.target(args.picture, (".png",)) if args.picture else None
    missing = [name for name in peers.PEERS if name not in peers.installed()]
    if missing:
        options.note(f"not installed, not measured: {', '.join(missing)}")
    found = {"machine": bench.machine()}
    for name in args.sections or bench.SECTIONS:
        found[name] = bench.SECTIONS[name](args.rounds)
        if not args.json:
            print(bench.text(name, found[name]), end="\n\n", flush=True)
    if args.json:
        print(json.dumps(found, indent=1))
    else:
        print(", ".join(f"{key} {value}" for key, value in found["machine"].items()))
    if picture and "steps" in found:
        from minigen import plot

        plot.bench(found["steps"]).savefig(picture, dpi=150)
