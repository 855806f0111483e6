"""The monotone rational-quadratic spline as an element-wise layer, and the coupling made of it."""

from dataclasses import dataclass

import numpy as np

from minigen.core import validate
from minigen.core.contract import Bijection, Layer
from minigen.flows.coupling import conditioner, join, part
from minigen.kernels import spline as kernels


@dataclass(frozen=True, eq=False, repr=False)
class Spline(Layer):
    """Monotone rational-quadratic spline of each entry (Durkan et al. 2019), with linear tails.

        e = exp(c tanh(r / c)) = (e_w, e_h, e_d)
        widths 2B softmax, heights 2B softmax, inner slopes e_d; both end slopes are 1
        y = RQ_e(x) on [-B, B], y = x outside;   ell = log(dy/dx)

    so r = 0 is the identity, and widths, heights and slopes are bounded for every r. The formulas
    are in `minigen.kernels.spline`.

    Shapes: x, y, ell (N, D); r (N, D, 3K - 1) for K bins.
    """

    bins: int = 8
    bound: float = 5.0  # B
    c: float = 3.0

    def __post_init__(self):
        validate.integer("bins", self.bins, 1)
        validate.number("bound", self.bound, 1e-6)
        validate.number("c", self.c, 1e-6)

    @property
    def parts(self):
        """How many parameters each entry has."""
        return 3 * self.bins - 1

    def forward(self, x, r):
        e, t = self.positive(r)
        y, slope = self.each(kernels.forward, x, e)
        return y, np.log(slope), (x, e, t)

    def backward(self, dy, dell, cache):
        x, e, t = cache
        flat = [np.ascontiguousarray(a).reshape(-1) for a in (x, dy, dell)]
        dx, dr = kernels.backward(flat[0], e, self.bound, *flat[1:])
        dr *= 1 - t * t  # log e = c tanh(r / c)
        return dx.reshape(x.shape), dr.reshape(*x.shape, self.parts), {}

    def inverse(self, y, r):
        """x and log(dx/dy)."""
        x, slope = self.each(kernels.inverse, y, self.positive(r)[0])
        return x, -np.log(slope)

    def positive(self, r):
        """e (M, 3K - 1) and the tanh it is made of, for the M entries."""
        t = np.tanh(r.reshape(-1, self.parts) / self.c)
        return np.exp(self.c * t), t

    def each(self, map, x, e):
        dtype = np.result_type(x, e)
        flat = np.ascontiguousarray(x, dtype).reshape(-1)
        y, slope = map(flat, e.astype(dtype, copy=False), self.bound)
        return y.reshape(x.shape), slope.reshape(x.shape)


@dataclass(frozen=True, eq=False, repr=False)
class SplineCoupling(Bijection):
    """Coupling layer with splines (Durkan et al. 2019): NVP-3, and NVP-4 with a spline.

        y_{1:d} = x_{1:d},   y_{d+1:D} = RQ(x_{d+1:D}; r(x_{1:d}))
        log|det dy/dx| = sum_j log RQ'_j

    Shapes: x, y (N, D); net: d + context -> (D - d) (3K - 1).
    """

    net: Layer
    spline: Spline
    d: int
    context: int = 0

    @classmethod
    def init(cls, features, hidden, *, bins=8, bound=5.0, c=3.0, rng, dtype=np.float32, context=0,
             activation="relu"):  # fmt: skip
        """The identity on D = features columns, of which d = D // 2 are kept."""
        spline = Spline(bins, bound, c)
        d, net = conditioner(features, hidden, spline.parts, context, rng, dtype, activation)
        return cls(net, spline, d, context)

    def forward(self, x, *context):
        x1, x2 = x[:, : self.d], x[:, self.d :]
        h, net_cache = self.net.forward(join(x1, context))
        y2, ell, spline_cache = self.spline.forward(x2, self.shaped(h))
        y = np.concatenate([x1, y2], axis=1)
        return y, ell.sum(axis=1), (net_cache, spline_cache)

    def backward(self, dy, dlogdet, cache):
        net_cache, spline_cache = cache
        dy1, dy2 = dy[:, : self.d], dy[:, self.d :]
        dell = np.broadcast_to(dlogdet[:, None], dy2.shape)
        dx2, dr, _ = self.spline.backward(dy2, dell, spline_cache)
        dh = dr.reshape(len(dr), dr.shape[1] * self.spline.parts)
        dh, grads = self.net.backward(dh, net_cache)
        dx = np.concatenate([dy1 + dh[:, : self.d], dx2], axis=1)
        return dx, *part(dh, self.d, self.context), {"net": grads}

    def inverse(self, y, *context):
        y1, y2 = y[:, : self.d], y[:, self.d :]
        h, _ = self.net.forward(join(y1, context))
        x2, ell = self.spline.inverse(y2, self.shaped(h))
        return np.concatenate([y1, x2], axis=1), ell.sum(axis=1)

    def shaped(self, h):
        return h.reshape(len(h), h.shape[1] // self.spline.parts, self.spline.parts)
