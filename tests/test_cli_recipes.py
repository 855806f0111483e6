"""Recipes of the command line: flow matching, distillation, InfoNCE, the clock, predictions."""

import json

import numpy as np
import pytest

from minigen import load
from minigen.flows import Flow

SHORT = ["--steps", "5", "--quiet"]


def rows(minigen, file, data):
    """What `evaluate` prints, by the name of the figure."""
    code, out, err = minigen("evaluate", file, "--data", data, "--json")
    assert code == 0, err
    return {row["measure"]: row["value"] for row in json.loads(out)}


@pytest.mark.parametrize("predict", ["eps", "x0", "score"])
def test_a_diffusion_model_predicts_what_it_is_told(minigen, predict):
    argv = ("--data", "moons", "--hidden", 8, "--predict", predict, "--out", "m.npz")
    assert minigen("train", "ddpm", *argv, *SHORT)[0] == 0
    assert load("m.npz").reverse.predict == predict


def test_flow_matching_learns_the_velocity_and_samples_without_noise(minigen):
    argv = ("--data", "moons", "--hidden", 8, "--out", "m.npz")
    assert minigen("train", "flow_matching", *argv, *SHORT)[0] == 0
    model = load("m.npz")
    assert model.reverse.predict == "velocity"
    assert minigen("sample", "m.npz", "-n", 6, "--out", "x.npy", "--seed", 4)[0] == 0
    own = model.sample(6, rng=np.random.default_rng(4), sampler="heun", steps=50)
    np.testing.assert_allclose(np.load("x.npy"), own, rtol=1e-5)
    assert "bound - NLL of the truth, nats" in rows(minigen, "m.npz", "moons")


def test_an_iaf_learns_from_the_file_of_a_maf(minigen):
    maf = ("--data", "moons", "--hidden", "16,16", "--layers", 2, "--steps", 40, "--quiet")
    assert minigen("train", "maf", *maf, "--out", "teacher.npz")[0] == 0
    argv = ("--data", "teacher.npz", "--hidden", "16,16", "--layers", 2, "--quiet")
    for steps in (1, 150):
        out = f"{steps}.npz"
        assert minigen("train", "iaf", *argv, "--steps", steps, "--out", out)[0] == 0
    measure = "KL(model, data's flow), nats"
    first, last = (rows(minigen, f"{n}.npz", "teacher.npz")[measure] for n in (1, 150))
    assert isinstance(load("150.npz"), Flow) and last < first / 2


def test_a_clock_is_learned_for_a_model_and_its_bound_stays(minigen):
    argv = ("--data", "digits-small", "--hidden", 8, "--steps", 20, "--quiet")
    assert minigen("train", "ddpm", *argv, "--out", "m.npz")[0] == 0
    argv = ("--data", "digits-small", "--of", "m.npz", "--out", "c.npz", "--steps", 20, "--quiet")
    assert minigen("train", "clock", *argv)[0] == 0
    found = rows(minigen, "c.npz", "digits-small")
    even, learned, ratio = found.values()
    assert abs(even - learned) < 0.25 * even and ratio > 0
    assert minigen("sample", "c.npz", "-n", 4, "--out", "x.npy")[0] == 0


def test_a_covariance_is_learned_beside_a_model_whose_mean_stays(minigen):
    argv = ("--data", "moons", "--hidden", 8, "--steps", 5, "--quiet")
    assert minigen("train", "flow_matching", *argv, "--out", "m.npz")[0] == 0
    assert minigen("train", "covariance", *argv, "--of", "m.npz", "--out", "c.npz")[0] == 0
    old, new = load("m.npz"), load("c.npz")
    assert (old.reverse.variance, new.reverse.variance) == ("beta", "share")
    x, t = np.ones((3, 2), np.float32), np.array([50])
    np.testing.assert_array_equal(
        old.reverse.predicted(x, t, "eps"), new.reverse.predicted(x, t, "eps")
    )
    assert np.isfinite(rows(minigen, "c.npz", "moons")["bound - NLL of the truth, nats"])


@pytest.mark.parametrize("sampler", ["ddim", "euler", "dpm++3m"])
def test_a_diffusion_model_is_sampled_as_told(minigen, sampler):
    argv = ("--data", "moons", "--hidden", 8, "--out", "m.npz")
    assert minigen("train", "ddpm", *argv, *SHORT)[0] == 0
    way = ("--sampler", sampler, "--steps", 7)
    assert minigen("sample", "m.npz", "-n", 6, *way, "--out", "x.npy", "--seed", 4)[0] == 0
    own = load("m.npz").sample(6, rng=np.random.default_rng(4), sampler=sampler, steps=7)
    np.testing.assert_allclose(np.load("x.npy"), own, rtol=1e-5)
    code, _, err = minigen("sample", "m.npz", *way[:3], 999, "--out", "y.npy")
    assert code == 2 and "steps" in err


def test_a_flow_has_no_sampler_to_choose(minigen):
    argv = ("--data", "moons", "--hidden", 8, "--out", "m.npz")
    assert minigen("train", "maf", *argv, *SHORT)[0] == 0
    for option in (("--sampler", "ddim"), ("--steps", 5)):
        code, _, err = minigen("sample", "m.npz", *option, "--out", "x.npy")
        assert code == 2 and f"{option[0]}: expected a diffusion model, got Flow" in err


def test_info_nce_is_trained_and_measured_as_the_triplet_loss(minigen):
    argv = ("--data", "digits-small", "--hidden", "32", "--out", "m.npz")
    assert minigen("train", "info_nce", *argv, *SHORT)[0] == 0
    assert type(load("m.npz").criterion).__name__ == "InfoNCE"
    assert 0 < rows(minigen, "m.npz", "digits-small")["recall@1"] <= 1


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("clock", "--data", "moons"), "--of"),
        (("covariance", "--data", "moons"), "--of"),
        (("clock", "--data", "moons", "--of", "none.npz"), "none.npz"),
        (("real_nvp", "--data", "moons", "--predict", "v"), "--predict"),
        (("ddpm", "--data", "moons", "--of", "m.npz"), "--of"),
        (("ddpm", "--data", "moons", "--predict", "noise"), "--predict"),
        (("flow_matching", "--data", "moons", "--predict", "mu"), "predict"),
        (("iaf", "--data", "digits"), "iaf"),
    ],
)
def test_what_does_not_fit_is_one_line(minigen, tmp_path, argv, message):
    code, _, err = minigen("train", *argv, "--out", "new.npz", "--quiet")
    assert code == 2 and message in err and "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_a_model_of_another_kind_is_no_teacher(minigen):
    argv = ("--data", "moons", "--hidden", 8, "--out", "m.npz")
    assert minigen("train", "ddpm", *argv, *SHORT)[0] == 0
    code, _, err = minigen("train", "iaf", "--data", "m.npz", "--out", "i.npz")
    assert code == 2 and "a flow" in err
    for name in ("clock", "covariance"):
        argv = ("train", name, "--data", "digits", "--of", "m.npz", "--out", "c.npz")
        code, _, err = minigen(*argv)
        assert code == 2 and "m.npz" in err


def test_a_learned_variance_gets_no_second_network(minigen):
    argv = ("--data", "digits-small", "--hidden", 8)
    assert minigen("train", "ddpm", *argv, "--out", "m.npz", *SHORT)[0] == 0
    code, _, err = minigen("train", "covariance", *argv, "--of", "m.npz", "--out", "c.npz")
    assert code == 2 and "--of: expected a model with a fixed variance" in err and "free" in err
