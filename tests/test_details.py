"""What docstrings promise of fresh layers, numbers at the edge and defaults, room by room."""

from types import SimpleNamespace

import numpy as np
import pytest

from minigen import diffusion as df
from minigen import flows, nn, prob
from minigen.core import numeric, tree
from minigen.data import quadrature
from minigen.diffusion.network import TimeNet
from minigen.diffusion.variance import log_variance
from minigen.flows.made import MADE
from minigen.nn import embed
from minigen.nn.residual import ResidualBlock


def tiny(rng, D=2, T=8, schedule=df.linear_schedule, **options):
    """A small diffusion model in float64."""
    options = {"hidden": 4, "blocks": 1, "rng": rng, "dtype": np.float64} | options
    return df.ddpm(D, schedule(T), **options)


# core


def test_elementwise_functions_have_their_slopes_and_limits():
    x = np.array([-2.0, 0.0, 2.0])
    step = x + 1e-100j
    np.testing.assert_allclose(numeric.softplus(x), np.log1p(np.exp(x)), rtol=1e-14)
    slope = numeric.softplus(step).imag / 1e-100
    np.testing.assert_allclose(slope, numeric.sigmoid(x), rtol=1e-14)
    assert (numeric.absolute(step).imag / 1e-100).tolist() == [-1, 0, 1]
    far = numeric.sigmoid(np.array([-1e3, -80.0, -79.0, 0.0, 1e3]))
    np.testing.assert_allclose(far, [np.exp(-80), np.exp(-80), np.exp(-79), 0.5, 1], rtol=1e-14)


def test_gradients_with_other_paths_are_refused_by_name():
    x = np.zeros(2)
    with pytest.raises(ValueError, match=r"missing \['b'\], extra \['c'\]"):
        list(tree.pairs({"a": x, "b": x}, {"a": x, "c": x}))


# nn


def variance(W):
    """The variance of the weights times n_in."""
    return W.var() * len(W)


@pytest.mark.parametrize(
    "activation, gain", [("relu", 2), ("silu", 2), ("softplus", 2), ("tanh", 1)]
)
def test_fresh_weights_keep_the_scale_of_their_input(activation, gain, rng):
    """He et al. (2015): variance 2 / n_in where half is cut off, 1 / n_in elsewhere; 5 % off."""
    net = nn.mlp(200, (300, 200), 400, activation=activation, rng=rng)
    *hidden, last = (f.W for f in net.layers if hasattr(f, "W"))
    for W in hidden:
        assert abs(variance(W) / gain - 1) < 0.05
    assert abs(variance(last) - 1) < 0.05
    made = MADE.init(1, (15_000,), 3, context=10, activation=activation, rng=rng)
    assert abs(variance(made.linears[0].W[:10]) / gain - 1) < 0.05


def test_fresh_layers_have_the_variances_their_pages_say(rng):
    time = embed.TimeEmbedding.init(3, 300, 300, rng=rng)
    for W, expected in (
        (nn.Linear.init(300, 300, rng=rng).W, 2),
        (nn.Linear.init(1, 90_000, rng=rng).W, 2),
        (ResidualBlock.init(300, rng=rng).linear.W, 1),
        (time.first.W, 2),
        (time.second.W, 1),
        (embed.LabelEmbedding.init(4, 30_000, rng=rng).W, 5),
        (TimeNet.init(4, 4, T=3, hidden=6000, blocks=1, rng=rng).lift.W, 9),
    ):
        assert abs(variance(W) / expected - 1) < 0.05
    assert nn.Linear.init(0, 3, rng=rng).forward(np.zeros((2, 0)))[0].shape == (2, 3)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_one_condition_for_all_rows_gets_one_gradient(rows, rng):
    block = ResidualBlock.init(4, rng=rng, dtype=np.float64)
    h = rng.standard_normal((3, 4))
    for e in (rng.standard_normal((1, 4)), rng.standard_normal((3, 4))):
        y, cache = block.forward(h[:rows], e[:rows])
        _, de, _ = block.backward(np.ones_like(y), cache)
        assert de.shape == e[:rows].shape


def test_the_sinusoids_are_those_of_the_paper(rng):
    t, n = np.array([0, 1, 7, 500]), 6
    angle = np.array([[step / 10000 ** (2 * k / n) for k in range(n // 2)] for step in t])
    want = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    np.testing.assert_allclose(embed.sinusoid(t, n), want, rtol=1e-12, atol=1e-12)
    assert embed.TimeEmbedding.init(9, n, 3, rng=rng).table.shape == (10, n)


# data


@pytest.mark.parametrize("n", [2, 4, 10])
def test_the_rule_of_clenshaw_and_curtis_is_exact_to_degree_n(n):
    x, w = quadrature.clenshaw_curtis(-1.0, 2.0, n)
    for k in range(n + 1):
        np.testing.assert_allclose(w @ x**k, (2.0 ** (k + 1) - (-1.0) ** (k + 1)) / (k + 1), 1e-13)


def test_a_lattice_reaches_both_corners():
    points = np.concatenate(list(quadrature.lattice(np.zeros(2), np.array([1.0, 2.0]), 0.25)))
    assert len({tuple(p) for p in points}) == len(points)
    assert {(0.0, 0.0), (1.0, 2.0), (0.25, 1.75)} <= {tuple(p) for p in points}


# flows


@pytest.mark.parametrize("D", range(2, 8))
def test_halves_swaps_what_a_coupling_keeps_and_what_it_moves(D):
    d = D // 2
    assert flows.Permute.halves(D).order.tolist() == [*range(d, D), *range(d)]


def test_samples_of_integers_stay_in_their_levels(rng):
    wide = prob.Gaussian.from_moments([2.5], [[100.0]])
    flow = flows.Flow(flows.Chain(()), wide, levels=5)
    assert set(flow.sample(200, rng=rng).ravel().tolist()) == {0, 1, 2, 3, 4}


# diffusion


def test_pixels_come_back_as_they_went_in(rng):
    model, pixels = tiny(rng, 1, levels=17), np.arange(17)[:, None]
    x = model.data.scale(pixels)
    assert x.min() == -1 and x.max() == 1
    assert np.array_equal(model.data.unscale(x), pixels)


def test_fewer_steps_keep_the_decoder_only_where_the_first_step_is_kept(rng):
    full = tiny(rng, T=10, predict="eps").reverse
    assert full.respaced(10).first == full.respaced(4).first == full.first
    alone = full.respaced(1)
    assert alone.first == alone.schedule.beta[1] != full.first


def test_a_respaced_network_interpolates_the_times_between_its_steps(rng):
    model, x, between = tiny(rng), rng.standard_normal((1, 2)), np.array([1.5])
    short = model.reverse.respaced(4).net
    middle = np.array([(short.times[1] + short.times[2]) / 2])
    assert np.array_equal(short.forward(x, t=between)[0], model.reverse.net.forward(x, t=middle)[0])


def test_a_model_that_predicts_mu_can_take_all_its_steps_and_no_fewer(rng):
    model = tiny(rng, T=5, predict="mu")
    assert model.sample(3, rng=rng, steps=5).shape == (3, 2)
    with pytest.raises(ValueError, match="predict"):
        model.sample(3, rng=rng, steps=4)


def test_the_class_reaches_every_term_of_the_bound(rng):
    model = tree.perturbed(tiny(rng, classes=2), rng, 1.0)
    x0, eps = rng.standard_normal((2, 3, 2))
    term, t = df.StepTerm(model.reverse), np.array([1, 4, 8])
    first, second = (term.forward(x0, t=t, eps=eps, label=np.full(3, k))[0] for k in (0, 1))
    assert np.all(first != second)


def test_the_ideal_noise_is_the_slope_of_the_log_density_for_any_covariances(rng):
    S = rng.standard_normal((2, 3, 3))
    S = S @ S.transpose(0, 2, 1) + 0.1 * np.eye(3)
    means, weights = rng.standard_normal((2, 3)), [0.3, 0.7]
    ideal = df.IdealNoise.init(df.linear_schedule(8), means, S, weights)
    x, t = rng.standard_normal((1, 3)), np.array([3])
    noise = np.sqrt(ideal.schedule.one_minus_alpha_bar[3])
    slope = [ideal.log_density(x + 1e-100j * np.eye(3)[[d]], t)[0].imag / 1e-100 for d in range(3)]
    np.testing.assert_allclose(ideal.forward(x, t=t)[0][0], -noise * np.array(slope), rtol=1e-12)


def test_a_free_log_variance_is_within_six_of_log_beta():
    raw = np.linspace(-99, 99, 7)[None]
    logvar, slope = log_variance("free", np.array([[-9.0]]), np.array([[-3.0]]), raw)
    np.testing.assert_allclose(logvar, -3 + 6 * np.tanh(raw / 6), rtol=1e-14)
    np.testing.assert_allclose(slope, 1 / np.cosh(raw / 6) ** 2, atol=1e-15)


def test_times_are_drawn_by_the_root_of_the_mean_square_of_their_terms():
    """Of rows with mean L and standard error e of it, the mean square is L^2 + rows e^2."""
    L, error = np.array([3.0, 1.0, 0.5]), np.array([0.4, 0.0, 0.2])
    size = np.sqrt(L[:2] ** 2 + 25 * error[:2] ** 2)
    p = df.Importance.of(SimpleNamespace(L=L, L_error=error, rows=25), floor=0.2).p
    np.testing.assert_allclose(p, 0.1 + 0.8 * size / size.sum(), rtol=1e-14)


def test_predictions_of_x0_and_eps_belong_together(rng):
    """x_t = sqrt(A_t) x0 + sqrt(1 - A_t) eps holds for what the network predicts."""
    model = tiny(rng, T=6, predict="eps")
    xt, t = rng.standard_normal((3, 2)), np.array([1, 3, 6])
    x0, eps = (model.reverse.predicted(xt, t, kind) for kind in ("x0", "eps"))
    A, rest = model.schedule.alpha_bar[t, None], model.schedule.one_minus_alpha_bar[t, None]
    np.testing.assert_allclose(np.sqrt(A) * x0 + np.sqrt(rest) * eps, xt, rtol=1e-12)
