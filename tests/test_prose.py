"""What the READMEs, the documentation and the tutorials name in passing: commands, names, files."""

import contextlib
import functools
import importlib
import importlib.util
import io
import pathlib
import re
import shlex

import pytest

import minigen as mg
from minigen.cli import main
from minigen.derivations import notes, runner

ROOT = pathlib.Path(__file__).parent.parent
PAGES = sorted(
    [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "minigen/homework/README.md")]
    + [path for path in (ROOT / "docs").glob("*.md") if path.name != "start.md"]
    + [path for path in (ROOT / "docs/teaching").glob("*.md") if path.name != "homework.md"]
    + [ROOT / "tutorials/README.md", *(ROOT / "tutorials").glob("[0-9][0-9]_*.py")]
)
NAME = re.compile(r"\bmg((?:\.[A-Za-z_]\w*)+)")


def prose(path):
    """The text that no other test runs: Markdown, or the comments of a tutorial."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    cells = re.findall(r"^# %% \[markdown\]\n((?:#.*\n?)*)", text, flags=re.MULTILINE)
    return re.sub(r"^# ?", "", "\n".join(cells), flags=re.MULTILINE)


def commands(text):
    """Commands in code: without a description behind them, without gaps to fill in."""
    fenced = "\n".join(re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    lines = re.findall(r"^minigen .+", fenced, re.MULTILINE)
    lines += re.findall(r"^ {4}(minigen .+)", text, re.MULTILINE)
    for words in lines + re.findall(r"(?<!`)`(minigen [^`]+)`(?!`)", text):
        command = re.split(r"\s{2,}|\s#", words.replace("\n", " "))[0]
        if not re.search(r"\.\.\.|\[|\bMODEL\b|, minigen", command):
            yield command.strip()


FOUND = [(path, c) for path in PAGES for c in dict.fromkeys(commands(prose(path)))]


@pytest.mark.parametrize(
    "path, command", FOUND, ids=[f"{path.stem}-{command[8:]}" for path, command in FOUND]
)
def test_a_command_in_prose_is_one_that_minigen_takes(path, command):
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            args = main.parser().parse_args(shlex.split(command)[1:])
    except SystemExit as stop:
        named = "the following arguments are required" in said.getvalue()  # `minigen train`
        assert stop.code == 0 or named, said.getvalue()
        return
    if command.startswith("minigen check") and args.id not in ([], ["ID"]):
        assert runner.select(notes.catalogue(), args.id)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_name_in_prose_is_public(path):
    for chain in dict.fromkeys(NAME.findall(prose(path))):
        names = chain.strip(".").split(".")
        thing = functools.reduce(getattr, names, mg)
        assert thing is not None, chain
        place = mg
        for name in names:
            if hasattr(place, "__all__"):
                assert name in place.__all__, f"mg{chain} is not public"
            place = getattr(place, name)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_module_or_a_file_in_prose_is_there(path):
    text = prose(path)
    for name in re.findall(r"`(minigen(?:\.[a-z_]\w*)+)`", text):
        assert importlib.util.find_spec(name) or hasattr(
            importlib.import_module(name.rpartition(".")[0]), name.rpartition(".")[2]
        ), name
    for name in re.findall(r"`((?:minigen|tests|tutorials|benchmarks|docs)/[\w/.]+)`", text):
        assert (ROOT / name).exists(), name
