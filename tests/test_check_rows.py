"""The rows of a report: which entries and directions are checked, their errors, their notes."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from check_layers import Map
from test_check import MISTAKES, planted

from minigen import check, nn
from minigen.check import State
from minigen.check.comparison import Slopes
from minigen.check.evaluation import Evaluation
from minigen.check.probe import Probe
from minigen.check.report import versus
from minigen.core.contract import Layer
from minigen.core.tree import param
from minigen.flows import ActNorm
from minigen.flows.made import MADE
from minigen.nn.embed import TimeEmbedding

BOTH = pytest.mark.parametrize("f", [check.gradients, check.adjoint])
TOGETHER = "v.(Ju) = (J'v).u"


def linear_map(a, b=0.3, k=1.0):
    """y = a x + b, with k times its dx."""
    return Map(lambda x: a * x + b, lambda x, dy: k * a * dy)


def flat(a):
    """y = 0, and a slope of a all the same."""
    return Map(lambda x: 0 * x, lambda x, dy: np.full(dy.shape, a))


def failed(report):
    return [row.name for row in report.failures]


def test_an_evaluation_names_its_outputs(rng):
    def run(layer, *inputs, **given):
        return Evaluation.of(Probe.of(layer, inputs, given), rng)

    x, new = rng.standard_normal((3, 4)), {"rng": rng, "dtype": np.float64}
    linear = run(nn.Linear.init(4, 2, **new), x)
    assert linear.names == ["output 0"] and linear.rows == 3
    assert run(ActNorm.init(4, dtype=np.float64), x).names == ["y", "logdet"]
    assert run(MADE.init(4, (8,), 2, **new), x).names == ["output 0"]  # (N, D, parts)
    assert run(TimeEmbedding.init(9, 4, 6, **new), t=np.array([1, 2])).rows == 0
    for name, g in linear.yours.items():
        np.testing.assert_allclose(linear.again(name, -2.0), -2 * g, rtol=1e-13)


def test_numbers_are_shown_with_enough_figures_to_tell_them_apart():
    yours, expected = versus(1.000000001, 1.0).removeprefix("yours ").split(", expected ")
    assert yours != expected and float(yours) > float(expected)


# entries


def test_the_number_of_checked_entries_is_said(rng):
    linear = nn.Linear.init(60, 60, rng=rng, dtype=np.float64)  # three arrays, one of 3600
    x = rng.standard_normal((2, 60))
    for options, said in (({}, "666"), ({"entries": 70}, "70")):
        notes = {row.name: row.note for row in check.gradients(linear, x, rng=rng, **options).rows}
        assert notes["params.W"] == f"3600 entries, {said} of them checked"
        assert notes["params.b"] == "60 entries"


class Many:
    """y = x times the sum of all parameters."""

    def __init__(self, params):
        self.params = params

    def forward(self, x):
        total = np.concatenate(list(self.params.values())).sum()
        return x * total, (x, total)

    def backward(self, dy, cache):
        x, total = cache
        return dy * total, {k: np.full(a.shape, (dy * x).sum()) for k, a in self.params.items()}


def test_2000_entries_are_shared_at_least_8_each(rng):
    report = check.gradients(nn.Tanh(), rng.standard_normal((50, 41)), rng=rng)
    assert report and report.rows[0].note == "2050 entries, 2000 of them checked"
    many = Many({f"p{k}": rng.standard_normal(12 if k == 0 else 1) for k in range(250)})
    report = check.gradients(many, rng.standard_normal((2, 3)), rng=rng)
    assert report and report.rows[1].note == "12 entries, 8 of them checked"


def test_sampled_entries_are_different_ones_and_drawn_anew(rng):
    def sample(shape, count, rng):
        return set(Slopes.at_entries("x", np.zeros(shape), count, rng).where)

    assert len(sample((5, 6), 25, rng)) == 25
    assert sample(2000, 5, rng) != sample(2000, 5, rng)


def test_two_directions_follow_a_right_sample(rng):
    def notes(k, entries):
        x = rng.standard_normal((4, 3))
        report = check.gradients(linear_map(1.0, k=k), x, rng=rng, entries=entries)
        return [row.note for row in report.rows]

    assert notes(1.0, 12) == ["12 entries"]
    assert notes(1.0, 11) == ["12 entries, 11 of them checked", "2 directions"]
    assert notes(2.0, 11) == ["11 of 12 entries, 11 of them checked"]


def test_entries_are_counted_and_none_is_right(rng):
    for n, said in ((0, "0 entries"), (1, "1 entry"), (2, "2 entries"), (3, "3 entries")):
        report = check.gradients(nn.Tanh(), rng.standard_normal((n, 1)), rng=rng)
        assert report and report.rows[0].note == said and report.rows[0].error < 1e-12
    empty = np.zeros((0, 1))
    assert " 0.0e+00  0 entries" in str(check.gradients(nn.Tanh(), empty, rng=rng))
    assert check.adjoint(nn.Tanh(), empty, rng=rng).rows == ()
    nothing = SimpleNamespace(forward=lambda: (np.ones(3), ()), backward=lambda dy, _: ({},))
    assert check.gradients(nothing, rng=rng).rows == ()


def test_errors_of_entries_are_relative_to_the_largest(rng):
    x = rng.standard_normal((4, 3))
    for a, k, error in ((5.0, 2.0, 1.0), (1e-6, 1.5, 0.5), (-3.0, 1.0, 0.0), (0.0, 1.0, 0.0)):
        (row,) = check.gradients(linear_map(a, k=k), x, rng=rng).rows
        assert row.error == pytest.approx(error, abs=1e-14)
    for a in (0.25, 3.0):
        (row,) = check.gradients(flat(a), x, rng=rng).rows
        assert row.error == a
    for f in (check.gradients, check.adjoint):
        (row,) = f(flat(0.0), x, rng=rng).rows
        assert row.error == 0 and row.state == State.OK


@BOTH
@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_a_gradient_that_is_not_finite_is_wrong(f, number, rng):
    layer = Map(np.tanh, lambda x, dy: np.where(x == x[1, 0], number, dy / np.cosh(x) ** 2))
    (row,) = f(layer, rng.standard_normal((3, 2)), rng=rng).rows
    assert row.state == State.WRONG and not np.isfinite(row.error)


@BOTH
def test_an_infinite_output_excuses_no_gradient(f, rng):
    x, mask = rng.standard_normal((3, 2)), np.array([0.0, -np.inf])
    assert f(linear_map(1.0, mask), x, rng=rng)
    assert not f(linear_map(1.0, mask, k=2.0), x, rng=rng)


@BOTH
def test_no_number_is_the_derivative_where_it_overflows(f, rng):
    steep = Map(lambda x: 1e200 * (1e200 * x), lambda x, dy: 5 * dy)
    (row,) = f(steep, np.full((3, 2), 1e-100), rng=rng).rows
    assert row.state == State.WRONG


# directions


def test_directions_need_one_row_unless_arrays_are_wrong(rng):
    x = rng.standard_normal((3, 4))
    linear = nn.Linear.init(4, 2, rng=rng, dtype=np.float64)
    for layer in (linear, nn.Tanh(), linear_map(1.0, k=3.0)):
        report = check.adjoint(layer, x, rng=rng)
        assert len(report.rows) == 1 and report.rows[0].note == "8 directions"
    assert not report
    (row,) = check.adjoint(linear, x, rng=rng, directions=3).rows
    assert row.note == "3 directions"
    with pytest.raises(ValueError, match="directions: expected an integer >= 1, got 0"):
        check.adjoint(linear, x, rng=rng, directions=0)


def test_errors_along_directions_are_relative(rng):
    """2 a v u from backward and a v u from forward: a gap of a third, whatever u, v and a."""
    for a in (1e-5, 1.0, 1e5):
        for directions in (1, 8):
            options = {"rng": rng, "directions": directions}
            (row,) = check.adjoint(
                linear_map(a, k=2.0), rng.standard_normal((1, 1)), **options
            ).rows
            assert row.error == pytest.approx(1 / 3)


class OneOff(nn.Linear):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        grads["W"][17, 31] *= 1.001
        return dx, grads


def test_a_wrong_entry_is_caught_outside_the_sample(rng):
    layer, x = OneOff.init(64, 64, rng=rng), rng.standard_normal((4, 64))
    assert failed(check.gradients(layer, x, rng=rng, entries=8)) == [TOGETHER, "params.W"]
    assert failed(check.adjoint(layer, x, rng=rng)) == [TOGETHER, "params.W"]


@dataclass(frozen=True, eq=False, repr=False)
class Faint(nn.Linear):
    """A bias whose gradient is 1e-6 of the others', with the wrong sign."""

    def forward(self, x):
        return x @ self.W + 1e-6 * self.b, (x,)

    def backward(self, dy, cache):
        return dy @ self.W.T, {"W": cache[0].T @ dy, "b": -1e-6 * dy.sum(axis=0)}


def test_a_small_array_is_not_lost_beside_a_large_one(rng):
    layer = Faint(rng.standard_normal((50, 1)), np.ones(1))
    report = check.adjoint(layer, rng.standard_normal((100, 50)), rng=rng, directions=1)
    assert failed(report)[1:] == ["params.b"]


@dataclass(frozen=True, eq=False, repr=False)
class Centred(Layer):
    """y = k tanh(x + c) without its mean over the columns: what b adds to them all is lost."""

    b: np.ndarray = param()
    k: float = 1.0

    def forward(self, x):
        h = np.tanh(x)
        z = h + self.b
        return z - z.mean(axis=1, keepdims=True), (h,)

    def backward(self, dy, cache):
        (h,) = cache
        dz = dy - dy.mean(axis=1, keepdims=True)
        return self.k * dz * (1 - h * h), {"b": np.asarray(dz.sum())}


def test_a_gradient_of_rounding_hides_no_other(rng):
    b, x = np.array(0.7), rng.standard_normal((5, 3))
    db = Centred(b).backward(rng.standard_normal((5, 3)), (np.tanh(x),))[1]["b"]
    assert 0 < abs(db) < 1e-14
    assert check.adjoint(Centred(b), x, rng=rng)
    for k in (2.0, 1.001):
        assert failed(check.adjoint(Centred(b, k), x, rng=rng)) == [TOGETHER, "dx"]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_adjoint_catches_every_planted_mistake(mistake, rng):
    layer = planted(*MISTAKES[mistake][:2]).init(rng, 1e-6)
    assert not check.adjoint(layer, rng.standard_normal((3, 4)), rng=rng, directions=2)
