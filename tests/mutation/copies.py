"""Mistakes planted into a copy of the package, judged by the tests as they stand."""

import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.ipynb", "results", ".*")


@dataclass(frozen=True)
class Planted:
    """A mistake: its name, the file below minigen/, edits (old, new), and the tests to judge it.

    tests: arguments of pytest, apart by spaces, with names of files below tests/.
    """

    name: str
    file: str
    edits: tuple
    tests: str = ""

    def source(self, text):
        """The file's text with the mistake in it."""
        for old, new in self.edits:
            if old not in text:
                raise LookupError(f"{self.name}: nothing to edit in {self.file}: {old!r}")
            text = text.replace(old, new)
        return text


class Copy:
    """A copy of the package and its tests, in a folder that vanishes."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        for name in ("minigen", "tests"):
            shutil.copytree(ROOT / name, self.root / name, ignore=LEFT_OUT)
        shutil.copy(ROOT / "pyproject.toml", self.root)
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def passes(self, tests):
        """(whether pytest passes, the line that says what failed)."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
        words = [f"tests/{w}" if w.startswith("test_") else w for w in words_of(tests)]
        environment = os.environ | {
            "PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1",
            "MINIGEN_CACHE": str(self.root / "compiled"),
        }  # fmt: skip
        environment.pop("MINIGEN_BACKEND", None)
        run = subprocess.run(
            [*command, *words], cwd=self.root, env=environment, capture_output=True, text=True,
            timeout=600,
        )  # fmt: skip
        if run.returncode > 1:
            raise RuntimeError(f"pytest could not run {tests}: {run.stdout[-2000:]}{run.stderr}")
        failed = [line for line in run.stdout.splitlines() if line.startswith("FAILED")]
        return run.returncode == 0, failed[0].split(" - ")[0][7:] if failed else ""

    def judged(self, planted):
        """What kills a mistake: the name of a test that the right code passes, or ""."""
        path = self.root / "minigen" / planted.file
        before = path.read_text(encoding="utf-8")
        path.write_text(planted.source(before), encoding="utf-8")
        try:
            by = self.passes(planted.tests)[1]
        finally:
            path.write_text(before, encoding="utf-8")
        if by and not self.passes(by)[0]:
            raise AssertionError(f"the right code fails {by}")
        return by


def words_of(tests):
    """The arguments of pytest; the name of one test may hold spaces."""
    return [tests] if "::" in tests else shlex.split(tests)


def campaign(bank, say=print):
    """The report on a bank of mistakes: one row each."""
    rows, killed = [], 0
    with Copy() as copy:
        for p in bank:
            by = copy.judged(p)
            killed += bool(by)
            rows.append(f"| {p.name} | {p.file} | {by.removeprefix('tests/') or '**survives**'} |")
            say(rows[-1])
    head = [
        f"{killed} of {len(bank)} caught.",
        "",
        "| mistake | file | caught by |",
        "|---|---|---|",
    ]
    return "\n".join([*head, *rows])
