"""Chains of maps: log-determinants add."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core.contract import Bijection, Cache


@dataclass(frozen=True, eq=False, repr=False)
class Chain(Bijection):
    """Composition of bijections; the first layer listed is applied first.

        z_k = f_k(... f_1(z_0))                                         CV-8
        log|det dz_k/dz_0| = sum_{i=1}^k log|det df_i/dz_{i-1}|         CV-10
        log|det dz_0/dz_k| = sum_{i=1}^k log|det df_i^{-1}/dz_i|        CV-9

    Because the log-determinants add, every layer receives the same dlogdet; only dz is
    transformed. A context goes to the layers that declare one, and their dcontext are summed.
    """

    layers: tuple[Bijection, ...]

    @cached_property
    def context(self) -> int:
        return max((f.context for f in self.layers), default=0)

    def defined(self, x: NDArray) -> NDArray:
        """Whether the maps without parameters at the beginning are defined at each row."""
        good = np.ones(len(x), bool)
        with np.errstate(all="ignore"):
            for f in self.layers:
                good &= f.defined(x)
                if f.size:
                    break
                x = f.forward(x)[0]
        return good

    def slow(self, direction: str) -> Bijection | None:
        return next((s for f in self.layers if (s := f.slow(direction))), None)

    def forward(self, z: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        logdet = np.zeros(len(z), z.dtype)
        caches = []
        for f in self.layers:
            z, ell, cache = f.forward(z, *(context if f.context else ()))
            logdet = logdet + ell  # CV-10
            caches.append(cache)
        return z, logdet, tuple(caches)

    def backward(self, dz: NDArray, dlogdet: NDArray, caches: Cache) -> tuple[Any, ...]:
        grads, dcontext = {}, ()
        for k in reversed(range(len(self.layers))):
            dz, *dc, grads[str(k)] = self.layers[k].backward(dz, dlogdet, caches[k])  # CV-10
            dcontext = added(dcontext, dc)
        return dz, *dcontext, {"layers": grads}

    def inverse(self, z: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        logdet = np.zeros(len(z), z.dtype)
        caches = []
        for f in reversed(self.layers):
            z, ell, cache = f.inverse(z, *(context if f.context else ()))
            logdet = logdet + ell  # CV-9
            caches.append(cache)
        return z, logdet, tuple(reversed(caches))

    def inverse_backward(self, dz: NDArray, dlogdet: NDArray, caches: Cache) -> tuple[Any, ...]:
        grads, dcontext = {}, ()
        for k, f in enumerate(self.layers):
            dz, *dc, grads[str(k)] = f.inverse_backward(dz, dlogdet, caches[k])  # CV-9
            dcontext = added(dcontext, dc)
        return dz, *dcontext, {"layers": grads}


def added(total: Sequence[NDArray], part: Sequence[NDArray]) -> tuple[NDArray, ...]:
    """The sum of two tuples of at most one array, () counting as zero."""
    if total and part:
        return (total[0] + part[0],)
    return tuple(total or part)
