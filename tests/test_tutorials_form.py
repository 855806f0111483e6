"""The form of a tutorial: why and a picture first, exercises to fill in, prose that is computed."""

import ast
import json
import pathlib
import re
from typing import NamedTuple

import pytest

import minigen as mg
from minigen.derivations import notes, runner

ROOT = pathlib.Path(__file__).parent.parent
HERE = ROOT / "tutorials"
SOURCES = sorted(HERE.glob("[0-9][0-9]_*.py"))
tutorials = pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
WAITING = "Fill in the cell above and run both again."
ANSWER = re.compile(
    r"<details><summary>Answer</summary>\n\n(?P<text>.*?)\n</details>", flags=re.DOTALL
)
FENCED = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


class Cell(NamedTuple):
    """One cell of a source: whether it is Markdown, the words after %%, and its text."""

    markdown: bool
    options: str
    text: str


def cells(source):
    """The cells of a tutorial."""
    parts = re.split(r"^# %%(.*)\n", source.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    for options, text in zip(parts[::2], parts[1::2], strict=True):
        markdown = "[markdown]" in options
        text = re.sub(r"^# ?", "", text, flags=re.MULTILINE) if markdown else text
        yield Cell(markdown, options, text.strip() + "\n")


def prose(source):
    """Its Markdown."""
    return "\n".join(cell.text for cell in cells(source) if cell.markdown)


def code(source):
    return "\n".join(cell.text for cell in cells(source) if not cell.markdown)


def notebook(source):
    return json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))


def outputs(source):
    """(cell, output) of its notebook."""
    for cell in notebook(source)["cells"]:
        for output in cell.get("outputs", []):
            yield cell, output


def printed(source):
    """What its notebook prints."""
    text = ""
    for _, output in outputs(source):
        lines = output.get("text") or output.get("data", {}).get("text/plain", "")
        text += "".join(lines) + "\n"
    return text


class Exercise(NamedTuple):
    """A question, the cells below it up to the answer, and the answer."""

    question: str
    cells: list[Cell]
    answer: str


def exercises(source):
    """The exercises of a tutorial: **1.**, **2.**, ... after the heading."""
    found, inside = [], False
    for cell in cells(source):
        inside = inside or "## Exercises" in cell.text
        if not inside:
            continue
        if not cell.markdown:
            if found and not found[-1].answer:
                found[-1].cells.append(cell)
            continue
        answer = ANSWER.search(cell.text)
        if answer and found:
            found[-1] = found[-1]._replace(answer=answer["text"])
        question = re.search(r"^\*\*\d+\.\*\* (.*)", cell.text, re.MULTILINE | re.DOTALL)
        if question:
            found.append(Exercise(question[1], [], ""))
    return found


def spoilt(answer):
    """The code of an answer with what it gives changed a little."""
    tree = ast.parse(answer)
    given = [n for n in ast.walk(tree) if isinstance(n, ast.Return | ast.Assign | ast.AnnAssign)]
    returned = [n for n in given if isinstance(n, ast.Return)]
    last = max(returned or given, key=lambda n: n.lineno)

    def changed(value):
        if isinstance(value, ast.Tuple | ast.List | ast.Set):
            value.elts[0] = changed(value.elts[0])
        elif isinstance(value, ast.Dict):
            value.values[0] = changed(value.values[0])
        elif isinstance(value, ast.Constant) and isinstance(value.value, str):
            value = ast.Constant("something else")
        else:
            value = ast.parse(f"0.7 * ({ast.unparse(value)}) + 0.1", mode="eval").body
        return value

    last.value = changed(last.value)
    return ast.unparse(tree)


def worked(source):
    """The source with every exercise done: rightly, then wrongly, each with its check."""
    text = source.read_text(encoding="utf-8")
    for exercise in exercises(source):
        (check,) = (cell.text.strip() for cell in exercise.cells if WAITING in cell.text)
        (answer,) = FENCED.findall(exercise.answer)
        assert text.count(check) == 1, exercise.question
        again = [check, 'print("worked:")', answer, check]
        again += ['print("spoilt:")', spoilt(answer), check, 'print("done")', answer]
        text = text.replace(check, "\n\n".join(again))
    return text


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("x = 4", "x = 0.7 * 4 + 0.1"),
        ("x = 'dice'", "x = 'something else'"),
        ("x = {4: 3, 5: 4}", "x = {4: 0.7 * 3 + 0.1, 5: 4}"),
        ("def f(a):\n    b = a\n    return (b, a)", None),
    ],
)
def test_an_answer_is_spoilt(answer, wrong):
    if wrong is None:
        wrong = answer.replace("(b, a)", "(0.7 * b + 0.1, a)")
    assert spoilt(answer) == wrong


@tutorials
def test_a_tutorial_opens_with_why_and_a_picture(source):
    opening = list(cells(source))[:7]
    place = next((k for k, c in enumerate(opening) if c.markdown and "## Why" in c.text), None)
    assert place is not None
    why = re.split("^## ", opening[place].text.partition("## Why")[2], flags=re.MULTILINE)[0]
    assert len(why.splitlines()) <= 16, "about ten lines"
    (_, picture), *_ = [(k, c) for k, c in enumerate(opening) if k > place and not c.markdown]
    assert "mg.plot." in picture.text or "Picture" in picture.text


@tutorials
def test_an_exercise_has_a_level_a_cell_to_fill_in_a_check_and_a_folded_answer(source):
    found = exercises(source)
    assert len(found) >= 2
    for exercise in found:
        assert re.match(r"\((easy|medium|hard)(, on paper)?\) ", exercise.question)
        fill, check = exercise.cells
        assert "# your answer" in fill.text and WAITING in check.text
        assert '"right"' in check.text and "not yet" in check.text
        assert len(FENCED.findall(exercise.answer)) == 1, "the code that is the answer"
    assert "<details>" not in ANSWER.sub("", prose(source))


@tutorials
def test_a_tutorial_asks_for_a_prediction_at_least_twice(source):
    assert prose(source).count("**Predict") >= 2


@tutorials
def test_a_tutorial_links_to_ten_places_that_are_there(source):
    links = [where for _, where in LINK.findall(prose(source))]
    assert len(links) >= 10
    for where in links:
        file, _, place = where.partition("#")
        assert where.startswith("https://") or (HERE / file).resolve().exists(), where
        if file == "../docs/notes.md" and place:
            assert place in {e.id for e in notes.catalogue()}, where
    kinds = (".ipynb", "../minigen/", "../docs/notes.md#", "https://")
    assert all(any(kind in where for where in links) for kind in kinds), kinds
    assert "`minigen homework start " in prose(source)


@tutorials
def test_a_tutorial_draws_its_structure_and_folds_the_code_of_its_pictures(source):
    assert re.search(r"mg\.plot\.(diagram|units)\(", code(source))
    for cell in cells(source):
        if not cell.markdown and re.search(r"Picture\(|subplots\(|find_spec", cell.text):
            assert '"source_hidden": true' in cell.options, cell.text
    assert not re.search(r"cmap=|tab10|RdBu", code(source)), "colours of mg.plot"


@tutorials
def test_every_picture_is_described_in_words(source):
    pictures = [o for _, o in outputs(source) if "image/png" in o.get("data", {})]
    assert pictures
    for output in pictures:
        alt = output["metadata"]["image/png"]["alt"]
        assert len(alt) >= 40 and not alt.startswith("#"), alt


WORDS = {"seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12}


@tutorials
def test_a_count_of_entries_is_that_of_the_command(source):
    said = re.findall(r"`minigen check (\S+)` runs all (\S+)", prose(source).replace("\n", " "))
    for prefix, count in said:
        number = WORDS.get(count) or int(count)
        assert len(runner.select(notes.catalogue(), [prefix])) == number, prefix


def spoken(text):
    """Prose without what is no claim: addresses, code, formulas on lines of their own, ids."""
    text = re.sub(r"\[\d\d\]\([^)]*\)", "", FENCED.sub("", text))  # [03](a tutorial)
    text = LINK.sub(r"\1", text)
    text = re.sub(r"\$\$.*?\$\$", "", text, flags=re.DOTALL)
    text = re.sub(r"^(#+ .*|\*\*You need.*(?:\n.+)*)$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\|.*$", "", text, flags=re.MULTILINE)  # tables are derivations
    return re.sub(r"(?i)\b(?:tutorials?|sections?)\s[\d, and]+|\b[A-Z][\w-]*-\d+\w*", "", text)


def numbers(text):
    """The numbers in prose: all decimals, and whole ones from 10 that are no year."""
    text = spoken(text)
    formulas = re.findall(r"\$[^$]*\$", text)
    mathematics = " ".join(f for f in formulas if "frac" not in f)
    words = re.sub(r"\$[^$]*\$", " ", text).replace(",", "")
    words = re.sub(r"\b(?:19|20)\d\d\b|`[^`]*`|\^\S+", " ", words)
    found = re.findall(r"(?<![\w.])\d+\.\d+(?![\w.]\d)", f"{words} {mathematics}")
    return {*found, *re.findall(r"(?<![\w.-])\d{2,}(?![\w.]*\d)", words)}


@tutorials
def test_a_number_in_prose_is_computed(source):
    """It is printed by a cell, or it stands in a cell."""
    seen = (printed(source) + code(source)).replace("_", "").replace(",", "")
    missing = {n for n in numbers(prose(source)) if not re.search(rf"(?<![\d.]){n}(?!\d)", seen)}
    assert not missing


@tutorials
def test_a_name_in_prose_is_seen_in_a_cell(source):
    """Names in code style: in a cell, in what a cell prints, or public."""
    seen = printed(source) + code(source)
    public = {n for m in mg.__all__ for n in getattr(getattr(mg, m), "__all__", ())}
    text = FENCED.sub("", prose(source))
    for name in re.findall(r"`([A-Za-z_][\w.]*)(?:\([^`]*\))?`", text):
        last = name.rpartition(".")[2]
        assert re.search(rf"\b{last}\b", seen) or last in public or "." in name, name


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[0.16 nats](x.py), see DIF-11, tutorial 05, [12](12_x.ipynb)", {"0.16"}),
        ("in 2017, 1,000 images and $x=2.5$", {"1000", "2.5"}),
        ("$$x = 17.5$$ and `a[10]` and $10^{-8}$", set()),
    ],
)
def test_the_numbers_in_prose_are_found(text, found):
    assert numbers(text) == found
