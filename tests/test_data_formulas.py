"""Toy densities against their docstrings: closed forms from SciPy, integrals in 25 digits."""

import tracemalloc

import mpmath
import numpy as np
import pytest
from scipy import integrate, stats

from minigen.data import TOYS, toy
from minigen.data.quadrature import lattice
from minigen.data.toys_mixture import Curve, GaussianMixture

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


def turned(x, angle):
    """Rows of the plane as complex numbers, turned about 0."""
    return (x[:, 0] + 1j * x[:, 1]) * np.exp(1j * angle)


@pytest.mark.parametrize(
    "options", [{}, {"blades": 1, "swirl": 0.0}, {"blades": 4, "length": 1.0, "swirl": 2.0}]
)
def test_pinwheel_is_the_formula_of_its_docstring(options, rng):
    law = toy("pinwheel", **options)
    x = np.concatenate([law.sample(300, rng=rng), rng.uniform(-4, 4, (300, 2))])
    turn = -law.swirl * np.linalg.norm(x, axis=1)
    blades = [turned(x, turn - 2 * np.pi * k / law.blades) for k in range(law.blades)]
    terms = [NORMAL(u.real, 2, law.length) + NORMAL(u.imag, 0, law.thickness) for u in blades]
    exact = np.logaddexp.reduce(terms) - np.log(law.blades)
    np.testing.assert_allclose(law.log_prob(x), exact, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("side", [1, 2, 3, 9])
def test_a_grid_of_any_side_is_centred_at_zero(side, rng):
    x = rng.uniform(-5, 5, (200, 2))
    axis = np.linspace(-(side - 1) / 2, (side - 1) / 2, side)
    terms = [NORMAL(x[:, 0], a, 0.3) + NORMAL(x[:, 1], b, 0.3) for a in axis for b in axis]
    exact = np.logaddexp.reduce(terms) - np.log(side**2)
    logp = toy("grid", noise=0.3, side=side).log_prob(x)
    np.testing.assert_allclose(logp, exact, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("v, x2", [(-1450, 1e-300), (-1600, -1e-320), (-1490, 0), (1e4, 1e150)])
def test_funnel_is_its_formula_where_the_factor_of_its_neck_is_no_float(v, x2):
    x, y = mpmath.mpf(v), mpmath.mpf(float(x2))
    exact = -(x**2 + y**2 * mpmath.exp(-x)) / 2 - x / 2 - mpmath.log(2 * mpmath.pi)
    assert abs(toy("funnel").log_prob([[v, x2]])[0] / exact - 1) < 1e-10


class Segment(Curve):
    """A curve of one's own: t uniform in (0, length), c(t) = (t, 0)."""

    def __init__(self, length, noise):
        vars(self).update(interval=(0.0, length), noise=noise)

    def _curves(self, t):
        return np.stack([t, 0 * t], axis=-1)[None]

    def exact(self, x):
        """log of (Phi(x_1 / noise) - Phi((x_1 - length) / noise)) N(x_2; 0, noise^2) / length."""
        length, (z1, z2) = self.interval[1], x.T / self.noise
        right = z1 > length / self.noise / 2  # of two tails, the thin ones
        ends = np.stack([z1, z1 - length / self.noise])
        high, low = stats.norm.logcdf(np.where(right, -ends[::-1], ends))
        return high + np.log(-np.expm1(low - high)) + NORMAL(z2) - np.log(self.noise * length)


ROUND = np.exp(1j * np.linspace(0, 2 * np.pi, 41))


@pytest.mark.parametrize("noise", [0.02, 0.1, 1.0, 10.0])
@pytest.mark.parametrize("length", [0.1, 1.0, 3.0, 10.0])
def test_a_blurred_segment_is_a_difference_of_normal_distributions(length, noise):
    law = Segment(length, noise)
    near, far = (
        np.stack([z.real, z.imag], axis=-1)
        for z in (np.outer(radii, ROUND).ravel() for radii in ([0.05, 1, 3, 10], [30, 100, 1e4]))
    )
    np.testing.assert_allclose(law.log_prob(near), law.exact(near), rtol=0, atol=1e-10)
    np.testing.assert_allclose(law.log_prob(far), law.exact(far), rtol=1e-6)


def test_a_long_narrow_curve_may_be_asked_about_no_point():
    assert Segment(300.0, 0.02).log_prob(np.zeros((0, 2))).shape == (0,)


BLADES = [(2, 2), (1, 2), (2, 0.05), (0.1, 0.1), (0.5, 0.15)]  # length and thickness


@pytest.mark.parametrize(
    "law, determinant, tolerance",
    [
        *((toy("grid", noise=s, side=1), s**4, 1e-11) for s in (0.02, 0.1, 1, 10)),
        *(
            (toy("pinwheel", blades=1, length=a, thickness=b), (a * b) ** 2, 1e-11)
            for a, b in BLADES
        ),
        # a radius of a thousandth of the noise: what is left is of fourth order in that
        (toy("circles", inner=0.01, outer=0.01, noise=10), (10**2 + 0.01**2 / 2) ** 2, 1e-9),
    ],
    ids=repr,
)
def test_one_gaussian_has_its_entropy(law, determinant, tolerance):
    exact = 1 + np.log(2 * np.pi) + np.log(determinant) / 2
    assert abs(law.entropy - exact) < tolerance


@pytest.mark.parametrize(
    "law, half",
    [
        (toy("grid", side=2, noise=0.2), 2.5),
        (toy("grid", side=2, noise=0.15), 2),
        (toy("pinwheel", blades=6, length=0.38, thickness=0.38, swirl=0), 6),
    ],
    ids=repr,
)
def test_overlapping_gaussians_have_the_entropy_of_a_rule_thrice_as_fine(law, half):
    step = getattr(law, "noise", 0.38) / 9
    axis = np.arange(-half, half, step)
    logp = law.log_prob(np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2))
    assert abs(law.entropy + step**2 * np.sum(np.exp(logp) * logp)) < 1e-6


def test_the_entropy_of_spirals_needs_no_logarithm_of_zero():
    """Their density of t is 0 where they begin."""
    assert np.isfinite(toy("two_spirals", noise=0.5).entropy)


@pytest.mark.parametrize("noise", [0.1, 1.0, 2.0])
def test_circles_have_the_entropy_of_a_sum_along_the_radius(noise):
    law = toy("circles", inner=3, outer=10, noise=noise)
    r, step = np.linspace(0, 40, 40_001, retstep=True)
    logp = law.log_prob(np.stack([r, 0 * r], axis=-1))
    exact = -2 * np.pi * integrate.simpson(r * np.exp(logp) * logp, dx=step)
    assert abs(law.entropy - exact) < 1e-9


RANGES = [
    *(
        (name, "noise", 0.02, 10)
        for name, kind in TOYS.items()
        if issubclass(kind, GaussianMixture)
    ),
    ("eight_gaussians", "radius", 0.01, 5),
    ("grid", "side", 1, 9),
    ("gaussian", "correlation", -0.999, 0.999),
    ("pinwheel", "blades", 1, 20),
    ("pinwheel", "length", 0.1, 2),
    ("pinwheel", "thickness", 0.05, 2),
    ("pinwheel", "swirl", 0, 10),
]


@pytest.mark.parametrize("name, option, low, high", RANGES)
def test_an_option_may_have_the_ends_of_its_range_and_nothing_beyond(name, option, low, high):
    page = (GaussianMixture if option == "noise" else TOYS[name]).__doc__
    assert f"{low} to {high}" in " ".join(page.split())
    assert [vars(toy(name, **{option: end}))[option] for end in (low, high)] == [low, high]
    more = 1 if isinstance(getattr(TOYS[name], option), int) else 1e-6
    for value in (low - more, high + more):
        with pytest.raises(ValueError, match=f"^{option}: expected a"):
            toy(name, **{option: value})


def test_a_large_lattice_comes_in_parts():
    tracemalloc.start()
    rows = sum(len(part) for part in lattice(np.zeros(2), np.full(2, 1500.0), 1.0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 1501**2 and peak < 30e6
    assert sum(len(part) for part in lattice(np.zeros(2), np.array([0.0, 1e6]), 1.0)) == 1_000_001
