"""The check of the contract is checked: each promise, broken, is the one that is reported."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

from minigen import check, nn
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


class WritesInput(Scale):
    def forward(self, x):
        x *= self.w
        return x.copy(), (x / self.w,)


class WritesCotangent(Scale):
    def backward(self, dy, cache):
        grads = {"w": (dy * cache[0]).sum(axis=0)}
        dy *= self.w
        return dy.copy(), grads


class WritesParameter(Scale):
    def forward(self, x):
        y = x * self.w
        self.w[0] *= 1.0 + 1e-9
        return y, (x,)


class RollsDice(Scale):
    def forward(self, x):
        return x * self.w * (1 + 1e-12 * next(COUNT)), (x,)


class EmptiesCache(Scale):
    def forward(self, x):
        return x * self.w, [x]

    def backward(self, dy, cache):
        x = cache.pop() if cache else 0 * dy
        return dy * self.w, {"w": (dy * x).sum(axis=0)}


class SharesCache(Scale):
    shelf = []  # noqa: RUF012  (the mistake)

    def forward(self, x):
        self.shelf[:] = [x]
        return x * self.w, ()

    def backward(self, dy, cache):
        return super().backward(dy, self.shelf)


class Tape(Scale):
    """A tape of all calls, which a backward cuts off behind its own: right from the last back."""

    tape = []  # noqa: RUF012  (the mistake)

    def forward(self, x):
        self.tape.append(x)
        return x * self.w, len(self.tape) - 1

    def backward(self, dy, cache):
        grads = super().backward(dy, (self.tape[cache],))
        del self.tape[cache + 1 :]
        return grads


class Queue(Scale):
    """Calls in their order: what came before the one that went backward is forgotten."""

    queue = []  # noqa: RUF012  (the mistake)

    def forward(self, x):
        self.queue.append(x)
        return x * self.w, len(self.queue) - 1

    def backward(self, dy, cache):
        self.queue[:cache] = [0 * dy] * cache
        return super().backward(dy, (self.queue[cache],))


class Clips(Scale):
    def backward(self, dy, cache):
        return super().backward(dy.clip(-1e3, 1e3), cache)


class AddsEpsilon(Scale):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx + 1e-8, grads


class Normalises(Scale):
    def backward(self, dy, cache):
        return super().backward(dy / np.sqrt((dy * dy).sum() + 1e-30), cache)


class NeedsContiguous(Scale):
    def forward(self, x):
        return np.frombuffer(x.data).reshape(x.shape) * self.w, (x,)


class ReadsMemoryOrder(Scale):
    def forward(self, x):
        return x.ravel(order="K").reshape(x.shape) * self.w, (x,)


class NeedsPositiveStrides(Scale):
    def forward(self, x):
        if min(x.strides) < 0:
            raise ValueError("negative strides")
        return x * self.w, (x,)


class Borrows(Scale):
    """Its input is changed, and changed back."""

    def forward(self, x):
        x *= 2
        y = x * self.w / 2
        x /= 2
        return y, (x,)


class MixesFaintly(Scale):
    def forward(self, x):
        return 1e-12 * (x * self.w - x.mean()), (x,)


class MixesRows(Scale):
    def forward(self, x):
        return x * self.w - x.mean(), (x,)

    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx - dy.mean(), grads


class SumsRows(Scale):
    """A loss that is a sum, not a mean."""

    def forward(self, x):
        return (x * self.w).sum(), (x,)

    def backward(self, dloss, cache):
        return super().backward(np.full_like(cache[0], dloss), cache)


class Doubles(Scale):
    def forward(self, x):
        return x * self.w * np.float64(1), (x,)


class CachesDouble(Scale):
    def forward(self, x):
        return x * self.w, (x, np.asarray(x, float))

    def backward(self, dy, cache):
        return super().backward(dy, cache[:1])


class Halves(Scale):
    def forward(self, x):
        return (x * self.w).astype(np.float16), (x,)


class OutputIsParameter(Scale):
    def forward(self, x):
        return self.w, (x,)

    def backward(self, dy, cache):
        return 0 * cache[0], {"w": dy}


class ForgetsGradient(Scale):
    def backward(self, dy, cache):
        return dy * self.w, {}


class WrongShape(Scale):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx.T, grads


@dataclass(eq=False, repr=False)
class Melts(Layer):
    w: np.ndarray = param()
    forward, backward = Scale.forward, Scale.backward


BROKEN = {
    WritesInput: ("forward is pure", "forward changes x"),
    WritesCotangent: ("backward is pure", "backward changes the cotangent of output 0"),
    WritesParameter: ("forward is pure", "forward changes w"),
    RollsDice: ("repeatable", "output 0 differs at the second call"),
    EmptiesCache: ("repeatable", "backward changes the cache"),
    SharesCache: ("two caches", "params.w depends on other calls"),
    Tape: ("two caches", "IndexError"),
    Queue: ("two caches", "params.w depends on other calls"),
    Clips: ("linear", "does not follow cotangents 1e+06 times as large"),
    AddsEpsilon: ("zero", "dx is not 0"),
    Normalises: ("linear", "is not the sum of two"),
    NeedsContiguous: ("layouts", "BufferError"),
    NeedsPositiveStrides: ("layouts", "negative strides"),
    Borrows: ("layouts", "read-only"),
    ReadsMemoryOrder: ("layouts", "output 0 differs for Fortran-ordered arrays"),
    MixesRows: ("row by row", "output 0 of a row depends on the other rows"),
    MixesFaintly: ("row by row", "output 0 of a row depends on the other rows"),
    SumsRows: ("row by row", "output 0"),
    Doubles: ("float32", "output 0 is float64"),
    Halves: ("float32", "output 0 is float16"),
    CachesDouble: ("float32", "cache.1 is float64"),
    OutputIsParameter: ("own memory", "output 0 shares memory with params.w"),
    ForgetsGradient: ("form", "params.w: expected a gradient, got none"),
    WrongShape: ("form", "dx: expected shape (4, 3), got (3, 4)"),
    Melts: ("frozen", "expected @dataclass(frozen=True)"),
}


def report_on(layer, rng, **options):
    return check.contract(layer, rng.standard_normal((4, 3)), rng=rng, **options)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_promise_is_reported(kind, rng):
    promise, words = BROKEN[kind]
    report = report_on(kind(rng.standard_normal(3)), rng)
    rows = {row.name: row for row in report.failures}
    assert promise in rows, report
    assert words in rows[promise].why


def test_a_shared_cache_is_seen_where_the_output_is_0_too(rng):
    rows = {row.name for row in report_on(SharesCache(np.zeros(3)), rng).failures}
    assert "two caches" in rows


@pytest.mark.parametrize("length", [1, 2, 6])
def test_rows_are_told_apart_beside_given_arrays_of_any_length(length, rng):
    class Apart(Scale):
        def forward(self, x, *, table):
            return super().forward(x * table[length - 1])

    class Mixed(MixesRows):
        def forward(self, x, *, table):
            return super().forward(x * table[length - 1])

    table = np.ones(length)
    assert report_on(Apart(np.ones(3)), rng, given={"table": table})
    report = report_on(Mixed(np.ones(3)), rng, given={"table": table})
    assert [row.name for row in report.failures] == ["row by row"]


def test_missing_values_among_what_is_given_are_no_change(rng):
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


def test_a_loss_of_parameters_alone_keeps_every_promise(rng):
    report = check.contract(Decay(rng.standard_normal(3)), rng=rng)
    assert report, report


def test_every_promise_has_a_layer_that_breaks_it():
    assert {promise for promise, _ in BROKEN.values()} == set(RULES)


def test_right_code_keeps_every_promise():
    for seed in range(100):
        rng = np.random.default_rng(seed)
        report = report_on(Scale(rng.standard_normal(3)), rng)
        assert report, report


def test_a_layer_may_be_excused_from_row_by_row(rng):
    report = report_on(MixesRows(rng.standard_normal(3)), rng, mixes=True)
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


def test_the_report_names_each_promise(rng):
    text = str(report_on(nn.Linear.init(3, 2, rng=rng), rng))
    assert text.startswith("contract of Linear: all right")
    assert all(promise.__doc__ in text for promise in RULES.values())
