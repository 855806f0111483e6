"""Where there are no processes, a file is checked for practice without a wall, and says so."""

import numpy as np
import pytest

from minigen import homework
from minigen.cli.main import main
from minigen.homework import assignments
from minigen.homework.handout import blanks
from minigen.homework.wall import Here, Limits, Worker, frames, levels


@pytest.fixture
def browser(monkeypatch):
    """A system without processes."""

    def start(self, level):
        raise OSError("emscripten does not support processes.")

    for module in (homework, levels):
        monkeypatch.setattr(module, "PROCESSES", False)
    monkeypatch.setattr(Worker, "start", start)


def test_a_file_is_checked_in_the_page(browser, tmp_path):
    module, _ = homework.start("coupling", tmp_path)
    report = homework.check(module)
    assert not report and report.earned == 0 and all(m.status == "empty" for m in report.marks)
    module.write_text(blanks.solved(assignments.get("coupling")), encoding="utf-8")
    report = homework.check(module)
    assert report and report.earned == report.points
    assert "a browser has no processes" in " ".join(str(report).split())
    module.write_text("1 / 0\n", encoding="utf-8")
    assert "ZeroDivisionError: division by zero, line 1" in str(homework.check(module))


def test_a_browser_does_not_grade_and_says_where_to(browser, tmp_path, capsys):
    homework.start("coupling", tmp_path / "in", key="a key of mine")
    words = [str(tmp_path / "in"), "--key", "a key of mine", "--out", str(tmp_path / "out")]
    assert main(["homework", "grade", *words]) == 2
    assert "a browser has none" in capsys.readouterr().err and not (tmp_path / "out").exists()
    with pytest.raises(homework.Refused, match="where minigen is installed"):
        homework.exam("a key of mine", tmp_path / "exam")


def test_the_page_answers_as_a_worker_does():
    source = (
        b"def f(x):\n    return 2 * x, x\ndef f_backward(dy, cache):\n    return dy + cache[0]\n"
    )
    x, answers = np.ones((2, 3)), []
    with Worker(0, Limits()) as behind:
        for desk in (behind, Here()):
            assert desk.load(source)[0] == frames.DONE
            _, (y, handle) = desk.ask(frames.KEEP, "f", [x])
            status, (dx,) = desk.ask(frames.CALL, "f_backward", [y, handle])
            answers.append((type(handle), handle, status, y.tolist(), dx.tolist()))
            assert desk.ask(frames.CALL, "missing", [x])[0] == frames.FAILED
    assert answers[0] == answers[1] and isinstance(answers[0][0], type)
