"""Other systems: no fork, no POSIX modules, another code page, names without upper case."""

import ast
import io
import os
import pathlib
import re
import subprocess
import sys

import pytest

import minigen
from minigen.cli.main import main

ROOT = pathlib.Path(__file__).parent.parent
FOLDERS = [ROOT / name for name in ("minigen", "tests", "tutorials", "benchmarks", ".ci")]
SOURCES = sorted(p for folder in FOLDERS for p in folder.rglob("*.py"))

WINDOWS = """
import contextlib, importlib, os, pathlib, platform, sys
others = "hypothesis jupytext matplotlib.pyplot mpmath nbclient numba pytest scipy.stats sympy tqdm"
for name in others.split():  # here they ask for what this system has
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
for name in "fcntl grp pty pwd resource termios".split():
    sys.modules[name] = None
for name in ("fork", "forkpty", "getuid", "geteuid", "getgid", "getegid", "getloadavg", "killpg",
             "sched_getaffinity", "setsid", "setuid", "uname", "register_at_fork"):
    vars(os).pop(name, None)
import multiprocessing
multiprocessing.set_start_method("spawn")
contexts = multiprocessing.get_context
multiprocessing.get_context = lambda method=None: contexts(
    {None: None, "spawn": "spawn"}[method])  # KeyError for fork and forkserver
def libc_ver(*args, **options):
    raise OSError("no libc here")
platform.libc_ver = libc_ver
"""
USES = """
import minigen
here = pathlib.Path(minigen.__file__).parent
for path in sorted(here.rglob("*.py")):
    if path.stem not in ("__main__", "jail", "ownroot", "worker"):  # programs of the wall
        name = ".".join(("minigen", *path.relative_to(here).with_suffix("").parts))
        importlib.import_module(name.removesuffix(".__init__"))
import pytest
sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider"]))
"""


def opened(source):
    """(line, call) of the calls of a file's text that open text in the encoding of the machine."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        given = {k.arg: k.value for k in node.keywords}
        if "encoding" in given or None in given:
            continue
        if called in ("read_text", "write_text") and len(node.args) < 1 + (called == "write_text"):
            yield node.lineno, called
        elif called in ("run", "Popen", "check_output"):
            if {"text", "universal_newlines", "errors"} & set(given):
                yield node.lineno, called
        elif called in ("open", "fdopen") and "b" not in mode(node, given):
            yield node.lineno, called


def mode(node, given):
    """The mode of a call of open; "b" for the methods of archives and of os."""
    owner = ast.unparse(node.func).rpartition(".")[0]
    if owner and not re.search(r"(\b|_)(path|file|io|gzip)$|\W$|^pathlib|^Path", owner):
        return "b"
    texts = [a.value for a in [*node.args, given.get("mode")] if isinstance(a, ast.Constant)]
    return next((t for t in texts if isinstance(t, str) and len(t) <= 3), "r")


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_text_is_read_and_written_with_an_encoding(path):
    assert list(opened(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "planted, seen",
    [
        ("open(name)", 1),
        ("path.read_text()", 1),
        ("subprocess.run(words, text=True)", 1),
        ("path.open('w')", 1),
        ("open(name, 'rb')", 0),
        ("open(name, encoding='utf-8')", 0),
        ("os.open(name, os.O_RDONLY)", 0),
        ("tarfile.open(name)", 0),
        ("(folder / name).open()", 1),
    ],
)
def test_a_planted_machine_encoding_is_seen(planted, seen):
    assert len(list(opened(planted))) == seen


def test_names_are_files_on_every_system():
    """No two differ by case alone; none is reserved, too long, or of odd characters."""
    names = [
        p.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for p in folder.rglob("*")
        if "__pycache__" not in p.parts
    ]
    assert len({name.casefold() for name in names}) == len(names)
    reserved = {
        "con",
        "prn",
        "aux",
        "nul",
        *(f"{k}{n}" for k in ("com", "lpt") for n in "123456789"),
    }
    for name in names:
        assert pathlib.PurePosixPath(name).stem.casefold() not in reserved
        assert not set(name) & set('<>:"|?*\\') and len(name) < 120


def test_nothing_needs_what_windows_lacks():
    """Every module is imported, and every test collected, without fork and the modules of POSIX."""
    done = subprocess.run(
        [sys.executable, "-c", WINDOWS + USES], cwd=ROOT, env=os.environ | {"LC_ALL": "C"},
        capture_output=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


@pytest.mark.parametrize(
    "words, encoding",
    [
        ("--help", "ascii"),
        ("check --list", "cp1252"),
        ("check NVP-6 --quick", "cp1252"),
        ("homework --help", "ascii"),
        ("train --help", "cp1252"),
    ],
)
def test_a_terminal_of_another_code_page_gets_its_text(words, encoding):
    done = subprocess.run(
        [sys.executable, "-m", "minigen", *words.split()],
        env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C"},
        capture_output=True, encoding=encoding,
    )  # fmt: skip
    assert done.returncode == 0 and done.stdout, done.stderr[-2000:]


@pytest.mark.parametrize("inside", [True, False], ids=["in the checkout", "elsewhere"])
def test_what_the_tests_start_imports_the_minigen_that_they_test(inside, tmp_path):
    said = subprocess.run(
        [sys.executable, "-c", "import minigen; print(minigen.__file__)"],
        cwd=ROOT if inside else tmp_path, capture_output=True, encoding="utf-8", check=True,
    ).stdout  # fmt: skip
    assert pathlib.Path(said.strip()).samefile(minigen.__file__)


def test_output_that_cannot_be_configured_is_written_to(monkeypatch):
    """The standard output of a notebook is no file."""
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert main(["check", "NVP-6", "--quick"]) == 0 and "NVP-6" in sys.stdout.getvalue()
