"""One clock: every prediction, both paths and all solvers are one and the same ODE."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import minigen as mg
from minigen.core import tree
from minigen.diffusion import ode, solvers
from minigen.diffusion.predict import KINDS, REAL, coefficients, coefficients_at

SCHEDULE = mg.diffusion.cosine_schedule(100)
MEANS = np.array([[-1.0, 0.3], [0.8, 1.1], [0.5, -0.9]])


def ideal(kind="eps", schedule=SCHEDULE):
    """A model whose prediction is exact, of data from a mixture of three Gaussians."""
    net = Predicts(mg.diffusion.IdealNoise.init(schedule, MEANS, 0.3), kind)
    return mg.diffusion.ReverseProcess(net, schedule, 2, kind, "beta", 0.01)


class Predicts(mg.core.Layer):
    """The ideal eps as another kind of prediction, at whole and real times."""

    def __init__(self, net, kind):
        self.net, self.kind = net, kind

    def astype(self, dtype):
        return Predicts(self.net.astype(dtype), self.kind)

    def forward(self, x, *, t):
        eps, cache = self.net.forward(x, t=t)
        p, q = coefficients_at(self.net.schedule.ratio(t), "eps", self.kind)
        return p[:, None] * x + q[:, None] * eps, cache

    def backward(self, dout, cache):
        raise NotImplementedError("only predictions are asked for")


def end(solver, steps, x, reverse):
    """x at t = 1, where the solvers stop before the last prediction of x_0."""
    return [state for _, state in solvers.solve(reverse, x, solver=solver, steps=steps)][-2]


def exact(x, reverse, steps=100):
    """The same by a Runge-Kutta method of order 8 on the straight path."""
    r = np.geomspace(*np.exp(reverse.schedule.log_ratios[[-1, 1]]), steps)
    predict = solvers.predictor(reverse)

    def rate(s, y):
        r = s / (1 - s)
        return predict(y * solvers.scale(r), r, "velocity")

    y = ode.runge_kutta(rate, x / solvers.scale(r[0]), r / (1 + r))
    return y * solvers.scale(r[-1])


@pytest.mark.parametrize("given", KINDS)
@pytest.mark.parametrize("wanted", KINDS)
def test_each_prediction_is_turned_into_each_other_one_exactly(given, wanted, rng):
    x0, eps = rng.standard_normal((2, 50, 3))
    t = rng.integers(1, 101, 50)
    xt, have, want = (
        mg.diffusion.Target(SCHEDULE, kind).forward(x0, eps, t=t)[0]
        for kind in ("xt", given, wanted)
    )
    got = mg.diffusion.Convert(SCHEDULE, given, wanted).forward(xt, have, t=t)[0]
    p, q = (np.abs(c[t])[:, None] for c in coefficients(SCHEDULE, given, wanted))
    scale = p * np.abs(xt) + q * np.abs(have) + np.abs(want)
    assert np.all(np.abs(got - want) <= 1e-14 * scale)


@pytest.mark.parametrize("kind", REAL)
def test_coefficients_between_the_steps_are_those_of_the_steps_at_the_steps(kind):
    for wanted in REAL:
        table = np.array(coefficients(SCHEDULE, kind, wanted))[:, 1:]
        real = np.array(coefficients_at(np.exp(SCHEDULE.log_ratios[1:]), kind, wanted))
        np.testing.assert_allclose(real, table, rtol=1e-12, atol=1e-12)


def test_the_time_of_a_ratio_is_the_inverse_of_the_ratio_of_a_time():
    t = np.linspace(0.01, 100, 731)
    for schedule in (SCHEDULE, mg.diffusion.linear_schedule(100)):
        np.testing.assert_allclose(schedule.time(schedule.ratio(t)), t, rtol=1e-12)
    assert mg.diffusion.schedule_from_betas([0.5]).time(0.5) == 0.5


@pytest.mark.parametrize(
    ("solver", "order"), [("euler", 1), ("heun", 2), ("dpm++2m", 2), ("dpm++3m", 3)]
)
def test_a_solver_has_its_order_of_convergence(solver, order, rng):
    """log error against log steps, on the exact flow of a mixture of Gaussians."""
    x, reverse = rng.standard_normal((20, 2)), ideal()
    truth = exact(x, reverse)
    steps = np.array([400, 800, 1600])
    errors = [np.sqrt(np.mean((end(solver, n, x, reverse) - truth) ** 2)) for n in steps]
    slope = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert abs(slope - order) < 0.1


@pytest.mark.parametrize("kind", REAL)
def test_each_prediction_leads_along_both_paths_to_the_same_points(kind, rng):
    """The path of DIF-11 and the straight one are one, in another scale."""
    x = rng.standard_normal((20, 2))
    straight = exact(x, ideal(kind))
    schedule, reverse = SCHEDULE, ideal(kind)

    def rate(t, x, rows, early):
        return ode.velocity(reverse, x, t, None, early)[0]

    times = ode.grid(schedule, 200)[::-1]
    curved = ode.runge_kutta(lambda t, z: rate(t, z, None, False), x, times)
    np.testing.assert_allclose(straight, curved, atol=1e-6, rtol=0)
    np.testing.assert_allclose(straight, exact(x, ideal("eps")), atol=1e-9, rtol=0)


@pytest.mark.parametrize("solver", solvers.SOLVERS)
def test_thirty_steps_of_a_solver_sample_the_data(solver, rng):
    model = mg.diffusion.DDPM(ideal())
    x = model.sample(20_000, rng=rng, sampler=solver, steps=30)
    mean, cov = MEANS.mean(axis=0), np.cov(MEANS.T, bias=True) + 0.3 * np.eye(2)
    np.testing.assert_allclose(x.mean(axis=0), mean, atol=0.04)
    np.testing.assert_allclose(np.cov(x.T), cov, atol=0.08)
    t = [t for t, _ in model.states(2, rng=rng, sampler=solver, steps=5)]
    assert t[0] == 100 and t[-1] == 0 and np.all(np.diff(t) < 0)


def test_noise_added_to_an_ode_makes_the_distribution_wider(rng):
    """Why there is none: the variance that is added is nowhere taken away."""
    model = mg.diffusion.DDPM(ideal())
    x = [state for _, state in model.states(5000, rng=rng, sampler="euler", steps=100)]
    noisy, y = solvers.predictor(model.reverse), x[0]
    r = solvers.ratios(model.reverse, 100, "euler")
    for a, b in pairwise(r):
        ((_, y),) = solvers.heun(noisy, y, np.array([a, b]), order=1)
        y = y + np.sqrt(a / (1 + a) - b / (1 + b)) * rng.standard_normal(y.shape)
    assert np.var(y) > 1.3 * np.var(x[-2])


def test_flow_matching_is_least_for_the_exact_velocity(rng):
    """E |u - velocity|^2 has its minimum at E[u | y], for any model of the network."""
    x0 = rng.choice(MEANS, 20_000) + np.sqrt(0.3) * rng.standard_normal((20_000, 2))
    reverse = ideal("v")
    model = mg.diffusion.DDPM(reverse)
    (x,), given = model.flow_matching.draw(x0, rng)
    least = model.flow_matching.forward(x, **given)[0]
    for change in (0.1, -0.1):

        class Off(Predicts):
            def forward(self, x, *, t, change=change):
                out, cache = super().forward(x, t=t)
                return out + change, cache

        off = replace(reverse, net=Off(reverse.net.net, "v"))
        assert mg.diffusion.DDPM(off).flow_matching.forward(x, **given)[0] > least + 0.01


def test_a_model_trained_by_flow_matching_samples_the_data(rng):
    model = mg.diffusion.ddpm(
        2, mg.diffusion.cosine_schedule(100), hidden=64, blocks=2, predict="velocity", rng=rng
    )
    toy = mg.data.toy("moons")
    mg.fit(model.flow_matching, toy, steps=1500, lr=3e-3, rng=rng, progress=False)
    x, y = model.sample(2000, rng=rng, sampler="heun", steps=20), toy.sample(2000, rng=rng)
    near = np.linalg.norm(x[:, None] - y[None], axis=2).min(axis=1)
    assert np.quantile(near, 0.9) < 0.15
    assert np.abs(x.mean(axis=0) - y.mean(axis=0)).max() < 0.1


def test_mu_has_no_meaning_between_the_steps(rng):
    model = mg.diffusion.ddpm(2, SCHEDULE, hidden=8, predict="mu", rng=rng)
    for call in (lambda: model.flow_matching, lambda: model.sample(2, rng=rng, sampler="heun")):
        with pytest.raises(
            ValueError, match="predict: expected one of eps, x0, v, score, velocity"
        ):
            call()


def gaussian(variance, schedule):
    """The model of data N(0, variance I) with the exact eps."""
    net = mg.diffusion.IdealNoise.init(schedule, [[0.0, 0.0]], variance)
    return mg.diffusion.DDPM(mg.diffusion.ReverseProcess(net, schedule, 2, "eps", "beta", 0.01))


def integral(variance, schedule):
    """int |eps - E eps|^2 d log r = D int s / (s + r^2) d log r, between t = 1 and t = T."""
    log_r = schedule.log_ratios[[1, -1]]
    value = log_r - np.log(variance + np.exp(2 * log_r)) / 2
    return 2 * (value[1] - value[0])


def estimate(model, clock, x0, rng):
    """The bound of each row."""
    loss = mg.diffusion.IntegralBound(model, clock)
    (x,), given = loss.draw(x0, rng)
    return loss.estimates(x, **given)


def test_the_bound_of_a_gaussian_in_continuous_time_is_the_integral(rng):
    model = gaussian(0.5, SCHEDULE)
    x0 = model.reverse.net.sample(20_000, rng=rng)
    clock = mg.diffusion.Clock.init(SCHEDULE)
    rows = estimate(model, clock, x0, rng)
    assert abs(rows.mean() - integral(0.5, SCHEDULE)) < 4 * rows.std() / np.sqrt(len(rows))


def test_more_steps_between_the_same_ends_bring_the_sum_to_the_integral():
    """sum_t L_{t-1} - integral halves when the steps do: the sum is above, of first order."""
    gaps = []
    for T in (200, 400, 800):
        r = np.geomspace(0.05, 20, T)
        A = np.append(1.0, 1 / (1 + r**2))
        schedule = mg.diffusion.schedule_from_betas(1 - A[1:] / A[:-1])
        # mu - mu_tilde is k (eps - E eps), and E |eps - E eps|^2 = D s / (s + r^2)
        beta, rest = schedule.beta[2:], schedule.one_minus_alpha_bar[2:]
        w = beta**2 / (schedule.alpha[2:] * rest * 2 * schedule.beta_tilde[2:])
        gaps.append((w * 2 * 0.5 / (0.5 + r[1:] ** 2)).sum() - integral(0.5, schedule))
    assert gaps[0] > gaps[1] > gaps[2] > 0
    np.testing.assert_allclose(np.array(gaps[:-1]) / gaps[1:], 2, rtol=0.05)


def test_a_learned_clock_leaves_the_bound_and_halves_its_variance(rng):
    model = gaussian(0.5, SCHEDULE)
    x0 = model.reverse.net.sample(20_000, rng=rng)
    clock = mg.diffusion.Clock.init(SCHEDULE)
    before = estimate(model, clock, x0, rng)
    mg.fit(
        mg.diffusion.ClockLoss(clock, model), x0, steps=300, lr=0.05, batch=1024, rng=rng,
        progress=False,
    )  # fmt: skip
    after = estimate(model, clock, x0, rng)
    error = np.hypot(before.std(), after.std()) / np.sqrt(len(x0))
    assert abs(before.mean() - after.mean()) < 4 * error
    assert after.var() < before.var() / 2


def test_the_best_clock_spends_its_time_as_the_root_mean_square_of_the_error(rng):
    """The loss is least at w_k in proportion to the root of the mean of f^2 on piece k."""
    clock = mg.diffusion.Clock.init(SCHEDULE, 4)
    square, piece = rng.uniform(0.1, 2.0, 400), rng.integers(0, 4, 400)
    loss = mg.diffusion.ClockLoss(clock, gaussian(0.5, SCHEDULE))
    root = np.sqrt(np.bincount(piece, square))
    best = tree.rebuild(loss, {"clock.a": np.log(root / root.sum())})
    value, cache = best.forward(square=square, piece=piece)
    (grads,) = best.backward(1.0, cache)
    np.testing.assert_allclose(grads["clock"]["a"], 0, atol=1e-10 * value)
    assert value < loss.forward(square=square, piece=piece)[0]


def test_a_clock_reads_its_whole_range_in_order():
    clock = mg.diffusion.Clock(np.array([0.3, -1.0, 0.8]), -2.0, 3.0)
    v = (np.arange(3000) + 0.5) / 3000
    u, slope, piece = clock.read(v)
    assert np.all(np.diff(u) > 0) and u[0] > -2 and u[-1] < 3
    np.testing.assert_allclose(slope.mean(), 5, rtol=1e-3)  # int u' dv is the range
    np.testing.assert_allclose(np.bincount(piece) / 3000, clock.shares, atol=1e-3)
