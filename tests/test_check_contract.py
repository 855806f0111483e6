"""The check of the contract is checked: each rule, broken, is the one that is reported."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from check_layers import Map

from minigen import check, diffusion, nn
from minigen.check.contract_rules import RULES
from minigen.core.contract import Layer
from minigen.core.tree import param


@dataclass(frozen=True, eq=False, repr=False)
class Scale(Layer):
    """y = x * w, right in every way."""

    w: np.ndarray = param()

    def forward(self, x):
        return x * self.w, (x,)

    def backward(self, dy, cache):
        (x,) = cache
        return dy * self.w, {"w": (dy * x).sum(axis=0)}


FORWARD = "return x * self.w, (x,)"
BACKWARD = 'return dy * self.w, {"w": (dy * cache[0]).sum(axis=0)}'


def scale(forward=FORWARD, backward=BACKWARD, **fields):
    """A Scale whose methods have other lines."""
    space = {"np": np, "Scale": Scale, "count": itertools.count(1)}
    code = f"def forward(self, x):\n    {forward}\ndef backward(self, dy, cache):\n    {backward}"
    exec(code, space)
    return type("Other", (Scale,), fields | {name: space[name] for name in ("forward", "backward")})


def backward_of(dy="dy", cache="cache"):
    """Scale's backward, of another cotangent or cache."""
    return f"return Scale.backward(self, {dy}, {cache})"


@dataclass(eq=False, repr=False)
class Melts(Layer):
    w: np.ndarray = param()
    forward, backward = Scale.forward, Scale.backward


NUMBERED = "self.calls.append(x); return x * self.w, len(self.calls) - 1"
MIXES = "return x * self.w - x.mean(), (x,)"
mixes_rows = scale(MIXES, BACKWARD.replace("dy * self.w,", "dy * self.w - dy.mean(),"))
shares_cache = scale(
    "self.shelf[:] = [x]; return x * self.w, ()", backward_of(cache="self.shelf"), shelf=[]
)
MIXED, OTHERS = "output 0 of a row depends on the other rows", "params.w depends on other calls"
BROKEN = {
    "writes its input": (
        scale("x *= self.w; return x.copy(), (x / self.w,)"), "forward is pure",
        "forward changes x",
    ),
    "writes a parameter": (
        scale("y = x * self.w; self.w[0] *= 1.0 + 1e-9; return y, (x,)"), "forward is pure",
        "forward changes w",
    ),
    "writes its cotangent": (
        scale(backward='dw = (dy * cache[0]).sum(axis=0); dy *= self.w; return +dy, {"w": dw}'),
        "backward is pure", "backward changes the cotangent of output 0",
    ),
    "depends on chance": (
        scale("return x * self.w * (1 + 1e-12 * next(count)), (x,)"), "repeatable",
        "output 0 differs at the second call",
    ),
    "empties its cache": (
        scale("return x * self.w, [x]", backward_of(cache="(cache.pop() if cache else 0 * dy,)")),
        "repeatable", "backward changes the cache",
    ),
    "shares a cache": (shares_cache, "two caches", OTHERS),
    # what is behind the call that goes backward is cut off: right from the last call back
    "cuts a tape": (
        scale(NUMBERED, "del self.calls[cache + 1 :]; " + backward_of(cache="(self.calls[cache],)"),
              calls=[]),
        "two caches", "IndexError",
    ),
    "forgets earlier calls": (
        scale(NUMBERED, "self.calls[:cache] = [0 * dy] * cache; "
              + backward_of(cache="(self.calls[cache],)"), calls=[]),
        "two caches", OTHERS,
    ),
    "clips": (
        scale(backward=backward_of("dy.clip(-1e3, 1e3)")), "linear",
        "is not 1e+06 times as large when the cotangents are",
    ),
    "loses small cotangents": (
        scale(backward=backward_of("np.where(abs(dy) < 1e-5, 0, dy)")), "linear",
        "is not 9.5e-07 times as large when the cotangents are",
    ),
    "normalises": (
        scale(backward=backward_of("dy / np.sqrt((dy * dy).sum() + 1e-30)")), "linear",
        "dx for v + u is not dx for v plus dx for u",
    ),
    "adds epsilon": (
        scale(backward=BACKWARD.replace("dy * self.w,", "dy * self.w + 1e-8,")), "zero",
        "dx is not 0",
    ),
    "needs contiguous arrays": (
        scale("return np.frombuffer(x.data).reshape(x.shape) * self.w, (x,)"), "layouts",
        "BufferError",
    ),
    "needs positive strides": (
        scale("if min(x.strides) < 0: raise ValueError('negative strides')\n    " + FORWARD),
        "layouts", "negative strides",
    ),
    "borrows its input": (
        scale("x *= 2; y = x * self.w / 2; x /= 2; return y, (x,)"), "layouts", "read-only"
    ),
    "reads memory order": (
        scale("return x.ravel(order='K').reshape(x.shape) * self.w, (x,)"), "layouts",
        "output 0 differs for Fortran-ordered arrays",
    ),
    "mixes rows": (mixes_rows, "row by row", MIXED),
    "mixes rows faintly": (
        scale(MIXES.replace("x * self.w - x.mean()", "1e-12 * (x * self.w - x.mean())")),
        "row by row", MIXED,
    ),
    "a loss that is a sum": (
        scale("return (x * self.w).sum(), (x,)", backward_of("np.full_like(cache[0], dy)")),
        "row by row", "output 0",
    ),
    "float64": (
        scale("return x * self.w * np.float64(1), (x,)"), "float32", "output 0 is float64"
    ),
    "float16": (
        scale("return (x * self.w).astype(np.float16), (x,)"), "float32", "output 0 is float16"
    ),
    "float64 in the cache": (
        scale("return x * self.w, (x, np.asarray(x, float))"), "float32", "cache.1 is float64"
    ),
    "returns its parameter": (
        scale("return self.w, (x,)", 'return 0 * cache[0], {"w": dy}'), "own memory",
        "output 0 shares memory with params.w",
    ),
    "forgets a gradient": (
        scale(backward="return dy * self.w, {}"), "form", "params.w: expected a gradient, got none"
    ),
    "wrong shape": (
        scale(backward=BACKWARD.replace("dy * self.w,", "(dy * self.w).T,")), "form",
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
    def tabled(kind):
        def forward(self, x, *, table):
            return kind.forward(self, x * table[length - 1])

        return type("Tabled", (kind,), {"forward": forward})(np.ones(3))

    given = {"table": np.ones(length)}
    assert report_on(tabled(Scale), rng, given=given)
    report = report_on(tabled(mixes_rows), rng, given=given)
    assert [row.name for row in report.failures] == ["row by row"]


def test_nan_in_what_is_given_is_no_change(rng):
    class Fills(Scale):
        def forward(self, x, *, data):
            return super().forward(x + np.nan_to_num(data))

    data = np.where(rng.random((4, 3)) < 0.5, np.nan, 1.0)
    assert report_on(Fills(np.ones(3)), rng, given={"data": data})


def test_every_rule_has_a_layer_that_breaks_it():
    assert {rule for _, rule, _ in BROKEN.values()} == {f.__name__.replace("_", " ") for f in RULES}


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
    assert report_on(Map(lambda x: x[:, ::-1], lambda x, dy: dy[:, ::-1]), rng)


def test_the_report_names_each_rule(rng):
    text = str(report_on(nn.Linear.init(3, 2, rng=rng), rng))
    assert text.startswith("contract of Linear: all right")
    assert all(rule.__doc__ and rule.__doc__ in text for rule in RULES)


def test_one_time_for_all_rows_belongs_to_each_row(rng):
    net = diffusion.ddpm(2, diffusion.linear_schedule(8), hidden=4, blocks=1, rng=rng).reverse.net
    x = rng.standard_normal((3, 2)).astype(np.float32)
    assert check.contract(net, x, given={"t": np.array([2])}, rng=rng)
