"""The bound as it is reported: what chance has to do with it, and its units."""

import numpy as np

from minigen import diffusion as df
from minigen.diffusion.bound import control_variate


def ideal(schedule, mean, variance, **options):
    """A DDPM with the best network there can be for N(mean, variance I)."""
    net = df.IdealNoise.init(schedule, [mean], variance)
    return df.DDPM(
        df.ReverseProcess(net, schedule, len(mean), "eps", "beta", schedule.beta[1], **options)
    )


def test_bits_are_nats_over_log_two_for_each_dimension(rng):
    s, x = df.linear_schedule(4), rng.standard_normal((50, 3))
    for x0, levels in ((x, 0), (rng.integers(0, 5, (50, 3)), 5)):
        e = ideal(s, [0.1, 0.0, -0.2], 0.5, levels=levels).elbo(x0, rng=rng)
        nats = e.features * np.log(2)
        assert e.features == 3 and e.error > 0
        np.testing.assert_allclose(e.bits_per_dim * nats, e.per_row.mean(), rtol=1e-12)
        np.testing.assert_allclose(e.bits_error * nats, e.error, rtol=1e-12)


def test_what_only_the_size_of_the_noise_moves_is_known_to_one_over_n(rng):
    """At the mean of Gaussian data each term is a + b |eps|^2: the control variate itself."""
    s, mean, n = df.cosine_schedule(20), [0.3, -1.0, 0.5], 2000
    x0 = np.tile(mean, (n, 1))
    exact = df.gaussian_bound(s, mean, 0.5 * np.eye(3), x0[:1], variance="beta")[0]
    e = ideal(s, mean, 0.5).elbo(x0, rng=rng)
    np.testing.assert_allclose(e.L, exact, atol=1 / n)


def test_of_fewer_than_twenty_rows_the_mean_is_left_alone(rng):
    """A slope found from few rows leans towards what it is then taken from."""
    for n in range(1, 25):
        L, control = rng.standard_normal((2, n))
        assert np.array_equal(control_variate(L, control), L) == (n < 20)


def test_the_stated_error_of_few_rows_is_the_scatter_of_their_estimates(rng):
    """Rows that are a line in the control, and a skewed rest: the truth is 1."""
    estimates, errors = [], []
    for n in (10, 15, 20, 25) * 1000:
        control = (rng.standard_normal((n, 2)) ** 2).sum(axis=1) - 2
        L = 1 + 0.7 * control + rng.exponential(size=n) - 1
        left = control_variate(L, control)
        estimates.append(left.mean() - 1)
        errors.append(left.std(ddof=1) / np.sqrt(n))
    estimates, errors = np.reshape(estimates, (-1, 4)), np.reshape(errors, (-1, 4))
    scatter = estimates.std(axis=0)
    assert np.all(np.abs(estimates.mean(axis=0)) < 4 * scatter / np.sqrt(1000))
    assert np.all(np.sqrt((errors**2).mean(axis=0)) > 0.93 * scatter)
    assert scatter[3] < 0.75 * scatter[1]  # and from 20 rows on the control pays
