"""The checks at kinks, poles, saturated units and small numbers: no wrong layer passes there."""

import numpy as np
import pytest
from check_layers import ABS, Pointwise, differences, pointwise

from minigen import check, nn
from minigen.check import shapes
from minigen.check.bijection_check import structure
from minigen.check.comparison import Slopes
from minigen.check.report import versus


@pytest.mark.parametrize(
    "f, wrong",
    [
        (lambda x: np.log(x - 1), lambda x: 2 / (x - 1)),
        (lambda x: 1 / (x - 1), lambda x: -2 / (x - 1) ** 2),
        (lambda x: np.sqrt(x - 1), lambda x: 1 / np.sqrt(x - 1)),
    ],
)
@pytest.mark.parametrize("x", [[[2.0, 3.0, 4.0]], [[4.0]]])
def test_twice_the_slope_is_wrong_beside_a_pole_too(f, wrong, x, rng):
    assert not check.gradients(pointwise(f, wrong), np.array(x), rng=rng)
    assert not check.adjoint(pointwise(f, wrong), np.array(x), rng=rng)


@pytest.mark.parametrize(
    "f, slope, x",
    [
        (lambda x: np.where(x.real > 2, 1e-20 * x, np.nan), lambda x: 2e-20 * x**0, [[3.0, 4.0]]),
        (lambda x: 2 * x, lambda x: (2 + 2e-9) * x**0, [[1e4, 2e4]]),
        (np.tanh, lambda x: 1 - np.tanh(x) ** 2 + 1e-9, [[9.0, 9.0]]),
    ],
    ids=["1e-20 x, NaN below 2", "a part in 1e9, far from 0", "1e-9 in a saturated unit"],
)
def test_a_small_mistake_is_wrong_wherever_it_is(f, slope, x, rng):
    assert not check.gradients(pointwise(f, slope), np.array(x), rng=rng)


def test_a_saturated_unit_is_right(rng):
    assert check.gradients(nn.Tanh(), np.full((1, 2), 9.0), rng=rng)


def test_at_a_kink_differences_say_what_is_wrong_and_where(rng):
    x = np.array([[1.0, -2.0, 3.0]])
    assert check.adjoint(ABS, x, rng=rng).rows[0].why == ""
    wrong = pointwise(np.abs, lambda x: np.sign(x) * [1, 1, 2])
    (row,) = check.gradients(wrong, x, rng=rng).failures
    assert "[0, 2]" in row.why and "twice" in row.why


def test_differences_estimate_a_large_error_at_a_kink():
    assert differences(np.abs)[1] > 0.1


def test_linear_up_to_rounding_is_linear_in_the_cotangents(rng):
    class Rounded(Pointwise):
        def backward(self, dy, cache):
            return super().backward((dy + 3) - 3, cache)

    wrong = Rounded(np.array(1.0), np.sin, lambda x: x * np.cos(x))
    report = check.gradients(wrong, rng.standard_normal((3, 4)), rng=rng)
    assert not report and "not linear" not in str(report)


def test_a_small_entry_of_a_jacobian_is_no_zero():
    assert "1 of 4 entries" in structure(np.array([[[1.0, 1e-9], [0.0, 1.0]]]))


def test_sampled_entries_are_different_ones_and_drawn_anew(rng):
    def sample(shape, count, rng):
        where = Slopes.at_entries("x", np.zeros(shape), count, rng).where
        return {tuple(map(int, np.atleast_1d(at))) for at in where}

    assert len(sample((5, 6), 25, rng)) == 25
    assert sample(2000, 5, rng) != sample(2000, 5, rng)


@pytest.mark.parametrize(
    "expected, got, said",
    [
        ((3,), (3, 1), "an axis of length 1"), ((3, 1), (3,), "an axis of length 1"),
        ((3,), (5, 3), "not summed over the batch"), ((2, 3), (3, 2), "the transpose"),
        ((4, 3, 2), (2, 3, 4), "the transpose"), ((2, 3), (4, 5), ""), ((3, 3), (3,), ""),
        ((3,), (0, 3), "not summed over the batch"), ((0, 3), (3,), ""),
    ],
)  # fmt: skip
def test_a_wrong_shape_is_explained(expected, got, said):
    hint = shapes.hint(expected, got)
    assert said in hint and bool(said) == bool(hint)


def test_a_report_gives_enough_figures_to_tell_two_numbers_apart():
    yours, expected = versus(1.000000001, 1.0).removeprefix("yours ").split(", expected ")
    assert yours != expected and float(yours) > float(expected)
