"""The two ways to train a flow: maximum likelihood and reverse KL."""

from dataclasses import dataclass

import numpy as np

from minigen.core import validate
from minigen.core.contract import Density, Loss
from minigen.core.tree import const
from minigen.prob import dequantize
from minigen.prob.dequantization import whole


@dataclass(frozen=True, eq=False, repr=False)
class NLL(Loss):
    """Mean negative log-likelihood, to be minimised over theta at fixed x.

        loss = -1/N sum_n log p(x_n)                                    CV-6

    Integer data of a density with levels are dequantised in `draw`: x + u, u ~ U[0, 1).
    """

    density: Density

    def draw(self, batch, rng):
        x, *context = batch if isinstance(batch, tuple) else (batch,)
        if self.density.levels:
            x = whole("x", x, 0, self.density.levels - 1)
            x = dequantize(x.astype(self.density.dtype), rng)
        return validate.rows(self.density, x, *context), {}

    def forward(self, x, *context):
        logp, cache = self.density.forward(x, *context)
        return -logp.mean(), (logp, cache)

    def backward(self, dloss, cache):
        logp, density_cache = cache
        dlogp = np.full_like(logp, -dloss / len(logp))
        *dx, grads = self.density.backward(dlogp, density_cache)
        return *dx, {"density": grads}


@dataclass(frozen=True, eq=False, repr=False)
class ReverseKL(Loss):
    """KL(q_x || p) up to log Z, for a flow x = f(z) that runs in the generative direction.

        loss = 1/N sum_n [log q(z_n) - log|det dx/dz|_n - log p~(x_n)],   z_n ~ q

    target: the log of an unnormalised density p~ = Z p, with forward and backward; it is kept.
    The batch is a sample of the base density: fit(flow.reverse_kl(target), flow.base, ...).
    """

    flow: Density
    target: Density = const()

    def __post_init__(self):
        if self.flow.runs != "generative":
            raise validate.expected("flow", "a flow that runs 'generative'", repr(self.flow.runs))

    def draw(self, batch, rng):
        return (validate.array("z", batch, ("N", self.flow.features), self.flow.dtype),), {}

    def forward(self, z):
        x, logdet, chain_cache = self.flow.chain.forward(z)
        logq, base_cache = self.flow.base.forward(z)
        logp, target_cache = self.target.forward(x)
        loss = (logq - logdet - logp).mean()
        return loss, (logq, chain_cache, base_cache, target_cache)

    def backward(self, dloss, cache):
        logq, chain_cache, base_cache, target_cache = cache
        d = np.full_like(logq, dloss / len(logq))
        dx, _ = self.target.backward(-d, target_cache)
        dz_base, dbase = self.flow.base.backward(d, base_cache)
        dz, dchain = self.flow.chain.backward(dx, -d, chain_cache)
        return dz + dz_base, {"flow": {"chain": dchain, "base": dbase}}
