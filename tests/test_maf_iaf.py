"""The sequential pass of autoregressive layers: right for every network, and not slow."""

from dataclasses import replace

import numpy as np
import pytest

from minigen.core import tree
from minigen.flows import IAFLayer, MAFLayer, SplineMAFLayer
from minigen.flows.sequential import d_passes, incremental, jacobi
from minigen.nn import Softplus, Tanh

LAYERS = [MAFLayer, IAFLayer, SplineMAFLayer]


def rng(seed=0):
    return np.random.default_rng(seed)


def layer(kind, D, context=0, seed=0, scale=0.4, hidden=None, order="random", **options):
    r = rng(seed)
    hidden = hidden or (D + 5, D + 4)
    f = kind.init(D, hidden, rng=r, order=order, context=context, dtype=np.float64, **options)
    new = {p: scale * r.standard_normal(a.shape) for p, a in tree.flatten(f.params).items()}
    return tree.rebuild(f, new)


def data(N, D, context=0):
    x, c = rng(1).standard_normal((N, D)), rng(2).standard_normal((N, context))
    return (x, c) if context else (x,)


def as_defined(f, y, *context):
    """The inverse of a layer equals the D passes of its definition."""
    got, want = f.inverse(y, *context)[:2], d_passes(f.made, y, f.solve, *context)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("context", [0, 2])
@pytest.mark.parametrize("D", [1, 2, 3, 8, 21, 70])
def test_the_incremental_pass_equals_the_d_passes(kind, D, context):
    f = layer(kind, D, context, scale=0.4 / np.sqrt(D), hidden=(3 * D + 1, 2 * D + 64))
    as_defined(f, *data(6, D, context))


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("hidden", [(9,), (7, 30, 8)])
@pytest.mark.parametrize("activation", ["relu", "tanh", "silu", "softplus"])
def test_the_incremental_pass_for_every_network(kind, hidden, activation):
    f = layer(kind, 7, hidden=hidden, activation=activation, c=3.0)
    as_defined(f, *data(5, 7))


@pytest.mark.parametrize("kind", LAYERS)
def test_the_incremental_pass_where_each_layer_has_its_own_activation(kind):
    f = layer(kind, 5, hidden=(6, 7, 8))
    a, b, c, d = f.made.layers  # each rectified but the last
    B, C = replace(b, rectified=False), replace(c, rectified=False)
    for layers in ((a, B, Tanh(), c, d), (a, B, Softplus(), C, Tanh(), d), (a, B, C, d)):
        g = replace(f, made=replace(f.made, layers=layers))
        as_defined(g, *data(6, 5))


def test_more_rows_than_one_sweep_takes():
    f = layer(MAFLayer, 3, 1)
    y, c = data(2500, 3, 1)
    as_defined(f, y, c)
    assert f.inverse(y[:0], c[:0])[0].shape == (0, 3)


@pytest.mark.parametrize("kind", LAYERS)
def test_not_a_number_in_the_sequential_pass_is_an_error_that_says_where(kind):
    f = layer(kind, 4, order=[3, 0, 1, 2])
    (y,) = data(5, 4)
    y[2, 0] = np.nan
    with pytest.raises(ValueError, match=r"got nan in row 2, column 0 \(number 2 of the order\)"):
        f.inverse(y)
    big = tree.rebuild(f, {"made.layers.0.W": f.made.layers[0].W * 1e308})
    with pytest.raises(ValueError, match="sequential pass: expected finite numbers"):
        big.inverse(data(5, 4)[0])


class Counting(Tanh):
    """tanh, and how many numbers went through it."""

    seen = 0

    def forward(self, x):
        Counting.seen += x.size
        return super().forward(x)


def evaluations(made, run, *args):
    """How often each hidden unit is computed in run(made, *args), on average."""
    layers = tuple(Counting() if isinstance(f, Tanh) else f for f in made.layers)
    Counting.seen = 0
    run(replace(made, layers=layers), *args)
    units = sum(f.W.shape[1] for f in made.linears[:-1])
    return Counting.seen / (units * len(args[0]))


def test_each_hidden_unit_is_computed_once_where_the_definition_takes_d_passes():
    """MAF-10, MAF-11 and what lies between."""
    f = layer(MAFLayer, 20, hidden=(50, 41), activation="tanh")
    (z,) = data(3, 20)
    assert evaluations(f.made, lambda made, x: made.forward(x), z) == 1
    assert evaluations(f.made, d_passes, z, f.solve) == 20
    assert evaluations(f.made, incremental, z, f.solve) == 1


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("context", [0, 2])
@pytest.mark.parametrize("D", [1, 3, 21])
def test_jacobi_iteration_is_exact_after_at_most_d_evaluations(kind, context, D):
    """The Jacobian of a step is strictly triangular: its D-th power is zero (MAF-10)."""
    f = layer(kind, D, context, scale=1.0)
    y, *c = data(4, D, context)
    x, logdet, evaluations = jacobi(f.made, y, f.solve, *c)
    exact, exact_logdet = d_passes(f.made, y, f.solve, *c)
    assert evaluations <= D + 1  # the last one finds that nothing moves
    np.testing.assert_allclose(x, exact, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(logdet, exact_logdet, rtol=1e-12, atol=1e-12)


def test_a_jacobi_iteration_makes_one_more_coordinate_of_the_order_final():
    f = layer(MAFLayer, 6, activation="tanh")
    (z,) = data(5, 6)
    exact, x = d_passes(f.made, z, f.solve)[0], np.zeros_like(z)
    for p in range(6):
        h, _ = f.made.forward(x)
        x = f.solve(h.reshape(30, 2), z.reshape(30))[0].reshape(5, 6)
        known, later = f.made.order[: p + 1], f.made.order[p + 1 :]
        np.testing.assert_allclose(x[:, known], exact[:, known], rtol=1e-12)
        assert np.all(np.abs(x - exact)[:, later].max(axis=0) > 1e-9)


def test_a_tolerance_ends_jacobi_iteration_early():
    f = layer(MAFLayer, 30, scale=0.3)
    (z,) = data(5, 30)
    x, _, evaluations = jacobi(f.made, z, f.solve, tolerance=1e-6)
    assert evaluations < 20
    np.testing.assert_allclose(x, f.inverse(z)[0], rtol=1e-4, atol=1e-4)


def test_the_gradient_of_the_sequential_direction_takes_one_evaluation_each_way():
    f = layer(MAFLayer, 20, hidden=(50, 41), activation="tanh")
    (z,) = data(3, 20)
    x, logdet, cache = f.inverse(z)

    def backward(made, z):
        replace(f, made=made).inverse_backward(x, logdet, cache)

    assert evaluations(f.made, backward, z) == 1
