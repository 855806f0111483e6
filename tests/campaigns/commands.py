"""Random command lines: each ends with a code of its own and in one line, never a traceback."""

import contextlib
import io
import random
import sys
import tempfile
from pathlib import Path

import numpy as np

from minigen.cli.main import main

ROOTS = ("train", "sample", "evaluate", "check", "homework", "bench", "demo", "datasets")
WORDS = (
    "real_nvp", "maf", "ddpm", "chain", "moons", "digits", "alice", "--data", "--out", "--steps",
    "--lr", "--seed", "--n", "-h", "--help", "--json", "--html", "list", "start", "grade", "NVP-4",
    "--config", "--layers", "--hidden", "--quick", "--resume", "--label", "--levels",
)  # fmt: skip
VALUES = (
    "", "0", "-1", "1", "2.5", "nan", "inf", "1e400", "9" * 30, "None", "True", "[]", "{}", "a b",
    "ä", "\ud800", "../x", "/", ".", "x.npz", "data.csv", "bad.csv", "model.npz", "nul\0",
    "--", "-", "%s", "{0}", "*", "$HOME", "1,2", "x" * 5000,
)  # fmt: skip
HARMLESS = ("demo", "bench")  # they measure or train for minutes if they are asked rightly


def line(draw):
    """A command, options and values, mostly wrong."""
    root = draw.choice(ROOTS)
    rest = [draw.choice(draw.choice((WORDS, VALUES))) for _ in range(draw.randrange(1, 7))]
    if root in HARMLESS:
        rest.append("--no-such-option")
    if root == "train":
        rest += ["--steps", draw.choice(("0", "-3", "x", "1e9", ""))]
    if root == "check":  # first, so that no option takes it: a run of all the notes takes minutes
        rest.insert(0, "??")
    return [root, *rest]


def outcome(args):
    """(exit code, what went to the standard error) of one command in this process."""
    err = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        try:
            code = main(args)
        except SystemExit as stop:
            code = stop.code
    return code, err.getvalue()


def run(seed, count):
    """One row of ten times `count` command lines."""
    draw, failed = random.Random(seed), 0
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        Path("data.csv").write_text("1,2\n3,4\n", encoding="utf-8")
        Path("bad.csv").write_text("1,2\n3,x\n", encoding="utf-8")
        np.savez("x.npz", np.zeros((3, 2)))
        for _ in range(10 * count):
            args = line(draw)
            try:
                code, text = outcome(args)
                wrong = code not in (0, 1, 2, None) or "Traceback" in text
                wrong = wrong or (code == 2 and not text.strip())
            except BaseException as error:
                wrong, text = True, f"{type(error).__name__}: {error}"
            if wrong:
                failed += 1
                print(args, text[-500:], file=sys.stderr)
    return [{"campaign": "random command lines", "trials": 10 * count, "failed": failed}]
