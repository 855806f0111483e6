"""What can be checked: layers of the package, and a student's own classes."""

import re
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from check_layers import Map

from minigen import check, nn
from minigen.check.probe import input_names, random_cotangents
from minigen.core.contract import Layer
from minigen.core.tree import const, param
from minigen.core.validate import InvalidInput


class Affine:
    """A student's layer: no base class, no dataclass, its parameters in a dict."""

    def __init__(self, rng, sign=1.0, dtype=float):
        W = rng.standard_normal((3, 2)).astype(dtype)
        self.params = {"W": W, "b": np.zeros(2, dtype)}
        self.sign = sign

    def forward(self, x):
        return x @ self.params["W"] + self.params["b"], x

    def backward(self, dy, x):
        dW = self.sign * x.T @ dy
        return dy @ self.params["W"].T, {"W": dW, "b": dy.sum(axis=0)}


class Attributes:
    """The same, computing with attributes that `params` lists."""

    def __init__(self, rng, sign=1.0, dtype=float):
        self.W, self.b = rng.standard_normal((3, 2)).astype(dtype), np.zeros(2, dtype)
        self.sign = sign

    @property
    def params(self):
        return {"W": self.W, "b": self.b}

    def forward(self, x):
        return x @ self.W + self.b, x

    backward = Affine.backward


class Network:
    """Layers inside a layer, one of them the package's."""

    def __init__(self, rng, **options):
        self.first, self.second = Affine(rng, **options), nn.Linear.init(2, 4, rng=rng)

    @property
    def params(self):
        return {"first": self.first.params, "second": self.second.params}

    def forward(self, x):
        h, first = self.first.forward(x)
        y, second = self.second.forward(h)
        return y, (first, second)

    def backward(self, dy, cache):
        first, second = cache
        dh, d_second = self.second.backward(dy, second)
        dx, d_first = self.first.backward(dh, first)
        return dx, {"first": d_first, "second": d_second}


class Remembers(Affine):
    """The habit of many courses: what backward needs is kept on the object."""

    def forward(self, x):
        self.x = x
        return super().forward(x)[0], None

    def backward(self, dy, cache):
        return super().backward(dy, self.x)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", [Affine, Attributes, Network])
def test_a_students_own_class_is_checked_in_float64(kind, dtype, rng):
    x = rng.standard_normal((5, 3)).astype(dtype)
    for f in (check.gradients, check.adjoint):
        report = f(kind(rng, dtype=dtype), x, rng=rng)
        assert report and report.note == "reference: complex step"
        wrong = f(kind(rng, sign=-1.0, dtype=dtype), x, rng=rng)
        assert any(row.name.endswith("W") for row in wrong.failures)
    assert check.contract(kind(rng, dtype=np.float32), x, rng=rng)


def test_checks_leave_the_layer_and_its_inputs_alone(rng):
    layer, x = Network(rng), rng.standard_normal((5, 3)).astype(np.float32)
    before = layer.first.params["W"].copy(), layer.second.W.copy(), x.copy()
    for f in (check.gradients, check.adjoint, check.contract):
        f(layer, x, rng=rng)
    for a, b in zip(before, (layer.first.params["W"], layer.second.W, x), strict=True):
        assert a.dtype == b.dtype and np.array_equal(a, b)
    assert layer.second.W.dtype == np.float32


def test_a_stateful_layer_is_told_from_a_wrong_one(rng):
    x = rng.standard_normal((5, 3))
    report = check.gradients(Remembers(rng), x, rng=rng)
    assert [row.name for row in report.failures] == ["params.W"]
    assert report.failures[0].diagnosis.kind == check.Kind.STATEFUL
    assert "two caches" in {row.name for row in check.contract(Remembers(rng), x, rng=rng).failures}


def test_a_layer_without_parameters_needs_no_params(rng):
    square = SimpleNamespace(forward=lambda x: (x * x, x), backward=lambda dy, x: (2 * x * dy, {}))
    assert check.gradients(square, rng.standard_normal((2, 2)), rng=rng)


def test_what_is_given_is_cast_and_not_differentiated(rng):
    @dataclass(frozen=True, eq=False, repr=False)
    class Noisy(Layer):
        table: np.ndarray = const()
        w: np.ndarray = param()

        def forward(self, x, context, *, t, eps):
            return x * self.w + context * self.table[t][:, None] * eps, (x, t, eps)

        def backward(self, dy, cache):
            x, t, eps = cache
            dcontext = dy * self.table[t][:, None] * eps
            return dy * self.w, dcontext, {"w": (dy * x).sum(axis=0)}

    x, context, eps = rng.standard_normal((3, 4, 2)).astype(np.float32)
    layer = Noisy(np.arange(5.0, dtype=np.float32), np.ones(2, np.float32))
    given = {"t": np.array([0, 4, 2, 2]), "eps": eps}
    report = check.gradients(layer, x, context, given=given, rng=rng)
    assert report, report
    assert [row.name for row in report.rows] == ["dx", "dcontext", "params.w"]
    assert check.contract(layer, x, context, given=given, rng=rng)


class OnlyBias(nn.Linear):
    """Of its two arrays only one is trained."""

    params = property(lambda self: {"b": self.b})

    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {"b": grads["b"]}


@dataclass(frozen=True, eq=False, repr=False)
class Around(nn.Linear):
    """A linear map and a student's object after it, whose arrays no field is marked for."""

    inner: object = None

    @property
    def params(self):
        return {"W": self.W, "b": self.b, "inner": self.inner.params}

    def forward(self, x):
        h, cache = super().forward(x)
        y, inner = self.inner.forward(h)
        return y, (cache, inner)

    def backward(self, dy, cache):
        dh, inner = self.inner.backward(dy, cache[1])
        dx, grads = super().backward(dh, cache[0])
        return dx, grads | {"inner": inner}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_params_may_list_more_or_fewer_arrays_than_fields(dtype, rng):
    linear, x = nn.Linear.init(4, 3, rng=rng, dtype=dtype), rng.standard_normal((5, 4))
    fewer = OnlyBias(linear.W, linear.b)
    for layer in (fewer, Around(linear.W, linear.b, Affine(rng, dtype=dtype))):
        assert check.gradients(layer, x, rng=rng) and check.adjoint(layer, x, rng=rng)
    assert check.contract(fewer, x, rng=rng)


def test_inputs_are_named_as_forward_names_them():
    names = [input_names(lambda x, *rest, t: None, n) for n in (1, 2, 3)]
    assert names == [["x"], ["x", "rest"], ["x", "rest0", "rest1"]]


def test_cotangents_have_both_signs_and_sizes_half_to_two(rng):
    (v,) = random_cotangents([np.zeros((100, 100))], rng)
    for side in (v[v > 0], -v[v < 0]):
        assert abs(len(side) - 5000) < 250
        assert 0.5 <= side.min() < 0.51 and 1.99 < side.max() <= 2
        assert abs(side.mean() - 1.25) < 0.03


def arctanh(x):
    if np.any(np.abs(x.real) >= 1):
        raise ValueError("x: expected numbers between -1 and 1")
    return np.arctanh(x)


def test_a_layer_on_the_interval_is_not_probed_outside(rng):
    layer, x = Map(arctanh, lambda x, dy: dy / (1 - x**2)), np.array([[0.9, -0.3], [0.1, -0.95]])
    for f in (check.gradients, check.adjoint, check.contract):
        assert f(layer, x, rng=rng)


def test_each_place_of_a_tied_layer_has_a_gradient(rng):
    f = nn.Linear.init(2, 2, rng=rng, dtype=float)
    assert check.gradients(nn.Sequential((f, nn.Tanh(), f)), rng.standard_normal((3, 2)), rng=rng)


def test_an_empty_parameter_and_a_scalar_one_are_checked(rng):
    @dataclass(frozen=True, eq=False, repr=False)
    class Odd(Layer):
        none: np.ndarray = param()
        s: np.ndarray = param()

        def forward(self, x):
            return x * self.s, x

        def backward(self, dy, x):
            return dy * self.s, {"none": np.zeros((0, 3)), "s": np.asarray((dy * x).sum())}

    layer = Odd(np.zeros((0, 3)), np.array(2.0))
    for f in (check.gradients, check.adjoint):
        assert f(layer, rng.standard_normal((3, 2)), rng=rng)


# what is refused, and how


class Copies(Attributes):
    @property
    def params(self):
        return {"W": self.W.copy(), "b": self.b.copy()}


def identity(params=None, backward=None):
    """y = x, with these parameters and this backward."""
    return SimpleNamespace(forward=lambda x: (x, x), backward=backward, params=params or {})


RNG, X = np.random.default_rng(0), np.ones((2, 3))
AFFINE = Affine(RNG)
THREE, LISTED = (identity(None, f) for f in (lambda dy, x: (dy, dy, {}), lambda dy, x: (dy, [x])))
WITHOUT, GENERATOR = "layer: expected an object with", "rng: expected a numpy.random.Generator"
REFUSED = [
    (check.gradients, identity([1, 2]), X, {}, "params: expected a dict of arrays, got list"),
    (check.gradients, identity({"W": 1.0}), X, {}, "params.W: expected an array, got float"),
    (check.gradients, Copies(RNG), X, {}, "params.W: expected the array the layer computes with"),
    (check.gradients, AFFINE, X, {"rng": 0}, GENERATOR),
    (check.adjoint, AFFINE, X, {"rng": None}, GENERATOR),
    (check.contract, AFFINE, X, {"rng": None}, GENERATOR),
    (check.bijection, AFFINE, X, {"rng": 3}, GENERATOR),
    (check.gradients, AFFINE, X, {"method": "fd"}, "method: expected one of auto"),
    (check.gradients, AFFINE, X, {"entries": 0}, "entries: expected an integer >= 1"),
    (check.gradients, AFFINE, X * np.nan, {}, "x: expected finite numbers, got nan"),
    (check.gradients, AFFINE, X * 1j, {}, "x: expected an array of real numbers"),
    (
        check.gradients,
        THREE,
        X,
        {},
        "backward: expected (dx, grads), got 3 values",
    ),
    (
        check.gradients,
        LISTED,
        X,
        {},
        "grads: expected a dict like params, got list",
    ),
    (check.gradients, 3, X, {}, f"{WITHOUT} forward, got int without forward"),
    (check.gradients, nn.Tanh, X, {}, f"{WITHOUT} forward, got the class Tanh"),
    (check.bijection, nn.Tanh(), X, {}, f"{WITHOUT} forward and inverse, got Tanh without inverse"),
]


@pytest.mark.parametrize("f, layer, x, options, words", REFUSED)
def test_bad_layers_and_arguments_are_refused(f, layer, x, options, words, rng):
    with pytest.raises(InvalidInput, match=f"^{re.escape(words)}"):
        f(layer, x, **{"rng": rng} | options)


def test_an_unknown_option_is_refused_by_name(rng):
    for f in (check.gradients, check.adjoint, check.contract):
        with pytest.raises(TypeError, match=rf"{f.__name__}\(\) has no option 'entrys'"):
            f(AFFINE, X, rng=rng, entrys=3)
