"""MAF and IAF: one network, two directions, and a sequential pass that is not slow."""

from dataclasses import replace

import numpy as np
import pytest

from minigen.core import tree
from minigen.flows import IAFLayer, MAFLayer
from minigen.flows.sequential import d_passes, incremental
from minigen.nn import Softplus, Tanh

LAYERS = [MAFLayer, IAFLayer]


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


def jacobian(f, x, *context, h=1e-150):
    """dy_i/dx_j of one row, by the complex step."""
    rows = x + 1j * h * np.eye(len(x))
    context = [np.repeat(c[None], len(x), axis=0) for c in context]
    return (f(rows, *context)[0].imag / h).T


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("context", [0, 2])
@pytest.mark.parametrize("D", [1, 2, 3, 8, 21, 70])
def test_the_incremental_pass_equals_the_d_passes(kind, D, context):
    f = layer(kind, D, context, scale=0.4 / np.sqrt(D), hidden=(3 * D + 1, 2 * D + 64))
    y, *c = data(6, D, context)
    for got, want in zip(f.inverse(y, *c)[:2], d_passes(f.made, y, f.solve, *c), strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("hidden", [(9,), (7, 30, 8)])
@pytest.mark.parametrize("activation", ["relu", "tanh", "silu", "softplus"])
def test_the_incremental_pass_for_every_network(kind, hidden, activation):
    f = layer(kind, 7, hidden=hidden, activation=activation, c=3.0)
    (y,) = data(5, 7)
    for got, want in zip(f.inverse(y)[:2], d_passes(f.made, y, f.solve), strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_incremental_pass_where_each_layer_has_its_own_activation(kind):
    f = layer(kind, 5, hidden=(6, 7, 8))
    a, b, c, d = f.made.layers  # each rectified but the last
    B, C = replace(b, rectified=False), replace(c, rectified=False)
    for layers in ((a, B, Tanh(), c, d), (a, B, Softplus(), C, Tanh(), d), (a, B, C, d)):
        g = replace(f, made=replace(f.made, layers=layers))
        (y,) = data(6, 5)
        for got, want in zip(g.inverse(y)[:2], d_passes(g.made, y, g.solve), strict=True):
            np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)


def test_more_rows_than_one_sweep_takes():
    f = layer(MAFLayer, 3, 1)
    y, c = data(2500, 3, 1)
    for got, want in zip(f.inverse(y, c)[:2], d_passes(f.made, y, f.solve, c), strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)
    assert f.inverse(y[:0], c[:0])[0].shape == (0, 3)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("context", [0, 2])
def test_the_jacobian_is_triangular_in_the_order_with_sigma_on_its_diagonal(kind, context):
    """MAF-6, MAF-8, MAF-9 and S-IAF; both directions, exact zeros."""
    f = layer(kind, 6, context, activation="tanh")
    x, *c = data(1, 6, context)
    y, logdet, _ = f.forward(x, *c)
    _, back, _ = f.inverse(y, *c)
    order = f.made.order
    for J, ell in (
        (jacobian(f.forward, x[0], *(a[0] for a in c)), logdet),
        (jacobian(f.inverse, y[0], *(a[0] for a in c)), back),
    ):
        J = J[np.ix_(order, order)]
        assert (np.triu(J, 1) == 0.0).all() and (J[np.tril_indices(6)] != 0.0).all()
        sign, total = np.linalg.slogdet(J)
        assert sign == 1 and abs(total - ell[0]) < 1e-12
        assert abs(np.log(np.diag(J)).sum() - ell[0]) < 1e-12


@pytest.mark.parametrize("kind", LAYERS)
def test_round_trip(kind):
    f = layer(kind, 9, 2, c=1.0, scale=0.3)
    x, c = data(20, 9, 2)
    y, logdet, _ = f.forward(x, c)
    back, ell, _ = f.inverse(y, c)
    np.testing.assert_allclose(back, x, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ell, -logdet, rtol=0, atol=1e-12)


class Dual:
    """The head (-mu/sigma, 1/sigma) on the network of another layer."""

    def __init__(self, made, c):
        self.made, self.c, self.context = made, c, made.context

    def forward(self, x, *context):
        h, cache = self.made.forward(x, *context)
        alpha = self.c * np.tanh(h[..., 1] / self.c)
        return np.stack([-h[..., 0] * np.exp(-alpha), -h[..., 1]], axis=-1), cache


@pytest.mark.parametrize("context", [0, 1])
def test_iaf_with_dual_parameters_is_the_inverse_of_maf(context):
    """S-DUAL: the parallel IAF of (-mu/sigma, 1/sigma) and the parallel MAF are one map, so the
    IAF's sequential inverse is the MAF sampler."""
    maf = layer(MAFLayer, 5, context)
    iaf = IAFLayer(Dual(maf.made, maf.c), maf.c)
    x, *c = data(8, 5, context)
    for got, want in zip(iaf.forward(x, *c)[:2], maf.forward(x, *c)[:2], strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)

    def solve(h, y):
        alpha = maf.c * np.tanh(h[:, 1] / maf.c)
        return iaf.solve(np.stack([-h[:, 0] * np.exp(-alpha), -h[:, 1]], axis=-1), y)

    z = x
    for got, want in zip(incremental(maf.made, z, solve, *c), maf.inverse(z, *c)[:2], strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)


def test_one_layer_is_the_product_of_gaussian_conditionals():
    """MAF-1: log q(z) + log|det dz/dx| = sum_i log N(x_i | mu_i, sigma_i^2)."""
    f = layer(MAFLayer, 4)
    (x,) = data(10, 4)
    z, logdet, _ = f.forward(x)
    h, _ = f.made.forward(x)
    mu, alpha = h[..., 0], f.c * np.tanh(h[..., 1] / f.c)
    conditionals = -0.5 * ((x - mu) / np.exp(alpha)) ** 2 - alpha - 0.5 * np.log(2 * np.pi)
    change = logdet - 0.5 * (z**2).sum(axis=1) - 2 * np.log(2 * np.pi)
    np.testing.assert_allclose(conditionals.sum(axis=1), change, rtol=0, atol=1e-12)


def test_a_linear_maf_is_a_multivariate_normal():
    """No hidden layer and constant sigma: x = (I - A)^{-1} (b + sigma z), a known Gaussian."""
    f = layer(MAFLayer, 3, hidden=None, order="natural")
    f = MAFLayer(type(f.made).init(3, (), 2, rng=rng(4), dtype=np.float64), f.c)
    W, b = rng(5).standard_normal((3, 3, 2)), rng(6).standard_normal((3, 2))
    W[..., 1] = 0
    f = tree.rebuild(f, {"made.layers.0.W": W.reshape(3, 6), "made.layers.0.b": b.ravel()})
    A = np.tril(W[..., 0].T, -1)
    B = np.linalg.inv(np.eye(3) - A)
    S = B @ np.diag(np.exp(2 * f.c * np.tanh(b[:, 1] / f.c))) @ B.T
    (x,) = data(10, 3)
    z, logdet, _ = f.forward(x)
    d = x - B @ b[:, 0]
    want = -0.5 * np.einsum("ni,ij,nj->n", d, np.linalg.inv(S), d) - 0.5 * np.linalg.slogdet(S)[1]
    np.testing.assert_allclose(logdet - 0.5 * (z**2).sum(axis=1), want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_fresh_layer_is_the_identity(kind):
    f = kind.init(5, (16, 16), rng=rng())
    x = rng(1).standard_normal((4, 5)).astype(np.float32)
    y, logdet, _ = f.forward(x)
    assert np.array_equal(y, x) and (logdet == 0).all()


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
