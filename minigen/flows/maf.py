"""The masked autoregressive layer: density in one pass."""

from dataclasses import dataclass

import numpy as np

from minigen.core.contract import Bijection
from minigen.flows.made import MADE
from minigen.flows.sequential import incremental
from minigen.kernels import affine, sums


@dataclass(frozen=True, eq=False, repr=False)
class MAFLayer(Bijection):
    """Masked autoregressive flow (Papamakarios, Pavlakou & Murray 2017), x -> z in one pass.

        z = (x - mu(x)) / sigma(x)                             MAF-4
        log|det dz/dx| = -sum_i log sigma_i(x_{1:i-1})         MAF-9
        x_i = z_i * sigma_i(x_{1:i-1}) + mu_i(x_{1:i-1})       MAF-2, one coordinate at a time

    One MADE gives (mu, r); log sigma = alpha = c w with w = tanh(r / c) is bounded. The backward
    pass is

        dmu = -dz / sigma,   dalpha = -dz * z - dlogdet,   dr = dalpha * (1 - w^2)
        dx = dz / sigma + MADE^T(dmu, dr)

    The element-wise lines of the backward pass stand in kernels/affine.py.

    Shapes: x, z, mu, alpha (N, D); made: D (and a context) -> (D, 2).
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

    def forward(self, x, *context):
        h, made_cache = self.made.forward(x, *context)
        w = np.tanh(h[..., 1] / self.c)
        mu, alpha = h[..., 0], self.c * w
        e = np.exp(-alpha)
        z = (x - mu) * e  # MAF-4
        return z, -sums.rows(alpha), (z, w, e, made_cache)  # MAF-9

    def backward(self, dz, dlogdet, cache):
        z, w, e, made_cache = cache
        straight, dh = affine.standardize_backward(dz, dlogdet, z, e, w)  # MAF-9, MAF-4
        dx, *dcontext, dmade = self.made.backward(dh, made_cache)
        return dx + straight, *dcontext, {"made": dmade}  # MAF-4

    def inverse(self, z, *context):
        return incremental(self.made, z, self.solve, *context)

    def solve(self, h, z):
        """One coordinate: x_i and log|dx_i/dz_i| from its parameters and z_i."""
        alpha = self.c * np.tanh(h[:, 1] / self.c)
        return z * np.exp(alpha) + h[:, 0], alpha  # MAF-2, MAF-8
