"""Wrong arguments for every public function: the table of tests/arguments.py, all of it."""

import collections
import sys
import time

import arguments


def run(seed, count):
    """One row; the table is the same for every seed, and whole."""
    kinds, begun = collections.Counter(), time.monotonic()
    for name in sorted(arguments.public()):
        for answer in arguments.answers(name):
            kinds[answer.kind] += 1
            if answer.kind not in ("refused", "valid"):
                print(answer, file=sys.stderr)
    trials = sum(kinds.values())
    failed = trials - kinds["refused"] - kinds["valid"]
    note = ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
    note += f"; {time.monotonic() - begun:.0f} s"
    return [
        {"campaign": "wrong arguments, every public name", "trials": trials, "failed": failed,
         "note": note}
    ]  # fmt: skip
