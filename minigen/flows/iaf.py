"""The inverse autoregressive layer: samples in one pass."""

from dataclasses import dataclass

import numpy as np

from minigen.core.contract import Bijection
from minigen.flows.made import MADE
from minigen.flows.sequential import incremental
from minigen.kernels import sums


@dataclass(frozen=True, eq=False, repr=False)
class IAFLayer(Bijection):
    """Inverse autoregressive flow (Kingma et al. 2016), z -> x in one pass.

        x = z * sigma(z) + mu(z)                               IAF-2
        log|det dx/dz| = sum_i log sigma_i(z_{1:i-1})          S-IAF
        z_i = (x_i - mu_i(z_{1:i-1})) / sigma_i(z_{1:i-1})     IAF-3, one coordinate at a time

    One MADE gives (mu, r); log sigma = alpha = c tanh(r / c) is bounded. The backward pass is

        dmu = dx,   dalpha = dx * z * sigma + dlogdet,   dz = dx * sigma + MADE^T(dmu, dalpha).

    Shapes: z, x, mu, alpha (N, D); made: D (and a context) -> (D, 2).
    """

    made: MADE
    c: float = 2.0

    @classmethod
    def init(cls, features, hidden, *, c=2.0, **options):
        """A layer that starts at the identity; options as for `MADE.init`."""
        return cls(MADE.init(features, hidden, 2, **options), c)

    @property
    def context(self):
        return self.made.context

    def forward(self, z, *context):
        h, made_cache = self.made.forward(z, *context)
        w = np.tanh(h[..., 1] / self.c)
        mu, alpha = h[..., 0], self.c * w
        e = np.exp(alpha)
        x = z * e + mu  # IAF-2
        return x, sums.rows(alpha), (z, w, e, made_cache)  # S-IAF

    def backward(self, dx, dlogdet, cache):
        z, w, e, made_cache = cache
        dmu = dx  # IAF-2
        dalpha = dx * z * e + dlogdet[:, None]  # IAF-2, S-IAF
        dz, *dcontext, dmade = self.made.backward(
            np.stack([dmu, dalpha * (1 - w * w)], axis=-1), made_cache
        )
        return dz + dx * e, *dcontext, {"made": dmade}  # IAF-2

    def inverse(self, x, *context):
        return incremental(self.made, x, self.solve, *context)

    def solve(self, h, x):
        """One coordinate: z_i and log|dz_i/dx_i| from its parameters and x_i."""
        alpha = self.c * np.tanh(h[:, 1] / self.c)
        return (x - h[:, 0]) * np.exp(-alpha), -alpha  # IAF-3
