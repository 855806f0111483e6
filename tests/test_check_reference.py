"""The references that the checks judge by, and the verdicts they give."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from test_check import MISTAKES, planted

from minigen import check, nn
from minigen.check.complexstep import ComplexStep
from minigen.check.probe import Probe
from minigen.check.richardson import Richardson
from minigen.core.contract import Layer
from minigen.core.tree import param


@dataclass(frozen=True, eq=False, repr=False)
class Pointwise(Layer):
    """y = p f(x), with the slope df."""

    p: np.ndarray = param()
    f: object = None
    df: object = None

    def forward(self, x):
        return self.p * self.f(x), (x,)

    def backward(self, dy, cache):
        (x,) = cache
        return dy * self.p * self.df(x), {"p": np.asarray((dy * self.f(x)).sum())}


def pointwise(f, df, p=1.0):
    return Pointwise(np.array(p), f, df)


SMOOTH = pointwise(np.sin, np.cos)
ABS = pointwise(np.abs, np.sign)


def test_complex_step_has_every_figure(rng):
    x = rng.standard_normal((5, 3))
    J = check.jacobian(lambda x: np.stack([np.exp(x).sum(1), np.sin(x[:, 0] * x[:, 1])], 1), x)
    np.testing.assert_allclose(J[:, 0], np.exp(x), 1e-15)
    chain = np.cos(x[:, 0] * x[:, 1])
    zero = np.zeros(5)
    np.testing.assert_allclose(
        J[:, 1], np.stack([chain * x[:, 1], chain * x[:, 0], zero], 1), 4e-15
    )


def test_the_jacobian_of_a_vector(rng):
    A, x = rng.standard_normal((3, 4)), rng.standard_normal(4)
    np.testing.assert_array_equal(check.jacobian(lambda x: A @ x, x).shape, (3, 4))
    np.testing.assert_allclose(check.jacobian(lambda x: A @ x, x), A, 1e-15)


@pytest.mark.parametrize(
    "f", [np.abs, lambda x: x.real, lambda x: np.zeros(x.shape) + np.sign(x.real)]
)
def test_a_jacobian_by_complex_step_refuses_what_it_cannot_read(f):
    with pytest.raises(TypeError, match="f: expected a complex result"):
        check.jacobian(f, np.ones((2, 2)))


def test_a_jacobian_by_complex_step_refuses_a_real_buffer():
    def f(x):
        y = np.empty(x.shape)
        y[:] = x
        return y

    with pytest.raises(TypeError, match="real buffer"):
        check.jacobian(f, np.ones((2, 2)))


@pytest.mark.parametrize("p", [1.0, 1e-6, 1e6])
@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_the_error_that_richardson_estimates_is_not_less_than_the_true_one(rng, p, shift):
    layer = pointwise(lambda x: np.tanh(3 * x) * np.exp(x) + shift, None, p)
    probe = Probe.of(layer, (rng.standard_normal((4, 3)),), {})
    exact, estimated = ComplexStep(probe), Richardson(probe)
    for i in range(12):
        (slope,), _ = exact.entry("dx", np.unravel_index(i, (4, 3)))
        (guess,), (error,) = estimated.entry("dx", np.unravel_index(i, (4, 3)))
        assert np.all(np.abs(guess - slope) <= 20 * error)
        assert error.max() <= 1e-9 * p * (1 + shift)


@pytest.mark.parametrize(
    "f, df", [(np.exp, np.exp), (np.sin, np.cos), (np.arctan, lambda x: 1 / (1 + x * x))]
)
def test_richardson_has_twelve_figures_where_a_function_is_smooth_and_says_so(f, df):
    x = np.linspace(0.5, 1.5, 40).reshape(8, 5)
    differences = Richardson(Probe.of(pointwise(f, df), (x,), {}))
    (slope,), (error,) = differences.along({"dx": np.ones(x.shape)})
    largest = np.abs(df(x)).max()
    assert max(np.abs(slope - df(x)).max(), error.max()) < 3.5e-13 * largest


@pytest.mark.parametrize("f", [np.exp, lambda x: np.sin(900 * x), np.abs])
def test_richardson_is_linear_in_the_length_of_the_direction_bit_for_bit(f, rng):
    """Only what is moved has a scale: c times a direction, c a power of 2, sees the same points."""
    differences = Richardson(Probe.of(pointwise(f, None), (rng.standard_normal((2, 3)),), {}))
    u = rng.standard_normal((2, 3))
    (one,), (error,) = differences.along({"dx": u})
    for c in 2.0**-12, 2.0**12:
        (slope,), (its_error,) = differences.along({"dx": c * u})
        assert np.array_equal(slope, c * one) and np.array_equal(its_error, c * error)


def test_a_clean_forward_is_judged_by_the_complex_step(rng):
    report = check.gradients(SMOOTH, rng.standard_normal((4, 3)), rng=rng)
    assert report and report.note == "reference: complex step"


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e-6])
def test_a_forward_with_abs_is_judged_by_differences(rng, scale):
    x = rng.standard_normal((4, 3))
    report = check.gradients(replace(ABS, p=np.array(scale)), x, rng=rng)
    assert report and report.note.startswith("reference: Richardson")
    wrong = replace(ABS, p=np.array(scale), df=lambda x: np.sign(x) * (1 + 1e-6))
    assert not check.gradients(wrong, x, rng=rng)
    assert not check.adjoint(wrong, x, rng=rng)


@pytest.mark.parametrize("x", [0.01, 0.03])
def test_a_slope_that_is_small_because_its_input_is_has_no_more_leave_to_be_wrong(x, rng):
    """The slope of x^9 at 0.01 is 9e-16; near 1, where it is 9, rounding would explain as much."""
    right = pointwise(lambda x: x**9, lambda x: 9 * x**8)
    wrong = replace(right, df=lambda x: 18 * x**8)
    assert check.gradients(right, np.full((2, 2), x), rng=rng)
    assert not check.gradients(wrong, np.full((2, 2), x), rng=rng)


def test_asking_for_the_complex_step_where_it_is_blind_is_an_error(rng):
    with pytest.raises(ValueError, match="layer: expected a complex-clean forward pass"):
        check.gradients(ABS, np.ones((2, 2)), rng=rng, method="complex")


def test_a_function_that_refuses_complex_numbers_is_judged_by_differences(rng):
    layer = pointwise(lambda x: np.logaddexp(x, 0), lambda x: 1 / (1 + np.exp(-x)))
    report = check.gradients(layer, rng.standard_normal((4, 3)), rng=rng)
    assert report and "TypeError" in report.note


@pytest.mark.parametrize("scale", [1.0, 1e-6])
def test_a_noisy_function_is_inconclusive_and_never_passes(rng, scale):
    def f(x):
        return np.abs(x).astype(np.float32).astype(float)

    report = check.gradients(pointwise(f, np.sign, scale), 1 + rng.random((3, 3)), rng=rng)
    assert not report
    assert [row.state for row in report.rows] == ["inconclusive", "ok"]
    assert "the reference is not accurate" in str(report)


def test_a_kink_is_inconclusive(rng):
    x = np.array([[1.0, -2.0, 0.0]])
    report = check.gradients(ABS, x, rng=rng)
    assert [row.state for row in report.rows] == ["inconclusive", "ok"]
    assert "1 of 3 entries" in str(report)


def test_an_unclean_path_too_faint_for_the_first_look_is_no_verdict(rng):
    """1e-7 |x| hides from a comparison at 1e-6; the entry it decides alone must not be wrong."""

    def f(x):
        return np.concatenate([x[:, :1], 1e-7 * np.abs(x[:, 1:])], axis=1)

    layer = pointwise(f, lambda x: np.concatenate([x[:, :1] ** 0, 1e-7 * np.sign(x[:, 1:])], 1))
    report = check.gradients(layer, np.array([[1.0, 2.0]]), rng=rng)
    assert not report and "not complex-clean here" in str(report)
    assert all(row.state != "WRONG" for row in report.rows)


def test_where_differences_cannot_tell_the_complex_step_alone_accuses_nobody(rng):
    """Half the slope of sin(1e6 (x + |x|)) has no imaginary part; no difference is fine enough."""

    def f(x):
        return np.sin(1e6 * (x + np.abs(x)))

    layer = pointwise(f, lambda x: 2e6 * np.cos(2e6 * x))
    report = check.gradients(layer, 1 + rng.random((3, 2)), rng=rng)
    assert not report and "the reference is not accurate" in str(report)
    assert [row.state for row in report.rows] == ["inconclusive", "ok"]


def test_where_differences_cannot_tell_right_code_passes_by_the_complex_step(rng):
    layer = pointwise(lambda x: np.sin(1e6 * x), lambda x: 1e6 * np.cos(1e6 * x))
    report = check.gradients(layer, 1 + rng.random((3, 2)), rng=rng)
    assert report and report.note == "reference: complex step"


# right code that plain rounding makes look wrong


def test_saturated_units_are_no_false_alarm():
    layer = nn.mlp(3, (8, 8), 2, rng=np.random.default_rng(1), activation="tanh", dtype=float)
    for seed in range(50):
        rng = np.random.default_rng(seed)
        assert check.gradients(layer, 30 * rng.standard_normal((2, 3)), rng=rng, entries=20)
        assert check.gradients(nn.Tanh(), 15 + 4 * rng.standard_normal((1, 2)), rng=rng)


@dataclass(frozen=True, eq=False, repr=False)
class LeastSquares(Layer):
    """loss = mean((x w + b - y)^2): at its minimum every gradient is nothing but rounding."""

    w: np.ndarray = param()
    b: np.ndarray = param()

    def forward(self, x, *, y):
        r = x @ self.w + self.b - y
        return (r * r).mean(), (x, r)

    def backward(self, dloss, cache):
        x, r = cache
        dr = 2 * dloss * r / len(x)
        return dr[:, None] * self.w, {"w": x.T @ dr, "b": dr.sum(keepdims=True)}


def test_a_sum_that_cancels_is_no_false_alarm():
    for seed in range(200):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((6, 2)), rng.standard_normal(6)
        w0, w1, b = np.linalg.lstsq(np.column_stack([x, np.ones(6)]), y, rcond=None)[0]
        layer = LeastSquares(np.array([w0, w1]), np.array([b]))
        report = check.gradients(layer, x, given={"y": y}, rng=rng)
        assert report, report


@dataclass(frozen=True, eq=False, repr=False)
class LogSoftmax(Layer):
    """y = x - log(sum(exp(x))); with one column it is 0, and so is its slope but for rounding."""

    def forward(self, x):
        e = np.exp(x)
        p = e / e.sum(axis=1, keepdims=True)
        return np.log(p), (p,)

    def backward(self, dy, cache):
        (p,) = cache
        return dy - p * dy.sum(axis=1, keepdims=True), {}


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_a_gradient_that_is_0_but_for_rounding_is_no_false_alarm(columns):
    for seed in range(100):
        rng = np.random.default_rng(seed)
        report = check.gradients(LogSoftmax(), 5 * rng.standard_normal((3, columns)), rng=rng)
        assert report, report


# large arrays and whole models


def test_one_wrong_entry_of_thousands_is_caught_outside_the_sample(rng):
    @dataclass(frozen=True, eq=False, repr=False)
    class OneOff(nn.Linear):
        def backward(self, dy, cache):
            dx, grads = super().backward(dy, cache)
            grads["W"][17, 31] *= 1.001
            return dx, grads

    layer = OneOff.init(64, 64, rng=rng)
    x = rng.standard_normal((4, 64))
    report = check.gradients(layer, x, rng=rng, entries=8)
    assert [row.name for row in report.failures] == ["v.(Ju) = (J'v).u", "params.W"]
    report = check.adjoint(layer, x, rng=rng)
    assert [row.name for row in report.failures] == ["v.(Ju) = (J'v).u", "params.W"]


def test_a_small_array_is_not_lost_beside_a_large_one(rng):
    """The bias of one unit, its gradient 1e-6 of the others', with the wrong sign."""

    @dataclass(frozen=True, eq=False, repr=False)
    class Faint(Layer):
        W: np.ndarray = param()
        b: np.ndarray = param()

        def forward(self, x):
            return x @ self.W + 1e-6 * self.b, (x,)

        def backward(self, dy, cache):
            return dy @ self.W.T, {"W": cache[0].T @ dy, "b": -1e-6 * dy.sum(axis=0)}

    layer = Faint(rng.standard_normal((50, 1)), np.ones(1))
    report = check.adjoint(layer, rng.standard_normal((100, 50)), rng=rng, directions=1)
    assert [row.name for row in report.failures][1:] == ["params.b"]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_adjoint_catches_every_planted_mistake(mistake, rng):
    layer = planted(*MISTAKES[mistake][:2]).init(rng, 1e-6)
    assert not check.adjoint(layer, rng.standard_normal((3, 4)), rng=rng, directions=2)
