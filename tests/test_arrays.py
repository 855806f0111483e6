"""Whatever holds numbers is data: every container gives what a plain NumPy array gives."""

import os
import tempfile
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest

import minigen as mg
from minigen.core import validate
from minigen.core.validate import InvalidInput

X = np.array([[0.5, -1.0], [2.0, 0.25], [1.5, 3.0]])


class Frame:
    """A table as libraries have it: index labels out of order, a `sample` of its own."""

    columns = ("height", "weight")

    def __init__(self, values, order=(2, 0, 1)):
        self.values, self.order = values, list(order)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)

    def __len__(self):
        return len(self.values)

    def __getitem__(self, label):
        return self.values[self.order.index(label)]

    def sample(self, n):
        return self


class Tensor:
    """A tensor with a gradient: NumPy may not look at it until it is detached."""

    dtype = "torch.float32"

    def __init__(self, values, free=False):
        self.values, self.free = values, free

    def __array__(self, dtype=None, copy=None):
        if not self.free:
            raise RuntimeError("can't call numpy() on a tensor that requires grad")
        return np.array(self.values, dtype)

    def detach(self):
        return Tensor(self.values, True)

    def cpu(self):
        return self


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def mapped(x):
    path = os.path.join(tempfile.mkdtemp(), "x.npy")
    np.save(path, x)
    return np.load(path, mmap_mode="r")


WAYS = {
    "list": lambda x: x.tolist(),
    "tuples": lambda x: [tuple(row) for row in x.tolist()],
    "arrays": list,
    "big-endian": lambda x: x.astype(">f8"),
    "big-endian float32": lambda x: x.astype(">f4"),
    "float16": lambda x: x.astype(np.float16),
    "long double": lambda x: x.astype(np.longdouble),
    "Fortran": np.asfortranarray,
    "read-only": read_only,
    "mapped": mapped,
    "strided": lambda x: np.repeat(x, 2, axis=0)[::2],
    "objects": lambda x: x.astype(object),
    "decimals": lambda x: [[Decimal(str(v)) for v in row] for row in x],
    "masked, nowhere": np.ma.masked_array,
    "table": Frame,
    "tensor": Tensor,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_container_is_its_numbers(way):
    flow = mg.flows.real_nvp(2, 2, (8,), rng=np.random.default_rng(0), init_from=WAYS[way](X))
    plain = mg.flows.real_nvp(2, 2, (8,), rng=np.random.default_rng(0), init_from=X)
    assert np.array_equal(flow.log_prob(WAYS[way](X)), plain.log_prob(X))
    run = mg.fit(flow.nll, WAYS[way](X), validation=WAYS[way](X), steps=3, rng=_rng())
    same = mg.fit(plain.nll, X, validation=X, steps=3, rng=_rng())
    assert run.history == same.history


@pytest.mark.parametrize("kind", ["pandas", "polars", "torch"])
def test_tables_and_tensors_of_other_libraries(kind):
    library = pytest.importorskip(kind)
    if kind == "torch":
        ways = [library.tensor(X, requires_grad=True), library.tensor(X).to(library.bfloat16)]
    elif kind == "pandas":
        ways = [library.DataFrame(X, index=[9, 0, 4]), library.DataFrame(X).astype("Float64")]
    else:
        ways = [library.DataFrame(X, schema=["a", "b"])]
    for way in ways:
        assert np.array_equal(validate.array("x", way), X)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_labels_are_positions_of_a_series(kind):
    library = pytest.importorskip(kind)
    y = [2, 0, 1, 2, 0, 1]
    series = library.Series(y, index=[5, 4, 3, 2, 1, 0]) if kind == "pandas" else library.Series(y)
    draw = [
        mg.metric.Balanced(np.eye(6), z, per_class=2).sample(6, rng=_rng()) for z in (y, series)
    ]
    assert all(np.array_equal(a, b) for a, b in zip(*draw, strict=True))


def _rng():
    return np.random.default_rng(1)


def test_booleans_are_zero_and_one():
    hot = np.eye(3, dtype=bool)
    assert np.array_equal(validate.array("x", hot), np.eye(3))
    mixed = np.array([[1.5, True], [2.0, False]], object)  # a table with a column of booleans
    assert np.array_equal(validate.array("x", mixed), [[1.5, 1], [2, 0]])


@pytest.mark.parametrize(
    "value, message",
    [
        (np.ma.masked_array(X, X > 2.5), r"no masked entries, got a masked one at index \(2, 1\)"),
        ([[1.0, "two"]], "dtype <U"),
        (np.array([[1.0, "two"]], object), r"'two' at index \(0, 1\)"),
        (np.array([1.0, None], object), r"a missing value at index \(1,\)"),
        (Frame(np.array([[1.0, "two"]], object)), r"index \(0, 1\), column 'weight'"),
        (["cat", "dog"], r"np.unique\(x, return_inverse=True\)"),
        (np.array(["cat", "dog"], object), r"np.unique\(x, return_inverse=True\)"),
        (X + 1j, "complex128"),
        (np.array(["2020-01-01"], "M8[D]"), "datetime64"),
        ({"a": 1}, "got dict"),
        ({1.0, 2.0}, "got set"),
        ((v for v in X), "got generator"),
        (None, "got NoneType"),
        ([[1.0], [1.0, 2.0]], "ragged rows"),
        ([[1.0, np.nan]], r"finite numbers, got nan at index \(0, 1\)"),
        ([10**400], "numbers that fit"),
        (np.array([("a", 1.0)], [("n", "U1"), ("v", "f8")]), "dtype"),
        (SimpleNamespace(detach=3), "SimpleNamespace"),
    ],
)  # fmt: skip
def test_what_holds_no_numbers_is_refused_by_its_place(value, message):
    with pytest.raises(InvalidInput, match=message):
        validate.array("x", value)


def test_a_number_that_the_type_of_the_model_cannot_hold_is_refused():
    flow = mg.flows.real_nvp(2, 1, (8,), rng=_rng())
    with pytest.raises(InvalidInput, match=r"fit into float32, got 1e\+300 at index \(1, 0\)"):
        flow.log_prob([[0.0, 1.0], [1e300, 0.0]])
    with pytest.raises(InvalidInput, match="fit into float32"):
        mg.fit(flow.nll, [[0.0, 1.0], [1e300, 0.0]], steps=1, rng=_rng())


def test_a_sampler_may_give_lists_and_may_not_give_nan():
    flow = mg.flows.real_nvp(2, 1, (8,), rng=_rng())
    lists = SimpleNamespace(sample=lambda n, rng: rng.standard_normal((n, 2)).tolist())
    assert mg.fit(flow.nll, lists, steps=2, rng=_rng()).steps == 2
    nan = SimpleNamespace(sample=lambda n, rng: np.full((n, 2), np.nan))
    with pytest.raises(InvalidInput, match="finite numbers"):
        mg.fit(flow.nll, nan, steps=2, rng=_rng())
    with pytest.raises(InvalidInput, match="the class Moons"):
        mg.fit(flow.nll, mg.data.TOYS["moons"], steps=2, rng=_rng())


def test_a_date_is_no_number_whatever_stands_beside_it():
    """A polars table of dates and numbers becomes an array of numbers: days since 1970."""

    class Days:
        dtypes = (SimpleNamespace(is_temporal=lambda: False), SimpleNamespace(is_temporal=bool))

        def __array__(self, dtype=None, copy=None):
            return np.array([[1.0, 19723.0]])

    days = Days()
    assert validate.array("x", days).shape == (1, 2)
    days.dtypes[1].is_temporal = lambda: True
    with pytest.raises(TypeError, match=r"x: expected an array of real numbers, got .*dates"):
        validate.array("x", days)
