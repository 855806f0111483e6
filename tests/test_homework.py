"""Homework: blanks fail, solutions pass, nothing leaks, wrong answers are told what is wrong."""

import importlib
import re

import pytest
import test_homework_bank as bank

from minigen.homework import assignment as assignments
from minigen.homework import handout, notebook, variants

NAMES = assignments.NAMES
BANKS = {n: importlib.import_module(f"test_homework_{n}").BANK for n in NAMES}
WRONGS = [(b, w) for b in BANKS.values() for w in b.wrong]
KEYS = ("spring", "autumn")


@pytest.mark.parametrize("name", NAMES)
def test_the_blank_fails_everything(name):
    a = assignments.get(name)
    for variant in (a.practice, variants.drawn(a, "spring")):
        found = bank.marks(a, variant, handout.blank(a, variant))
        assert all(m.earned == 0 and "not written yet" in m.why for m in found)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("practice", [True, False])
def test_the_solution_gets_full_marks(name, practice):
    b = BANKS[name]
    a = b.assignment
    assert not bank.failures(bank.marks(a, a.practice, b.practice(), practice=practice))


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("name", NAMES)
def test_a_solution_of_the_drawn_variant_gets_full_marks(name, key):
    b = BANKS[name]
    variant = variants.drawn(b.assignment, key)
    assert not bank.failures(bank.marks(b.assignment, variant, b.variant_solution(variant)))


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_for_practice_does_not_pass_in_a_drawn_variant(name):
    b = BANKS[name]
    found = bank.marks(b.assignment, variants.drawn(b.assignment, "spring"), b.practice())
    assert sum(m.earned for m in found) < 0.7 * sum(m.points for m in found)


@pytest.mark.parametrize("name", NAMES)
def test_no_line_of_a_solution_is_handed_out(name):
    b = BANKS[name]
    a = b.assignment
    secret = set()
    handout.replaced(b.practice(), lambda *_: "")
    for variant in (a.practice, variants.drawn(a, "spring")):
        for _, _, body in regions(handout.marked(a, variant)):
            secret |= significant(body)
        for body in b.solution(variant).values():
            secret |= significant(body)
        given = handout.blank(a, variant) + notebook.notebook(a, variant)
        assert not significant(given) & secret
        assert handout.BEGIN not in given and handout.END not in given


def regions(text):
    found = []
    handout.replaced(text, lambda *region: found.append(region) or "")
    assert found
    return found


def significant(text):
    """The lines of a text that say something."""
    lines = {re.sub(r"\s+", " ", line).strip() for line in text.splitlines()}
    return {line for line in lines if len(line) > 8}


def test_a_leak_would_be_seen():
    a = assignments.get("coupling")
    secret = set().union(
        *(significant(body) for _, _, body in regions(handout.marked(a, a.practice)))
    )
    assert significant(handout.solved(a)) & secret


@pytest.mark.parametrize("name", NAMES)
def test_every_assignment_has_enough_answers(name):
    assert len(BANKS[name].right) >= 4 and len(BANKS[name].wrong) >= 15


@pytest.mark.parametrize("name, kind", [(n, k) for n, b in BANKS.items() for k in b.right], ids=str)
def test_a_right_answer_is_accepted(name, kind):
    bank.check_right(BANKS[name], kind)


@pytest.mark.parametrize("b, wrong", WRONGS, ids=[f"{b.name}: {w.name}" for b, w in WRONGS])
def test_a_wrong_answer_is_refused_and_told_why(b, wrong):
    named, found = bank.check_wrong(b, wrong)
    assert named or not wrong.says, found


@pytest.mark.parametrize("name", NAMES)
def test_the_kind_of_mistake_is_named_for_four_in_five(name):
    named = [bool(w.says) for w in BANKS[name].wrong]
    assert sum(named) >= 0.8 * len(named)
