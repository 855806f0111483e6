#!/usr/bin/env python3
"""Everything a change must pass, in a temporary copy of this checkout; about ten minutes.

    .ci/run            all steps
    .ci/run --keep     leave the temporary folder behind, to look at it

The copy holds the files that git knows and new ones that it does not ignore, as they are now. No
step sees the environment of the developer: HOME, PATH and what pip needs are set, nothing else.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
KEPT = re.compile(r"(?i)HOME|PATH|PIP_.*|.*_PROXY|SSL_CERT_.*|REQUESTS_CA_BUNDLE|SYSTEMROOT|TE?MP")
START = time.monotonic()


def main() -> None:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="minigen ci "))  # a space, as in many paths
    try:
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
    last_lines(run(["bash", "-c", demo], copy, text=True).stdout)
    step(f"README's second command: {tests}")
    last_lines(run(["bash", "-c", tests], copy, text=True).stdout)

    python = str(copy / ".venv/bin/python")
    step("lint and format")
    run([python, "-m", "ruff", "check", "."], copy)
    run([python, "-m", "ruff", "format", "--check", "."], copy)

    step("types: the package, the tutorials, README's example")
    run([python, "-m", "pip", "install", "--quiet", ".[dev]"], copy)
    run([python, "-m", "pyright", "--pythonpath", python], copy)
    example = folder / "readme_example.py"
    example.write_text(re.findall(r"```python\n(.*?)```", readme, re.DOTALL)[0], encoding="utf-8")
    run([python, "-m", "pyright", "--pythonpath", python, str(example)], folder)

    step("nothing is left behind")
    left = run(["git", "status", "--porcelain"], copy, text=True).stdout.strip()
    if left:
        fail(f"git shows files that the commands above left:\n{left}")

    step("the wheel")
    run([python, "-m", "build", "--outdir", str(folder / "dist"), "."], copy, text=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = set(run(["git", "ls-files", "minigen"], copy, text=True).stdout.splitlines())
    foreign = sorted(n for n in names if not n.startswith(("minigen/", "minigen-")))
    if "minigen/py.typed" not in names or tracked - names or foreign:
        fail(f"the wheel lacks {sorted(tracked - names)} or has {foreign[:5]} too many")

    step("the demo from the wheel, elsewhere")
    run([sys.executable, "-m", "venv", str(folder / "venv")], folder)
    python = str(folder / "venv/bin/python")
    run([python, "-m", "pip", "install", "--quiet", str(wheel)], folder)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    run([python, "-m", "minigen", "demo", "--quick", "--out", "pictures"], elsewhere)
    run([python, "-W", "error", "-c", "import minigen as mg; print(mg.__version__)"], elsewhere)
    step("done: everything holds")


def copied(copy: pathlib.Path) -> None:
    """The tree as it is now, as a repository with one commit."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in run(listed, ROOT, text=True).stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    who = ["-c", "user.name=ci", "-c", "user.email=ci@localhost", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "the tree"]):
        run(["git", *words], copy)


def run(command: list[str], where: pathlib.Path, text: bool = False) -> subprocess.CompletedProcess:
    """Run a command; with text, its output is returned, and shown only where it fails."""
    environment = {k: v for k, v in os.environ.items() if KEPT.fullmatch(k)}
    done = subprocess.run(
        command, cwd=where, env=environment, encoding="utf-8",
        stdout=subprocess.PIPE if text else None, stderr=subprocess.STDOUT if text else None,
    )  # fmt: skip
    if done.returncode:
        fail(f"{done.stdout or ''}\nfailed with exit code {done.returncode}: {' '.join(command)}")
    return done


def last_lines(output: str, count: int = 8) -> None:
    """The end of what a command printed: a summary, no progress of downloads."""
    print(*output.strip().splitlines()[-count:], sep="\n", flush=True)


def step(title: str) -> None:
    print(f"\n== {time.monotonic() - START:5.0f} s  {title}", flush=True)


def fail(message: str) -> None:
    sys.exit(f"\n.ci/run: {message}")


if __name__ == "__main__":
    main()
