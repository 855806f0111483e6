"""What the gradient check says of a wrong gradient: the mistake if it is that, and no other."""

from dataclasses import dataclass

import numpy as np
import pytest

from minigen import check
from minigen.check.comparison import Comparison, Slopes
from minigen.check.diagnosis import same
from minigen.core.contract import Layer
from minigen.core.tree import const, param


@dataclass(frozen=True, eq=False, repr=False)
class Slip(Layer):
    """y = A x, with a slip in its gradient."""

    A: np.ndarray = const()
    slip: object = None

    def forward(self, x):
        return self.A * x, ()

    def backward(self, dy, cache):
        return self.slip(self.A * dy), {}


def reason(A, slip, rng):
    """What is said of the slip."""
    x = rng.standard_normal(np.shape(A))
    return reason_of(check.gradients(Slip(np.array(A), slip), x, rng=rng))


def reason_of(report):
    (row,) = report.failures
    assert row.state == "WRONG"
    return "\n".join(line.strip() for line in row.why.splitlines()[1:])


def changed(g, index, value):
    """A copy with other entries."""
    g = g.copy()
    g[index] = value
    return g


def comparison(expected, error):
    """On one array, with an error of the reference."""
    expected, slopes = np.array(expected), Slopes("dx", [()], np.array([0.0]), np.array([0.0]))
    return Comparison(slopes, expected[None], expected[None], np.abs(expected), np.array(error))


def test_numbers_are_the_same_to_nine_figures_or_twenty_estimates_of_the_error():
    one, sure = np.array([1.0]), comparison([1.0], [0.0])
    assert same(one, one + 0.9e-9, sure, 0.0) and not same(one, one + 1.1e-9, sure, 0.0)
    near, far = np.array([1.0, 0.9e-10]), np.array([1.0, 1.1e-10])  # of a 0, beside 1
    assert same(near, np.array([1.0, 0.0]), sure, 1.0)
    assert not same(far, np.array([1.0, 0.0]), sure, 1.0)
    for error in (1e-6, 1.0):
        unsure = comparison([1.0], [error])
        assert same(one, one + 19.6 * error, unsure, 0.0)
        assert not same(one, one + 20.4 * error, unsure, 0.0)


def test_the_first_number_that_is_none_is_said_where_it_stands(rng):
    for index, first in (([[0, 1], [1, 2]], "[0, 1]"), ([[1, 1], [0, 2]], "[1, 0]")):
        said = reason(np.ones((2, 3)), lambda g, at=index: changed(g, tuple(at), np.nan), rng)
        assert said.startswith(f"nan in 2 of 6 entries, first at {first}")


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
    known = {
        1: "",
        2: "twice the right gradient",
        0.5: "half the right gradient",
        -1: "the sign: minus",
    }
    for factor, said in expected.items():
        if abs(factor - 1) > 1e-3:
            found = reason(np.ones((N, 2)), lambda g, factor=factor: factor * g, rng)
            assert found.startswith(known.get(factor, said)), found


def test_a_constant_factor_needs_two_entries_to_be_seen(rng):
    for count, said in ((1, "wrong only in column 0"), (2, "0.7 times the right gradient")):
        factor = np.where(np.arange(4) < count, 0.7, 1.0)
        assert reason([[20.0, 1.0, 1.0, 1.0]], lambda g, f=factor: f * g, rng).startswith(said)


def test_without_rows_there_is_no_factor_of_the_batch(rng):
    """A layer of a parameter alone."""

    @dataclass(frozen=True, eq=False, repr=False)
    class Alone(Layer):
        p: np.ndarray = param()

        def forward(self):
            return 3 * self.p, ()

        def backward(self, dy, cache):
            return ({"p": 1.7 * 3 * dy},)

    said = reason_of(check.gradients(Alone(np.array([1.0, 2.0])), rng=rng))
    assert said == "1.7 times the right gradient: a constant factor"


def clipped(g):
    """Clipped so that just two entries are."""
    third, second = np.sort(np.abs(g).ravel())[-3:-1]
    return g.clip(-(third + second) / 2, (third + second) / 2)


@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e-12])
def test_what_two_entries_are_clipped_at_is_said_at_every_scale(scale, rng):
    """Also beside an entry that is 0."""
    A = scale * np.array([[0.0, 9.0, -9.0], [1.0, -1.0, 0.3]])
    assert reason(A, clipped, rng).startswith("clipped at")
    alike = np.array([[0.0, 1.0, 1.0], [1.0, -1.0, 0.3]])
    assert not reason(A, lambda g: alike * g[0, 1], rng).startswith("clipped at")


def test_one_entry_that_is_less_is_not_called_clipped(rng):
    said = reason([[20.0, 1.0, 1.0, 1.0]], lambda g: g * [0.7, 1, 1, 1], rng)
    assert said == "wrong only in column 0"


def test_only_of_a_matrix_there_is_a_transpose_and_are_rows(rng):
    A = rng.standard_normal((2, 2, 3))
    assert reason(A, lambda g: changed(g, (1, 0, 2), 7.0), rng) == (
        "not linear in its cotangents: clipped, or a constant added?"
    )
    assert reason(A, lambda g: changed(g, (1, 0, 2), 3 * g[0, 0, 0]), rng) == ""


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 10])
def test_the_first_eight_wrong_rows_are_listed(count, rng):
    rows = ", ".join(map(str, range(min(count, 8)))) + (", ..." if count > 8 else "")
    wrong = np.where(np.arange(12) < count, rng.uniform(2, 3, (2, 12)), 1.0)
    for k, name in enumerate(("row", "column")):
        said = reason(
            np.ones((12, 2) if k == 0 else (2, 12)), lambda g, k=k: g * (wrong.T, wrong)[k], rng
        )
        assert said == f"wrong only in {name}{'s' * (count > 1)} {rows}"


def test_the_sign_is_seen_by_a_reference_of_few_figures_too(rng):
    """|x| in small steps: differences know its slope to seven figures."""

    @dataclass(frozen=True, eq=False, repr=False)
    class Steps(Layer):
        def forward(self, x):
            return np.round(np.abs(x) * 2.0**32) / 2.0**32, (x,)

        def backward(self, dy, cache):
            return -dy * np.sign(cache[0]), {}

    said = reason_of(check.gradients(Steps(), np.array([[0.7, -1.1], [0.3, 2.0]]), rng=rng))
    assert said == "the sign: minus yours is right"
