"""The inverse autoregressive layer: samples in one pass."""

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


@dataclass(frozen=True, eq=False, repr=False)
class IAFLayer(Bijection):
    """Inverse autoregressive flow (Kingma et al. 2016), z -> x in one pass.

        x = z * sigma(z) + mu(z)                               IAF-2
        log|det dx/dz| = sum_i log sigma_i(z_{1:i-1})          S-IAF
        z_i = (x_i - mu_i(z_{1:i-1})) / sigma_i(z_{1:i-1})     IAF-3, one coordinate at a time

    One MADE gives (mu, r); log sigma = alpha = c w with w = tanh(r / c) is bounded. The backward
    pass is

        dmu = dx,   dalpha = dx * z * sigma + dlogdet,   dr = dalpha * (1 - w^2)
        dz = dx * sigma + MADE^T(dmu, dr)

    and that of the inverse a triangular solve (`sequential_backward.py`):

        lambda = dz + MADE^T(-lambda / sigma, (-lambda * z - dlogdet) (1 - w^2))
        dx = lambda / sigma

    Shapes: z, x, mu, alpha (N, D); made: D (and a context) -> (D, 2).
    """

    made: MADE
    c: Bound = 2.0

    sequential = "inverse"

    @classmethod
    @checked
    def init(
        cls, features: Count, hidden: int | Sequence[int], *, rng: np.random.Generator,
        dtype: DTypeLike = np.float32, c: Bound = 2.0, order: str | ArrayLike = "natural",
        context: Size = 0, activation: str = "relu", last_gain: Gain = 0.0,
    ) -> "IAFLayer":  # fmt: skip
        """A layer that starts at the identity; the options are those of `MADE.init`.

        Parameters
        ----------
        features : D, the number of columns
        hidden : the widths of the hidden layers, each at least D - 1 (D with a context)
        rng : the generator of the first weights
        dtype : of the parameters
        c : the bound of the log-scales
        order : "natural", "reversed", "random", or a permutation of 0 .. D-1
        context : the number of context columns, 0 for none
        activation : "relu", "tanh", "silu" or "softplus"
        last_gain : scales the variance of the last weights; with 0 the parameters start at 0

        Returns
        -------
        IAFLayer

        Examples
        --------
        >>> mg.flows.IAFLayer.init(3, (8,), rng=rng).forward(np.ones((2, 3), np.float32))[1]
        array([0., 0.], dtype=float32)
        """
        made = MADE.init(
            features, hidden, 2, rng=rng, dtype=dtype, order=order, context=context,
            activation=activation, last_gain=last_gain,
        )  # fmt: skip
        return cls(made, c)

    @property
    def context(self) -> int:
        return self.made.context

    def forward(self, z: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        h, made_cache = self.made.forward(z, *context)
        w = np.tanh(h[..., 1] / self.c)
        mu, alpha = h[..., 0], self.c * w
        e = np.exp(alpha)
        x = z * e + mu  # IAF-2
        return x, np.einsum("nj->n", alpha), (z, w, e, made_cache)  # S-IAF

    def backward(self, dx: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        z, w, e, made_cache = cache
        dz = dx * e  # IAF-2
        dmu = dx  # IAF-2
        dalpha = dz * z + dlogdet[:, None]  # IAF-2, S-IAF
        dh = np.stack([dmu, dalpha * (1 - w * w)], axis=-1)
        dz_made, *dcontext, dmade = self.made.backward(dh, made_cache)
        return dz + dz_made, *dcontext, {"made": dmade}  # IAF-2

    def inverse(self, x: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        z, logdet = incremental(self.made, x, self.solve, *context)
        return z, logdet, (z, x, context)

    def inverse_backward(self, dz: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        z, x, context = cache
        solve = self.solve_backward
        return incremental_backward(self.made, z, x, context, solve, dz, dlogdet)

    def solve(self, h: NDArray, x: NDArray) -> tuple[NDArray, NDArray]:
        """One coordinate: z_i and log|dz_i/dx_i| from its parameters and x_i."""
        alpha = self.c * np.tanh(h[:, 1] / self.c)
        return (x - h[:, 0]) * np.exp(-alpha), -alpha  # IAF-3

    def solve_backward(
        self, h: NDArray, x: NDArray, dz: NDArray, dlogdet: NDArray
    ) -> tuple[NDArray, NDArray]:
        w = np.tanh(h[:, 1] / self.c)
        dx = dz * np.exp(-self.c * w)
        dalpha = -dx * (x - h[:, 0]) - dlogdet  # IAF-3
        return np.stack([-dx, dalpha * (1 - w * w)], axis=1), dx
