"""Where a row turns from right to wrong: what rounding may explain, and what it may not."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from check_layers import ABS, Map, pointwise
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


SOME = np.random.default_rng(0).random((3, 4))


def comparison_of(yours, expected, error=0.0, scale=1.0):
    """One slope, of an array whose largest is `scale`."""
    yours, parts = np.array([yours, 0.0]), np.array([[expected, 0.0]])
    places, sizes = [(0,), (1,)], np.array([abs(expected), scale])
    return Comparison("dx", places, yours, np.zeros(2), parts, parts, sizes, np.array([error, 0.0]))


@pytest.mark.parametrize(
    "gap, error, state",
    [
        (0.9e-9, 0.0, "ok"), (1.1e-9, 0.0, "WRONG"), (-0.9e-9, 0.0, "ok"),
        (-1.1e-9, 0.0, "WRONG"), (19.5e-9, 1e-9, "ok"), (20.5e-9, 1e-9, "WRONG"),
        (1.0, 0.9e-6, "WRONG"), (0.0, 1.1e-6, "inconclusive"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1e-4, 1.0, 1e6])
def test_the_tolerance_of_differences(gap, error, state, size):
    seen = comparison_of(size * (1 + gap), size, size * error, size)
    small = 1.01  # of the slope itself and a hundredth of the largest
    near = comparison_of(size * (1 + small * gap), size, size * small * error, size)
    assert tolerance.by_differences(near)[0] == state
    assert tolerance.by_differences(seen)[0] in (state, "ok" if state == "WRONG" else state)


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


def softmax(x):
    e = np.exp(x)
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_a_gradient_of_rounding_is_no_false_alarm(columns):
    """With one column a log-softmax is 0, and so is its slope but for rounding."""
    layer = Map(
        lambda x: np.log(softmax(x)), lambda x, dy: dy - softmax(x) * dy.sum(axis=1, keepdims=True)
    )
    for seed in range(100):
        rng = np.random.default_rng(seed)
        report = check.gradients(layer, 5 * rng.standard_normal((3, columns)), rng=rng)
        assert report, report


def far(x):
    """It refuses numbers below 1."""
    if np.any(x.real < 1):
        raise ValueError("x: expected numbers from 1")
    return 0 * x


def bent(x):
    """1 / cosh(x)^2, from a tanh that is 1 but for rounding."""
    return 1 - np.tanh(x) ** 2


RIGHT = {
    "small at a small input": (lambda x: x**9, lambda x: 9 * x**8, [[0.01, 0.03]]),
    "saturated": (np.tanh, lambda x: 1 - np.tanh(x) ** 2, [[9.0, 9.0]]),
    # neither the output nor the slope says how large the slope could be
    "saturated twice": (bent, lambda x: -2 * np.tanh(x) * bent(x), [[9.0]]),
    "saturated below": (bent, lambda x: -2 * np.tanh(x) * bent(x), [[-9.0]]),
    "in another order of operations": (
        lambda x: np.sin(1e6 * x), lambda x: 1e6 * np.cos(1e6 / 3 * x * 3), 1 + SOME
    ),
    "not examined again": (far, lambda x: 0 * x, 2 + SOME),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_right_slopes_pass(name, rng):
    f, slope, x = RIGHT[name]
    assert check.gradients(Map(f, lambda x, dy: dy * slope(x)), np.array(x), rng=rng)


# what rounding does not explain


def pole(a):
    """At a pole the scale has no bound, and twice the slope would be explained."""
    return lambda x: x + 1 / (x - a), lambda x: 2 - 2 / (x - a) ** 2


WRONG = {
    "small at a small input": (lambda x: x**9, lambda x: 18 * x**8, [[0.01, 0.03]]),
    "an array stays inside (-1, 1)": (*pole(1.0), [[7.0, 4 + 1e-8]]),
    "by its largest entry": (*pole(1.0), [[4.0, 3 + 1e-8]]),
    "however large it is": (*pole(1.0), [[1e9]]),
    "what is inside stays": (*pole(0.3), [[0.6 + 1e-8]]),
    "and is not shrunk at all": (*pole(0.45), [[0.6 + 1e-8]]),
    "log, undefined below": (lambda x: np.log(x - 1), lambda x: 2 / (x - 1), [[2.0, 3.0, 4.0]]),
    "log at 4": (lambda x: np.log(x - 1), lambda x: 2 / (x - 1), [[4.0]]),
    "a pole": (lambda x: 1 / (x - 1), lambda x: -2 / (x - 1) ** 2, [[2.0, 3.0, 4.0]]),
    "a pole at 4": (lambda x: 1 / (x - 1), lambda x: -2 / (x - 1) ** 2, [[4.0]]),
    "a root": (lambda x: np.sqrt(x - 1), lambda x: 1 / np.sqrt(x - 1), [[2.0, 3.0, 4.0]]),
    "a root at 4": (lambda x: np.sqrt(x - 1), lambda x: 1 / np.sqrt(x - 1), [[4.0]]),
    "1e-20 x, NaN below 2": (
        lambda x: np.where(x.real > 2, 1e-20 * x, np.nan), lambda x: 2e-20 * x**0, [[3.0, 4.0]]
    ),
    "a part in 1e9, far from 0": (lambda x: 2 * x, lambda x: (2 + 2e-9) * x**0, [[1e4, 2e4]]),
    "1e-9 in a saturated unit": (np.tanh, lambda x: 1 - np.tanh(x) ** 2 + 1e-9, [[9.0, 9.0]]),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_slopes_are_caught(name, rng):
    f, slope, x = WRONG[name]
    layer = pointwise(f, slope)
    assert not check.gradients(layer, np.array(x), rng=rng)
    assert not check.adjoint(layer, np.array(x), rng=rng)


@dataclass(frozen=True, eq=False, repr=False)
class Fast(Layer):
    """y = (a sin(1e8 x), 1e15 (p - 1)), whose second column differences can follow."""

    p: np.ndarray = param()
    a: float = 1.0
    off: float = 0.0

    def forward(self, x):
        return np.concatenate([self.a * np.sin(1e8 * x), 1e15 * (self.p - 1) + 0 * x], axis=1), x

    def backward(self, dy, x):
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
    assert "30 of 30 entries" in str(check.gradients(layer, x, rng=rng))


# where the two references disagree


def test_an_untrusted_complex_step_is_inconclusive(rng):
    """Of 1e12 + x differences see few figures."""
    probe = Probe.of(Map(lambda x: 1e12 + x, lambda x, dy: 2 * dy), (np.ones((3, 2)),), {})
    step = ComplexStep(probe)
    run = replace(Evaluation.of(probe, rng), reference=step)
    seen = compare(Slopes.at_entries("dx", run.yours["dx"], 99, rng), run)
    states, doubt = tolerance.decide(seen, run)
    assert set(states) == {State.WRONG} and not doubt
    step.trusted = False
    states, doubt = tolerance.decide(seen, run)
    assert set(states) == {State.INCONCLUSIVE} and doubt.kind == Kind.UNSURE


def test_what_is_wrong_by_both_references_is_wrong(rng):
    """In the second column an unclean path, too faint for the choice of the reference."""
    layer = Map(
        lambda x: np.concatenate([x[:, :1], 1e-7 * np.abs(x[:, 1:])], axis=1),
        lambda x, dy: dy * [1, 5e-7],
    )
    (row,) = check.gradients(layer, np.array([[1.0, 2.0]]), rng=rng).failures
    assert row.state == State.WRONG


def test_each_output_is_confirmed_by_itself(rng):
    layer = Map(
        lambda x: (np.sin(1e6 * x[:, :1]), x[:, 1:]),
        lambda x, du, dv: np.concatenate([1e6 * np.cos(1e6 * x[:, :1]) * du, 2 * dv], axis=1),
    )
    report = check.gradients(layer, 1 + rng.random((1, 2)), rng=rng)
    assert [row.state for row in report.failures] == [State.WRONG] and "[0, 1]" in str(report)


def test_a_report_points_at_the_kink_or_the_mistake(rng):
    (row,) = check.gradients(ABS, np.array([[1.0, -2.0, 0.0]]), rng=rng).failures
    assert row.worst.startswith("[0, 2]:")
    x = np.array([[1.0, -2.0, 3.0]])
    assert check.adjoint(ABS, x, rng=rng).rows[0].why == ""
    wrong = pointwise(np.abs, lambda x: np.sign(x) * [1, 1, 2])
    (row,) = check.gradients(wrong, x, rng=rng).failures
    assert row.worst.startswith("[0, 2]:") and row.diagnosis.kind == Kind.DOUBLE
