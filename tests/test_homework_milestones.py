"""A student's functions in place of the package's: every chapter trains, and says whose code."""

import re

import numpy as np
import pytest
import test_homework_bank as bank
from scipy import stats
from test_homework_coupling import BANK

import minigen as mg
from minigen.cli import main
from minigen.core import tree
from minigen.homework import assignments, solutions
from minigen.homework.handout import blanks, variants
from minigen.homework.milestones import own_layers, runs
from minigen.homework.milestones.code import Code, loaded

LEARNED = {  # steps, and by how much the loss falls at least
    "gradients": (100, 0.1),
    "change": (150, 0.7),
    "coupling": (80, 1.0),
    "autoregressive": (80, 0.5),
    "diffusion": (60, 0.05),
    "elbo": (200, 30.0),
    "triplet": (40, 0.06),
    "markov": (60, 0.8),
}


@pytest.fixture(scope="module")
def learned():
    return {
        name: mg.homework.milestone(name, steps=steps, progress=False)
        for name, (steps, _) in LEARNED.items()
    }


@pytest.mark.parametrize("name", assignments.NAMES)
def test_a_chapter_learns_by_the_functions_of_a_file(learned, name):
    loss, (steps, fall) = learned[name].run.history["loss"], LEARNED[name]
    assert len(loss) == steps
    assert np.mean(loss[-10:]) < np.mean(loss[:3]) - fall, (loss[:3], loss[-10:])


@pytest.mark.parametrize("name", assignments.NAMES)
def test_the_picture_says_whose_code_it_was(learned, name):
    done = learned[name]
    assert done.figure.get_suptitle() == str(done) == f"{done.title}\n{done.said}"
    assert done.title.endswith("of minigen's practice solution")
    assert done._repr_png_().startswith(b"\x89PNG")


def test_the_student_is_named_and_the_variant_is_theirs(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(mg.homework.solution("coupling", "a key", "Anna"), encoding="utf-8")
    done = mg.homework.milestone(path, steps=2, progress=False)
    assert done.title == "The moons, by the coupling of mine.py of Anna"


def drawn(name, word):
    """A file of some variant."""
    a = assignments.get(name)
    variant = variants.drawn(a, word)
    return Code(a, variant, "a test", f"<{name}>", solutions.module(a, variant))


def example(name, make, rng):
    """(a loss or layer of the file, its inputs, what is given)."""
    x = rng.standard_normal((12, 2))
    net = lambda n_out: mg.diffusion.network.TimeNet.init(  # noqa: E731
        2, n_out, T=6, hidden=5, blocks=1, rng=rng, dtype=np.float64
    )
    beta = np.append(0, rng.uniform(0.05, 0.3, 6))
    if name == "gradients":
        loss = make["loss"](make["layer"](rng.standard_normal((2, 3)), rng.standard_normal(3)))
        return loss, (x,), {"target": rng.standard_normal((12, 3))}
    if name == "change":
        L = np.eye(2) + 0.1 * np.tril(rng.standard_normal((2, 2)))
        chain = make["chain"](np.eye(2) + 0.3 * rng.standard_normal((2, 2)), rng.standard_normal(2))
        return mg.flows.Flow(chain, make["gauss"](L)), (x,), {}
    if name in ("coupling", "autoregressive"):
        (maker,) = make.values()
        return maker(2, 5, rng=rng), (x,), {}
    if name == "diffusion":
        loss = make["reverse"](net(2), beta, np.cumprod(1 - beta))
        given = loss.draw(x, rng)[1]
        return loss, (), given
    if name == "elbo":
        loss = make["bound"](net(4), 5, beta)
        return loss, (), loss.draw(rng.integers(0, 5, (12, 2)), rng)[1]
    if name == "triplet":
        loss = make["triplet"](mg.nn.mlp(2, 4, 3, rng=rng, activation="tanh", dtype=np.float64))
        return loss, (x,), {"labels": np.arange(12) % 3}
    loss = make["discrete"](rng.standard_normal((4, 4)), rng.standard_normal(4))
    return loss, (), {"y": rng.integers(0, 4, (5, 6))}


@pytest.mark.parametrize("name", assignments.NAMES)
def test_the_gradient_is_that_of_the_student_s_loss(name, rng, monkeypatch):
    """Right functions of any variant make a right layer: what is around them is right too."""
    from minigen.homework import milestones

    monkeypatch.setattr(milestones, "loaded", lambda path: drawn(name, "spring"))
    layer, inputs, given = example(name, mg.homework.layers("some.py"), rng)
    layer = tree.perturbed(layer, rng, 0.1) if name not in ("change",) else layer
    report = mg.check.gradients(
        layer, *inputs, given=given, rng=rng, method="richardson", entries=4
    )
    assert report, report


def test_the_moons_come_back_through_the_student_s_inverse(rng):
    f = mg.homework.layers("coupling")["coupling"](5, 7, rng=rng)
    f = tree.perturbed(f, rng)
    x = rng.standard_normal((9, 5))
    y, logdet, _ = f.forward(x)
    back, minus, _ = f.inverse(y)
    assert np.allclose(back, x, rtol=1e-12) and np.allclose(minus, -logdet, rtol=1e-12)


def edited(tmp_path, *changes):
    path = tmp_path / "coupling.py"
    path.write_text(bank.edited(BANK.practice(), list(changes)), encoding="utf-8")
    return path


def test_a_function_that_is_not_written_is_named(tmp_path):
    path = mg.homework.start("coupling", tmp_path)[0]
    with pytest.raises(ValueError, match="coupling_forward filled in, got NotImplementedError"):
        mg.homework.milestone(path)


def test_a_mistake_is_told_with_its_line(tmp_path):
    path = edited(tmp_path, ("s = np.tanh(a)\n    y =", "s = np.tanh(a)[:, :, 0]\n    y ="))
    line = path.read_text(encoding="utf-8").splitlines().index("    s = np.tanh(a)[:, :, 0]") + 1
    with pytest.raises(ValueError, match=rf"coupling.py:{line}: .* IndexError in coupling_forward"):
        mg.homework.milestone(path)


def test_a_gradient_of_another_shape_is_refused(tmp_path):
    path = edited(tmp_path, ("xa.T @ dr1,", "(xa.T @ dr1).T,"))
    with pytest.raises(ValueError, match=r"coupling_backward to return shapes .*\(1, 64\).*got"):
        mg.homework.milestone(path, steps=1)


def test_a_cache_that_is_missing_is_refused(tmp_path):
    path = edited(tmp_path, ("s.sum(axis=1), (xa, xb, h, s, W1, W2)", "s.sum(axis=1)"))
    with pytest.raises(ValueError, match="coupling_forward to return 3 values, the cache last"):
        mg.homework.milestone(path)


def test_a_wrong_gradient_trains_and_learns_less(tmp_path, learned):
    path = edited(tmp_path, ("np.exp(s) + dlogdet[:, None]", "np.exp(s)"))
    done = mg.homework.milestone(path, steps=LEARNED["coupling"][0], progress=False)
    assert done.run.history["loss"][-1] > learned["coupling"].run.history["loss"][-1] + 0.5


def test_on_the_command_line(tmp_path, capsys):
    path = edited(tmp_path)
    out = tmp_path / "mine.png"
    words = ["homework", "milestone", str(path), "--out", str(out), "--steps", "3"]
    assert main.main(words) == 0
    said = capsys.readouterr().out
    assert "The moons, by the coupling of coupling.py" in said and "KL(truth, model)" in said
    assert out.read_bytes().startswith(b"\x89PNG")
    mg.homework.start("markov", tmp_path)
    assert main.main(["homework", "milestone", str(tmp_path / "markov.py")]) == 2
    assert "discrete_forward filled in" in capsys.readouterr().err


def test_solved_files_of_the_practice_variant_are_files_of_a_student(tmp_path):
    for name in assignments.NAMES:
        path = tmp_path / f"{name}.py"
        path.write_text(blanks.solved(assignments.get(name)), encoding="utf-8")
        assert loaded(path).whose == f"{name}.py"


def test_a_number_is_drawn_in_the_interval_of_its_level(rng):
    """Inside, outside and with a density of mass 1: E_q[1 / q] would be the interval's length."""
    top, x = 4, np.repeat(np.arange(5.0), 20_000)
    u, logq = own_layers.in_its_interval(x, top, rng)
    assert np.array_equal(np.clip(np.round(u), 0, top), x)
    for level, toward in ((0, 1), (top, -1)):
        mine = x == level
        far = toward * (u[mine] - level)  # how far inside of the level's middle, at most 1/2
        assert far.max() < 0.5 and far.min() < -4
        order = np.argsort(far)
        area = np.trapezoid(np.exp(logq[mine][order]), far[order])
        assert abs(area - 1) < 0.01
    assert not logq[(x > 0) & (x < top)].any()


def test_the_digits_cost_what_a_discrete_decoder_can_prove(rng):
    """E_q[log p(u) - log q(u)] is below log P(x): the ELBO of the milestone is one of whole
    numbers."""
    x = np.repeat(np.arange(17.0), 4000)
    u, logq = own_layers.in_its_interval(x, 16, rng)
    for mean, sd in ((8.0, 3.0), (0.0, 1.0), (16.5, 2.0)):
        ends = np.append(np.append(-np.inf, np.arange(16) + 0.5), np.inf)
        logP = np.log(np.maximum(np.diff(stats.norm.cdf(ends, mean, sd)), 1e-300))
        gain = (stats.norm.logpdf(u, mean, sd) - logq).reshape(17, -1)
        error = gain.std(axis=1) / np.sqrt(gain.shape[1])
        seen = logP > -12
        assert np.all((gain.mean(axis=1) - 5 * error <= logP)[seen])


def test_what_a_prior_costs_that_is_not_where_the_walk_ends_is_told(rng):
    a = assignments.get("elbo")
    for prior, cost in (("1", None), ("2", np.log(2) - 3 / 8)):
        variant = {**a.practice, "prior": prior}
        code = Code(a, variant, "a test", "<elbo>", solutions.module(a, variant))
        said = runs.elbo(code, 2, rng, False).said
        found = re.findall(r"^(\S+) of them is L_T", said, re.MULTILINE)
        assert found == ([] if cost is None else [f"{cost / np.log(2):.2f}"])
