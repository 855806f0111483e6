"""Viva sheets, the exam, the page of the class, contradictions, and costs that are counted."""

import re

import numpy as np
import pytest
import test_homework_bank as bank
from test_grader import LEVEL

from minigen import homework
from minigen.homework import assignments, paper, solutions
from minigen.homework.handout import blanks, variants
from minigen.homework.wall import Limits, Worker, frames
from minigen.homework.wall.inside import uploads

A = assignments.get("coupling")
NAMES = ("Anna Müller", "Ben", "Ольга")


def own(student, key="spring"):
    return solutions.module(A, variants.drawn(A, key, student), student)


def graded(folder, texts, key="spring", **options):
    (folder / "in").mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / "in" / f"{name}.py").write_text(text, encoding="utf-8")
    options = {"isolation": LEVEL, "progress": False, "seed": 5, "jobs": 2} | options
    found = homework.grade(folder / "in", key, folder / "out", **options)
    return {r["student"]: r for r in found}


def test_each_student_has_a_variant_a_viva_sheet_and_a_line_in_the_class(tmp_path):
    texts = {name: own(name) for name in NAMES}
    texts["Ben"] = texts["Ben"].replace("d1.sum(axis=0)", "d1.mean(axis=0)")
    texts["Eve"] = own("Anna Müller")
    by = graded(tmp_path, texts)
    assert by["Anna Müller"]["earned"] == by["Ольга"]["earned"] == 19 > by["Ben"]["earned"]
    assert by["Eve"]["notes"] == ["handed out to Anna Müller, handed in as Eve"]
    assert by["Anna Müller"]["variant"] != by["Ольга"]["variant"]
    for record in by.values():
        assert len(record["viva"]) == 3
        sheet = (tmp_path / "out" / "viva" / f"{record['id']}.html").read_text(encoding="utf-8")
        assert sheet.count("<li>") == 3
    assert "db1 is wrong. Which line" in by["Ben"]["viva"][0]["question"]
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "4 submissions" in page and "1 of 4" in page and "Ольга" in page
    again = graded(tmp_path, texts | {"Ben": own("Ben")}, only="Ben")
    assert again["Ben"]["earned"] == 19 and again["Ольга"] == by["Ольга"]


def test_what_a_viva_sheet_says_of_a_mistake_is_so(tmp_path):
    by = graded(tmp_path, {"Anna": own("Anna")})
    for asked in by["Anna"]["viva"][:2]:
        if asked["answer"].startswith("It fails"):
            continue
        at = int(re.search(r"line (\d+)", asked["question"])[1])
        old, new = asked["code"].splitlines()
        lines = own("Anna").splitlines()
        lines[at - 1] = lines[at - 1].replace(old, new)
        found = bank.marks(A, by["Anna"]["variant"], "\n".join(lines))
        wrong = {m.part.split()[-1] for m in found if not m.right}
        assert asked["answer"].startswith(f"Wrong: {', '.join(sorted(wrong, key=order))}.")


def order(name):
    return ["dx", "dW1", "db1", "dW2", "db2"].index(name)


def test_a_key_that_is_not_the_handouts_stops_the_grading(tmp_path):
    with pytest.raises(ValueError, match="key: expected the key of the handouts: 3 of 3 files"):
        graded(tmp_path, {name: own(name) for name in NAMES}, key="autumn")
    texts = {name: own(name) for name in NAMES} | {"Eve": own("Eve", "autumn")}
    by = graded(tmp_path, texts)  # one of four is a note
    assert "another variant than this key's" in by["Eve"]["notes"][0] and by["Eve"]["earned"] < 9


def test_a_module_with_a_byte_order_mark_is_right(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "Anna.py").write_text(own("Anna"), encoding="utf-8-sig")
    assert graded(tmp_path, {})["Anna"]["earned"] == 19
    report = homework.check(tmp_path / "in" / "Anna.py")
    assert report and "Variant for Anna: scale: " in str(report)


def test_an_exam_has_ten_questions_two_versions_and_answers_that_were_computed(tmp_path):
    paths = homework.exam("a key", tmp_path)
    texts = [path.read_text(encoding="utf-8") for path in paths]
    assert [t.count("<li>") for t in texts] == [10] * 4 and texts[0] != texts[2]
    assert 'class="answer"' in texts[1] and 'class="answer"' not in texts[0]
    with pytest.raises(FileExistsError):
        homework.exam("a key", tmp_path)
    loss = [assignments.get("gradients")]
    asked = next(paper.numbers("k", "A", loss, np.random.default_rng(0)))
    assert re.search(r"dpred = \[\[-?\d", asked["answer"])


LOOPS = """    xa, xb, h, s, W1, W2 = cache
    (N, d), H, M = xa.shape, W1.shape[1], xb.shape[1]
    dx, dW1, db1 = np.zeros((N, d + M)), np.zeros((d, H)), np.zeros(H)
    dW2, db2 = np.zeros((H, 2 * M)), np.zeros(2 * M)
    for n in range(N):
        for j in range(d):
            dx[n, j] += dy[n, j]
        g = [0.0] * (2 * M)
        for j in range(M):
            e = np.exp(s[n, j])
            dx[n, d + j] = dy[n, d + j] * e
            g[j] = (dy[n, d + j] * xb[n, j] * e + dlogdet[n]) * (1 - s[n, j] ** 2)
            g[M + j] = dy[n, d + j]
        for k in range(2 * M):
            db2[k] += g[k]
        for i in range(H):
            dh = 0.0
            for k in range(2 * M):
                dW2[i, k] += h[n, i] * g[k]
                dh += W2[i, k] * g[k]
            dr = dh * (1 - h[n, i] ** 2)
            db1[i] += dr
            for j in range(d):
                dW1[j, i] += xa[n, j] * dr
                dx[n, j] += W1[j, i] * dr
    return dx, dW1, db1, dW2, db2
"""


def test_loops_over_indices_are_right():
    text = blanks.replaced(
        blanks.solved(A),
        lambda name, pad, body: LOOPS if name == "coupling_backward" else body,
    )
    text = re.sub(r"(def coupling_backward.*?\"\"\".*?\"\"\"\n).*?(?=\n\ndef)",
                  lambda m: m[1] + LOOPS, text, flags=re.DOTALL)  # fmt: skip
    assert "for i in range(H)" in text
    assert not bank.failures(bank.marks(A, A.practice, text))


def test_the_cost_of_a_call_is_counted_in_arrays_lines_and_calls():
    source = b"""
def g_forward(x): return x * x
def f(x):
    total = 0.0
    for i in range(100): total += g_forward(x[i])
    return total + x.sum()
"""
    with Worker(0, Limits()) as worker:
        worker.load(source)
        costs = {tuple(worker.ask(frames.CALL | frames.COUNTED, "f", [np.ones(100)])[1][1])
                 for _ in range(3)}  # fmt: skip
        ((arrays, lines, calls, forwards),) = costs
        assert arrays == 100 and calls == forwards == 100 and 300 <= lines <= 420
        worker.load(b"def f(x):\n    k = 0\n    while True:\n        k += 1\n")
        status, (message,) = worker.ask(frames.CALL | frames.COUNTED, "f", [np.ones(1)])
    assert status == frames.FAILED and b"stopped after 1000000 lines" in message.tobytes()


@pytest.mark.parametrize("text, says", [
    ("x = 1j", None), ("y = x.\N{MATHEMATICAL BOLD SMALL I}mag", None),
    ("import numpy as np\nnp.emath.sqrt(-1)", "np.emath"), ("getattr(x, 'im' + 'ag')", "getattr"),
    ("# coding: utf-7\nx = 1", "the encoding utf-7"), ("h = 1e-5", "a step"),
    ("class Dual:\n    def __mul__(self, other): ...", "automatic differentiation"),
])  # fmt: skip
def test_what_may_hide_a_derivative_is_refused_or_flagged(text, says):
    found = uploads.facts(text.encode())
    assert found["complex"] if says is None else any(says in what for _, what in found["flags"])
