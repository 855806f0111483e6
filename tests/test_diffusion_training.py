"""A short training reaches what it should, and never claims more than the truth."""

import numpy as np
import pytest

import minigen as mg
from minigen import diffusion as df


@pytest.fixture(scope="module")
def trained():
    """A small model of moons after a few seconds, and 1500 points of known log p."""
    rng = np.random.default_rng(0)
    toy = mg.data.toy("moons")
    model = df.ddpm(2, df.cosine_schedule(50), hidden=64, blocks=2, rng=rng)
    mg.fit(model, toy, steps=800, batch=256, lr=5e-3, ema=0.995, rng=rng, progress=False)
    x = toy.sample(1500, rng=rng)
    return model, toy, x, -toy.log_prob(x)


def test_a_trained_bound_is_near_the_truth_and_above_it(trained):
    model, _, x, nll = trained
    e = model.elbo(x, rng=np.random.default_rng(1))
    gap = e.per_row - nll
    error = np.std(gap) / np.sqrt(len(x))
    assert -4 * error < gap.mean() < 0.65  # ideal at T = 50: 0.18


def test_the_ode_is_tighter_than_the_bound(trained):
    model, _, x, nll = trained
    gap = -model.log_prob_ode(x[:300], tolerance=1e-4) - nll[:300]
    error = np.std(gap) / np.sqrt(300)
    assert -4 * error < gap.mean() < 0.55


def test_samples_lie_where_the_data_do(trained):
    model, toy, *_ = trained
    for how in ({}, {"sampler": "ddim", "steps": 10}):
        x = model.sample(500, rng=np.random.default_rng(2), **how)
        assert np.mean(toy.log_prob(x) > -4) > 0.75


def test_digits_beat_independent_pixels_after_a_short_training(rng):
    """Discrete bits per dimension on a held-out part; uniform is 4.09, independent pixels 2.40."""
    digits = mg.data.digits()
    model = df.ddpm(
        64, df.cosine_schedule(10, 0.1), hidden=128, blocks=2, levels=17, variance="free", rng=rng
    )
    mg.fit(model, digits.train.x, steps=700, batch=128, lr=4e-3, ema=0.995, rng=rng, progress=False)
    e = model.elbo(digits.test.x, rng=rng)
    assert e.bits_per_dim + 4 * e.bits_error < 2.40
    assert e.bits_per_dim > 1.5
