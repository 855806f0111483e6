"""kill -9 at random moments of a run, and at every line of a save: it goes on to the same bytes."""

import hashlib
import os
import pathlib
import signal
import sys
import tempfile
import time
import traceback

import numpy as np

from minigen import data, flows, training
from minigen.core import files, tree
from minigen.training import archive, checkpoint, saves

STEPS = 120
WRITERS = (files, archive, checkpoint, saves)  # the modules whose lines are a save


def trained(folder, steps=STEPS, every=3):
    """The SHA-256 of a run's parameters and history, the same for every way it came about."""
    rng = np.random.default_rng(1)
    x = data.toy("moons").sample(300, rng=rng)
    flow = flows.real_nvp(2, 2, (8,), rng=rng)
    run = training.fit(flow.nll, x, validation=x[:60], rng=rng, steps=steps, batch=64, ema=0.9,
                       checkpoint=folder, checkpoint_every=every)  # fmt: skip
    digest = hashlib.sha256(b"".join(a.tobytes() for a in tree.flatten(flow.params).values()))
    digest.update(repr(run.history).encode() + str(rng.random()).encode())
    return digest.hexdigest()


def child(work):
    """Fork a process that does `work(pipe)` and no more; its pid and the end of a pipe to read."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(reading)
            with open(writing, "w", encoding="utf-8") as pipe:
                work(pipe)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    return pid, reading


def finished(folder):
    """What `trained` gives in a process of its own."""
    pid, reading = child(lambda pipe: pipe.write(trained(folder)))
    with open(reading, encoding="utf-8") as pipe:
        found = pipe.read()
    os.waitpid(pid, 0)
    return found


def killed_after(folder, seconds):
    """Start a run and kill it after so many seconds; whether it was still running."""
    pid, reading = child(lambda pipe: trained(folder))
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(reading)
    return os.WIFSIGNALED(status)


def killed_at_line(folder, line):
    """Start a run and kill it before the line-th line of its saves; whether it got so far."""

    def work(pipe):
        names, left = {module.__file__ for module in WRITERS}, [line]

        def count(frame, event, arg):
            if event == "line":
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return count

        def enter(frame, event, arg):
            return count if frame.f_code.co_filename in names else None

        sys.settrace(enter)
        trained(folder, steps=7)

    pid, reading = child(work)
    _, status = os.waitpid(pid, 0)
    os.close(reading)
    return os.WIFSIGNALED(status)


def loadable(folder):
    """Whether the newest file of a run is a model; true of a run without a file yet."""
    paths = saves.steps_in(folder)
    return all(training.load(path) is not None for path in paths[:1])


def at_random_moments(seed, count, span=None):
    """A row of `count` runs, each killed once or twice at random and then finished."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as place:
        begun = time.monotonic()
        truth = finished(pathlib.Path(place) / "whole")
        span = span or time.monotonic() - begun
        failed = hit = strays = 0
        for k in range(count):
            folder = pathlib.Path(place) / str(k)
            for _ in range(int(rng.integers(1, 3))):
                hit += killed_after(folder, rng.uniform(0, span))
                failed += folder.exists() and not loadable(folder)
            failed += finished(folder) != truth
            strays += any(p.suffix == ".tmp" for p in folder.iterdir())
    return {"campaign": "kill -9 at random moments", "trials": hit, "failed": failed + strays}


def at_each_line(seed, count, most=100_000):
    """A row of runs killed at `count` lines of their saves, evenly spread from the first on."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as place:
        truth = None
        total = lines_of_a_run(pathlib.Path(place) / "count")
        lines = np.unique(rng.integers(0, total, count)) if count < total else range(total)
        failed = 0
        for k in lines:
            folder = pathlib.Path(place) / f"line{k}"
            killed_at_line(folder, int(k))
            failed += folder.exists() and not loadable(folder)
            pid, reading = child(lambda pipe, f=folder: pipe.write(trained(f, steps=7)))
            with open(reading, encoding="utf-8") as pipe:
                found = pipe.read()
            os.waitpid(pid, 0)
            truth = truth or found
            failed += found != truth or not found
            failed += any(p.suffix == ".tmp" for p in folder.iterdir())
    return {"campaign": "kill -9 at each line of save", "trials": len(lines), "failed": failed}


def lines_of_a_run(folder):
    """How many lines of the writing modules a short run executes."""
    names, lines = {module.__file__ for module in WRITERS}, [0]

    def count(frame, event, arg):
        lines[0] += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(lambda f, e, a: count if f.f_code.co_filename in names else None)
    try:
        trained(folder, steps=7)
    finally:
        sys.settrace(before)
    return lines[0]


def run(seed, count):
    """Rows {campaign, trials, failed}."""
    with tempfile.TemporaryDirectory() as place:
        trained(pathlib.Path(place), steps=2)  # the processes that follow inherit its kernels
    return [at_random_moments(seed, count), at_each_line(seed, count)]
