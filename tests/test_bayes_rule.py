"""Bayes' rule with a class-conditional density, on mixtures whose rule is known."""

import numpy as np
import pytest

import minigen as mg
from minigen.flows import Chain, ContextShift, Flow, classify
from minigen.prob import StandardNormal

MU = np.array([[-1.5, 0.0], [1.0, 1.0], [0.5, -2.0]])
PRIOR = np.array([0.5, 0.3, 0.2])


def rng(seed=0):
    return np.random.default_rng(seed)


def gaussians():
    """p(x | y) = N(x; mu_y, I)."""
    return Flow(Chain((ContextShift(MU),)), StandardNormal(2))


def test_it_is_the_rule_of_a_mixture_of_gaussians():
    x = 2 * rng().standard_normal((500, 2))
    y, log_posterior = classify(gaussians(), x, PRIOR)
    joint = np.log(PRIOR) - 0.5 * ((x[:, None] - MU) ** 2).sum(axis=2)
    truth = np.exp(joint) / np.exp(joint).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.exp(log_posterior), truth, rtol=1e-10, atol=1e-14)
    assert np.array_equal(y, truth.argmax(axis=1)) and len(np.unique(y)) == 3


def test_a_prior_of_0_excludes_a_class_and_equal_ones_are_the_default():
    x = rng().standard_normal((50, 2))
    y, log_posterior = classify(gaussians(), x, [0.5, 0.5, 0])
    assert y.max() == 1 and np.isneginf(log_posterior[:, 2]).all()
    same = classify(gaussians(), x, np.full(3, 1 / 3))[1]
    np.testing.assert_allclose(classify(gaussians(), x)[1], same, rtol=1e-12)


def test_a_trained_flow_is_nearly_as_good_as_the_rule():
    """Half the rows of each of two Gaussians: the rule errs at Phi(-1) = 0.159."""
    c = np.repeat([0, 1], 1000)
    x = rng().standard_normal((2000, 2)) + 2.0 * c[:, None] * [1, 0]
    flow = mg.flows.maf(2, 1, (8,), context=2, rng=rng())
    mg.fit(flow.nll, (x, np.eye(2)[c]), steps=200, lr=1e-2, rng=rng(1), progress=False)
    rule = x[:, 0] > 1
    assert np.mean(classify(flow, x)[0] == rule) > 0.95


def test_each_class_sees_the_same_noise_of_whole_numbers():
    flow = mg.flows.real_nvp(
        2, 1, (4,), levels=4, context=2, rng=rng()
    )  # the context moves nothing
    x = rng().integers(0, 4, (20, 2))
    _, log_posterior = classify(flow, x, rng=rng(3), draws=2)
    np.testing.assert_allclose(log_posterior, np.log(0.5), rtol=1e-6)
    with pytest.raises(TypeError, match="rng: expected"):
        classify(flow, x)


def test_what_cannot_be_classified_is_refused():
    x = np.zeros((2, 2))
    with pytest.raises(ValueError, match="density: expected one with a context"):
        classify(StandardNormal(2), x)
    with pytest.raises(ValueError, match="prior: expected probabilities that sum to 1"):
        classify(gaussians(), x, [0.5, 0.5, 0.5])
    with pytest.raises(ValueError, match=r"some density, .*none in any class in row 1"):
        flow = mg.flows.real_nvp(2, 1, (4,), levels=4, context=2, rng=rng())
        far = Flow(flow.chain, flow.base)  # the Logit's support, without the check of levels
        classify(far, [[0.5, 0.5], [9.0, 9.0]])
