"""The masked autoregressive layer: density in one pass."""

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
class MAFLayer(Bijection):
    """Masked autoregressive flow (Papamakarios, Pavlakou & Murray 2017), x -> z in one pass.

        z = (x - mu(x)) / sigma(x)                             MAF-4
        log|det dz/dx| = -sum_i log sigma_i(x_{1:i-1})         MAF-9
        x_i = z_i * sigma_i(x_{1:i-1}) + mu_i(x_{1:i-1})       MAF-2, one coordinate at a time

    One MADE gives (mu, r); log sigma = alpha = c w with w = tanh(r / c) is bounded. The backward
    pass is

        dmu = -dz / sigma,   dalpha = -dz * z - dlogdet,   dr = dalpha * (1 - w^2)
        dx = dz / sigma + MADE^T(dmu, dr)

    and that of the inverse a triangular solve (MAF-7, `sequential_backward.py`):

        lambda = dx + MADE^T(lambda, (lambda * z * sigma + dlogdet) (1 - w^2))
        dz = lambda * sigma

    Shapes: x, z, mu, alpha (N, D); made: D (and a context) -> (D, 2).
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
    ) -> "MAFLayer":  # fmt: skip
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
        MAFLayer

        Examples
        --------
        >>> mg.flows.MAFLayer.init(3, (8,), rng=rng).forward(np.ones((2, 3), np.float32))[1]
        array([-0., -0.], dtype=float32)
        """
        made = MADE.init(
            features, hidden, 2, rng=rng, dtype=dtype, order=order, context=context,
            activation=activation, last_gain=last_gain,
        )  # fmt: skip
        return cls(made, c)

    @property
    def context(self) -> int:
        return self.made.context

    def forward(self, x: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        h, made_cache = self.made.forward(x, *context)
        w = np.tanh(h[..., 1] / self.c)
        mu, alpha = h[..., 0], self.c * w
        e = np.exp(-alpha)
        z = (x - mu) * e  # MAF-4
        return z, -np.einsum("nj->n", alpha), (z, w, e, made_cache)  # MAF-9

    def backward(self, dz: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        z, w, e, made_cache = cache
        dx = dz * e  # MAF-4
        dmu = -dx  # MAF-4
        dalpha = -dz * z - dlogdet[:, None]  # MAF-4, MAF-9
        dh = np.stack([dmu, dalpha * (1 - w * w)], axis=-1)
        dx_made, *dcontext, dmade = self.made.backward(dh, made_cache)
        return dx + dx_made, *dcontext, {"made": dmade}  # MAF-4

    def inverse(self, z: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        x, logdet = incremental(self.made, z, self.solve, *context)
        return x, logdet, (x, z, context)

    def inverse_backward(self, dx: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        x, z, context = cache
        solve = self.solve_backward
        return incremental_backward(self.made, x, z, context, solve, dx, dlogdet)

    def solve(self, h: NDArray, z: NDArray) -> tuple[NDArray, NDArray]:
        """One coordinate: x_i and log|dx_i/dz_i| from its parameters and z_i."""
        alpha = self.c * np.tanh(h[:, 1] / self.c)
        return z * np.exp(alpha) + h[:, 0], alpha  # MAF-2, MAF-8

    def solve_backward(
        self, h: NDArray, z: NDArray, dx: NDArray, dlogdet: NDArray
    ) -> tuple[NDArray, NDArray]:
        w = np.tanh(h[:, 1] / self.c)
        e = np.exp(self.c * w)
        dalpha = dx * z * e + dlogdet  # MAF-2, MAF-8
        return np.stack([dx, dalpha * (1 - w * w)], axis=1), dx * e
