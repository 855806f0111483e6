"""Mistakes planted into a copy of the package, where the tests as they stand must find them."""

import atexit
import contextlib
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.ipynb", ".*")
PASSED, NOTHING_COLLECTED = 0, 5  # exit codes of pytest


@dataclass(frozen=True)
class Planted:
    """A mistake: its name, the file below minigen/, edits (old, new), and the tests to find it.

    tests: arguments of pytest, separated by spaces, with names of files below tests/.
    """

    name: str
    file: str
    edits: tuple
    tests: str = ""

    @classmethod
    def of(cls, name, file, tests, *pairs):
        """A mistake with its edits one after the other: old, new, old, new, ..."""
        return cls(name, file, tuple(zip(pairs[::2], pairs[1::2], strict=True)), tests)

    def source(self):
        """The file's text with the mistake in it."""
        text = source(self.file)
        for old, new in self.edits:
            if old not in text:
                raise LookupError(f"{self.name}: nothing to edit in {self.file}: {old!r}")
            text = text.replace(old, new)
        return text


def source(file):
    """The text of a file below minigen/."""
    return (ROOT / "minigen" / file).read_text(encoding="utf-8")


class Copy:
    """A temporary copy of the package and its tests."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.root = pathlib.Path(self.folder.name)
        for name in ("minigen", "tests"):
            shutil.copytree(ROOT / name, self.root / name, ignore=LEFT_OUT)
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, self.root)
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def pytest(self, words, timeout=600, **environment):
        """(exit code, output) of pytest with these arguments; the code is None after a timeout."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider"]
        own = {
            "PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1",
            "MINIGEN_CACHE": str(self.root / "compiled"), "MINIGEN_BACKEND": "",
        }  # fmt: skip
        try:
            run = subprocess.run(
                [*command, *words], cwd=self.root, env=os.environ | own | environment,
                capture_output=True, encoding="utf-8", timeout=timeout,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return None, ""
        return run.returncode, run.stdout + run.stderr

    @contextlib.contextmanager
    def changed(self, file, text):
        """Inside, `text` stands in a file below minigen/."""
        path = self.root / "minigen" / file
        path.write_text(text, encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(source(file), encoding="utf-8")

    def failing(self, words):
        """The name of the first test that fails, or ""."""
        code, out = self.pytest(words)
        if code not in (0, 1):
            raise RuntimeError(f"pytest could not run {words}: {out[-2000:]}")
        failed = [line for line in out.splitlines() if line.startswith("FAILED")]
        return failed[0].split(" - ")[0][7:] if failed else ""

    def caught_by(self, planted):
        """The name of a test that fails with the mistake and passes without it, or ""."""
        words = shlex.split(planted.tests)
        with self.changed(planted.file, planted.source()):
            test = self.failing([f"tests/{w}" if w.startswith("test_") else w for w in words])
        if test and self.failing([test]):
            raise AssertionError(f"the right code fails {test}")
        return test


_own = threading.local()  # a copy for each thread of each worker, until it ends


def own():
    """The copy of this thread."""
    if not hasattr(_own, "copy"):
        _own.copy = Copy().__enter__()
        atexit.register(_own.copy.__exit__)
    return _own.copy


def found(planted):
    """The test that finds a mistake, or ""; in a copy of this thread's own."""
    return own().caught_by(planted)


def campaign(bank, say=print, executor=None):
    """The score of a bank of mistakes, and those that no test finds."""
    missed = []
    tests = executor.map(found, bank) if executor else map(found, bank)
    for planted, test in zip(bank, tests, strict=True):
        missed += [] if test else [planted.name]
        say(f"{planted.name}: {test.removeprefix('tests/') or 'NOT FOUND'}", flush=True)
    return "\n".join([f"{len(bank) - len(missed)} of {len(bank)} caught.", *missed])
