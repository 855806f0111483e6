"""Rational-quadratic splines: monotone, invertible to the edges, equal to their twins."""

import numpy as np
import pytest

from minigen.core import tree
from minigen.flows import Spline, neural_spline
from minigen.kernels import spline as kernels

B = 3.0


def rng(seed=0):
    return np.random.default_rng(seed)


def table(M, K, scale=1.0, seed=0):
    """Positive numbers e (M, 3K - 1)."""
    return np.exp(scale * rng(seed).uniform(-1, 1, (M, 3 * K - 1)))


def edges(e, K):
    """The knots (x_k, y_k) of one spline and the points just beside them, outside included."""
    _, xs = kernels.knots(e[None, :K], B)
    _, ys = kernels.knots(e[None, K : 2 * K], B)
    return xs[0], ys[0]


def beside(points):
    return np.concatenate([points, np.nextafter(points, -9), np.nextafter(points, 9)])


def test_the_last_bin_is_not_left_below_the_bound():
    """Just below B the knots, added up, may end before it: there the last bin goes on."""
    K = 7
    e, x = table(300, K), np.full(300, np.nextafter(B, 0))
    for kernel, args in (
        (kernels.forward, (x, e, B)),
        (kernels.inverse, (x, e, B)),
        (kernels.backward, (x, e, B, np.ones(300), np.ones(300))),
    ):
        for got, want in zip(kernel.loop(*args), kernel.twin(*args), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


def test_a_flat_knot_is_inverted_although_its_discriminant_is_rounding():
    """With a slope of 1e-30 the root in theta is double at the knot: half the digits are left."""
    e = np.tile([1.0, 1.0, 1.0, 1.0, 1e-30], (200, 1))
    y = -np.logspace(-20, -1, 200)
    for inverse in (kernels.inverse, kernels.inverse.twin):
        x, _ = inverse(y, e, B)
        assert np.all((x > -B) & (x <= 0))
        np.testing.assert_allclose(kernels.forward(x, e, B)[0], y, rtol=0, atol=1e-13)


def test_just_below_flat_knots_the_inverse_stays_in_its_bin():
    """There the discriminant is rounding, of either sign, and so is what theta is beyond 1."""
    K, M, r = 4, 600, rng(5)
    e = table(M, K, seed=4)
    e[:, 2 * K :] = 10.0 ** -r.uniform(0, 30, (M, K - 1))
    (_, xs), (_, ys) = kernels.knots(e[:, :K], B), kernels.knots(e[:, K : 2 * K], B)
    y = np.nextafter(kernels.at(ys, r.integers(1, K, M)), -B)
    y -= r.integers(0, 2, M) * 10.0 ** -r.uniform(9, 18, M)
    end = kernels.at(xs, (ys <= y[:, None]).sum(axis=1))
    for inverse in (kernels.inverse.loop, kernels.inverse, kernels.inverse.twin):
        x, _ = inverse(y, e, B)
        assert (x <= end + 1e-14).all()
        np.testing.assert_allclose(kernels.forward(x, e, B)[0], y, rtol=0, atol=1e-13)


@pytest.mark.parametrize("K", [1, 3, 8])
def test_the_spline_passes_through_its_knots_with_their_slopes(K):
    e = table(1, K)[0]
    xs, ys = edges(e, K)
    y, slope = kernels.forward(xs, np.repeat(e[None], K + 1, axis=0), B)
    np.testing.assert_allclose(y, ys, rtol=0, atol=1e-12)
    np.testing.assert_allclose(slope, np.concatenate([[1], e[2 * K :], [1]]), rtol=1e-12)


def test_the_slope_is_continuous_at_the_knots_and_monotone_between_them():
    K = 6
    e = table(1, K, scale=2.0)[0]
    xs, _ = edges(e, K)
    x = np.sort(np.concatenate([beside(xs), np.linspace(-4, 4, 5001)]))
    y, slope = kernels.forward(x, np.repeat(e[None], len(x), axis=0), B)
    assert (np.diff(y) >= -1e-14).all() and (slope > 0).all()
    near = np.searchsorted(x, xs)
    jump = slope[np.minimum(near + 1, len(x) - 1)] / slope[near - 1]
    np.testing.assert_allclose(jump, 1, rtol=1e-9)


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-12), (np.float32, 3e-5)])
def test_the_inverse_is_safe_at_the_edges_of_bins_and_in_the_tails(dtype, tolerance):
    K = 8
    for seed in range(20):
        e = table(1, K, scale=1.5, seed=seed)[0]
        _, ys = edges(e, K)
        far = np.array([-1e6, -B - 1, B + 1, 1e6])
        y = np.concatenate([beside(ys), beside(np.array([-B, B])), far]).astype(dtype)
        E = np.repeat(e[None], len(y), axis=0).astype(dtype)
        for inverse in (kernels.inverse, kernels.inverse.twin):
            x, slope = inverse(y, E, B)
            assert np.isfinite(x).all() and (slope > 0).all()
            back, again = kernels.forward(x, E, B)
            np.testing.assert_allclose(back, y, rtol=tolerance, atol=tolerance)
            np.testing.assert_allclose(again, slope, rtol=50 * tolerance)
        assert np.array_equal(x[-4:], y[-4:]) and (slope[-4:] == 1).all()


def test_the_inverse_has_its_slope_at_the_edges_of_bins_too():
    """By the complex step: theta is put back into [0, 1], its imaginary part stays."""
    K = 8
    for seed in range(50):
        e = table(1, K, scale=1.5, seed=seed)[0]
        y = beside(edges(e, K)[1])
        x, slope = kernels.inverse.twin(y + 1e-100j, np.repeat(e[None], len(y), axis=0), B)
        np.testing.assert_allclose(x.imag * slope.real, 1e-100, rtol=1e-9)


def test_one_bin_of_equal_slopes_is_the_identity():
    x = rng().uniform(-4, 4, (50, 3))
    for K in (1, 4):
        y, ell, _ = Spline(K, B).forward(x, np.zeros((50, 3, 3 * K - 1)))
        np.testing.assert_allclose(y, x, rtol=0, atol=1e-14)
        np.testing.assert_allclose(ell, 0, rtol=0, atol=1e-14)


def test_any_parameter_at_all_gives_a_spline_that_can_be_inverted():
    """The bounded exponent: huge r, no underflow, no division by zero, also in float32."""
    spline = Spline(8, B)
    r = rng().choice([-1e30, -50.0, 0.0, 50.0, 1e30], (400, 2, spline.parts)).astype(np.float32)
    x = rng(1).uniform(-B, B, (400, 2)).astype(np.float32)
    y, ell, cache = spline.forward(x, r)
    back, _, _ = spline.inverse(y, r)
    dx, dr, _ = spline.backward(np.ones_like(y), np.ones_like(y), cache)
    assert all(np.isfinite(a).all() and a.dtype == np.float32 for a in (y, ell, back, dx, dr))


@pytest.mark.parametrize("name", ["bound", "c"])
def test_the_bounds_may_be_small_but_not_nothing(name):
    assert getattr(Spline(**{name: 0.01}), name) == 0.01
    for value in (0.0, -1.0, np.inf):
        with pytest.raises(ValueError, match=f"{name}: expected a number"):
            Spline(**{name: value})


def gauss_legendre(knots, n=24):
    """Nodes and weights on the tails and between neighbouring knots."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    ends = np.concatenate([[-10, -6.5], knots, [6.5, 10]])
    mid, half = (ends[1:] + ends[:-1]) / 2, np.diff(ends) / 2
    return (mid[:, None] + half[:, None] * nodes).ravel(), (half[:, None] * weights).ravel()


def test_a_spline_flow_integrates_to_one():
    """The density is smooth between the knots of x_1, and of x_2 at each x_1: there it is exact."""
    f = neural_spline(2, 1, (8, 8), bins=5, bound=B, activation="tanh", rng=rng(), dtype=np.float64)
    f = tree.perturbed(f, rng(1), 0.3)
    (layer,) = f.chain.layers

    def knots(x1, column):
        r, _ = layer.made.forward(np.array([[x1, 0.0]]))
        e, _ = layer.spline.positive(r[:, column])
        return kernels.knots(e[:, : layer.spline.bins], B)[1][0]

    total = 0.0
    for x1, weight in zip(*gauss_legendre(knots(0.0, 0)), strict=True):
        x2, weights = gauss_legendre(knots(x1, 1))
        total += weight * weights @ np.exp(f.log_prob(np.column_stack([np.full_like(x2, x1), x2])))
    assert abs(total - 1) < 1e-9
