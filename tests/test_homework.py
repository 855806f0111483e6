"""Homework: blanks fail, solutions pass, nothing leaks, wrong answers are told what is wrong."""

import importlib
import json
import os
import re
import types

import numpy as np
import pytest
import test_homework_bank as bank

from minigen import homework
from minigen.homework import assignments
from minigen.homework.handout import blanks, variants
from minigen.homework.handout.notebook import notebook_json, picture
from minigen.homework.marking import compare, reference, task_check
from minigen.homework.marking.task_check import Status

NAMES = assignments.NAMES
BANKS = {n: importlib.import_module(f"test_homework_{n}").BANK for n in NAMES}
WRONGS = [(b, w) for b in BANKS.values() for w in b.wrong]
KEYS = ("spring", "autumn")


@pytest.mark.parametrize("name", NAMES)
def test_the_blank_fails_everything(name):
    a = assignments.get(name)
    for variant in (a.practice, variants.drawn(a, "spring")):
        found = bank.marks(a, variant, blanks.blank(a, variant))
        assert all(m.status == Status.EMPTY and not m.earned for m in found)


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_of_a_variant_gets_full_marks_in_it_and_in_no_other(name):
    b = BANKS[name]
    a = b.assignment
    for practice in (True, False):
        assert not bank.failures(bank.marks(a, a.practice, b.practice(), practice=practice))
    for key in KEYS:
        variant = variants.drawn(a, key)
        assert not bank.failures(bank.marks(a, variant, b.variant_solution(variant)))


@pytest.mark.parametrize("name", NAMES)
def test_no_line_of_a_solution_is_handed_out(name):
    a = assignments.get(name)
    secret = set()
    for variant in (a.practice, variants.drawn(a, "spring")):
        for body in solved_parts(blanks.marked(a, variant)):
            secret |= significant(body)
        if variant != a.practice:
            theirs = importlib.import_module(f"minigen.homework.solutions.{name}")
            for body in theirs.solution(variant).values():
                secret |= significant(body)
        given = blanks.blank(a, variant) + notebook_json(a)
        assert not significant(given) & secret
        assert blanks.BEGIN not in given and blanks.END not in given


def solved_parts(text):
    found = [body for _, body in blanks.REGION.findall(text)]
    assert found
    return found


def significant(text):
    """The lines of a text that say something."""
    lines = {re.sub(r"\s+", " ", line).strip() for line in text.splitlines()}
    return {line for line in lines if len(line) > 8}


def test_a_leak_would_be_seen():
    a = assignments.get("coupling")
    secret = set().union(*map(significant, solved_parts(blanks.marked(a, a.practice))))
    assert significant(blanks.solved(a)) & secret


@pytest.mark.parametrize("name, kind", [(n, k) for n, b in BANKS.items() for k in b.right], ids=str)
def test_a_right_answer_is_accepted(name, kind):
    bank.check_right(BANKS[name], kind)


@pytest.mark.parametrize("b, wrong", WRONGS, ids=[f"{b.name}: {w.name}" for b, w in WRONGS])
def test_a_wrong_answer_is_refused_and_told_why(b, wrong):
    named, found = bank.check_wrong(b, wrong)
    assert named or not wrong.says, found
    also = TRUE_TOO.get((b.name, wrong.name), "^$")
    for part, why in found.items():
        reason = why.splitlines()[-1]
        assert any(re.search(p, reason) for p in (wrong.says or "^$", NO_REASON, also)), (part, why)


def test_a_second_call_may_round_otherwise_and_no_more():
    x = np.array([1.0, np.nan, -3e5, np.inf])
    assert compare.same([x], [np.nextafter(x, 0.0, where=np.isfinite(x), out=x.copy())])
    assert not compare.same([x], [x * (1 + 1e-9)]) and not compare.same([x], [x[:3]])
    assert not compare.same([np.array([1, 2])], [np.array([1, 3])])


NO_REASON = (  # figures, places and errors, which say what is seen and name no mistake
    ": yours |^not tried|^[a-z_]+ raised |expected shape|^wrong only in|^zero everywhere"
)
TRUE_TOO = {  # what else is so, besides the mistake that was made
    ("autoregressive", "no strict >"): "not 0 where the right gradient is 0",
    ("diffusion", "gradients exchanged"): "this is dxt",
    ("triplet", "sign of dp"): "e as positives has the wrong sign",
}


def test_there_are_enough_answers_and_nine_in_ten_mistakes_are_named():
    """That they are named, and no other mistake is, the tests of the answers hold."""
    assert all(len(b.right) >= 4 and len(b.wrong) >= 15 for b in BANKS.values())
    assert sum(len(b.right) for b in BANKS.values()) >= 32 and len(WRONGS) >= 130
    assert sum(bool(w.says) for _, w in WRONGS) >= 0.9 * len(WRONGS)


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_is_valid_and_its_picture_is_drawn(name, tmp_path, capsys, monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    book = json.loads(notebook_json(assignments.get(name)))
    pytest.importorskip("nbformat").validate(book)
    a = assignments.get(name)
    blank, solved = blanks.blank(a, a.practice), blanks.solved(a)
    for text, says in ((blank, "write .* in the module first"), (solved, "^$")):
        mine = types.ModuleType("mine")
        exec(text, mine.__dict__)
        exec(picture(a)[1], {"mine": mine, "np": np})
        assert re.search(says, capsys.readouterr().out)
        plt.close("all")


def test_start_writes_two_files_and_overwrites_none(tmp_path):
    for name in NAMES:
        homework.start(name, tmp_path, key="spring")
    (tmp_path / "coupling.py").write_text("mine", encoding="utf-8")
    (tmp_path / "markov.ipynb").unlink()
    for name in ("coupling", "markov"):
        with pytest.raises(FileExistsError, match="it is there and is kept"):
            homework.start(name, tmp_path)
    assert (tmp_path / "coupling.py").read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "markov.ipynb").exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_key_draws_for_each_student_one_of_two_hundred_variants_or_more(name):
    a = assignments.get(name)
    drawn = [tuple(variants.drawn(a, "key", f"student {k}").values()) for k in range(2500)]
    again = variants.drawn(a, "key", "student 7")
    assert drawn[7] == tuple(again.values()) != tuple(variants.drawn(a, "another", "student 7"))
    assert len(set(drawn)) >= 200 and {tuple(v.values()) for v in bank.every(a)} >= set(drawn)
    fixed = [k for k, option in enumerate(a.options) if option not in a.free]
    assert all(v[k] != tuple(a.practice.values())[k] for v in drawn for k in fixed)
    assert variants.drawn(a, "key", "Zoe\u0308") == variants.drawn(a, "key", "Zo\u00eb")


@pytest.mark.parametrize("name", NAMES)
def test_the_practice_solution_earns_no_more_than_the_questions_in_any_variant(name):
    a = assignments.get(name)
    questions = [t for t in a.tasks(a.practice) if isinstance(t, assignments.Question)]
    most = sum(points for task in questions for _, points in task.parts())
    todo = bank.every(a)[:: 1 if "MINIGEN_CAMPAIGN" in os.environ else 40]
    text = blanks.solved(a)
    assert all(sum(m.earned for m in bank.marks(a, v, text)) <= most for v in todo)


def test_keys_are_read_the_same_way_everywhere(tmp_path):
    path = tmp_path / "key.txt"
    for content in ("spring", "\ufeffspring\r\n", "\n  spring \n\n"):
        path.write_text(content, encoding="utf-8")
        assert variants.secret(f"@{path}") == variants.secret("spring") == "spring"
    path.write_text("spring\nautumn\n", encoding="utf-8")
    for wrong in ("", " \n", f"@{path}"):
        with pytest.raises(ValueError, match="key: expected one line"):
            variants.secret(wrong)


def test_check_reads_the_variant_from_the_file_and_says_that_others_inputs_count(tmp_path):
    b = BANKS["coupling"]
    variant = variants.drawn(b.assignment, "spring")
    path = tmp_path / "renamed.py"
    path.write_text(bank.header_and(b, variant), encoding="utf-8")
    report = homework.check(path)
    assert report and "uses other inputs" in str(report) and "19 of 19 points" in str(report)
    text = bank.header_and(b, variant).replace("dlogdet[:, None]", "0 * dlogdet[:, None]")
    path.write_text(text, encoding="utf-8")
    report = homework.check(path)
    assert not report
    assert re.search(r"dx\[\d+, \d+\]: yours [+-][\d.e-]+, expected [+-][\d.e-]+", str(report))
    assert "logdet is missing" in str(report)


@pytest.mark.parametrize("variant", ['{"scale": "sinh"}', "[1]", "{}", '{"scale": ["a"]}'])
def test_a_header_that_was_edited_is_refused_by_name(tmp_path, variant):
    path = tmp_path / "coupling.py"
    path.write_text(f"{variants.MARK} coupling, format 2, variant {variant}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"variant|header"):
        homework.check(path)


@pytest.mark.parametrize("name", NAMES)
def test_references_are_complex_clean(name):
    """The expected gradients agree with central differences."""
    a = assignments.get(name)
    for task in (t for t in a.tasks(variants.drawn(a, "autumn")) if hasattr(t, "forward")):
        rng = np.random.default_rng(3)
        (case,) = reference.cases(task.reference, task.draw, task.grading[:1], rng)
        right = reference.gradients(task.reference, case)
        u = [rng.standard_normal(np.shape(x)) for x in case.inputs]

        def loss(h, u=u, case=case, task=task):
            moved = tuple(x + h * d for x, d in zip(case.inputs, u, strict=True))
            out = reference.run(task.reference, reference.Case(moved, case.given))
            return sum(np.sum(v * y) for v, y in zip(case.vs, out, strict=True))

        slope = (loss(1e-6) - loss(-1e-6)) / 2e-6
        mine = sum(np.sum(g * d) for g, d in zip(right, u, strict=True))
        assert abs(mine - slope) < 1e-6 * max(1, abs(slope))


@pytest.mark.parametrize("function, work", [
    (lambda a, b: a @ b, 2 * 3 * 4),
    (lambda a, b: np.dot(a, b), 2 * 3 * 4),
    (lambda a, b: a.dot(b), 2 * 3 * 4),
    (lambda a, b: np.tensordot(a, b, 1), 2 * 3 * 4),
    (lambda a, b: np.einsum("nd,dh->nh", a, b), 2 * 3 * 4),
    (lambda a, b: np.exp(a), 6),
    (lambda a, b: a.sum(), 6),
    (lambda a, b: np.concatenate([a, a])[:2] * 2.0, 6),
    (lambda a, b: np.add.at(b, [0, 1], a[0, :2, None]), 2),
    (lambda a, b: np.linalg.solve(b[:, :3], a.T), 3 * 3 * 3),
])  # fmt: skip
def test_work_is_counted_in_multiply_adds(function, work):
    a, b = np.ones((2, 3)), np.eye(3, 4) + 1
    result, counted = reference.work(function, a, b)
    assert round(counted) == work
    if result is not None:
        np.testing.assert_allclose(result, function(a, np.eye(3, 4) + 1))


@pytest.mark.parametrize("practice", [True, False])
def test_promised_edge_cases_are_always_tried(practice):
    """Of the cases themselves; that inputs are read-only and caches used twice, `PairCheck` has."""
    found = {}
    for name in NAMES:
        a = assignments.get(name)
        for task in a.tasks(a.practice):
            cases = found[name, task.name] = task_check.cases(task, (8,), practice)
            if isinstance(task, assignments.Pair) and task.name not in ("batch", "discrete"):
                assert min(case.rows for case in cases) == 1, task.name
    assert (
        min(len(c.values[2]) for c in found["markov", "discrete"]) == 1
    )  # its rows are those of y
    for name in ("linear", "chain"):
        signs = {np.sign(np.linalg.det(c.inputs[1])) for c in found["change", name]}
        assert signs == {-1.0, 1.0}
    gaps = [((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1) + margin
            for a, p, n, margin in (c.values for c in found["triplet", "triplet"])]  # fmt: skip
    assert any((g == 0).any() for g in gaps)
    ties = [np.sort(((e[:, None] - e[None]) ** 2).sum(2), axis=1) for e, _ in
            (c.values for c in found["triplet", "mine"])]  # fmt: skip
    assert any((np.diff(d, axis=1) == 0).any() for d in ties)


@pytest.mark.parametrize("practice", [True, False])
@pytest.mark.parametrize("name, old, new", [
    ("triplet", "(g > 0)", "(g >= 0)"),
    ("triplet", "pos = np.where(same, d, -1.0).argmax(axis=1)",
     "pos = len(e) - 1 - np.where(same, d, -1.0)[:, ::-1].argmax(axis=1)"),
    ("triplet", "    de = de.copy()\n    np.add.at(de, pos, dp)", "    de[pos] += dp"),
])  # fmt: skip
def test_who_is_wrong_at_an_edge_case_alone_is_refused(name, old, new, practice):
    a = assignments.get(name)
    text = blanks.solved(a)
    assert old in text
    assert bank.failures(bank.marks(a, a.practice, text.replace(old, new), practice=practice))
