"""What the gradient check says of a wrong gradient: the mistake if it is that, and no other."""

from dataclasses import dataclass

import numpy as np
import pytest
from check_layers import Map

from minigen import check
from minigen.check import Kind, shapes
from minigen.core.contract import Layer
from minigen.core.tree import param


def reason(A, slip, rng):
    """(kind, text) of y = A x with a slip in its gradient."""
    A = np.array(A)
    layer = Map(lambda x: A * x, lambda x, dy: slip(A * dy))
    return reason_of(check.gradients(layer, rng.standard_normal(A.shape), rng=rng))


def reason_of(report):
    (row,) = report.failures
    assert row.state == "WRONG"
    return (row.diagnosis.kind, row.diagnosis.text) if row.diagnosis else (None, "")


def changed(g, index, value):
    """A copy with other entries."""
    g = g.copy()
    g[index] = value
    return g


def test_the_first_nan_is_said_where_it_stands(rng):
    for index, first in (([[0, 1], [1, 2]], "[0, 1]"), ([[1, 1], [0, 2]], "[1, 0]")):
        kind, text = reason(np.ones((2, 3)), lambda g, i=index: changed(g, tuple(i), np.nan), rng)
        assert kind == Kind.NOT_FINITE
        assert text.startswith(f"nan in 2 of 6 entries, first at {first}")


@pytest.mark.parametrize("N", [1, 2, 3, 100])
def test_a_factor_of_the_batch_is_named_with_its_sign(N, rng):
    mean, total = "a mean instead of the sum?", "a sum over the batch instead of the mean?"
    expected = {
        N: f"N = {N} times the right gradient: {total}",
        1 / N: f"1/N of the right gradient (N = {N}): {mean}",
        -N: f"-N = {-N} times the right gradient: the sign, and {total}",
        -1 / N: f"-1/N of the right gradient (N = {N}): the sign, and {mean}",
    }
    for factor in ((1 + 1e-6) / N, 1.7 / N):
        expected[factor] = f"{factor:.6g} times the right gradient: a constant factor"
    known = {2: "twice the right gradient", 0.5: "half the right gradient", -1: "the sign: minus"}
    for factor, text in expected.items():
        if abs(factor - 1) > 1e-3:
            found = reason(np.ones((N, 2)), lambda g, factor=factor: factor * g, rng)[1]
            assert found.startswith(known.get(factor, text)), found


def test_a_constant_factor_needs_two_entries_to_be_seen(rng):
    for count, kind in ((1, Kind.PLACE), (2, Kind.FACTOR)):
        factor = np.where(np.arange(4) < count, 0.7, 1.0)
        assert reason([[20.0, 1.0, 1.0, 1.0]], lambda g, f=factor: f * g, rng)[0] == kind


@dataclass(frozen=True, eq=False, repr=False)
class Alone(Layer):
    """A layer of a parameter alone."""

    p: np.ndarray = param()

    def forward(self):
        return 3 * self.p, ()

    def backward(self, dy, cache):
        return ({"p": 1.7 * 3 * dy},)


def test_without_rows_there_is_no_factor_of_the_batch(rng):
    alone = Alone(np.array([1.0, 2.0]))
    kind, text = reason_of(check.gradients(alone, rng=rng))
    assert (kind, text) == (Kind.FACTOR, "1.7 times the right gradient: a constant factor")
    assert check.contract(alone, rng=rng)


def clipped(g):
    """Clipped so that just two entries are."""
    third, second = np.sort(np.abs(g).ravel())[-3:-1]
    return g.clip(-(third + second) / 2, (third + second) / 2)


@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e-12])
def test_clipping_is_seen_at_two_entries_at_every_scale(scale, rng):
    """Also beside an entry that is 0."""
    A = scale * np.array([[0.0, 9.0, -9.0], [1.0, -1.0, 0.3]])
    assert reason(A, clipped, rng)[0] == Kind.CLIPPED
    alike = np.array([[0.0, 1.0, 1.0], [1.0, -1.0, 0.3]])
    assert reason(A, lambda g: alike * g[0, 1], rng)[0] != Kind.CLIPPED


def test_only_a_matrix_has_a_transpose_and_rows(rng):
    A = rng.standard_normal((2, 2, 3))
    assert reason(A, lambda g: changed(g, (1, 0, 2), 7.0), rng)[0] == Kind.NOT_LINEAR
    assert reason(A, lambda g: changed(g, (1, 0, 2), 3 * g[0, 0, 0]), rng) == (None, "")


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 10])
def test_the_first_eight_wrong_rows_are_listed(count, rng):
    rows = ", ".join(map(str, range(min(count, 8)))) + (", ..." if count > 8 else "")
    wrong = np.where(np.arange(12) < count, rng.uniform(2, 3, (2, 12)), 1.0)
    for name, factor in (("row", wrong.T), ("column", wrong)):
        text = reason(np.ones(factor.shape), lambda g, factor=factor: g * factor, rng)[1]
        assert text == f"wrong only in {name}{'s' * (count > 1)} {rows}"


def test_the_sign_is_seen_by_a_reference_of_few_figures(rng):
    """|x| in small steps: differences know its slope to seven figures."""
    steps = Map(lambda x: np.round(np.abs(x) * 2.0**32) / 2.0**32, lambda x, dy: -dy * np.sign(x))
    report = check.gradients(steps, np.array([[0.7, -1.1], [0.3, 2.0]]), rng=rng)
    assert reason_of(report)[0] == Kind.SIGN


def test_rounding_of_the_cotangents_is_linear(rng):
    wrong = Map(np.sin, lambda x, dy: x * np.cos(x) * ((dy + 3) - 3))
    report = check.gradients(wrong, rng.standard_normal((3, 4)), rng=rng)
    assert not report and "not linear" not in str(report)


@pytest.mark.parametrize(
    "expected, got, text",
    [
        ((3,), (3, 1), "an axis of length 1"), ((3, 1), (3,), "an axis of length 1"),
        ((3,), (5, 3), "not summed over the batch"), ((2, 3), (3, 2), "the transpose"),
        ((4, 3, 2), (2, 3, 4), "the transpose"), ((2, 3), (4, 5), ""), ((3, 3), (3,), ""),
        ((3,), (0, 3), "not summed over the batch"), ((0, 3), (3,), ""),
    ],
)  # fmt: skip
def test_a_wrong_shape_is_explained(expected, got, text):
    hint = shapes.hint(expected, got)
    assert text in hint and bool(text) == bool(hint)
