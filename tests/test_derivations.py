"""The executed notes: every entry holds, every misprint is seen, and the checks can fail."""

import hashlib
import inspect
import json
import subprocess
import sys

import numpy as np
import pytest

import minigen as mg
from minigen.check import gradients
from minigen.cli import main
from minigen.derivations import notes, runner, terminal, user_entries
from minigen.derivations.equation import NotEvaluable, Result, entry
from minigen.derivations.notebook import show
from minigen.derivations.page import source
from minigen.flows import AffineCoupling
from minigen.nn import Linear

ENTRIES = notes.catalogue()
BY_ID = {e.id: e for e in ENTRIES}


@pytest.fixture(scope="module")
def rows():
    """Every entry, measured once."""
    return {row.entry.id: row for row in runner.run(quick=True)}


@pytest.mark.parametrize("id", BY_ID)
def test_the_corrected_form_holds_and_the_misprint_fails_at_two_seeds(rows, id):
    for row in (rows[id], runner.measure(BY_ID[id], 20240229, 1)):
        assert row.ok, terminal.trouble(row)


def test_the_catalogue_is_whole():
    verdicts = [e.verdict for e in ENTRIES]
    counts = {v: verdicts.count(v) for v in set(verdicts)}
    assert counts == {
        "correct": 44, "misprint": 14, "wrong": 15, "incomplete": 6, "supplement": 19,
    }  # fmt: skip
    assert len(BY_ID) == 98
    lines = [e.line for e in ENTRIES if e.line]
    assert lines == sorted(lines)


def test_the_printed_lines_are_those_of_the_notes():
    """The 76 equations and the heading of TRI-1, byte by byte; two lines hold two statements."""
    by_line = {}
    for e in ENTRIES:
        if e.line:
            by_line.setdefault(e.line, []).append(e.printed)
    whole = [
        "$$" + r" \quad ".join(p.strip("$") for p in parts) + "$$" if parts[1:] else parts[0]
        for parts in by_line.values()
    ]
    digest = hashlib.sha256("\n".join(whole).encode()).hexdigest()
    assert len(whole) == 77
    assert digest == "8899450f48dc10ff9c0eebb1723381a88a4f055af4e66497098f99eaff47d763"


def test_ten_lines_and_a_heading_cannot_be_computed(rows):
    missing = {id for id, row in rows.items() if isinstance(row.printed, NotEvaluable)}
    assert missing == {
        "TRI-1", "MK-1", "NVP-1", "NVP-2", "NVP-3", "NVP-4", "NVP-5", "MAF-5", "MAF-7", "ELBO-15b",
    }  # fmt: skip
    (heading,) = (s for s in notes.SECTIONS if "IAR" in s.heading)
    assert "IAR should read IAF" in heading.slip


@pytest.mark.parametrize("id", BY_ID)
def test_every_entry_says_why_and_where(id):
    e = BY_ID[id]
    assert e.why.endswith(".")
    assert e.code and all(name and ":" in place for name, place, _ in source.listing(e))


# the checks can fail: a small error in the code of an entry must break the entry


def changed(value, change):
    """Every array changed; a cache, which is a tuple among the outputs, is not."""
    if isinstance(value, tuple):
        return tuple(v if isinstance(v, tuple) else changed(v, change) for v in value)
    if isinstance(value, dict):
        return {k: changed(v, change) for k, v in value.items()}
    if hasattr(value, "alpha_bar"):
        return type(value)(*(1.001 * np.asarray(getattr(value, f)) for f in value.__dict__))
    return change(np.asarray(value))


def disturbed(value):
    """Every output changed by about 1e-3, its columns mixed."""
    return changed(value, lambda a: a + 1e-3 * (1 + a.sum(axis=-1, keepdims=a.ndim > 0)))


def logdet_disturbed(value):
    """The second array moved: the log-determinant of a layer."""
    first, second, *rest = value
    return (first, disturbed(second), *rest)


def stretched(value):
    """Every array longer by a billionth."""
    return changed(value, lambda a: a * (1 + 1e-9))


def replace(monkeypatch, function, error):
    """Put a wrong version of a function or method everywhere it stands."""

    def wrong(*args, **kwargs):
        return error(function(*args, **kwargs))

    owner, _, name = function.__qualname__.rpartition(".")
    if owner:
        monkeypatch.setattr(getattr(sys.modules[function.__module__], owner), name, wrong)
        return
    for module in [m for k, m in sys.modules.items() if k.startswith("minigen.")]:
        for key, value in list(vars(module).items()):
            if value is function:
                monkeypatch.setattr(module, key, wrong)


VOLUMES = ("CV-8", "CV-9", "CV-10", "NVP-4", "NVP-6", "NVP-8", "MAF-9", "S-IAF", "S-DUAL")
CODE = [(e.id, f) for e in ENTRIES for f in e.code]
PLANTS = [
    *((id, f, disturbed) for id, f in CODE),
    *((id, f, logdet_disturbed) for id, f in CODE
      if id in VOLUMES and f.__name__ in ("forward", "inverse")),
    *((id, f, stretched) for id, f in CODE  # ELBO-2 is at the minimum: its gradient is 0
      if "backward" in f.__name__ and id != "ELBO-2"),
]  # fmt: skip


@pytest.mark.parametrize("id, function, error", PLANTS, ids=lambda v: getattr(v, "__qualname__", v))
def test_an_error_in_the_code_breaks_its_entry(monkeypatch, id, function, error):
    replace(monkeypatch, function, error)
    with np.errstate(all="ignore"):
        assert not runner.measure(BY_ID[id], 0, 1).ok


def test_a_failure_says_where_and_why(monkeypatch):
    def forgets(self, dy, dlogdet, cache):
        return right(self, dy, np.zeros_like(dlogdet), cache)

    right = AffineCoupling.backward
    monkeypatch.setattr(AffineCoupling, "backward", forgets)
    (row,) = runner.run(["NVP-4"], quick=True)
    assert not row.ok
    assert "params.net.layers" in terminal.full(row)
    assert "the term of dlogdet is missing" in terminal.full(row)


# the machinery


def test_the_random_numbers_of_an_entry_are_its_own(rows):
    (alone,) = runner.run(["nvp-6"], quick=True)
    assert alone.correct == rows["NVP-6"].correct
    assert alone.printed == rows["NVP-6"].printed


def test_an_unknown_id_is_named_with_its_neighbours():
    with pytest.raises(ValueError, match=r"id: expected .* got 'NPV-6'; did you mean .*NVP-6"):
        runner.run(["NPV-6"])


def test_no_sympy_no_mpmath_no_matplotlib():
    code = (
        "import sys; sys.modules.update(sympy=None, mpmath=None, matplotlib=None)\n"
        "import minigen as mg\n"
        "assert all(r.ok for r in mg.derivations.run(['NVP-4', 'DIF-15', 'ELBO-14', 'S-DUAL']))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def claim(check, **details):
    """The row of a made-up entry."""
    (row,) = runner.run(entries=[entry("MINE-1", "a=b", **details)(check)])
    return row


def test_a_number_a_report_or_a_result_decides(rng):
    layer = Linear.init(3, 2, rng=rng)
    assert claim(lambda rng: 1e-15).ok
    assert "neither a form nor a gradient" in claim(lambda rng: Result(None)).problems[0]
    assert not claim(lambda rng: 1e-3).ok
    assert not claim(lambda rng: float("nan")).ok
    assert claim(lambda rng: gradients(layer, rng.standard_normal((4, 3)), rng=rng)).ok
    assert not claim(lambda rng: Result(0.0, gradient=1e-3)).ok
    assert not claim(lambda rng: Result(0.0, gradient=(1e-16, 1e-3))).ok
    assert (
        "expected a Result, a Report (or several), a number or an array" in claim(print).problems[0]
    )


def test_a_misprint_that_is_right_is_no_misprint():
    row = claim(lambda rng: Result(0.0, printed=1e-9), verdict="misprint", printed="a=c")
    assert "off by 1e-09 only" in row.problems[0]
    row = claim(lambda rng: Result(0.0), verdict="wrong", printed="a=c")
    assert "nothing was computed" in row.problems[0]


def test_a_check_that_crashes_is_a_failure_with_its_own_line():
    def broken(rng):
        return np.linalg.inv(np.zeros((2, 3)))

    row = claim(broken)
    line = inspect.getsourcelines(broken)[1] + 1
    assert f"LinAlgError in test_derivations.py:{line}:" in row.problems[0]
    assert "FAILS" in terminal.line(row, terminal.widths([row.entry], 120))


def test_a_form_that_was_not_evaluated_has_no_error(rng):
    layer = Linear.init(3, 2, rng=rng)
    row = claim(lambda rng: gradients(layer, rng.standard_normal((4, 3)), rng=rng), tolerance=0.0)
    assert row.ok and row.correct is None and row.gradient <= 1e-12
    shown = terminal.line(row, terminal.widths([row.entry], 120))
    assert shown.split()[5:7] == ["-", "-"] and "exact" not in shown
    assert "correct form    not evaluated" in terminal.full(row)


@pytest.mark.parametrize("id", ["", "two words", 3])
def test_an_id_is_one_word(id):
    with pytest.raises(ValueError, match="id: expected a name without spaces"):
        entry(id, "a=b")


# what an equation says, in the docstring of its check


def written(doc, **given):
    """The entry of a check with this docstring."""

    def check(rng):
        return 0.0

    check.__doc__ = doc
    return entry("MINE-1", **given)(check)


def test_the_docstring_states_the_equation():
    e = written(
        """Misprint, line 12 of the notes.

        printed: $$a = b
            = c$$
        correct: a=b
        gradient: da=db

        Two words,
        and two lines.

        And a paragraph.
        """
    )
    assert (e.verdict, e.line, e.tolerance) == ("misprint", 12, 1e-12)
    assert (e.printed, e.correct, e.gradient) == ("$$a = b = c$$", "a=b", "da=db")
    assert e.why == "Two words, and two lines.\n\nAnd a paragraph."


def test_arguments_or_docstring_may_state_the_equation():
    e = written("Half in words.\n\n    gradient: da=db", correct="a=b")
    assert (e.correct, e.gradient, e.why) == ("a=b", "da=db", "Half in words.")
    assert (e.verdict, e.line) == ("claim", None)
    with pytest.raises(ValueError, match="correct: expected the equation of MINE-1"):
        written("Only words: they are no equation.")
    with pytest.raises(ValueError, match="correct: expected one place for it in MINE-1"):
        written("correct: a=b", correct="a=b")


@pytest.mark.parametrize(
    "doc, line, message",
    [
        ("corect: a=b", 0, "expected printed:, correct:, gradient: or an indented line"),
        ("correct: a=b\n    and more", 1, "got 'and more'"),
        ("correct:", 0, "expected a text after correct:, got nothing"),
        ("correct: a\n\n    correct: b", 2, "expected one field correct"),
        ("Misprnt, line 3 of the notes.", 0, r"expected a verdict \(correct, .*got 'Misprnt'"),
        ("Wrong, line three of the notes.", 0, "expected the number of a line, got 'three'"),
    ],
)
def test_a_malformed_docstring_is_named_with_its_file_and_line(tmp_path, doc, line, message):
    path = tmp_path / "mine.py"
    head = "import minigen as mg\n\n@mg.derivations.entry('MINE-1')\ndef mine(rng):\n"
    path.write_text(f'{head}    """{doc}\n    """\n    return 0.0\n', encoding="utf-8")
    with pytest.raises(ValueError, match=rf"mine.py:{5 + line}: .*{message}"):
        user_entries.entries_in(path)


MINE = """
import numpy as np
import minigen as mg
from minigen.flows import InvertibleLinear

@mg.derivations.entry("MINE-1", r"\\\\log|\\\\det W|=\\\\sum_ja_j", code=InvertibleLinear.forward)
def mine(rng):
    f, x = InvertibleLinear.init(3, rng=rng, dtype=np.float64), rng.standard_normal((4, 3))
    J = mg.check.jacobian(lambda v: f.forward(v)[0], x)
    return np.abs(np.linalg.slogdet(J)[1] - f.forward(x)[1]).max()
""".replace("\\\\", "\\")


def test_ten_lines_of_your_own_are_checked_alike(tmp_path, capsys):
    assert len(MINE.strip().splitlines()) <= 9 + 1  # the imports included
    path = tmp_path / "mine.py"
    path.write_text(MINE, encoding="utf-8")
    assert command("MINE-1", "--file", path) == 0
    out = capsys.readouterr().out
    assert "MINE-1: claim" in out and "log |det W| = ∑_j a_j" in out and "u @ L" in out
    page = tmp_path / "page.html"
    assert command("MINE-1", "NVP-6", "--file", path, "--html", page) == 0
    text = page.read_text(encoding="utf-8")
    assert 'id="MINE-1"' in text and 'id="NVP-6"' in text and "Your own" in text


@pytest.mark.parametrize(
    "text, message",
    [
        ("x = 1\n", "file: expected a file with entries"),
        ("x = 1\nx = y\n", r"file: .*NameError in mine.py:2: name 'y'"),
        ("x = 1\n\nx = = 1\n", r"file: .*SyntaxError in mine.py:3"),
        (None, "file: expected a Python file"),
    ],
)
def test_a_file_that_gives_no_entries_is_refused_with_its_line(tmp_path, text, message):
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        user_entries.entries_in(path)


def test_an_id_stands_for_one_entry():
    with pytest.raises(ValueError, match=r"id: expected a name of its own .* got CV-1 twice"):
        user_entries.joined(ENTRIES, [BY_ID["CV-1"]])


# the command


def command(*argv):
    """`minigen check ...`: its exit code."""
    return main.main(["check", *map(str, argv)])


def test_the_table_has_a_line_for_each(capsys):
    assert command("CV-4", "NVP-6", "--quick") == 0
    head, *lines, last = capsys.readouterr().out.splitlines()
    assert head.split() == [
        "id", "equation", "verdict", "printed", "correct", "gradient", "allowed", "code",
    ]  # fmt: skip
    assert [line.split()[0] for line in lines] == ["CV-4", "NVP-6"]
    assert "flows/coupling.py:" in lines[1]
    assert last.startswith("2 entries: none failing; 2 misprints shown failing")


def test_the_list_is_of_all_or_of_a_chapter_named_by_its_letters(capsys):
    for words, ids in (((), list(BY_ID)), (("nvp",), [f"NVP-{k}" for k in range(1, 9)])):
        assert command(*words, "--list") == 0
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ids


def test_one_entry_stands_beside_its_code(capsys):
    assert command("NVP-6") == 0
    out = capsys.readouterr().out
    assert inspect.getsource(AffineCoupling.inverse).splitlines()[1].strip() in out
    assert "as printed" in out and "as it must read" in out


def test_json_is_json(capsys):
    assert command("NVP-5", "NVP-6", "--json", "--seed", "3") == 0
    out = json.loads(capsys.readouterr().out)
    assert out["ok"] and out["seed"] == 3
    assert [r["id"] for r in out["rows"]] == ["NVP-5", "NVP-6"]
    assert out["rows"][0]["not_evaluable"] and out["rows"][1]["printed_error"] > 0.1


def test_a_failing_entry_is_exit_one(monkeypatch, capsys):
    monkeypatch.setattr(AffineCoupling, "inverse", lambda self, y: (y, np.zeros(len(y))))
    assert command("NVP-5", "NVP-6", "--quick") == 1
    assert "NVP-6 fails" in capsys.readouterr().out


def test_a_page_that_cannot_be_written_is_refused_at_once(tmp_path, capsys):
    assert command("--html", tmp_path / "no" / "page.html") == 2
    assert "--html: expected a file in an existing folder" in capsys.readouterr().err


def test_a_notebook_draws_an_entry():
    shown = show("DIF-18")
    text = shown._repr_markdown_()
    assert "$$\\tilde{\\beta}_t" in text and "```python" in text and "$A_{t-1}$" in text
    assert repr(shown).startswith("DIF-18, line 136 of the notes: correct")
    assert mg.derivations.show is show


@pytest.mark.parametrize("sign", [1, -1])
def test_an_entry_that_checks_a_gradient_alone_says_nothing_of_the_correct_form(sign, rng):
    """No 0 and no "exact" for a form that was not computed, least of all for a wrong gradient."""

    @mg.derivations.entry("MINE", r"\sin' = \pm\cos")
    def mine(rng):
        class Sine:
            @property
            def params(self):
                return {}

            def forward(self, x):
                return np.sin(x), x

            def backward(self, dy, x):
                return sign * dy * np.cos(x), {}

        return mg.check.gradients(Sine(), rng.standard_normal((2, 2)), rng=rng)

    result = mine(rng)
    assert result.correct is None and all(result.gradient) == (sign == 1)
