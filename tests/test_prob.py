"""Theorems of the densities: they are the textbook's, they integrate, they can be sampled."""

import numpy as np
import pytest
from scipy import stats

from minigen import prob
from minigen.core import tree
from minigen.prob.gaussian import standard_normal


def correlated():
    """A Gaussian with every kind of entry in its Cholesky factor."""
    L = np.array([[1.2, 0, 0], [-0.7, 0.6, 0], [0.3, 0.4, 0.9]])
    return prob.Gaussian.from_moments([0.5, -1.0, 2.0], L @ L.T)


def unequal():
    """A mixture of which one component has most of the weight."""
    p = prob.Mixture.of_gaussians([[0, 0], [3, 1]], dtype=np.float64)
    return tree.rebuild(p, {"logits": np.array([0.5, 2.0])})


def test_only_the_lower_triangle_counts(rng):
    p = correlated()
    noisy = tree.rebuild(p, {"lower": p.lower + np.triu(rng.standard_normal((3, 3)))})
    x = rng.standard_normal((5, 3))
    assert np.array_equal(p.log_prob(x), noisy.log_prob(x))


def test_a_standard_normal_is_the_gaussian_with_unit_moments(rng):
    z = rng.standard_normal((20, 4))
    gaussian = prob.Gaussian.init(4, dtype=np.float64)
    np.testing.assert_allclose(prob.StandardNormal(4).log_prob(z), gaussian.log_prob(z), rtol=1e-14)


def test_a_mixture_is_the_weighted_sum_of_its_components(rng):
    mixture = prob.Mixture.of_gaussians([[0, 0], [3, 1], [-2, 2]], scale=0.7, dtype=np.float64)
    mixture = tree.rebuild(mixture, {"logits": np.array([0.2, -1.0, 0.5])})
    w = np.exp(mixture.logits) / np.exp(mixture.logits).sum()
    x = 3 * rng.standard_normal((40, 2))
    pdf = sum(
        wk * stats.multivariate_normal(p.mu, 0.49 * np.eye(2)).pdf(x)
        for wk, p in zip(w, mixture.components, strict=True)
    )
    np.testing.assert_allclose(mixture.log_prob(x), np.log(pdf), rtol=1e-12)


def test_a_mixture_far_from_all_its_components_is_finite():
    mixture = prob.Mixture.of_gaussians([[0, 0], [1, 1]], scale=1e-2, dtype=np.float64)
    assert np.isfinite(mixture.log_prob(np.array([[1e3, -1e3]]))).all()


@pytest.mark.parametrize(
    "p",
    [correlated(), prob.Mixture.of_gaussians([[0, 0], [3, 1]], dtype=np.float64), unequal()],
    ids=["Gaussian", "Mixture", "Mixture of unequal parts"],
)
def test_samples_follow_the_density(p, rng):
    """-log p of 2e5 samples has the mean it should have, and each moment its value (|z| < 4.5)."""
    n = 200_000
    x = p.sample(n, rng=rng)
    if isinstance(p, prob.Gaussian):
        mean, cov = p.mu, p.Sigma
        entropy = 0.5 * np.linalg.slogdet(2 * np.pi * np.e * cov)[1]
        logp = p.log_prob(x)
        assert abs(-logp.mean() - entropy) < 4.5 * logp.std() / np.sqrt(n)
    else:
        centres = np.stack([c.mu for c in p.components])
        w = np.exp(p.logits) / np.exp(p.logits).sum()
        mean, cov = w @ centres, np.eye(2) + np.cov(centres.T, bias=True, aweights=w)
    assert (np.abs(x.mean(axis=0) - mean) < 4.5 * np.sqrt(np.diag(cov) / n)).all()
    spread = np.sqrt(np.outer(np.diag(cov), np.diag(cov)) + cov**2) * 3
    assert (np.abs(np.cov(x.T) - cov) < 4.5 * spread / np.sqrt(n)).all()


def test_box_and_muller_draw_a_standard_normal(rng):
    """Distribution, moments to the sixth, tails, and the two of a pair independent; p > 1e-6."""
    for rows in 25, 1000:  # few numbers and many
        z = standard_normal((rows, 2000), rng=rng, dtype=np.float32)
        assert z.dtype == np.float32 and stats.kstest(z[:100].ravel(), "norm").pvalue > 1e-6
    z = z.ravel().astype(np.float64)
    cos, sin = z.reshape(2, -1)  # as they are drawn: one radius for each column
    far = 5 / np.sqrt(z.size)  # of 13 numbers below, none is 5 standard deviations off
    for k, (moment, spread) in enumerate([(0, 1), (1, 2), (0, 15), (3, 96), (0, 945), (15, 10170)]):
        assert abs(np.mean(z ** (k + 1)) - moment) < far * np.sqrt(spread)
    for edge in (1, 2, 3, 4):
        p = 2 * stats.norm.sf(edge)
        assert abs(np.mean(np.abs(z) > edge) - p) < far * np.sqrt(p)
    for f in (np.sign, np.abs, np.square):
        assert abs(np.corrcoef(f(cos), f(sin))[0, 1]) < 5 / np.sqrt(cos.size)


class Words:
    """A generator of given words of 32 bits, half of them for u and half for a; of nothing else."""

    def __init__(self, u, a):
        self.words = u, a

    def integers(self, low, high, size, dtype):
        return np.repeat(np.array(self.words, np.uint32), size).view(dtype)


@pytest.mark.parametrize("quarter, way", [(0, (1, 0)), (1, (0, 1)), (2, (-1, 0)), (3, (0, -1))])
@pytest.mark.parametrize("word, radius", [(2**31, 1.17741), (2**32 - 1, 0.0), (0, 6.8)])
def test_two_numbers_of_box_and_muller_are_a_radius_and_an_angle(quarter, way, word, radius):
    """u = 1/2, 1 and the smallest, a = 0, pi/2, -pi, -pi/2: the largest number there is is 6.8."""
    pair = standard_normal((2, 5000), rng=Words(word, quarter * 2**30), dtype=np.float32)
    want = radius * np.array(way)[:, None]
    np.testing.assert_allclose(pair, np.tile(want, 5000), rtol=0.01, atol=1e-4)


def test_a_pair_of_box_and_muller_takes_one_draw_and_the_others_are_numpys():
    one, two = (np.random.default_rng(5) for _ in range(2))
    standard_normal((10001,), rng=one, dtype=np.float32)
    two.integers(0, 2**64, 5001, dtype=np.uint64)
    assert one.bit_generator.state == two.bit_generator.state
    for size, dtype in ((10001, np.float64), (100, np.float32)):
        z = standard_normal((size,), rng=one, dtype=dtype)
        assert np.array_equal(z, two.standard_normal(size, dtype=dtype))


@pytest.mark.parametrize("shape", [(), (0, 3), (3,), (4097,), (5, 1001)])
def test_draws_have_their_shape_and_type_and_depend_on_the_seed_alone(shape):
    for dtype in (np.float32, np.float64, np.dtype(np.float32)):
        one, two = (
            standard_normal(shape, rng=np.random.default_rng(7), dtype=dtype) for _ in range(2)
        )
        assert np.shape(one) == shape and np.array_equal(one, two)
        assert np.all(np.isfinite(one)) and np.result_type(one) == dtype


def test_a_covariance_is_symmetric_and_positive_definite_or_is_refused():
    with pytest.raises(ValueError, match="symmetric"):
        prob.Gaussian.from_moments([0, 0], [[1, 0.5], [0.4999, 1]])
    with pytest.raises(ValueError, match="lowest eigenvalue -2"):
        prob.Gaussian.from_moments([0, 0], [[3, 0], [0, -2]])


def test_a_mixture_in_single_precision_can_be_sampled(rng):
    """Its weights sum to one in double precision, as `choice` wants them."""
    p = prob.Mixture.of_gaussians(np.zeros((50, 1)))
    p = tree.rebuild(p, {"logits": rng.standard_normal(50).astype(np.float32)})
    assert p.sample(3, rng=rng).shape == (3, 1)


@pytest.mark.parametrize(
    "p",
    [prob.StandardNormal(2), prob.Gaussian.init(2), prob.Mixture.of_gaussians([[0.0, 1.0]])],
    ids=repr,
)
def test_a_sample_needs_a_number_and_a_generator(p, rng):
    assert p.sample(0, rng=rng).shape[0] == 0
    with pytest.raises(ValueError, match="n: expected an integer >= 0, got -1"):
        p.sample(-1, rng=rng)
    with pytest.raises(TypeError, match="rng: expected a"):
        p.sample(1, rng=0)
