"""The long trials of the grader, with a fixed seed; they print their figures.

MINIGEN_CAMPAIGN=1 python -m pytest tests/test_grader_campaign.py -s
"""

import os
import random

import pytest
import test_grader as short
import test_homework_bank as bank
from test_grader_hostile import HOSTILE
from test_homework import BANKS, NAMES

from minigen import homework
from minigen.homework.handout import blanks
from minigen.homework.marking.marks import mark
from minigen.homework.marking.session import Session, behind_wall
from minigen.homework.wall import LIMITS, Limits

pytestmark = [
    pytest.mark.skipif("MINIGEN_CAMPAIGN" not in os.environ, reason="set MINIGEN_CAMPAIGN=1"),
    short.WALLED,
]
SLIPS = (
    ("s.sum(axis=1)", "s.mean(axis=1)"),
    ("d1.sum(axis=0)", "d1.mean(axis=0)"),
    ("xa.T @ d1", "(xa.T @ d1) * 2"),
    ("return dx, xa.T", "return -dx, xa.T"),
    ("dlogdet[:, None]", "0 * dlogdet[:, None]"),
    ("+= d1 @ W1.T", "+= 0 * d1 @ W1.T"),
    ("return np.ones((1, 1))", "return np.zeros((1, 1))"),
    ("    y[:, moved] =", "    x[:, moved] = 0\n    y[:, moved] ="),
    ("def coupling_inverse(y, ", "def coupling_inverse(y, more, "),
    ("import numpy as np", "import numpy as np, torch"),
)


def honest_texts(count):
    """Right, partly right and broken files of the class's variant, and blanks."""
    right = short.honest()
    texts = [right, blanks.blank(short.BANK.assignment, short.VARIANT), "def broken(:\n"]
    for k, (old, new) in enumerate(SLIPS):
        edited = right.replace(old, new)
        texts += [edited, edited.replace(*SLIPS[(k + 1) % len(SLIPS)])]
    return [texts[k % len(texts)] for k in range(count)]


def expected(text):
    """The points of a file, marked in this process."""
    return sum(m.earned for m in bank.marks(short.BANK.assignment, short.VARIANT, text, seed=300))


def test_a_class_of_three_hundred_with_every_attack_in_it(tmp_path):
    names = sorted(HOSTILE)
    texts = honest_texts(300 - len(names))
    files = [(f"student{k:03d}", text) for k, text in enumerate(texts)]
    files += [(f"attack{k:02d}", short.place(HOSTILE[n], tmp_path)) for k, n in enumerate(names)]
    (tmp_path / "in").mkdir()
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "canary.txt").write_text("the instructor's secret", encoding="utf-8")
    for name, text in random.Random(300).sample(files, len(files)):
        (tmp_path / "in" / f"{name}.py").write_text(text, encoding="utf-8")
    before = short.snapshot(tmp_path / "in")
    graded = homework.grade(
        tmp_path / "in", short.KEY, tmp_path / "out", seed=300, isolation=2, jobs=2
    )
    points = {text: expected(text) for text in set(texts)}
    by = {r["student"]: r for r in graded}
    assert len(graded) == 300 and before == short.snapshot(tmp_path / "in")
    assert all(by[name]["earned"] == points[text] for name, text in files if text in points)
    attacks = [by[name] for name, _ in files if name.startswith("attack")]
    assert not any(r["earned"] for r in attacks)
    assert not any("LEAK" in m["why"] or "secret" in m["why"] for r in attacks for m in r["marks"])
    assert not short.survivors()
    print(f"\n300 submissions, {len(attacks)} of them attacks")


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_each_attack_alone_earns_nothing_and_is_ended(tmp_path, name):
    limits = Limits(call=1.0, load=2.0, total=5.0)
    text = short.place(HOSTILE[name], tmp_path).encode()
    tasks = short.BANK.assignment.tasks(short.VARIANT)
    session = Session(text, behind_wall(2, limits), limits)
    marks = mark(tasks, session, (5,))
    session.close()
    assert not any(m.earned for m in marks)
    assert not short.survivors()


def test_a_grade_is_the_same_a_hundred_times(tmp_path):
    (tmp_path / "in").mkdir()
    texts = honest_texts(5)
    for k, text in enumerate(texts):
        for n in range(100):
            (tmp_path / "in" / f"{k}_{n:03d}.py").write_text(text, encoding="utf-8")
    graded = homework.grade(
        tmp_path / "in", short.KEY, tmp_path / "out", seed=300, isolation=2, jobs=2
    )
    for k in range(len(texts)):
        same = [r["marks"] for r in graded if r["student"].startswith(f"{k}_")]
        assert len(same) == 100 and all(m == same[0] for m in same)
    print(f"\n100 times the same grade, for each of {len(texts)} files")


@pytest.mark.parametrize("name", NAMES)
def test_every_variant_has_a_solution_and_its_blank_fails(name):
    b = BANKS[name]
    for variant in bank.every(b.assignment):
        assert not bank.failures(bank.marks(b.assignment, variant, b.variant_solution(variant)))
        blank = bank.marks(b.assignment, variant, blanks.blank(b.assignment, variant))
        assert not any(m.earned for m in blank)


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_pass_on_fresh_inputs_behind_the_wall(name):
    b = BANKS[name]
    tasks = b.assignment.tasks(b.assignment.practice)
    for seed in range(6):
        for edits in b.right.values():
            text = bank.edited(b.practice(), bank.pairs(edits))
            session = Session(text.encode(), behind_wall(2, LIMITS), LIMITS)
            assert not bank.failures(mark(tasks, session, (1000 + seed,)))
            session.close()
