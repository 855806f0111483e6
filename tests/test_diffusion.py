"""The forward process, its posterior, the predictions and the networks: DIF-1 to DIF-23."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from minigen import check
from minigen import diffusion as df
from minigen.core.contract import Layer
from minigen.derivations import PosteriorMeanFromNoise, log_bayes, mean_forms, variance_forms
from minigen.diffusion.predict import KINDS, parts
from minigen.nn.embed import TimeEmbedding

SCHEDULES = [df.linear_schedule, df.cosine_schedule, df.sigmoid_schedule]


def joint(schedule):
    """x_1..x_T given x_0 as a Gaussian: x = a x_0 + B eps, by nothing but DIF-5: (T,), (T, T)."""
    T = schedule.T
    x, a, B = np.eye(1, T + 1), np.zeros(T), np.zeros((T, T))  # columns: x_0, eps_0..eps_{T-1}
    for t in range(1, T + 1):
        noise = np.eye(1, T + 1, t)
        x, _ = df.Step().forward(x, noise, schedule.beta[[t]])
        a[t - 1], B[t - 1] = x[0, 0], x[0, 1:]
    return a, B


@pytest.mark.parametrize("make", SCHEDULES)
@pytest.mark.parametrize("T", [1, 2, 10, 60])
def test_steps_compose_to_the_marginal(make, T):
    """DIF-5 T times is DIF-12."""
    s = make(T)
    a, B = joint(s)
    np.testing.assert_allclose(a, np.sqrt(s.alpha_bar[1:]), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose((B**2).sum(axis=1), s.one_minus_alpha_bar[1:], rtol=1e-13)


@pytest.mark.parametrize("make", SCHEDULES)
def test_posterior_is_gaussian_algebra(make):
    """DIF-13 to DIF-23 against the Schur complement of the joint Gaussian."""
    s = make(40)
    a, B = joint(s)
    cov = B @ B.T
    t = np.arange(2, 41)
    gain = cov[t - 2, t - 1] / cov[t - 1, t - 1]  # of x_{t-1} on x_t
    variance = cov[t - 2, t - 2] - gain * cov[t - 1, t - 2]
    k_t, k_0 = (k[t] for k in df.PosteriorMean(s).weights)
    np.testing.assert_allclose(k_t, gain, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(k_0, a[t - 2] - gain * a[t - 1], rtol=1e-12, atol=1e-13)
    for form in variance_forms(s, t):
        np.testing.assert_allclose(form, variance, rtol=1e-12, atol=1e-14)


def some_times(s, rng, D=3, first=2):
    """t = first..T with one random row for each: t, x_0, eps, x_t."""
    t = np.arange(first, s.T + 1)
    x0, eps = rng.standard_normal((2, len(t), D))
    return t, x0, eps, df.q_sample(s, x0, eps, t)


@pytest.mark.parametrize("make", SCHEDULES)
def test_all_forms_of_the_posterior_mean_agree(make, rng):
    s = make(100)
    t, x0, eps, xt = some_times(s, rng)
    forms = mean_forms(s, xt, x0, t)
    by_noise, _ = PosteriorMeanFromNoise(s).forward(xt, eps, t=t)
    truth, _ = df.PosteriorMean(s).forward(xt, x0, t=t)
    for form in (*forms.values(), by_noise):
        np.testing.assert_allclose(form, truth, rtol=1e-11, atol=1e-11)


def test_bayes_ratio_is_the_posterior_density(rng):
    """DIF-13 with the Gaussians of DIF-14 is the Gaussian of DIF-15, constant included."""
    s = df.cosine_schedule(30)
    t, x0, _, xt = some_times(s, rng)
    x = rng.standard_normal(x0.shape)
    mu, _ = df.PosteriorMean(s).forward(xt, x0, t=t)
    logq, _ = df.PosteriorDensity(s).forward(x, mu, t=t)
    np.testing.assert_allclose(log_bayes(s, x, xt, x0, t), logq, rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize("make", SCHEDULES)
@pytest.mark.parametrize("T", [1, 2, 100, 1000])
def test_an_ancestral_step_of_the_marginal_is_the_marginal_before(make, T):
    """S-ANC for t = 1..T, and S-DIF-t1: at t = 1 the posterior is x_0 without noise."""
    s, t = make(T), np.arange(1, T + 1)
    k_t, k_0 = (k[t] for k in df.PosteriorMean(s).weights)
    A, rest = s.alpha_bar, s.one_minus_alpha_bar
    np.testing.assert_allclose(k_t * np.sqrt(A[t]) + k_0, np.sqrt(A[t - 1]), rtol=1e-13)
    np.testing.assert_allclose(
        k_t**2 * rest[t] + s.beta_tilde[t], rest[t - 1], rtol=1e-13, atol=1e-16
    )
    assert k_t[0] == 0 and k_0[0] == pytest.approx(1, abs=1e-15) and s.beta_tilde[1] == 0


@pytest.mark.parametrize("given", KINDS)
@pytest.mark.parametrize("wanted", KINDS)
@pytest.mark.parametrize("T", [1, 2, 200])
def test_each_prediction_turns_into_each_other(given, wanted, T, rng):
    s = df.linear_schedule(T)
    t, x0, eps, xt = some_times(s, rng, first=1)
    value = {k: a[t, None] * x0 + b[t, None] * eps for k, (a, b) in parts(s).items()}
    got, _ = df.Convert(s, given, wanted).forward(xt, value[given], t=t)
    loss = {"x0": 1 / np.sqrt(s.one_minus_alpha_bar[t]), "mu": 1 / s.beta[t], "v": 1}
    scale = loss.get(given, 1 / np.sqrt(s.alpha_bar[t]))  # what dividing by small numbers costs
    assert np.all(np.abs(got - value[wanted]) <= 1e-13 * np.reshape(scale, (-1, 1)))
    asked, _ = df.Target(s, wanted).forward(x0, eps, t=t)
    np.testing.assert_allclose(asked, value[wanted], rtol=1e-15)


def test_mu_is_the_posterior_mean(rng):
    s = df.cosine_schedule(50)
    t, x0, eps, xt = some_times(s, rng, first=1)
    mu, _ = df.Target(s, "mu").forward(x0, eps, t=t)
    np.testing.assert_allclose(mu, df.PosteriorMean(s).forward(xt, x0, t=t)[0], atol=1e-13)


def test_a_trajectory_ends_as_noise(rng):
    path = df.trajectory(df.cosine_schedule(50), np.full((20000, 1), 3.0), rng=rng)
    assert path.shape == (51, 20000, 1) and np.all(path[0] == 3)
    assert abs(path[-1].mean()) < 0.04 and abs(path[-1].std() - 1) < 0.03
    assert path[10].mean() == pytest.approx(3 * np.sqrt(df.cosine_schedule(50).alpha_bar[10]), 0.01)


def test_the_table_of_whole_times_is_the_formula_of_real_ones(rng):
    emb = TimeEmbedding.init(20, 8, 5, rng=rng, dtype=np.float64)
    t = np.arange(21)
    np.testing.assert_allclose(
        emb.forward(t=t)[0], emb.forward(t=t.astype(float))[0], rtol=1e-14, atol=1e-15
    )


def small(rng, **options):
    """A small float64 model whose head is not zero."""
    options = {"schedule": df.linear_schedule(20), "hidden": 8, "dtype": np.float64} | options
    model = df.ddpm(2, rng=rng, **options)
    for array in (model.reverse.net.head.W, model.reverse.net.head.b):
        array[...] = 0.3 * rng.standard_normal(array.shape)
    return model


def test_one_time_for_all_rows_is_that_time_in_each_row(rng):
    """The sampler's single row of embedding, forward and backward."""
    net, x = small(rng).reverse.net, rng.standard_normal((5, 2))
    one, cache_one = net.forward(x, t=np.array([7]))
    all_rows, cache_all = net.forward(x, t=np.full(5, 7))
    np.testing.assert_allclose(one, all_rows, rtol=1e-13)
    dout = rng.standard_normal(one.shape)
    (dx1, g1), (dx2, g2) = net.backward(dout, cache_one), net.backward(dout, cache_all)
    np.testing.assert_allclose(dx1, dx2, rtol=1e-12)
    np.testing.assert_allclose(g1["time"]["first"]["W"], g2["time"]["first"]["W"], atol=1e-12)


@dataclass(frozen=True, eq=False, repr=False)
class Plus(Layer):
    """y = h + e, whose two gradients are one array: the one it was given."""

    def forward(self, h, e):
        return h + e, ()

    def backward(self, dy, cache):
        return dy, dy, {}


def test_a_block_may_return_the_gradient_it_was_given(rng):
    net, x = (
        replace(small(rng).reverse.net, blocks=(Plus(), Plus(), Plus())),
        rng.standard_normal((5, 2)),
    )
    assert check.gradients(net, x, given={"t": np.array([1, 3, 7, 3, 20])}, rng=rng)


def test_before_the_first_step_there_is_x0_but_no_mean(rng):
    """t = 0: x_0 is x_t itself, and what does not exist is no number, not that of another t."""
    model, xt, now = small(rng), rng.standard_normal((3, 2)), np.array([0])
    assert np.array_equal(model.reverse.predicted(xt, now, "x0"), xt)
    assert np.isnan(model.reverse.predicted(xt, now, "mu")).all()
    assert np.isneginf(model.reverse.forward(xt, t=now)[1]).all()
    with pytest.raises(IndexError):
        model.reverse.predicted(xt, np.array([21]), "x0")


def test_learned_log_variance_stays_between_the_two(rng):
    """ELBO-15b as conjectured; at t = 1 it is the decoder's own."""
    model = small(rng, variance="learned", first_variance=0.03)
    model.reverse.net.head.W[:, 2:] *= 100
    t = np.arange(1, 21)
    _, logvar, _ = model.reverse.forward(rng.standard_normal((20, 2)), t=t)
    s, slack = model.schedule, 1e-12
    assert np.all(logvar[1:] <= np.log(s.beta[2:, None]) + slack)
    assert np.all(logvar[1:] >= np.log(s.beta_tilde[2:, None]) - slack)
    np.testing.assert_allclose(logvar[0], np.log(0.03))


def test_guidance_of_one_is_the_label_and_of_zero_is_none(rng):
    model, x = small(rng, classes=3), rng.standard_normal((4, 2))
    t, label, none = np.array([5]), np.array([0, 1, 2, 0]), np.full(4, 3)
    for scale, same in ((1.0, label), (0.0, none)):
        out, _ = df.GuidedNet(model.reverse.net, scale, 3, 2).forward(x, t=t, label=label)
        np.testing.assert_allclose(
            out, model.reverse.net.forward(x, t=t, label=same)[0], atol=1e-14
        )


def test_labels_are_dropped_as_often_as_said(rng):
    model = small(rng, classes=3)
    _, given = model.loss.draw((np.zeros((20000, 2)), np.full(20000, 1)), rng)
    assert set(given["label"]) == {1, 3}
    assert np.mean(given["label"] == 3) == pytest.approx(0.1, abs=0.01)


def test_times_are_uniform_and_weights_keep_the_mean(rng):
    T, n = 10, 100000
    for times in (df.Uniform(T), df.Antithetic(T)):
        t, weight = times.draw(n, rng)
        assert weight is None and t.min() == 1 and t.max() == T
        np.testing.assert_allclose(np.bincount(t)[1:] / n, 1 / T, atol=0.006)
    t, _ = df.Antithetic(T).draw(T, rng)
    assert sorted(t) == list(range(1, T + 1))  # T of them meet each time once
    p = np.arange(1, 11) / 55
    t, weight = df.Importance(p).draw(n, rng)
    values = np.sin(t) + 2
    want = np.mean(np.sin(np.arange(1, 11)) + 2)
    error = np.std(weight * values) / np.sqrt(n)
    assert abs(np.mean(weight * values) - want) < 5 * error < 0.05


def test_importance_halves_the_noise_of_the_bound(rng):
    """p_t ~ sqrt(E L_t^2) from a measured bound; the estimate keeps its mean."""
    s = df.linear_schedule(30)
    net = df.IdealNoise.init(s, np.zeros((1, 2)), 0.25)
    model = df.DDPM(df.ReverseProcess(net, s, 2, "eps", "beta", s.beta[1]))
    x = net.sample(4000, rng=rng)
    times = df.Importance.of(model.elbo(x, rng=rng))
    spread = {}
    for name, choice in (("uniform", df.Uniform(30)), ("importance", times)):
        loss = df.BoundLoss(model, choice)
        values = []
        for _ in range(100):
            inputs, given = loss.draw(x[rng.integers(4000, size=64)], rng)
            values.append(loss.forward(*inputs, **given)[0])
        spread[name] = np.mean(values), np.std(values)
    assert spread["importance"][1] < 0.6 * spread["uniform"][1]
    gap = abs(spread["importance"][0] - spread["uniform"][0])
    assert gap < 0.5 * spread["uniform"][1]  # five standard errors of the mean of 100


def test_importance_keeps_the_dtype_of_the_model(rng):
    loss = df.BoundLoss(small(rng, dtype=np.float32), df.Importance(np.full(20, 0.05)))
    inputs, given = loss.draw(np.zeros((3, 2), np.float32), rng)
    assert loss.forward(*inputs, **given)[0].dtype == np.float32


@pytest.mark.parametrize(
    "options, message",
    [
        ({"predict": "noise"}, "predict: expected one of eps, x0, v, mu"),
        ({"variance": "big"}, "variance: expected one of beta, beta_tilde, learned, free"),
        ({"first_variance": 0.0}, "first_variance: expected a number in"),
        ({"hidden": 0}, "hidden: expected an integer >= 1"),
        ({"levels": 1}, "levels: expected 0 or at least 2"),
        ({"classes": -1}, "classes: expected an integer >= 0"),
    ],
)
def test_a_bad_model_is_refused_by_name(options, message, rng):
    with pytest.raises(ValueError, match=message):
        df.ddpm(2, df.linear_schedule(5), rng=rng, **options)


def test_bad_calls_are_refused_by_name(rng):
    model, digits, x = small(rng), small(rng, levels=5, classes=2), np.zeros((1, 2))
    for call, message in (
        (lambda: model.elbo(np.zeros((3, 4)), rng=rng), r"x: expected shape \(N, 2\), got"),
        (lambda: model.elbo(np.zeros((0, 2)), rng=rng), "x: expected at least one row"),
        (lambda: model.sample(-1, rng=rng), "n: expected an integer >= 0"),
        (lambda: model.sample(3, rng=rng, steps=0), "steps: expected an integer in 1..20"),
        (lambda: model.sample(3, rng=rng, sampler="guess"), "sampler: expected one of"),
        (lambda: model.sample(3, rng=rng, label=1), "label: expected none"),
        (lambda: model.sample(3, rng=rng, guidance=2.0), "guidance: expected 1"),
        (lambda: digits.sample(3, rng=rng, guidance=2.0), "guidance: expected 1 without a label"),
        (lambda: model.sample(3, rng=rng, eta=0.5), "eta: expected 0 for the sampler 'ancestral'"),
        (lambda: model.sample(3, rng=rng, sampler="ode", eta=1), "eta: expected 0 for"),
        (lambda: model.sample(3, rng=rng, sampler="ode", steps=3), "steps: expected none for"),
        (lambda: model.encode(x, sampler="ddim", tolerance=0.1), "tolerance: expected none for"),
        (lambda: model.interpolate(x[0], x[0], sampler="ddim", tolerance=0.1), "tolerance: expect"),
        (lambda: digits.elbo(np.full((1, 2), 0.5), rng=rng), "x: expected whole numbers in 0..4"),
        (lambda: digits.sample(1, rng=rng, label=3), r"label: expected whole numbers in 0..2"),
        (lambda: digits.log_prob_ode(np.zeros((1, 2))), "levels: expected 0"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="rng: expected a numpy"):
        model.sample(3, rng=0)
