"""Coupling layers: Real NVP's affine coupling, and the additive coupling of NICE."""

from dataclasses import dataclass

import numpy as np

from minigen.core import validate
from minigen.core.contract import Bijection, Layer
from minigen.flows.volume import zeros
from minigen.kernels import affine, sums
from minigen.nn import mlp


@dataclass(frozen=True, eq=False, repr=False)
class AffineCoupling(Bijection):
    """Affine coupling layer of Real NVP (Dinh, Sohl-Dickstein & Bengio 2017).

        y_{1:d}   = x_{1:d}                                     NVP-3
        y_{d+1:D} = x_{d+1:D} * exp(s(x_{1:d})) + t(x_{1:d})    NVP-4
        log|det dy/dx| = sum_j s_j(x_{1:d})                     NVP-8

        x_{1:d}   = y_{1:d}                                     NVP-5
        x_{d+1:D} = (y_{d+1:D} - t(y_{1:d})) * exp(-s(y_{1:d})) NVP-6

    One network gives (r, t) = net(x_{1:d}); the log-scale is bounded, s = c w with
    w = tanh(r / c), so that a deep chain can be inverted. The backward pass is

        dx_{d+1:D} = dy_{d+1:D} * exp(s),  dt = dy_{d+1:D},  dr = ds * (1 - w^2)
        ds = dx_{d+1:D} * x_{d+1:D} + dlogdet,   dx_{1:d} = dy_{1:d} + net^T(dr, dt)

    With a context, the network sees (x_{1:d}, context). The element-wise lines of the backward
    pass stand in kernels/affine.py.

    Shapes: x, y (N, D); s, t (N, D - d); net: d + context -> 2 (D - d).
    """

    net: Layer
    d: int
    c: float = 2.0
    context: int = 0

    @classmethod
    def init(cls, features, hidden, *, rng, dtype=np.float32, context=0, c=2.0, activation="relu"):
        """The identity on D = features columns, of which d = D // 2 are kept."""
        d, net = conditioner(features, hidden, 2, context, rng, dtype, activation)
        return cls(net, d, c, context)

    def scale_shift(self, x1, context):
        h, net_cache = self.net.forward(join(x1, context))
        half = h.shape[1] // 2
        w, t = np.tanh(h[:, :half] / self.c), h[:, half:]
        return self.c * w, t, (w, net_cache)

    def forward(self, x, *context):
        x1, x2 = x[:, : self.d], x[:, self.d :]
        s, t, (w, net_cache) = self.scale_shift(x1, context)
        e = np.exp(s)
        y = np.concatenate([x1, x2 * e + t], axis=1)  # NVP-3, NVP-4
        return y, sums.rows(s), (x, e, w, net_cache)  # NVP-8

    def backward(self, dy, dlogdet, cache):
        x, e, w, net_cache = cache
        dx, dh = affine.coupling_backward(dy, dlogdet, x, e, w)  # NVP-8, NVP-4, NVP-3
        dx1, grads = self.net.backward(dh, net_cache)
        dx[:, : self.d] += dx1[:, : self.d]  # NVP-4
        return dx, *part(dx1, self.d, self.context), {"net": grads}

    def inverse(self, y, *context):
        y1, y2 = y[:, : self.d], y[:, self.d :]
        s, t, _ = self.scale_shift(y1, context)
        x = np.concatenate([y1, (y2 - t) * np.exp(-s)], axis=1)  # NVP-5, NVP-6
        return x, -sums.rows(s)

    def backward_inverse(self, dx, dlogdet, y, *context):
        y1, y2 = y[:, : self.d], y[:, self.d :]
        s, t, (w, net_cache) = self.scale_shift(y1, context)
        dx1, dx2 = dx[:, : self.d], dx[:, self.d :]
        dy2 = dx2 * np.exp(-s)  # NVP-6
        ds = -dy2 * (y2 - t) - dlogdet[:, None]  # NVP-6; logdet = -sum_j s_j
        dr, dt = ds * (1 - w * w), -dy2  # NVP-6
        dy1, grads = self.net.backward(np.concatenate([dr, dt], axis=1), net_cache)
        dy = np.concatenate([dx1 + dy1[:, : self.d], dy2], axis=1)  # NVP-5
        return dy, *part(dy1, self.d, self.context), {"net": grads}


@dataclass(frozen=True, eq=False, repr=False)
class AdditiveCoupling(Bijection):
    """Additive coupling layer of NICE (Dinh, Krueger & Bengio 2015): NVP-4 with s = 0.

        y_{1:d} = x_{1:d},   y_{d+1:D} = x_{d+1:D} + t(x_{1:d}),   log|det dy/dx| = 0

    Shapes: x, y (N, D); net: d + context -> D - d.
    """

    net: Layer
    d: int
    context: int = 0

    @classmethod
    def init(cls, features, hidden, *, rng, dtype=np.float32, context=0, activation="relu"):
        """The identity on D = features columns, of which d = D // 2 are kept."""
        d, net = conditioner(features, hidden, 1, context, rng, dtype, activation)
        return cls(net, d, context)

    def forward(self, x, *context):
        x1, x2 = x[:, : self.d], x[:, self.d :]
        t, net_cache = self.net.forward(join(x1, context))
        return np.concatenate([x1, x2 + t], axis=1), zeros(x), (net_cache,)

    def backward(self, dy, dlogdet, cache):
        (net_cache,) = cache
        dh, grads = self.net.backward(dy[:, self.d :], net_cache)
        dx1 = dy[:, : self.d] + dh[:, : self.d]
        dx = np.concatenate([dx1, dy[:, self.d :]], axis=1)
        return dx, *part(dh, self.d, self.context), {"net": grads}

    def inverse(self, y, *context):
        y1, y2 = y[:, : self.d], y[:, self.d :]
        t, _ = self.net.forward(join(y1, context))
        return np.concatenate([y1, y2 - t], axis=1), zeros(y)

    def backward_inverse(self, dx, dlogdet, y, *context):
        _, net_cache = self.net.forward(join(y[:, : self.d], context))
        dh, grads = self.net.backward(-dx[:, self.d :], net_cache)
        dy1 = dx[:, : self.d] + dh[:, : self.d]
        dy = np.concatenate([dy1, dx[:, self.d :]], axis=1)
        return dy, *part(dh, self.d, self.context), {"net": grads}


def conditioner(features, hidden, outputs, context, rng, dtype, activation):
    """(d, net): the number of columns kept, and a network with `outputs` per other column."""
    if features < 2:
        raise validate.expected("features", "at least 2 (a coupling keeps one column)", features)
    d = features // 2
    n_out = outputs * (features - d)
    net = mlp(
        d + context, hidden, n_out, rng=rng, activation=activation, last_gain=0.0, dtype=dtype
    )
    return d, net


def join(x, context):
    """(x, context) side by side; x itself where there is no context."""
    return np.concatenate([x, *context], axis=1) if context else x


def part(dh, d, context):
    """The gradient of the context columns, as a tuple of one, or () where there is none."""
    return (dh[:, d:],) if context else ()
