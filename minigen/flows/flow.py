"""A flow: a chain of maps from data to latent, and a base density."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.blocks import drawn
from minigen.core.contract import Bijection, Cache, Density
from minigen.core.signature import Count, Size, checked
from minigen.flows.chain import Chain, added
from minigen.flows.levels import inside, quantized
from minigen.flows.losses import NLL, ReverseKL, dequantized, of
from minigen.flows.preprocess import Preprocess


@dataclass(frozen=True, eq=False, repr=False)
class Flow(Density):
    """The density of x when a base density is pushed through the inverse of a chain of maps.

        log p(x) = log q(z) + log|det dz/dx|,   z = f(x),   z ~ q      CV-3, CV-6

    The chain's forward runs from data x to latent z, its inverse from z to x. A chain that is one
    pass forward (FAST) can be trained by likelihood, `nll`; one whose inverse is one pass by
    `reverse_kl`; a coupling flow by both.

    With levels > 0 the data are integers 0 .. levels - 1: the density is that of x + u with u
    uniform on [0, 1), so -log p is in nats of the discrete data (an upper bound, averaged over
    u); training adds u in `draw`, and `sample` rounds down.

    Parameters
    ----------
    chain : Bijection, x (N, D) -> z (N, D); often a Chain
    base : Density of z, for example StandardNormal(D)
    levels : 0 for continuous data; K, or a tuple of a K for each column, 0 for real numbers

    Examples
    --------
    >>> flow = mg.flows.Flow(mg.flows.ActNorm.init(2), mg.prob.StandardNormal(2))
    >>> flow.log_prob([[0.0, 0.0]]).round(3)
    array([-1.838], dtype=float32)
    """

    chain: Bijection
    base: Density
    levels: Size | tuple[Size, ...] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        validate.methods("base", self.base, "forward", "backward", "sample")
        seen = self.chain.context, self.base.context
        if min(seen) and len(set(seen)) > 1:
            what = f"a context of {seen[0]} columns, as the chain has, or none"
            raise validate.expected("base", what, f"one of {seen[1]}")

    @property
    def features(self) -> int:
        return self.base.features

    @cached_property
    def context(self) -> int:
        return max(self.chain.context, self.base.context)

    @cached_property
    def data_dtype(self) -> np.dtype:
        """float64 where the chain begins with a Preprocess, else the model's own type."""
        layers = self.chain.layers if isinstance(self.chain, Chain) else (self.chain,)
        starts = bool(layers) and isinstance(layers[0], Preprocess)
        return np.dtype(np.float64) if starts else self.dtype

    def slow(self, direction: str) -> Bijection | None:
        return self.chain.slow(direction)

    @property
    def nll(self) -> NLL:
        """The mean negative log-likelihood as a loss."""
        return NLL(self)

    @checked
    def reverse_kl(self, target: Density) -> ReverseKL:
        """KL(flow || target) up to the log-normaliser of `target`, as a loss.

        Parameters
        ----------
        target : an unnormalised density, with forward and backward

        Returns
        -------
        ReverseKL, whose batches are samples of the base

        Examples
        --------
        >>> flow = mg.flows.iaf(2, 1, (8,), rng=rng)
        >>> run = mg.fit(flow.reverse_kl(mg.flows.energy("ring")), flow.base, steps=5, rng=rng)
        >>> run.steps
        5
        """
        return ReverseKL(self, target)

    def forward(self, x: NDArray, *context: NDArray) -> tuple[NDArray, Cache]:
        z, logdet, chain_cache = self.chain.forward(x, *of(self.chain, context))
        logq, base_cache = self.base.forward(z, *of(self.base, context))
        return logq + logdet, (chain_cache, base_cache)  # CV-6

    def backward(self, dlogp: NDArray, cache: Cache) -> tuple:
        chain_cache, base_cache = cache
        dz, *dcontext, dbase = self.base.backward(dlogp, base_cache)
        dx, *dc, dchain = self.chain.backward(dz, dlogp, chain_cache)
        return dx, *added(dcontext, dc), {"chain": dchain, "base": dbase}

    def defined(self, x: NDArray) -> NDArray:
        """Whether each row of x (N, D) is in the support: else its density is 0."""
        return self.chain.defined(x) & inside(x, self.levels)

    @checked
    def log_prob(self, x: ArrayLike, *context: ArrayLike) -> NDArray:
        """log p(x) in nats; -inf outside the support.

        Parameters
        ----------
        x : (N, D) data of any real type
        context : (N, C) of a conditional flow

        Returns
        -------
        (N,) array

        Examples
        --------
        >>> mg.flows.real_nvp(2, 1, (8,), rng=rng).log_prob(np.zeros((3, 2))).shape
        (3,)
        """
        return self.evaluated(self.density_of, x, *context)[0]

    def density_of(self, x: NDArray, *context: NDArray) -> tuple[NDArray]:
        """log p of the rows in the support, -inf of the others."""
        good = self.defined(x)
        logp = np.full(len(good), -np.inf, self.dtype)
        logp[good] = self.forward(x[good], *(c[good] for c in context))[0]
        return (logp,)

    @checked
    def encode(self, x: ArrayLike, *context: ArrayLike) -> tuple[NDArray, NDArray]:
        """The latents of data.

        Parameters
        ----------
        x : (N, D) data
        context : (N, C) of a conditional flow

        Returns
        -------
        z : (N, D)
        logdet : (N,), log|det dz/dx|

        Examples
        --------
        >>> z, logdet = mg.flows.real_nvp(2, 1, (8,), rng=rng).encode(np.zeros((3, 2)))
        >>> z.shape, logdet.shape
        ((3, 2), (3,))
        """

        def run(x: NDArray, *context: NDArray) -> tuple[NDArray, ...]:
            validate.refuse_outside("x", x, self.defined(x))
            return self.run(self.chain.forward)(x, *context)

        z, logdet = self.evaluated(run, x, *context)
        return z, logdet

    @checked
    def decode(self, z: ArrayLike, *context: ArrayLike) -> tuple[NDArray, NDArray]:
        """The data of latents.

        Parameters
        ----------
        z : (N, D) latents
        context : (N, C) of a conditional flow

        Returns
        -------
        x : (N, D)
        logdet : (N,), log|det dx/dz|

        Examples
        --------
        >>> flow = mg.flows.real_nvp(2, 1, (8,), rng=rng)
        >>> x = flow.sample(5, rng=rng)
        >>> bool(np.allclose(flow.decode(flow.encode(x)[0])[0], x, atol=1e-5))
        True
        """
        move = self.run(self.chain.inverse)
        x, logdet = self.evaluated(
            move, z, *context, name="z", dtype=self.dtype, direction="inverse"
        )
        return x, logdet

    def run(self, move: Callable) -> Callable:
        """The chain in one direction, without its cache, given the context if it declares one."""
        return lambda x, *context: move(x, *of(self.chain, context))[:2]

    @checked
    def sample(self, n: Size, *context: ArrayLike, rng: np.random.Generator) -> NDArray:
        """Samples of the model.

        Parameters
        ----------
        n : how many
        context : (n, C) of a conditional flow, a row for each sample
        rng : the generator

        Returns
        -------
        (n, D) array; its columns with levels are whole numbers. What falls outside 0 .. levels-1
            is moved to the nearest of them. The density counts it as lost, so `bits_per_dim` is an
            upper bound for the samples too: of the digits, with the logit's low = 0.01, by about
            0.02 to 0.03

        Examples
        --------
        >>> mg.flows.real_nvp(2, 1, (8,), rng=rng).sample(10, rng=rng).shape
        (10, 2)
        """
        n, rng = validate.integer("n", n, 0), validate.generator(rng)
        rows = validate.conditions(self, n, *context)

        def draw(n: int, *rows: NDArray) -> NDArray:
            z = self.base.sample(n, *of(self.base, rows), rng=rng)
            x, _ = self.decode(z, *rows)
            return quantized(x, self.levels) if self.levels else x

        return drawn(draw, n, self.features, *rows, slow=self.slow("inverse") is not None)

    @checked
    def bits_per_dim(
        self, x: ArrayLike, *context: ArrayLike, rng: np.random.Generator, draws: Count = 1
    ) -> NDArray:
        """-log2 p(x) / D of each row; of the discrete data, if levels > 0.

        Parameters
        ----------
        x : (N, D) data
        context : (N, C) of a conditional flow
        rng : the generator of the dequantising noise
        draws : how many draws of that noise are averaged

        Returns
        -------
        (N,) array

        Examples
        --------
        >>> flow = mg.flows.real_nvp(2, 1, (8,), levels=4, rng=rng)
        >>> flow.bits_per_dim([[0, 3], [1, 2]], rng=rng).shape
        (2,)
        """
        draws, rng = validate.integer("draws", draws, 1), validate.generator(rng)

        def run(x: NDArray, *context: NDArray) -> tuple[NDArray]:
            y = np.asarray(dequantized(self, x, rng))
            (logp,) = self.density_of(validate.cast("x", y, self.data_dtype), *context)
            return (logp.astype(np.float64),)

        total = 0
        for _ in range(draws):
            total = total + self.evaluated(run, x, *context, dtype=np.float64)[0]
        return -total / (draws * self.features * np.log(2))
