"""The discretised Gaussian is a distribution, right into its tails, and its gradient lives."""

import mpmath
import numpy as np
import pytest

from minigen import check
from minigen.prob.discretized import DiscretisedGaussian, log_interval, log_ndtr


def grid(levels):
    return np.linspace(-1, 1, levels)


def log_p(levels, x, mu, sigma):
    """log P of the integers x (n,) at one mean and scale."""
    column = np.asarray(x, float)[:, None]
    full = np.full_like(column, mu), np.full_like(column, 2 * np.log(sigma))
    return DiscretisedGaussian(levels).forward(column, *full)[0]


@pytest.mark.parametrize("levels", [2, 17, 256])
@pytest.mark.parametrize("sigma", [1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0])
def test_sums_to_one(levels, sigma):
    for mu in (-1.7, -1.0, -0.33, 0.0, 0.0039, 0.5, 1.0, 3.0):
        assert abs(np.exp(log_p(levels, grid(levels), mu, sigma)).sum() - 1) <= 1e-12


def truth(levels, k, mu, sigma):
    """log P(k) to 120 digits."""
    with mpmath.workdps(120):
        x, h = mpmath.mpf(float(grid(levels)[k])), mpmath.mpf(1) / (levels - 1)
        mu, sigma = mpmath.mpf(mu), mpmath.exp(mpmath.mpf(2 * np.log(sigma)) / 2)

        def upper(z):  # 1 - Phi(z), never by subtraction
            return mpmath.erfc(z / sigma / mpmath.sqrt(2)) / 2

        a, b = x - h - mu, x + h - mu
        if k == 0:
            p = upper(-b)
        elif k == levels - 1:
            p = upper(a)
        elif a > 0:
            p = upper(a) - upper(b)
        elif b < 0:
            p = upper(-b) - upper(-a)
        else:
            p = 1 - upper(-a) - upper(b)
        return float(mpmath.log(p))


@pytest.mark.parametrize("levels", [17, 256])
@pytest.mark.parametrize("sigma", [0.0141, 0.05, 0.3, 1.0, 10.0])
def test_log_p_is_right_into_the_tails(levels, sigma):
    """Relative 1e-10, down to -1e4 nats."""
    seen = 0
    for mu in (-0.9, -0.51, 0.013, 0.77, 1.2):
        for k in range(0, levels, max(1, levels // 16)):
            want, got = truth(levels, k, mu, sigma), log_p(levels, grid(levels)[[k]], mu, sigma)[0]
            if want > -2e4:
                assert abs(got - want) <= 1e-10 * abs(want) + 1e-99, (k, mu, got, want)
                seen = min(seen, want)
    assert seen < (-3e3 if sigma < 0.02 else -1)


def test_gradient_lives_where_others_floor_the_probability():
    """At fifty standard deviations the gradient still says which way to go, and how far it is."""
    layer = DiscretisedGaussian(256)
    x, mu, logvar = np.zeros((1, 1)), np.full((1, 1), 0.5), np.full((1, 1), 2 * np.log(0.01))
    _, cache = layer.forward(x, mu, logvar)
    dx, dmu, dlogvar, _ = layer.backward(np.ones(1), cache)
    assert dmu[0, 0] == pytest.approx(-(0.5 - 1 / 255) / 0.01**2, rel=1e-3)
    assert dlogvar[0, 0] > 1000 and dx[0, 0] == -dmu[0, 0]


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_gradient_is_the_complex_step(levels, rng):
    x = rng.choice(grid(levels), (40, 3))
    mu, logvar = rng.normal(0, 0.7, (40, 3)), rng.uniform(-4, 2, (40, 3))
    report = check.gradients(DiscretisedGaussian(levels), x, mu, logvar, rng=rng, method="complex")
    assert report, report


def test_log_ndtr_and_interval_at_their_joints():
    """No jump where the branches meet, and the real part of a complex argument is the same."""
    x = np.concatenate([np.linspace(-40, 9, 400), [-1e-9, 0.0, 1e-9]])
    with mpmath.workdps(60):
        want = [float(mpmath.log(mpmath.ncdf(v))) for v in x]
    np.testing.assert_allclose(log_ndtr(x), want, rtol=1e-12)
    np.testing.assert_allclose(log_ndtr(x + 0j).real, log_ndtr(x), rtol=1e-13, atol=1e-15)
    a = np.array([-1e-12, 0.0, -1.0, -1.0, -38.0, 5.0])
    b = np.array([1e-12, 1e-6, 1.0, 1.0 + 1e-9, -37.9, 5.1])
    with mpmath.workdps(50):
        want = [float(mpmath.log(mpmath.ncdf(v) - mpmath.ncdf(u))) for u, v in zip(a, b, strict=1)]
    np.testing.assert_allclose(log_interval(a, b), want, rtol=1e-10)


def test_an_interval_that_holds_nearly_everything_lacks_what_lies_outside():
    """log P = -2 Phi(-z), to the last digits where P itself is 1."""
    z = np.array([6.0, 9.0, 20.0, 30.0])
    np.testing.assert_allclose(log_interval(-z, z), -2 * np.exp(log_ndtr(-z)), rtol=1e-8)


def test_log_ndtr_rises_through_0(rng):
    """d log Phi / dx = density / Phi, at 0 and on both sides of it."""
    x = np.array([-0.0, 0.0, -1e-9, 1e-9, *rng.normal(0, 3, 20)])
    want = np.exp(-x * x / 2 - np.log(2 * np.pi) / 2 - log_ndtr(x))
    np.testing.assert_allclose(log_ndtr(x + 1e-100j).imag / 1e-100, want, rtol=1e-11)
