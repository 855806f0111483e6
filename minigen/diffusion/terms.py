"""The terms of the bound, row by row: L_T, L_{t-1} and L_0, each a layer with its gradient."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from minigen.core.contract import Cache, Grads, Layer
from minigen.core.numeric import LOG_2PI
from minigen.core.signature import Size
from minigen.core.tree import const
from minigen.diffusion.posterior import PosteriorMean
from minigen.diffusion.schedule import Schedule, at
from minigen.prob.discretized import DiscretisedGaussian
from minigen.prob.kl import gaussian_kl


@dataclass(frozen=True, eq=False, repr=False)
class PriorTerm(Layer):
    """L_T, which has no parameters: how far the last x_T is from the prior N(0, I).

        L_T = KL(q(x_T|x_0) || N(0, I)) = [A_T |x_0|^2 - D A_T - D log(1 - A_T)] / 2   ELBO-18

    Shapes: x0 (N, D) -> L_T (N,).
    """

    schedule: Schedule = const()

    def forward(self, x0: NDArray) -> tuple[NDArray, Cache]:
        A = float(self.schedule.alpha_bar[-1])
        return gaussian_kl(-A, float(np.log1p(-A)), A * x0 * x0), (x0, A)  # ELBO-18

    def backward(self, dL: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        x0, A = cache
        return A * x0 * dL[:, None], {}  # ELBO-18


@dataclass(frozen=True, eq=False, repr=False)
class GaussianTerm(Layer):
    """L_{t-1} for t = 2..T, and L_0 of continuous data for t = 1, by one formula.

        L_{t-1} = KL(N(mu_tilde, beta_tilde_t I) || N(mu, diag sigma^2))          ELBO-17
        L_0     = -log N(x_0; mu, diag sigma^2)                                   ELBO-16
        both    = 1/2 sum_d [beta_tilde_t / sigma^2 - 1 - l_t + log sigma^2 + delta^2 / sigma^2]

    with delta = mu_tilde - mu, l_t = log beta_tilde_t and l_1 = -1 - log 2 pi: at t = 1 the
    posterior has shrunk to the point mu_tilde = x_0, and the KL without its infinite constant is
    the negative log density. Shapes: x0, xt, mu, logvar (N, D), given t (N,) or (1,) -> (N,).
    """

    schedule: Schedule = const()

    @cached_property
    def posterior(self) -> PosteriorMean:
        """The layer of mu_tilde."""
        return PosteriorMean(self.schedule)

    @cached_property
    def log_tilde(self) -> NDArray:
        """l_t, (T+1,)."""
        tilde = self.schedule.beta_tilde
        return np.where(tilde > 0, np.log(np.where(tilde > 0, tilde, 1)), -1 - LOG_2PI)

    def forward(
        self, x0: NDArray, xt: NDArray, mu: NDArray, logvar: NDArray, *, t: NDArray
    ) -> tuple[NDArray, Cache]:
        tilde, log_tilde = (
            at(table, t, xt.dtype) for table in (self.schedule.beta_tilde, self.log_tilde)
        )
        mean, mean_cache = self.posterior.forward(xt, x0, t=t)
        delta, precision = mean - mu, np.exp(-logvar)
        excess, square = tilde * precision - 1, delta * delta * precision
        L = gaussian_kl(excess, log_tilde - logvar, square)  # ELBO-16, ELBO-17
        return L, (delta, precision, excess, square, mean_cache)

    def backward(
        self, dL: NDArray, cache: Cache
    ) -> tuple[NDArray, NDArray, NDArray, NDArray, Grads]:
        delta, precision, excess, square, mean_cache = cache
        dL = dL[:, None]
        dmean = dL * delta * precision  # ELBO-17
        dlogvar = dL * -(excess + square) / 2
        dxt, dx0, _ = self.posterior.backward(dmean, mean_cache)
        return dx0, dxt, -dmean, dlogvar, {}


@dataclass(frozen=True, eq=False, repr=False)
class IntegerTerm(Layer):
    """The same terms for integers on the grid -1..1: L_0 is that of a discretised Gaussian.

        L_0 = -log P(x_0; mu, diag sigma^2)  at t = 1,  L_{t-1} of GaussianTerm elsewhere

    Shapes as in GaussianTerm.
    """

    schedule: Schedule = const()
    levels: Size

    @cached_property
    def gaussian(self) -> GaussianTerm:
        """The terms of t = 2..T."""
        return GaussianTerm(self.schedule)

    def forward(
        self, x0: NDArray, xt: NDArray, mu: NDArray, logvar: NDArray, *, t: NDArray
    ) -> tuple[NDArray, Cache]:
        L, gaussian = self.gaussian.forward(x0, xt, mu, logvar, t=t)
        k = np.flatnonzero(np.broadcast_to(t, len(xt)) == 1)
        logp, discrete = DiscretisedGaussian(self.levels).forward(x0[k], mu[k], logvar[k])
        L[k] = -logp  # ELBO-16
        return L, (gaussian, discrete, k)

    def backward(
        self, dL: NDArray, cache: Cache
    ) -> tuple[NDArray, NDArray, NDArray, NDArray, Grads]:
        gaussian, discrete, k = cache
        later = dL.copy()
        later[k] = 0
        dx0, dxt, dmu, dlogvar, _ = self.gaussian.backward(later, gaussian)
        parts = DiscretisedGaussian(self.levels).backward(-dL[k], discrete)[:3]
        for whole, part in zip((dx0, dmu, dlogvar), parts, strict=True):
            whole[k] += part  # ELBO-16
        return dx0, dxt, dmu, dlogvar, {}
