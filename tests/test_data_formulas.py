"""Toy densities against their docstrings: closed forms from SciPy, integrals in 25 digits."""

import mpmath
import numpy as np
import pytest
from scipy import stats

from minigen.data import toy

NORMAL = stats.norm.logpdf
ANGLES = np.pi * np.arange(8) / 4
FORMULAS = {  # from the docstrings, at their defaults
    "gaussian": lambda x, y: stats.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]]).logpdf(
        np.stack([x, y], axis=-1)
    ),
    "banana": lambda x, y: NORMAL(x, 0, 1.2) + NORMAL(y, 0.4 * (1.2**2 - x**2), 0.3),
    "waves": lambda x, y: NORMAL(x, 0, 1.5) + NORMAL(y, np.sin(2 * x), 0.2),
    "funnel": lambda x, y: NORMAL(x) + NORMAL(y, 0, np.exp(x / 2)),
    "checkerboard": lambda x, y: np.where((x // 2 + y // 2) % 2 == 0, -np.log(32), -np.inf),
    "eight_gaussians": lambda x, y: (
        np.logaddexp.reduce(
            [NORMAL(x, 2 * np.cos(a), 0.2) + NORMAL(y, 2 * np.sin(a), 0.2) for a in ANGLES]
        )
        - np.log(8)
    ),
    "grid": lambda x, y: (
        np.logaddexp.reduce(
            [NORMAL(x, a, 0.15) + NORMAL(y, b, 0.15) for a in range(-2, 3) for b in range(-2, 3)]
        )
        - np.log(25)
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_log_prob_is_the_formula_of_the_docstring(name, rng):
    x = np.concatenate([toy(name).sample(300, rng=rng), rng.uniform(-4, 4, (300, 2))])
    np.testing.assert_allclose(toy(name).log_prob(x), FORMULAS[name](*x.T), rtol=1e-11, atol=1e-11)


def spiral(t):
    return t / mpmath.pi * -mpmath.cos(t), t / mpmath.pi * mpmath.sin(t)


ARCS = {  # from the docstrings: curve, its mirror image too?, interval, density of t
    "moons": (
        lambda t: (mpmath.cos(t) - 0.5, mpmath.sin(t) - 0.25),
        True,
        (0, mpmath.pi),
        lambda t: 1 / mpmath.pi,
    ),
    "two_spirals": (spiral, True, (0, 3 * mpmath.pi), lambda t: 2 * t / (9 * mpmath.pi**2)),
    "swiss_roll": (
        lambda t: (t * mpmath.cos(t) / (1.5 * mpmath.pi), t * mpmath.sin(t) / (1.5 * mpmath.pi)),
        False,
        (1.5 * mpmath.pi, 4.5 * mpmath.pi),
        lambda t: 1 / (3 * mpmath.pi),
    ),
}


def arc_density(name, noise, x, scale):
    """p(x) * exp(-scale) of a blurred curve, by quadrature in 25 digits."""
    curve, mirrored, interval, weight = ARCS[name]
    x, noise = [mpmath.mpf(float(c)) for c in x], mpmath.mpf(float(noise))

    def p(t, sign):
        d2 = sum((u - sign * v) ** 2 for u, v in zip(x, curve(t), strict=True))
        return weight(t) * mpmath.exp(-d2 / (2 * noise**2) - scale) / (2 * mpmath.pi * noise**2)

    cuts = mpmath.linspace(*interval, 40)
    signs = (1, -1) if mirrored else (1,)
    return sum(mpmath.quad(lambda t, s=s: p(t, s), cuts) for s in signs) / len(signs)


@pytest.mark.parametrize("name", ARCS)
@pytest.mark.parametrize("noise, x", [(0.1, (0.3, -0.2)), (0.1, (4, -3)), (0.5, (-6.0, 7.9))])
def test_blurred_curve_is_its_integral_in_25_digits(name, noise, x):
    logp = toy(name, noise=noise).log_prob([x])[0]
    with mpmath.workdps(25):
        assert abs(mpmath.log(arc_density(name, noise, x, mpmath.mpf(float(logp))))) < 1e-10


@pytest.mark.parametrize("name", ["circles", "rings"])
def test_circle_is_its_integral(name, rng):
    """The rule of equal weights on a circle converges exponentially."""
    law = toy(name)
    x = np.concatenate([law.sample(100, rng=rng), rng.uniform(-5, 5, (100, 2)), np.zeros((1, 2))])
    t = 2 * np.pi * np.arange(1000) / 1000
    circle = np.stack([np.cos(t), np.sin(t)], axis=-1)
    terms = [
        stats.norm.logpdf(x[:, None], radius * circle, law.noise).sum(axis=2).T
        for radius in law.radii
    ]
    exact = np.logaddexp.reduce(np.concatenate(terms)) - np.log(1000 * len(law.radii))
    np.testing.assert_allclose(law.log_prob(x), exact, rtol=1e-12, atol=1e-11)
