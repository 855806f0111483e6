"""The references of the checks: the complex step, Richardson's differences, and the choice."""

from dataclasses import replace

import numpy as np
import pytest
from check_layers import ABS, Map, differences, pointwise

from minigen import check
from minigen.check import Kind, State, reference
from minigen.check.complexstep import ComplexStep
from minigen.check.probe import Probe
from minigen.check.richardson import Richardson

RANDOM = np.random.default_rng(0).random((3, 2))


def test_complex_step_has_every_figure(rng):
    x = rng.standard_normal((5, 3))
    J = check.jacobian(lambda x: np.stack([np.exp(x).sum(1), np.sin(x[:, 0] * x[:, 1])], 1), x)
    product = np.cos(x[:, :1] * x[:, 1:2]) * x * [1, 1, 0]
    np.testing.assert_allclose(J[:, 0], np.exp(x), 1e-15)
    np.testing.assert_allclose(J[:, 1], product[:, [1, 0, 2]], 4e-15)


def test_the_jacobian_of_a_vector(rng):
    A, x = rng.standard_normal((3, 4)), rng.standard_normal(4)
    np.testing.assert_array_equal(check.jacobian(lambda x: A @ x, x).shape, (3, 4))
    np.testing.assert_allclose(check.jacobian(lambda x: A @ x, x), A, 1e-15)


def into_a_real_buffer(x):
    y = np.empty(x.shape)
    y[:] = x
    return y


@pytest.mark.parametrize(
    "f, words",
    [
        (np.abs, "a complex result"),
        (lambda x: x.real, "a complex result"),
        (lambda x: np.zeros(x.shape) + np.sign(x.real), "a complex result"),
        (into_a_real_buffer, ".* real buffer"),
    ],
)
def test_a_jacobian_refuses_what_it_cannot_read(f, words):
    with pytest.raises(TypeError, match=f"f: expected {words}"):
        check.jacobian(f, np.ones((2, 2)))


# differences and their error


@pytest.mark.parametrize("p", [1.0, 1e-6, 1e6])
@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_richardson_does_not_underestimate_its_error(rng, p, shift):
    layer = pointwise(lambda x: np.tanh(3 * x) * np.exp(x) + shift, None, p)
    probe = Probe.of(layer, (rng.standard_normal((4, 3)),), {})
    exact, estimated = ComplexStep(probe), Richardson(probe)
    for i in range(12):
        u = {"dx": np.eye(12)[i].reshape(4, 3)}
        ((slope,), _), ((guess,), (error,)) = exact.along(u), estimated.along(u)
        assert np.all(np.abs(guess - slope) <= 20 * error)
        assert error.max() <= 1e-9 * p * (1 + shift)


@pytest.mark.parametrize(
    "f, df", [(np.exp, np.exp), (np.sin, np.cos), (np.arctan, lambda x: 1 / (1 + x * x))]
)
def test_richardson_has_12_figures_of_a_smooth_function(f, df):
    x = np.linspace(0.5, 1.5, 40).reshape(8, 5)
    differences = Richardson(Probe.of(pointwise(f, df), (x,), {}))
    (slope,), (error,) = differences.along({"dx": np.ones(x.shape)})
    largest = np.abs(df(x)).max()
    assert max(np.abs(slope - df(x)).max(), error.max()) < 3.5e-13 * largest


@pytest.mark.parametrize("f", [np.exp, lambda x: np.sin(900 * x), np.abs])
def test_richardson_is_linear_in_the_direction(f, rng):
    """Only what is moved has a scale: c times a direction, c a power of 2, sees the same points."""
    differences = Richardson(Probe.of(pointwise(f, None), (rng.standard_normal((2, 3)),), {}))
    u = rng.standard_normal((2, 3))
    (one,), (error,) = differences.along({"dx": u})
    for c in 2.0**-12, 2.0**12:
        (slope,), (its_error,) = differences.along({"dx": c * u})
        assert np.array_equal(slope, c * one) and np.array_equal(its_error, c * error)


@pytest.mark.parametrize("speed", [1, 20, 100])
def test_differences_have_9_figures_of_fast_functions(speed):
    slope, error = differences(lambda x: np.sin(speed * x + 0.3))
    truth = speed * np.cos(0.3)
    assert abs(slope / truth - 1) < 1e-9 and error < 1e-9 * truth


@pytest.mark.parametrize("kink", [2.0, 1e-3])
@pytest.mark.parametrize("f", [lambda x: x, lambda x: x**2, np.cos, lambda x: x + x**2])
def test_at_a_kink_the_error_is_the_jump_of_the_slope(kink, f):
    error = differences(lambda x: f(x) + kink * np.abs(x) / 2)[1]
    assert abs(error / kink - 1) < 1e-4


def test_what_bends_without_a_kink_is_known():
    for f in (lambda x: np.exp(3 * x), lambda x: x + 50 * x**2, lambda x: x - 20 * x**3):
        assert differences(f)[1] < 1e-9


@pytest.mark.parametrize("offset", [0.1, 2.7e3, 1.23e6])
def test_the_rounding_of_a_large_output_is_no_kink(offset):
    for shift in np.linspace(0.1, 1, 20):
        assert differences(lambda x, b=offset + shift: np.exp(x) + b)[1] < 1e-12 * (1 + offset)


def test_the_slope_of_0_is_0_without_error(rng):
    assert differences(lambda x: 0 * x) == (0, 0)
    for size, x in ((0.0, 1.0), (1e-15, 0.0)):
        layer = Map(lambda x, size=size: size * x, lambda x, dy, size=size: size * dy)
        assert check.gradients(layer, np.full((2, 2), x), rng=rng, method="richardson")


# the choice


@pytest.mark.parametrize(
    "f, df, note",
    [
        (np.sin, np.cos, "reference: complex step"),
        (lambda x: np.logaddexp(x, 0), lambda x: 1 / (1 + np.exp(-x)), "because TypeError"),
        # no difference can follow it
        (lambda x: np.sin(1e6 * x), lambda x: 1e6 * np.cos(1e6 * x), "reference: complex step"),
    ],
)
def test_the_report_names_the_reference(f, df, note, rng):
    report = check.gradients(pointwise(f, df), 1 + rng.random((4, 3)), rng=rng)
    assert report and note in report.note


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e-6])
def test_a_forward_with_abs_is_checked_by_differences(rng, scale):
    x = rng.standard_normal((4, 3))
    report = check.gradients(replace(ABS, p=np.array(scale)), x, rng=rng)
    assert report and report.note.startswith("reference: Richardson")
    wrong = replace(ABS, p=np.array(scale), df=lambda x: np.sign(x) * (1 + 1e-6))
    assert not check.gradients(wrong, x, rng=rng)
    assert not check.adjoint(wrong, x, rng=rng)


def test_complex_step_is_refused_where_it_is_blind(rng):
    with pytest.raises(ValueError, match="layer: expected a complex-clean forward pass"):
        check.gradients(ABS, np.ones((2, 2)), rng=rng, method="complex")


UNSURE = {
    "noisy": (
        lambda x: np.abs(x).astype(np.float32).astype(float), np.sign, 1 + RANDOM, Kind.UNSURE
    ),
    "noisy and small": (
        lambda x: 1e-6 * np.abs(x).astype(np.float32).astype(float),
        lambda x: 1e-6 * np.sign(x), 1 + RANDOM, Kind.UNSURE,
    ),
    "a kink": (np.abs, np.sign, [[1.0, -2.0, 0.0]], Kind.UNSURE),
    # 1e-7 |x| is too faint for the choice of the reference, but decides its entry alone
    "a faint unclean path": (
        lambda x: np.concatenate([x[:, :1], 1e-7 * np.abs(x[:, 1:])], axis=1),
        lambda x: np.concatenate([x[:, :1] ** 0, 1e-7 * np.sign(x[:, 1:])], 1),
        [[1.0, 2.0]], Kind.NOT_CLEAN,
    ),
    # half the slope has no imaginary part, and no difference can follow it
    "an unclean path that is fast": (
        lambda x: np.sin(1e6 * (x + np.abs(x))), lambda x: 2e6 * np.cos(2e6 * x), 1 + RANDOM,
        Kind.UNSURE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSURE)
def test_right_code_is_at_worst_inconclusive(name, rng):
    f, df, x, kind = UNSURE[name]
    report = check.gradients(pointwise(f, df), np.array(x), rng=rng)
    (row,) = report.failures
    assert (row.name, row.state, row.diagnosis.kind) == ("dx", State.INCONCLUSIVE, kind)


def chosen(f, x, rng, method="auto"):
    return reference.choose(Probe.of(Map(f), (x,), {}), method, rng)


def test_the_reference_is_the_one_asked_for(rng):
    for method, kind in (("complex", ComplexStep), ("richardson", Richardson)):
        assert isinstance(chosen(np.tanh, np.ones((3, 2)), rng, method), kind)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sin(x / 2) + 5e6,  # but at 1e-3 the rounding of the output is too much
        lambda x: np.sin(2 * np.pi * x) + 5e6,  # and there the rest of the series, but not at 1e-4
        lambda x: np.sin(3e3 * x),  # this takes a step of 1e-7
    ],
)
def test_to_agree_with_one_step_of_four_is_enough(f, rng):
    for seed in range(5):
        assert chosen(f, np.ones((1, 20)), np.random.default_rng(seed)).trusted


def test_what_no_step_can_follow_is_not_trusted(rng):
    assert not chosen(lambda x: np.sin(1e6 * x), np.ones((2, 2)), rng).trusted


def test_a_staircase_is_complex_clean():
    """Beside an output that no difference can follow; the stairs are flat where it is asked."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        stairs = chosen(
            lambda x: (np.round(x.real, 4) + 0 * x, np.sin(1e6 * x)), np.ones((1, 1)), rng
        )
        assert isinstance(stairs, ComplexStep)
