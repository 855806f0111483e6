"""Notes of one's own: a folder of Markdown, its equations, and what is said of mistakes in it."""

import json
import pathlib
import textwrap

import pytest

import minigen as mg
from minigen.cli import main
from minigen.derivations import markdown_notes, runner, terminal
from minigen.derivations.page.html import page
from minigen.derivations.page.markdown import rendered


def folder_of(tmp_path, **files):
    """A folder with these Markdown files."""
    for name, text in files.items():
        (tmp_path / f"{name}.md").write_text(textwrap.dedent(text), encoding="utf-8")
    return tmp_path


def command(*argv):
    """`minigen check ...`: its exit code."""
    return main.main(["check", *map(str, argv)])


ONE = """\
    # Mine

    Words of $x$.

    ```python
    def double(x):
        return 2 * x
    ```

    ## First

    $$ d = 2 $$ {#A code=double}

    $$ \\bar x = 2 \\bar y $$ {#A .gradient}

    ```python
    x = rng.standard_normal(3)
    mg.check.derivative(double, lambda x: 2 + 0 * x, x)
    ```
"""


def test_an_empty_folder_becomes_a_page(tmp_path, capsys):
    folder = tmp_path / "mine"
    assert command("--new", folder) == 0
    assert f"minigen check --notes {folder}" in capsys.readouterr().out
    assert command("--notes", folder) == 0
    out = capsys.readouterr().out
    ids = ["SIG-1", "KL-1", "SOFT-1", "LOGN-1", "GAUSS-1"]
    assert [line.split()[0] for line in out.splitlines()[1:6]] == ids
    text = (folder / "notes.html").read_text(encoding="utf-8")
    assert "<title>Notes of my own</title>" in text and all(f'id="{id}"' in text for id in ids)
    assert command("--new", folder) == 2
    assert "--new: expected a folder that is empty" in capsys.readouterr().err


def test_a_part_of_the_notes_makes_no_page(tmp_path, capsys):
    folder = folder_of(tmp_path, one=ONE)
    assert command("--notes", folder, "A") == 0
    assert command("--notes", folder, "--list") == 0
    assert not (folder / "notes.html").exists()
    assert command("--notes", folder, "A", "--html", folder / "part.html") == 0
    capsys.readouterr()
    assert command("--notes", folder, "--json") == 0
    assert [row["id"] for row in json.loads(capsys.readouterr().out)["rows"]] == ["A"]


def test_the_parts_of_notes(tmp_path):
    notes = mg.derivations.read(folder_of(tmp_path, one=ONE, two="## Second\n\nOnly words.\n"))
    assert (notes.title, notes.lead.startswith("Words of $x$.")) == ("Mine", True)
    assert [s.title for s in notes.sections] == ["First", "Second"]
    (e,) = notes.entries
    assert (e.id, e.correct, e.gradient) == ("A", "d = 2", r"\bar x = 2 \bar y")
    (row,) = runner.run(entries=[e])
    assert row.ok and row.correct is not None
    shown = terminal.full(row)
    assert "def double(x):" in shown and "one.md:6" in shown and "-" not in shown.split()[0]
    text = page([row], notes=notes)
    assert all(part in text for part in ("Only words.", "double", "standard_normal"))


def test_a_misprint_has_two_forms(tmp_path):
    text = """\
        # T
        $$ a = 3 $$ {#A .misprint line=4}
        $$ a = 2 $$ {#A}
        ```python
        mg.derivations.Result(0.0, printed=WRONG)
        ```
    """
    for wrong, ok in (("1.0", True), ("1e-9", False)):
        folder = folder_of(tmp_path, one=text.replace("WRONG", wrong))
        (e,) = mg.derivations.read(folder).entries
        assert (e.verdict, e.line, e.printed) == ("misprint", 4, "a = 3")
        assert runner.run(entries=[e])[0].ok == ok


def test_an_equation_that_nothing_checks_fails(tmp_path):
    text = "# T\n\n$$ a = 3 $$ {#A}\n\nWords.\n\n$$ a = 4 $$ {#B}\n"
    rows = runner.run(entries=mg.derivations.read(folder_of(tmp_path, one=text)).entries)
    assert not rows[0].ok and not rows[1].ok
    assert "one.md:3: expected Python below the equation" in rows[0].problems[0]


@pytest.mark.parametrize(
    "value", ["None", "'right'", "True", "[]", "()", "np.array([])", "float('nan')", "exit()",
              "mg.check", "[mg.check.equal(1, 1), 0.0]"]
)  # fmt: skip
def test_what_is_no_answer_is_not_right(tmp_path, value):
    text = f"# T\n\n$$ a $$ {{#A}}\n\n```python\n{value}\n```\n"
    (row,) = runner.run(entries=mg.derivations.read(folder_of(tmp_path, one=text)).entries)
    assert not row.ok


def test_several_reports_and_arrays_of_errors_are_answers(tmp_path):
    text = """\
        # T
        $$ a $$ {#A}
        ```python
        np.array([0.0, ERROR])
        ```
        $$ a $$ {#B}
        ```python
        (mg.check.equal(1.0, 1.0 + ERROR), mg.check.equal(2.0, 2.0))
        ```
    """
    for error, ok in (("1e-15", True), ("-1e-3", False)):
        folder = folder_of(tmp_path, one=text.replace("ERROR", error))
        assert [r.ok for r in runner.run(entries=mg.derivations.read(folder).entries)] == [ok, ok]


BLOCK = "$$ a $$ {#A}\n\n```python\n0.0\n```\n"


@pytest.mark.parametrize(
    "text, message",
    [
        ("# T\n", r"folder: expected an equation with an id"),
        ("# T\n\n```python\nx = = 1\n```\n" + BLOCK, r"one.md:4: expected Python, got SyntaxError"),
        ("# T\n\n```python\nx = 1\nx / 0\n```\n" + BLOCK,
         r"one.md:5: expected Python that runs, got ZeroDivisionError"),
        ("# T\n\n```python\nimport sys\nsys.exit(0)\n```\n" + BLOCK, r"one.md:5: .*SystemExit"),
        ("# T\n\n```python\nmg.check.equal(1, 'a')\n```\n" + BLOCK, r"one.md:4: .* b: expected"),
        (BLOCK.replace("0.0", "x = 1"), r"one.md:4: expected an expression in the last line"),
        (BLOCK.replace("0.0", "0.0 +"), r"one.md:4: expected Python, got SyntaxError"),
        (BLOCK.replace("0.0\n", ""), r"one.md:4: expected an expression .* got nothing"),
        (BLOCK.replace("```\n", "", 1)[:-4], r"one.md:3: expected a closing ```"),
        ("$$ a\n\nb\n", r"one.md:1: expected a closing \$\$"),
        (BLOCK.replace("{#A}", "{#A .mistake}"), r"one.md:1: expected one of .*got 'mistake'"),
        (BLOCK.replace("{#A}", "{#A tolerence=1}"), r"one.md:1: .*got 'tolerence'"),
        (BLOCK.replace("{#A}", "{#A tolerance=small}"), r"one.md:1: expected numbers for"),
        (BLOCK.replace("{#A}", "{#A code=nothing}"), r"one.md:1: expected a function that"),
        (BLOCK.replace("{#A}", "{A}"), r"one.md:1: expected one id, \{#NAME\}"),
        (BLOCK.replace("{#A}", "(1)"), r"one.md:1: expected nothing, or \{#NAME\}, behind"),
        (BLOCK.replace("{#A}", "{#A .gradient}"), r"one.md:1: expected the form of A that holds"),
        (BLOCK + BLOCK, r"one.md:6: expected the forms of an equation one after the other"),
        ("$$ b $$ {#A}\n" + BLOCK, r"one.md:2: expected one form of A that is correct"),
        (BLOCK + "\nWords.\n\n```python\n0.0\n```\n", r"one.md:10: expected an equation with"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_notes_is_named_with_its_line(tmp_path, text, message, capsys):
    folder_of(tmp_path).joinpath("one.md").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=f"^{message}"):
        mg.derivations.read(tmp_path)
    assert command("--notes", tmp_path) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    "folder, message", [("nowhere", "got no folder"), (".", "got none in"), (3, "got 3")]
)
def test_what_is_no_folder_of_notes_is_refused(tmp_path, monkeypatch, folder, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ValueError, TypeError), match=rf"folder: expected a folder .*{message}"):
        mg.derivations.read(folder)


def test_the_same_id_in_two_files_is_refused(tmp_path):
    folder = folder_of(tmp_path, one=BLOCK, two=BLOCK)
    with pytest.raises(ValueError, match=r"id: expected a name of its own .* A twice"):
        mg.derivations.read(folder)


def test_a_check_that_raises_fails_with_its_line(tmp_path):
    text = "# T\n\n$$ a $$ {#A}\n\n```python\nx = 1\nx / 0\n```\n"
    (row,) = runner.run(entries=mg.derivations.read(folder_of(tmp_path, one=text)).entries)
    assert row.problems == ("ZeroDivisionError in one.md:7: division by zero",)


def test_notes_import_what_stands_beside_them(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    (tmp_path / "beside_of_notes.py").write_text("ANSWER = 0.0\n", encoding="utf-8")
    text = "# T\n```python\nimport beside_of_notes\n```\n" + BLOCK.replace(
        "0.0", "beside_of_notes.ANSWER"
    )
    (row,) = runner.run(entries=mg.derivations.read(folder_of(tmp_path, one=text)).entries)
    assert row.ok


# Markdown


@pytest.mark.parametrize(
    "text, shown",
    [
        ("a *b* **c** `d<e`", "<p>a <em>b</em> <strong>c</strong> <code>d&lt;e</code></p>"),
        ("2*3*4 and a_b_c", "<p>2*3*4 and a_b_c</p>"),
        ("costs $5 and $6", "<p>costs $5 and $6</p>"),
        ("<script>x</script>", "<p>&lt;script&gt;x&lt;/script&gt;</p>"),
        ("[a](#B) [c](javascript:x)", '<p><a href="#B">a</a> c</p>'),
        ("- a\n- b\n  c\n  - d", "<ul><li>a</li><li>b c<ul><li>d</li></ul></li></ul>"),
        ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
        ("words\n- a", "<p>words</p><ul><li>a</li></ul>"),
        ("> a\n> b", "<blockquote><p>a\nb</p></blockquote>"),
        ("### a *b*", "<h3>a <em>b</em></h3>"),
        ("---", "<hr>"),
        ("```\n<a>\n\n# b\n```", "<pre><code>&lt;a&gt;\n\n# b</code></pre>"),
        ("|a|b|\n|-|-|\n|c|d|", '<div class="scroll"><table><thead><tr><th>a</th><th>b</th></tr>'
         "</thead><tbody><tr><td>c</td><td>d</td></tr></tbody></table></div>"),
        ("a | b", "<p>a | b</p>"),
    ],
)  # fmt: skip
def test_prose(text, shown):
    assert rendered(text) == shown


def test_mathematics_in_prose_is_drawn():
    assert rendered("Let $x_i$ be $$ a = b $$").count("<math") == 2
    assert "<code" in rendered(r"Unknown: $\frobnicate$")


def test_a_picture_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"picture: expected a picture .* beside the notes"):
        rendered("![a](no.png)", tmp_path)


def test_the_description_of_the_form_is_an_example_of_it(tmp_path):
    """What the docstring shows can be read."""
    shown = markdown_notes.__doc__.split("\n\n    # Title")[1].split("\n\nAn equation with")[0]
    text = textwrap.dedent("    # Title" + shown).replace(" and ![pictures](picture.png)", "")
    head = "```python\ndef sigmoid(x):\n    return 1 / (1 + np.exp(-x))\n```\n\n## A section"
    folder = folder_of(tmp_path).joinpath("one.md")
    folder.write_text(text.replace("## A section", head), encoding="utf-8")
    (row,) = runner.run(entries=mg.derivations.read(tmp_path).entries)
    assert row.ok


# a second set of notes


SECOND = pathlib.Path(__file__).parent.parent / "tutorials" / "notes"
MISPRINTS = {  # a line of LaTeX and the line of Python that has it, each with the same mistake
    "BN-4": (
        "1-normalisation.md",
        (r"\bar{\hat x}_i-\frac1N\sum_k\bar{\hat x}_k-", r"\bar{\hat x}_i-"),
        ("(dy - dy.mean(axis=0) - y * (y * dy).mean(axis=0)) / scale(x)\n\n\nmg",
         "(dy - y * (y * dy).mean(axis=0)) / scale(x)\n\n\nmg"),
    ),
    "VAE-1": (
        "3-bound.md",
        (r"-1\big)-\log\sigma", r"-1\big)+\log\sigma"),
        ("- 1) / 2 - np.log(s)", "- 1) / 2 + np.log(s)"),
    ),
}  # fmt: skip


def test_a_second_set_of_notes_holds():
    notes = mg.derivations.read(SECOND)
    assert len(notes.entries) >= 12 and len(notes.sections) == 3
    rows = runner.run(entries=notes.entries, seed=1, quick=True)
    assert all(row.ok for row in rows), [terminal.trouble(row) for row in rows if not row.ok]
    text = page(rows, notes=notes)
    assert "<title>Three backward passes, checked</title>" in text
    assert all(f'id="{e.id}"' in text for e in notes.entries) and 'class="latex"' not in text


def test_two_misprints_in_a_copy_are_found(tmp_path):
    for path in SECOND.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        for name, *changes in MISPRINTS.values():
            for right, wrong in changes if name == path.name else ():
                assert text.count(right) == 1
                text = text.replace(right, wrong)
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    rows = runner.run(entries=mg.derivations.read(tmp_path).entries, quick=True)
    failing = {row.entry.id for row in rows if not row.ok}
    assert failing >= MISPRINTS.keys()
    assert failing <= {*MISPRINTS, "VAE-5", "VAE-6"}  # what rests on the wrong divergence
    (row,) = (row for row in rows if row.entry.id == "BN-4")
    assert "mean over the rows missing" in row.problems[0]
