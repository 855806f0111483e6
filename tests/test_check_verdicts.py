"""Where a verdict turns: what rounding may explain, and what it may not."""

from dataclasses import dataclass

import numpy as np
import pytest
from test_check_edges import differences
from test_check_reference import ABS, Pointwise, pointwise

from minigen import check, nn
from minigen.check import reference, richardson, tolerance
from minigen.check.comparison import Comparison, Slopes
from minigen.check.complexstep import ComplexStep
from minigen.check.evaluation import Evaluation
from minigen.check.probe import Probe
from minigen.check.report import State
from minigen.core.contract import Layer
from minigen.core.tree import param

# differences and their error


@pytest.mark.parametrize("speed", [1, 20, 100])
def test_differences_have_nine_figures_of_fast_functions_too(speed):
    slope, error = differences(lambda x: np.sin(speed * x + 0.3))
    truth = speed * np.cos(0.3)
    assert abs(slope / truth - 1) < 1e-9 and error < 1e-9 * truth


@pytest.mark.parametrize("kink", [2.0, 1e-3])
@pytest.mark.parametrize("f", [lambda x: x, lambda x: x**2, np.cos, lambda x: x + x**2])
def test_at_a_kink_the_error_is_the_jump_of_the_slope_whatever_bends_beside_it(kink, f):
    error = differences(lambda x: f(x) + kink * np.abs(x) / 2)[1]
    assert abs(error / kink - 1) < 1e-4


def test_what_bends_without_a_kink_is_known():
    for f in (lambda x: np.exp(3 * x), lambda x: x + 50 * x**2, lambda x: x - 20 * x**3):
        assert differences(f)[1] < 1e-9


@pytest.mark.parametrize("offset", [0.1, 2.7e3, 1.23e6])
def test_the_rounding_of_a_large_output_is_no_kink(offset):
    for shift in np.linspace(0.1, 1, 20):
        assert differences(lambda x, b=offset + shift: np.exp(x) + b)[1] < 1e-12 * (1 + offset)


def test_a_function_that_is_0_has_the_slope_0_without_error(rng):
    assert differences(lambda x: 0 * x) == (0, 0)
    layer = pointwise(lambda x: 0 * x, lambda x: 0 * x)
    assert check.gradients(
        layer, np.ones((2, 2)), rng=np.random.default_rng(0), method="richardson"
    )


def test_a_tiny_function_is_known_where_it_is_0(rng):
    layer = pointwise(lambda x: 1e-15 * x, lambda x: 1e-15 * x**0)
    assert check.gradients(layer, np.zeros((2, 2)), rng=rng, method="richardson")


def test_the_error_is_how_far_an_entry_is_from_the_one_it_improves():
    """Of h^2 at 1 and 1/2 the tableau makes 0, which is 1 from the first."""
    assert richardson.ridders(np.array([1.0, 0.25]), np.zeros(2)) == (0, 1)
    assert richardson.ridders(np.array([1.0, 0.25]), np.array([9.0, 0.5])) == (0, 1.5)


def test_noise_is_what_a_cubic_leaves_over():
    t = richardson.OFFSETS
    assert richardson.noise(np.array([1 - t, t**2 + 3 * t**3]).T) < 1e-14
    assert richardson.noise(0 * t) == 0 and richardson.noise(t**4) > 0.01


def test_the_size_of_nothing_is_that_of_zeros():
    assert [richardson.size(np.zeros(s)) for s in (3, 0, (0, 2))] == [1.0] * 3
    assert richardson.size(np.zeros(0), 0.0) == 0 and richardson.size(np.array([1.0, -3.0])) == 3


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
def test_differences_judge_by_a_part_in_1e9_or_20_estimates_and_not_above_1e6(
    gap, error, verdict, size
):
    seen = comparison_of(size * (1 + gap), size, size * error, size)
    small = 1.01  # of the slope itself and a hundredth of the largest
    near = comparison_of(size * (1 + small * gap), size, size * small * error, size)
    assert tolerance.by_differences(near)[0] == verdict
    assert tolerance.by_differences(seen)[0] in (
        verdict,
        State.OK if verdict == State.WRONG else verdict,
    )


# the second look: what rounding explains


def exactly(n, x):
    """n x, in another order of operations."""
    return n / 3 * x * 3


def test_a_slope_may_differ_as_rounding_of_the_point_moves_it(rng):
    n, x = 1e6, 1 + rng.random((3, 4))
    layer = pointwise(lambda x: np.sin(n * x), lambda x: n * np.cos(exactly(n, x)))
    assert np.any(np.abs(np.cos(n * x) - np.cos(exactly(n, x))) > 1e-11)
    assert check.gradients(layer, x, rng=rng)


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
def test_a_part_in_1e7_is_wrong_however_much_rounding_would_explain(a, rng):
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
def test_in_a_saturated_unit_the_scale_is_that_where_nothing_saturates(x, rng):
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
def test_the_second_look_keeps_away_from_a_pole(case, rng):
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


def test_what_is_right_at_first_sight_is_not_looked_at_again(rng):
    assert check.gradients(Far(), 2 + rng.random((2, 2)), rng=rng)


@pytest.mark.parametrize("x", [0.5, 1.5, 5.0])
def test_the_slope_that_would_change_the_outputs_by_as_much_as_they_are(x, rng):
    """Of y = a x it is the slope itself where |x| > 1, and along u = x wherever it is."""
    probe = Probe.of(pointwise(lambda x: 3 * x, lambda x: 3 * x**0), (np.array([[x]]),), {})
    evaluation = Evaluation.of(probe, rng)
    g = np.abs(evaluation.yours["dx"])
    entry = Slopes.at_entries("dx", evaluation.yours["dx"], 9, rng)
    along = Slopes.along("u", [{"dx": probe.inputs["x"]}], evaluation.yours)
    for slopes, size in ((entry, g * min(x, 1)), (along, g * x * min(x, 1))):
        seen = Comparison(slopes, *np.zeros((2, 1, 1)), np.zeros(1), np.zeros(1))
        np.testing.assert_allclose(tolerance.of_outputs(seen, evaluation), size[0, 0], rtol=1e-14)


# where the two references disagree, and where the report points


def faint(x):
    """An unclean path too faint for the first look."""
    return np.concatenate([x[:, :1], 1e-7 * np.abs(x[:, 1:])], axis=1)


def test_what_is_wrong_by_both_references_is_wrong(rng):
    layer = pointwise(faint, lambda x: np.concatenate([x[:, :1] ** 0, 5e-7 * x[:, 1:] ** 0], 1))
    (row,) = check.gradients(layer, np.array([[1.0, 2.0]]), rng=rng).failures
    assert row.state == State.WRONG


def test_what_differences_confirm_is_wrong_though_they_cannot_follow_another_output(rng):
    f = pointwise(
        lambda x: np.concatenate([np.sin(1e6 * x[:, :1]), x[:, 1:]], 1),
        lambda x: np.concatenate([1e6 * np.cos(1e6 * x[:, :1]), 2 * x[:, 1:] ** 0], 1),
    )
    layer = Split(f.p, f.f, f.df)
    report = check.gradients(layer, 1 + rng.random((1, 2)), rng=rng)
    assert [row.state for row in report.failures] == [State.WRONG] and "[0, 1]" in str(report)


class Split(Pointwise):
    """Each column an output."""

    def forward(self, x):
        y, cache = super().forward(x)
        return *np.split(y, y.shape[1], axis=1), cache

    def backward(self, *args):
        *dys, cache = args
        return super().backward(np.concatenate(dys, axis=1), cache)


def test_a_report_points_at_the_kink_though_yours_is_what_differences_say(rng):
    (row,) = check.gradients(ABS, np.array([[1.0, -2.0, 0.0]]), rng=rng).failures
    assert row.why.startswith("[0, 2]:")


# the first look: may the complex step judge


@dataclass(frozen=True, eq=False, repr=False)
class Plain(Layer):
    """y = f(x), without a parameter; nobody goes backward."""

    f: object = None

    def forward(self, x):
        return self.f(x), ()


def trusted(layer, x, rng):
    probe = Probe.of(layer, (x,), {})
    return reference.choose(probe, "auto", rng).trusted


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
        assert trusted(Plain(f), np.ones((1, 20)), np.random.default_rng(seed))


def test_what_no_step_can_follow_is_read_but_not_trusted(rng):
    assert not trusted(Plain(lambda x: np.sin(1e6 * x)), np.ones((2, 2)), rng)


def test_steps_of_a_staircase_are_no_slope_that_the_complex_step_misses():
    """Beside an output that no difference can follow; the stairs are flat where it is asked."""

    class Stairs(Plain):
        def forward(self, x):
            return np.round(x.real, 4) + 0 * x, np.sin(1e6 * x), ()

    probe = Probe.of(Stairs(), (np.ones((1, 1)),), {})
    for seed in range(5):
        assert isinstance(reference.choose(probe, "auto", np.random.default_rng(seed)), ComplexStep)


class Seen(Exception):
    """Stops a look after its first direction."""


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6, 0.0])
def test_directions_are_random_and_of_the_size_of_what_they_move(scale, rng):
    class Spy:
        def along(self, u):
            self.u = u["dx"]
            raise Seen

    spy, x = Spy(), scale * rng.uniform(-1, 1, (50, 50))
    assert "Seen" in reference.unclean(spy, Probe.of(nn.Tanh(), (x,), {}), rng)
    u = spy.u / (np.abs(x).max() or 1.0)
    assert abs(u.mean()) < 0.1 and abs(u.std() - 1) < 0.1 and np.abs(u).max() < 6


def test_two_slopes_are_apart_by_their_difference_relative_to_the_larger():
    one, none = np.ones(3), np.zeros(3)
    gaps = [(none, none, 0), (one, one, 0), (none, 1e-9 * one, 1), (1e-9 * one, none, 1)]
    gaps += [(4 * one, one, 0.75), (one, 4 * one, 0.75), (one, -one, 2), (none[:0], none[:0], 0)]
    for d, s, gap in gaps:
        assert reference.gap(d, s) == gap


def test_a_slope_differs_by_what_neither_steps_nor_the_rounding_of_the_output_explain():
    one, none = np.ones(3), np.zeros(3)
    assert not reference.differs(none, [none, none], none)
    assert not reference.differs(one, [one, one], one)
    assert reference.differs(1e-15 * one, [2e-15 * one] * 2, none)
    assert not reference.differs((1 + 1e-6) * one, [one, one], 1e6 * one)
    assert reference.differs((1 + 1e-6) * one, [one, one], 1e3 * one)
