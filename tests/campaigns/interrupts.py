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

AT_ONCE = 6  # trainings that run side by side
DATA = {"toy": "moons", "digits": "digits", "energy": "ring", "text": "text"}


def command(name, out):
    """The arguments that train a model on the first data it takes."""
    kind = next(kind for kind in DATA if kind in chapters.MODELS[name].recipes)
    return ["train", name, "--data", DATA[kind], "--out", out, "--quiet"]


class Training:
    """A process that trains a model in a folder."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.pid, reading = child(self.work)
        with open(reading, encoding="utf-8") as pipe:
            pipe.readline()
        self.begun = time.monotonic()

    def work(self, pipe):
        os.chdir(self.folder)
        os.dup2(os.open("stderr", os.O_WRONLY | os.O_CREAT), 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            pipe.write("begun\n")
            pipe.flush()
            code = main(command(self.name, "m.npz"))
        except KeyboardInterrupt as error:
            if error.__traceback__ and error.__traceback__.tb_next:  # raised in minigen
                raise
            code = 0  # it had not begun
        sys.stderr.flush()
        os._exit(code)

    def stopped(self, seconds):
        """Interrupt it so many seconds after it has begun; what is wrong, or ""."""
        time.sleep(max(0.0, self.begun + seconds - time.monotonic()))
        os.kill(self.pid, signal.SIGINT)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        text = (self.folder / "stderr").read_text(encoding="utf-8")
        begun = bool(list(self.folder.glob("m.run/*.npz")))
        if code == 0:
            return ""  # it had ended
        if code != 130 or text.count("\n") != 1 or "interrupted" not in text:
            return f"{self.name}: exit code {code}: {text[-300:]}"
        if begun:
            training.load(self.folder / "m.npz")
        return "" if begun == ("best model so far" in text) else f"{self.name}: lost"


def run(seed, count):
    """One row {campaign, trials, failed, worst}; `count` moments, shared by the models."""
    rng = np.random.default_rng(seed)
    names = [n for n, m in chapters.MODELS.items() if set(DATA) & set(m.recipes)]
    failures = []
    with tempfile.TemporaryDirectory() as place:
        for first in range(0, count, AT_ONCE):
            some = []
            for k in range(first, min(first + AT_ONCE, count)):
                folder = pathlib.Path(place) / str(k)
                folder.mkdir()
                some.append(Training(names[k % len(names)], folder))
            moments = np.sort(rng.uniform(0.0, 3.0, len(some)))
            pairs = zip(rng.permutation(len(some)), moments, strict=True)
            failures += filter(None, [some[k].stopped(moment) for k, moment in pairs])
            print(f"{first + len(some)} of {count}: {failures}", file=sys.stderr, flush=True)
    return [{"campaign": "Ctrl-C in minigen train", "trials": count, "failed": len(failures),
             "worst": failures[:10], "note": f"{len(names)} models"}]  # fmt: skip
