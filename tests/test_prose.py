"""What the READMEs, the documentation and the tutorials name in passing: commands, names, files."""

import contextlib
import functools
import importlib
import importlib.util
import inspect
import io
import math
import pathlib
import re
import shlex

import hostile_more
import pytest

import minigen as mg
from minigen.cli import main
from minigen.derivations import notes, runner
from minigen.homework import assignments
from minigen.homework.marking import pairs
from minigen.homework.wall import ownroot

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


def found(path, pattern):
    """The groups of the one place where these words stand, spaces being any white space."""
    text = (ROOT / path).read_text(encoding="utf-8")
    (match,) = re.finditer(pattern.replace(" ", r"\s+"), text)
    return match.groups()


def test_the_numbers_of_the_homework_s_page_are_those_of_the_code():
    page = "minigen/homework/README.md"
    limits = mg.homework.Limits()
    usual = found(page, r"by default (\d+) for a call, (\d+) in all, and (\d+) MB of memory")
    assert tuple(map(float, usual)) == (limits.call, limits.total, limits.memory)
    (calls,) = found(page, r"call a forward pass (\d+) times at most")
    assert int(calls) == pairs.FORWARDS
    wall = inspect.getsource(ownroot)
    size, files = found(page, r"its folder holds (\d+) MB and (\d+) files")
    assert f"size={size}m,nr_inodes={int(files) + 1}," in wall  # one is the folder's own
    hostile, families = found(page, r"tried with (\d+) hostile files in (\w+) families")
    assert int(hostile) == len(hostile_more.ALL)
    assert families == "twelve" and len({name.split()[0] for name in hostile_more.ALL}) == 12
    (least,) = found(page, r"Each assignment has more than (\d+)")
    for name in assignments.NAMES:
        options = assignments.get(name).options
        assert math.prod(len(choices) for choices in options.values()) > int(least), name


def test_what_is_said_of_the_table_of_toys_is_what_it_shows():
    page = "docs/quality.md"
    row = r"^\| (\w+) \| (\w+) \| (\w+) \| (\S+) ± (\S+) \| (\S+) ± (\S+) \|$"
    text = (ROOT / page).read_text(encoding="utf-8")
    rows = re.findall(row, text, re.MULTILINE)
    better, of = found(page, r"at or below zuko's in (\d+) of (\d+) rows")
    assert len(rows) == int(of)
    assert sum(float(r[3]) <= float(r[5]) for r in rows) == int(better)
    beyond = {
        r[:3]: (float(r[3]) - float(r[5])) / math.hypot(float(r[4]), float(r[6])) for r in rows
    }
    beyond = {names: errors for names, errors in beyond.items() if errors > 1}
    assert beyond.keys() == {
        ("pinwheel", "maf", "relu"), ("grid", "maf", "relu"), ("gaussian", "real_nvp", "tanh")
    }  # fmt: skip
    (most,) = found(page, r"the Gaussian with Real NVP and tanh\), by at most (\S+)\.\n")
    assert max(beyond.values()) <= float(most) + 0.05
