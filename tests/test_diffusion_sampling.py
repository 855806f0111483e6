"""Samplers and the probability-flow ODE, where the right answer is a number."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from minigen import diffusion as df
from minigen.diffusion import ode
from minigen.diffusion.samplers import ancestral, ddim, ddim_weights
from minigen.diffusion.schedule import evenly_spaced


def ideal(schedule, means, variance, kind="beta", **options):
    """A DDPM whose network is the best there can be for a mixture of Gaussians."""
    net = df.IdealNoise.init(schedule, means, variance)
    first = schedule.beta[1]
    return df.DDPM(
        df.ReverseProcess(net, schedule, net.means.shape[1], "eps", kind, first, **options)
    )


def small(rng, **options):
    """A small model, in float64, whose network is not zero."""
    options = {"schedule": df.linear_schedule(20), "hidden": 8, "dtype": np.float64} | options
    model = df.ddpm(2, rng=rng, **options)
    model.reverse.net.head.W[...] = 0.3 * rng.standard_normal(model.reverse.net.head.W.shape)
    return model


@pytest.mark.parametrize("predict", ["eps", "x0", "v"])
def test_ddim_with_eta_one_is_the_ancestral_step(predict, rng):
    """The same noise, all steps, variance beta_tilde: the same states."""
    model, x = small(rng, predict=predict, variance="beta_tilde"), rng.standard_normal((4, 2))
    times = np.arange(1, 21)
    one = list(ancestral(model.reverse, x, rng=np.random.default_rng(7)))
    two = list(ddim(model.reverse, x, rng=np.random.default_rng(7), times=times, eta=1.0))
    for (t, a), (s, b) in zip(one[:-1], two[:-1], strict=True):
        assert t == s
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_ddim_weights_are_a_posterior_at_eta_one():
    s = df.cosine_schedule(50)
    for t in range(2, 51):
        signal, fresh, kept = ddim_weights(s, t, t - 1, 1.0)
        assert signal == np.sqrt(s.alpha_bar[t - 1])
        assert fresh**2 == pytest.approx(s.beta_tilde[t], rel=1e-12)
        assert kept**2 + fresh**2 == pytest.approx(s.one_minus_alpha_bar[t - 1], rel=1e-12)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("steps", [1, 7, 100])
def test_ddim_keeps_the_marginals_of_a_point(eta, steps):
    """For data at one point every step lands on q(x_s | x_0), whatever eta and the times."""
    s = df.cosine_schedule(100)
    times = evenly_spaced(100, steps)
    for t, before in zip(times[1:], times[:-1], strict=True):
        signal, fresh, kept = ddim_weights(s, t, before, eta)
        assert signal**2 == pytest.approx(s.alpha_bar[before], rel=1e-13)
        assert fresh**2 + kept**2 == pytest.approx(s.one_minus_alpha_bar[before], rel=1e-12)


@pytest.mark.parametrize("scale", [0.2, 0.5, 2.0])
def test_ddim_without_noise_keeps_the_standard_deviation(scale, rng):
    """For Gaussian data eta = 0 is a linear map; it must scale N(0, 1) to the data, to 1 %."""
    model = ideal(df.linear_schedule(1000), np.zeros((1, 1)), scale**2)
    *_, (_, x) = ddim(model.reverse, np.ones((1, 1)), rng=rng, times=np.arange(1, 1001))
    assert x[0, 0] == pytest.approx(scale, rel=0.01)


def test_ddim_with_eta_zero_is_a_map_without_noise(rng):
    """It draws nothing: x_T alone says where it ends."""
    model, before = small(rng), rng.bit_generator.state
    list(ddim(model.reverse, np.ones((3, 2)), rng=rng, times=np.array([4, 11, 20])))
    assert rng.bit_generator.state == before


@pytest.mark.parametrize("steps", [None, 25])
def test_ancestral_sampling_of_a_point_ends_there(steps, rng):
    """S-ANC: with variance beta_tilde the last x_1 has the spread the decoder adds to."""
    model = ideal(df.cosine_schedule(50), np.array([[1.5, -2.0]]), 0.0, "beta_tilde")
    short = model.reverse if steps is None else model.reverse.respaced(steps)
    x = model.sample(4000, rng=rng, steps=steps)
    assert np.abs(x.mean(axis=0) - [1.5, -2.0]).max() < 5 * np.sqrt(short.first / 4000)
    np.testing.assert_allclose(x.var(axis=0), short.first, rtol=0.15)
    path = list(model.states(4000, rng=rng, steps=steps))
    t, x = path[len(path) // 2]
    np.testing.assert_allclose(x.var(axis=0), model.schedule.one_minus_alpha_bar[t], rtol=0.15)


@pytest.mark.parametrize(
    "how",
    [{}, {"sampler": "ddim"}, {"sampler": "ddim", "steps": 50, "eta": 1.0}, {"sampler": "ode"}],
)
def test_samplers_find_the_modes_and_their_weights(how, rng):
    s = df.cosine_schedule(200)
    net = df.IdealNoise.init(s, np.array([[-2.0, 0.0], [2.0, 1.0]]), 0.09, [0.3, 0.7])
    x = df.DDPM(df.ReverseProcess(net, s, 2, "eps", "beta", s.beta[1])).sample(1500, rng=rng, **how)
    right = x[:, 0] > 0
    assert abs(right.mean() - 0.7) < 5 * np.sqrt(0.21 / 1500)
    np.testing.assert_allclose(x[right].mean(axis=0), [2, 1], atol=0.06)
    np.testing.assert_allclose(x[right].std(axis=0), 0.3, rtol=0.12)


def test_ode_likelihood_is_the_density_of_a_gaussian(rng):
    """The flow of the ideal score is exact in continuous time: log p to 0.01 nats."""
    mean, cov = np.array([0.5, -1.0]), np.array([[0.5, 0.2], [0.2, 0.3]])
    s = df.cosine_schedule(100)
    net = df.IdealNoise.init(s, mean[None], cov[None])
    model = df.DDPM(df.ReverseProcess(net, s, 2, "eps", "beta", s.beta[1]))
    x = net.sample(50, rng=rng)
    want = multivariate_normal(mean, cov).logpdf(x)
    np.testing.assert_allclose(model.log_prob_ode(x, tolerance=1e-6), want, atol=0.01)


@pytest.mark.parametrize("predict", ["eps", "x0", "v"])
def test_ode_density_integrates_to_one(predict, rng):
    """Whatever the network, the ODE is a change of variables: quadrature in one dimension."""
    schedule = df.schedule_from_betas(np.full(10, 0.5))
    model = df.ddpm(1, schedule, hidden=4, predict=predict, rng=rng, dtype=np.float64)
    model.reverse.net.head.W[...] = 0.1 * rng.standard_normal(model.reverse.net.head.W.shape)
    edge = 200 if predict == "eps" else 12  # a small eps leaves x_0 = x_T / sqrt(A_T)
    x = np.linspace(-edge, edge, 801)[:, None]
    p = np.exp(model.log_prob_ode(x, tolerance=1e-6))
    assert p[0] < 1e-6 and p[-1] < 1e-6
    assert p.sum() * (x[1, 0] - x[0, 0]) == pytest.approx(1, abs=1e-3)


def test_ode_log_prob_and_samples_are_the_same_map(rng):
    """Sampling is the inverse of the flow whose likelihood is computed.

    Central differences with h = 1e-2 are wrong by h^2 times a third derivative, and the solver's
    tolerance of 1e-9 adds 1e-9 / h = 1e-7.
    """
    model, z, h = small(rng, predict="v").reverse, rng.standard_normal((5, 2)), 1e-2
    model.net.lift.W[...] *= 0.1  # smooth enough for differences
    x = ode.sample(model, z, tolerance=1e-9)
    J = np.empty((5, 2, 2))  # dx/dz by central differences
    for d in range(2):
        up, down = (ode.sample(model, z + e * np.eye(2)[d], tolerance=1e-9) for e in (h, -h))
        J[:, :, d] = (up - down) / (2 * h)
    base = multivariate_normal(np.zeros(2)).logpdf(z)
    logp = ode.log_prob(model, x, tolerance=1e-7)
    np.testing.assert_allclose(logp, base - np.linalg.slogdet(J)[1], atol=1e-3)


def test_sampling_says_the_same_with_the_same_seed():
    model = small(np.random.default_rng(0), dtype=np.float32, variance="learned")
    for how in ({}, {"sampler": "ddim", "steps": 5, "eta": 0.3}, {"sampler": "ode"}):
        a, b = (model.sample(6, rng=np.random.default_rng(3), **how) for _ in range(2))
        assert a.dtype == np.float32 and a.shape == (6, 2) and np.array_equal(a, b)
    assert model.sample(0, rng=np.random.default_rng(0)).shape == (0, 2)


def test_integers_are_sampled_as_integers(rng):
    model = small(rng, levels=5, classes=2)
    x = model.sample(50, rng=rng, label=1, guidance=2.0, steps=10)
    assert x.dtype.kind == "i" and x.min() >= 0 and x.max() <= 4
    np.testing.assert_array_equal(model.data.unscale(model.data.scale(x)), x)


def test_a_walk_shows_every_state(rng):
    model = small(rng)
    assert [t for t, _ in model.states(2, rng=rng)] == list(range(20, -1, -1))
    for sampler in ("ancestral", "ddim"):
        path = model.states(2, rng=rng, sampler=sampler, steps=3)
        assert [t for t, _ in path] == [20, 10, 1, 0]


def test_fewer_steps_are_refused_for_mu(rng):
    model = small(rng, predict="mu")
    for call in (lambda: model.sample(2, rng=rng, steps=5), lambda: model.log_prob_ode([[0, 0]])):
        with pytest.raises(
            ValueError, match="predict: expected one of eps, x0, v, score, velocity, got 'mu'"
        ):
            call()
    assert model.sample(2, rng=rng, sampler="ddim", steps=5).shape == (2, 2)


def test_the_way_to_noise_and_back_is_as_good_as_its_steps_are_short(rng):
    """DDIM: an error in proportion to 1 / steps; the ODE: one within its tolerance."""
    means = np.array([[-1.5, 0.0], [1.5, 1.0]])
    model = ideal(df.linear_schedule(200), means, 0.25)
    x = np.repeat(means, 10, axis=0) + 0.5 * rng.standard_normal((20, 2))
    errors = []
    for steps in (25, 50, 100):
        z = model.encode(x, sampler="ddim", steps=steps)
        errors.append(np.abs(model.decode(z, sampler="ddim", steps=steps) - x).max())
    ratios = np.array(errors[:-1]) / errors[1:]
    assert (ratios > 1.6).all(), errors
    back = model.decode(model.encode(x, tolerance=1e-6), tolerance=1e-6)
    np.testing.assert_allclose(back, x, atol=1e-4)


def test_the_noise_of_a_gaussian_is_known():
    """Of N(m, s^2): x_T = sqrt(A) m + sqrt(A s^2 + 1 - A) (x_0 - m) / s, by the ODE exactly.

    Its way between t = 0 and 1 is not exact, with an error of the order of beta_1.
    """
    schedule, mean, s = df.linear_schedule(1000), np.array([1.0, -2.0]), 0.5
    model, A = ideal(schedule, mean[None], s**2), schedule.alpha_bar[-1]
    x = mean + s * np.array([[0.0, 0.0], [1.0, -1.0], [3.0, 0.3]])
    want = np.sqrt(A) * mean + np.sqrt(A * s**2 + 1 - A) * (x - mean) / s
    np.testing.assert_allclose(model.encode(x, tolerance=1e-6), want, atol=1e-3)
    np.testing.assert_allclose(model.decode(want, tolerance=1e-6), x, atol=1e-3)
    np.testing.assert_allclose(model.encode(x, sampler="ddim"), want, atol=0.05)


def test_between_two_points_lies_an_arc(rng):
    """The ends are the ends; of N(0, I) the way is the arc itself, and keeps its length."""
    model = ideal(df.linear_schedule(50), np.zeros((1, 3)), 1.0)
    a, b = np.array([2.0, 0, 0]), np.array([0, 2.0, 0])
    way = model.interpolate(a, b, 5, tolerance=1e-6)
    w = np.linspace(0, np.pi / 2, 5)
    np.testing.assert_allclose(way, 2 * np.stack([np.cos(w), np.sin(w), 0 * w], 1), atol=1e-3)
    same = model.interpolate(a, a, 3, tolerance=1e-6)
    np.testing.assert_allclose(same, np.tile(a, (3, 1)), atol=1e-3)
    trained = small(rng, init_from=100 + rng.standard_normal((20, 2)))
    ends = trained.interpolate([101.0, 99.0], [99.0, 101.0], 4)[[0, -1]]
    np.testing.assert_allclose(ends, [[101, 99], [99, 101]], atol=1e-2)


def test_what_cannot_be_taken_to_noise_is_refused(rng):
    model = small(rng)
    with pytest.raises(ValueError, match="sampler: expected one of ode, ddim"):
        model.encode(np.zeros((1, 2)), sampler="ancestral")
    with pytest.raises(ValueError, match="steps: expected none for the ODE"):
        model.decode(np.zeros((1, 2)), steps=4)
    with pytest.raises(ValueError, match=r"b: expected shape \(2\)|b: expected shape \(2,\)"):
        model.interpolate([0, 0], [0, 0, 0])
    with pytest.raises(ValueError, match="label: expected"):
        model.interpolate([0, 0], [1, 0], label=[0, 1])
