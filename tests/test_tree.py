"""Parameters as a tree: what is trained, what is kept, and what changes its type."""

from dataclasses import dataclass

import numpy as np
import pytest

from minigen import nn
from minigen.core import tree
from minigen.core.contract import Layer
from minigen.core.tree import const, exact, param


@dataclass(frozen=True, eq=False, repr=False)
class Mixed(Layer):
    """Arrays trained and kept, of every type, a layer kept whole, and a number."""

    w: np.ndarray = param()
    offset: np.ndarray = const()
    order: np.ndarray = const()
    table: np.ndarray = exact()
    loose: np.ndarray = None
    frozen: Layer = const(default=None)
    inner: Layer = None
    number: float = 2.0


@pytest.fixture
def mixed(rng):
    return Mixed(
        np.ones(3, np.float32), np.ones(2, np.float32), np.arange(3), np.ones(5),
        np.ones(4, np.float32), nn.Linear.init(2, 2, rng=rng), nn.Linear.init(3, 1, rng=rng),
    )  # fmt: skip


def test_the_tree_has_the_trained_arrays_and_nothing_else(mixed):
    params = tree.params(mixed)
    assert params.keys() == {"w", "inner"} and params["inner"].keys() == {"W", "b"}
    assert params["w"] is mixed.w and params["inner"]["W"] is mixed.inner.W


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_kept_arrays_are_cast_to_the_real_part_of_the_type_of_the_trained(mixed, dtype):
    cast, real = tree.astype(mixed, dtype), np.zeros(1, dtype).real.dtype
    types = {path: a.dtype for path, (_, a) in tree.arrays(cast).items()}
    assert types == {
        "w": dtype, "inner.W": dtype, "inner.b": dtype, "frozen.W": dtype, "frozen.b": dtype,
        "offset": real, "loose": real, "order": np.arange(3).dtype, "table": np.float64,
    }  # fmt: skip
    assert cast.dtype == dtype and cast.number == 2.0


def test_pairs_are_of_each_parameter_and_its_gradient():
    params = {"a": np.ones(3), "b": {"c": np.ones((2, 2))}}
    grads = {"b": {"c": 2 * np.ones((2, 2))}, "a": 3 * np.ones(3)}
    found = [(path, p.shape, g.flat[0]) for path, p, g in tree.pairs(params, grads)]
    assert found == [("a", (3,), 3), ("b.c", (2, 2), 2)]


@pytest.mark.parametrize("shape", [(2,), (4,), (3, 1), ()])
def test_a_gradient_of_another_shape_is_refused_by_its_path(shape):
    with pytest.raises(ValueError, match="grads: expected") as caught:
        list(tree.pairs({"b": {"c": np.ones(3)}}, {"b": {"c": np.ones(shape)}}))
    assert str(caught.value) == f"grads: expected shape (3,) at b.c, got {shape}"


def test_all_parameters_become_views_of_one_vector(mixed):
    before = tree.flatten(tree.params(mixed))
    theta = tree.to_vector(mixed)
    got = tree.flatten(tree.params(mixed))
    assert theta.size == 3 + 3 + 1 and theta.dtype == np.float32
    assert all(np.array_equal(got[path], a) for path, a in before.items())
    theta[:] = np.arange(7)
    assert got["w"].tolist() == [0, 1, 2] and got["inner.b"].tolist() == [6]
    assert mixed.frozen.W.base is not theta


def test_a_layer_without_parameters_has_a_vector_of_none():
    theta = tree.to_vector(nn.Tanh())
    assert theta.shape == (0,) and theta.dtype == np.float64


def test_gradients_are_written_into_one_vector_in_the_order_of_the_parameters():
    grads, out = {"b": {"0": np.ones((2, 1)), "1": 2.0}, "a": np.full(2, 3)}, np.zeros(5)
    tree.join(grads, [["a"], ["b", "0"], ["b", "1"]], out)
    assert out.tolist() == [3, 3, 1, 1, 2]


def test_a_perturbed_copy_has_every_parameter_moved_and_nothing_else(mixed, rng):
    moved, before = tree.arrays(tree.perturbed(mixed, rng, 0.1)), tree.arrays(mixed)
    trained = tree.flatten(mixed.params)
    for path, (_, a) in moved.items():
        step = np.abs(a - before[path][1])
        assert a.dtype == (np.int64 if path == "order" else np.float64)
        assert (step > 0).all() and step.max() < 0.5 if path in trained else not step.any()


def test_a_layer_is_shown_by_its_numbers_and_the_shapes_of_its_arrays(mixed):
    assert repr(mixed) == (
        "Mixed(w=(3,), offset=(2,), order=(3,), table=(5,), loose=(4,), "
        "frozen=Linear(W=(2, 2), b=(2,)), inner=Linear(W=(3, 1), b=(1,)), number=2.0)"
    )
