"""Every term of the bound against a number that is known: ELBO-1 to ELBO-18, S-KL, S-SIMPLE."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from minigen import diffusion as df
from minigen.core.contract import Layer
from minigen.derivations import KLFull
from minigen.diffusion.bound import control_variate, standard_error
from minigen.diffusion.predict import KINDS
from minigen.diffusion.variance import log_variance
from minigen.prob.discretized import DiscretisedGaussian
from minigen.prob.kl import KLDiagonal


@pytest.mark.parametrize("make", [df.linear_schedule, df.cosine_schedule])
@pytest.mark.parametrize("T", [1, 2, 10, 100, 1000, 4000])
@pytest.mark.parametrize("variance", [1e-4, 0.05, 1.0, 25.0])
def test_linear_gaussian_bound_is_the_likelihood(make, T, variance, rng):
    """With the exact reverse model L_0 + ... + L_T = -log p(x_0), for each x_0."""
    B = rng.standard_normal((3, 3))
    cov = variance * (B @ B.T / 3 + 0.1 * np.eye(3))
    mean = rng.standard_normal(3)
    x0 = rng.multivariate_normal(mean, cov, 8)
    L = df.gaussian_bound(make(T), mean, cov, x0)
    want = -multivariate_normal(mean, cov).logpdf(x0)
    assert L.shape == (8, T + 1) and np.all(L[:, 1:] >= 0)
    np.testing.assert_allclose(L.sum(axis=1), want, rtol=1e-12)


@dataclass(frozen=True, eq=False, repr=False)
class Saying(Layer):
    """A network of eps that says it as another kind."""

    net: Layer
    kind: str

    def forward(self, x, *, t):
        eps, _ = self.net.forward(x, t=t)
        return df.Convert(self.net.schedule, "eps", self.kind).forward(x, eps, t=t)[0], None

    def backward(self, dy, cache):
        raise NotImplementedError("only its values are asked for")


def ideal(s, mean, variance, kind="beta", predict="eps"):
    """A DDPM with the ideal network of N(mean, variance), in one dimension."""
    net = Saying(df.IdealNoise.init(s, [[mean]], variance), predict)
    return df.DDPM(df.ReverseProcess(net, s, 1, predict, kind, s.beta[1]))


def integrated(model, x0, t):
    """L_{t-1} of x0 (N, 1) with the expectation over eps by Gauss-Hermite: exact here."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)
    column = np.full_like(x0, 1.0)
    rows = [
        df.StepTerm(model.reverse).forward(x0, t=np.array([t]), eps=column * node)[0]
        for node in nodes
    ]
    return weights / weights.sum() @ rows


@pytest.mark.parametrize("kind", ["beta", "beta_tilde"])
@pytest.mark.parametrize("predict", KINDS)
def test_all_predictions_give_the_exact_terms(kind, predict, rng):
    """eps, x0, v and mu give the same L_t, and it is the closed form."""
    s, x0 = df.linear_schedule(60), rng.standard_normal((5, 1))
    exact = df.gaussian_bound(s, [0.3], [[0.2]], x0, variance=kind)
    for t in (1, 2, 3, 20, 45, 60):
        got = integrated(ideal(s, 0.3, 0.2, kind, predict), x0, t)
        np.testing.assert_allclose(got, exact[:, t - 1], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("T", [1, 2, 50])
def test_the_elbo_is_the_closed_form_within_its_error(T, rng):
    s, x0 = df.cosine_schedule(T), rng.normal(0.3, 0.5, (3000, 1))
    model, exact = ideal(s, 0.3, 0.25), df.gaussian_bound(s, [0.3], [[0.25]], x0, variance="beta")
    e = model.elbo(x0, rng=rng)
    assert e.L.shape == (T + 1,) and e.rows == 3000
    noise = np.std(e.per_row - exact.sum(axis=1)) / np.sqrt(3000)
    assert abs(e.total - exact.sum(axis=1).mean()) < 5 * noise < 5 * e.error
    assert np.all(np.abs(e.L - exact.mean(axis=0)) < 5 * e.L_error + 1e-12)
    assert e.total == pytest.approx(e.per_row.mean(), rel=1e-12)
    assert e.bits_per_dim == pytest.approx(e.total / np.log(2))
    assert "of a density" in str(e) and f"L_{T}" in str(e)


@pytest.mark.parametrize("T, kind", [(1, "beta"), (5, "beta"), (200, "beta"), (200, "beta_tilde")])
def test_the_bound_is_a_bound(T, kind, rng):
    """Never below -log p beyond its error; at T = 200 with variance beta nearly there."""
    s = df.cosine_schedule(T)
    net = df.IdealNoise.init(s, rng.uniform(-1.5, 1.5, (6, 2)), 0.04)
    x = net.sample(3000, rng=rng)
    e = df.DDPM(df.ReverseProcess(net, s, 2, "eps", kind, s.beta[1])).elbo(x, rng=rng)
    gap = e.per_row + net.log_density(x, np.array([0]))
    error = np.std(gap) / np.sqrt(len(gap))
    assert gap.mean() > -4 * error
    if (T, kind) == (200, "beta"):
        assert gap.mean() < 0.05
    if kind == "beta_tilde":
        assert gap.mean() > 0.3  # why beta_tilde is not the default for continuous data


def test_the_control_variate_keeps_the_mean_and_lowers_the_noise(rng):
    s, x0 = df.cosine_schedule(50), rng.normal(0, 0.5, (400, 1))
    term, exact = (
        df.StepTerm(ideal(s, 0, 0.25).reverse),
        df.gaussian_bound(s, [0], [[0.25]], x0, variance="beta"),
    )
    raw, calm = [], []
    for _ in range(200):
        eps = rng.standard_normal((400, 1))
        L = term.forward(x0, t=np.array([1]), eps=eps)[0]
        raw.append(L.mean())
        calm.append(control_variate(L, (eps * eps).sum(axis=1) - 1).mean())
    assert np.std(calm) < 0.2 * np.std(raw)
    assert abs(np.mean(calm) - exact[:, 0].mean()) < 6 * np.std(calm) / np.sqrt(200) + 2e-3


def test_one_formula_is_the_kl_and_the_likelihood(rng):
    """GaussianTerm is S-KL for t >= 2 and a Gaussian -log p for t = 1."""
    s, t = df.cosine_schedule(30), np.arange(1, 31)
    x0, xt, mu, logvar = rng.standard_normal((4, 30, 3))
    L, _ = df.GaussianTerm(s).forward(x0, xt, mu, logvar, t=t)
    mean, _ = df.PosteriorMean(s).forward(xt, x0, t=t)
    tilde = np.log(np.repeat(s.beta_tilde[2:, None], 3, axis=1))
    kl, _ = KLDiagonal().forward(mean[1:], tilde, mu[1:], logvar[1:])
    np.testing.assert_allclose(L[1:], kl, rtol=1e-12)
    cov = np.diag(np.exp(logvar[0]))
    assert L[0] == pytest.approx(-multivariate_normal(mu[0], cov).logpdf(x0[0]), rel=1e-13)


@pytest.mark.parametrize("s", [df.linear_schedule(7), df.schedule_from_betas([0.2, 0.3])])
def test_the_prior_term_is_the_kl_to_the_prior(s, rng):
    """Whether little of the signal is left or half of it."""
    x0 = rng.standard_normal((4, 3))
    A, rest = s.alpha_bar[-1], s.one_minus_alpha_bar[-1]
    same, zero = np.full_like(x0, np.log(rest)), np.zeros_like(x0)
    want, _ = KLDiagonal().forward(np.sqrt(A) * x0, same, zero, zero)
    np.testing.assert_allclose(df.PriorTerm(s).forward(x0)[0], want, rtol=1e-13, atol=1e-15)


def test_integers_have_a_discrete_first_term(rng):
    """exp(-L_0) sums to one over the integers; the other terms are the Gaussian ones."""
    s = df.linear_schedule(10)
    grid = np.linspace(-1, 1, 5)[:, None]
    xt, mu, logvar = (np.repeat(v, 5)[:, None] for v in (0.1, 0.4, -2.0))
    L0, _ = df.IntegerTerm(s, 5).forward(grid, xt, mu, logvar, t=np.array([1]))
    assert np.exp(-L0).sum() == pytest.approx(1, abs=1e-14)
    logp, _ = DiscretisedGaussian(5).forward(grid, mu, logvar)
    np.testing.assert_allclose(-L0, logp)
    t = np.arange(2, 7)
    later = [term.forward(grid, xt, mu, logvar, t=t)[0] for term in
             (df.IntegerTerm(s, 5), df.GaussianTerm(s))]  # fmt: skip
    np.testing.assert_array_equal(*later)


def test_the_discrete_bound_is_a_bound(rng):
    """Integers with a known law, a network that knows their points: L >= entropy.

    Between points the posterior is narrow, and beta_tilde is right where beta costs 0.39 nats.
    """
    s, levels = df.cosine_schedule(300), 5
    p = np.array([0.1, 0.3, 0.2, 0.25, 0.15])
    points = np.linspace(-1, 1, levels)[:, None]
    net = df.IdealNoise.init(s, points, 0.0, p)
    x = rng.choice(levels, (3000, 1), p=p)
    gaps = {}
    for kind in ("beta", "beta_tilde"):
        model = df.DDPM(df.ReverseProcess(net, s, 1, "eps", kind, s.beta[1], levels=levels))
        e = model.elbo(x, rng=rng)
        gap = e.per_row + np.log(p[x[:, 0]])
        gaps[kind] = gap.mean()
        assert gaps[kind] > -4 * np.std(gap) / np.sqrt(3000)
    assert gaps["beta_tilde"] < 0.08 and gaps["beta"] == pytest.approx(0.39, abs=0.02)
    assert e.L[0] < 1e-3 and "of integers 0..4" in str(e)


@pytest.mark.parametrize("predict", KINDS)
@pytest.mark.parametrize("kind", ["beta", "beta_tilde"])
def test_simple_loss_times_its_weight_is_the_bound(predict, kind, rng):
    """S-SIMPLE: L_{t-1} = w_t |target - out|^2 + C_t, for every prediction."""
    model = df.ddpm(3, df.linear_schedule(12), hidden=6, predict=predict, variance=kind,
                    first_variance=0.02, rng=rng, dtype=np.float64)  # fmt: skip
    model.reverse.net.head.W[...] = rng.standard_normal(model.reverse.net.head.W.shape)
    w, C = df.exact_weights(model.reverse)
    t = np.arange(1, 13)
    x0, eps = rng.standard_normal((2, 12, 3))
    L, _ = df.StepTerm(model.reverse).forward(x0, t=t, eps=eps)
    out, _ = model.reverse.prediction(df.q_sample(model.schedule, x0, eps, t), t)
    e = out - model.reverse.target.forward(x0, eps, t=t)[0]
    np.testing.assert_allclose(w * (e * e).sum(axis=1) + C, L, rtol=1e-10, atol=1e-10)
    if predict == "eps" and kind == "beta":
        s = model.schedule
        paper = s.beta / (2 * s.alpha * np.where(t.size, s.one_minus_alpha_bar, 1).clip(1e-300))
        np.testing.assert_allclose(w[1:], paper[2:], rtol=1e-12)
        assert w[0] == pytest.approx(s.beta[1] / (2 * 0.02 * s.alpha[1]))


def test_the_bound_loss_over_all_times_is_the_elbo(rng):
    """With each t once the weighted mean of T L_{t-1} + L_T is L_0 + ... + L_T."""
    model = df.ddpm(2, df.linear_schedule(9), hidden=5, rng=rng, dtype=np.float64)
    x0, eps = np.repeat(rng.standard_normal((1, 2)), 9, axis=0), rng.standard_normal((9, 2))
    t = np.arange(1, 10)
    loss, _ = model.bound.forward(x0, t=t, eps=eps)
    terms, _ = df.StepTerm(model.reverse).forward(x0, t=t, eps=eps)
    last, _ = df.PriorTerm(model.schedule).forward(x0)
    assert loss == pytest.approx(terms.sum() + last[0], rel=1e-13)


def test_the_stopped_mean_gets_nothing_from_the_bound(rng):
    """In the hybrid loss the columns of the head that say the mean have the simple gradient."""
    model = df.ddpm(2, df.linear_schedule(9), hidden=5, variance="learned", rng=rng,
                    dtype=np.float64)  # fmt: skip
    model.reverse.net.head.W[...] = rng.standard_normal(model.reverse.net.head.W.shape)
    inputs, given = model.hybrid.draw(rng.standard_normal((6, 2)), rng)
    heads = []
    for scale in (1e-300, 1000.0):
        loss = df.HybridLoss(model, df.Uniform(9), scale)
        _, grads = loss.backward(1.0, loss.forward(*inputs, **given)[1])
        heads.append(grads["model"]["reverse"]["net"]["head"])
    np.testing.assert_array_equal(heads[0]["W"][:, :2], heads[1]["W"][:, :2])
    assert np.all(np.abs(heads[0]["W"][:, 2:]) < 1e-290) and np.all(heads[1]["W"][:, 2:] != 0)


def test_kl_of_gaussians_is_the_integral(rng):
    """S-KL against quadrature, S-KLfull against S-KL after a rotation, and zero at p = q."""
    x = np.linspace(-30, 30, 20001)
    m1, v1, m2, v2 = 0.4, 0.7, -1.0, 2.0
    logp, logq = (
        -((x - m) ** 2) / 2 / v - np.log(2 * np.pi * v) / 2 for m, v in ((m1, v1), (m2, v2))
    )
    want = np.sum(np.exp(logp) * (logp - logq)) * (x[1] - x[0])
    column = [np.full((1, 1), a) for a in (m1, np.log(v1), m2, np.log(v2))]
    assert KLDiagonal().forward(*column)[0][0] == pytest.approx(want, rel=1e-12)

    m, n = rng.standard_normal((2, 4, 3))
    a, b = rng.standard_normal((2, 4, 3))
    diagonal, _ = KLDiagonal().forward(m, a, n, b)
    Q, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    factor = [np.linalg.cholesky(Q * np.exp(v)[:, None] @ Q.T) for v in (a, b)]
    full, _ = KLFull().forward(m @ Q.T, factor[0], n @ Q.T, factor[1])
    np.testing.assert_allclose(full, diagonal, rtol=1e-12)
    assert np.all(KLDiagonal().forward(m, a, m, a)[0] == 0)
    assert np.abs(KLFull().forward(m, factor[0], m, factor[0])[0]).max() < 1e-15
    assert np.all(diagonal > 0)


@pytest.mark.parametrize("options", [{}, {"variance": "learned"}, {"variance": "free"}])
def test_one_step_is_a_model_too(options, rng):
    """T = 1: no term between L_0 and L_T, nothing is singular."""
    model = df.ddpm(2, df.linear_schedule(1), hidden=4, rng=rng, **options)
    x = rng.standard_normal((50, 2))
    e = model.elbo(x, rng=rng)
    assert e.L.shape == (2,) and np.all(np.isfinite(e.L)) and np.isfinite(e.error)
    assert np.isfinite(model.sample(5, rng=rng)).all()
    inputs, given = model.loss.draw(x.astype(np.float32), rng)
    assert np.isfinite(model.loss.forward(*inputs, **given)[0])


@pytest.mark.parametrize("kind", ["learned", "free"])
def test_a_variance_from_the_network_has_the_slope_it_says(kind):
    raw = np.linspace(-9, 9, 7)[None]
    low, high = np.array([[-9.0]]), np.array([[-3.0]])
    _, slope = log_variance(kind, low, high, raw)
    step, _ = log_variance(kind, low, high, raw + 1e-100j)
    np.testing.assert_allclose(slope, step.imag / 1e-100, rtol=1e-10)


def test_the_standard_error_of_a_mean_is_unbiased_in_its_square():
    """Of all samples of two and of three from {0, 1, 5}, its mean square is the variance / n."""
    values = np.array([0.0, 1.0, 5.0])
    for n in (2, 3):
        every = np.stack(np.meshgrid(*[values] * n), axis=-1).reshape(-1, n)
        square = np.mean([standard_error(row) ** 2 for row in every])
        np.testing.assert_allclose(square, values.var() / n, rtol=1e-12)
    assert np.isnan(standard_error(values[:1]))
