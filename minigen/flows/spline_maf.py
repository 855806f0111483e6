"""The masked autoregressive layer with splines."""

from dataclasses import dataclass

import numpy as np

from minigen.core.contract import Bijection
from minigen.flows.made import MADE
from minigen.flows.sequential import incremental
from minigen.flows.spline import Spline


@dataclass(frozen=True, eq=False, repr=False)
class SplineMAFLayer(Bijection):
    """Autoregressive neural spline (Durkan et al. 2019): MAF-4 with a spline in place of a line.

        z_i = RQ(x_i; r_i(x_{1:i-1})),   log|det dz/dx| = sum_i log RQ'_i

    x -> z in one pass; the inverse is sequential, as for `MAFLayer`.

    Shapes: x, z (N, D); made: D (and a context) -> (D, 3K - 1).
    """

    made: MADE
    spline: Spline

    @classmethod
    def init(cls, features, hidden, *, bins=8, bound=5.0, c=3.0, **options):
        """A layer that starts at the identity; options as for `MADE.init`."""
        spline = Spline(bins, bound, c)
        return cls(MADE.init(features, hidden, spline.parts, **options), spline)

    @property
    def context(self):
        return self.made.context

    def forward(self, x, *context):
        r, made_cache = self.made.forward(x, *context)
        z, ell, spline_cache = self.spline.forward(x, r)
        return z, ell.sum(axis=1), (made_cache, spline_cache)

    def backward(self, dz, dlogdet, cache):
        made_cache, spline_cache = cache
        dell = np.broadcast_to(dlogdet[:, None], dz.shape)
        dx, dr, _ = self.spline.backward(dz, dell, spline_cache)
        dx_made, *dcontext, dmade = self.made.backward(dr, made_cache)
        return dx + dx_made, *dcontext, {"made": dmade}

    def inverse(self, z, *context):
        return incremental(self.made, z, self.solve, *context)

    def solve(self, r, z):
        return self.spline.inverse(z, r)
