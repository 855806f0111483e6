"""`minigen homework ...` as it is typed: what it prints, and how it exits."""

import re

import pytest
import test_homework_bank as bank
from test_homework_coupling import BANK

from minigen.cli import main
from minigen.homework import assignments
from minigen.homework.grading import grader
from minigen.homework.handout import variants
from minigen.homework.wall import reached


def typed(*words):
    return main.main(["homework", *map(str, words)])


def test_list_shows_eight(capsys):
    assert typed("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert tuple(line.split()[1] for line in lines) == assignments.NAMES


def test_start_a_wrong_attempt_the_right_one(tmp_path, capsys):
    assert typed("start", "coupling", tmp_path) == 0
    path = tmp_path / "coupling.py"
    assert typed("check", path) == 1
    assert "0 of 19 points" in capsys.readouterr().out
    text = bank.edited(BANK.practice(), [("xa.T @ dr1", "(xa.T @ dr1).T")])
    path.write_text(text, encoding="utf-8")
    assert typed("check", path) == 1
    said = capsys.readouterr().out
    assert "transpose" in said and "coupling_backward: dW1  WRONG  0/2" in said
    path.write_text(BANK.practice(), encoding="utf-8")
    assert typed("check", path) == 0
    assert "19 of 19 points" in capsys.readouterr().out


def test_a_class_is_graded_by_the_key_in_a_file(tmp_path, capsys):
    (tmp_path / "key.txt").write_text("spring\n", encoding="utf-8")
    (tmp_path / "in").mkdir()
    variant = variants.drawn(BANK.assignment, "spring")
    (tmp_path / "in" / "a.py").write_text(bank.header_and(BANK, variant), encoding="utf-8")
    words = ["--key", f"@{tmp_path / 'key.txt'}", "--out", tmp_path / "out"]
    assert typed("grade", tmp_path / "in", *words, "--isolation", reached()[0]) == 0
    table = (tmp_path / "out" / "results.csv").read_text(encoding="utf-8-sig").splitlines()
    assert table[0].startswith("student,id,earned,points,coupling_forward,")
    assert re.match("a,a-[0-9a-f]{8},19,19,3,2,2,2,2,2,3,1,2,", table[1])


def test_below_the_isolation_asked_for_nothing_is_graded(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(grader, "reached", lambda: (0, "no namespaces"))
    (tmp_path / "a.py").write_text("", encoding="utf-8")
    words = ["grade", tmp_path, "--key", "k", "--out", tmp_path / "out", "--assignment", "elbo"]
    assert typed(*words) == 2
    assert "isolation: expected a wall of level 1, got 0 (no namespaces)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [("start", "coupling"), ("start", "nonsense"), ("check", "missing.py"),
     ("grade", "x", "--key", "", "--out", "y")],
)  # fmt: skip
def test_a_mistake_is_one_line_and_exit_code_two(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "coupling.py").touch()  # there already
    assert typed(*words) == 2
    assert capsys.readouterr().err.count("\n") == 1
