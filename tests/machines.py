"""The numeric tests under the settings of other machines; prints a table of counts.

    python tests/machines.py [--only WORD] [-n WORKERS] [TEST FILE ...]

A setting is a BLAS kernel (OPENBLAS_CORETYPE), a number of threads, no AVX-512, the NumPy twins in
place of the kernels, an order of the tests and of hashes, a locale, or another user. A setting that
this machine cannot have is skipped. All of them take about an hour on two cores.
"""

import argparse
import itertools
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parent.parent
OTHER = (  # tests of programs, files and pages
    "bench check_page cli data_csv floors grader* homework* mutation plot readme tutorials"
)
COUNTS = ("passed", "failed", "error", "skipped")


@dataclass(frozen=True)
class Setting:
    name: str
    variables: dict[str, str] = field(default_factory=dict)
    user: str | None = None


def settings() -> list[Setting]:
    """Every setting, in the order of the table."""
    kernels = [
        Setting(f"{kernel}, {n} thread{'s' * (n > 1)}",
                {"OPENBLAS_CORETYPE": kernel, "OPENBLAS_NUM_THREADS": str(n)})
        for kernel, n in itertools.product(
            ("Haswell", "SkylakeX", "Zen", "Nehalem", "Prescott"), (1, 2))
    ]  # fmt: skip
    orders = [
        Setting(f"random order and hashes, seed {k}",
                {"TESTS_SHUFFLE": str(k), "PYTHONHASHSEED": str(k)})
        for k in (1, 2)
    ]  # fmt: skip
    return [
        *kernels,
        Setting("no AVX-512", {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512F AVX512CD AVX512_SKX"}),
        Setting("numba for Nehalem", {"NUMBA_CPU_NAME": "nehalem", "MINIGEN_CACHE": "0"}),
        Setting("NumPy twins", {"MINIGEN_BACKEND": "numpy"}),
        *orders,
        Setting("LC_ALL=C", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
        Setting("an ordinary user", user="nobody"),
    ]  # fmt: skip


def pytest_collection_modifyitems(items: list) -> None:
    """With `-p machines`, pytest runs the tests in the order of the seed TESTS_SHUFFLE."""
    if seed := os.environ.get("TESTS_SHUFFLE"):
        random.Random(int(seed)).shuffle(items)


def numeric() -> list[str]:
    """The test files that compare numbers."""
    others = [f"test_{name}.py" for name in OTHER.split()]
    found = sorted(pathlib.Path(__file__).parent.glob("test_*.py"))
    return [str(f) for f in found if not any(f.match(name) for name in others)]


def run(setting: Setting, files: list[str], workers: str) -> tuple[str, list[str]]:
    """What pytest says of the files under a setting: its last line, and the tests that fail."""
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o777)
        environment = os.environ | setting.variables | {"PYTHONDONTWRITEBYTECODE": "1"}
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        options = ["-q", "--tb=no", "-p", "no:cacheprovider", "-p", "machines", "-n", workers]
        how = {}
        if setting.user:
            if os.name != "posix" or os.geteuid() != 0:
                return "skipped: run it as root to test as another user", []
            how["user"] = setting.user
            environment |= {"HOME": home, "TMPDIR": home}
            try:  # the folders of Python and of the checkout may be closed to others
                words = [sys.executable, "-c", "import pytest"]
                subprocess.run(words, check=True, cwd=ROOT, env=environment, **how)
            except (OSError, subprocess.CalledProcessError):
                return f"skipped: {setting.user} cannot run {sys.executable} here", []
        out = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *files], cwd=ROOT, env=environment,
            capture_output=True, encoding="utf-8", errors="replace", **how,
        ).stdout  # fmt: skip
    lines = out.strip().splitlines() or ["pytest printed nothing"]
    return lines[-1], [line for line in lines if line.startswith(("FAILED", "ERROR"))]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="by default the numeric tests")
    parser.add_argument("--only", default="", metavar="WORD", help="settings with it in their name")
    parser.add_argument("-n", default="2", metavar="WORKERS", help="processes (default 2)")
    args = parser.parse_args()
    files = [str(pathlib.Path(f).resolve()) for f in args.files] or numeric()
    print(f"{'setting':34s}" + "".join(f"{word:>9s}" for word in (*COUNTS, "seconds")))
    bad = []
    for setting in settings():
        if args.only.lower() in setting.name.lower():
            start = time.monotonic()
            last, failing = run(setting, files, args.n)
            found = {word: n for n, word in re.findall(rf"(\d+) ({'|'.join(COUNTS)})", last)}
            counts = "".join(f"{found.get(word, '0'):>9s}" for word in COUNTS)
            took = f"{time.monotonic() - start:9.0f}"
            print(f"{setting.name:34s}{counts + took if found else '  ' + last}", flush=True)
            bad += [f"{setting.name}: {line}" for line in failing]
            bad += [f"{setting.name}: {last}"] * (not found and not last.startswith("skipped"))
    print(*bad, sep="\n")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
