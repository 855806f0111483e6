"""The monotone rational-quadratic spline as an element-wise layer, and the coupling made of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core.contract import Bijection, Cache, Grads, Layer
from minigen.core.signature import Bound, Count, Size, checked
from minigen.flows.coupling import conditioner, join, part, refuse_columns
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

    bins: Count = 8
    bound: Bound = 5.0  # B
    c: Bound = 3.0

    @property
    def parts(self) -> int:
        """How many parameters each entry has."""
        return 3 * self.bins - 1

    def forward(self, x: NDArray, r: NDArray) -> tuple[NDArray, NDArray, Cache]:
        e, t = self.positive(r)
        y, slope = self.each(kernels.forward, x, e)
        return y, np.log(slope), (x, e, t)

    def backward(self, dy: NDArray, dell: NDArray, cache: Cache) -> tuple[NDArray, NDArray, Grads]:
        x, e, t = cache
        flat = [np.ascontiguousarray(a).reshape(-1) for a in (x, dy, dell)]
        dx, dr = kernels.backward(flat[0], e, self.bound, *flat[1:])
        dr *= 1 - t * t  # log e = c tanh(r / c)
        return dx.reshape(x.shape), dr.reshape(*x.shape, self.parts), {}

    def inverse(self, y: NDArray, r: NDArray) -> tuple[NDArray, NDArray, Cache]:
        """x and log(dx/dy)."""
        e, t = self.positive(r)
        x, slope = self.each(kernels.inverse, y, e)
        return x, -np.log(slope), (x, e, t, slope)

    def inverse_backward(
        self, dx: NDArray, dell: NDArray, cache: Cache
    ) -> tuple[NDArray, NDArray, Grads]:
        """By implicit differentiation of y = RQ(x; r), where ell = -log RQ'(x; r)."""
        x, e, t, slope = cache
        bend, _, _ = self.backward(np.zeros_like(x), np.ones_like(x), (x, e, t))  # dlog RQ'/dx
        dy = (dx - dell * bend) / slope
        _, dr, _ = self.backward(-dy, -dell, (x, e, t))
        return dy, dr, {}

    def positive(self, r: NDArray) -> tuple[NDArray, NDArray]:
        """e (M, 3K - 1) and the tanh it is made of, for the M entries."""
        t = np.tanh(r.reshape(-1, self.parts) / self.c)
        return np.exp(self.c * t), t

    def each(self, map: Callable, x: NDArray, e: NDArray) -> tuple[NDArray, NDArray]:
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
    context: Size = 0

    @classmethod
    @checked
    def init(
        cls, features: Count, hidden: int | Sequence[int], *, bins: Count = 8, bound: Bound = 5.0,
        c: Bound = 3.0, rng: np.random.Generator, dtype: DTypeLike = np.float32, context: Size = 0,
        activation: str = "relu",
    ) -> "SplineCoupling":  # fmt: skip
        """The identity on D = features columns, of which d = D // 2 are kept.

        Parameters
        ----------
        features : D, the number of columns
        hidden : the widths of the hidden layers of its network
        bins : K, the pieces of each spline
        bound : B: outside [-B, B] the spline is the identity
        c : the bound of the logs of the sizes
        rng : the generator of the first weights
        dtype : of the parameters
        context : the number of context columns, 0 for none
        activation : "relu", "tanh", "silu" or "softplus"

        Returns
        -------
        SplineCoupling

        Examples
        --------
        >>> mg.flows.SplineCoupling.init(4, (8,), bins=4, rng=rng).forward(
        ...     np.ones((2, 4), np.float32)
        ... )[0].shape
        (2, 4)
        """
        spline = Spline(bins, bound, c)
        d, net = conditioner(features, hidden, spline.parts, context, rng, dtype, activation)
        return cls(net, spline, d, context)

    def forward(self, x: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        x1, x2 = x[:, : self.d], x[:, self.d :]
        h, net_cache = self.net.forward(join(x1, context))
        y2, ell, spline_cache = self.spline.forward(x2, self.shaped(h, x))
        y = np.concatenate([x1, y2], axis=1)
        return y, ell.sum(axis=1), (net_cache, spline_cache)

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        return self.through(self.spline.backward, dy, dlogdet, cache)

    def through(
        self, backward: Callable, dy: NDArray, dlogdet: NDArray, cache: Cache
    ) -> tuple[Any, ...]:
        """The backward pass of either direction, through the spline's of the same direction."""
        net_cache, spline_cache = cache
        dy1, dy2 = dy[:, : self.d], dy[:, self.d :]
        dell = np.broadcast_to(dlogdet[:, None], dy2.shape)
        dx2, dr, _ = backward(dy2, dell, spline_cache)
        dh = dr.reshape(len(dr), dr.shape[1] * self.spline.parts)
        dh, grads = self.net.backward(dh, net_cache)
        dx = np.concatenate([dy1 + dh[:, : self.d], dx2], axis=1)
        return dx, *part(dh, self.d, self.context), {"net": grads}

    def inverse(self, y: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        y1, y2 = y[:, : self.d], y[:, self.d :]
        h, net_cache = self.net.forward(join(y1, context))
        x2, ell, spline_cache = self.spline.inverse(y2, self.shaped(h, y))
        return np.concatenate([y1, x2], axis=1), ell.sum(axis=1), (net_cache, spline_cache)

    def inverse_backward(self, dx: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        return self.through(self.spline.inverse_backward, dx, dlogdet, cache)

    def shaped(self, h: NDArray, x: NDArray) -> NDArray:
        refuse_columns(x, self.d + h.shape[1] // self.spline.parts)
        return h.reshape(len(h), h.shape[1] // self.spline.parts, self.spline.parts)
