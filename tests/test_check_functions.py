"""Checks of plain functions: derivative, vjp, equal, density."""

import equations
import equations_more
import numpy as np
import pytest
from scipy import stats

from minigen.check import Kind, State, density, derivative, equal, vjp

EQUATIONS = list(equations.KINDS)


def reason(report):
    """(kind, text) of the first failure."""
    assert not report
    why = report.failures[0].diagnosis
    return (why.kind, why.text) if why else (None, "")


# thirty equations


@pytest.mark.parametrize("equation", EQUATIONS, ids=lambda e: e.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_a_true_equation_holds(equation, seed):
    report = equation(np.random.default_rng(seed), wrong=False)
    assert report, str(report)


@pytest.mark.parametrize("equation", EQUATIONS, ids=lambda e: e.__name__)
def test_a_false_equation_is_found(equation):
    for seed in range(3):
        report = equation(np.random.default_rng(seed), wrong=True)
        assert [row.state for row in report.failures] == [State.WRONG], str(report)


def test_what_is_wrong_with_them_is_named():
    named = [
        e.__name__ for e, kinds in equations.KINDS.items()
        if reason(e(np.random.default_rng(1), wrong=True))[0] in kinds
    ]  # fmt: skip
    assert len(named) >= 0.8 * len(EQUATIONS), named


@pytest.mark.parametrize("equation", equations_more.KINDS, ids=lambda e: e.__name__)
def test_more_equations_hold_or_are_found_and_named(equation):
    kind = equations_more.KINDS[equation]
    for seed in range(2):
        report = equation(np.random.default_rng(seed), wrong=False)
        assert report, str(report)
        report = equation(np.random.default_rng(seed), wrong=True)
        assert {row.state for row in report.failures} == {State.WRONG}, str(report)
        assert kind in (None, reason(report)[0]), str(report)


# derivative


@pytest.mark.parametrize(
    "f, df, shape",
    [
        (np.sin, np.cos, ()),
        (np.sin, np.cos, (3,)),
        (np.sin, np.cos, (2, 3, 2)),
        (lambda x: np.sum(x**3), lambda x: 3 * x**2, (4, 3)),
        (lambda x: np.sum(x**3, axis=1), lambda x: 3 * x**2, (4, 3)),
        (lambda x: x[..., :2] ** 2, lambda x: 2 * x[:, :2, None] * np.eye(3)[:2], (4, 3)),
        (lambda x: np.outer(x, x), lambda x: np.einsum("ik,j->ijk", np.eye(3), x)
         + np.einsum("jk,i->ijk", np.eye(3), x), (3,)),
        (np.abs, np.sign, (5,)),
        (np.tanh, lambda x: 1 - np.tanh(x) ** 2, (5,)),
    ],
)  # fmt: skip
def test_the_shape_says_what_derivative_it_is(f, df, shape, rng):
    assert derivative(f, df, 1 + rng.random(shape))
    assert not derivative(f, lambda x: df(x) * 1.0001, 1 + rng.random(shape))


def test_a_saturated_derivative_is_right():
    assert derivative(np.tanh, lambda x: 1 - np.tanh(x) ** 2, [9.0, 9.5])


def test_a_place_is_that_of_the_derivative(rng):
    A = rng.standard_normal((3, 4))
    bad = A.copy()
    bad[1, 2] += 1
    (row,) = derivative(lambda x: A @ x, lambda x: bad, rng.standard_normal(4)).failures
    assert row.worst.startswith("[1, 2]: ") and row.note.startswith("1 of 12")


def test_a_function_that_mixes_its_entries_has_a_jacobian(rng):
    y = equations.softmax
    kind, text = reason(derivative(y, lambda x: y(x) * (1 - y(x)), rng.standard_normal((4, 3))))
    assert kind == Kind.SHAPE and "depends on other entries of x" in text
    df = lambda x: np.eye(3)[[0, 0]]  # noqa: E731
    x = rng.standard_normal((2, 3))
    kind, text = reason(derivative(lambda x: np.cumsum(x[:, 0]), df, x))
    assert kind == Kind.SHAPE and "depends on other rows of x" in text


def test_a_derivative_of_another_shape_is_wrong(rng):
    x, A = rng.standard_normal(3), rng.standard_normal((2, 3))
    kind, text = reason(derivative(lambda x: A @ x, lambda x: A.T, x))
    assert kind == Kind.SHAPE and text == "expected shape (2, 3), got (3, 2): the transpose?"


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.where(np.real(x) > 0.5, np.abs(x), np.abs(x) ** 2),  # a jump of the slope
        lambda x: np.round(np.abs(x), 5),
        lambda x: np.abs(x) + 1e-5 * np.random.default_rng().standard_normal(x.shape),
        lambda x: np.log(np.real(x) - 5),
    ],
    ids=["kink", "rounded", "noise", "nan"],
)
def test_what_cannot_be_decided_is_never_right(f):
    with np.errstate(invalid="ignore"):
        report = derivative(f, np.ones_like, np.array([0.5, 0.7, 0.2]))
    assert not report


def test_a_rounded_function_is_inconclusive():
    f = lambda x: np.round(np.abs(x), 6)  # noqa: E731
    (row,) = derivative(f, np.ones_like, np.array([0.5, 0.7, 0.2])).rows
    assert row.state == State.INCONCLUSIVE


def test_known_quantities_name_what_is_wrong(rng):
    x = rng.standard_normal((6, 2))
    say = lambda df, **known: reason(derivative(np.exp, df, x, known=known))  # noqa: E731
    assert say(lambda x: x * np.exp(x)) == (
        Kind.KNOWN_FACTOR, "x times the right one: a factor too many")  # fmt: skip
    assert say(lambda x: np.exp(x) - np.cos(x), c=np.cos(x)) == (
        Kind.MISSING_TERM, "the term c is missing")  # fmt: skip
    assert say(lambda x: np.cos(x), c=np.cos(x)) == (Kind.KNOWN_VALUE, "this is c")
    assert say(lambda x: np.exp(x) + 3)[0] == Kind.OFFSET


# vjp


def test_a_backward_pass_with_labels_and_two_outputs(rng):
    x, W, k = rng.standard_normal((4, 3)), rng.standard_normal((3, 3)), np.array([0, 2, 1, 1])

    def forward(x, W, k):
        return x @ W, np.sum(x[np.arange(4), k] ** 2)

    def backward(dy, dl, x, W, k):
        dx = dy @ W.T
        dx[np.arange(4), k] += 2 * dl * x[np.arange(4), k]
        return dx, x.T @ dy

    assert vjp(forward, backward, x, W, k)
    assert vjp(forward, lambda *a: (*backward(*a), None), x, W, k)
    lost = vjp(forward, lambda dy, dl, x, W, k: backward(dy, 0 * dl, x, W, k), x, W, k)
    assert [row.name for row in lost.failures] == ["dx"]
    assert reason(lost) == (
        Kind.MISSING_TERM,
        "the term of doutput 1 is missing: this is the gradient with doutput 1 = 0",
    )
    with pytest.raises(ValueError, match=r"backward: expected None for inputs\[2\]"):
        vjp(forward, lambda *a: (*backward(*a), 1.0), x, W, k)


def test_a_matrix_that_should_be_transposed_is_named(rng):
    x, W = rng.standard_normal((4, 3)), rng.standard_normal((3, 3))
    report = vjp(np.matmul, lambda dy, x, W: (dy @ W, x.T @ dy), x, W)
    assert reason(report)[0] == Kind.TRANSPOSE and "in backward" in reason(report)[1]


def test_one_factor_for_another_is_named(rng):
    x = rng.uniform(0.5, 2, 6)  # d/dP P / (P + R) is R / (P + R)^2, not P / (P + R)^2
    kind, text = reason(derivative(lambda p: p / (p + 0.7), lambda p: p / (p + 0.7) ** 2, x))
    assert kind == Kind.KNOWN_FACTOR and "1.42857 times x times the right one" in text


@pytest.mark.parametrize("at", ["f(x)", "-x"])
def test_a_derivative_at_another_point_is_named(at, rng):
    def f(x):
        return np.tanh(x) if at == "f(x)" else np.log(1 + np.exp(-2 * x))

    def df(x):
        return 1 - x**2 if at == "f(x)" else -2 / (1 + np.exp(-2 * x))

    report = derivative(f, df, rng.standard_normal((3, 4)))
    assert reason(report) == (Kind.ARGUMENT, f"right at {at} in place of x")


@pytest.mark.parametrize("f", [np.cumsum, lambda x: np.convolve(x, [1.0, 2.0, 4.0])])
def test_a_missing_flip_is_named(f, rng):
    def back(dy, x):
        return np.cumsum(dy) if f is np.cumsum else np.convolve(dy, [1.0, 2.0, 4.0], "valid")

    kind, text = reason(vjp(f, back, rng.standard_normal(9), rng=rng))
    assert kind == Kind.PERMUTED and "flip" in text
    right = vjp(f, lambda dy, x: back(dy[::-1], x)[::-1], rng.standard_normal(9), rng=rng)
    assert right, str(right)


def test_a_known_array_in_the_place_of_another_is_named(rng):
    x = rng.standard_normal((9, 4))
    mean = x.mean(axis=0)
    known = {"the mean": mean, "its square": mean**2}
    report = equal(np.mean(x**2, axis=0) - mean, x.var(axis=0), known=known)
    kind, text = reason(report)
    assert kind == Kind.KNOWN_VALUE and "one stands in place of the other" in text


def test_a_forward_pass_that_is_not_complex_clean_is_judged_by_differences(rng):
    report = vjp(lambda x: np.abs(x) ** 3, lambda dy, x: 3 * dy * x * np.abs(x),
                 rng.standard_normal(5))  # fmt: skip
    assert report and "Richardson" in report.note


# equal


def test_equal_arrays(rng):
    x = rng.standard_normal((3, 4))
    assert equal(x, x + 1e-14) and not equal(x, x + 1e-9)
    assert equal([np.inf, 1.0], [np.inf, 1.0]) and not equal([np.inf], [-np.inf])
    assert not equal(np.nan, np.nan) and not equal(x, x[:2])
    assert equal(1e-17, 0.0) and not equal(1e-17, 0.0, scale=0)
    assert equal(np.zeros((0, 3)), np.zeros((0, 3)))


def test_numbers_as_small_as_the_tolerance_are_no_evidence():
    (row,) = equal(1e-20, 3e-20).rows
    assert row.state == State.INCONCLUSIVE
    assert not equal(1e-20, 3e-20, scale=1e-20) and equal(3e-20, 3e-20, scale=1e-20)


@pytest.mark.parametrize(
    "a, text",
    [
        (lambda x, W: x @ W, "right with W transposed"),
        (lambda x, W: W @ x.T, "expected shape (5, 3), got (3, 5): the transpose?"),
        (lambda x, W: -x @ W.T, "the sign: minus yours is right"),
        (lambda x, W: x @ W.T / 5, "1/N of the right value (N = 5): a mean instead of the sum?"),
    ],
)
def test_what_a_wrong_function_looks_like(a, text, rng):
    x, W = rng.standard_normal((5, 3)), rng.standard_normal((3, 3))
    assert reason(equal(a, lambda x, W: x @ W.T, x, W))[1] == text


def test_a_wrong_branch_of_a_column(rng):
    x = rng.standard_normal((12, 2))
    wrong = lambda x: x[:, 0] + np.maximum(x[:, 1], 0)  # noqa: E731
    kind, text = reason(equal(wrong, lambda x: x[:, 0] + np.abs(x[:, 1]), x))
    assert kind == Kind.BRANCH and "wrong only where x[:, 1] < 0" in text


# density


def normal(x):
    return stats.norm.logpdf(x).sum(axis=1)


def drawn(D):
    return lambda n, rng: rng.standard_normal((n, D))


@pytest.mark.parametrize(
    "log_prob, sample, where",
    [
        (normal, drawn(1), {}),
        (normal, drawn(2), {"features": 2}),
        (normal, drawn(5), {"features": 5}),
        (lambda x: stats.cauchy.logpdf(x[:, 0]), lambda n, r: r.standard_cauchy((n, 1)), {}),
        (lambda x: stats.expon.logpdf(x[:, 0]), lambda n, r: r.exponential(1, (n, 1)), {"low": 0}),
        (lambda x: stats.expon.logpdf(-x[:, 0]), lambda n, r: -r.exponential(1, (n, 1)),
         {"high": 0}),
        (lambda x: stats.beta.logpdf(x[:, 0], 0.5, 0.7), lambda n, r: r.beta(0.5, 0.7, (n, 1)),
         {"low": 0, "high": 1}),
        (lambda x: stats.norm.logpdf(x[:, 0], 30, 0.01), None, {}),
        (lambda x: np.logaddexp(stats.norm.logpdf(x[:, 0], -20), stats.norm.logpdf(x[:, 0], 9))
         - np.log(2), None, {}),
    ],
    ids=["1", "2", "5", "cauchy", "up", "down", "beta", "narrow", "two"],
)  # fmt: skip
def test_a_density_integrates_to_one(log_prob, sample, where):
    for seed in range(3):
        report = density(log_prob, sample=sample, rng=np.random.default_rng(seed), **where)
        assert report, str(report)
    wrong = density(lambda x: log_prob(x) + 0.5, sample=sample, **where)
    assert "mass" in [row.name for row in wrong.failures]


def test_samples_of_another_density_are_found():
    for draw, text in (
        (lambda n, r: r.standard_normal((n, 2)) * [1, 1.1], "column 1 is 1.1 times as wide"),
        (lambda n, r: r.standard_normal((n, 2)) + np.array([0.1, 0]), "the mean of column 0"),
        (lambda n, r: r.uniform(-(3**0.5), 3**0.5, (n, 2)), "the shape does not"),
    ):
        (row,) = density(normal, 2, sample=draw).failures
        assert row.name == "samples" and text in row.diagnosis.text


def test_a_jump_that_the_boxes_do_not_see_is_inconclusive():
    report = density(lambda x: stats.uniform.logpdf(x[:, 0]) + stats.norm.logpdf(x[:, 1]), 2)
    assert [row.state for row in report.failures] == [State.INCONCLUSIVE]
    assert density(lambda x: normal(x[:, 1:]), 2, low=[0, -np.inf], high=[1, np.inf])


@pytest.mark.parametrize(
    "times, text", [(0, "is missing"), (-1, "wrong sign"), (2, "counted twice")]
)
def test_a_log_determinant_is_named(times, text):
    log_det = lambda x: np.full(len(x), np.log(0.1))  # noqa: E731
    log_prob = lambda x: normal(0.1 * x) + times * log_det(x)  # noqa: E731
    assert text in reason(density(log_prob, known={"log|det J|": log_det}))[1]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: derivative(3, np.cos, 1.0), "f: expected a function"),
        (lambda: derivative(np.sin, None, 1.0), "df: expected a function"),
        (lambda: derivative(np.sin, np.cos, "x"), "x: expected"),
        (lambda: derivative(np.sin, lambda x: "a", 1.0), "df: expected an array of real numbers"),
        (lambda: derivative(np.sin, np.cos, 1.0, known=3), "known: expected a Mapping"),
        (lambda: derivative(np.sin, np.cos, 1.0, method="magic"), "method: expected one of"),
        (lambda: vjp(np.sin, 3, 1.0), "backward: expected a function"),
        (lambda: vjp(np.sin, np.cos), "inputs: expected an array"),
        (lambda: vjp(np.sin, np.cos, [[1.0], [1.0, 2.0]]), r"inputs\[0\]: expected an array"),
        (lambda: equal(1.0, 1.0, 2.0), "inputs: expected none"),
        (lambda: equal(1.0, "a"), "b: expected an array"),
        (lambda: equal(1.0, 1.0, tolerance=-1), "tolerance: expected a number"),
        (lambda: density(3), "log_prob: expected a function"),
        (lambda: density(normal, 0), "features: expected an integer"),
        (lambda: density(normal, 4), "sample: expected samples"),
        (lambda: density(normal, low=1, high=0), "high: expected more than low"),
        (lambda: density(normal, low=[0, 0]), "low: expected a number or 1 numbers"),
        (lambda: density(lambda x: x, 2), r"log_prob: expected shape \("),
        (lambda: density(normal, sample=np.zeros((5, 2))), "sample: expected shape"),
        (lambda: density(normal, rng=3), "rng: expected"),
    ],
)
def test_what_is_no_question_is_refused(call, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        call()
