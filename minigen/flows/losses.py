"""The two ways to train a flow: maximum likelihood and reverse KL."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Density, Grads, Loss
from minigen.core.tree import const
from minigen.prob import dequantize


@dataclass(frozen=True, eq=False, repr=False)
class NLL(Loss):
    """Mean negative log-likelihood, to be minimised over theta at fixed x.

        loss = -1/N sum_n log p(x_n)                                    CV-6

    It wants a density whose map from data to latent is one pass (FAST). Integer data of a density
    with levels are dequantised in `draw`: x + u, u ~ U[0, 1).
    """

    density: Density

    def __post_init__(self) -> None:
        refuse_slow(self.density, "forward", "from data to latent", "flow.reverse_kl(target)")

    def draw(
        self, batch: Any, rng: np.random.Generator
    ) -> tuple[tuple[NDArray, ...], dict[str, Any]]:
        x, *context = batch if isinstance(batch, tuple) else (batch,)
        return validate.rows(self.density, dequantized(self.density, x, rng), *context), {}

    def forward(self, x: NDArray, *context: NDArray) -> tuple[NDArray, Cache]:
        logp, cache = self.density.forward(x, *context)
        return -logp.mean(), (logp, cache)

    def backward(self, dloss: float, cache: Cache) -> tuple[Any, ...]:
        logp, density_cache = cache
        dlogp = np.full_like(logp, -dloss / len(logp))
        *dx, grads = self.density.backward(dlogp, density_cache)
        return *dx, {"density": grads}


@dataclass(frozen=True, eq=False, repr=False)
class ReverseKL(Loss):
    """KL(p_flow || p) up to log Z, for a flow whose map from latent to data is one pass (FAST).

        loss = 1/N sum_n [log q(z_n) - log|det dx/dz|_n - log p~(x_n)],   z_n ~ q

    target: the log of an unnormalised density p~ = Z p, with forward and backward; it is kept.
    The batch is a sample of the base density: fit(flow.reverse_kl(target), flow.base, ...).
    """

    flow: Any
    target: Density = const()

    def __post_init__(self) -> None:
        refuse_slow(self.flow, "inverse", "from latent to data", "flow.nll")

    def draw(
        self, batch: Any, rng: np.random.Generator
    ) -> tuple[tuple[NDArray, ...], dict[str, Any]]:
        return (validate.array("z", batch, ("N", self.flow.features), self.flow.dtype),), {}

    def forward(self, z: NDArray) -> tuple[NDArray, Cache]:
        x, logdet, chain_cache = self.flow.chain.inverse(z)
        logq, base_cache = self.flow.base.forward(z)
        logp, target_cache = self.target.forward(x)
        loss = (logq - logdet - logp).mean()
        return loss, (logq, chain_cache, base_cache, target_cache)

    def backward(self, dloss: float, cache: Cache) -> tuple[NDArray, Grads]:
        logq, chain_cache, base_cache, target_cache = cache
        d = np.full_like(logq, dloss / len(logq))
        dx, _ = self.target.backward(-d, target_cache)
        dz_base, dbase = self.flow.base.backward(d, base_cache)
        dz, dchain = self.flow.chain.inverse_backward(dx, -d, chain_cache)
        return dz + dz_base, {"flow": {"chain": dchain, "base": dbase}}


def dequantized(density: Density, x: ArrayLike, rng: np.random.Generator) -> ArrayLike:
    """Data of a density: x + u, u ~ U[0, 1), if they are integers, else x itself."""
    if not density.levels:
        return x
    x = validate.integers("x", x, 0, density.levels - 1)
    return dequantize(x.astype(density.dtype), rng)


def refuse_slow(density: Density, direction: str, way: str, other: str) -> None:
    """Refuse a density that takes a pass for each coordinate in the direction a loss needs."""
    slow = density.slow(direction)
    if slow is not None:
        got = f"{type(slow).__name__}, which goes there one coordinate at a time (SLOW)"
        raise validate.expected("flow", f"one pass {way} (FAST)", f"{got}; train it by {other}")
