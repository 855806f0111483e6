"""The questions asked of other libraries: minigen's own flows pass, and planted mistakes do not."""

import subprocess
import sys

import pytest

from minigen import audit
from minigen.audit import models, oracles
from minigen.check import gradients
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
    run = subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, encoding="utf-8", check=True
    )
    assert len(run.stdout.splitlines()) == 5


@pytest.mark.parametrize("oracle", oracles.ORACLES)
def test_every_reproduction_is_python_of_one_library(oracle):
    for library, of in models.LIBRARIES.items():
        for code in of.values():
            lines = audit.reproduction(code, oracle)
            compile(lines, library, "exec")
            assert ("minigen" in lines) == (library == "minigen")


QUICK = [o for o in ASKED if o not in ("mass", "samples")]


@pytest.mark.parametrize("name", models.LIBRARIES["minigen"])
@pytest.mark.parametrize("moved", ["0.1 *", "0.3 *"])  # 0.3 makes steep maps, but right ones
def test_our_own_flows_pass(name, moved):
    code = models.LIBRARIES["minigen"][name]
    assert code.count("0.1 *") == 1
    model = oracles.made(code.replace("0.1 *", moved))
    for oracle in QUICK:
        cell = audit.ask(model, oracle)
        assert cell.right, (oracle, cell)


STEEP = """\
import numpy as np
scale = np.array([1e-9, 1e7])  # rounding of z[:, 1] is large, as is that of x[:, 0]
forward = lambda x, c: ((x @ R + c) * scale, np.full(len(x), np.log(scale).sum()))
inverse = lambda z, c: ((z / scale - c) @ R.T, np.full(len(z), -np.log(scale).sum()))
R = np.array([[0.6, -0.8], [0.8, 0.6]])
"""


@pytest.mark.parametrize("oracle", ["round trip", "and back", "log-det", "log-det back"])
def test_a_right_map_that_is_badly_conditioned_is_not_wrong(oracle):
    for seed in range(20):
        assert audit.ask(STEEP, oracle, seed).right is not False


BISECTED = """\
import numpy as np
f = lambda x: x**3 + x + 3 * np.tanh(9 * x)
slope = lambda x: 3 * x**2 + 1 + 27 / np.cosh(9 * x) ** 2
forward = lambda x, c: (f(x) + c, np.log(slope(x)).sum(1))
def inverse(z, c):
    low, high = np.full(z.shape, -9.0), np.full(z.shape, 9.0)
    for _ in range(24):
        middle = (low + high) / 2
        below = f(middle) < z - c
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2, -np.log(slope((low + high) / 2)).sum(1)
"""


@pytest.mark.parametrize("oracle", ["round trip", "and back", "log-det", "log-det back"])
def test_an_inverse_by_bisection_to_six_figures_is_right(oracle):
    for seed in range(5):
        cell = audit.ask(BISECTED, oracle, seed)
        assert cell.right, cell
    wrong = BISECTED.replace("-np.log(slope((low", "-np.log(slope(0.1 + (low")
    assert audit.ask(wrong, "log-det back").right is False
    trip = audit.ask(BISECTED.replace("< z - c", "< z - c - 1e-4"), "round trip")
    assert trip.right is False


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


def test_a_layer_of_torch_is_checked(rng):
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    layer = audit.TorchLayer(net)
    x = rng.standard_normal((5, 3))
    assert gradients(layer, x, rng=rng)
    assert list(layer.params) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    with pytest.raises(ValueError, match=r"that TorchLayer\.forward takes"):
        gradients(layer, x[:, :2], rng=rng)

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, dy):
            return 2 * dy * ctx.saved_tensors[0] ** 2  # 3, not 2

    class Wrong(torch.nn.Module):
        def forward(self, x):
            return Cube.apply(x)

    assert "0.666667 times" in str(gradients(audit.TorchLayer(Wrong()), x, rng=rng))


def test_a_function_of_jax_is_checked(rng):
    jax = pytest.importorskip("jax")
    x = rng.standard_normal((5, 3))
    params = {"net": [{"W": rng.standard_normal((3, 2))}, 2.0]}

    @jax.custom_vjp
    def sine(x):
        return jax.numpy.sin(x)

    def right(p, x):
        return jax.numpy.sin(x @ p["net"][0]["W"]) * p["net"][1], x.sum(1)

    def wrong(p, x):
        return sine(x @ p["net"][0]["W"]) * p["net"][1]

    sine.defvjp(lambda x: (sine(x), x), lambda x, dy: (-dy * jax.numpy.cos(x),))
    layer = audit.JaxLayer(right, params)
    assert gradients(layer, x, rng=rng)
    assert list(layer.params) == ["net.0.W", "net.1"]
    assert "the sign" in str(gradients(audit.JaxLayer(wrong, params), x, rng=rng))
