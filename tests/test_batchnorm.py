"""BatchNorm as a flow layer: what a batch leaves as, and what freezing keeps."""

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


def test_the_frozen_layer_is_the_same_map():
    f, x = layer(3), data(20, 3)
    for got, want in zip(f.freeze(x).forward(x)[:2], f.forward(x)[:2], strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)


def test_a_batch_without_spread_stays_finite():
    f = layer(2)
    y, logdet, cache = f.forward(np.ones((1, 2)))
    dx, _ = f.backward(np.ones((1, 2)), np.ones(1), cache)
    assert np.array_equal(y[0], f.t) and np.isfinite(logdet).all() and (dx == 0).all()


def test_the_unfrozen_layer_has_no_inverse():
    with pytest.raises(TypeError, match=r"BatchNorm .* no inverse; call freeze\(x\)"):
        layer(2).inverse(data(4, 2))


@pytest.mark.parametrize("context", [0, 1])
def test_freezing_a_flow_freezes_each_layer_at_what_reaches_it(context):
    x, given = data(40, 2), (rng(6).standard_normal((40, 1)),) * context
    layers = []
    for k in range(3):
        made = MAFLayer.init(2, (5,), rng=rng(k), order=alternating(k), context=context,
                             last_gain=1.0, dtype=np.float64)  # fmt: skip
        layers += [BatchNorm.init(2, dtype=np.float64), made]
    flow = Flow(Chain(tuple(layers)), StandardNormal(2))
    frozen = freeze(flow, x, *given)
    np.testing.assert_allclose(
        frozen.forward(x, *given)[0], flow.forward(x, *given)[0], rtol=0, atol=1e-11
    )
    alone = [frozen.log_prob(x[n : n + 1], *(c[n : n + 1] for c in given))[0] for n in range(40)]
    np.testing.assert_allclose(alone, frozen.log_prob(x, *given), rtol=0, atol=1e-12)
    z, _ = frozen.encode(x, *given)
    np.testing.assert_allclose(frozen.decode(z, *given)[0], x, rtol=0, atol=1e-9)
