"""The command of the campaigns.

    python tests/campaigns [NAME ...] [--seeds N ...] [--count N] [--jobs N | --dask ADDRESS]

Each module of this folder with a function `run(seed, count)` is a campaign: kills, full disks,
damaged files, fuzzed arguments and command lines, statistics under other seeds. `count` is how many
trials each makes of each seed (some have as many as there are cases). They run in folders of their
own and, if started as root, as the user nobody. With --jobs or --dask each campaign and seed is a
command of its own, on this machine or on the workers of a cluster, where this checkout has the same
path. One table is printed; the exit code is 1 where something failed.
"""

import argparse
import importlib
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
sys.path.insert(0, str(HERE.parent))

from campaigns import rights  # noqa: E402

from minigen.cli import executors  # noqa: E402
from minigen.core import text  # noqa: E402


def names() -> list[str]:
    """The campaigns there are."""
    return sorted(
        p.stem for p in HERE.glob("[a-z]*.py") if "\ndef run(seed" in p.read_text(encoding="utf-8")
    )


def apart(name: str, seed: int, count: int) -> list[dict]:
    """The rows of one campaign and seed, from a process that may give up its rights."""
    command = [sys.executable, str(HERE), name, "--seeds", str(seed), "--count", str(count)]
    done = subprocess.run([*command, "--json"], stdout=subprocess.PIPE, check=False, text=True,
                          encoding="utf-8")  # fmt: skip
    return json.loads(done.stdout)


def here(name: str, seed: int, count: int) -> list[dict]:
    """The same in this process."""
    begun = time.monotonic()
    rows = importlib.import_module(f"campaigns.{name}").run(seed, count)
    print(f"{name}, seed {seed}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return [{**row, "seed": seed} for row in rows]


def main() -> int:
    parser = argparse.ArgumentParser("tests/campaigns", description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names())}")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="the rows instead of the table")
    executors.options(parser)
    args = parser.parse_args()
    unknown = set(args.names) - set(names())
    if unknown:
        parser.error(f"NAME: expected one of {', '.join(names())}, got {', '.join(unknown)}")
    cases = itertools.product(args.names or names(), args.seeds, [args.count])
    with tempfile.TemporaryDirectory(prefix="minigen-campaigns-") as folder:
        dealt = args.jobs or args.dask is not None
        if not dealt:
            rights.ordinary(folder)
        results = executors.mapped(args, apart if dealt else here, *zip(*cases, strict=True))
        rows = [*itertools.chain.from_iterable(results)]
    for line in itertools.chain.from_iterable(row.get("worst", ()) for row in rows):
        print(line, file=sys.stderr)
    if args.json:
        print(json.dumps(rows))
    else:
        keys = "campaign", "seed", "trials", "failed", "note"
        print(text.table([[str(row.get(key, "")) for key in keys] for row in rows], keys))
    return int(any(row["failed"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
