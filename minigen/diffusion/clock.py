"""The bound in continuous time, and a clock that makes its estimate quieter.

As the number of steps grows, the sum L_1 + ... + L_{T-1} becomes an integral over u = log r, with
r = noise / signal, from the first time to the last (Kingma et al. 2021, "Variational diffusion
models"):

    L = E int |eps - eps(x_u, u)|^2 du                                             S-INF

Time itself is gone: a schedule only says how often each u is visited. With a clock u(v), v uniform
on (0, 1),

    L = E_v u'(v) |eps - eps(x_u, u)|^2

for every clock. Its variance depends on the clock, and is least where the clock is slow where the
error is large: dv/du in proportion to the root mean square of |eps - eps(x_u, u)|^2.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Grads, Layer, Loss
from minigen.core.numeric import logsumexp
from minigen.core.signature import Count, checked, fields
from minigen.core.tree import const, param
from minigen.diffusion.losses import DiffusionLoss
from minigen.diffusion.predict import REAL, coefficients_at
from minigen.diffusion.reverse import is_ddpm
from minigen.diffusion.schedule import Schedule

if TYPE_CHECKING:
    from minigen.diffusion.model import DDPM


@dataclass(frozen=True, eq=False, repr=False)
class Clock(Layer):
    """A monotone map from v in (0, 1) to u = log r in (begin, end), linear on K pieces.

        w = softmax(a): the share of v that is spent on each K-th of (begin, end)
        u'(v) = (end - begin) / (K w_k)  on piece k

    Shapes: v (N,) -> u (N,), u' (N,), piece (N,); a (K,).

    Examples
    --------
    >>> clock = mg.diffusion.Clock.init(mg.diffusion.cosine_schedule(100), 4)
    >>> u, slope, piece = clock.read(np.array([0.1, 0.9]))
    >>> piece.tolist(), bool(np.all((clock.begin < u) & (u < clock.end)))
    ([0, 3], True)
    """

    a: Annotated[NDArray, "K"] = param()
    begin: float
    end: float

    @classmethod
    @checked
    def init(cls, schedule: Schedule, pieces: Count = 32) -> "Clock":
        """Even in u, over the times 1..T of a schedule.

        Parameters
        ----------
        schedule : whose times are covered
        pieces : K, the number of pieces of u

        Returns
        -------
        Clock

        Examples
        --------
        >>> mg.diffusion.Clock.init(mg.diffusion.cosine_schedule(20), 4).size
        4
        """
        low, high = schedule.log_ratios[[1, -1]]
        return cls(np.zeros(pieces), float(low), float(high))

    @property
    def shares(self) -> NDArray:
        """w (K,), which sum to one."""
        return np.exp(self.a - logsumexp(self.a))

    def read(self, v: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """u, u' and the piece of each v."""
        w = self.shares
        ends = np.append(0.0, np.cumsum(w))
        piece = np.clip(np.searchsorted(ends, v, side="right") - 1, 0, len(w) - 1)
        slope = (self.end - self.begin) / (len(w) * w[piece])
        start = self.begin + (self.end - self.begin) * piece / len(w)
        return start + slope * (v - ends[piece]), slope, piece


@dataclass(frozen=True, eq=False, repr=False)
class IntegralBound(DiffusionLoss):
    """L_1 + ... + L_{T-1} as T grows: an unbiased estimate of the integral, in nats (S-INF).

        loss = 1/N sum_n u'(v_n) |eps_n - eps(x_n, u_n)|^2

    Given u, slope (N,), eps (N, D), label (N,) or None; x0 (N, D). The network sees the real time
    at which log r is u. A model of any prediction but mu.
    """

    model: "DDPM"
    clock: Clock = const()

    def __post_init__(self) -> None:
        is_ddpm(self.model)
        fields(self)
        validate.choice("predict", self.model.reverse.predict, REAL)

    def draw(self, batch: Any, rng: np.random.Generator) -> tuple[tuple[NDArray], dict[str, Any]]:
        x0, label = self.model.data.pairs(batch)
        v = (rng.permutation(len(x0)) + rng.random(len(x0))) / len(x0)  # one in each N-th
        u, slope, _ = self.clock.read(v)
        return (x0,), {"u": u, "slope": slope, **self.noise(x0, label, rng)}

    def estimates(
        self, x0: NDArray, u: NDArray, slope: NDArray, eps: NDArray, label: NDArray | None = None
    ) -> NDArray:
        """The estimate of each row, (N,)."""
        e, *_ = self._errors(x0, u, eps, label)
        return slope * (e * e).sum(axis=1)

    def _errors(
        self, x0: NDArray, u: NDArray, eps: NDArray, label: NDArray | None
    ) -> tuple[Any, ...]:
        p, r = self.model.reverse, np.exp(u)
        size = np.hypot(1, r)
        signal, noise = ((a / size)[:, None].astype(x0.dtype) for a in (np.ones_like(r), r))
        xt = signal * x0 + noise * eps
        out, net = p.prediction(xt, p.schedule.time(r), label)
        own, q = (a[:, None].astype(x0.dtype) for a in coefficients_at(r, p.predict, "eps"))
        return own * xt + q * out - eps, signal, own, q, net

    def forward(
        self, x0: NDArray, *, u: NDArray, slope: NDArray, eps: NDArray, label: NDArray | None = None
    ) -> tuple[NDArray, Cache]:
        e, signal, own, q, net = self._errors(x0, u, eps, label)
        each = (slope / len(x0)).astype(x0.dtype)[:, None]
        return (each * e * e).sum(), (e, each, signal, own, q, net)  # S-INF

    def backward(self, dloss: float, cache: Cache) -> tuple[NDArray, Grads]:
        e, each, signal, own, q, net = cache
        de = 2 * dloss * each * e
        dxt, dreverse = self.model.reverse.prediction_backward(q * de, net)
        return signal * (dxt + own * de), {"model": {"reverse": dreverse}}


@dataclass(frozen=True, eq=False, repr=False)
class ClockLoss(Loss):
    """The second moment of the bound's estimate, to be minimised by the clock (S-INF).

        loss = 1/N sum_n u'_k f_n^2 (end - begin),  f = |eps - eps(x_u, u)|^2,  u uniform on piece k
        dw_k = -1/N sum_{n in k} (end - begin)^2 f_n^2 / (K w_k^2),   da = w (dw - sum_j w_j dw_j)

    The mean of the estimate is the same for every clock, so the least second moment is the least
    variance; it is reached at w_k in proportion to the root of the mean of f^2 on piece k. The
    model gets no gradient. Given square = f^2 (N,) and piece (N,).
    """

    clock: Clock
    model: "DDPM" = const()

    def __post_init__(self) -> None:
        super().__post_init__()
        is_ddpm(self.model)

    @property
    def data_dtype(self) -> np.dtype:
        return self.model.data.arrives

    def draw(self, batch: Any, rng: np.random.Generator) -> tuple[tuple[()], dict[str, Any]]:
        even = Clock(np.zeros_like(self.clock.a), self.clock.begin, self.clock.end)
        bound = IntegralBound(self.model, even)
        (x0,), given = bound.draw(batch, rng)
        f = bound.estimates(x0, **given) / (even.end - even.begin)
        share = (given["u"] - even.begin) / (even.end - even.begin)
        piece = np.minimum((share * len(even.a)).astype(int), len(even.a) - 1)
        return (), {"square": f.astype(np.float64) ** 2, "piece": piece}

    def forward(self, *, square: NDArray, piece: NDArray) -> tuple[NDArray, Cache]:
        w = self.clock.shares
        each = (self.clock.end - self.clock.begin) ** 2 / len(w) * square / len(square)
        each = each.astype(w.dtype)
        return (each / w[piece]).sum(), (w, each, piece)

    def backward(self, dloss: float, cache: Cache) -> tuple[Grads]:
        w, each, piece = cache
        dw = -dloss * np.bincount(piece, each, len(w)).astype(w.dtype) / w**2
        return ({"clock": {"a": w * (dw - (w * dw).sum())}},)
