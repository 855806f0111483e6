"""What every test has: a seeded generator, a steady hypothesis profile, one minigen for all."""

import os
import pathlib
import random
import signal

# Tests run side by side: threads of the matrix products would only get in each other's way.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import numpy as np
import pytest

import minigen

ROOT = pathlib.Path(__file__).resolve().parent.parent
TESTED = pathlib.Path(minigen.__file__).resolve().parent

# What the tests start imports the minigen that they test themselves, from whatever folder: the one
# that is installed where pytest runs it, the checkout with `python -m pytest`.
inherited = filter(None, [str(TESTED.parent), os.environ.get("PYTHONPATH")])
os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(inherited))
if TESTED.parent != ROOT:
    os.environ["PYTHONSAFEPATH"] = "1"

hypothesis.settings.register_profile(
    "minigen",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("minigen")


def pytest_addoption(parser):
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in random order")


def pytest_sessionstart():
    """Tests send signals, and a shell's `pytest &` or nohup leaves some of them ignored."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number and signal.getsignal(number) == signal.SIG_IGN:
            usual = signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
            signal.signal(number, usual)


def pytest_collection_modifyitems(config, items):
    if (seed := config.getoption("--shuffle")) is not None:
        random.Random(seed).shuffle(items)


def pytest_report_header():
    """Which minigen is tested; a checkout that differs from it may be what is meant."""
    lines = [f"minigen {minigen.__version__} of {TESTED}"]
    if edited := sorted(p for p in ours(ROOT / "minigen") if not same(p)):
        lines += [f"it is not the checkout: {edited[0]} differs (`pip install -e .` follows edits)"]
    return lines


def ours(folder):
    return (p.relative_to(folder) for p in folder.rglob("*.py"))


def same(path):
    there = TESTED / path
    return there.is_file() and there.read_bytes() == (ROOT / "minigen" / path).read_bytes()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(name="minigen")
def command(tmp_path, monkeypatch, capsys):
    """Runs a command in an empty folder: (exit code, standard output, standard error)."""
    from minigen.cli.main import main

    monkeypatch.chdir(tmp_path)

    def run(*argv):
        try:
            code = main([str(a) for a in argv])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return run
