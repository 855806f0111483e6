"""What is promised of fresh layers, fixed permutations, and integers on their way in and out."""

import numpy as np
import pytest

from minigen import check, flows, nn, prob, training
from minigen import diffusion as df
from minigen.core import tree
from minigen.diffusion.network import TimeNet
from minigen.flows.made import MADE
from minigen.nn import embed
from minigen.nn.residual import ResidualBlock


def variance(W):
    """The variance of the weights times n_in."""
    return W.var() * len(W)


@pytest.mark.parametrize(
    "activation, gain", [("relu", 2), ("silu", 2), ("softplus", 2), ("tanh", 1)]
)
def test_fresh_weights_keep_the_scale_of_what_goes_through_them(activation, gain, rng):
    """He et al. (2015): variance 2 / n_in where half is cut off, 1 / n_in elsewhere; 5 % off."""
    net = nn.mlp(200, (300, 200), 400, activation=activation, rng=rng)
    *hidden, last = (f.W for f in net.layers if hasattr(f, "W"))
    for W in hidden:
        assert abs(variance(W) / gain - 1) < 0.05
    assert abs(variance(last) - 1) < 0.05
    made = MADE.init(1, (500,), 3, context=300, activation=activation, rng=rng)
    assert abs(variance(made.linears[0].W[:300]) / gain - 1) < 0.05


def test_fresh_layers_have_the_variances_their_pages_say(rng):
    assert abs(variance(nn.Linear.init(300, 300, rng=rng).W) / 2 - 1) < 0.05
    assert abs(variance(nn.Linear.init(1, 90_000, rng=rng).W) / 2 - 1) < 0.05
    assert nn.Linear.init(0, 3, rng=rng).forward(np.zeros((2, 0)))[0].shape == (2, 3)
    assert abs(variance(ResidualBlock.init(300, rng=rng).linear.W) - 1) < 0.05
    time = embed.TimeEmbedding.init(3, 300, 300, rng=rng)
    assert abs(variance(time.first.W) / 2 - 1) < 0.05
    assert abs(variance(time.second.W) - 1) < 0.05
    lift = TimeNet.init(4, 4, T=3, hidden=1500, blocks=1, rng=rng).lift
    assert abs(lift.W.var() / (6 / 4) ** 2 - 1) < 0.1


def test_an_embedding_has_a_row_for_each_class_and_one_for_none(rng):
    W = embed.LabelEmbedding.init(4, 3000, rng=rng).W
    assert W.shape == (5, 3000) and abs(W.var() - 1) < 0.05


@pytest.mark.parametrize("D", range(2, 8))
def test_what_a_coupling_keeps_the_next_one_moves(D):
    """Permute.halves brings the columns after the d = D // 2 kept ones to the front, in order."""
    d = D // 2
    assert flows.Permute.halves(D).order.tolist() == [*range(d, D), *range(d)]


def test_a_flow_without_levels_has_its_bits_by_definition(rng):
    flow = flows.real_nvp(3, 2, (8,), rng=rng, dtype=np.float64)
    x = rng.standard_normal((5, 3))
    bits = -flow.log_prob(x) / (3 * np.log(2))
    for draws in (1, 2, 5):
        np.testing.assert_allclose(flow.bits_per_dim(x, rng=rng, draws=draws), bits, rtol=1e-12)


def test_integers_are_sampled_up_to_the_last_level(rng):
    wide = prob.Gaussian.from_moments([2.5], [[100.0]])
    drawn = flows.Flow(flows.Chain(()), wide, levels=5).sample(200, rng=rng)
    assert set(drawn.ravel().tolist()) == {0, 1, 2, 3, 4}


def test_pixels_come_back_as_they_went_in(rng):
    model = df.ddpm(1, df.linear_schedule(4), hidden=4, blocks=1, levels=17, rng=rng)
    pixels = np.arange(17)[:, None]
    x = model.encode(pixels)
    assert x.min() == -1 and x.max() == 1
    assert np.array_equal(model.decode(x), pixels)


def test_fewer_steps_keep_the_decoder_only_where_the_first_step_is_kept(rng):
    model = df.ddpm(2, df.linear_schedule(10), hidden=4, blocks=1, predict="eps", rng=rng)
    assert model.respaced(10).first == model.respaced(4).first == model.first
    alone = model.respaced(1)
    assert alone.first == alone.schedule.beta[1] != model.first


def test_a_model_that_predicts_mu_can_take_all_its_steps(rng):
    model = df.ddpm(2, df.linear_schedule(5), hidden=4, blocks=1, predict="mu", rng=rng)
    assert model.sample(3, rng=rng, steps=5).shape == (3, 2)
    with pytest.raises(ValueError, match="predict"):
        model.sample(3, rng=rng, steps=4)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_one_condition_for_all_rows_gets_one_gradient(rows, rng):
    block = ResidualBlock.init(4, rng=rng, dtype=np.float64)
    h = rng.standard_normal((3, 4))
    for e in (rng.standard_normal((1, 4)), rng.standard_normal((3, 4))):
        y, cache = block.forward(h[:rows], e[:rows])
        _, de, _ = block.backward(np.ones_like(y), cache)
        assert de.shape == e[:rows].shape


def test_what_is_not_asked_for_is_not_there(rng):
    made = MADE.init(3, (8,), rng=rng)
    assert (made.parts, made.context) == (2, 0)
    assert MADE(made.layers, made.order).context == 0
    assert flows.Flow(flows.Chain(()), prob.StandardNormal(2)).levels == 0


def test_a_chain_hands_its_context_to_those_who_ask_both_ways(rng):
    assert flows.Chain(()).context == 0
    new = {"rng": rng, "dtype": np.float64}
    layers = (flows.Permute.halves(4), flows.AffineCoupling.init(4, (6,), context=2, **new))
    for array in tree.flatten(layers[1].params).values():
        array += 0.3 * rng.standard_normal(array.shape)
    x, context = rng.standard_normal((3, 4)), rng.standard_normal((3, 2))
    assert check.bijection(flows.Chain(layers), x, context, rng=rng)


def test_a_level_too_high_is_refused(rng):
    flow = flows.Flow(flows.Chain(()), prob.StandardNormal(1), levels=5)
    flow.nll.draw(np.array([[0], [4]]), rng)
    with pytest.raises(ValueError, match="4"):
        flow.nll.draw(np.array([[5]]), rng)


def test_the_sinusoids_are_those_of_the_paper(rng):
    t, n = np.array([0, 1, 7, 500]), 6
    angle = np.array([[step / 10000 ** (2 * k / n) for k in range(n // 2)] for step in t])
    want = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    np.testing.assert_allclose(embed.sinusoid(t, n), want, rtol=1e-12, atol=1e-12)
    assert embed.TimeEmbedding.init(9, n, 3, rng=rng).table.shape == (10, n)


def test_gradients_with_other_paths_are_refused_by_name():
    x = np.zeros(2)
    with pytest.raises(ValueError, match=r"missing \['b'\], extra \['c'\]"):
        list(tree.pairs({"a": x, "b": x}, {"a": x, "c": x}))


def test_an_optimizer_can_be_made_without_a_word():
    assert training.Adam().lr > 0 and training.SGD().lr > 0


def test_what_a_model_predicts_is_told_in_every_kind(rng):
    """From the network's eps: x_t = sqrt(A_t) x0 + sqrt(1 - A_t) eps holds for what it says."""
    schedule = df.linear_schedule(6)
    model = df.ddpm(2, schedule, hidden=4, blocks=1, predict="eps", rng=rng, dtype=np.float64)
    xt, t = rng.standard_normal((3, 2)), np.array([1, 3, 6])
    x0, eps = (model.predicted(xt, t, kind) for kind in ("x0", "eps"))
    A, rest = schedule.alpha_bar[t, None], schedule.one_minus_alpha_bar[t, None]
    np.testing.assert_allclose(np.sqrt(A) * x0 + np.sqrt(rest) * eps, xt, rtol=1e-12)
