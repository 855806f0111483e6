"""The check of a bijection is checked: wrong inverses, log-dets and gradients are caught."""

from dataclasses import dataclass

import numpy as np
import pytest

from minigen import check
from minigen.check import State
from minigen.core.contract import Bijection
from minigen.core.tree import const, param

ROUND_TRIPS = ["x = inverse(forward(x))", "y = forward(inverse(y))"]
LOGDETS = ["logdet of forward", "logdet of inverse"]


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
        return x, np.full(len(y), -np.linalg.slogdet(self.W)[1] - self.off), ()


@dataclass(frozen=True, eq=False, repr=False)
class Shear(Bijection):
    """y_1 = x_1 exp(a), y_2 = -x_2 exp(tanh(x_1 + b)): logdet varies, the orientation turns."""

    a: np.ndarray = param()
    b: np.ndarray = param()

    def forward(self, x):
        s = np.tanh(x[:, 0] + self.b)
        y = np.stack([x[:, 0] * np.exp(self.a), -x[:, 1] * np.exp(s)], axis=1)
        return y, self.a + s, (x, s)

    def backward(self, dy, dlogdet, cache):
        x, s = cache
        ds = -dy[:, 1] * x[:, 1] * np.exp(s) + dlogdet
        dr = ds * (1 - s * s)
        dx = np.stack([dy[:, 0] * np.exp(self.a) + dr, -dy[:, 1] * np.exp(s)], axis=1)
        da = (dy[:, 0] * x[:, 0]).sum() * np.exp(self.a) + dlogdet.sum()
        return dx, {"a": np.asarray(da), "b": np.asarray(dr.sum())}

    def inverse(self, y):
        x1 = y[:, 0] * np.exp(-self.a)
        s = np.tanh(x1 + self.b)
        return np.stack([x1, -y[:, 1] * np.exp(-s)], axis=1), -self.a - s, (y, x1, s)

    def inverse_backward(self, dx, dlogdet, cache):
        y, x1, s = cache
        ds = dx[:, 1] * y[:, 1] * np.exp(-s) - dlogdet
        dr = ds * (1 - s * s)
        dx1 = dx[:, 0] + dr
        dy = np.stack([dx1 * np.exp(-self.a), -dx[:, 1] * np.exp(-s)], axis=1)
        da = -(dx1 * x1).sum() - dlogdet.sum()
        return dy, {"a": np.asarray(da), "b": np.asarray(dr.sum())}


def edited(forward=None, inverse=None, base=Shear, **methods):
    """A map whose outputs (y or x, logdet, cache, layer) are changed, or whole methods."""

    def wrapped(name, change):
        return lambda self, x: change(*getattr(base, name)(self, x), self)

    changes = {"forward": forward, "inverse": inverse}
    methods |= {name: wrapped(name, change) for name, change in changes.items() if change}
    return type("Edited", (base,), methods)


def no_logdet(y, logdet, cache, f):
    return y, 0 * logdet, cache


BROKEN = {
    "no log-det": (edited(no_logdet, no_logdet), LOGDETS),
    "both log-dets off by the same amount: only the Jacobian tells": (
        edited(lambda y, ld, c, f: (y, ld - f.a, c), lambda x, ld, c, f: (x, ld + f.a, c)), LOGDETS
    ),
    "log-det of forward": (edited(inverse=lambda x, ld, c, f: (x, -ld, c)), LOGDETS[1:]),
    "wrong inverse": (edited(inverse=lambda x, ld, c, f: (x * [1, -1], ld, c)), ROUND_TRIPS),
    "slightly off": (edited(inverse=lambda x, ld, c, f: (x + 1e-10, ld, c)), ROUND_TRIPS),
    "wrong backward": (
        edited(backward=lambda f, dy, dl, c: Shear.backward(f, dy, -dl, c)),
        ["dx", "params.a", "params.b"],
    ),
    "wrong inverse_backward": (
        edited(inverse_backward=lambda f, dx, dl, c: Shear.inverse_backward(f, dx, -dl, c)),
        ["inverse dy", "inverse params.a", "inverse params.b"],
    ),
    "inverse without a cache": (edited(inverse=lambda x, ld, c, f: (x, ld)), ["inverse"]),
    "forward without a log-det": (edited(lambda y, ld, c, f: (y, c)), ["forward"]),
    "log-det of the wrong shape": (
        edited(lambda y, ld, c, f: (y, ld[:, None], c)), ["logdet of forward"]
    ),
}  # fmt: skip


def report_on(kind, rng, rows=5):
    layer = kind(np.array(0.7), np.array(-0.3))
    return check.bijection(layer, rng.standard_normal((rows, 2)), rng=rng)


def failed(layer, x, rng):
    return [row.name for row in check.bijection(layer, np.array(x), rng=rng).failures]


def test_right_code_passes_in_both_directions():
    for seed in range(100):
        rng = np.random.default_rng(seed)
        report = report_on(Shear, rng)
        assert report, report
        names = {row.name for row in report.rows}
        assert {"dx", "params.a", "inverse dy", "inverse params.a", "structure"} <= names


@pytest.mark.parametrize("name", BROKEN)
def test_a_wrong_bijection_is_caught(name, rng):
    kind, rows = BROKEN[name]
    assert set(rows) <= {row.name for row in report_on(kind, rng).failures}


@pytest.mark.parametrize(
    "name, words",
    [
        ("log-det of forward", "the sign: this is the log-det of the other direction"),
        ("log-det of the wrong shape", "logdet of forward: expected shape (5,), got (5, 1)"),
        ("inverse without a cache", "inverse: expected (x, logdet, cache), got 2 values"),
        ("forward without a log-det", "forward: expected (y, logdet, cache), got 2 values"),
    ],
)
def test_a_wrong_bijection_is_explained(name, words, rng):
    assert words in str(report_on(BROKEN[name][0], rng))


def test_a_term_of_the_inverse_is_named_by_its_output(rng):
    kind = edited(inverse_backward=lambda f, dx, dl, c: Shear.inverse_backward(f, 0 * dx, dl, c))
    assert "the term of dx is missing" in str(report_on(kind, rng))


def test_a_sequential_inverse_is_skipped(rng):
    report = report_on(edited(inverse_backward=Bijection.inverse_backward), rng)
    assert report and report.rows[-1].state == State.SKIPPED


def test_an_error_in_inverse_backward_is_raised(rng):
    kind = edited(inverse_backward=lambda f, dx, dlogdet, cache: len(dlogdet.sum()))
    with pytest.raises(TypeError, match="has no len"):
        report_on(kind, rng)


class Own:
    """A student's class: no base class, no dataclass; y = x exp(w)."""

    def __init__(self):
        self.params = {"w": np.array([0.3, -0.8])}

    def forward(self, x, sign=1):
        w = sign * self.params["w"]
        return x * np.exp(w), np.full(len(x), w.sum()), x

    def backward(self, dy, dlogdet, x, sign=1):
        e = np.exp(sign * self.params["w"])
        return dy * e, {"w": sign * ((dy * x * e).sum(axis=0) + dlogdet.sum())}

    def inverse(self, y):
        return self.forward(y, -1)


class OwnBoth(Own):
    def inverse_backward(self, dx, dlogdet, y):
        return self.backward(dx, dlogdet, y, -1)


def test_a_class_without_base_is_checked_in_both_directions(rng):
    x = rng.standard_normal((4, 2)).astype(np.float32)
    report = check.bijection(Own(), x, rng=rng)
    assert report and report.rows[-1].state == State.SKIPPED
    report = check.bijection(OwnBoth(), x, rng=rng)
    assert report and [row.name for row in report.rows[-2:]] == ["inverse dy", "inverse params.w"]
    wrong = {"inverse_backward": lambda f, dx, dl, y: OwnBoth.inverse_backward(f, dx, -dl, y)}
    assert failed(type("Wrong", (OwnBoth,), wrong)(), x, rng) == ["inverse params.w"]


@dataclass(frozen=True, eq=False, repr=False)
class Signed(Bijection):
    """y = x |x|, inverted with a square root and a sign; right for c = 2."""

    c: float = 2.0

    def forward(self, x):
        return x * np.abs(x), np.log(self.c * np.abs(x)).sum(axis=1), (x,)

    def backward(self, dy, dlogdet, cache):
        return 2 * dy * np.abs(cache[0]) + dlogdet[:, None] / cache[0], {}

    def inverse(self, y):
        x = np.sign(y) * np.sqrt(np.abs(y))
        return x, -np.log(self.c * np.abs(x)).sum(axis=1), ()


def test_a_map_that_is_not_complex_clean_is_checked(rng):
    x = np.array([[1.0, -0.7, 2.0], [-1.3, 0.4, 0.9]])
    assert failed(Signed(), x, rng) == []
    assert failed(Signed(2.001), x, rng) == LOGDETS


def test_a_badly_conditioned_map_is_inconclusive(rng):
    report = check.bijection(Matrix(np.vander(np.linspace(1, 2, 9))), np.ones((1, 9)), rng=rng)
    assert not report and "badly conditioned" in str(report)
    assert all(row.state != State.WRONG for row in report.rows)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_a_round_trip_is_relative_to_its_numbers(size, rng):
    x, W = size * rng.standard_normal((4, 3)), rng.standard_normal((3, 3))
    assert not failed(Matrix(W), x, rng)
    assert failed(Matrix(W, factor=1 + 1e-10), x, rng)[:2] == ROUND_TRIPS


def test_a_round_trip_may_lose_what_a_large_shift_hides(rng):
    assert not failed(Matrix(np.diag([3.0, 0.3]), shift=1e4), [[1e-3, -1e-3], [1e-5, 0.7]], rng)


def test_nothing_is_lost_at_zero(rng):
    for x in (np.zeros((2, 2)), [[0.0, 1.0]]):
        assert not failed(Matrix(np.diag([3.0, 0.3])), x, rng)


@pytest.mark.parametrize("D, condition", [(2, 1e8), (3, 1e6), (2, 1.0)])
def test_a_logdet_is_known_as_well_as_its_jacobian(D, condition, rng):
    """To (1e-12 + cond(J) 2^-52) D."""
    W = np.diag([1.0] * (D - 1) + [1 / condition])
    known = (1e-12 + condition * 2.0**-52) * D
    assert not failed(Matrix(W, off=0.7 * known), np.ones((1, D)), rng)
    assert failed(Matrix(W, off=1.4 * known), np.ones((1, D)), rng) == LOGDETS


def test_the_error_of_an_equality_is_the_largest_gap(rng):
    rows = {row.name: row for row in report_on(BROKEN["slightly off"][0], rng).rows}
    assert rows["x = inverse(forward(x))"].error == pytest.approx(1e-10, rel=1e-3)
    assert all(row.error in (None, 0) for row in report_on(Shear, rng, rows=0).rows)


def test_a_scalar_log_det_has_the_wrong_shape_and_no_gradient(rng):
    kind = edited(
        lambda y, ld, c, f: (y, ld[0], c),
        base=Matrix,
        backward=lambda f, dy, dlogdet, c: (dy @ f.W.T + 0 * dlogdet[:, None], {}),
    )
    report = check.bijection(kind(np.eye(2)), rng.standard_normal((5, 2)), rng=rng)
    assert "logdet of forward: expected shape (5,), got ()" in str(report)
    assert [row.name for row in report.failures] == ["logdet of forward"]


def test_a_singular_map_has_no_log_det(rng):
    """y = (x_1, 0), at x_2 = 0, where even the round trip is right."""
    kind = edited(
        lambda y, ld, c, f: (y * [1, 0], 0 * ld, c),
        base=Matrix,
        backward=lambda f, dy, dlogdet, c: (dy * [1, 0], {}),
    )
    assert failed(kind(np.eye(2)), [[0.3, 0.0]], rng) == ["logdet of forward"]


ONES = np.ones((3, 3))
STRUCTURES = [
    (np.diag([2.0, -3.0, 4.0]), "diagonal, 6 of 9"),
    (np.triu(ONES), "triangular in the order [0, 1, 2], 3 of 9"),
    (np.tril(-ONES) + 2 * np.eye(3), "triangular in the order [2, 1, 0], 3 of 9"),
    (np.eye(3) + 1e-9 * np.eye(3, k=-1), "triangular in the order [2, 1, 0], 4 of 9"),
    (np.eye(3)[[1, 2, 0]], "not triangular, 6 of 9"),
    (ONES + np.eye(3), "not triangular, 0 of 9"),
]


@pytest.mark.parametrize("W, words", STRUCTURES)
def test_the_structure_of_the_jacobian_is_read_off(W, words, rng):
    report = check.bijection(Matrix(W), rng.standard_normal((3, 3)), rng=rng)
    assert report.rows[4].name == "structure" and report.rows[4].note.startswith(words)
