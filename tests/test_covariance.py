"""The best covariance of a reverse step: closed form, order of costs, and its regression."""

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest

import minigen as mg
from minigen.diffusion import IdealNoise, nats_lost, noise_covariance
from minigen.diffusion.covariance import COSTS
from minigen.diffusion.covariance_matching import CovarianceMatchingLoss
from minigen.diffusion.timesteps import Uniform

SCHEDULE = mg.diffusion.cosine_schedule(10)
MEANS = np.array([[-1.5, 0.0], [1.5, 0.0], [0.0, 1.0]])


def mixture(variance=0.02):
    return IdealNoise.init(SCHEDULE, MEANS, variance)


@pytest.mark.parametrize("t", [1, 4, 10])
def test_of_gaussian_data_the_covariance_of_the_noise_is_that_of_conditioning(t, rng):
    """Cov[eps | x_t] = I - (1 - A) C^-1 with C = A S + (1 - A) I, at each x_t."""
    S = np.array([[1.0, 0.6], [0.6, 0.8]])
    ideal = IdealNoise.init(SCHEDULE, [[0.5, -1.0]], S[None])
    A, rest = SCHEDULE.alpha_bar[t], SCHEDULE.one_minus_alpha_bar[t]
    want = np.eye(2) - rest * np.linalg.inv(A * S + rest * np.eye(2))
    got = noise_covariance(ideal, rng.standard_normal((5, 2)), np.array([t]))
    np.testing.assert_allclose(got, np.broadcast_to(want, (5, 2, 2)), atol=1e-12)


@pytest.mark.parametrize("t", [2, 6, 9])
def test_of_points_the_covariance_of_the_noise_is_a_sum_over_the_points(t, rng):
    """Data of three points: eps given x_t takes three values, with the weights of Bayes."""
    ideal, xt = mixture(0.0), rng.standard_normal((6, 2))
    A, rest = SCHEDULE.alpha_bar[t], SCHEDULE.one_minus_alpha_bar[t]
    eps = (xt[:, None] - np.sqrt(A) * MEANS) / np.sqrt(rest)  # (N, 3, 2)
    w = np.exp(-(eps**2).sum(axis=2) / 2)
    w /= w.sum(axis=1, keepdims=True)
    mean = np.einsum("nk,nkd->nd", w, eps)
    want = np.einsum("nk,nkd,nke->nde", w, eps, eps) - mean[:, :, None] * mean[:, None]
    got = noise_covariance(ideal, xt, np.array([t]))
    np.testing.assert_allclose(got, want, atol=1e-10)


@pytest.mark.parametrize("t", [[3], [1, 4, 6, 9, 10]])
def test_the_jacobian_of_the_ideal_noise_is_that_of_its_forward_and_backward(t, rng):
    S = rng.standard_normal((3, 2, 2))
    ideal = IdealNoise.init(SCHEDULE, MEANS, S @ S.swapaxes(1, 2), [1.0, 2.0, 0.5])
    x, t = rng.standard_normal((5, 2)), np.array(t)
    J = mg.check.jacobian(lambda v: ideal.forward(v, t=t)[0], x)
    np.testing.assert_allclose(ideal.jacobian(x, t), J, atol=1e-12)
    g, (_, cache) = rng.standard_normal((5, 2)), ideal.forward(x, t=t)
    back = np.einsum("nd,nde->ne", g, ideal.jacobian(x, t))
    np.testing.assert_allclose(ideal.backward(g, cache)[0], back, atol=1e-12)


def told(rows):
    """The mean of independent rows, and its error."""
    return rows.mean(), rows.std() / np.sqrt(len(rows))


def test_a_richer_covariance_loses_less_and_none_less_than_nothing(rng):
    """For each x_t, not only in the mean: the differences are KLs between Gaussians."""
    lost = nats_lost(mixture(), rng=rng, samples=2000)
    assert tuple(lost) == COSTS
    order = ("beta", "interpolated", "isotropic", "diagonal", "full")
    assert all((lost[a] - lost[b]).mean() > 0 for a, b in pairwise(order))
    assert all((lost[a] - lost["full"] > -1e-9).all() for a in COSTS)
    full, error = told(lost["full"])
    assert -3 * error < full < min(lost["beta"].mean(), lost["beta_tilde"].mean()) / 2


def test_of_gaussian_data_the_full_covariance_loses_only_the_prior(rng):
    """The reverse step of a Gaussian is Gaussian: every log ratio is 0, and x_T alone is left."""
    ideal = IdealNoise.init(SCHEDULE, [[0.0, 0.0]], np.array([[[1.0, 0.6], [0.6, 0.8]]]))
    lost = nats_lost(ideal, rng=rng, samples=500)["full"]
    assert np.abs(lost).max() < 30 * SCHEDULE.prior_gap and SCHEDULE.prior_gap < 1e-3


def test_what_a_gaussian_loses_is_a_sum_of_kls_in_closed_form(rng):
    """One column, N(0, v): each step back is a Gaussian, and so is what stands in its place."""
    v, s = 0.3, SCHEDULE
    lost = nats_lost(IdealNoise.init(s, [[0.0]], v), rng=rng, samples=500)
    before = s.alpha_bar[:-1] * v + s.one_minus_alpha_bar[:-1]  # Var[x_{t-1}]
    now = s.alpha[1:] * before + s.beta[1:]
    ratio = before * s.beta[1:] / now / s.beta[1:]  # Var[x_{t-1} | x_t] / beta_t
    want = ((ratio - 1 - np.log(ratio)) / 2).sum()
    np.testing.assert_allclose((lost["beta"] - lost["full"]).mean(), want, rtol=1e-10)


def test_two_ways_to_the_same_loss(rng):
    """KLs of the steps, and the bound minus the entropy: of a DDPM with the exact network."""
    ideal = mixture(0.1)
    for variance in ("beta", "beta_tilde"):
        reverse = mg.diffusion.ReverseProcess(ideal, SCHEDULE, 2, "eps", variance, SCHEDULE.beta[1])
        x0 = ideal.sample(6000, rng=rng)
        rows = mg.diffusion.DDPM(reverse).elbo(x0, rng=rng).per_row
        bound, error = told(rows + ideal.log_density(x0, np.array([0])))
        loss, own = told(nats_lost(ideal, rng=rng)[variance])
        assert abs(bound - loss) < 4 * np.hypot(error, own)


def test_points_have_no_density_to_lose_from(rng):
    with pytest.raises(ValueError, match="ideal: expected data with a density"):
        nats_lost(mixture(0.0), rng=rng)


class DiagonalShare(mg.core.Layer):
    """log diag Cov[eps | x_t] of the truth, as the second network of a model."""

    def __init__(self, ideal):
        self.ideal = ideal

    def forward(self, x, *, t):
        C = noise_covariance(self.ideal, x, t)
        return np.log(np.diagonal(C, axis1=1, axis2=2)), None

    def backward(self, dout, cache):
        raise NotImplementedError("only values are asked for")


def test_the_bound_of_a_model_with_the_exact_share_is_the_diagonal_loss(rng):
    ideal = mixture(0.1)
    net = mg.diffusion.NoiseAndShare(ideal, DiagonalShare(ideal))
    reverse = mg.diffusion.ReverseProcess(net, SCHEDULE, 2, "eps", "share", 0.01)
    x0 = ideal.sample(4000, rng=rng)
    rows = mg.diffusion.DDPM(reverse).elbo(x0, rng=rng).per_row
    bound, error = told(rows + ideal.log_density(x0, np.array([0])))
    lost = nats_lost(ideal, rng=rng, samples=4000)
    loss, own = told(lost["diagonal"])
    assert abs(bound - loss) < 4 * np.hypot(error, own)
    assert bound < lost["isotropic"].mean()


def test_the_target_of_the_regression_is_right_in_the_mean_over_all_signs(rng):
    """E_v v * (v - sqrt(1 - A) J^T v) over the 2^D sign vectors is the diagonal."""
    model = mg.diffusion.ddpm(3, SCHEDULE, hidden=8, blocks=1, predict="v", rng=rng, dtype=float)
    model = mg.core.perturbed(mg.diffusion.with_covariance(model, hidden=4, rng=rng), rng)
    p, x0, t = model.reverse, rng.standard_normal((5, 3)), np.array([1, 3, 5, 7, 10])
    signs = np.array(list(product([-1.0, 1.0], repeat=3)))

    class Fixed:
        """A generator whose signs are given, and whose noise is 0."""

        def __init__(self, v):
            self.v = v

        def choice(self, values, shape):
            return np.broadcast_to(self.v, shape)

    class Given(CovarianceMatchingLoss):
        def target(self, v):
            (_,), given = self.draw(x0, Fixed(v))
            return given["h"]

    loss = Given(model, Times(t))
    original = mg.diffusion.losses.standard_normal
    try:
        mg.diffusion.losses.standard_normal = lambda shape, **_: np.zeros(shape)
        mean = np.mean([loss.target(v) for v in signs], axis=0)
    finally:
        mg.diffusion.losses.standard_normal = original
    xt = np.sqrt(SCHEDULE.alpha_bar[t])[:, None] * x0
    J = mg.check.jacobian(lambda x: p.predicted(x, t, "eps"), xt)
    root = np.sqrt(SCHEDULE.one_minus_alpha_bar[t])[:, None]
    np.testing.assert_allclose(mean, 1 - root * np.diagonal(J, axis1=1, axis2=2), atol=1e-12)


class Times(Uniform):
    """The times that are given."""

    def __init__(self, t):
        object.__setattr__(self, "t", t)
        super().__init__(SCHEDULE.T)

    def draw(self, n, rng):
        return self.t, None


def test_the_regression_finds_the_covariance_and_lowers_the_bound(rng):
    ideal = mixture(0.1)
    reverse = mg.diffusion.ReverseProcess(ideal, SCHEDULE, 2, "eps", "beta", 0.01)
    fixed = mg.diffusion.DDPM(reverse)
    model = mg.diffusion.with_covariance(fixed, hidden=64, rng=rng)
    data = ideal.sample(20_000, rng=rng)
    mg.fit(model, data, steps=1500, lr=3e-3, rng=rng, progress=False)
    x0 = ideal.sample(4000, rng=rng)
    learned = (model.elbo(x0, rng=rng).per_row + ideal.log_density(x0, np.array([0]))).mean()
    lost = {name: rows.mean() for name, rows in nats_lost(ideal, rng=rng).items()}
    assert learned < (lost["beta"] + lost["diagonal"]) / 2


def test_the_prediction_stays_as_it_is_while_the_covariance_learns(rng):
    model = mg.diffusion.ddpm(2, SCHEDULE, hidden=8, blocks=1, rng=rng)
    model = mg.core.perturbed(mg.diffusion.with_covariance(model, hidden=8, rng=rng), rng)
    before = {k: a.copy() for k, a in mg.core.flatten(model.params).items()}
    mg.fit(model, rng.standard_normal((500, 2)), steps=30, rng=rng, progress=False)
    changed = {k for k, a in mg.core.flatten(model.params).items() if np.any(a != before[k])}
    assert changed and all(".share." in k for k in changed)
    with pytest.raises(ValueError, match="variance: expected one of share, got 'beta'"):
        replace(model.loss, model=mg.diffusion.ddpm(2, SCHEDULE, hidden=8, rng=rng))
