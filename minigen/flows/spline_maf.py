"""The masked autoregressive layer with splines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core.contract import Bijection, Cache
from minigen.core.signature import Bound, Count, Gain, Size, checked
from minigen.flows.made import MADE
from minigen.flows.sequential import incremental
from minigen.flows.sequential_backward import incremental_backward
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

    sequential = "inverse"

    @classmethod
    @checked
    def init(
        cls, features: Count, hidden: int | Sequence[int], *, bins: Count = 8, bound: Bound = 5.0,
        c: Bound = 3.0, rng: np.random.Generator, dtype: DTypeLike = np.float32,
        order: str | ArrayLike = "natural", context: Size = 0, activation: str = "relu",
        last_gain: Gain = 0.0,
    ) -> "SplineMAFLayer":  # fmt: skip
        """A layer that starts at the identity; the options are those of `MADE.init`.

        Parameters
        ----------
        features : D, the number of columns
        hidden : the widths of the hidden layers, each at least D - 1 (D with a context)
        bins : K, the pieces of each spline
        bound : B: outside [-B, B] the spline is the identity
        c : the bound of the logs of the sizes
        rng : the generator of the first weights
        dtype : of the parameters
        order : "natural", "reversed", "random", or a permutation of 0 .. D-1
        context : the number of context columns, 0 for none
        activation : "relu", "tanh", "silu" or "softplus"
        last_gain : scales the variance of the last weights; with 0 the parameters start at 0

        Returns
        -------
        SplineMAFLayer

        Examples
        --------
        >>> mg.flows.SplineMAFLayer.init(3, (8,), bins=4, rng=rng).sequential
        'inverse'
        """
        spline = Spline(bins, bound, c)
        made = MADE.init(
            features, hidden, spline.parts, rng=rng, dtype=dtype, order=order, context=context,
            activation=activation, last_gain=last_gain,
        )  # fmt: skip
        return cls(made, spline)

    @property
    def context(self) -> int:
        return self.made.context

    def forward(self, x: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        r, made_cache = self.made.forward(x, *context)
        z, ell, spline_cache = self.spline.forward(x, r)
        return z, ell.sum(axis=1), (made_cache, spline_cache)

    def backward(self, dz: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        made_cache, spline_cache = cache
        dell = np.broadcast_to(dlogdet[:, None], dz.shape)
        dx, dr, _ = self.spline.backward(dz, dell, spline_cache)
        dx_made, *dcontext, dmade = self.made.backward(dr, made_cache)
        return dx + dx_made, *dcontext, {"made": dmade}

    def inverse(self, z: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        x, logdet = incremental(self.made, z, self.solve, *context)
        return x, logdet, (x, z, context)

    def inverse_backward(self, dx: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        x, z, context = cache
        solve = self.solve_backward
        return incremental_backward(self.made, x, z, context, solve, dx, dlogdet)

    def solve(self, r: NDArray, z: NDArray) -> tuple[NDArray, NDArray]:
        return self.spline.inverse(z, r)[:2]

    def solve_backward(
        self, r: NDArray, z: NDArray, dx: NDArray, dlogdet: NDArray
    ) -> tuple[NDArray, NDArray]:
        _, _, cache = self.spline.inverse(z, r)
        dz, dr, _ = self.spline.inverse_backward(dx, dlogdet, cache)
        return dr, dz
