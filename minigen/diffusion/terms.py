"""The terms of the bound, row by row: L_T, L_{t-1} and L_0, each a layer with its gradient."""

from dataclasses import dataclass

import numpy as np

from minigen.core.contract import Layer
from minigen.core.tree import const
from minigen.diffusion.forward import LOG_2PI, tables
from minigen.diffusion.posterior import PosteriorMean
from minigen.diffusion.schedule import Schedule
from minigen.prob.discretized import DiscretisedGaussian


@dataclass(frozen=True, eq=False, repr=False)
class PriorTerm(Layer):
    """L_T, which has no parameters: how far the last x_T is from the prior N(0, I).

        L_T = KL(q(x_T|x_0) || N(0, I)) = [A_T |x_0|^2 - D A_T - D log(1 - A_T)] / 2   ELBO-18

    Shapes: x0 (N, D) -> L_T (N,).
    """

    schedule: Schedule = const()

    def forward(self, x0):
        A = float(self.schedule.alpha_bar[-1])
        per_dim = float(-A - np.log1p(-A))
        return (A * (x0 * x0).sum(axis=1) + x0.shape[1] * per_dim) / 2, (x0, A)  # ELBO-18

    def backward(self, dL, cache):
        x0, A = cache
        return A * x0 * dL[:, None], {}  # ELBO-18


@dataclass(frozen=True, eq=False, repr=False)
class GaussianTerm(Layer):
    """L_{t-1} for t = 2..T, and L_0 of continuous data for t = 1, by one formula.

        L_{t-1} = KL(N(mu_tilde, beta_tilde_t I) || N(mu, diag sigma^2))          ELBO-17
        L_0     = -log N(x_0; mu, diag sigma^2)                                   ELBO-16
        both    = 1/2 sum_d [log sigma^2 + (beta_tilde_t + delta^2) / sigma^2 + c_t]

    with delta = mu_tilde - mu, c_t = -1 - log beta_tilde_t and c_1 = log 2 pi: at t = 1 the
    posterior has shrunk to the point mu_tilde = x_0, and the KL without its infinite constant is
    the negative log density. Shapes: x0, xt, mu, logvar (N, D), given t (N,) or (1,) -> (N,).
    """

    schedule: Schedule = const()

    def forward(self, x0, xt, mu, logvar, *, t):
        (tilde,) = tables(self.schedule, t, "beta_tilde")
        c = np.where(tilde > 0, -1 - np.log(np.where(tilde > 0, tilde, 1)), LOG_2PI)
        tilde, c = (a.astype(xt.dtype)[:, None] for a in (tilde, c))
        mean, mean_cache = PosteriorMean(self.schedule).forward(xt, x0, t=t)
        delta, precision = mean - mu, np.exp(-logvar)
        spread = (tilde + delta * delta) * precision
        L = (logvar + spread + c).sum(axis=1) / 2  # ELBO-16, ELBO-17
        return L, (delta, precision, spread, mean_cache)

    def backward(self, dL, cache):
        delta, precision, spread, mean_cache = cache
        dL = dL[:, None]
        dmean = dL * delta * precision  # ELBO-17
        dlogvar = dL * (1 - spread) / 2
        dxt, dx0, _ = PosteriorMean(self.schedule).backward(dmean, mean_cache)
        return dx0, dxt, -dmean, dlogvar, {}


@dataclass(frozen=True, eq=False, repr=False)
class IntegerTerm(Layer):
    """The same terms for integers on the grid -1..1: L_0 is that of a discretised Gaussian.

        L_0 = -log P(x_0; mu, diag sigma^2)  at t = 1,  L_{t-1} of GaussianTerm elsewhere

    Shapes as in GaussianTerm.
    """

    schedule: Schedule = const()
    levels: int

    def forward(self, x0, xt, mu, logvar, *, t):
        L, gaussian = GaussianTerm(self.schedule).forward(x0, xt, mu, logvar, t=t)
        k = np.flatnonzero(np.broadcast_to(t, len(xt)) == 1)
        logp, discrete = DiscretisedGaussian(self.levels).forward(x0[k], mu[k], logvar[k])
        L[k] = -logp  # ELBO-16
        return L, (gaussian, discrete, k)

    def backward(self, dL, cache):
        gaussian, discrete, k = cache
        later = dL.copy()
        later[k] = 0
        dx0, dxt, dmu, dlogvar, _ = GaussianTerm(self.schedule).backward(later, gaussian)
        parts = DiscretisedGaussian(self.levels).backward(-dL[k], discrete)[:3]
        for whole, part in zip((dx0, dmu, dlogvar), parts, strict=True):
            whole[k] += part  # ELBO-16
        return dx0, dxt, dmu, dlogvar, {}
