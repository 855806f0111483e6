#!/usr/bin/env python3
"""Everything a change must pass, in a temporary copy of this checkout.

    .ci/run              the steps below
    .ci/run --here       without the other Pythons and what is unusual about them
    .ci/run --keep       leave the temporary folder behind, to look at it
    .ci/release [OUT]    build the distributions, check and test them, put them into OUT (dist)

The copy holds the files that git knows and new ones that it does not ignore, as they are now, at a
path with a space. No step sees the environment of the developer: HOME, PATH, what pip needs are
set, nothing else. README's two commands run whole with the first python3 of PATH, and then once
more, with a part of the tests and the quick demo, from the unpacked source distribution with every
Python found; these share out the lowest versions, no numba, another kernel and two threads, random
order, an ordinary user with a C locale. `python tests/machines.py --all` does all of these whole,
in hours.
"""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
KEPT = re.compile(r"(?i)HOME|PATH|PIP_.*|.*_PROXY|SSL_CERT_.*|REQUESTS_CA_BUNDLE|SYSTEMROOT|TE?MP")
START = time.monotonic()


def main() -> None:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="minigen ci "))  # a space, as in many paths
    try:
        words = sys.argv[1:]
        if words[:1] == ["release"]:
            release(folder, pathlib.Path(*words[1:2] or ["dist"]).resolve())
        else:
            check(folder)
    finally:
        if "--keep" in sys.argv:
            print("kept:", folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def check(folder: pathlib.Path) -> None:
    """All steps, in order; the first that fails ends the run."""
    copy = folder / "minigen"
    step("a copy of the tree")
    copied(copy)
    readme = (copy / "README.md").read_text(encoding="utf-8")
    demo, tests = re.findall(r"^    (python3 -m venv .*)$", readme, flags=re.MULTILINE)

    step(f"README's first command: {demo}")
    last_lines(told(["bash", "-c", demo], copy))
    step(f"README's second command: {tests}")
    last_lines(told(["bash", "-c", tests], copy))

    python = str(copy / ".venv/bin/python")
    step("lint and format")
    run([python, "-m", "pip", "install", "--quiet", ".[dev]"], copy)
    run([python, "-m", "ruff", "check", "."], copy)
    run([python, "-m", "ruff", "format", "--check", "."], copy)

    step("types, README's example too; the documentation, warnings as errors; both at once")
    run([python, "-m", "pip", "install", "--quiet", ".[docs]"], copy)
    example = folder / "readme_example.py"
    example.write_text(re.findall(r"```python\n(.*?)```", readme, re.DOTALL)[0], encoding="utf-8")
    types = [python, "-m", "pyright", "--pythonpath", python]
    words = ["-W", "--keep-going", "--quiet", "-j", "auto", "docs", str(folder / "site")]
    with ThreadPoolExecutor() as pool:
        site = pool.submit(told, [python, "-m", "sphinx", *words], copy)
        run(types, copy)
        run([*types, str(example)], folder)
    last_lines(site.result(), 1)

    step("nothing is left behind")
    if left := told(["git", "status", "--porcelain"], copy).strip():
        fail(f"git shows files that the commands above left:\n{left}")

    step("the two distributions")
    built(copy, python, folder / "dist")

    if "--here" not in sys.argv:
        step("README's commands on the Pythons of this machine, from the source distribution")
        run([python, "tests/machines.py", "--mixed", "--quick", "-n", "auto"], copy)
    step("done: everything holds")


def release(folder: pathlib.Path, out: pathlib.Path) -> None:
    """Build, check, and test what was built: the sources' own tests against the wheel."""
    copy = folder / "minigen"
    step("a copy of the tree, and the two distributions")
    copied(copy)
    python = environment(folder / "tools", "build", "twine")
    sdist, wheel = built(copy, python, folder / "dist")
    run([python, "-m", "twine", "check", "--strict", str(sdist), str(wheel)], folder)

    step("the tests of the source distribution, against the wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (sources,) = (folder / "unpacked").iterdir()
    python = environment(folder / "venv", f"{wheel}[test]")
    pytest = str(pathlib.Path(python).parent / "pytest")
    last_lines(told([pytest, "-q", "-n", "auto"], sources))
    step("the demo, elsewhere")
    (folder / "elsewhere").mkdir()
    words = [python, "-W", "error", "-m", "minigen", "demo", "--quick", "--out", "pictures"]
    last_lines(told(words, folder / "elsewhere"))

    out.mkdir(exist_ok=True)
    for file in (sdist, wheel):
        shutil.copy2(file, out)
        print(hashlib.sha256(file.read_bytes()).hexdigest(), out / file.name)
    step("done: upload them with `twine upload`")


def environment(place: pathlib.Path, *packages: str) -> str:
    """The Python of a new environment with these packages."""
    run([sys.executable, "-m", "venv", str(place)], place.parent)
    python = str(place / ("Scripts" if os.name == "nt" else "bin") / "python")
    run([python, "-m", "pip", "install", "--quiet", *packages], place.parent)
    return python


def built(copy: pathlib.Path, python: str, dist: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """The source distribution, with every file; the wheel, with every file of the package."""
    deleted = copy / "build/lib/minigen/deleted.py"  # as an earlier build may have left
    deleted.parent.mkdir(parents=True, exist_ok=True)
    deleted.touch()
    told([python, "-m", "build", "--sdist", "--wheel", "--outdir", str(dist), "."], copy)
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    tracked = set(told(["git", "ls-files"], copy).splitlines())
    with zipfile.ZipFile(wheel) as archive:
        names = {n for n in archive.namelist() if not n.startswith("minigen-")}
    if names != {n for n in tracked if n.startswith("minigen/")}:
        fail(f"the wheel differs from the tree: {sorted(names ^ tracked)[:20]}")
    with tarfile.open(sdist) as archive:
        names = {n.partition("/")[2] for n in archive.getnames()}
    if missing := sorted(tracked - names):
        fail(f"the source distribution lacks {missing[:20]}")
    return sdist, wheel


def copied(copy: pathlib.Path) -> None:
    """The tree as it is now, as a repository with one commit."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in told(listed, ROOT).split("\0"):
        if name and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    who = ["-c", "user.name=ci", "-c", "user.email=ci@localhost", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "the tree"]):
        run(["git", *words], copy)


def run(command: list[str], where: pathlib.Path, output: int | None = None) -> str:
    """Run a command; its output where it is not shown."""
    kept = {k: v for k, v in os.environ.items() if KEPT.fullmatch(k)}
    done = subprocess.run(
        command, cwd=where, env=kept, encoding="utf-8", errors="replace",
        stdout=output, stderr=subprocess.STDOUT if output else None,
    )  # fmt: skip
    if done.returncode:
        fail(f"{done.stdout or ''}\nfailed with exit code {done.returncode}: {' '.join(command)}")
    return done.stdout or ""


def told(command: list[str], where: pathlib.Path) -> str:
    """What a command prints; it is shown only where the command fails."""
    return run(command, where, subprocess.PIPE)


def last_lines(output: str, count: int = 8) -> None:
    """The end of what a command printed: a summary, no progress of downloads."""
    print(*output.strip().splitlines()[-count:], sep="\n", flush=True)


def step(title: str) -> None:
    print(f"\n== {time.monotonic() - START:5.0f} s  {title}", flush=True)


def fail(message: str) -> None:
    sys.exit(f"\n.ci/run: {message}")


if __name__ == "__main__":
    main()
