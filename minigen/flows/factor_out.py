"""Multi-scale architecture: half of the channels leave early."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core.contract import Bijection, Cache


@dataclass(frozen=True, eq=False, repr=False)
class FactorOut(Bijection):
    """The first d channels are latents already; the rest of the chain sees the others.

        z = (x_{1:d}, rest(x_{d+1:C})),   log|det dz/dx| = log|det drest/dx_{d+1:C}|

    (Dinh et al. 2017, eq. 14-16). `rest` may end in a FactorOut of its own: one for each scale. The
    latents of all scales are one row, so the base density is N(0, I) on R^D as ever.

    Shapes: x (N, H, W, C), C = channels, rest: (N, H, W, C - d) -> (N, H W (C - d)), z (N, H W C).
    """

    rest: Bijection
    d: int
    channels: int

    @property
    def context(self) -> int:
        return self.rest.context

    def slow(self, direction: str) -> Bijection | None:
        return self.rest.slow(direction)

    def forward(self, x: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        z2, logdet, rest = self.rest.forward(x[..., self.d :], *context)
        z1 = x[..., : self.d].reshape(len(x), x.shape[1] * x.shape[2] * self.d)
        return np.concatenate([z1, z2], axis=1), logdet, (rest, x.shape[1:3])

    def backward(self, dz: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        rest, sides = cache
        cut = self.cut(dz)
        dx1, dz2 = dz[:, :cut].reshape(-1, *sides, self.d), dz[:, cut:]
        dx2, *dcontext, grads = self.rest.backward(dz2, dlogdet, rest)
        return np.concatenate([dx1, dx2], axis=3), *dcontext, {"rest": grads}

    def inverse(self, z: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        cut = self.cut(z)
        x2, logdet, rest = self.rest.inverse(z[:, cut:], *context)
        x1 = z[:, :cut].reshape(*x2.shape[:3], self.d)
        return np.concatenate([x1, x2], axis=3), logdet, rest

    def inverse_backward(self, dx: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        dx1, dx2 = dx[..., : self.d], dx[..., self.d :]
        dz2, *dcontext, grads = self.rest.inverse_backward(dx2, dlogdet, cache)
        dz1 = dx1.reshape(len(dx), dx.shape[1] * dx.shape[2] * self.d)
        return np.concatenate([dz1, dz2], axis=1), *dcontext, {"rest": grads}

    def cut(self, z: NDArray) -> int:
        """How many columns of z (N, H W C) left here: H W d."""
        return z.shape[1] // self.channels * self.d
