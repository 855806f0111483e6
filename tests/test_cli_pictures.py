"""Pictures on the command line: glyphs, MNIST's files, arrays; conditional flows as classifiers."""

import json

import numpy as np
import pytest

from minigen import load
from minigen.cli.album import album, glyphs, measured
from minigen.data import digits
from minigen.flows import maf
from minigen.flows.bayes_rule import classify

TINY = ["--steps", "2", "--layers", "1", "--hidden", "8", "--batch", "8", "--quiet"]


@pytest.fixture
def mnist(tmp_path):
    """Files in MNIST's format: 40 pictures of 28 x 28 with the labels 3, 4 and 5."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (40, 28, 28), dtype=np.uint8)
    y = (np.arange(40) % 3 + 3).astype(np.uint8)
    for name, a in (("train-images-idx3-ubyte", x), ("train-labels-idx1-ubyte", y)):
        head = bytes([0, 0, 8, a.ndim]) + np.array(a.shape, ">u4").tobytes()
        (tmp_path / name).write_bytes(head + a.tobytes())
    return "train-images-idx3-ubyte"


def test_glyphs_are_learned_measured_and_drawn(minigen):
    argv = ("--data", "glyphs", "--size", 8, "--levels", 4, "--out", "m.npz")
    assert minigen("train", "real_nvp_image", *argv, *TINY)[0] == 0
    code, out, _ = minigen("evaluate", "m.npz", "--data", "glyphs", "--json")
    rows = {row["measure"]: row for row in json.loads(out)}
    bits = rows["bits/dim, discrete"]
    test = glyphs(8, 4, np.random.default_rng(0)).test.x
    own = load("m.npz").bits_per_dim(test, rng=np.random.default_rng(1), draws=4).mean()
    assert code == 0 and bits["value"] == pytest.approx(own, abs=0.01)
    assert bits["beside"]["uniform"] == 2 and 0 < bits["beside"]["independent pixels"] < 2
    assert minigen("sample", "m.npz", "-n", 4, "--out", "x.png")[0] == 0


def test_a_labelled_file_makes_a_conditional_diffusion_model(minigen, mnist):
    argv = ("--data", mnist, "--size", 8, "--levels", 4, "--out", "m.npz")
    assert minigen("train", "unet", *argv, *TINY)[0] == 0
    code, _, _ = minigen("sample", "m.npz", "-n", 4, "--label", 5, "--out", "x.npy")
    x = np.load("x.npy")
    assert code == 0 and x.shape == (4, 64) and x.min() >= 0 and x.max() <= 3
    code, _, err = minigen("sample", "m.npz", "-n", 4, "--label", 7, "--out", "x.npy")
    assert code == 2 and "3, 4, 5" in err
    code, out, err = minigen("evaluate", "m.npz", "--data", mnist, "--json")
    assert code == 0 and "4 of 40 pictures were held out" in err
    assert json.loads(out)[0]["beside"]["uniform"] == 2


def test_pictures_of_an_array_need_a_size(minigen, rng):
    np.savez("own.npz", x=rng.integers(0, 256, (20, 9, 9)))
    argv = ("--data", "own.npz", "--levels", 4, "--out", "m.npz")
    code, _, err = minigen("train", "real_nvp_image", *argv, *TINY)
    assert code == 2 and "m.npz" not in err
    assert minigen("train", "real_nvp_image", *argv, "--size", 8, *TINY)[0] == 0
    assert minigen("evaluate", "m.npz", "--data", "own.npz")[0] == 0


def test_held_out_pictures_are_those_that_the_file_says(tmp_path, rng):
    x = rng.integers(0, 256, (50, 8, 8))
    np.savez(tmp_path / "x.npz", x=x, y=np.arange(50) % 2)
    found = album(str(tmp_path / "x.npz"), 8, 16, np.random.default_rng(1))
    model = maf(64, 1, (64,), levels=16, rng=rng)
    again = measured(str(tmp_path / "x.npz"), model, found.state())
    mine, theirs = ({row.tobytes() for row in a.test.x} for a in (found, again))
    assert len(mine) == 5 and mine == theirs
    parts = [found.train.x, found.validation.x, found.test.x]
    assert sorted(np.concatenate(parts).tolist()) == sorted(
        (x.astype(int) * 16 // 256).reshape(50, -1).tolist()
    )
    assert found.counts.sum() == found.train.x.size


def test_evaluate_prints_what_bayes_rule_gets_right(minigen):
    """A conditional flow on the digits: its share, and the mixture's bits, from the flow itself."""
    argv = ("--data", "digits-small", "--label", "y", "--out", "m.npz", "--steps", 40)
    assert minigen("train", "maf", *argv, "--layers", 1, "--hidden", 80, "--quiet")[0] == 0
    code, out, _ = minigen("evaluate", "m.npz", "--data", "digits-small", "--json")
    rows = {row["measure"]: row for row in json.loads(out)}
    flow, test = load("m.npz"), digits("small").test
    y, _ = classify(flow, test.x, rng=np.random.default_rng(0))
    share = rows["Bayes' rule, share right"]
    assert code == 0 and share["value"] == pytest.approx((y == test.y).mean(), abs=1e-6)
    assert share["value"] > 0.5 > share["beside"]["the most frequent class"]
    given, both = (rows[f"bits/dim, {k}"]["value"] for k in ("given the label", "discrete"))
    assert given < both < given + np.log2(10) / 64 + 1e-6


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("unet", "--data", "glyphs", "--levels", "a=2"), "--levels"),
        (("unet", "--data", "glyphs", "--size", "4"), "--size"),
        (("real_nvp_image", "--data", "glyphs", "--label", "kind"), "--label"),
        (("real_nvp_image", "--data", "moons", "--size", "8"), "--size"),
        (("maf", "--data", "glyphs"), "maf"),
        (("maf", "--data", "digits", "--levels", "4"), "--levels"),
        (("unet", "--data", "no-images-idx3-ubyte"), "no-images-idx3-ubyte"),
    ],
)
def test_what_does_not_fit_is_one_line(minigen, tmp_path, argv, message):
    code, _, err = minigen("train", *argv, "--out", "m.npz", "--quiet")
    assert code == 2 and message in err and "Traceback" not in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["unet", "real_nvp_image", "transformer_maf"])
def test_any_number_of_channels_is_a_model(minigen, kind):
    """The groups and the heads follow from it: there is no option for them."""
    argv = ("--data", "digits", "--steps", 1, "--layers", 1, "--batch", 8, "--hidden", 3)
    assert minigen("train", kind, *argv, "--out", "m.npz", "--quiet")[0] == 0


def test_a_model_of_other_pictures_is_refused(minigen, mnist):
    argv = ("--data", "digits", "--out", "m.npz", "--steps", 2, "--quiet")
    assert minigen("train", "real_nvp_image", *argv, "--hidden", 4)[0] == 0
    code, _, _ = minigen("evaluate", "m.npz", "--data", mnist)
    assert code == 0  # brought to the model's 8 x 8 pixels and 17 levels
    argv = ("--data", "moons", "--out", "t.npz", "--steps", 2, "--quiet")
    assert minigen("train", "real_nvp", *argv)[0] == 0
    code, _, err = minigen("evaluate", "t.npz", "--data", mnist)
    assert code == 2 and "square pictures" in err
