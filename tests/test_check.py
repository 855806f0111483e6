"""The gradient check is checked: planted mistakes are caught and named, right code passes."""

import inspect
import textwrap
from dataclasses import dataclass

import numpy as np
import pytest

from minigen import check
from minigen.check import Kind
from minigen.core.contract import Layer
from minigen.core.tree import const, param

SCALES = (1.0, 1e-3, 1e-6)


@dataclass(frozen=True, eq=False, repr=False)
class Bend(Layer):
    """A coupling with a masked network, its two outputs times `scale`.

    h = tanh(a (W * M) + c),  s = h * g,  t = h U
    y = (a, b * exp(s) + t),  logdet = sum_j s_j
    """

    W: np.ndarray = param()
    c: np.ndarray = param()
    g: np.ndarray = param()
    U: np.ndarray = param()
    M: np.ndarray = const()
    scale: float = 1.0

    @classmethod
    def init(cls, rng, scale=1.0):
        shapes = ((2, 2), (2,), (2,), (2, 2))
        return cls(*map(rng.standard_normal, shapes), np.array([[1.0, 0], [1, 1]]), scale)

    def forward(self, x):
        a, b = x[:, :2], x[:, 2:]
        h = np.tanh(a @ (self.W * self.M) + self.c)
        s = h * self.g
        e = np.exp(s)
        y = np.concatenate([a, b * e + h @ self.U], axis=1)
        return y * self.scale, s.sum(axis=1) * self.scale, (a, b, h, s, e)

    def backward(self, dy, dlogdet, cache):
        a, b, h, s, e = cache  # noqa: RUF059  (a mistake uses s)
        dy, dlogdet = dy * self.scale, dlogdet * self.scale
        da, dt = dy[:, :2], dy[:, 2:]
        db = dt * e
        ds = dt * b * e + dlogdet[:, None]
        dh = ds * self.g + dt @ self.U.T
        dr = dh * (1 - h * h)
        dx = np.concatenate([da + dr @ (self.W * self.M).T, db], axis=1)
        dW, dc, dg, dU = (a.T @ dr) * self.M, dr.sum(axis=0), (ds * h).sum(axis=0), h.T @ dt
        return dx, {"W": dW, "c": dc, "g": dg, "U": dU}


# a line of backward, what a mistake makes of it, and the diagnosis it must get
MISTAKES = {
    "sign": ("(a.T @ dr)", "-(a.T @ dr)", Kind.SIGN),
    "sign of all": ("dy, dlogdet = dy", "dy, dlogdet = -dy", None),
    "log-det forgotten": (" + dlogdet[:, None]", "", Kind.MISSING_TERM),
    "log-det subtracted": ("+ dlogdet", "- dlogdet", Kind.TERM_SIGN),
    "log-det twice": ("+ dlogdet[", "+ 2 * dlogdet[", Kind.TERM_TWICE),
    "log-det's cotangent 1": ("+ dlogdet[:, None]", "+ self.scale", Kind.COTANGENT),
    "dy forgotten": ("dU = (a.T", "dU = 0 * (a.T", Kind.ZERO),
    "cotangent 1": ("h.T @ dt", "h.T @ np.full_like(dt, self.scale)", Kind.COTANGENT),
    "sign of the cotangent": ("h.T @ dt", "h.T @ (np.sign(dt) * self.scale)", Kind.NOT_LINEAR),
    "transpose": ("h.T @ dt", "(h.T @ dt).T", Kind.TRANSPOSE),
    "wrong matrix": ("dt @ self.U.T", "dt @ self.U", None),
    "mask forgotten": ("(a.T @ dr) * self.M", "a.T @ dr", Kind.MASK),
    "mask turned": ("* self.M, dr", "* self.M.T, dr", None),
    "path through the net": ("da + dr @ (self.W * self.M).T", "da", Kind.PLACE),
    "identity path": ("[da + dr", "[dr", Kind.PLACE),
    "path through t": (" + dt @ self.U.T", "", None),
    "path through s": ("ds * self.g + dt", "dt", None),
    "mean for sum": ("dr.sum(axis=0)", "dr.mean(axis=0)", Kind.BATCH),
    "sum for mean": ("(ds * h)", "(len(ds) * ds * h)", Kind.BATCH),
    "not summed": ("dr.sum(axis=0)", "dr", Kind.SHAPE),
    "last row only": ("dr.sum(axis=0)", "dr[-1]", None),
    "an axis kept": ("dr.sum(axis=0)", "dr.sum(axis=0, keepdims=True)", Kind.SHAPE),
    "accumulated twice": ("(ds * h).sum(axis=0)", "2 * (ds * h).sum(axis=0)", Kind.DOUBLE),
    "half": ("h.T @ dt", "h.T @ dt / 2", Kind.HALF),
    "a factor": ("h.T @ dt", "h.T @ dt * 1.7", Kind.FACTOR),
    "a column off": ("h.T @ dt", "h.T @ dt * [1, 1.01]", Kind.FACTOR),
    "one entry off": ("h.T @ dt", "h.T @ dt * [[1, 1], [1, 1 + 5e-5]]", None),
    "tanh'": ("(1 - h * h)", "(1 - h)", None),
    "a constant of tanh'": ("(1 - h * h)", "(1 - 1.0004 * h * h)", None),
    "exp(-s)": ("db = dt * e", "db = dt / e", Kind.PLACE),
    "1e-8 in the exponential": ("dt * e", "dt * np.exp(s + 1e-8)", Kind.ROUNDING),
    "float32 in the middle": ("dt * e", "dt * np.float32(e).astype(float)", Kind.ROUNDING),
    "differences": ("dt * e", "dt * e * (1 + 1e-10 * np.sin(1e3 * s))", Kind.ROUNDING),
    "float32 at the end": ("return dx", "return np.float32(dx)", Kind.DTYPE),
    "clipped": (
        "dW, dc", "dr = dr.clip(-0.1 * self.scale, 0.1 * self.scale); dW, dc", Kind.NOT_LINEAR
    ),
    "clipped at the end": ("h.T @ dt", "(h.T @ dt).clip(-self.scale, self.scale)", None),
    "size of the cotangent": ("dt = dy[:, :2], dy", "dt = dy[:, :2], abs(dy)", Kind.COTANGENT),
    "a gradient missing": ('"g": dg, ', "", Kind.MISSING),
    "a gradient too many": ('"g": dg, ', '"g": dg, "M": dW, ', Kind.EXTRA),
    "not a number": ("h.T @ dt", "h.T @ dt * [1, np.nan]", Kind.NOT_FINITE),
    "halves mixed up": (
        "da + dr @ (self.W * self.M).T, db", "db, da + dr @ (self.W * self.M).T", Kind.PERMUTED
    ),
}  # fmt: skip


def planted(old, new):
    """The class with one line of its backward changed."""
    source = textwrap.dedent(inspect.getsource(Bend.backward))
    assert source.count(old) >= 1, old
    space = {"np": np}
    exec(source.replace(old, new), space)
    return type("Planted", (Bend,), {"backward": space["backward"]})


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_caught_and_named(mistake, scale):
    old, new, kind = MISTAKES[mistake]
    for seed in range(3):
        rng = np.random.default_rng(seed)
        layer = planted(old, new).init(rng, scale)
        report = check.gradients(layer, rng.standard_normal((3, 4)), rng=rng)
        kinds = {row.diagnosis.kind for row in report.failures if row.diagnosis}
        assert not report and (kind is None or kind in kinds), report


def test_right_code_passes_at_every_scale_over_many_seeds():
    for seed in range(250):
        for scale in SCALES:
            rng = np.random.default_rng(seed)
            n = int(rng.integers(1, 6))
            report = check.gradients(Bend.init(rng, scale), rng.standard_normal((n, 4)), rng=rng)
            assert report, report


def test_the_report_says_where_and_why(rng):
    layer = planted("h.T @ dt", "-(h.T @ dt)").init(rng)
    report = check.gradients(layer, rng.standard_normal((3, 4)), rng=rng)
    text = str(report).splitlines()
    assert text[0] == "gradients of Planted: 1 of 5 not right"
    assert [row.name for row in report.failures] == ["params.U"]
    assert text[-2].startswith("params.U[") and ": yours " in text[-2]
    assert text[-1] == "  the sign: minus yours is right"
