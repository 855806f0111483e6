"""The check of a bijection is checked: wrong inverses, log-dets and gradients are caught."""

from dataclasses import dataclass

import numpy as np
import pytest

from minigen import check
from minigen.check.bijection_check import equal, structure
from minigen.check.probe import Probe
from minigen.check.richardson import Richardson
from minigen.core.contract import Bijection
from minigen.core.tree import const, param


@dataclass(frozen=True, eq=False, repr=False)
class Matrix(Bijection):
    """y = x W + shift; the log-dets are off by `off`, the inverse by a factor."""

    W: np.ndarray = const()
    shift: float = 0.0
    off: float = 0.0
    factor: float = 1.0

    def forward(self, x):
        y = x @ self.W + self.shift
        return y, np.full(len(x), np.linalg.slogdet(self.W)[1] + self.off), ()

    def backward(self, dy, dlogdet, cache):
        return dy @ self.W.T, {}

    def inverse(self, y):
        x = (y - self.shift) @ np.linalg.inv(self.W) * self.factor
        return x, np.full(len(y), -np.linalg.slogdet(self.W)[1] - self.off)


@dataclass(frozen=True, eq=False, repr=False)
class Shear(Bijection):
    """y_1 = x_1 exp(a), y_2 = -x_2 exp(tanh(x_1 + b)): logdet varies, the orientation turns."""

    a: np.ndarray = param()
    b: np.ndarray = param()

    def forward(self, x):
        e = np.exp(np.tanh(x[:, 0] + self.b))
        y = np.stack([x[:, 0] * np.exp(self.a), -x[:, 1] * e], axis=1)
        return y, self.a + np.tanh(x[:, 0] + self.b), (x,)

    def backward(self, dy, dlogdet, cache):
        (x,) = cache
        s = np.tanh(x[:, 0] + self.b)
        ds = -dy[:, 1] * x[:, 1] * np.exp(s) + dlogdet
        dr = ds * (1 - s * s)
        dx = np.stack([dy[:, 0] * np.exp(self.a) + dr, -dy[:, 1] * np.exp(s)], axis=1)
        da = (dy[:, 0] * x[:, 0]).sum() * np.exp(self.a) + dlogdet.sum()
        return dx, {"a": np.asarray(da), "b": np.asarray(dr.sum())}

    def inverse(self, y):
        x1 = y[:, 0] * np.exp(-self.a)
        s = np.tanh(x1 + self.b)
        return np.stack([x1, -y[:, 1] * np.exp(-s)], axis=1), -self.a - s

    def backward_inverse(self, dx, dlogdet, y):
        x1 = y[:, 0] * np.exp(-self.a)
        s = np.tanh(x1 + self.b)
        ds = dx[:, 1] * y[:, 1] * np.exp(-s) - dlogdet
        dr = ds * (1 - s * s)
        dx1 = dx[:, 0] + dr
        dy = np.stack([dx1 * np.exp(-self.a), -dx[:, 1] * np.exp(-s)], axis=1)
        da = -(dx1 * x1).sum() - dlogdet.sum()
        return dy, {"a": np.asarray(da), "b": np.asarray(dr.sum())}


class NoLogdet(Shear):
    def forward(self, x):
        y, logdet, cache = super().forward(x)
        return y, 0 * logdet, cache

    def inverse(self, y):
        x, logdet = super().inverse(y)
        return x, 0 * logdet


class HalfLogdet(Shear):
    """Wrong by the same amount both ways: the two cancel, and only the Jacobian tells."""

    def forward(self, x):
        y, logdet, cache = super().forward(x)
        return y, logdet - self.a, cache

    def inverse(self, y):
        x, logdet = super().inverse(y)
        return x, logdet + self.a


class LogdetOfForward(Shear):
    def inverse(self, y):
        x, logdet = super().inverse(y)
        return x, -logdet


class ShapeOfLogdet(Shear):
    def forward(self, x):
        y, logdet, cache = super().forward(x)
        return y, logdet[:, None], cache


class WrongInverse(Shear):
    def inverse(self, y):
        x, logdet = super().inverse(y)
        return x * [1, -1], logdet


class SlightlyOff(Shear):
    def inverse(self, y):
        x, logdet = super().inverse(y)
        return x + 1e-10, logdet


class WrongBackward(Shear):
    def backward(self, dy, dlogdet, cache):
        return super().backward(dy, -dlogdet, cache)


class WrongBackwardInverse(Shear):
    def backward_inverse(self, dx, dlogdet, y):
        return super().backward_inverse(dx, -dlogdet, y)


class Sequential(Shear):
    def backward_inverse(self, dx, dlogdet, y):
        return Bijection.backward_inverse(self, dx, dlogdet, y)


class TypoInBackwardInverse(Shear):
    def backward_inverse(self, dx, dlogdet, y):
        return len(dlogdet.sum())


BROKEN = {
    NoLogdet: ["logdet of forward", "logdet of inverse"],
    HalfLogdet: ["logdet of forward", "logdet of inverse"],
    LogdetOfForward: ["logdet of inverse"],
    WrongInverse: ["x = inverse(forward(x))", "y = forward(inverse(y))"],
    SlightlyOff: ["x = inverse(forward(x))", "y = forward(inverse(y))"],
    WrongBackward: ["dx", "params.a", "params.b"],
    WrongBackwardInverse: ["inverse dy", "inverse params.a", "inverse params.b"],
}


def report_on(kind, rng, rows=5):
    layer = kind(np.array(0.7), np.array(-0.3))
    return check.bijection(layer, rng.standard_normal((rows, 2)), rng=rng)


def test_right_code_passes_in_both_directions():
    for seed in range(100):
        rng = np.random.default_rng(seed)
        report = report_on(Shear, rng)
        assert report, report
        names = {row.name for row in report.rows}
        assert {"dx", "params.a", "inverse dy", "inverse params.a", "structure"} <= names


@pytest.mark.parametrize("kind", BROKEN)
def test_a_wrong_bijection_is_caught(kind, rng):
    names = [row.name for row in report_on(kind, rng).failures]
    assert set(BROKEN[kind]) <= set(names)


def test_the_log_det_of_the_other_way_is_named(rng):
    assert "the sign: this is the log-det of the map the other way" in str(
        report_on(LogdetOfForward, rng)
    )


def test_a_log_det_of_the_wrong_shape_is_named(rng):
    assert "logdet of forward: expected shape (5,), got (5, 1)" in str(
        report_on(ShapeOfLogdet, rng)
    )


def test_a_sequential_inverse_is_excused_from_its_gradient(rng):
    report = report_on(Sequential, rng)
    assert report and report.rows[-1].state == "skipped"


def test_an_error_in_backward_inverse_is_not_taken_for_a_sequential_map(rng):
    with pytest.raises(TypeError, match="has no len"):
        report_on(TypoInBackwardInverse, rng)


def test_a_map_that_is_not_complex_clean_is_judged_by_differences(rng):
    """y = x |x|, inverted with a square root and a sign."""

    @dataclass(frozen=True, eq=False, repr=False)
    class Signed(Bijection):
        c: float = 2.0

        def forward(self, x):
            return x * np.abs(x), np.log(self.c * np.abs(x)).sum(axis=1), (x,)

        def backward(self, dy, dlogdet, cache):
            return 2 * dy * np.abs(cache[0]) + dlogdet[:, None] / cache[0], {}

        def inverse(self, y):
            x = np.sign(y) * np.sqrt(np.abs(y))
            return x, -np.log(self.c * np.abs(x)).sum(axis=1)

    x = np.array([[1.0, -0.7, 2.0], [-1.3, 0.4, 0.9]])
    report = check.bijection(Signed(), x, rng=rng)
    assert report, report
    wrong = check.bijection(Signed(2.001), x, rng=rng)
    assert [row.name for row in wrong.failures] == ["logdet of forward", "logdet of inverse"]


def test_a_map_too_badly_conditioned_to_judge_is_inconclusive(rng):
    report = check.bijection(Matrix(np.vander(np.linspace(1, 2, 9))), np.ones((1, 9)), rng=rng)
    assert not report and "badly conditioned" in str(report)
    assert all(row.state != "WRONG" for row in report.rows)


def failed(layer, x, rng):
    return [row.name for row in check.bijection(layer, np.array(x), rng=rng).failures]


ROUND_TRIPS = ["x = inverse(forward(x))", "y = forward(inverse(y))"]
LOGDETS = ["logdet of forward", "logdet of inverse"]


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_a_round_trip_is_judged_relative_to_what_goes_round(size, rng):
    x, W = size * rng.standard_normal((4, 3)), rng.standard_normal((3, 3))
    assert not failed(Matrix(W), x, rng)
    assert failed(Matrix(W, factor=1 + 1e-10), x, rng)[:2] == ROUND_TRIPS


def test_a_round_trip_may_lose_what_is_lost_beside_a_large_shift(rng):
    assert not failed(Matrix(np.diag([3.0, 0.3]), shift=1e4), [[1e-3, -1e-3], [1e-5, 0.7]], rng)


def test_nothing_is_lost_at_zero(rng):
    assert not failed(Matrix(np.diag([3.0, 0.3])), np.zeros((2, 2)), rng)
    assert not failed(Matrix(np.diag([3.0, 0.3])), [[0.0, 1.0]], rng)


@pytest.mark.parametrize("D, condition", [(2, 1e8), (3, 1e6), (2, 1.0)])
def test_a_logdet_is_known_as_well_as_its_jacobian(D, condition, rng):
    """To (1e-12 + cond(J) 2^-52) D."""
    W = np.diag([1.0] * (D - 1) + [1 / condition])
    known = (1e-12 + condition * 2.0**-52) * D
    assert not failed(Matrix(W, off=0.7 * known), np.ones((1, D)), rng)
    assert failed(Matrix(W, off=1.4 * known), np.ones((1, D)), rng) == LOGDETS


@dataclass(frozen=True, eq=False, repr=False)
class Rippled(Matrix):
    """|x| W in small steps, which differences follow to few figures; x > 0."""

    def forward(self, x):
        _, logdet, cache = super().forward(x)
        return np.round(np.abs(x) * 2.0**32) / 2.0**32 @ self.W, logdet, cache


@pytest.mark.parametrize("size", [1.0, 100.0])
def test_a_logdet_by_differences_is_known_to_twenty_estimates(size, rng):
    x, W = np.array([[0.7, 1.1]]), size * np.eye(2)
    differences = Richardson(Probe.of(Rippled(W), (x,), {}))
    found = [differences.along({"dx": unit[None]}) for unit in np.eye(2)]
    J = np.stack([slopes[0][0] for slopes, _ in found], axis=1)
    known = 2 * 20 * max(errors[0].max() for _, errors in found) / size
    assert 1e-8 < known < 1e-6  # much more than rounding, and conclusive
    beside = np.linalg.slogdet(J)[1] - 2 * np.log(size)
    for share, wrong in ((0.97, False), (1.03, True)):
        names = failed(Rippled(W, off=beside + share * known), x, rng)
        assert ("logdet of forward" in names) == wrong


def test_what_is_known_no_better_than_to_1e_6_is_inconclusive():
    for expected in (0.0, 1.0, -9.0):
        limit = 1e-6 * (1 + abs(expected))
        for allowed, verdict in ((0.9 * limit, "ok"), (1.1 * limit, "inconclusive")):
            row = equal("logdet of forward", np.array([expected]), np.array([expected]), allowed)
            assert row.state == verdict


def test_the_error_of_an_equality_is_the_largest_gap(rng):
    rows = {row.name: row for row in report_on(SlightlyOff, rng).rows}
    assert rows["x = inverse(forward(x))"].error == pytest.approx(1e-10, rel=1e-3)
    assert all(row.error in (None, 0) for row in report_on(Shear, rng, rows=0).rows)


def test_a_scalar_log_det_is_of_the_wrong_shape_and_has_no_gradient(rng):
    class Scalar(Matrix):
        def forward(self, x):
            y, logdet, cache = super().forward(x)
            return y, logdet[0], cache

        def backward(self, dy, dlogdet, cache):
            return dy @ self.W.T + 0 * dlogdet[:, None], {}

    report = check.bijection(Scalar(np.eye(2)), rng.standard_normal((5, 2)), rng=rng)
    assert "logdet of forward: expected shape (5,), got ()" in str(report)
    assert [row.name for row in report.failures] == ["logdet of forward"]


def test_a_singular_map_has_no_log_det(rng):
    """y = (x_1, 0), at x_2 = 0, where even the round trip is right."""

    class Flat(Matrix):
        def forward(self, x):
            return x * [1, 0], np.zeros(len(x)), ()

        def backward(self, dy, dlogdet, cache):
            return dy * [1, 0], {}

    assert failed(Flat(np.eye(2)), [[0.3, 0.0]], rng) == ["logdet of forward"]


def test_the_report_says_the_structure_of_forward(rng):
    """Of a matrix with negative entries too."""
    for W, words in (
        ([[1.0, -1.0], [0.0, 1.0]], "triangular in the order [0, 1], 1 of 4"),
        ([[1.0, 0.0], [-1.0, 1.0]], "triangular in the order [1, 0], 1 of 4"),
        ([[-1.0, 0.0], [0.0, 1.0]], "diagonal, 2 of 4"),
    ):
        report = check.bijection(Matrix(np.array(W)), rng.standard_normal((3, 2)), rng=rng)
        (note,) = (row.note for row in report.rows if row.name == "structure")
        assert note.startswith(words)


@pytest.mark.parametrize(
    "map, words",
    [
        (lambda x: x * [2, 3, 4], "diagonal, 6 of 9"),
        (lambda x: np.cumsum(x, axis=1), "triangular in the order [0, 1, 2], 3 of 9"),
        (lambda x: np.cumsum(x[:, ::-1], axis=1)[:, ::-1], "triangular in the order [2, 1, 0]"),
        (lambda x: x[:, [1, 2, 0]], "not triangular, 6 of 9"),
        (lambda x: x @ (np.ones((3, 3)) + np.eye(3)), "not triangular, 0 of 9"),
    ],
)
def test_the_structure_of_the_jacobian_is_read_off(map, words, rng):
    assert structure(check.jacobian(map, rng.standard_normal((4, 3)))).startswith(words)
