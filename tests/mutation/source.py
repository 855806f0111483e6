"""Automatic mutants of a random sample of places in the numeric modules, against the tests.

One run of all tests tells which test files call a function of which module. A mutant counts as
caught where one of the files that call its module fails, or takes TIMEOUT seconds. All run on the
NumPy twins of the kernels. A few percent of all mutants change no number: 100 % is out of reach.
"""

import contextlib
import json
import os
import random
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from .copies import NOTHING_COLLECTED, PASSED, ROOT, own, source

TIMEOUT = 900
MODULES = (
    "kernels/*.py core/numeric.py core/tree.py nn/*.py prob/*.py flows/*.py diffusion/*.py "
    "metric/*.py markov/*.py check/*.py training/optimizers.py data/*.py"
)
TEXT = "__init__.py jit.py contract.py report.py readers.py text.py"  # few numbers in them
OTHER = (  # tests of programs and files, which no mutant of a number concerns first
    "bench cache check_page cli data_csv diffusion_training floors grader* homework* markov_text "
    "mutation plot readme tutorials"
)
TWINS = {"MINIGEN_BACKEND": "numpy", "PYTHONPATH": os.pathsep.join([".", "tests"])}


class Calls:
    """A plugin of pytest that notes which files of the package each test file calls."""

    def __init__(self):
        self.files = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        called = self.files.setdefault(item.location[0].replace(os.sep, "/"), set())
        sys.setprofile(lambda frame, *_: called.add(frame.f_globals.get("__file__")))
        try:
            return (yield)
        finally:
            sys.setprofile(None)

    def pytest_sessionfinish(self):
        """{test file: files below minigen/}, as JSON where CALLS says."""
        root = os.path.join(os.getcwd(), "minigen")
        mine = {
            test: sorted(os.path.relpath(f, root).replace(os.sep, "/") for f in files - {None}
                         if f.startswith(root))
            for test, files in self.files.items()
        }  # fmt: skip
        with open(os.environ["CALLS"], "w", encoding="utf-8") as file:
            json.dump(mine, file)


def pytest_configure(config):
    """With `-p mutation.source`, pytest notes the calls."""
    config.pluginmanager.register(Calls())


def modules(names=()):
    """The files of MODULES below minigen/, or those among them that are named or in a folder."""
    found = {f for pattern in MODULES.split() for f in (ROOT / "minigen").glob(pattern)}
    kept = sorted(f for f in found if f.name not in TEXT.split())
    files = [f.relative_to(ROOT / "minigen").as_posix() for f in kept]
    return [f for f in files if not names or any(f == n or f.startswith(f"{n}/") for n in names)]


def tests():
    """The test files that a mutant meets."""
    found = sorted(ROOT.glob("tests/test_*.py"))
    others = [f"test_{name}.py" for name in OTHER.split()]
    return [f"tests/{f.name}" for f in found if not any(f.match(name) for name in others)]


def callers(copy, files):
    """{test file: the files below minigen/ that it calls}, from one run that must pass."""
    path = copy.root / "calls.json"
    code, out = copy.pytest(["-p", "mutation.source", *files], 3600, CALLS=str(path), **TWINS)
    if code != PASSED:
        raise RuntimeError(f"the tests fail without any mutant: {out[-2000:]}")
    return json.loads(path.read_text(encoding="utf-8"))


def nearest(calls, file):
    """The test files that call a module; first those that call the fewest others, then by name."""
    return sorted((test for test in calls if file in calls[test]), key=lambda t: (len(calls[t]), t))


def caught(copy, file, text, tests):
    """Whether a test fails where `text` stands in a file of the copy."""
    with copy.changed(file, text):
        return copy.pytest(tests, TIMEOUT, **TWINS)[0] not in (PASSED, NOTHING_COLLECTED)


def survivor(file, place, nearby):
    """A mutant that no test finds, as text, or None; in a copy of this thread's own."""
    from .automatic import mutant

    text, (line, old, new) = mutant(source(file), *place)
    if caught(own(), file, text, nearby):
        return None
    return f"{file}:{line}\n    {old}\n    {new}"


def campaign(names, sample, seed, say=print, executor=None):
    """The score of a sample of mutants, and the survivors."""
    from .automatic import places

    texts = {file: source(file) for file in modules(names)}
    found = [(file, place) for file, text in texts.items() for place in places(text)]
    chosen = random.Random(seed).sample(found, min(sample, len(found)))
    calls = callers(own(), tests())
    nearby = [nearest(calls, file) for file, _ in chosen]
    with contextlib.ExitStack() as stack:
        workers = executor or stack.enter_context(ThreadPoolExecutor(os.cpu_count() or 1))
        alive = []
        for text in workers.map(survivor, *zip(*chosen, strict=True), nearby):
            if text:
                say(f"survives: {text}", flush=True)
                alive.append(text)
    alive.sort()
    score = f"{len(chosen) - len(alive)} of {len(chosen)} mutants caught"
    where = f"a sample (seed {seed}) of {len(found)} in {len(texts)} modules"
    return "\n".join([f"{score}, {where}: {100 - 100 * len(alive) / len(chosen):.1f} %.", *alive])
