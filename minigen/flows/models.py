"""Whole flows in one call. The options mean the same in each:

c           bound of the log-scales (of the log of a spline's sizes)
activation  "relu", "tanh", "silu" or "softplus", of every network
context     number of context columns of a conditional flow, 0 for none
before      maps of preprocessing, applied to the data first, in float64; their log-det is counted
init_from   data x (N, D): they are standardised after `before`, and an ActNorm, set from them, is
            put before each layer
base        a Density of the latents, by default N(0, I)
levels      K for integer data 0 .. K-1, dequantised and, without `before`, mapped by Logit; or a K
            for each column, None for real numbers, or {column: K}
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from minigen.core import validate
from minigen.core.contract import Bijection, Density, Inverse
from minigen.core.signature import Bound, Count, Several, Size, checked
from minigen.flows.actnorm import ActNorm
from minigen.flows.chain import Chain
from minigen.flows.coupling import AdditiveCoupling, AffineCoupling
from minigen.flows.elementwise import Affine
from minigen.flows.flow import Flow
from minigen.flows.iaf_layer import IAFLayer
from minigen.flows.levels import Levels, as_levels, dequantized_columns, supports
from minigen.flows.losses import refuse_columns
from minigen.flows.made_mog import MADEMoG
from minigen.flows.maf_layer import MAFLayer
from minigen.flows.permute import Permute
from minigen.flows.preprocess import Preprocess
from minigen.flows.spline import SplineCoupling
from minigen.flows.spline_maf import SplineMAFLayer
from minigen.prob import StandardNormal

Hidden = int | Sequence[int]


@checked
def real_nvp(
    features: Several, layers: Count = 8, hidden: Hidden = (64, 64), *, rng: np.random.Generator,
    dtype: DTypeLike = np.float32, c: Bound = 2.0, activation: str = "relu", context: Size = 0,
    init_from: ArrayLike | None = None, before: Sequence[Bijection] = (),
    base: Density | None = None, levels: Levels = 0,
) -> Flow:  # fmt: skip
    """Real NVP: affine couplings with the columns mixed between them (Dinh et al. 2017).

    Parameters
    ----------
    features : D >= 2
    layers : how many couplings
    hidden : widths of each coupling's network
    rng : the generator of the first weights
    dtype : of the parameters
    c, activation, context, init_from, before, base, levels : see `minigen.flows.models`

    Returns
    -------
    Flow
        One pass in both directions: train it by `nll` or by `reverse_kl`.

    Examples
    --------
    >>> flow = mg.flows.real_nvp(2, layers=4, hidden=(16,), rng=rng)
    >>> flow.log_prob(np.zeros((3, 2))).shape
    (3,)
    """

    def step(k: int) -> tuple[Bijection, ...]:
        coupling = AffineCoupling.init(
            features, hidden, rng=rng, dtype=dtype, c=c, activation=activation, context=context
        )
        return (*mixing(features, k, rng), coupling)

    return assemble(step, features, layers, rng, dtype, init_from, before, base, levels)


@checked
def nice(
    features: Several, layers: Count = 8, hidden: Hidden = (64, 64), *, rng: np.random.Generator,
    dtype: DTypeLike = np.float32, activation: str = "relu", context: Size = 0,
    init_from: ArrayLike | None = None, before: Sequence[Bijection] = (),
    base: Density | None = None, levels: Levels = 0,
) -> Flow:  # fmt: skip
    """NICE: additive couplings, then one scale for each column (Dinh et al. 2015).

    Parameters
    ----------
    features : D >= 2
    layers : how many couplings
    hidden : widths of each coupling's network
    rng : the generator of the first weights
    dtype : of the parameters
    activation, context, init_from, before, base, levels : see `minigen.flows.models`

    Returns
    -------
    Flow
        One pass in both directions: train it by `nll` or by `reverse_kl`.

    Examples
    --------
    >>> mg.flows.nice(3, layers=2, hidden=(16,), rng=rng).sample(5, rng=rng).shape
    (5, 3)
    """

    def step(k: int) -> tuple[Bijection, ...]:
        coupling = AdditiveCoupling.init(
            features, hidden, rng=rng, dtype=dtype, activation=activation, context=context
        )
        last = (ActNorm.init(features, dtype=dtype),) if k == layers - 1 else ()
        return (*mixing(features, k, rng), coupling, *last)

    return assemble(step, features, layers, rng, dtype, init_from, before, base, levels)


@checked
def maf(
    features: Count, layers: Count = 5, hidden: Hidden = (64, 64), *, rng: np.random.Generator,
    dtype: DTypeLike = np.float32, c: Bound = 2.0, activation: str = "relu", context: Size = 0,
    init_from: ArrayLike | None = None, before: Sequence[Bijection] = (),
    base: Density | None = None, levels: Levels = 0,
) -> Flow:  # fmt: skip
    """Masked autoregressive flow: a density in one pass a layer (Papamakarios et al. 2017).

    Every other layer visits the columns in reversed order.

    Parameters
    ----------
    features : D >= 1
    layers : how many MADEs
    hidden : widths of each MADE, at least D - 1 (D with a context)
    rng : the generator of the first weights
    dtype : of the parameters
    c, activation, context, init_from, before, base, levels : see `minigen.flows.models`

    Returns
    -------
    Flow
        FAST from data to latent, SLOW back: train it by `nll`.

    Examples
    --------
    >>> flow = mg.flows.maf(3, layers=2, hidden=(16,), rng=rng)
    >>> flow.sample(5, rng=rng).shape
    (5, 3)
    """

    def step(k: int) -> tuple[Bijection, ...]:
        return (
            MAFLayer.init(
                features, hidden, rng=rng, dtype=dtype, c=c, order=alternating(k),
                context=context, activation=activation,
            ),
        )  # fmt: skip

    return assemble(step, features, layers, rng, dtype, init_from, before, base, levels)


@checked
def iaf(
    features: Count, layers: Count = 5, hidden: Hidden = (64, 64), *, rng: np.random.Generator,
    dtype: DTypeLike = np.float32, c: Bound = 2.0, activation: str = "relu", context: Size = 0,
    init_from: ArrayLike | None = None, before: Sequence[Bijection] = (),
    base: Density | None = None, levels: Levels = 0,
) -> Flow:  # fmt: skip
    """Inverse autoregressive flow: samples in one pass a layer (Kingma et al. 2016).

    The chain is the inverse of a chain of IAF layers; with `init_from` one ActNorm, set from the
    data, stands before it.

    Parameters
    ----------
    features : D >= 1
    layers : how many MADEs
    hidden : widths of each MADE, at least D - 1 (D with a context)
    rng : the generator of the first weights
    dtype : of the parameters
    c, activation, context, init_from, before, base, levels : see `minigen.flows.models`

    Returns
    -------
    Flow
        FAST from latent to data, SLOW back: train it by `reverse_kl`.

    Examples
    --------
    >>> flow = mg.flows.iaf(2, layers=2, hidden=(16,), rng=rng)
    >>> loss = flow.reverse_kl(mg.flows.energy("ring"))
    >>> mg.fit(loss, flow.base, steps=3, rng=rng).steps
    3
    """
    generative = Chain(
        tuple(
            IAFLayer.init(
                features, hidden, rng=rng, dtype=dtype, c=c, order=alternating(k),
                context=context, activation=activation,
            )
            for k in range(layers)
        )
    )  # fmt: skip

    def step(k: int) -> tuple[Bijection, ...]:
        return (Inverse(generative),)

    return assemble(step, features, 1, rng, dtype, init_from, before, base, levels)


@checked
def maf_mog(
    features: Count, layers: Count = 5, hidden: Hidden = (64, 64), components: Count = 8, *,
    rng: np.random.Generator, dtype: DTypeLike = np.float32, c: Bound = 2.0,
    activation: str = "relu", context: Size = 0, init_from: ArrayLike | None = None,
    before: Sequence[Bijection] = (), levels: Levels = 0,
) -> Flow:  # fmt: skip
    """MAF over a base of MADE with Gaussian mixtures, "MAF MoG" of Papamakarios et al. (2017).

    Parameters
    ----------
    features : D >= 1
    layers : how many MADEs, beside that of the base
    hidden : widths of each MADE, at least D - 1 (D with a context)
    components : K of each mixture
    rng : the generator of the first weights
    dtype : of the parameters
    c, activation, context, init_from, before, levels : see `minigen.flows.models`

    Returns
    -------
    Flow
        FAST from data to latent, SLOW back: train it by `nll`.

    Examples
    --------
    >>> mg.flows.maf_mog(2, 2, (16,), components=3, rng=rng).log_prob([[0.0, 0.0]]).shape
    (1,)
    """
    base = MADEMoG.init(
        features, hidden, components, rng=rng, dtype=dtype, order=alternating(layers),
        activation=activation, context=context,
    )  # fmt: skip
    return maf(
        features, layers, hidden, rng=rng, dtype=dtype, c=c, activation=activation,
        context=context, init_from=init_from, before=before, base=base, levels=levels,
    )  # fmt: skip


@checked
def neural_spline(
    features: Count, layers: Count = 3, hidden: Hidden = (64, 64), *, rng: np.random.Generator,
    dtype: DTypeLike = np.float32, bins: Count = 16, bound: Bound = 5.0, coupling: bool = False,
    c: Bound = 3.0, activation: str = "relu", context: Size = 0, init_from: ArrayLike | None = None,
    before: Sequence[Bijection] = (), base: Density | None = None, levels: Levels = 0,
) -> Flow:  # fmt: skip
    """Neural spline flow: monotone rational-quadratic splines (Durkan et al. 2019).

    Parameters
    ----------
    features : D >= 1, or D >= 2 with coupling=True
    layers : how many
    hidden : widths of each network; of a MADE at least D - 1 (D with a context)
    rng : the generator of the first weights
    dtype : of the parameters
    bins, bound : K bins on [-bound, bound], the identity outside: standardise the data
    coupling : True for couplings, one pass in both directions; else autoregressive layers
    c, activation, context, init_from, before, base, levels : see `minigen.flows.models`

    Returns
    -------
    Flow

    Examples
    --------
    >>> flow = mg.flows.neural_spline(2, 2, (16,), bins=4, coupling=True, rng=rng)
    >>> flow.sample(5, rng=rng).shape
    (5, 2)
    """

    def step(k: int) -> tuple[Bijection, ...]:
        options: dict[str, Any] = {
            "bins": bins, "bound": bound, "c": c, "rng": rng, "dtype": dtype,
            "activation": activation, "context": context,
        }  # fmt: skip
        if coupling:
            return (*mixing(features, k, rng), SplineCoupling.init(features, hidden, **options))
        return (SplineMAFLayer.init(features, hidden, order=alternating(k), **options),)

    validate.integer("features", features, 2 if coupling else 1)
    return assemble(step, features, layers, rng, dtype, init_from, before, base, levels)


def alternating(k: int) -> str:
    """The order of layer k: each layer reverses the order of the one before."""
    return "reversed" if k % 2 else "natural"


def mixing(features: int, k: int, rng: np.random.Generator) -> tuple[Permute, ...]:
    """The permutation before coupling k > 0: halves swapped, and every other time at random."""
    if k == 0:
        return ()
    swap = k % 2 or features == 2
    return (Permute.halves(features) if swap else Permute.random(features, rng=rng),)


def assemble(
    step: Callable[[int], tuple[Bijection, ...]], features: int, layers: int,
    rng: np.random.Generator, dtype: DTypeLike, init_from: ArrayLike | None,
    before: Sequence[Bijection], base: Density | None, levels: Levels,
) -> Flow:  # fmt: skip
    """A Flow of preprocessing and `layers` steps, each a tuple of maps."""
    levels = as_levels(levels, features)
    before = before or supports(levels)
    validate.maps("before", before, features)
    if base is not None:
        refuse_columns("base", base, features)
    fixed, x = list(before), None
    if init_from is not None:
        x = validate.array("init_from", init_from, ("N", features), np.float64)
        if not len(x):
            raise validate.expected("init_from", "at least one row", "none")
        if levels:
            x = dequantized_columns("init_from", x, levels, rng)
        validate.refuse_outside("init_from", x, Chain(tuple(fixed)).defined(x))
        fixed.append(Affine.standardize(Chain(tuple(fixed)).forward(x)[0]))
    maps: list[Bijection] = [Preprocess.of(*fixed, dtype=dtype)] if fixed else []
    if x is not None:
        x = maps[0].forward(x)[0]
    for k in range(layers):
        if x is not None:
            maps.append(ActNorm.init_from(x, dtype=dtype))
            x = maps[-1].forward(x)[0]
        maps += step(k)
    alone = len(maps) == 1 and isinstance(maps[0], Inverse)
    chain = maps[0] if alone else Chain(tuple(maps))
    return Flow(chain, StandardNormal(features) if base is None else base, levels)
