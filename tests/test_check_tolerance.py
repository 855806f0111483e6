"""Where a row turns from right to wrong: what rounding may explain, and what it may not."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from check_layers import ABS, Pointwise, pointwise
from test_check import MISTAKES, planted

from minigen import check, nn
from minigen.check import Kind, State, evaluation, reference, tolerance
from minigen.check.comparison import Comparison, Slopes, compare
from minigen.check.complexstep import ComplexStep
from minigen.check.evaluation import Evaluation
from minigen.check.probe import Probe
from minigen.core.contract import Layer
from minigen.core.tree import param

WEAKER = {
    "cotangents of ones": (
        "log-det's cotangent 1", 1.0,
        (evaluation, "random_cotangents", lambda outputs, rng: [y**0 for y in outputs]),
    ),
    "a loose tolerance": ("1e-8 in the exponential", 1.0, (tolerance, "RELATIVE", 1e-6)),
    "a tolerance of float32": ("float32 in the middle", 1.0, (tolerance, "RELATIVE", 1e-6)),
    "an absolute tolerance": ("sign", 1e-6, (tolerance, "allowed", lambda comparison, scale: 1e-4)),
}  # fmt: skip


@pytest.mark.parametrize("name", WEAKER)
def test_a_weaker_check_would_miss_a_mistake(name, monkeypatch, rng):
    mistake, scale, patch = WEAKER[name]
    layer, x = planted(*MISTAKES[mistake][:2]).init(rng, scale), rng.standard_normal((3, 4))
    assert not check.gradients(layer, x, rng=np.random.default_rng(3))
    monkeypatch.setattr(*patch)
    assert check.gradients(layer, x, rng=np.random.default_rng(3))


@pytest.mark.parametrize(
    "layer, x, patch",
    [
        (nn.Tanh(), 9.0, (tolerance, "explained", lambda again, *_: np.zeros(len(again.gap)))),
        (ABS, 0.7, (reference, "unclean", lambda *_: "")),
    ],
)
def test_a_simpler_check_would_call_right_code_wrong(layer, x, patch, monkeypatch, rng):
    assert check.gradients(layer, np.full((1, 1), x), rng=rng)
    monkeypatch.setattr(*patch)
    assert not check.gradients(layer, np.full((1, 1), x), rng=rng)


def comparison_of(yours, expected, error=0.0, scale=1.0, name="dx"):
    """One slope, of an array whose largest is `scale`."""
    yours, parts = np.array([yours, 0.0]), np.array([[expected, 0.0]])
    slopes = Slopes(name, [(0,), (1,)], yours, np.zeros(2))
    return Comparison(
        slopes, parts, parts, np.array([abs(expected), scale]), np.array([error, 0.0])
    )


@pytest.mark.parametrize(
    "gap, error, verdict",
    [
        (0.9e-9, 0.0, State.OK),
        (1.1e-9, 0.0, State.WRONG),
        (-0.9e-9, 0.0, State.OK),
        (-1.1e-9, 0.0, State.WRONG),
        (19.5e-9, 1e-9, State.OK),
        (20.5e-9, 1e-9, State.WRONG),
        (1.0, 0.9e-6, State.WRONG),
        (0.0, 1.1e-6, State.INCONCLUSIVE),
    ],
)
@pytest.mark.parametrize("size", [1e-4, 1.0, 1e6])
def test_the_tolerance_of_differences(gap, error, verdict, size):
    seen = comparison_of(size * (1 + gap), size, size * error, size)
    small = 1.01  # of the slope itself and a hundredth of the largest
    near = comparison_of(size * (1 + small * gap), size, size * small * error, size)
    assert tolerance.by_differences(near)[0] == verdict
    assert tolerance.by_differences(seen)[0] in (
        verdict,
        State.OK if verdict == State.WRONG else verdict,
    )


@pytest.mark.parametrize("x", [0.01, 0.03])
def test_a_slope_that_is_small_at_a_small_input_is_checked(x, rng):
    """The slope of x^9 at 0.01 is 9e-16; near 1, where it is 9, rounding would explain as much."""
    right = pointwise(lambda x: x**9, lambda x: 9 * x**8)
    wrong = replace(right, df=lambda x: 18 * x**8)
    assert check.gradients(right, np.full((2, 2), x), rng=rng)
    assert not check.gradients(wrong, np.full((2, 2), x), rng=rng)


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
def test_a_gradient_of_rounding_alone_is_no_false_alarm(columns):
    for seed in range(100):
        rng = np.random.default_rng(seed)
        report = check.gradients(LogSoftmax(), 5 * rng.standard_normal((3, columns)), rng=rng)
        assert report, report


def exactly(n, x):
    """n x, in another order of operations."""
    return n / 3 * x * 3


def test_a_slope_may_move_as_its_rounded_point(rng):
    n, x = 1e6, 1 + rng.random((3, 4))
    layer = pointwise(lambda x: np.sin(n * x), lambda x: n * np.cos(exactly(n, x)))
    assert np.any(np.abs(np.cos(n * x) - np.cos(exactly(n, x))) > 1e-11)
    assert check.gradients(layer, x, rng=rng)


# what rounding does not explain


@dataclass(frozen=True, eq=False, repr=False)
class Fast(Layer):
    """y = (a sin(1e8 x), 1e15 (p - 1)), whose second column differences can follow."""

    p: np.ndarray = param()
    a: float = 1.0
    off: float = 0.0

    def forward(self, x):
        return np.concatenate([self.a * np.sin(1e8 * x), 1e15 * (self.p - 1) + 0 * x], axis=1), (x,)

    def backward(self, dy, cache):
        (x,) = cache
        dx = dy[:, :1] * self.a * 1e8 * (np.cos(1e8 * x) + self.off)
        return dx, {"p": 1e15 * dy[:, 1:].sum(keepdims=True)[0]}


@pytest.mark.parametrize("a", [1.0, 1e-12])
def test_a_part_in_1e7_is_never_rounding(a, rng):
    x, p = 1 + rng.random((4, 1)), np.ones(1)
    assert check.gradients(Fast(p, a), x, rng=rng)
    (row,) = check.gradients(Fast(p, a, 1e-7), x, rng=rng).failures
    assert (row.name, row.state) == ("dx", State.WRONG)


def test_rounding_explains_no_more_than_it_does(rng):
    """Every number of sin(n x) is 1e-15 x n of the scale from where it would be, moved; not 25."""
    n, x = 1e5, 1 + rng.random((1, 30))
    off = 25e-15 * n * x * np.sign(rng.standard_normal(x.shape))
    layer = pointwise(lambda x: np.sin(n * x), lambda z: n * (np.cos(n * z) - off * np.sin(n * z)))
    x[np.abs(np.sin(n * x)) < 0.9] = np.pi / 2 / n * 100001
    report = check.gradients(layer, x, rng=rng)
    assert "30 of 30 entries" in str(report)


def bent(x):
    """1 / cosh(x)^2, from a tanh that is 1 but for rounding."""
    return 1 - np.tanh(x) ** 2


@pytest.mark.parametrize("x", [9.0, -9.0])
def test_a_saturated_unit_has_its_unsaturated_scale(x, rng):
    """Neither its output nor its slope says how large the slope could be."""
    layer = pointwise(bent, lambda x: -2 * np.tanh(x) * bent(x))
    assert check.gradients(layer, np.array([[x]]), rng=rng)


POLES = {
    "an array stays inside (-1, 1)": (1.0, [[7.0, 4 + 1e-8]]),
    "by its largest entry": (1.0, [[4.0, 3 + 1e-8]]),
    "however large it is": (1.0, [[1e9]]),
    "what is inside stays": (0.3, [[0.6 + 1e-8]]),
    "and is not shrunk at all": (0.45, [[0.6 + 1e-8]]),
}


@pytest.mark.parametrize("case", POLES)
def test_the_unsaturated_scale_is_not_taken_at_a_pole(case, rng):
    """At a pole the scale is beyond all bounds, and twice the slope would be explained."""
    pole, x = POLES[case]
    layer = pointwise(lambda x: x + 1 / (x - pole), lambda x: 2 - 2 / (x - pole) ** 2)
    assert not check.gradients(layer, np.array(x), rng=rng)


@dataclass(frozen=True, eq=False, repr=False)
class Far(Layer):
    """A layer that will hear of no number below 1, and whose second output is 0."""

    def forward(self, x):
        if np.any(x.real < 1):
            raise ValueError("x: expected numbers from 1")
        return 0 * x, ()

    def backward(self, dy, cache):
        return 0 * dy, {}


def test_what_is_right_is_not_examined_again(rng):
    assert check.gradients(Far(), 2 + rng.random((2, 2)), rng=rng)


@pytest.mark.parametrize("x", [0.5, 1.5, 5.0])
def test_the_scale_of_the_outputs(x, rng):
    """Of y = a x it is the slope itself where |x| > 1, and along u = x wherever it is."""
    probe = Probe.of(pointwise(lambda x: 3 * x, lambda x: 3 * x**0), (np.array([[x]]),), {})
    evaluation = Evaluation.of(probe, rng)
    g = np.abs(evaluation.yours["dx"])
    entry = Slopes.at_entries("dx", evaluation.yours["dx"], 9, rng)
    along = Slopes.along("u", [{"dx": probe.inputs["x"]}], evaluation.yours)
    for slopes, size in ((entry, g * min(x, 1)), (along, g * x * min(x, 1))):
        seen = Comparison(slopes, *np.zeros((2, 1, 1)), np.zeros(1), np.zeros(1))
        np.testing.assert_allclose(tolerance.of_outputs(seen, evaluation), size[0, 0], rtol=1e-14)


# where the two references disagree


@dataclass(frozen=True, eq=False, repr=False)
class Offset(Layer):
    """y = 1e12 + x, of which differences see few figures, with k times its slope."""

    k: float = 1.0

    def forward(self, x):
        return 1e12 + x, ()

    def backward(self, dy, cache):
        return self.k * dy, {}


def test_an_untrusted_complex_step_is_inconclusive(rng):
    probe = Probe.of(Offset(2.0), (rng.standard_normal((3, 2)),), {})
    run, step = Evaluation.of(probe, rng), ComplexStep(probe)
    slopes = Slopes.at_entries("dx", run.yours["dx"], 99, rng)
    seen = compare(slopes, step, run.cotangents)
    verdicts, doubt = tolerance.decide(seen, step, run, rng)
    assert set(verdicts) == {"WRONG"} and not doubt
    step.trusted = False
    verdicts, doubt = tolerance.decide(seen, step, run, rng)
    assert set(verdicts) == {"inconclusive"} and doubt.kind == Kind.UNSURE


def faint(x):
    """An unclean path too faint for the first look."""
    return np.concatenate([x[:, :1], 1e-7 * np.abs(x[:, 1:])], axis=1)


def test_what_is_wrong_by_both_references_is_wrong(rng):
    layer = pointwise(faint, lambda x: np.concatenate([x[:, :1] ** 0, 5e-7 * x[:, 1:] ** 0], 1))
    (row,) = check.gradients(layer, np.array([[1.0, 2.0]]), rng=rng).failures
    assert row.state == State.WRONG


class Split(Pointwise):
    """Each column an output."""

    def forward(self, x):
        y, cache = super().forward(x)
        return *np.split(y, y.shape[1], axis=1), cache

    def backward(self, *args):
        *dys, cache = args
        return super().backward(np.concatenate(dys, axis=1), cache)


def test_each_output_is_confirmed_by_itself(rng):
    f = pointwise(
        lambda x: np.concatenate([np.sin(1e6 * x[:, :1]), x[:, 1:]], 1),
        lambda x: np.concatenate([1e6 * np.cos(1e6 * x[:, :1]), 2 * x[:, 1:] ** 0], 1),
    )
    layer = Split(f.p, f.f, f.df)
    report = check.gradients(layer, 1 + rng.random((1, 2)), rng=rng)
    assert [row.state for row in report.failures] == [State.WRONG] and "[0, 1]" in str(report)


def test_a_report_points_at_the_kink(rng):
    (row,) = check.gradients(ABS, np.array([[1.0, -2.0, 0.0]]), rng=rng).failures
    assert row.why.startswith("[0, 2]:")
