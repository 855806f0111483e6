"""The command of the campaigns.

    python tests/campaigns [NAME ...] [--seed N] [--count N]

Each module of this folder with a function `run(seed, count)` is a campaign: kills, corrupted files,
fuzzed arguments and command lines, statistics under other seeds. `count` is how many trials each
makes (some have as many as there are cases). They run in folders of their own and, if started as
root, as the user nobody. One table is printed; the exit code is 1 where something failed.
"""

import argparse
import importlib
import os
import pathlib
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
sys.path.insert(0, str(HERE.parent))

from campaigns import rights  # noqa: E402


def names() -> list[str]:
    """The campaigns there are."""
    return sorted(
        p.stem for p in HERE.glob("[a-z]*.py") if "\ndef run(seed" in p.read_text(encoding="utf-8")
    )


def main() -> int:
    parser = argparse.ArgumentParser("tests/campaigns", description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names())}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=200)
    args = parser.parse_args()
    unknown = set(args.names) - set(names())
    if unknown:
        parser.error(f"NAME: expected one of {', '.join(names())}, got {', '.join(unknown)}")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="minigen-campaigns-") as folder:
        rights.ordinary(folder)
        from minigen.core.text import table

        rows = []
        for name in args.names or names():
            begun = time.monotonic()
            found = importlib.import_module(f"campaigns.{name}").run(args.seed, args.count)
            seconds = time.monotonic() - begun
            for row in found:
                note = str(row.get("note", ""))
                rows.append((row["campaign"], str(row["trials"]), str(row["failed"]), note))
                failed += row["failed"]
                for line in row.get("worst", ()):
                    print(line, file=sys.stderr)
            print(f"{name}: {seconds:.0f} s", file=sys.stderr, flush=True)
        print(table(rows, ("campaign", "trials", "failed", "note")))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
