"""What is known about Gaussian data: the bound, the ideal noise, and the ODE that it drives."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad_vec
from scipy.stats import multivariate_normal

from minigen import check
from minigen import diffusion as df
from minigen.diffusion import ode

MEAN, COV = np.array([0.4, -0.7]), np.array([[0.5, 0.3], [0.3, 0.4]])


def mixture(schedule, weights=(3, 1, 1), D=2):
    """IdealNoise of three tilted Gaussians, and their means and covariances."""
    means = np.array([[-1.0, 0.5, 0.2], [1.2, 0.0, -0.4], [0.3, -1.0, 0.0]])[:, :D]
    B = np.array([[[5, 2, 1], [0, 4, 3], [2, 0, 3]], [[4, 0, 0], [0, 4, 0], [0, 0, 4]],
                  [[5, -3, 2], [0, 6, -1], [1, 1, 4]]])[:, :D, :D] / 10  # fmt: skip
    covs = B @ np.swapaxes(B, 1, 2) + 0.05 * np.eye(D)
    return df.IdealNoise.init(schedule, means, covs, weights), means, covs


def density(means, covs, weights, A):
    """q(x_t) of a mixture where A_t = A, as a function of x (N, D)."""
    one = np.eye(means.shape[1])
    parts = [
        (w, multivariate_normal(np.sqrt(A) * m, A * S + (1 - A) * one))
        for w, m, S in zip(np.divide(weights, np.sum(weights)), means, covs, strict=True)
    ]
    return lambda x: sum(w * p.pdf(x) for w, p in parts)


@pytest.mark.parametrize("kind", ["beta", "beta_tilde"])
def test_the_closed_form_of_a_tilted_gaussian_is_the_bound_of_its_ideal_model(kind, rng):
    """All terms, with a decoder's variance of its own: Gauss-Hermite is exact for squares."""
    s, x0 = df.schedule_from_betas(np.linspace(0.1, 0.3, 6)), rng.standard_normal((4, 2))
    model = df.DDPM(
        df.ReverseProcess(df.IdealNoise.init(s, MEAN[None], COV[None]), s, 2, "eps", kind, 0.05)
    )
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    pairs = list(itertools.product(zip(nodes, weights, strict=True), repeat=2))
    got = np.zeros((4, 7))
    for (a, u), (b, v) in pairs:
        eps = np.tile([a, b], (4, 1))
        for t in range(1, 7):
            L = df.StepTerm(model.reverse).forward(x0, t=np.array([t]), eps=eps)[0]
            got[:, t - 1] += u * v / (2 * np.pi) * L
    got[:, 6] = df.PriorTerm(s).forward(x0)[0]
    exact = df.gaussian_bound(s, MEAN, COV, x0, variance=kind, first=0.05)
    np.testing.assert_allclose(exact, got, rtol=1e-11, atol=1e-11)


def test_the_exact_reverse_process_has_the_bayes_variances(rng):
    """variance="exact": L_{t-1} is the KL of two known Gaussians, L_T that from q(x_T)."""
    s, x0 = df.schedule_from_betas(np.linspace(0.1, 0.3, 5)), rng.standard_normal((3, 1))
    m, v = 0.3, 0.6
    A, rest, tilde = s.alpha_bar, s.one_minus_alpha_bar, s.beta_tilde
    V = A * v + rest
    want = np.zeros((3, 6))
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    for t in range(1, 6):
        k_0 = s.beta[t] * np.sqrt(A[t - 1]) / rest[t]
        k_t = np.sqrt(s.alpha[t]) * rest[t - 1] / rest[t]
        gain = np.sqrt(s.alpha[t]) * V[t - 1] / V[t]
        sigma2 = V[t - 1] - gain**2 * V[t]
        for node, weight in zip(nodes, weights / np.sqrt(2 * np.pi), strict=True):
            xt = np.sqrt(A[t]) * x0[:, 0] + np.sqrt(rest[t]) * node
            mean = np.sqrt(A[t - 1]) * m + gain * (xt - np.sqrt(A[t]) * m)
            gap = k_t * xt + k_0 * x0[:, 0] - mean
            ratio = (tilde[t] + gap**2) / sigma2
            fixed = np.log(2 * np.pi * sigma2) if t == 1 else np.log(sigma2 / tilde[t]) - 1
            want[:, t - 1] += weight * (ratio + fixed) / 2
    last = (rest[-1] + A[-1] * (x0[:, 0] - m) ** 2) / V[-1]
    want[:, 5] = (last - 1 - np.log(rest[-1] / V[-1])) / 2
    np.testing.assert_allclose(df.gaussian_bound(s, [m], [[v]], x0), want, rtol=1e-11, atol=1e-15)


def test_the_ideal_noise_is_the_score_of_the_mixture(rng):
    """log q(x_t) as scipy has it, eps its gradient, whatever the weights sum to."""
    s, x, t = df.linear_schedule(8), 1.5 * rng.standard_normal((6, 3)), np.array([0, 1, 2, 4, 6, 8])
    net, means, covs = mixture(s, D=3)  # in the plane eigenvectors may be their own transpose
    for row, time in zip(x, t, strict=True):
        q = density(means, covs, (3, 1, 1), s.alpha_bar[time])
        logq = net.log_density(row[None], np.array([time]))
        np.testing.assert_allclose(logq, np.log(q(row)), rtol=1e-12)
        step = 1e-5 * np.eye(3)
        slope = [(np.log(q(row + h)) - np.log(q(row - h))) / 2e-5 for h in step]
        eps = net.forward(row[None], t=np.array([time]))[0][0]
        np.testing.assert_allclose(
            eps, -np.sqrt(s.one_minus_alpha_bar[time]) * np.array(slope), atol=1e-8
        )
    np.testing.assert_allclose(net.log_density(x, t)[-1], logq, rtol=1e-12)
    alike = df.IdealNoise.init(s, means, covs)
    np.testing.assert_allclose(np.exp(alike.logw), 1 / 3, rtol=1e-15)


@pytest.mark.parametrize("t", [[1, 3, 5, 8], [2], [0.6, 2.5, 7.0, 8.0], [3.5]])
def test_the_jacobian_of_the_ideal_noise_of_tilted_parts(t, rng):
    net, _, _ = mixture(df.linear_schedule(8), D=3)
    assert check.gradients(net, rng.standard_normal((4, 3)), given={"t": np.array(t)}, rng=rng)


def test_samples_of_the_mixture_have_its_moments(rng):
    net, means, covs = mixture(df.linear_schedule(2), D=3)
    n, w = 20000, np.array([0.6, 0.2, 0.2])
    x = net.sample(n, rng=rng)
    mean = w @ means
    second = sum(p * (S + np.outer(m, m)) for p, S, m in zip(w, covs, means, strict=True))
    error = np.sqrt(np.diag(second) / n)
    assert x.shape == (n, 3) and np.all(np.abs(x.mean(axis=0) - mean) < 4.5 * error)
    np.testing.assert_allclose(x.T @ x / n, second, atol=0.05)


def test_data_on_a_line_stay_on_it(rng):
    """Rounding must not make the eigenvalues of a singular covariance negative."""
    for direction in rng.standard_normal((20, 3)):
        S = np.outer(direction, direction)
        net = df.IdealNoise.init(df.linear_schedule(2), np.zeros((1, 3)), S[None])
        x = net.sample(50, rng=rng)
        along = x @ direction / (direction @ direction)
        np.testing.assert_allclose(x, along[:, None] * direction, atol=1e-6)


def test_real_times_continue_the_schedule():
    """r(t) = noise / signal goes through the tables, grows, and is t r_1 before the first step."""
    s = df.cosine_schedule(12)
    square = s.ratio(np.arange(13)) ** 2
    np.testing.assert_allclose(1 / (1 + square), s.alpha_bar, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(square / (1 + square), s.one_minus_alpha_bar, rtol=1e-13)
    assert np.all(np.diff(s.ratio(np.linspace(0, 12, 500))) > 0)
    assert s.ratio(0.25) == pytest.approx(s.ratio(1.0) / 4)
    assert df.linear_schedule(1).ratio(0.5) == pytest.approx(df.linear_schedule(1).ratio(1) / 2)
    net, _, _ = mixture(s)
    x = np.array([[0.3, -0.2]])
    whole, real = (net.forward(x, t=np.array([time]))[0] for time in (5, 5.0))
    np.testing.assert_allclose(real, whole, rtol=1e-12)


def small(predict, rng, **options):
    """A small smooth float64 model whose head is not zero."""
    model = df.ddpm(2, df.linear_schedule(9), hidden=6, blocks=1, predict=predict, rng=rng,
                    dtype=np.float64, **options)  # fmt: skip
    model.reverse.net.lift.W[...] *= 0.2
    model.reverse.net.head.W[...] = 0.3 * rng.standard_normal(model.reverse.net.head.W.shape)
    return model


def turning(schedule, t):
    """The angle phi(t), tan phi = r(t), and its slope: towards T, or towards 0 where t < 1."""
    # r is proportional to t before 1; after it log r is a cubic between whole times, for which four
    # points give the slope exactly
    log_r = np.log([schedule.ratio(t + 0.1 * k) for k in range(4)])
    speed = 1 / t if t < 1 else log_r @ [-11, 18, -9, 2] / 0.6
    phi = np.arctan(schedule.ratio(t))
    return phi, np.sin(phi) * np.cos(phi) * speed


@pytest.mark.parametrize("predict", ["eps", "x0", "v"])
@pytest.mark.parametrize("t", [0.3, 1.0, 1.7, 4.0, 8.5])
def test_the_velocity_is_what_the_prediction_says(predict, t, rng):
    """x = cos x_0 + sin eps at the angle phi(t); before t = 1 eps is that of 1 by the tangents."""
    model = small(predict, rng, variance="learned").reverse
    x, (phi, slope) = rng.standard_normal((4, 2)), turning(model.schedule, t)
    known = np.arctan(model.schedule.ratio(max(t, 1.0)))
    out = model.prediction(x, np.array([max(t, 1.0)]))[0]
    c, s = np.cos(known), np.sin(known)
    eps = {"eps": out, "x0": (x - c * out) / s, "v": s * x + c * out}[predict]
    eps = eps * np.tan(phi) / np.tan(known)
    x0 = (x - np.sin(phi) * eps) / np.cos(phi)
    dx, cache = ode.velocity(model, x, t, None, t < 1)
    want = slope * (np.cos(phi) * eps - np.sin(phi) * x0)
    np.testing.assert_allclose(dx, want, rtol=1e-10, atol=1e-14)  # phi is rounded near pi / 2
    trace = 0
    for d in range(2):
        step = 1e-4 * np.eye(2)[d]
        up, down = (ode.velocity(model, x + h, t, None, t < 1)[0] for h in (step, -step))
        trace += (up - down)[:, d] / 2e-4
    np.testing.assert_allclose(ode.divergence(model, x, cache), trace, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("predict", ["eps", "x0", "v"])
def test_a_rows_log_density_is_within_the_tolerance_and_its_own(predict, rng):
    """Whatever the other rows are: one far away would make the others' steps smaller."""
    model = small(predict, rng)
    x = rng.standard_normal((6, 2))
    x[0] = [4.0, -5.0]
    loose, tight = (model.log_prob_ode(x, tolerance=tol) for tol in (1e-5, 1e-8))
    assert np.abs(loose - tight).max() < 1e-5
    alone = np.concatenate([model.log_prob_ode(row[None]) for row in x])
    np.testing.assert_allclose(alone, loose, rtol=1e-11)


def test_a_tolerance_out_of_reach_is_refused_with_the_row(rng, monkeypatch):
    model = small("v", rng)
    monkeypatch.setattr(ode, "FINEST", 64)
    with pytest.raises(FloatingPointError, match=r"row 1 is not within the tolerance"):
        model.log_prob_ode(np.array([[0.0, 0.0], [1e3, 0.0]]), tolerance=1e-6)
    with pytest.raises(ValueError, match="tolerance: expected a number"):
        model.log_prob_ode(np.zeros((1, 2)), tolerance=0.0)


def test_the_odes_samples_are_within_their_tolerance(rng):
    s = df.linear_schedule(20)
    net, _, _ = mixture(s)
    model, z = df.ReverseProcess(net, s, 2, "eps", "beta", s.beta[1]), rng.standard_normal((20, 2))
    x, near = ode.sample(model, z), ode.sample(model, z, tolerance=1e-6)
    assert 1e-8 < np.abs(x - near).max() < 1e-3 * np.abs(near).max()


def test_the_ode_has_the_density_that_its_own_divergence_integrates(rng):
    """log p along the known path of a Gaussian: d x / d t scales it, nothing else."""
    s, v, x = df.cosine_schedule(40), 0.3, np.array([[0.2, -0.5]])
    net = df.IdealNoise.init(s, [[0.0, 0.0]], v)
    model = df.DDPM(df.ReverseProcess(net, s, 2, "eps", "beta", s.beta[1]))

    def gain(t):
        """d log|x| / dt: eps is sin / V times x for t >= 1, and held by the tangents below."""
        r, known = s.ratio(t), s.ratio(max(t, 1.0))
        signal, noise = 1 / np.hypot(1, known), known / np.hypot(1, known)
        eps = noise / (signal**2 * v + noise**2) * r / known
        noise = r / np.hypot(1, r)
        return (1 / t if t < 1 else s.spline(t, 1)) * (noise * eps - noise**2)

    growth = quad_vec(gain, 1e-12, 40, points=[1.0, *range(2, 40)], epsabs=1e-10)[0]
    xT = x * np.exp(growth)
    want = multivariate_normal(np.zeros(2)).logpdf(xT) + 2 * growth
    np.testing.assert_allclose(model.log_prob_ode(x, tolerance=1e-8), want, atol=1e-7)
    np.testing.assert_allclose(ode.sample(model.reverse, xT, tolerance=1e-8), x, atol=1e-7)
