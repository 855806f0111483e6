"""The two ways to train a flow: maximum likelihood and reverse KL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.blocks import in_blocks
from minigen.core.contract import Cache, Density, Loss
from minigen.core.tree import const
from minigen.flows.chain import added
from minigen.flows.levels import dequantized_columns
from minigen.prob import dequantize

MANY = 4096  # rows that are looked at before training


@dataclass(frozen=True, eq=False, repr=False)
class NLL(Loss):
    """Mean negative log-likelihood, to be minimised over theta at fixed x.

        loss = -1/N sum_n log p(x_n)                                    CV-6

    It wants a density whose map from data to latent is one pass (FAST). Integer data of a density
    with levels are dequantised in `draw`: x + u, u ~ U[0, 1).

    weighted: the data are (x, w) or (x, context, w), w (N,) a weight of each row, 0 or more:

        loss = -1/N sum_n w_n log p(x_n)

    `fit` divides the weights by their mean over all rows (of validation data, over those), so that
    the loss is -sum_n w_n log p(x_n) / sum_n w_n, in nats a row: a row of weight 2 counts as two
    rows.
    """

    density: Density
    weighted: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_slow(self.density, "forward", "from data to latent", "flow.reverse_kl(target)")

    @property
    def data_dtype(self) -> np.dtype:
        return self.density.data_dtype

    def examine(self, data: Any, name: str = "data") -> None:
        (x, *context), given = self.apart(data, name)
        if self.weighted and not np.any(given["weights"]):
            raise validate.expected(f"w of {name}", "a weight above 0", "none")
        levels = self.density.levels
        x = validate.array(name, x, ("N", self.density.features))
        context = validate.conditions(self.density, len(x), *context)
        if isinstance(levels, int) and levels:
            (good,) = in_blocks(lambda x: (validate.whole(x, 0, levels - 1),), (x,))
            validate.refuse(name, x, ~good, f"whole numbers in 0..{levels - 1}")
            return
        if not hasattr(self.density, "chain"):
            return
        if levels:
            x = dequantized_columns(name, x, levels, np.random.default_rng(0))
        given_type = x[:MANY]
        x = validate.cast(name, x, self.density.data_dtype)
        validate.refuse_outside(name, x, self.density.defined(x))
        some = [a[:MANY] for a in (x, *context)]
        warn_of_scale(name, given_type, *some, flow=self.density)

    def prepared(self, data: Any) -> Any:
        if not self.weighted:
            return data
        *rows, w = data
        w = w / w.max()  # their sum is finite, whatever their unit
        return *rows, w / w.mean()

    def draw(
        self, batch: Any, rng: np.random.Generator
    ) -> tuple[tuple[NDArray, ...], dict[str, Any]]:
        (x, *context), given = self.apart(batch)
        given = {name: validate.cast("w", w, self.density.dtype) for name, w in given.items()}
        return validate.rows(self.density, dequantized(self.density, x, rng), *context), given

    def apart(self, batch: Any, name: str = "data") -> tuple[tuple[Any, ...], dict[str, Any]]:
        """(x, context) of a batch, and its weights if there are such."""
        parts = batch if isinstance(batch, tuple) else (batch,)
        if not self.weighted:
            return parts, {}
        if len(parts) < 2:
            raise validate.expected(name, "(x, w) with a weight of each row", "x alone")
        w = validate.array("w", parts[-1], (len(parts[0]),))
        validate.refuse("w", w, w < 0, "weights of 0 or more")
        return parts[:-1], {"weights": w}

    def rows(
        self, x: NDArray, *context: NDArray, weights: NDArray | None = None
    ) -> NDArray | None:  # fmt: skip
        logp = self.density.forward(x, *context)[0]
        return -(logp if weights is None else weights * logp)

    def forward(
        self, x: NDArray, *context: NDArray, weights: NDArray | None = None
    ) -> tuple[NDArray, Cache]:
        logp, cache = self.density.forward(x, *context)
        w = np.ones_like(logp.real) if weights is None else weights
        return -(logp if weights is None else w * logp).mean(), (logp, w, cache)

    def backward(self, dloss: float, cache: Cache) -> tuple[Any, ...]:
        logp, w, density_cache = cache
        dlogp = np.full_like(logp, -dloss / len(logp)) * w
        *dx, grads = self.density.backward(dlogp, density_cache)
        return *dx, {"density": grads}


@dataclass(frozen=True, eq=False, repr=False)
class ReverseKL(Loss):
    """KL(p_flow || p) up to log Z, for a flow whose map from latent to data is one pass (FAST).

        loss = 1/N sum_n [log q(z_n) - log|det dx/dz|_n - log p~(x_n)],   z_n ~ q

    target: the log of an unnormalised density p~ = Z p, with forward and backward; it is kept.
    The batch is a sample of the base density: fit(flow.reverse_kl(target), flow.base, ...). For a
    flow with a context it is rows of that context (amortised inference), and z is drawn for each;
    a target with a context sees it too.
    """

    flow: Any
    target: Density = const()

    def __post_init__(self) -> None:
        super().__post_init__()
        validate.methods("flow", self.flow, "chain", "base")
        refuse_slow(self.flow, "inverse", "from latent to data", "flow.nll")
        refuse_other("target", self.target, self.flow)

    def draw(
        self, batch: Any, rng: np.random.Generator
    ) -> tuple[tuple[NDArray, ...], dict[str, Any]]:
        if not self.flow.context:
            z = validate.array("z", batch, ("N", self.flow.features), self.flow.dtype)
            return (z,), {}
        (c,) = validate.conditions(self.flow, len(batch), batch)
        z = self.flow.base.sample(len(c), *of(self.flow.base, (c,)), rng=rng)
        return (z.astype(self.flow.dtype), c), {}

    def forward(self, z: NDArray, *context: NDArray) -> tuple[NDArray, Cache]:
        flow = self.flow
        x, logdet, chain_cache = flow.chain.inverse(z, *of(flow.chain, context))
        logq, base_cache = flow.base.forward(z, *of(flow.base, context))
        logp, target_cache = self.target.forward(x, *of(self.target, context))
        loss = (logq - logdet - logp).mean()
        return loss, (logq, chain_cache, base_cache, target_cache)

    def backward(self, dloss: float, cache: Cache) -> tuple[Any, ...]:
        logq, chain_cache, base_cache, target_cache = cache
        d = np.full_like(logq, dloss / len(logq))
        dx, *dc_target, _ = self.target.backward(-d, target_cache)
        dz_base, *dc_base, dbase = self.flow.base.backward(d, base_cache)
        dz, *dc, dchain = self.flow.chain.inverse_backward(dx, -d, chain_cache)
        dcontext = added(added(dc, dc_base), dc_target)
        return dz + dz_base, *dcontext, {"flow": {"chain": dchain, "base": dbase}}


def dequantized(density: Density, x: ArrayLike, rng: np.random.Generator) -> ArrayLike:
    """Data of a density: x + u, u ~ U[0, 1), if they are integers, else x itself."""
    if not density.levels:
        return x
    if isinstance(density.levels, tuple):
        return dequantized_columns("x", x, density.levels, rng)
    x = validate.integers("x", x, 0, density.levels - 1)
    return dequantize(x.astype(density.dtype), rng)


def warn_of_scale(name: str, given: NDArray, x: NDArray, *context: NDArray, flow: Any) -> None:
    """Say, before the first step, that data are far from unit scale and the flow leaves them so.

    given: the data x before they are cast.
    """
    z, _, _ = flow.chain.forward(x, *of(flow.chain, context))
    validate.warn_of_scale(name, given, z)
    for c in context:  # a rare class of a one-hot context may vary as little as it likes
        wide = c[:, (np.abs(c.mean(axis=0, dtype=np.float64)) > 1) | (c.std(axis=0) > 1)]
        remedy = "take its mean off and divide by its standard deviation"
        validate.warn_of_scale("context", wide, wide, remedy)


def of(part: Any, context: Sequence[NDArray]) -> Sequence[NDArray]:
    """The context, for a part that declares one."""
    return context if part.context else ()


def refuse_columns(name: str, density: Density, features: int) -> None:
    """Refuse a density of other columns; one that does not say how many it has is taken."""
    columns = getattr(density, "features", features)
    if columns != features:
        raise validate.expected(name, f"a density of {features} columns", f"one of {columns}")


def refuse_other(name: str, density: Density, flow: Any) -> None:
    """Refuse a density of other columns than a flow's, or of another context."""
    refuse_columns(name, density, flow.features)
    context = getattr(density, "context", 0)
    if context not in (0, flow.context):
        what = f"a density with a context of {flow.context} columns, or none"
        raise validate.expected(name, what, f"one of {context}")


def refuse_slow(density: Density, direction: str, way: str, other: str) -> None:
    """Refuse a density that takes a pass for each coordinate in the direction a loss needs."""
    slow = density.slow(direction)
    if slow is not None:
        got = f"{type(slow).__name__}, which goes there one coordinate at a time (SLOW)"
        raise validate.expected("flow", f"one pass {way} (FAST)", f"{got}; train it by {other}")
