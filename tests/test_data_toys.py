"""Toy densities: what is sampled is what log_prob says, and the entropy is its entropy.

Samples are compared with the density through statistics of a designed false-alarm rate: |z| < 5.5
(4e-8 each) and p > 1e-7. Some 200 such statements stand here, so that correct code fails for one
seed in a hundred thousand; a planted error of five per cent in a noise is seen.
"""

import dataclasses
import re
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from minigen.data import TOYS, Sampler, Toy, toy, toys
from minigen.data.toys_mixture import GaussianMixture

N = 100_000
OTHER = {
    "moons": {"noise": 0.3},
    "circles": {"noise": 0.3, "inner": 0.5, "outer": 1.2},
    "two_spirals": {"noise": 0.25},
    "checkerboard": {"side": 0.7},
    "eight_gaussians": {"noise": 0.6, "radius": 1.0},
    "pinwheel": {"blades": 3, "length": 0.4, "thickness": 0.3, "swirl": 1.0},
    "rings": {"noise": 0.2, "spacing": 0.5},
    "banana": {"scale": 0.8, "noise": 0.5, "bend": 1.0},
    "funnel": {"scale": 0.5},
    "gaussian": {"scale": 2.0, "correlation": -0.6},
    "swiss_roll": {"noise": 0.3},
    "waves": {"scale": 0.7, "noise": 0.4},
    "grid": {"noise": 0.3, "side": 3},
}
LAWS = [toy(name) for name in toys()] + [toy(name, **OTHER[name]) for name in toys()]


class Axis:
    """A midpoint rule on one axis, wide enough to hold a law's mass: edges, points, weights."""

    def __init__(self, law, column):
        x = law.sample(20_000, rng=np.random.default_rng(99))[:, column]
        n, margin = (240, 0.25) if isinstance(law, GaussianMixture) else (600, 1.0)
        low, high = x.min() - margin * np.ptp(x), x.max() + margin * np.ptp(x)
        if law.name == "checkerboard":  # whole squares
            low, high = -4 * law.side, 4 * law.side
        curved = law.name == "funnel" and column == 1  # x_2 = sinh(u): fine at 0, and far
        u = np.linspace(-16, 16, n + 1) if curved else np.linspace(low, high, n + 1)
        mid = (u[1:] + u[:-1]) / 2
        self.edges, self.points = (np.sinh(u), np.sinh(mid)) if curved else (u, mid)
        self.weights = np.diff(u) * (np.cosh(mid) if curved else 1)


class Known:
    """A law, log p on a tensor rule over the plane, and a large sample."""

    def __init__(self, law):
        self.law, self.axes = law, (Axis(law, 0), Axis(law, 1))
        grid = np.meshgrid(*(a.points for a in self.axes), indexing="ij")
        self.x = np.stack(grid, axis=-1).reshape(-1, 2)
        self.weights = np.outer(*(a.weights for a in self.axes)).ravel()
        self.logp = law.log_prob(self.x)
        self.mass = self.weights * np.exp(self.logp)
        self.sample = law.sample(N, rng=np.random.default_rng(7))


@pytest.fixture(scope="module", params=LAWS, ids=repr)
def known(request):
    return Known(request.param)


def z_score(sample, mean):
    return (sample.mean() - mean) / (sample.std() / np.sqrt(len(sample)) + 1e-12)


def chi_square(known, sample, side=20):
    """The p-value of a sample's counts in side x side cells, rare cells taken together."""
    blocks = [a.edges[:: len(a.points) // side] for a in known.axes]
    fine = len(known.axes[0].points) // side
    expected = known.mass.reshape(side, fine, side, fine).sum(axis=(1, 3)) * len(sample)
    counts, *_ = np.histogram2d(*sample.T, bins=blocks)
    usual = expected >= 20
    c, e = (np.append(n[usual], len(sample) - n[usual].sum()) for n in (counts, expected))
    return stats.chi2.sf(np.sum((c - e) ** 2 / np.maximum(e, 20)), len(e) - 1)


def test_density_has_mass_one_and_the_stated_entropy(known):
    inside = known.mass > 0
    assert abs(known.mass.sum() - 1) < 1e-6
    assert abs(-np.sum(known.mass[inside] * known.logp[inside]) - known.law.entropy) < 1e-6


def test_samples_follow_the_density(known):
    assert chi_square(known, known.sample) > 1e-7
    assert abs(z_score(-known.law.log_prob(known.sample), known.law.entropy)) < 5.5


@pytest.mark.parametrize("powers", [(1, 0), (0, 1), (2, 0), (1, 1), (0, 2)])
def test_samples_have_the_moments(known, powers):
    mean = np.sum(known.mass * (known.x**powers).prod(axis=1))
    assert abs(z_score((known.sample**powers).prod(axis=1), mean)) < 5.5


@pytest.mark.parametrize("name", [n for n, kind in TOYS.items() if "noise" in vars(toy(n))])
def test_a_noise_five_per_cent_off_is_seen(name):
    law = toy(name)
    wrong = dataclasses.replace(law, noise=1.05 * law.noise)
    sample = wrong.sample(N // 4, rng=np.random.default_rng(3))
    assert abs(z_score(-law.log_prob(sample), law.entropy)) > 5.5


def test_separate_modes_have_the_entropy_of_the_choice_and_the_blur():
    blur = np.log(2 * np.pi * np.e * 0.02**2)
    assert abs(toy("eight_gaussians", noise=0.02).entropy - np.log(8) - blur) < 1e-8
    assert abs(toy("grid", noise=0.02).entropy - np.log(25) - blur) < 1e-8
    blades = toy("pinwheel", length=0.1, thickness=0.05)
    assert abs(blades.entropy - np.log(5) - np.log(2 * np.pi * np.e * 0.005)) < 1e-6


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_far_points_have_a_log_density_and_no_warning(law):
    x = np.array([[1e3, -1e3], [1e6, 1e6], [0, 0], [5.5, -5.5]])
    assert np.isfinite(law.log_prob(x)).all() or law.name == "checkerboard"
    edge = [0, 1e-300, 1e5, -1500, 1500, 1e160, -1e308, 1.7e308]
    logp = law.log_prob([[a, b] for a in edge for b in edge])
    assert not np.isnan(logp).any() and logp.max() < 10


@pytest.mark.parametrize("name", toys())
def test_log_prob_of_20000_points_takes_little_memory(name, rng):
    law, x = toy(name), rng.normal(size=(20_000, 2))
    law.log_prob(x[:1])
    tracemalloc.start()
    law.log_prob(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_a_toy_is_a_frozen_sampler_that_states_its_widths(law, rng):
    assert isinstance(law, Toy) and isinstance(law, Sampler) and law.features == 2
    assert law.sample(0, rng=rng).shape == (0, 2) and law.sample(3, rng=rng).dtype == np.float64
    assert law.log_prob(np.zeros((0, 2))).shape == (0,)
    assert law.entropy is law.entropy and isinstance(law.entropy, float)
    same = [law.sample(5, rng=np.random.default_rng(1)) for _ in range(2)]
    assert np.array_equal(*same)
    for field in dataclasses.fields(law):
        assert f"{field.name}={getattr(law, field.name)!r}" in repr(law)
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(law, field.name, 1.0)


@pytest.mark.parametrize("name", toys())
def test_the_docstring_states_every_default(name):
    kind = TOYS[name]
    for field in dataclasses.fields(kind):
        number = rf"\b{re.escape(f'{field.default:g}')}\b"
        words = kind.__doc__.replace("Eight", "8")
        assert re.search(number, words), f"{field.name} = {field.default}"


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: toy("moon"), "name: expected one of moons, "),
        (lambda: toy(["moons"]), "name: expected one of moons, "),
        (lambda: toy("moons", noize=1), r"toy\(\) has no option 'noize'; did you mean 'noise'"),
        (lambda: toy("moons", side=1), "an option of moons: expected one of noise, got 'side'"),
        (lambda: toy("moons", noise=0), r"noise: expected a number in \[0.02, 10.0\], got 0"),
        (lambda: toy("moons", noise="0.1"), "noise: expected a number, got '0.1'"),
        (lambda: toy("moons", noise=np.nan), "noise: expected a number in"),
        (lambda: toy("pinwheel", blades=2.5), "blades: expected an integer, got 2.5"),
        (lambda: toy("pinwheel", blades=0), r"blades: expected an integer in 1..20, got 0"),
        (lambda: toy("moons").sample(-1, rng=np.random.default_rng()), "n: expected an integer"),
        (lambda: toy("moons").sample(5, rng=0), "rng: expected a numpy.random.Generator, got 0"),
        (lambda: toy("moons").log_prob(np.ones(2)), r"x: expected shape \(N, 2\), got \(2,\)"),
        (lambda: toy("moons").log_prob([[0, np.inf]]), r"got inf at index \(0, 1\)"),
    ],
)
def test_a_wrong_argument_is_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
