"""The tests of samples against densities, with random seeds and in random order."""

import os
import pathlib
import random
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent / "test_statistics.py"
COLLECT = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]


def run(seed, count):
    """One row of at most 50 runs of the module."""
    draw = random.Random(seed)
    found = subprocess.run([*COLLECT, "--collect-only", str(TESTS)], capture_output=True, text=True,
                           check=True, encoding="utf-8", cwd=TESTS.parent.parent)  # fmt: skip
    tests = [line for line in found.stdout.splitlines() if "::" in line]
    failed, runs = 0, min(count, 50)
    for k in range(runs):
        order = draw.sample(tests, len(tests))
        environment = {**os.environ, "MINIGEN_SEED": str(draw.randrange(2**32))}
        done = subprocess.run([*COLLECT, *order], capture_output=True, text=True, encoding="utf-8",
                              cwd=TESTS.parent.parent, env=environment)  # fmt: skip
        failed += done.returncode != 0
        if done.returncode:
            print(environment["MINIGEN_SEED"], done.stdout[-2000:], file=sys.stderr)
        print(f"{k + 1} of {runs}: {failed} failed", file=sys.stderr, flush=True)
    return [
        {"campaign": "statistics, random seeds and order", "trials": runs, "failed": failed,
         "note": f"{len(tests)} tests each"}
    ]  # fmt: skip
