"""What is promised of fresh layers, fixed permutations, and integers on their way in and out."""

import numpy as np
import pytest

from minigen import diffusion as df
from minigen import flows, nn, prob
from minigen.diffusion.network import TimeNet
from minigen.flows.made import MADE
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
    assert abs(variance(ResidualBlock.init(300, rng=rng).linear.W) - 1) < 0.05
    lift = TimeNet.init(4, 4, T=3, hidden=1500, blocks=1, rng=rng).lift
    assert abs(lift.W.var() / (6 / 4) ** 2 - 1) < 0.1


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
    x, _ = model.unpack((pixels,))
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
    assert (made.parts, made.context) == (2, 0) and made.forward(np.zeros((1, 3)))[0].shape == (
        1,
        3,
        2,
    )
