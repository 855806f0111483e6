"""Ctrl-C at random moments of `minigen train`: exit code 130, one line, and the best model kept."""

import os
import pathlib
import signal
import sys
import tempfile
import time

import numpy as np
from campaigns.kills import child

from minigen import training
from minigen.cli import chapters
from minigen.cli.main import main

DATA = {"toy": "moons", "digits": "digits", "energy": "ring", "text": "text"}


def command(name, out):
    """The arguments that train a model on the first data it takes."""
    kind = next(kind for kind in DATA if kind in chapters.MODELS[name].recipes)
    return ["train", name, "--data", DATA[kind], "--out", out, "--quiet"]


def stopped(name, folder, seconds):
    """Interrupt a training after so many seconds; what is wrong, or ""."""

    def work(pipe):
        os.chdir(folder)
        os.dup2(os.open("stderr", os.O_WRONLY | os.O_CREAT), 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        pipe.write("begun\n")
        pipe.flush()
        code = main(command(name, "m.npz"))
        sys.stderr.flush()
        os._exit(code)

    pid, reading = child(work)
    with open(reading, encoding="utf-8") as pipe:
        pipe.readline()
        time.sleep(seconds)
        os.kill(pid, signal.SIGINT)
        _, status = os.waitpid(pid, 0)
    text = (folder / "stderr").read_text(encoding="utf-8")
    code = os.waitstatus_to_exitcode(status)
    begun = bool(list(folder.glob("m.run/*.npz")))
    if code == 0:
        return ""  # it had ended
    if code != 130 or text.count("\n") != 1 or "interrupted" not in text:
        return f"{name}: exit code {code}: {text[-300:]}"
    if begun:
        training.load(folder / "m.npz")
    return "" if begun == ("best model so far" in text) else f"{name}: lost"


def run(seed, count):
    """One row {campaign, trials, failed, worst}; `count` moments, shared by the models."""
    rng = np.random.default_rng(seed)
    names = [n for n, m in chapters.MODELS.items() if set(DATA) & set(m.recipes)]
    failures = []
    with tempfile.TemporaryDirectory() as place:
        for k in range(count):
            folder = pathlib.Path(place) / str(k)
            folder.mkdir()
            wrong = stopped(names[k % len(names)], folder, rng.uniform(0.0, 3.0))
            failures += [wrong] if wrong else []
    return [{"campaign": "Ctrl-C in minigen train", "trials": count, "failed": len(failures),
             "worst": failures[:10], "note": f"{len(names)} models"}]  # fmt: skip
