"""Dequantisation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from minigen.prob import dequantize


@given(
    arrays(
        st.sampled_from([np.uint8, np.int64, np.float32, np.float64]),
        (3, 4),
        elements=st.integers(0, 255),
    )
)
def test_dequantised_values_stay_in_their_level(x):
    noisy = dequantize(x, np.random.default_rng(0))
    assert noisy.dtype == (np.float32 if x.dtype == np.float32 else np.float64)
    assert np.array_equal(np.floor(noisy), x)


class Highest(np.random.Generator):
    """Draws the largest number below 1, always."""

    def random(self, shape):
        return np.full(shape, 1 - 2.0**-53)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_does_not_reach_the_next_level(dtype):
    k = np.full(3, 16, dtype)
    assert (k + Highest(np.random.PCG64()).random(3).astype(dtype)).max() == 17
    noisy = dequantize(k, Highest(np.random.PCG64()))
    assert np.array_equal(noisy, np.nextafter(k + 1, k))


def test_dequantisation_is_uniform(rng):
    u = dequantize(np.full(100_000, 3), rng=rng) - 3
    assert abs(u.mean() - 1 / 2) < 5.5 * np.sqrt(1 / 12 / 1e5)
    assert abs(u.var() - 1 / 12) < 5.5 * np.sqrt(1 / 180 / 1e5)


def test_a_dequantised_density_bounds_the_discrete_likelihood(rng):
    """Piecewise constant density: bound and likelihood agree; a slope inside a level costs."""
    p = np.array([0.1, 0.2, 0.7])
    x = rng.choice(3, p=p, size=(1000, 1))
    y = dequantize(x, rng)
    flat = -np.log(p[np.floor(y).astype(int)]).mean()
    assert np.isclose(flat, -np.log(p[x]).mean(), rtol=1e-12)
    sloped = -np.log(p[x] * 2 * (y - x)).mean()
    assert sloped > -np.log(p[x]).mean()


@pytest.mark.parametrize(
    "x, message",
    [
        ([[1, 2.5]], r"x: expected whole numbers, got 2.5 at index \(0, 1\)"),
        ([[1, 2], [0.5, 1.5]], r"x: expected whole numbers, got 0.5 at index \(1, 0\)"),
        ([[np.nan]], r"x: expected finite numbers, got nan at index \(0, 0\)"),
        ([["a"]], "x: expected an array of real numbers"),
    ],
)
def test_dequantize_refuses_what_is_not_whole(x, message, rng):
    with pytest.raises((ValueError, TypeError), match=message):
        dequantize(x, rng)
