"""A flow: a chain of maps and a base density, in one of two orientations."""

from dataclasses import dataclass

import numpy as np

from minigen.core import validate
from minigen.core.contract import Density
from minigen.flows.chain import Chain
from minigen.flows.losses import NLL, ReverseKL

NORMALIZING, GENERATIVE = "normalizing", "generative"


@dataclass(frozen=True, eq=False, repr=False)
class Flow(Density):
    """The density of x when a base density is pushed through a chain of maps.

        log p(x) = log q(z) + log|det dz/dx|,   z ~ q               CV-3, CV-6

    runs = "normalizing": the chain's forward is x -> z (trained by likelihood);
    runs = "generative": the chain's forward is z -> x (trained by reverse KL).

    With levels > 0 the data are integers 0 .. levels - 1: the density is that of x + u with u
    uniform on [0, 1), so -log p is in nats of the discrete data (an upper bound, averaged over
    u); training adds u in `draw`, and `sample` rounds down.
    """

    chain: Chain
    base: Density
    runs: str = NORMALIZING
    levels: int = 0

    def __post_init__(self):
        validate.choice("runs", self.runs, (NORMALIZING, GENERATIVE))

    @property
    def features(self):
        return self.base.features

    @property
    def context(self):
        return self.chain.context

    @property
    def nll(self):
        """The mean negative log-likelihood as a loss."""
        return NLL(self)

    def reverse_kl(self, target):
        """KL(flow || target) up to the log-normaliser of `target`, as a loss."""
        return ReverseKL(self, target)

    def forward(self, x, *context):
        if self.runs == NORMALIZING:
            z, logdet, chain_cache = self.chain.forward(x, *context)
        else:
            z, logdet = self.chain.inverse(x, *context)
            chain_cache = (x, *context)
        logq, base_cache = self.base.forward(z)
        return logq + logdet, (chain_cache, base_cache)  # CV-6

    def backward(self, dlogp, cache):
        chain_cache, base_cache = cache
        dz, dbase = self.base.backward(dlogp, base_cache)
        if self.runs == NORMALIZING:
            *dx, dchain = self.chain.backward(dz, dlogp, chain_cache)
        else:
            *dx, dchain = self.chain.backward_inverse(dz, dlogp, *chain_cache)
        return *dx, {"chain": dchain, "base": dbase}

    def encode(self, x, *context):
        """z and log|det dz/dx| of data x (N, D)."""
        rows = validate.rows(self, x, *context)
        return self._run(NORMALIZING, *rows)

    def decode(self, z, *context):
        """x and log|det dx/dz| of latents z (N, D)."""
        rows = validate.rows(self, z, *context)
        return self._run(GENERATIVE, *rows)

    def _run(self, direction, *inputs):
        if direction == self.runs:
            return self.chain.forward(*inputs)[:2]
        return self.chain.inverse(*inputs)

    def sample(self, n, *context, rng):
        """n samples (n, D), one for each row of a context; integers if levels > 0."""
        n = validate.integer("n", n, 0)
        z = self.base.sample(n, rng=validate.generator(rng))
        x, _ = self.decode(z, *context)
        return np.clip(np.floor(x), 0, self.levels - 1).astype(np.int64) if self.levels else x

    def bits_per_dim(self, x, *context, rng, draws=1):
        """-log2 p(x) / D of each row; of the discrete data, over `draws` of u, if levels > 0."""
        total = 0
        for _ in range(validate.integer("draws", draws, 1)):
            (y, *c), _ = self.nll.draw((x, *context), rng)
            total = total + self.log_prob(y, *c).astype(np.float64)
        return -total / (draws * self.features * np.log(2))
