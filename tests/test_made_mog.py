"""MADE with mixtures, and MAF over it: densities that integrate to one and are sampled rightly."""

import numpy as np
import pytest
from scipy import stats

from minigen.core import tree
from minigen.flows import MADEMoG


def rng(seed=0):
    return np.random.default_rng(seed)


def density(D, K, context=0, scale=0.3, order="natural"):
    r = rng()
    p = MADEMoG.init(D, (D + 6, D + 5), K, rng=r, context=context, order=order,
                     activation="tanh", dtype=np.float64)  # fmt: skip
    return tree.perturbed(p, r, scale)


@pytest.mark.parametrize("order", ["natural", "reversed"])
def test_the_density_integrates_to_one(order):
    axis, step = np.linspace(-22, 22, 631, retstep=True)
    x = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    p = np.exp(density(2, 3, order=order).log_prob(x))
    assert abs(p.sum() * step**2 - 1) < 1e-9


def test_one_component_is_the_gaussian_of_a_maf_layer():
    """MAF-1 with K = 1: log p = sum_i log N(x_i | mu_i, sigma_i^2) for any weights a."""
    p = density(4, 1)
    x = rng(1).standard_normal((9, 4))
    h, _ = p.made.forward(x)
    mu, sigma = h[..., 1], np.exp(p.c * np.tanh(h[..., 2] / p.c))
    want = stats.norm.logpdf(x, mu, sigma).sum(axis=1)
    np.testing.assert_allclose(p.log_prob(x), want, rtol=0, atol=1e-12)


def test_one_coordinate_is_a_mixture():
    p = density(1, 4)
    x = rng(1).standard_normal((9, 1))
    logpi, mu, alpha = (a[0, 0] for a in p.conditionals(p.made.forward(x)[0]))
    want = np.exp(logpi) @ stats.norm.pdf(x[:, 0], mu[:, None], np.exp(alpha)[:, None])
    np.testing.assert_allclose(p.log_prob(x), np.log(want), rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", ["natural", "random"])
def test_samples_follow_the_conditionals(order):
    """The probability integral transform of each conditional is uniform and independent.

    Kolmogorov-Smirnov of 3 x 4000 numbers, false alarms 1e-6.
    """
    p = density(3, 3, context=1, order=order)
    c = rng(5).standard_normal((4000, 1))
    x = p.sample(4000, c, rng=rng(6))
    logpi, mu, alpha = p.conditionals(p.made.forward(x, c)[0])
    u = (np.exp(logpi) * stats.norm.cdf(x[..., None], mu, np.exp(alpha))).sum(axis=-1)
    assert stats.kstest(u.ravel(), "uniform").pvalue > 1e-6
    assert np.abs(np.corrcoef(u.T) - np.eye(3)).max() < 5 / np.sqrt(4000)


def test_samples_keep_the_type_and_the_seed():
    p = density(3, 2).astype(np.float32)
    assert p.sample(5, rng=rng()).dtype == np.float32
    assert np.array_equal(p.sample(5, rng=rng()), p.sample(5, rng=rng()))
    assert p.sample(0, rng=rng()).shape == (0, 3)
    with pytest.raises(ValueError, match="n: expected an integer >= 0, got -1"):
        p.sample(-1, rng=rng())


@pytest.mark.parametrize("K, means", [(1, [0]), (2, [-2, 2]), (5, [-2, -1, 0, 1, 2])])
def test_a_fresh_one_is_an_equal_mixture_over_the_middle_for_each_coordinate(K, means, rng):
    fresh = MADEMoG.init(2, (4,), K, rng=rng, last_gain=0.0, dtype=np.float64)
    x = rng.standard_normal((9, 2))
    pdf = np.mean([stats.norm.pdf(x, m) for m in means], axis=0).prod(axis=1)
    np.testing.assert_allclose(fresh.log_prob(x), np.log(pdf), rtol=1e-12)
