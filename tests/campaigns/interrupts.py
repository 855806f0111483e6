"""Ctrl-C at random moments of `minigen train`: exit code 130, one line, and the best model kept.

The runs are short. Of the moments a half lie at random times of a run and a half at random lines of
what surrounds its steps: the start, the files and the end. One run in 25 compiles its kernels.
"""

import collections
import contextlib
import functools
import io
import os
import pathlib
import signal
import sys
import tempfile
import time
from dataclasses import replace

import numpy as np
from campaigns.kills import child

from minigen import cli, training
from minigen.cli import chapters
from minigen.cli.main import main
from minigen.core import files

AT_ONCE = 6  # trainings that run side by side
COLD = 25  # of so many runs one has no compiled kernels yet
STEPS = "20"
TRACED = [os.path.dirname(module.__file__) for module in (training, cli)] + [files.__file__]
DATA = {"toy": "moons", "digits": "digits", "energy": "ring", "text": "text"}


def command(name, out, diffusion):
    """The arguments that train a model on the first data it takes."""
    kind = next(kind for kind in DATA if kind in chapters.MODELS[name].recipes)
    more = ["--of", diffusion] if name == "clock" else []
    if chapters.MODELS[name].recipes[kind].layers:
        more += ["--layers", "1"]
    return ["train", name, "--data", DATA[kind], "--out", out, "--quiet", "--steps", STEPS, *more]


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


class Lines:
    """Do something before the n-th line of the traced modules, counted from now."""

    def __init__(self, left, what):
        self.left, self.what = left, what
        sys.settrace(self.enter)

    def enter(self, frame, event, arg):
        return self.line if frame.f_code.co_filename.startswith(tuple(TRACED)) else None

    def line(self, frame, event, arg):
        if event == "line":
            self.left -= 1
            if self.left == 0:
                self.what()
        return self.line


class Training:
    """A process that trains a model in a folder; `cold` without compiled kernels.

    It interrupts itself before a line, if one is given.
    """

    def __init__(self, name, folder, diffusion, cold=False, line=None):
        self.name, self.folder, self.diffusion = name, folder, diffusion
        self.cold, self.line = cold, line
        folder.mkdir()
        self.pid, reading = child(self.work)
        with open(reading, encoding="utf-8") as pipe:
            pipe.readline()
        self.begun = time.monotonic()

    def work(self, pipe):
        os.chdir(self.folder)
        if self.cold:
            os.environ["MINIGEN_CACHE"] = str(self.folder / "cache")
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.mark("fit", "training")
        try:
            pipe.write("begun\n")
            pipe.flush()
            lines = self.line and Lines(self.line, interrupt)
            code = main(command(self.name, "m.npz", self.diffusion))
        except KeyboardInterrupt as error:
            if error.__traceback__ and error.__traceback__.tb_next:  # raised in minigen
                raise
            code = 0  # it had not begun
        sys.settrace(None)
        if self.line:
            (self.folder / "lines").write_text(str(self.line - lines.left), encoding="utf-8")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    def mark(self, field, file):
        """Let a function of the model's family leave a file when it is called."""
        model = chapters.MODELS[self.name]
        function = getattr(model.family, field)

        def marked(*args, **given):
            (self.folder / file).touch()
            return function(*args, **given)

        family = replace(model.family, **{field: marked})
        chapters.MODELS[self.name] = replace(model, family=family)

    def whole(self):
        """Wait for the end of a run that nothing interrupts; its seconds and its lines."""
        code = self.ended()
        if code:
            raise RuntimeError((self.folder / "stderr").read_text(encoding="utf-8"))
        lines = self.folder / "lines"
        seconds = time.monotonic() - self.begun
        return seconds, int(lines.read_text(encoding="utf-8")) if lines.exists() else 0

    def ended(self):
        """Its exit code, waited for."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def stop(self, seconds):
        """Interrupt it so many seconds after it has begun, if it does not do so at a line."""
        if self.line is None:
            time.sleep(max(0.0, self.begun + seconds - time.monotonic()))
            os.kill(self.pid, signal.SIGINT)

    def wrong(self):
        """What is wrong with how it ended, or ""."""
        code = self.ended()
        text = (self.folder / "stderr").read_text(encoding="utf-8")
        unfinished = bool(list(self.folder.glob("m.run/*.npz")))
        self.phase = "over" if code == 0 else self.where(unfinished)
        if self.phase in ("in training", "after it", "over") and (unfinished or code):
            training.load(self.folder / "m.npz")
        if any(self.folder.rglob("*.tmp")):
            return f"{self.name}: a stray file"
        if code == 0:  # it had ended, or not begun
            return "" if not text else f"{self.name}: {text[-300:]}"
        if code != 130 or text.count("\n") != 1 or "interrupted" not in text:
            return f"{self.name}: exit code {code}: {text[-300:]}"
        good = unfinished == ("best model so far" in text) and unfinished == ("--resume" in text)
        return "" if good else f"{self.name}: lost: {text[-300:]}"

    def where(self, unfinished):
        """Where it was interrupted, by its files."""
        if unfinished:
            return "in training"
        if (self.folder / "m.npz").exists():
            return "after it"
        return "at its first step" if (self.folder / "training").exists() else "before it"


def of_model(name, top, moments, rng):
    """Moments of one model: (what is wrong, {phase: how many})."""
    diffusion = str(top / "ddpm" / "m.npz")
    begin = functools.partial(Training, name, diffusion=diffusion)
    failures, found = [], collections.Counter()

    def tried(numbers, span, cold):
        """Runs side by side, every second one interrupted at a line, the others in `span`."""
        some = []
        for k in numbers:
            line = int(rng.integers(1, lines + 1)) if k % 2 else None
            folder = top / f"{name}{k}"
            some.append((rng.uniform(0, span), k, begin(folder=folder, cold=cold, line=line)))
        for seconds, _, one in sorted(some):
            one.stop(seconds)
        for _, _, one in some:
            failures.extend(filter(None, [one.wrong()]))
            found[one.phase] += 1

    fresh, _ = begin(folder=top / f"{name}-cold", cold=True).whole()
    _, lines = begin(folder=top / f"{name}-lines", line=10**9).whole()
    numbers = list(range(moments))
    first = max(1, moments // COLD)
    for k in range(0, first, AT_ONCE):
        tried(numbers[:first][k : k + AT_ONCE], fresh, True)
    with contextlib.redirect_stdout(io.StringIO()):  # the kernels that the rest will inherit
        main(command(name, str(top / f"{name}-kernels.npz"), diffusion))
    warm, _ = begin(folder=top / name).whole()
    for k in range(first, moments, AT_ONCE):
        tried(numbers[k : k + AT_ONCE], warm, False)
    return failures, found


def run(seed, count, names=()):
    """One row {campaign, trials, failed, worst}; half of `count` moments of each model."""
    rng, moments = np.random.default_rng(seed), max(1, count // 2)
    names = names or [n for n, m in chapters.MODELS.items() if set(DATA) & set(m.recipes)]
    failures, found = [], collections.Counter()
    with tempfile.TemporaryDirectory() as place:
        for name in sorted(names, key="ddpm".__ne__):  # the clock is that of the ddpm
            wrong, where = of_model(name, pathlib.Path(place), moments, rng)
            failures, found = failures + wrong, found + where
            print(f"{name}: {moments} moments, {dict(where)}: {wrong}", file=sys.stderr, flush=True)
    note = ", ".join(f"{n} {phase}" for phase, n in found.items())
    return [{"campaign": "Ctrl-C in minigen train", "trials": found.total(),
             "failed": len(failures), "worst": failures[:10],
             "note": f"{len(names)} models; {note}"}]  # fmt: skip
