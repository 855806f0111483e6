"""The check of a bijection is checked: wrong inverses, log-dets and gradients are caught."""

from dataclasses import dataclass

import numpy as np
import pytest

from minigen import check
from minigen.core.contract import Bijection
from minigen.core.tree import const, param


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


def report_on(kind, rng):
    layer = kind(np.array(0.7), np.array(-0.3))
    return check.bijection(layer, rng.standard_normal((5, 2)), rng=rng)


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
    assert report and report.rows[-1].verdict == "skipped"


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
    @dataclass(frozen=True, eq=False, repr=False)
    class Matrix(Bijection):
        W: np.ndarray = const()

        def forward(self, x):
            return x @ self.W, np.full(len(x), np.linalg.slogdet(self.W)[1]), ()

        def backward(self, dy, dlogdet, cache):
            return dy @ self.W.T, {}

        def inverse(self, y):
            return y @ np.linalg.inv(self.W), np.full(len(y), -np.linalg.slogdet(self.W)[1])

    report = check.bijection(Matrix(np.vander(np.linspace(1, 2, 9))), np.ones((1, 9)), rng=rng)
    assert not report and "badly conditioned" in str(report)
    assert all(row.verdict != "WRONG" for row in report.rows)


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
    from minigen.check.bijection import structure

    assert structure(check.jacobian(map, rng.standard_normal((4, 3)))).startswith(words)
