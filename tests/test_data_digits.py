"""The digits, bits per dimension, and the baselines a model has to beat."""

import math
import types

import numpy as np
import pytest

from minigen import data, prob
from minigen.data import bits_per_dim
from minigen.data.baseline import gaussian, independent_pixels


@pytest.fixture(scope="module")
def digits():
    return data.digits()


@pytest.fixture(scope="module")
def small():
    return data.digits("small")


def test_digits_are_split_in_file_order(digits):
    parts = [digits.train, digits.validation, digits.test]
    assert [len(p) for p in parts] == [3400, 423, 1797]
    assert all(p.x.shape == (len(p), 64) and p.y.shape == (len(p),) for p in parts)
    x, y = np.concatenate([p.x for p in parts]), np.concatenate([p.y for p in parts])
    assert x.dtype == np.uint8 and x.min() == 0 and x.max() == digits.levels - 1
    assert y[:10].tolist() == [0, 0, 7, 4, 6, 2, 5, 5, 0, 8]
    assert np.flatnonzero(np.ptp(x, axis=0) == 0).tolist() == [0, 39]


def test_the_small_split_is_the_official_test_part(digits, small):
    parts = [small.train, small.validation, small.test]
    assert [len(p) for p in parts] == [1000, 350, 447]
    assert np.array_equal(np.concatenate([p.x for p in parts]), digits.test.x)
    assert np.array_equal(np.concatenate([p.y for p in parts]), digits.test.y)
    assert small.train.y[:10].tolist() == list(range(10))
    assert np.flatnonzero(np.ptp(digits.test.x, axis=0) == 0).tolist() == [0, 32, 39]


def test_no_digit_occurs_twice_and_the_labels_are_counted_as_published(digits):
    parts = [digits.train, digits.validation, digits.test]
    x, y = (np.concatenate([getattr(p, name) for p in parts]) for name in "xy")
    assert len(np.unique(x, axis=0)) == len(x) == 5620
    published = [376, 389, 380, 389, 387, 376, 377, 387, 380, 382]
    assert np.bincount(y[:3823]).tolist() == published
    assert np.bincount(y[3823:]).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match=r"split: expected .*official.*, got 'offical'"):
        data.digits("offical")


def test_the_test_part_is_the_digits_of_scikit_learn(digits):
    sklearn = pytest.importorskip("sklearn.datasets")
    theirs = sklearn.load_digits()
    assert np.array_equal(theirs.data, digits.test.x)
    assert np.array_equal(theirs.target, digits.test.y)


def test_digits_are_fresh_arrays(digits):
    again = data.digits()
    again.train.x[:] = 0
    assert data.digits().train.x.max() == 16 and repr(again.test).startswith("Split(x=(1797, 64)")


@pytest.mark.parametrize(
    ("split", "pixels", "gaussian"), [("official", 2.424, 2.966), ("small", 2.396, 2.964)]
)
def test_baselines_of_the_digits(split, pixels, gaussian):
    found = data.baselines(data.digits(split))
    expected = {
        "uniform": np.log2(17),
        "independent pixels": pixels,
        "full-covariance Gaussian": gaussian,
    }
    assert found.keys() == expected.keys()
    assert all(abs(found[name] - bits) < 1e-3 for name, bits in expected.items())


def test_gaussian_baseline_is_the_mean_over_noise_of_a_score_of_noisy_data(digits, rng):
    """E_u[-log N(x + u)] by sampling u, at the fit whose own noise is integrated out."""
    train, test = digits.train.x.astype(float), digits.test.x.astype(float)
    S = np.cov(train, rowvar=False, bias=True) + np.eye(64) / 12
    half = np.linalg.cholesky(np.linalg.inv(S))
    scores = []
    for _ in range(200):
        e = prob.dequantize(test, rng) - train.mean(axis=0) - 0.5
        quadratic = np.sum((e @ half) ** 2, axis=1).mean()
        scores.append((quadratic + np.linalg.slogdet(2 * np.pi * S)[1]) / 2 / 64 / np.log(2))
    error = np.std(scores) / np.sqrt(len(scores))
    assert abs(np.mean(scores) - gaussian(train, test)) < 5.5 * error


def test_fitting_one_draw_of_the_noise_costs_about_a_hundredth_of_a_bit(small, rng):
    train, test = (prob.dequantize(part.x, rng) for part in (small.train, small.test))
    S, e = np.cov(train, rowvar=False, bias=True), test - train.mean(axis=0)
    quadratic = np.sum(e @ np.linalg.inv(S) * e, axis=1).mean()
    bits = (quadratic + np.linalg.slogdet(2 * np.pi * S)[1]) / 2 / 64 / np.log(2)
    assert abs(bits - 2.975) < 0.006


def test_independent_pixels_by_hand():
    train, test = np.array([[0, 1], [0, 2]]), np.array([[0, 0], [1, 2]])
    p = [(2.1 / 2.3) * (0.1 / 2.3), (0.1 / 2.3) * (1.1 / 2.3)]
    bits = -np.mean(np.log2(p)) / 2
    assert math.isclose(independent_pixels(train, test, 3), bits, rel_tol=1e-12)


@pytest.mark.parametrize("levels", [1, 2, 5])
def test_gaussian_baseline_of_every_level_once_has_the_variance_of_a_uniform_law(levels):
    """x + u is then uniform in [0, levels), and e' S^-1 e is 1 on average at the best fit."""
    x = np.arange(levels)[:, None]
    bits = np.log2(2 * np.pi * np.e * levels**2 / 12) / 2
    assert math.isclose(gaussian(x, x), bits, rel_tol=1e-12)


def test_no_probability_model_beats_uniform_on_uniform_data(rng):
    """Gibbs: on fresh uniform rows every fitted baseline costs more than log2(levels)."""
    parts = [types.SimpleNamespace(x=rng.integers(5, size=(4000, 3))) for _ in range(2)]
    found = data.baselines(types.SimpleNamespace(train=parts[0], test=parts[1], levels=5))
    assert found.pop("uniform") == np.log2(5)
    assert all(bits > np.log2(5) - 0.002 for bits in found.values())


@pytest.mark.parametrize("bad", [0.5, -1, 5, -0.5, 4.5])
@pytest.mark.parametrize("part", ["train", "test"])
def test_baselines_refuse_values_that_are_no_level(part, bad):
    x = {"train": np.zeros((3, 2)), "test": np.zeros((3, 2)), part: np.array([[0, 1], [bad, 0]])}
    split = types.SimpleNamespace(
        **{name: types.SimpleNamespace(x=rows) for name, rows in x.items()}, levels=5
    )
    with pytest.raises(ValueError, match=rf"{part}.x: .* whole numbers in 0\.\.4, got .* \(1, 0"):
        data.baselines(split)


def test_bits_per_dim():
    assert np.isclose(bits_per_dim(64 * np.log(17), 64), np.log2(17), rtol=1e-15)
    assert np.allclose(bits_per_dim(np.log([2.0, 4.0]), 2), [0.5, 1])
    with pytest.raises(ValueError, match="features: expected an integer >= 1, got 0"):
        bits_per_dim(1.0, 0)
