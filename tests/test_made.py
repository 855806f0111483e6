"""MADE: what may be seen is seen, what may not is not, to the last bit."""

import numpy as np
import pytest

from minigen.core import tree
from minigen.flows import degrees, maf
from minigen.flows import made as made_module
from minigen.flows.made import MADE, MaskedLinear
from minigen.nn import ReLU, SiLU, Softplus, Tanh
from minigen.training import fit

ORDERS = ["natural", "reversed", "random"]


def rng(seed=0):
    return np.random.default_rng(seed)


def complex_jacobian(f, x, h=1e-150):
    """d f(x)_i / d x_j, for a vector x, by the complex step."""
    columns = [f(x + 1j * h * e).imag / h for e in np.eye(len(x))]
    return np.stack(columns, axis=-1)


def made(D, order="natural", context=0, hidden=None, seed=0, parts=2, **options):
    """A MADE with every parameter random, masked entries included."""
    r = rng(seed)
    width = D + context + 3
    net = MADE.init(
        D, hidden or (width, width + 1), parts, rng=r, order=order, context=context,
        dtype=np.float64, activation="tanh", **options,
    )  # fmt: skip
    new = {p: r.standard_normal(a.shape) for p, a in tree.flatten(net.params).items()}
    return tree.rebuild(net, new)


def position(net):
    """position[i]: when column i is visited."""
    return np.argsort(net.order)


@pytest.mark.parametrize("context", [0, 2])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("D", range(1, 9))
def test_a_coordinate_depends_on_the_context_and_all_before_it_and_on_nothing_else(
    D, order, context
):
    net = made(D, order, context)
    x, c = rng(1).standard_normal(D), rng(2).standard_normal(context)

    def f(x, c):
        return net.forward(x[None], *((c[None],) if context else ()))[0][0].sum(axis=-1)

    J = complex_jacobian(lambda x: f(x, c), x)
    allowed = position(net)[:, None] > position(net)[None, :]
    assert (J[~allowed] == 0.0).all()
    assert (J[allowed] != 0.0).all()
    if context:
        assert (complex_jacobian(lambda c: f(x, c), c) != 0.0).all()


def test_the_masks_are_those_of_the_paper():
    """Written out for D = 3 and hidden degrees 1 1 2: M1 = [m >= d], M2 = [d > m]."""
    assert degrees.hidden("hidden[0]", 3, 3, 0).tolist() == [1, 1, 2]
    net = MADE.init(3, (3,), 1, rng=rng())
    assert net.linears[0].M.array.astype(int).tolist() == [[1, 1, 1], [0, 0, 1], [0, 0, 0]]
    assert net.linears[1].M.array.astype(int).tolist() == [[0, 1, 1], [0, 1, 1], [0, 0, 1]]


def test_degrees_rise_so_that_every_mask_is_block_triangular():
    for f in made(5, context=2, hidden=(11, 7, 13)).linears:
        rows, columns = (np.diff(f.M.array.astype(int), axis=axis) for axis in (0, 1))
        assert (np.diff(f.below) >= 0).all() and (np.diff(f.above) >= 0).all()
        assert (rows <= 0).all() and (columns >= 0).all()


def test_masked_weights_get_no_gradient():
    net = made(4, context=1)
    x, c = rng(1).standard_normal((6, 4)), rng(2).standard_normal((6, 1))
    h, cache = net.forward(x, c)
    *_, grads = net.backward(rng(3).standard_normal(h.shape), cache)
    for k, f in enumerate(net.linears):
        dW = grads["layers"][str(2 * k)]["W"]
        assert np.array_equal(dW != 0.0, f.M.array)


def test_an_order_given_by_hand_is_followed():
    net = made(4, order=[2, 0, 3, 1])
    assert net.order.tolist() == [2, 0, 3, 1]
    x = rng(1).standard_normal(4)
    J = complex_jacobian(lambda x: net.forward(x[None])[0][0, :, 0], x)
    assert [np.flatnonzero(J[i]).tolist() for i in (2, 0, 3, 1)] == [[], [2], [0, 2], [0, 2, 3]]


@pytest.mark.parametrize("hidden", [(), (9,), (9, 8, 7)])
def test_any_number_of_hidden_layers(hidden):
    net = made(4, "random", hidden=hidden or None)
    if not hidden:
        net = MADE.init(4, (), 2, rng=rng(), dtype=np.float64, last_gain=1.0)
    x = rng(1).standard_normal(4)
    J = complex_jacobian(lambda x: net.forward(x[None])[0][0, :, 0], x)
    assert np.array_equal(J != 0, position(net)[:, None] > position(net)[None, :])


@pytest.mark.parametrize("order", [[0, 1], [0, 1, 1], [1, 2, 3], [[0, 1, 2]], 0, "sideways"])
def test_an_order_that_is_none_is_refused(order):
    with pytest.raises(ValueError, match="order: expected"):
        MADE.init(3, (8,), rng=rng(), order=order)


def test_too_few_hidden_units_are_refused_and_the_loss_is_named():
    with pytest.raises(ValueError, match=r"hidden\[1\]: .* at least 5 .* got 3: coord.* 4 \.\. 5"):
        MADE.init(6, (8, 3), rng=rng())
    with pytest.raises(ValueError, match=r"hidden\[0\]: .* 0 \.\. 5, got 5: coordinates 5 \.\. 5"):
        MADE.init(6, (5,), rng=rng(), context=1)


def test_fresh_weights_vary_as_the_number_of_units_each_column_may_see():
    """gain / n; a column that sees nothing has no weights; biases have the spread asked for."""
    below, above = 1 + np.arange(4), np.repeat(np.arange(5), 3000)  # which see 0 .. 4 units
    M = degrees.mask(below, above)
    for given, gain, spread in (({}, 2, 0), ({"gain": 5.0, "spread": 3.0}, 5, 3)):
        f = MaskedLinear.init(below, above, rng=rng(), **given)
        assert (f.W[~M] == 0).all() and not f.rectified
        for n in 1, 2, 3, 4:
            assert abs(n * f.W[:n, above == n].var() / gain - 1) < 0.1
        assert abs(f.b.std() - spread) < 0.1 and abs(f.b.mean()) < 0.1


@pytest.mark.parametrize("activation, later", [("relu", 1), ("tanh", 0)])
def test_the_last_biases_are_not_spread_and_of_tanh_only_the_first(activation, later):
    first, second, last = MADE.init(5, (2000, 2000), activation=activation, rng=rng()).linears
    spread = 3 / 2 if activation == "tanh" else 1  # steep, of four inputs
    assert abs(first.b.std() - spread) < 0.1 and abs(second.b.std() - later) < 0.1
    assert not last.b.any()


def test_a_masked_layer_is_linear_by_default():
    M, W = degrees.mask(np.array([0, 1]), np.array([0, 1, 1])), rng().standard_normal((2, 3))
    x, b = rng(1).standard_normal((5, 2)), -np.ones(3)
    y = x @ (M * W) + b
    for given, want in ((), y), ((True,), np.maximum(y, 0)):
        f = MaskedLinear(W, b, np.array([0, 1]), np.array([0, 1, 1]), *given)
        np.testing.assert_allclose(f.forward(x)[0], want, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    "name, kind", [("relu", ReLU), ("tanh", Tanh), ("silu", SiLU), ("softplus", Softplus)]
)
def test_every_layer_but_the_last_has_the_activation_that_is_asked_for(name, kind):
    net = MADE.init(3, (4, 5), rng=rng(), activation=name, last_gain=1.0, dtype=np.float64)
    assert [type(f) for f in net.activations] == [kind, kind, type(None)]
    u = x = rng(1).standard_normal((6, 3))
    for f in net.linears:
        last = f is net.linears[-1]
        u = u @ (f.M.array * f.W) + f.b
        u = u if last else kind().forward(u)[0]
    np.testing.assert_allclose(net.forward(x)[0], u.reshape(6, 3, 2), rtol=0, atol=1e-13)


def test_a_MADE_has_two_parameters_a_coordinate_by_default():
    net = MADE.init(3, (4,), rng=rng())
    assert MADE(net.layers, net.order).parts == net.parts == 2


def test_a_made_of_many_columns_starts_smooth_and_learns_less_noise(monkeypatch):
    """400 rows of N(0, I), D = 32: on other rows the loss is above the entropy by half as much."""

    def lost(seed):
        r = rng(seed)
        rows, new = (r.standard_normal((n, 32), dtype=np.float32) for n in (400, 4000))
        flow = maf(32, 2, (64, 64), rng=r)
        fit(flow.nll, rows, steps=150, batch=128, lr=3e-3, rng=r, progress=False)
        return flow.nll.forward(new)[0] - 16 * np.log(2 * np.pi * np.e)

    smooth = lost(0)
    start = made_module.start
    monkeypatch.setattr(made_module, "start", lambda *given, columns, **more: start(*given, **more))
    assert smooth < 0.7 * lost(0)
