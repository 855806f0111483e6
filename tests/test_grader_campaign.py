"""The long trials of the grader, with a fixed seed; they print their figures.

MINIGEN_CAMPAIGN=1 python -m pytest tests/test_grader_campaign.py -s
"""

import os
import pathlib
import subprocess
import sys

import hostile_more
import pytest
import test_grader as short
import test_homework_bank as bank
from test_homework import BANKS, NAMES
from test_homework_viva import LOOPED

from minigen import homework
from minigen.homework.handout import blanks
from minigen.homework.marking.marks import mark
from minigen.homework.marking.session import Session, behind_wall
from minigen.homework.wall import LIMITS

pytestmark = [
    pytest.mark.skipif("MINIGEN_CAMPAIGN" not in os.environ, reason="set MINIGEN_CAMPAIGN=1"),
    short.WALLED,
]
CLASSROOM = pathlib.Path(__file__).with_name("classroom.py")
A = short.BANK.assignment


@pytest.mark.parametrize("level", [1, 2])
def test_a_class_of_three_hundred_with_every_attack_and_broken_upload_in_it(level):
    if level == 1 and os.geteuid() != 0:
        pytest.skip("level 1 needs root")
    command = [sys.executable, str(CLASSROOM), "--level", str(level)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(hostile_more.ALL))
def test_each_attack_alone_earns_nothing_and_is_ended(tmp_path, name):
    text = short.place(hostile_more.ALL[name], tmp_path).encode()
    session = Session(text, behind_wall(2, LIMITS), LIMITS)
    marks = mark(A.tasks(short.VARIANT), session, (5,))
    session.close()
    assert not any(m.earned for m in marks)
    assert session.limits.total - session.left <= LIMITS.total + 2
    assert not short.survivors()


def test_two_hundred_runs_by_one_to_eight_jobs_give_the_same_marks(tmp_path):
    texts = [short.honest().replace("d1.sum(axis=0)", "d1.mean(axis=0)"), LOOPED]
    (tmp_path / "in").mkdir()
    for k, text in enumerate(texts):
        (tmp_path / "in" / f"{k}.py").write_text(text, encoding="utf-8")
    found = []
    for run in range(200):
        graded = homework.grade(
            tmp_path / "in", short.KEY, tmp_path / f"out{run}", "coupling", seed=300,
            isolation=2, jobs=1 + run % 8, progress=False,
        )  # fmt: skip
        found.append([[r["marks"], r["flags"], r["viva"]] for r in graded])
    same = sum(one == found[0] for one in found)
    print(f"\n{same} of 200 runs alike; load {os.getloadavg()[0]:.0f}")
    assert same == 200


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
