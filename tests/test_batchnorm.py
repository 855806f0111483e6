"""BatchNorm as a flow layer: its gradient goes through the statistics, and freezing keeps them."""

import numpy as np
import pytest

from minigen.core import tree
from minigen.flows import BatchNorm, Chain, Flow, MAFLayer, freeze
from minigen.flows.models import alternating
from minigen.prob import StandardNormal


def rng(seed=0):
    return np.random.default_rng(seed)


def layer(D):
    f = BatchNorm.init(D, dtype=np.float64)
    return tree.rebuild(f, {"s": rng(1).standard_normal(D), "t": rng(2).standard_normal(D)})


def data(N, D):
    return 3 * rng(3).standard_normal((N, D)) * np.arange(1, D + 1) + 7


def test_a_batch_leaves_with_mean_t_and_standard_deviation_exp_s():
    f, x = layer(4), data(50, 4)
    y, _, _ = f.forward(x)
    np.testing.assert_allclose(y.mean(axis=0), f.t, rtol=0, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=0), np.exp(f.s), rtol=1e-5)  # eps


def test_the_gradient_goes_through_the_statistics():
    """By complex step, each row of the batch moved in turn; with v held it would be another."""
    f, x = layer(3), data(6, 3)
    dy, dlogdet = rng(4).standard_normal((6, 3)), rng(5).standard_normal(6)
    y, logdet, cache = f.forward(x)
    dx, _ = f.backward(dy, dlogdet, cache)
    want = np.empty_like(x)
    for where in np.ndindex(x.shape):
        z = x.astype(complex)
        z[where] += 1e-150j
        y, logdet, _ = f.forward(z)
        want[where] = ((dy * y).sum() + (dlogdet * logdet).sum()).imag / 1e-150
    np.testing.assert_allclose(dx, want, rtol=1e-11, atol=1e-14)
    held = dy * np.exp(f.s) / np.sqrt(x.var(axis=0) + f.eps)
    assert np.abs(dx - held).max() > 0.1 * np.abs(held).max()


def test_moving_or_scaling_the_batch_changes_nothing_so_its_gradient_vanishes():
    """y is invariant under x -> a x + b per column (eps = 0): sum_n dx = 0, sum_n dx x = -G."""
    f = BatchNorm.init(3, dtype=np.float64, eps=0.0)
    x = data(8, 3)
    dlogdet = rng(5).standard_normal(8)
    _, _, cache = f.forward(x)
    dx, _ = f.backward(rng(4).standard_normal((8, 3)), dlogdet, cache)
    np.testing.assert_allclose(dx.sum(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose((dx * x).sum(axis=0), -dlogdet.sum(), rtol=1e-11)


def test_the_frozen_layer_is_the_same_map_and_its_logdet_the_jacobian():
    f, x = layer(3), data(20, 3)
    y, logdet, _ = f.forward(x)
    affine = f.freeze(x)
    got, ell, _ = affine.forward(x)
    np.testing.assert_allclose(got, y, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ell, logdet, rtol=0, atol=1e-12)
    step = affine.forward(x[:1] + np.eye(3))[0] - affine.forward(x[:1] + np.zeros((3, 3)))[0]
    assert abs(np.linalg.slogdet(step)[1] - ell[0]) < 1e-12
    np.testing.assert_allclose(affine.inverse(y)[0], x, rtol=0, atol=1e-11)


def test_a_batch_without_spread_stays_finite():
    f = layer(2)
    y, logdet, cache = f.forward(np.ones((1, 2)))
    dx, _ = f.backward(np.ones((1, 2)), np.ones(1), cache)
    assert np.array_equal(y[0], f.t) and np.isfinite(logdet).all() and (dx == 0).all()


def test_the_unfrozen_layer_has_no_inverse():
    with pytest.raises(TypeError, match=r"BatchNorm .* no inverse; call freeze\(x\)"):
        layer(2).inverse(data(4, 2))


def test_its_eps_is_by_default_far_below_any_spread():
    f = BatchNorm(np.zeros(1), np.zeros(1))
    assert f.eps == BatchNorm.init(1).eps
    x = np.array([[0.1], [-0.1]])
    np.testing.assert_allclose(f.forward(x)[0], [[1], [-1]], rtol=1e-3)


def test_freezing_a_flow_of_a_context_hands_it_to_the_layers_that_ask():
    x, c = data(30, 2), rng(6).standard_normal((30, 1))
    made = MAFLayer.init(2, (5,), rng=rng(), context=1, last_gain=1.0, dtype=np.float64)
    layers = (made, BatchNorm.init(2, dtype=np.float64), made, BatchNorm.init(2, dtype=np.float64))
    flow = Flow(Chain(layers), StandardNormal(2))
    frozen = freeze(flow, x, c)
    np.testing.assert_allclose(frozen.forward(x, c)[0], flow.forward(x, c)[0], rtol=0, atol=1e-11)


def test_freezing_a_flow_freezes_each_layer_at_what_reaches_it():
    x = data(40, 2)
    layers = []
    for k in range(3):
        made = MAFLayer.init(2, (5,), rng=rng(k), order=alternating(k), last_gain=1.0,
                             dtype=np.float64)  # fmt: skip
        layers += [BatchNorm.init(2, dtype=np.float64), made]
    flow = Flow(Chain(tuple(layers)), StandardNormal(2))
    frozen = freeze(flow, x)
    np.testing.assert_allclose(frozen.forward(x)[0], flow.forward(x)[0], rtol=0, atol=1e-11)
    alone = np.concatenate([frozen.log_prob(x[n : n + 1]) for n in range(40)])
    np.testing.assert_allclose(alone, frozen.log_prob(x), rtol=0, atol=1e-12)
    z, _ = frozen.encode(x)
    np.testing.assert_allclose(frozen.decode(z)[0], x, rtol=0, atol=1e-9)
