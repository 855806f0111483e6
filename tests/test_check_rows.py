"""The rows of a report: which entries and directions are checked, their errors, their notes."""

from dataclasses import dataclass

import numpy as np
import pytest
from test_check import MISTAKES, Bend, planted

from minigen import check, nn
from minigen.check.comparison import Slopes, compare
from minigen.check.complexstep import ComplexStep
from minigen.check.evaluation import Evaluation
from minigen.check.probe import Probe
from minigen.core.contract import Layer
from minigen.core.tree import const, param
from minigen.flows import ActNorm
from minigen.flows.made import MADE
from minigen.nn.embed import TimeEmbedding


def evaluation_of(layer, *inputs, **given):
    return Evaluation.of(Probe.of(layer, inputs, given), np.random.default_rng(4))


def test_an_evaluation_names_its_outputs(rng):
    x, new = rng.standard_normal((3, 4)), {"rng": rng, "dtype": np.float64}
    linear = evaluation_of(nn.Linear.init(4, 2, **new), x)
    assert linear.names == ["output 0"] and linear.rows == 3
    assert evaluation_of(ActNorm.init(4, dtype=np.float64), x).names == ["y", "logdet"]
    assert evaluation_of(MADE.init(4, (8,), 2, **new), x).names == ["output 0"]  # (N, D, parts)
    assert evaluation_of(TimeEmbedding.init(9, 4, 6, **new), t=np.array([1, 2])).rows == 0
    for name, g in linear.yours.items():
        np.testing.assert_allclose(linear.again(name, -2.0), -2 * g, rtol=1e-13)


def test_part_of_a_comparison_is_the_comparison_of_a_part(rng):
    probe = Probe.of(Bend.init(rng), (rng.standard_normal((3, 4)),), {})
    run = Evaluation.of(probe, rng)
    reference = ComplexStep(probe)
    whole = Slopes.at_entries("dx", run.yours["dx"], 99, rng)
    seen = compare(whole, reference, run.cotangents)
    again = compare(whole.part([5, 7]), reference, run.cotangents)
    for name in ("parts", "ones", "size", "error"):
        np.testing.assert_array_equal(getattr(seen.part([5, 7]), name), getattr(again, name))


# entries


def test_the_number_of_checked_entries_is_said(rng):
    linear = nn.Linear.init(60, 60, rng=rng, dtype=np.float64)  # three arrays, one of 3600
    x = rng.standard_normal((2, 60))
    for options, said in (({}, "666"), ({"entries": 70}, "70")):
        notes = {row.name: row.note for row in check.gradients(linear, x, rng=rng, **options).rows}
        assert notes["params.W"] == f"3600 entries, {said} of them checked"
        assert notes["params.b"] == "60 entries"


def test_2000_entries_are_shared_at_least_8_each(rng):
    report = check.gradients(nn.Tanh(), rng.standard_normal((50, 41)), rng=rng)
    assert report and report.rows[0].note == "2050 entries, 2000 of them checked"
    many = Many({f"p{k}": rng.standard_normal(12 if k == 0 else 1) for k in range(250)})
    report = check.gradients(many, rng.standard_normal((2, 3)), rng=rng)
    assert report and report.rows[1].note == "12 entries, 8 of them checked"


class Many:
    """y = x times the sum of all parameters."""

    def __init__(self, params):
        self.params = params

    def forward(self, x):
        total = np.concatenate(list(self.params.values())).sum()
        return x * total, (x, total)

    def backward(self, dy, cache):
        x, total = cache
        return dy * total, {
            name: np.full(a.shape, (dy * x).sum()) for name, a in self.params.items()
        }


@dataclass(frozen=True, eq=False, repr=False)
class Affine(Layer):
    """y = a x + b, with k times its dx."""

    a: np.ndarray = const()
    b: np.ndarray = const()
    k: float = 1.0

    def forward(self, x):
        return self.a * x + self.b, ()

    def backward(self, dy, cache):
        return self.k * self.a * dy, {}


def test_two_directions_follow_a_right_sample(rng):
    x, one, zero = rng.standard_normal((4, 3)), np.ones(3), np.zeros(3)

    def notes(k, entries):
        report = check.gradients(Affine(one, zero, k=k), x, rng=rng, entries=entries)
        return [row.note for row in report.rows]

    assert notes(1.0, 12) == ["12 entries"]
    assert notes(1.0, 11) == ["12 entries, 11 of them checked", "2 directions"]
    assert notes(2.0, 11) == ["11 of 12 entries, 11 of them checked"]


def test_entries_are_counted_and_none_is_right(rng):
    for n, said in ((0, "0 entries"), (1, "1 entry"), (2, "2 entries"), (3, "3 entries")):
        report = check.gradients(nn.Tanh(), rng.standard_normal((n, 1)), rng=rng)
        assert report and report.rows[0].note == said and report.rows[0].error < 1e-12
    empty = check.gradients(nn.Tanh(), np.zeros((0, 1)), rng=rng)
    assert " 0.0e+00  0 entries" in str(empty)
    assert check.gradients(Nothing(), rng=rng).rows == ()


class Nothing:
    """Neither inputs nor parameters."""

    def forward(self):
        return np.ones(3), ()

    def backward(self, dy, cache):
        return ({},)


def test_errors_of_entries_are_relative_to_the_largest(rng):
    x = rng.standard_normal((4, 3))
    for a, k, error in ((5.0, 2.0, 1.0), (1e-6, 1.5, 0.5), (-3.0, 1.0, 0.0), (0.0, 1.0, 0.0)):
        layer = Affine(np.array(a), np.array(0.3), k=k)
        (row,) = check.gradients(layer, x, rng=rng).rows
        assert row.error == pytest.approx(error, abs=1e-14)
    for a in (0.25, 3.0):
        (row,) = check.gradients(Flat(np.array(a)), x, rng=rng).rows
        assert row.error == a
    for f in (check.gradients, check.adjoint):
        (row,) = f(Flat(np.array(0.0)), x, rng=rng).rows
        assert row.error == 0 and row.state == "ok"


@dataclass(frozen=True, eq=False, repr=False)
class Flat(Layer):
    """y = 0, and a slope of a all the same."""

    a: np.ndarray = const()

    def forward(self, x):
        return 0 * x, ()

    def backward(self, dy, cache):
        return np.full(dy.shape, self.a), {}


@pytest.mark.parametrize("f", [check.gradients, check.adjoint])
@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_a_gradient_that_is_not_finite_is_wrong(f, number, rng):
    class Broken(nn.Tanh):
        def backward(self, dy, cache):
            dx, grads = super().backward(dy, cache)
            dx[1, 0] = number
            return dx, grads

    (row,) = f(Broken(), rng.standard_normal((3, 2)), rng=rng).rows
    assert row.state == "WRONG" and not np.isfinite(row.error)


@pytest.mark.parametrize("f", [check.gradients, check.adjoint])
def test_an_infinite_output_excuses_no_gradient(f, rng):
    x, one, mask = rng.standard_normal((3, 2)), np.ones(2), np.array([0.0, -np.inf])
    assert f(Affine(one, mask), x, rng=rng)
    assert not f(Affine(one, mask, k=2.0), x, rng=rng)


@pytest.mark.parametrize("f", [check.gradients, check.adjoint])
def test_no_number_is_the_derivative_where_it_overflows(f, rng):
    class Steep(nn.Tanh):
        def forward(self, x):
            return 1e200 * (1e200 * x), ()

        def backward(self, dy, cache):
            return 5 * dy, {}

    (row,) = f(Steep(), np.full((3, 2), 1e-100), rng=rng).rows
    assert row.state == "WRONG"


# directions


class Tripled(nn.Tanh):
    """A wrong layer of one array."""

    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return 3 * dx, grads


def test_directions_need_one_row_unless_arrays_are_wrong(rng):
    x = rng.standard_normal((3, 4))
    linear = nn.Linear.init(4, 2, rng=rng, dtype=np.float64)
    assert [len(check.adjoint(f, x, rng=rng).rows) for f in (linear, nn.Tanh(), Tripled())] == [
        1
    ] * 3
    assert not check.adjoint(Tripled(), x, rng=rng)
    with pytest.raises(ValueError, match="directions: expected an integer >= 1, got 0"):
        check.adjoint(linear, x, rng=rng, directions=0)


def test_a_layer_without_a_single_entry_has_no_directions(rng):
    assert check.adjoint(nn.Tanh(), np.zeros((0, 2)), rng=rng).rows == ()


def test_errors_along_directions_are_relative(rng):
    """2 a v u from backward and a v u from forward: a gap of a third, whatever u, v and a."""
    for a in (1e-5, 1.0, 1e5):
        layer = Affine(np.array(a), np.array(0.3), k=2.0)
        for directions in (1, 8):
            options = {"rng": rng, "directions": directions}
            (row,) = check.adjoint(layer, rng.standard_normal((1, 1)), **options).rows
            assert row.error == pytest.approx(1 / 3)


def test_eight_directions_are_tried_unless_told(rng):
    x = rng.standard_normal((3, 2))
    assert check.adjoint(nn.Tanh(), x, rng=rng).rows[0].note == "8 directions"
    assert check.adjoint(nn.Tanh(), x, rng=rng, directions=3).rows[0].note == "3 directions"


def test_a_wrong_entry_is_caught_outside_the_sample(rng):
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
        report = check.adjoint(Centred(b, k), x, rng=rng)
        assert [row.name for row in report.failures] == ["v.(Ju) = (J'v).u", "dx"]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_adjoint_catches_every_planted_mistake(mistake, rng):
    layer = planted(*MISTAKES[mistake][:2]).init(rng, 1e-6)
    assert not check.adjoint(layer, rng.standard_normal((3, 4)), rng=rng, directions=2)
