"""The README is true: its example prints what it says, its links lead somewhere."""

import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language, k=0):
    """The k-th fenced block of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)[k]


def test_the_example_prints_what_the_readme_says(tmp_path):
    run = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:numba is not", "-c", block("python")],
        cwd=tmp_path, capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip
    number = r"\d+\.\d+"
    said, printed = block("text").strip(), run.stdout.strip()
    assert re.sub(number, "#", printed) == re.sub(number, "#", said)
    for a, b in zip(re.findall(number, printed), re.findall(number, said), strict=True):
        assert abs(float(a) - float(b)) <= 0.02  # rounding differs between machines


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_a_link_leads_somewhere(target):
    assert (ROOT / target).exists()


def test_the_two_commands_are_those_that_ci_runs():
    commands = re.findall(r"^    (python3 -m venv .*)$", README, flags=re.MULTILINE)
    assert len(commands) == 2
    assert commands[0].endswith("minigen demo") and commands[1].endswith("pytest -n auto")
    windows = re.findall(r"^    (py -m venv .*)$", README, flags=re.MULTILINE)
    assert windows == [
        c.replace("python3 -m", "py -m").replace(".venv/bin/", ".venv\\Scripts\\") for c in commands
    ]
