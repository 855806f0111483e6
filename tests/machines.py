"""The tests under the settings of other machines; prints a table of counts.

    python tests/machines.py                  the numeric tests, this Python under other settings
    python tests/machines.py --installations  README's two commands: each Python found, the lowest
                                              versions, no numba, an ordinary user; --quick is less
    python tests/machines.py --margins        the first, and what stands near its limit and moves
    python tests/machines.py --all            all of these, about two hours on two cores

A setting is a BLAS kernel (OPENBLAS_CORETYPE), a number of threads, no AVX-512, the NumPy twins in
place of the kernels, an order of the tests and of hashes, or a locale. A setting that this machine
cannot have is skipped. --only PATTERN chooses by name, -n WORKERS sets the processes; files of
tests may be named.
"""

import argparse
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import installations
import margins

ROOT = pathlib.Path(__file__).resolve().parent.parent
OTHER = (  # tests of programs, files, pages and words: installations run them
    "arguments bench cache check_page cli* data_csv details docs face floors grader* homework* "
    "html lecture lite mutation parallel plot portability prose ranks readme report resume "
    "tutorials* without_numba"
)
COUNTS = ("passed", "failed", "error", "skipped")
SUMMARY = re.compile(r"\d+ (passed|failed|error).* in [\d.]+ ?s")


@dataclass(frozen=True)
class Setting:
    name: str
    variables: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()


def settings() -> list[Setting]:
    """Every setting, in the order of the table."""
    kernels = [
        Setting(f"{kernel}, {n} thread{'s' * (n > 1)}",
                {"OPENBLAS_CORETYPE": kernel, "OPENBLAS_NUM_THREADS": str(n)})
        for kernel, n in itertools.product(
            ("Haswell", "SkylakeX", "Zen", "Nehalem", "Prescott"), (1, 2))
    ]  # fmt: skip
    orders = [
        Setting(f"random order and hashes, seed {k}", {"PYTHONHASHSEED": str(k)},
                ("--shuffle", str(k)))
        for k in (1, 2)
    ]  # fmt: skip
    return [
        *kernels,
        Setting("no AVX-512", {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512F AVX512CD AVX512_SKX"}),
        Setting("numba for Nehalem", {"NUMBA_CPU_NAME": "nehalem", "MINIGEN_CACHE": "0"}),
        Setting("NumPy twins", {"MINIGEN_BACKEND": "numpy"}),
        *orders,
        Setting("LC_ALL=C", installations.C_LOCALE),
    ]


def numeric() -> list[str]:
    """The test files that compare numbers."""
    others = [f"test_{name}.py" for name in OTHER.split()]
    found = sorted(pathlib.Path(__file__).parent.glob("test_*.py"))
    return [str(f) for f in found if not any(f.match(name) for name in others)]


def run(setting: Setting, files: list[str], workers: str, *more: str) -> str:
    """What pytest says of the files under a setting."""
    environment = os.environ | setting.variables | {"PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    options = ["-q", "--tb=no", "-p", "no:cacheprovider", "-n", workers, *setting.options, *more]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *files], cwd=ROOT, env=environment,
        capture_output=True, encoding="utf-8", errors="replace",
    ).stdout  # fmt: skip


class Table:
    """Rows of counts, printed as they are found, each with what failed; `bad` is all of it."""

    def __init__(self) -> None:
        self.bad: list[str] = []
        print(f"{'setting':48s}" + "".join(f"{word:>9s}" for word in (*COUNTS, "seconds")))

    def add(self, name: str, output: str, seconds: float) -> None:
        lines = output.strip().splitlines() or ["pytest printed nothing"]
        summary = next((line for line in reversed(lines) if SUMMARY.search(line)), "")
        found = {word: n for n, word in re.findall(rf"(\d+) ({'|'.join(COUNTS)})", summary)}
        counts = "".join(f"{found.get(word, '0'):>9s}" for word in COUNTS)
        took = f"{seconds:9.0f}"
        print(f"{name:48s}{counts + took if found else '  ' + lines[-1]}", flush=True)
        failing = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
        ended = lines[-1].startswith("exit code") or not found
        if ended and not failing and not lines[-1].startswith("skipped"):
            failing = lines[-20:]
        print(*(f"    {line}" for line in failing), sep="\n", end="\n" * bool(failing), flush=True)
        self.bad += failing


def by_settings(table: Table, chosen: Iterable[Setting], files: list[str], workers: str) -> None:
    """The numeric tests, by this Python."""
    for setting in chosen:
        start = time.monotonic()
        output = run(setting, files, workers)
        table.add(setting.name, output, time.monotonic() - start)


def by_installations(
    table: Table, every: Iterable[installations.Installation], quick: bool, workers: str
) -> None:
    """README's two commands, in sources unpacked from the source distribution.

    Where they are quick, most of their time is an installation's: two go on at once.
    """
    with tempfile.TemporaryDirectory(prefix="minigen machines ") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        sdist = installations.source_distribution(folder)

        def job(it: installations.Installation) -> tuple[str, str, float]:
            start = time.monotonic()
            output = installations.run(it, sdist, folder, quick, workers)
            return it.name, output, time.monotonic() - start

        with ThreadPoolExecutor(1 + quick) as pool:
            for done in pool.map(job, every):
                table.add(*done)


def by_margins(table: Table, chosen: Iterable[Setting], files: list[str], workers: str) -> None:
    """What stands within a tenth of its limit under one setting, and moves with the settings.

    Where they move it by more than a third of what is left, that is a failure.
    """
    runs = {}
    for setting in chosen:
        with tempfile.TemporaryDirectory() as folder:
            start = time.monotonic()
            more = ("-p", "margins", "--margins", folder)
            output = run(setting, files, workers, *more)
            table.add(setting.name, output, time.monotonic() - start)
            parts = [json.loads(p.read_text(encoding="utf-8")) for p in
                     pathlib.Path(folder).glob("*.json")]  # fmt: skip
            runs[setting.name] = {key: v for part in parts for key, v in part.items()}
    near = margins.near_and_moving(runs)
    places = len(set().union(*runs.values()))
    risks = [place for _, _, place, _, at_risk in near if at_risk]
    print(f"\nof {places} comparisons, {len(near)} within a tenth of their limit that move, "
          f"{len(risks)} by more than a third of what is left (!):")  # fmt: skip
    for nearness, name, place, between, at_risk in near:
        print(f"{'!' if at_risk else ' '} {nearness:.3f}  {place}  ({name}; {between})")
    table.bad += [f"near its limit: {place}" for place in risks]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="by default the numeric tests")
    parser.add_argument("--installations", action="store_true", help="README's two commands")
    parser.add_argument("--quick", action="store_true", help="a part of the tests, the quick demo")
    parser.add_argument("--mixed", action="store_true", help="four installations, for .ci/run")
    parser.add_argument("--margins", action="store_true", help="what is near its limit")
    parser.add_argument("--all", action="store_true", help="margins and installations")
    parser.add_argument("--only", default="", metavar="PATTERN", help="settings whose name has it")
    parser.add_argument("-n", default="2", metavar="WORKERS", help="processes (default 2)")
    args = parser.parse_args()
    files = [str(pathlib.Path(f).resolve()) for f in args.files] or numeric()
    chosen = [s for s in settings() if re.search(args.only, s.name, re.IGNORECASE)]
    table = Table()
    if args.all or args.margins:
        by_margins(table, chosen, files, args.n)
    elif not (args.installations or args.mixed):
        by_settings(table, chosen, files, args.n)
    if args.all or args.installations or args.mixed:
        every = installations.mixed() if args.mixed else installations.installations()
        every = [it for it in every if re.search(args.only, it.name, re.IGNORECASE)]
        by_installations(table, every, args.quick, args.n)
    sys.exit(bool(table.bad))


if __name__ == "__main__":
    main()
