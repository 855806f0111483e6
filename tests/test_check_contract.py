"""The check of the contract is checked: each rule, broken, is the one that is reported."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

from minigen import check, diffusion, nn
from minigen.check.contract_check import RULES
from minigen.core.contract import Layer
from minigen.core.tree import param

COUNT = itertools.count(1)


@dataclass(frozen=True, eq=False, repr=False)
class Scale(Layer):
    """y = x * w, right in every way."""

    w: np.ndarray = param()

    def forward(self, x):
        return x * self.w, (x,)

    def backward(self, dy, cache):
        (x,) = cache
        return dy * self.w, {"w": (dy * x).sum(axis=0)}


def scale(forward=None, backward=None, **fields):
    """A Scale with other methods."""
    methods = {"forward": forward, "backward": backward}
    return type("Other", (Scale,), fields | {name: f for name, f in methods.items() if f})


def writes_input(f, x):
    x *= f.w
    return x.copy(), (x / f.w,)


def writes_cotangent(f, dy, cache):
    grads = {"w": (dy * cache[0]).sum(axis=0)}
    dy *= f.w
    return dy.copy(), grads


def writes_parameter(f, x):
    y = x * f.w
    f.w[0] *= 1.0 + 1e-9
    return y, (x,)


def empties_cache(f, dy, cache):
    x = cache.pop() if cache else 0 * dy
    return dy * f.w, {"w": (dy * x).sum(axis=0)}


def on_a_shelf(f, x):
    f.shelf[:] = [x]
    return x * f.w, ()


def numbered(f, x):
    f.calls.append(x)
    return x * f.w, len(f.calls) - 1


def cuts_the_tape(f, dy, cache):
    """A tape of all calls, cut off behind the one that goes backward: right from the last back."""
    grads = Scale.backward(f, dy, (f.calls[cache],))
    del f.calls[cache + 1 :]
    return grads


def forgets_earlier_calls(f, dy, cache):
    f.calls[:cache] = [0 * dy] * cache
    return Scale.backward(f, dy, (f.calls[cache],))


def adds_epsilon(f, dy, cache):
    dx, grads = Scale.backward(f, dy, cache)
    return dx + 1e-8, grads


def refuses_negative_strides(f, x):
    if min(x.strides) < 0:
        raise ValueError("negative strides")
    return x * f.w, (x,)


def borrows_its_input(f, x):
    """Its input is changed, and changed back."""
    x *= 2
    y = x * f.w / 2
    x /= 2
    return y, (x,)


def minus_its_mean(f, dy, cache):
    dx, grads = Scale.backward(f, dy, cache)
    return dx - dy.mean(), grads


@dataclass(eq=False, repr=False)
class Melts(Layer):
    w: np.ndarray = param()
    forward, backward = Scale.forward, Scale.backward


mixes_rows = scale(lambda f, x: (x * f.w - x.mean(), (x,)), minus_its_mean)
shares_cache = scale(on_a_shelf, lambda f, dy, c: Scale.backward(f, dy, f.shelf), shelf=[])
MIXED, OTHERS = "output 0 of a row depends on the other rows", "params.w depends on other calls"
BROKEN = {
    "writes its input": (scale(writes_input), "forward is pure", "forward changes x"),
    "writes a parameter": (scale(writes_parameter), "forward is pure", "forward changes w"),
    "writes its cotangent": (
        scale(None, writes_cotangent), "backward is pure",
        "backward changes the cotangent of output 0",
    ),
    "depends on chance": (
        scale(lambda f, x: (x * f.w * (1 + 1e-12 * next(COUNT)), (x,))), "repeatable",
        "output 0 differs at the second call",
    ),
    "empties its cache": (
        scale(lambda f, x: (x * f.w, [x]), empties_cache), "repeatable",
        "backward changes the cache",
    ),
    "shares a cache": (shares_cache, "two caches", OTHERS),
    "cuts a tape": (scale(numbered, cuts_the_tape, calls=[]), "two caches", "IndexError"),
    "forgets earlier calls": (
        scale(numbered, forgets_earlier_calls, calls=[]), "two caches", OTHERS
    ),
    "clips": (
        scale(None, lambda f, dy, c: Scale.backward(f, dy.clip(-1e3, 1e3), c)), "linear",
        "does not follow cotangents 1e+06 times as large",
    ),
    "loses small cotangents": (
        scale(None, lambda f, dy, c: Scale.backward(f, np.where(abs(dy) < 1e-5, 0, dy), c)),
        "linear", "does not follow cotangents 9.5e-07 times as large",
    ),
    "normalises": (
        scale(None, lambda f, dy, c: Scale.backward(f, dy / np.sqrt((dy * dy).sum() + 1e-30), c)),
        "linear", "is not the sum of two",
    ),
    "adds epsilon": (scale(None, adds_epsilon), "zero", "dx is not 0"),
    "needs contiguous arrays": (
        scale(lambda f, x: (np.frombuffer(x.data).reshape(x.shape) * f.w, (x,))), "layouts",
        "BufferError",
    ),
    "needs positive strides": (scale(refuses_negative_strides), "layouts", "negative strides"),
    "borrows its input": (scale(borrows_its_input), "layouts", "read-only"),
    "reads memory order": (
        scale(lambda f, x: (x.ravel(order="K").reshape(x.shape) * f.w, (x,))), "layouts",
        "output 0 differs for Fortran-ordered arrays",
    ),
    "mixes rows": (mixes_rows, "row by row", MIXED),
    "mixes rows faintly": (
        scale(lambda f, x: (1e-12 * (x * f.w - x.mean()), (x,))), "row by row", MIXED
    ),
    "a loss that is a sum": (
        scale(lambda f, x: ((x * f.w).sum(), (x,)),
              lambda f, dy, c: Scale.backward(f, np.full_like(c[0], dy), c)),
        "row by row", "output 0",
    ),
    "float64": (
        scale(lambda f, x: (x * f.w * np.float64(1), (x,))), "float32", "output 0 is float64"
    ),
    "float16": (
        scale(lambda f, x: ((x * f.w).astype(np.float16), (x,))), "float32", "output 0 is float16"
    ),
    "float64 in the cache": (
        scale(lambda f, x: (x * f.w, (x, np.asarray(x, float))),
              lambda f, dy, c: Scale.backward(f, dy, c[:1])),
        "float32", "cache.1 is float64",
    ),
    "returns its parameter": (
        scale(lambda f, x: (f.w, (x,)), lambda f, dy, c: (0 * c[0], {"w": dy})), "own memory",
        "output 0 shares memory with params.w",
    ),
    "forgets a gradient": (
        scale(None, lambda f, dy, c: (dy * f.w, {})), "form",
        "params.w: expected a gradient, got none",
    ),
    "wrong shape": (
        scale(None, lambda f, dy, c: (Scale.backward(f, dy, c)[0].T, {"w": f.w})), "form",
        "dx: expected shape (4, 3), got (3, 4)",
    ),
    "is not frozen": (Melts, "frozen", "expected @dataclass(frozen=True)"),
}  # fmt: skip


def report_on(layer, rng, **options):
    return check.contract(layer, rng.standard_normal((4, 3)), rng=rng, **options)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_reported(name, rng):
    kind, rule, words = BROKEN[name]
    report = report_on(kind(rng.standard_normal(3)), rng)
    rows = {row.name: row for row in report.failures}
    assert rule in rows, report
    assert words in rows[rule].why


def test_a_shared_cache_is_seen_where_outputs_are_0(rng):
    rows = {row.name for row in report_on(shares_cache(np.zeros(3)), rng).failures}
    assert "two caches" in rows


@pytest.mark.parametrize("length", [1, 2, 6])
def test_given_arrays_of_any_length_do_not_confuse_rows(length, rng):
    class Apart(Scale):
        def forward(self, x, *, table):
            return super().forward(x * table[length - 1])

    class Mixed(mixes_rows):
        def forward(self, x, *, table):
            return super().forward(x * table[length - 1])

    table = np.ones(length)
    assert report_on(Apart(np.ones(3)), rng, given={"table": table})
    report = report_on(Mixed(np.ones(3)), rng, given={"table": table})
    assert [row.name for row in report.failures] == ["row by row"]


def test_nan_in_what_is_given_is_no_change(rng):
    class Fills(Scale):
        def forward(self, x, *, data):
            return super().forward(x + np.nan_to_num(data))[0], (x + np.nan_to_num(data),)

    data = rng.standard_normal((4, 3))
    data[1, 2] = np.nan
    assert report_on(Fills(np.ones(3)), rng, given={"data": data})


@dataclass(frozen=True, eq=False, repr=False)
class Decay(Layer):
    """loss = sum w^2: of parameters alone, without an input or a row."""

    w: np.ndarray = param()

    def forward(self):
        return np.sum(self.w * self.w), None

    def backward(self, dloss, cache):
        return ({"w": 2 * dloss * self.w},)


def test_a_loss_of_parameters_alone_keeps_every_rule(rng):
    report = check.contract(Decay(rng.standard_normal(3)), rng=rng)
    assert report, report


def test_every_rule_has_a_layer_that_breaks_it():
    assert {rule for _, rule, _ in BROKEN.values()} == set(RULES)


def test_right_code_keeps_every_rule():
    for seed in range(100):
        rng = np.random.default_rng(seed)
        report = report_on(Scale(rng.standard_normal(3)), rng)
        assert report, report


def test_a_layer_may_be_excused_from_row_by_row(rng):
    report = report_on(mixes_rows(rng.standard_normal(3)), rng, mixes=True)
    assert report and "row by row" not in {row.name for row in report.rows}


def test_views_may_be_returned(rng):
    """A layer that only reorders hands out a view of its input, and of its cotangent."""

    @dataclass(frozen=True, eq=False, repr=False)
    class Turn(Layer):
        def forward(self, x):
            return x[:, ::-1], ()

        def backward(self, dy, cache):
            return dy[:, ::-1], {}

    assert report_on(Turn(), rng)


def test_the_report_names_each_rule(rng):
    text = str(report_on(nn.Linear.init(3, 2, rng=rng), rng))
    assert text.startswith("contract of Linear: all right")
    assert all(rule.__doc__ and rule.__doc__ in text for rule in RULES.values())


def test_one_time_for_all_rows_belongs_to_each_row(rng):
    net = diffusion.ddpm(2, diffusion.linear_schedule(8), hidden=4, blocks=1, rng=rng).net
    x = rng.standard_normal((3, 2)).astype(np.float32)
    assert check.contract(net, x, given={"t": np.array([2])}, rng=rng)
