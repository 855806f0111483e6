"""MADE with a softmax for each column: an exact density of whole numbers."""

import itertools

import numpy as np
import pytest

import minigen as mg
from minigen.core import tree
from minigen.flows import MADE, MADECategorical

ROWS = np.array(list(itertools.product(range(4), repeat=3)))  # all of {0 .. 3}^3


def rng(seed=0):
    return np.random.default_rng(seed)


def model(context=0, order="random", **options):
    made = MADECategorical.init(
        3, 4, (12, 9), order=order, context=context, rng=rng(), dtype=np.float64, **options
    )
    return tree.perturbed(made, rng(1), 0.5)


@pytest.mark.parametrize("context", [0, 2])
@pytest.mark.parametrize("order", ["natural", "reversed", "random"])
def test_the_probabilities_of_all_rows_sum_to_one(context, order):
    p, given = model(context, order), (np.tile([0.3, -1.0], (64, 1)),) * bool(context)
    P = np.exp(p.log_prob(ROWS, *given))
    assert abs(P.sum() - 1) < 1e-12 and P.std() > 1e-3


def test_a_conditional_is_what_enumeration_gives():
    """P(x_2 | x_1) by summing the joint over x_3 is the softmax that the network gives."""
    p = model(order="natural")
    joint = np.exp(p.log_prob(ROWS)).reshape(4, 4, 4)
    by_sum = joint.sum(axis=2) / joint.sum(axis=(1, 2))[:, None]
    hot = np.eye(4)[np.stack([np.arange(4), np.zeros(4, int), np.zeros(4, int)], axis=1)]
    a = p.made.forward(hot)[0][:, 1]
    by_net = np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(by_net, by_sum, rtol=1e-12)


@pytest.mark.parametrize("context", [0, 2])
def test_samples_are_those_of_D_whole_passes(context):
    p, n = model(context), 50
    given = (rng(2).standard_normal((n, context)),) * bool(context)
    u, x = rng(3).random((3, n)), np.zeros((n, 3), int)
    for m, i in enumerate(p.made.order):
        a = p.made.forward(np.eye(4)[x], *given)[0][:, i]
        edges = np.cumsum(np.exp(a) / np.exp(a).sum(axis=1, keepdims=True), axis=1)
        x[:, i] = (edges[:, :-1] < u[m][:, None]).sum(axis=1)
    assert np.array_equal(p.sample(n, *given, rng=rng(3)), x)


def test_samples_have_the_frequencies_of_the_density():
    p, n = model(), 20_000
    count = np.bincount(p.sample(n, rng=rng(5)) @ [16, 4, 1], minlength=64)
    expected = n * np.exp(p.log_prob(ROWS))
    chi2 = np.sum((count - expected) ** 2 / expected)
    assert chi2 < 63 + 6 * np.sqrt(2 * 63)


def test_the_bound_of_dequantisation_is_an_equality():
    p = model()
    assert np.array_equal(p.log_prob(ROWS), p.log_prob(ROWS + rng(2).random(ROWS.shape)))
    assert np.array_equal(p.bits_per_dim(ROWS), -p.log_prob(ROWS) / (3 * np.log(2)))


def test_it_learns_a_table_down_to_its_entropy():
    """x_2 is x_1 or the next number, at odds of 4 : 1; no density can cost less."""
    x1 = rng().integers(0, 3, 600)
    x = np.stack([x1, (x1 + (rng(1).random(600) < 0.2)) % 3], axis=1)
    share = np.bincount(x @ [3, 1], minlength=9) / len(x)
    entropy = -np.sum(share[share > 0] * np.log(share[share > 0]))
    p = MADECategorical.init(2, 3, (16,), rng=rng())
    mg.fit(p.nll, x, steps=400, lr=2e-2, rng=rng(2), progress=False)
    assert -1e-3 < -p.log_prob(x).astype(float).mean() - entropy < 0.02


def test_outside_the_levels_the_density_is_0_and_bits_are_refused():
    p = model()
    assert np.isneginf(p.log_prob([[0, 4, 0], [-1, 0, 0]])).all()
    with pytest.raises(ValueError, match="x: expected"):
        p.bits_per_dim([[0, 4, 0]])
    with pytest.raises(ValueError, match=r"made\.parts: expected at least 2, and the 1 inputs"):
        MADECategorical(MADE.init(3, 4, 4, rng=rng()))


def test_it_is_saved_and_read(tmp_path):
    p = model(2).astype(np.float32)
    mg.save(tmp_path / "m.npz", p)
    back, c = mg.load(tmp_path / "m.npz"), np.ones((64, 2))
    assert np.array_equal(back.log_prob(ROWS, c), p.log_prob(ROWS, c))
