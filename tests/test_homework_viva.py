"""Viva sheets, the exam, the page of the class, contradictions, and costs that are counted."""

import json
import re

import numpy as np
import pytest
import test_homework_bank as bank
from test_grader import LEVEL, named

from minigen import homework
from minigen.homework import assignments, paper, solutions
from minigen.homework.grading import class_page
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
        (folder / "in" / named(f"{name}.py")).write_text(text, encoding="utf-8")
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


def looped():
    """The practice solution with a backward pass in loops over indices."""
    text = blanks.solved(A)
    old = re.search(r"def coupling_backward.*?\"\"\".*?\"\"\"\n(.*?)(?=\n\ndef)", text, re.DOTALL)
    return text.replace(old[1], LOOPS)


LOOPED = looped()


def test_loops_over_indices_are_right():
    assert "for i in range(H)" in LOOPED
    assert not bank.failures(bank.marks(A, A.practice, LOOPED))


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


def test_a_viva_asks_for_gradients_before_it_asks_for_shapes(tmp_path):
    by = graded(tmp_path, {name: own(name) for name in NAMES})
    for record in by.values():
        first, second, third = record["viva"]
        for asked in (first, second):
            assert asked["answer"].startswith("Wrong: ") and "raised" not in asked["answer"]
        assert "These do not: " in third["answer"] and "becomes" in third["code"]


EVERY = "\n".join(blanks.solved(assignments.get(name)) for name in assignments.NAMES)


def test_questions_of_the_exam_run_define_what_they_use_and_show_what_they_call():
    chosen = [assignments.get(name) for name in assignments.NAMES]
    asked = []
    for key in ("one", "two"):
        source = paper.wrong_lines(key, "A", chosen, np.random.default_rng(len(asked)))
        asked += [next(source) for _ in range(4)]
    for a in asked:
        assert re.search(r"It spoils d\w+(, d\w+)*\. ", a["answer"])
        functions = set(re.findall(r"^def (\w+)", a["code"], re.MULTILINE))
        called = set(re.findall(r"(?<![\w.])(\w+)\(", a["code"])) - functions
        assert not {n for n in called if re.search(rf"^def {n}\(", EVERY, re.MULTILINE)}
    diffusion = chosen[4]
    text = paper.equations(diffusion, diffusion.practice, "posterior")
    assert "beta_tilde_t = " in text and "alpha_1 ... alpha_t" in text and "reverse:" not in text
    elbo = chosen[5]
    assert "V(r) = " in paper.equations(elbo, elbo.practice, "decoder")
    number = next(paper.numbers("k", "A", [diffusion], np.random.default_rng(0)))
    assert re.search(r"given beta = \[.*\], t = \[", number["question"])
    assert "network_backward" in paper.shown(
        blanks.solved(chosen[3]), chosen[3].tasks(chosen[3].practice)[1]
    )


def test_numbers_of_the_exam_are_right_by_hand():
    """dh of h / root mean square, and dz of a Gaussian, by central differences."""
    rng, chosen = np.random.default_rng(4), [assignments.get("triplet")]
    asked = next(paper.numbers("k", "A", chosen, rng))
    said = asked["question"] + asked["answer"]
    h, a, dh = (np.array(json.loads(re.search(rf"\b{n} = (\[\[.*?\]\])", said)[1]))
                for n in ("h", "a", "dh"))  # fmt: skip
    length = next(s for s in (
        lambda h: np.sqrt((h * h).sum() + 0.1), lambda h: np.sqrt((h * h).sum() + 0.5),
        lambda h: np.sqrt((h * h).mean()), lambda h: 1 + np.sqrt((h * h).sum()),
        lambda h: (h**4).sum() ** 0.25,
    ) if np.allclose(h / s(h), a, 0, 6e-5))  # fmt: skip
    slope = [sum(((h + e) / length(h + e) - (h - e) / length(h - e)).ravel()) / 2e-6
             for e in 1e-6 * np.eye(2)[:, None]]  # fmt: skip
    assert np.allclose(dh, slope, 0, 6e-5)


def record(name, earned, shape=(), **more):
    """A record as the page of a class takes it."""
    why = "" if earned == 2 else "f[0]: yours 1, expected 2 (1 of 1 wrong)\nthe sign"
    marks = [{"part": "f", "points": 2, "earned": earned, "status": "", "why": why}]
    facts = {"student": name, "id": name.lower(), "earned": earned, "points": 2, "marks": marks}
    rest = {"title": "T", "print": [*shape], "flags": [], "notes": [], "late": ""}
    return facts | rest | more


def test_the_page_of_a_class_counts_groups_and_escapes():
    copy = range(1000, 1040)
    class_ = [record("A", 2, copy), record("B", 0, copy), record("C", 2, range(1001, 1041)),
              record("D", 1, range(40)), *(record(f"E{k}", 2, range(100 * k, 100 * k + 30))
                                           for k in range(2, 9)),
              record("<b>", 0, id="b", flags=["line 3: <script>"], late="2 d 1 h")]  # fmt: skip
    text = class_page.page(class_)
    assert "12 submissions. Mean 1.6, median 2 of 2 points." in text
    assert "2 of 12" in text and "2 × the sign" in text
    (row,) = re.findall(r"<tr>(?:(?!<tr>).)*of what is unusual", text)
    assert [f">{n}<" in row for n in "ABCD"] == [True, True, True, False] and "98%" in row
    assert "<script>" not in text and "&lt;script&gt;" in text and ">&lt;b&gt;<" in text
    assert "2 d 1 h late" in text
    bars = re.findall(r'<text x="\d+" y="[\d.]+">(\d*)</text>', text)
    assert [int(b or 0) for b in bars] == [2, 0, 0, 0, 0, 1, 0, 0, 0, 9]


def test_the_page_of_no_class_is_a_page():
    assert "0 submissions. Mean -, median -" in class_page.page([])
