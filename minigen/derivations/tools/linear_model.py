"""A diffusion model whose every density is a Gaussian that can be written down.

With a mean that is linear in x_t the reverse process is a Gaussian chain, as the forward process
is. Log densities, divergences and the bound then have values found without the bound's formulas,
from two mean vectors and two covariance matrices.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from minigen import diffusion
from minigen.core.contract import Cache, Grads, Layer
from minigen.core.numeric import LOG_2PI
from minigen.core.tree import param
from minigen.derivations.tools.full_kl import KLFull
from minigen.derivations.tools.gaussian_walk import column, unrolled
from minigen.derivations.tools.quadrature import expectation
from minigen.diffusion import ReverseProcess, Schedule

T, M, V = 4, 0.7, 0.5  # steps; x_0 ~ N(M, V) in each column
EVERY_STEP = range(1, T + 1)


@dataclass(frozen=True, eq=False, repr=False)
class LinearNet(Layer):
    """out = slope_t x + shift_t: a network that is one line for each time.

    Shapes: x (N, D), given t (N,) or (1,); slope, shift (T+1,).
    """

    slope: NDArray = param()
    shift: NDArray = param()

    def forward(self, x: NDArray, *, t: NDArray) -> tuple[NDArray, Cache]:
        t = np.broadcast_to(t, len(x))
        return self.slope[t][:, None] * x + self.shift[t][:, None], (x, t)

    def backward(self, dout: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        x, t = cache
        grads = {"slope": np.zeros_like(self.slope), "shift": np.zeros_like(self.shift)}
        np.add.at(grads["slope"], t, (dout * x).sum(axis=1))
        np.add.at(grads["shift"], t, dout.sum(axis=1))
        return self.slope[t][:, None] * dout, grads


@dataclass(frozen=True)
class Joint:
    """A Gaussian over (x_0, ..., x_T), alike and independent in every column."""

    mean: NDArray
    cov: NDArray

    def conditional(self, want: list[int], known: list[int]) -> tuple[NDArray, NDArray, NDArray]:
        """gain, offset, covariance: x_want given x_known is N(gain x_known + offset, cov)."""
        C = self.cov
        gain = np.linalg.solve(C[np.ix_(known, known)], C[np.ix_(known, want)]).T
        offset = self.mean[want] - gain @ self.mean[known]
        return gain, offset, C[np.ix_(want, want)] - gain @ C[np.ix_(known, want)]

    def log(self, x: NDArray, want: Iterable[int], known: Iterable[int] = ()) -> NDArray:
        """log p(x_want | x_known) of paths x (N, T+1, D), (N,)."""
        want, known = list(want), list(known)
        gain, offset, C = self.conditional(want, known)
        r = x[:, want] - offset[:, None] - np.einsum("wk,nkd->nwd", gain, x[:, known])
        square = np.einsum("nwd,wv,nvd->n", r, np.linalg.inv(C), r)
        constant = np.linalg.slogdet(2 * np.pi * C)[1]
        return -(square + x.shape[2] * constant) / 2


@dataclass(frozen=True, eq=False)
class ToyModel:
    """A reverse process with a LinearNet, and the joint laws q and p of a whole path."""

    model: ReverseProcess
    net: LinearNet
    schedule: Schedule

    @classmethod
    def draw(cls, rng: np.random.Generator, features: int = 2) -> "ToyModel":
        schedule = diffusion.schedule_from_betas(rng.uniform(0.15, 0.45, T))
        net = LinearNet(rng.uniform(0.6, 0.9, T + 1), 0.3 * rng.standard_normal(T + 1))
        first = float(rng.uniform(0.2, 0.5))
        model = ReverseProcess(net, schedule, features, "mu", "beta", first)
        return cls(model, net, schedule)

    @cached_property
    def q(self) -> Joint:
        """x_0 ~ N(M, V), then the forward process."""
        B = unrolled(self.schedule)
        root = B * np.r_[np.sqrt(V), np.ones(T)]
        return Joint(B[:, 0] * M, root @ root.T)

    @cached_property
    def p(self) -> Joint:
        """x_T ~ N(0, 1), then the reverse process."""
        mean, root = np.zeros(T + 1), np.zeros((T + 1, T + 1))
        root[T, T] = 1
        for t in range(T, 0, -1):
            mean[t - 1] = self.net.slope[t] * mean[t] + self.net.shift[t]
            root[t - 1] = self.net.slope[t] * root[t]
            root[t - 1, t - 1] = np.sqrt(self.sigma2(t))
        return Joint(mean, root @ root.T)

    def sigma2(self, t: int) -> float:
        """The variance of p(x_{t-1} | x_t)."""
        return self.model.first if t == 1 else float(self.schedule.beta[t])

    def paths(self, n: int, rng: np.random.Generator) -> NDArray:
        """n paths under q, (n, T+1, D)."""
        z = rng.standard_normal((n, T + 1, self.model.features))
        return self.q.mean[:, None] + np.einsum("ts,nsd->ntd", np.linalg.cholesky(self.q.cov), z)

    # the same log densities by the package's layers

    def forward_step(self, x: NDArray, t: int) -> NDArray:
        """log q(x_t | x_{t-1})."""
        beta = np.full(len(x), self.schedule.beta[t])
        return diffusion.StepDensity().forward(x[:, t], x[:, t - 1], beta)[0]

    def marginal(self, x: NDArray, t: int) -> NDArray:
        """log q(x_t | x_0)."""
        tables = (np.full(len(x), v) for v in column(self.schedule, t))
        return diffusion.MarginalDensity().forward(x[:, t], x[:, 0], *tables)[0]

    def reverse_step(self, x: NDArray, t: int) -> NDArray:
        """log p(x_{t-1} | x_t)."""
        inputs = x[:, t - 1], x[:, t], *reverse(self.model, x[:, t], t)
        at_1 = np.array([1])  # where the term is -log N(x_0; mu, sigma^2)
        return -diffusion.GaussianTerm(self.schedule).forward(*inputs, t=at_1)[0]

    def prior(self, x: NDArray) -> NDArray:
        """log p(x_T)."""
        return -(x[:, T] ** 2 + LOG_2PI).sum(axis=1) / 2

    def bound(self) -> float:
        """L = KL(q(x_0..x_T) || p(x_0..x_T)) + H(q(x_0)), by matrices alone."""
        laws = ((j.mean[None], np.linalg.cholesky(j.cov)[None]) for j in (self.q, self.p))
        kl = KLFull().forward(*next(laws), *next(laws))[0]
        return float(kl[0]) * self.model.features + self.entropy()

    def terms(self) -> tuple[float, ...]:
        """The bound by the package's terms, and L_0, ..., L_T one by one: exact expectations."""
        x0, eps, w = data_and_noise(self.model.features)
        term = diffusion.StepTerm(self.model)
        steps = [w @ term.forward(x0, t=np.array([t]), eps=eps)[0] for t in EVERY_STEP]
        last = w @ diffusion.PriorTerm(self.schedule).forward(x0)[0]
        return tuple(map(float, (sum(steps) + last, *steps, last)))

    def entropy(self) -> float:
        """H(q(x_0))."""
        return self.model.features * np.log(2 * np.pi * np.e * V) / 2


def reverse(model: ReverseProcess, xt: NDArray, t: int) -> tuple[NDArray, NDArray]:
    """mu and log sigma^2 of p(x_{t-1} | x_t)."""
    now = np.array([t])
    out, logvar, _ = model.forward(xt, t=now)
    return model.mean.forward(xt, out, t=now)[0], logvar


def data_and_noise(D: int) -> tuple[NDArray, NDArray, NDArray]:
    """x0 (n, D), eps (n, D) and weights: E over x_0 and eps, exact where columns do not mix."""
    nodes, w = expectation(2)
    x0 = M + np.sqrt(V) * nodes[:, :1]
    return np.tile(x0, D), np.tile(nodes[:, 1:], D), w
