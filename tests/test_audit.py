"""The questions asked of other libraries: minigen's own flows pass, and planted mistakes do not."""

import subprocess
import sys

import numpy as np
import pytest

from minigen import audit
from minigen.audit import models, oracles
from minigen.cli import main

GAUSS = """\
import numpy as np
rng = np.random.default_rng(0)
forward = lambda x, c: ((x - c) / 2, np.full(len(x), -2 * np.log(2)))
inverse = lambda z, c: (2 * z + c, np.full(len(z), 2 * np.log(2)))
log_prob = lambda x, c: -np.sum(((x - c) / 2) ** 2, 1) / 2 - np.log(2 * np.pi) - 2 * np.log(2)
sample = lambda n, c: 2 * rng.standard_normal((n, 2)) + c[0]
"""
PLANTED = {  # a mistake, and the questions that must see it
    "round trip": (("2 * z + c", "2 * z - c"), {"round trip", "and back"}),
    "log-det": (("np.full(len(x), -2", "np.full(len(x), 2"), {"log-det", "log_prob"}),
    "log-det back": (("np.full(len(z), 2", "np.full(len(z), -2"), {"log-det back"}),
    "mass": (("- np.log(2 * np.pi) - 2 * np.log(2)", "- np.log(2 * np.pi)"), {"mass", "log_prob"}),
    "samples": (("= lambda n, c: 2 *", "= lambda n, c: 1.5 *"), {"samples"}),
    "context": (("2 * z + c", "2 * z + c * [0, 1]"), {"context"}),
    "rows": (("np.sum(((x - c)", "np.sum(((x - x.mean(0) / 9 - c)"), {"rows"}),
}  # fmt: skip
ASKED = [o for o in oracles.ORACLES if o not in ("gradient", "parameters")]


def test_a_right_model_passes_every_question():
    for oracle in ASKED:
        cell = audit.ask(GAUSS, oracle)
        assert cell.right, (oracle, cell)
    assert audit.ask(GAUSS, "gradient").right is None


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_mistake_is_seen(name):
    (right, wrong), questions = PLANTED[name]
    assert GAUSS.count(right) == 1
    for oracle in questions:
        assert audit.ask(GAUSS.replace(right, wrong), oracle).right is False, oracle


def test_the_reproduction_of_a_red_cell_runs_and_is_short():
    wrong = GAUSS.replace("2 * z + c", "2 * z - c")
    lines = audit.reproduction(wrong, "round trip")
    assert len(lines.splitlines()) <= 10
    run = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    assert len(run.stdout.splitlines()) == 5


@pytest.mark.parametrize("oracle", oracles.ORACLES)
def test_every_reproduction_is_python_of_one_library(oracle):
    for library, of in models.LIBRARIES.items():
        for code in of.values():
            lines = audit.reproduction(code, oracle)
            compile(lines, library, "exec")
            assert ("minigen" in lines) == (library == "minigen")


def test_our_own_flows_pass_the_quick_questions():
    for code in models.LIBRARIES["minigen"].values():
        model = oracles.made(code)
        for oracle in ("context", "rows"):
            assert audit.ask(model, oracle).right, oracle


def test_a_model_that_raises_has_failed_and_says_why():
    cell = audit.ask("import nothing_of_this_name", "rows")
    assert cell.right is False and "ModuleNotFoundError" in cell.why
    cell = audit.ask(GAUSS.replace("2 * z + c", "1 / 0"), "round trip")
    assert cell.right is False and "ZeroDivisionError" in cell.why


def test_the_command(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text(GAUSS.replace("2 * z + c", "2 * z - c"), encoding="utf-8")
    assert main.main(["audit", str(path), "--oracle", "round trip"]) == 1
    out = capsys.readouterr().out
    assert "X " in out and "inverse(forward(x, c)[0], c)[0] - x" in out
    assert main.main(["audit", str(path), "--oracle", "rows"]) == 0
    capsys.readouterr()
    assert main.main(["audit"]) == 0
    assert "zuko" in capsys.readouterr().out
    for words in (["zzuko"], ["mine2.py"], [str(path), "--oracle", "luck"]):
        assert main.main(["audit", *words]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 3


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: audit.ask(3, "rows"), "model: expected"),
        (lambda: audit.ask(GAUSS, "luck"), "oracle: expected"),
        (lambda: audit.reproduction(3, "rows"), "code: expected"),
        (lambda: audit.Subject(GAUSS, "tensorflow"), "framework: expected"),
        (lambda: audit.TorchLayer(3), "module: expected"),
        (lambda: audit.JaxLayer(3, {}), "function: expected"),
    ],
)
def test_what_is_no_model_is_refused(call, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        call()


def test_layers_of_torch_and_jax_are_checked(rng):
    torch = pytest.importorskip("torch")
    from minigen.check import gradients

    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    layer = audit.TorchLayer(net.double())
    x = rng.standard_normal((5, 3))
    assert gradients(layer, x, rng=rng)
    jax = pytest.importorskip("jax")
    f = lambda p, x: jax.numpy.tanh(x @ p["W"])  # noqa: E731
    assert gradients(audit.JaxLayer(f, {"W": rng.standard_normal((3, 2))}), x, rng=rng)
    assert np.isfinite(x).all()
