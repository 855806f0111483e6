"""Coupling layers: Real NVP's affine coupling, and the additive coupling of NICE."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Bijection, Cache, Layer
from minigen.core.signature import Bound, Count, Size, checked
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

    With a context, the network sees (x_{1:d}, context).

    Shapes: x, y (N, D); s, t (N, D - d); net: d + context -> 2 (D - d).
    """

    net: Layer
    d: int
    c: Bound = 2.0
    context: Size = 0

    @classmethod
    @checked
    def init(
        cls, features: Count, hidden: int | Sequence[int], *, rng: np.random.Generator,
        dtype: DTypeLike = np.float32, context: Size = 0, c: Bound = 2.0, activation: str = "relu",
    ) -> "AffineCoupling":  # fmt: skip
        """The identity on D = features columns, of which d = D // 2 are kept.

        Parameters
        ----------
        features : D, the number of columns
        hidden : the widths of the hidden layers of its network
        rng : the generator of the first weights
        dtype : of the parameters
        context : the number of context columns, 0 for none
        c : the bound of the log-scales
        activation : "relu", "tanh", "silu" or "softplus"

        Returns
        -------
        AffineCoupling

        Examples
        --------
        >>> mg.flows.AffineCoupling.init(4, (16,), rng=rng).d
        2
        """
        d, net = conditioner(features, hidden, 2, context, rng, dtype, activation)
        return cls(net, d, c, context)

    def scale_shift(
        self, x1: NDArray, context: tuple[NDArray, ...]
    ) -> tuple[NDArray, NDArray, Cache]:
        h, net_cache = self.net.forward(join(x1, context))
        half = h.shape[1] // 2
        w, t = np.tanh(h[:, :half] / self.c), h[:, half:]
        return self.c * w, t, (w, net_cache)

    def forward(self, x: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        x1, x2 = x[:, : self.d], x[:, self.d :]
        s, t, (w, net_cache) = self.scale_shift(x1, context)
        refuse_columns(x, self.d + s.shape[1])
        e = np.exp(s)
        y = np.concatenate([x1, x2 * e + t], axis=1)  # NVP-3, NVP-4
        return y, np.einsum("nj->n", s), (x2, e, w, net_cache)  # NVP-8

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        x2, e, w, net_cache = cache
        dy1, dy2 = dy[:, : self.d], dy[:, self.d :]
        dx2 = dy2 * e  # NVP-4
        ds = dx2 * x2 + dlogdet[:, None]  # NVP-4, NVP-8
        dr, dt = ds * (1 - w * w), dy2  # NVP-4
        dx1, grads = self.net.backward(np.concatenate([dr, dt], axis=1), net_cache)
        dx = np.concatenate([dy1 + dx1[:, : self.d], dx2], axis=1)  # NVP-3
        return dx, *part(dx1, self.d, self.context), {"net": grads}

    def inverse(self, y: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        y1, y2 = y[:, : self.d], y[:, self.d :]
        s, t, (w, net_cache) = self.scale_shift(y1, context)
        refuse_columns(y, self.d + s.shape[1])
        e = np.exp(-s)
        x2 = (y2 - t) * e  # NVP-6
        x = np.concatenate([y1, x2], axis=1)  # NVP-5
        return x, -np.einsum("nj->n", s), (x2, e, w, net_cache)

    def inverse_backward(self, dx: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        x2, e, w, net_cache = cache
        dx1, dx2 = dx[:, : self.d], dx[:, self.d :]
        dy2 = dx2 * e  # NVP-6
        ds = -dx2 * x2 - dlogdet[:, None]  # NVP-6; logdet = -sum_j s_j
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
    context: Size = 0

    @classmethod
    @checked
    def init(
        cls, features: Count, hidden: int | Sequence[int], *, rng: np.random.Generator,
        dtype: DTypeLike = np.float32, context: Size = 0, activation: str = "relu",
    ) -> "AdditiveCoupling":  # fmt: skip
        """The identity on D = features columns, of which d = D // 2 are kept.

        Parameters
        ----------
        features : D, the number of columns
        hidden : the widths of the hidden layers of its network
        rng : the generator of the first weights
        dtype : of the parameters
        context : the number of context columns, 0 for none
        activation : "relu", "tanh", "silu" or "softplus"

        Returns
        -------
        AdditiveCoupling

        Examples
        --------
        >>> mg.flows.AdditiveCoupling.init(4, (16,), rng=rng).d
        2
        """
        d, net = conditioner(features, hidden, 1, context, rng, dtype, activation)
        return cls(net, d, context)

    def forward(self, x: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        return self.moved(x, context, 1)

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        return self.moved_backward(dy, cache, 1)

    def inverse(self, y: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        return self.moved(y, context, -1)

    def inverse_backward(self, dx: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        return self.moved_backward(dx, cache, -1)

    def moved(
        self, x: NDArray, context: tuple[NDArray, ...], sign: int
    ) -> tuple[NDArray, NDArray, Cache]:
        """x with t added to its last columns, or subtracted: the map and its inverse."""
        x1, x2 = x[:, : self.d], x[:, self.d :]
        t, net_cache = self.net.forward(join(x1, context))
        refuse_columns(x, self.d + t.shape[1])
        y = np.concatenate([x1, x2 + sign * t], axis=1)
        return y, np.zeros(len(x), x.dtype), net_cache

    def moved_backward(self, dy: NDArray, net_cache: Cache, sign: int) -> tuple[Any, ...]:
        dy1, dy2 = dy[:, : self.d], dy[:, self.d :]
        dx1, grads = self.net.backward(sign * dy2, net_cache)
        dx = np.concatenate([dy1 + dx1[:, : self.d], dy2], axis=1)
        return dx, *part(dx1, self.d, self.context), {"net": grads}


def conditioner(
    features: Count, hidden: int | Sequence[int], outputs: int, context: Size,
    rng: np.random.Generator, dtype: DTypeLike, activation: str,
) -> tuple[int, Layer]:  # fmt: skip
    """(d, net): the number of columns kept, and a network with `outputs` per other column."""
    if features < 2:
        raise validate.expected("features", "at least 2 (a coupling keeps one column)", features)
    d = features // 2
    n_out = outputs * (features - d)
    net = mlp(
        d + context, hidden, n_out, rng=rng, activation=activation, last_gain=0.0, dtype=dtype
    )
    return d, net


def refuse_columns(x: NDArray, features: Count) -> None:
    """Refuse x with other columns than the network was made for: they would broadcast."""
    if x.shape[1] != features:
        raise validate.expected("x", f"{features} columns", f"shape {x.shape}")


def join(x: NDArray, context: tuple[NDArray, ...]) -> NDArray:
    """(x, context) side by side; x itself where there is no context."""
    return np.concatenate([x, *context], axis=1) if context else x


def part(dh: NDArray, d: int, context: Size) -> tuple[NDArray, ...]:
    """The gradient of the context columns, as a tuple of one, or () where there is none."""
    return (dh[:, d:],) if context else ()
