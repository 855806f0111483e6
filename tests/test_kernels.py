"""Kernels equal their twins, in both precisions, on views too; and a NaN stays a NaN."""

import copy
import importlib.util
import itertools
import os
import re

import numpy as np
import pytest

from minigen import flows, nn
from minigen.flows import degrees
from minigen.kernels import (
    activation,
    dense,
    group_norm,
    jit,
    mining,
    optimizers,
    spline,
    triangular,
)

CASES = {
    "bias_relu": (dense.bias_relu, ((5, 7), (7,))),
    "bias_relu_backward": (dense.bias_relu_backward, ((5, 7), (5, 7))),
    "outer": (dense.outer, ((5, 1), (1, 7))),
    "silu": (activation.silu, ((5, 7), (5, 7))),
    "silu of a row": (activation.silu, ((5, 7), (1, 7))),
}


COMPILED = (
    os.environ.get("MINIGEN_BACKEND") != "numpy" and importlib.util.find_spec("numba") is not None
)
FIXED = {1, 2, 11}  # sizes that are no letters: those of a single column, of 3K - 1 parameters


def agree(kernel, *args, run=None):
    """The kernel (or `run`) and its twin return the same, and leave the same in their arguments."""
    ones, twos = (copy.deepcopy(args) for _ in range(2))
    got, want = (run or kernel)(*ones), kernel.twin(*twos)
    size = 1e-6 if args[0].dtype == np.float32 else 1e-12
    got, want = (r if isinstance(r, tuple) else (r,) for r in (got, want))
    for a, b in zip((*got, *ones), (*want, *twos), strict=True):
        if b is not None:
            assert np.asarray(a).dtype == np.asarray(b).dtype
            np.testing.assert_allclose(a, b, rtol=size, atol=size)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_kernels_equal_their_twins(name, dtype, rng):
    kernel, args = case(name, rng, dtype)
    agree(kernel, *args)


def numbers(rng):
    """{name: (kernel, arguments)} of what has other arguments than arrays of any numbers."""
    e, x = np.exp(rng.uniform(-2, 2, (60, 11))), rng.uniform(-4, 4, 60)
    label, key = rng.integers(0, 3, 9), rng.integers(-2, 6, (9, 9))
    first, start = np.array([0, 2, 2, 5, 7]), np.array([0, 0, 1, 5, 3])
    theta, g, m, v = rng.standard_normal((4, 7))
    pixels, channels = rng.standard_normal((2, 3, 5, 8)), rng.standard_normal((2, 8))
    spread = rng.standard_normal((3, 8)), rng.uniform(1, 2, (3, 8))
    return {
        "spline": (spline.forward, (x, e, 3.0)),
        "spline of one bin": (spline.forward, (x, e[:, :2].copy(), 3.0)),
        "inverse spline": (spline.inverse, (x, e, 3.0)),
        "inverse spline of one bin": (spline.inverse, (x, e[:, :2].copy(), 3.0)),
        "spline, backward": (spline.backward, (x, e, 3.0, x[::-1].copy(), e[:, 0].copy())),
        "hardest": (mining.hardest, (key, label)),
        "semi_hard": (mining.semi_hard, (key, label)),
        "every": (mining.every, (label,)),
        "scatter": (mining.scatter, (key[:, :4], label, 3)),
        "masked": (triangular.masked, (rng.standard_normal((5, 7)), first, 0 * start)),
        "clear": (triangular.clear, (rng.standard_normal((5, 7)), first)),
        "group_norm": (group_norm.forward, (*pixels[:1], *channels[:2], 4, 1e-5)),
        "group_norm, backward": (group_norm.backward, (*pixels, channels[0], *spread, 4)),
        "adam": (optimizers.adam, (theta, g, m, v * v, 0.1, 0.01, 0.03, 1e-3)),
    }


def case(name, rng, dtype=None):
    """A kernel and its arguments."""
    if name not in CASES:
        return numbers(rng)[name]
    kernel, shapes = CASES[name]
    size, usual = 1, np.float64
    if kernel is activation.silu:  # to where tanh is 1; right to single precision only
        size, usual = 6, np.float32
    return kernel, [(size * rng.standard_normal(s)).astype(dtype or usual) for s in shapes]


@pytest.mark.parametrize("name", [*CASES, *numbers(np.random.default_rng(0))])
def test_a_loop_in_plain_python_stays_within_its_arrays_and_equals_its_twin(name, rng):
    """Compiled, a loop checks no index: beyond the end it would read, and write, what is there."""
    kernel, args = case(name, rng)
    agree(kernel, *args, run=kernel.loop)


@pytest.mark.parametrize("name", [*CASES, *numbers(np.random.default_rng(0))])
def test_arrays_that_do_not_fit_one_another_are_refused_before_anything_is_read(name, rng):
    """Some of the axes that should be of one size, longer or shorter than the others."""
    kernel, args = case(name, rng)
    for axes, more in itertools.product(misfits(args), (1, -1)):
        wrong = [*args]
        for k, axis in axes:
            rows = np.arange(args[k].shape[axis] + more) % args[k].shape[axis]
            wrong[k] = np.take(wrong[k], rows, axis=axis)
        with pytest.raises(ValueError, match=r"^(a|dy|e|h|key|rows|theta|W|x|y) (\(|and)"):
            kernel.loop(*wrong)
        if COMPILED:
            got = [str(a.shape) if isinstance(a, np.ndarray) else repr(a) for a in wrong]
            said = f"^{kernel.__name__}: expected .*, got .*{'.* '.join(map(re.escape, got))}$"
            with pytest.raises(ValueError, match=said):
                kernel(*wrong)


def misfits(args):
    """Axes [(argument, axis), ...], not all that have one size; all, where it is FIXED."""
    axes = [(k, i) for k, a in enumerate(args) if isinstance(a, np.ndarray) for i in range(a.ndim)]
    for size in {args[k].shape[i] for k, i in axes}:
        alike = [(k, i) for k, i in axes if args[k].shape[i] == size]
        for count in range(1, len(alike) + (size in FIXED)):
            yield from itertools.combinations(alike, count)


def test_whole_numbers_go_through_a_column_and_through_silu(rng):
    x, W = np.arange(-3, 4)[:, None], rng.standard_normal((1, 5))
    np.testing.assert_allclose(dense.product(x, W), x * W, rtol=1e-15)
    for got, want in zip(nn.SiLU().forward(x)[0], nn.SiLU().forward(x / 1)[0], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-15)


@pytest.mark.parametrize("shape", [(4,), (0, 3), (2, 3), (2, 3, 4)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", [nn.ReLU, nn.SiLU, nn.Softplus, nn.Tanh])
def test_an_activation_takes_any_shape(make, dtype, shape, rng):
    x = rng.standard_normal(shape).astype(dtype)
    y, cache = make().forward(x)
    dx, _ = make().backward(np.ones_like(y), cache)
    flat, cache = make().forward(x.reshape(-1, 1))
    dflat, _ = make().backward(np.ones_like(flat), cache)
    assert y.shape == dx.shape == shape and y.dtype == dx.dtype == dtype
    np.testing.assert_allclose(y.ravel(), flat.ravel(), rtol=1e-6)
    np.testing.assert_allclose(dx.ravel(), dflat.ravel(), rtol=1e-6)


@pytest.mark.parametrize("make", [nn.ReLU, nn.SiLU, nn.Softplus, nn.Tanh])
def test_an_activation_and_a_rectified_layer_keep_a_nan(make):
    x = np.array([[np.nan, -1.0, 1.0]], np.float32)
    y, _ = make().forward(x)
    dense.bias_relu(x, np.zeros(3, np.float32))
    assert np.isnan(x).tolist() == np.isnan(y).tolist() == [[True, False, False]]


def test_the_rational_sigmoid_is_right_to_single_precision_everywhere():
    """And exactly 0 or 1 where it should be: a large unit must not leak."""
    u = np.linspace(-60, 60, 400_001, dtype=np.float32)[:, None]
    zero = np.zeros((1, 1), np.float32)
    y, slope = activation.silu(u, zero)
    want, rise = activation.silu.twin(np.float64(u), np.float64(zero))
    assert np.abs(y - want).max() < 4e-6 and np.abs(slope - rise).max() < 4e-6
    near = np.abs(u) < 4
    assert np.all(np.abs(y - want)[near] <= 2e-5 * np.abs(want)[near])
    far = np.float32([[-1e30], [1e30], [-100], [100]])
    y, slope = activation.silu(far, zero)
    assert np.array_equal(y, np.maximum(far, 0)) and np.array_equal(slope, far > 0)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("features, width", [(1, 4), (2, 64), (7, 70), (40, 500)])
def test_products_in_panels_are_products_with_the_mask(features, width, dtype, rng):
    """The half that is left out is the half that is zero, and may hold anything."""
    levels = (
        degrees.inputs(features, 3),
        degrees.hidden("hidden", width, features, 3),
        degrees.outputs(features, 2),
    )
    for below, above in itertools.pairwise(levels):
        M, mask = triangular.BlockTriangular(below, above), degrees.mask(below, above)
        assert np.array_equal(M.array, mask)
        W, x, dy = (
            rng.standard_normal(shape).astype(dtype)
            for shape in (M.shape, (6, len(below)), (6, len(above)))
        )
        MW, read = M * W, np.arange(len(above)) >= M.start[:, None]
        assert np.array_equal(MW[read], (mask * W)[read])
        MW[~read] = np.nan  # never read: not even once
        dx, dW = M.product_backward(dy, x, MW)
        for got, want in (
            (M.product(x, MW), x @ (mask * W)),
            (dx, dy @ (mask * W).T),
            (dW, mask * (x.T @ dy)),
        ):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def test_the_panels_leave_out_almost_half():
    level = degrees.hidden("hidden", 512, 64, 0)
    M = triangular.BlockTriangular(level, level)
    assert sum(row * (column - j) for _, j, row, column in M.panels) < 0.6 * M.array.size


@pytest.mark.parametrize("columns", [0, 1, 2])
def test_a_product_of_few_columns_is_a_product(columns, rng):
    x, W = rng.standard_normal((5, columns)), rng.standard_normal((columns, 7))
    np.testing.assert_allclose(dense.product(x, W), x @ W, rtol=1e-15)


X = np.ones((4, 3))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda rng: nn.Linear.init(3, 2, rng=rng).forward(X[:, :1]), "size 3 .* 1"),
        (lambda rng: dense.product(X, np.ones((1, 3))), "size 1 .* 3"),
        (lambda rng: dense.product(X[:1], np.ones((1, 3))), "size 1 .* 3"),
        (lambda rng: dense.product(X[:, :0], np.ones((1, 1))), "size 1 .* 0"),
        (lambda rng: flows.MADE.init(2, (4,), 2, rng=rng).forward(X), r"x: .*\(4, 3\)"),
        (lambda rng: flows.MADE.init(4, (4,), 2, rng=rng).forward(X), r"x: .*\(4, 3\)"),
        (lambda rng: flows.MAFLayer.init(2, (4,), rng=rng).inverse(X), "y: expected 2 columns"),
        *(
            (lambda rng, kind=kind: kind.init(4, (4,), rng=rng).forward(X), "x: expected 4 columns")
            for kind in (flows.AffineCoupling, flows.AdditiveCoupling, flows.SplineCoupling)
        ),
        (lambda rng: flows.AffineCoupling.init(4, (4,), rng=rng).inverse(X), "expected 4 columns"),
        (lambda rng: flows.MAFLayer.init(4, (4,), rng=rng).inverse(X), "y: expected 4 columns"),
    ],
)
def test_a_layer_given_another_shape_says_so(call, message, rng):
    """A product by panels, or of a single column, would not notice."""
    with pytest.raises(ValueError, match=message):
        call(rng)


def test_a_layer_of_no_inputs_gives_its_bias(rng):
    b = rng.standard_normal(3)
    np.testing.assert_array_equal(nn.Linear(np.ones((0, 3)), b).forward(X[:, :0])[0], X * b)


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled, and NumPy broadcasts")
def test_an_argument_of_another_kind_is_refused_in_a_line():
    """A number for an array; what numba says of it takes a page."""
    got = r"got float64 \(4, 3\), 1.0$"
    with pytest.raises(TypeError, match=rf"^bias_relu: expected arrays and numbers .*, {got}"):
        dense.bias_relu(X.copy(), 1.0)


def test_an_exception_of_a_signal_keeps_its_type_inside_a_loop(monkeypatch):
    """numba turns what a signal handler raises into a SystemError, with the cause beside it."""

    def interrupted(*args):
        raise SystemError("returned a result with an exception set") from KeyboardInterrupt()

    monkeypatch.setattr(jit, "build", lambda loop, twin: interrupted)
    loop = jit.kernel(lambda x: x)(lambda x: x)
    with pytest.raises(KeyboardInterrupt):
        loop(np.ones(2))
