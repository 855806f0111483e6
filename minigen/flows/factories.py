"""Whole flows in one call."""

import numpy as np

from minigen.core import validate
from minigen.flows.actnorm import ActNorm
from minigen.flows.chain import Chain
from minigen.flows.coupling import AdditiveCoupling, AffineCoupling
from minigen.flows.elementwise import Logit
from minigen.flows.flow import NORMALIZING, Flow
from minigen.flows.permute import Permute
from minigen.prob import StandardNormal, dequantize
from minigen.prob.dequantization import whole


def real_nvp(features, layers=8, hidden=(64, 64), *, rng, dtype=np.float32, c=2.0, **options):
    """Real NVP (Dinh et al. 2017): affine couplings, their log-scales bounded by c.

    features: D >= 2. layers: how many couplings. hidden: widths of each coupling's network.
    options: activation="relu" | "tanh" | "silu" | "softplus"; context=C for a conditional flow;
    init_from=x puts an ActNorm, set from the data x, before each coupling; base=a Density;
    runs="normalizing" | "generative"; before=(maps) for preprocessing; levels=K for integer data
    0 .. K-1, which are dequantised and, unless `before` says otherwise, mapped by a Logit.
    """

    def coupling(**common):
        return AffineCoupling.init(features, hidden, rng=rng, dtype=dtype, c=c, **common)

    return coupling_flow(coupling, features, layers, rng=rng, dtype=dtype, **options)


def nice(features, layers=8, hidden=(64, 64), *, rng, dtype=np.float32, **options):
    """NICE (Dinh et al. 2015): additive couplings, then one scale per column; see `real_nvp`."""

    def coupling(**common):
        return AdditiveCoupling.init(features, hidden, rng=rng, dtype=dtype, **common)

    last = (ActNorm.init(features, dtype=dtype),)
    return coupling_flow(coupling, features, layers, rng=rng, dtype=dtype, last=last, **options)


def coupling_flow(
    coupling, features, layers, *, rng, dtype, activation="relu", context=0, last=(), **options
):
    """A flow of couplings with the columns mixed between them."""
    validate.integer("features", features, 2)
    validate.integer("context", context, 0)

    def step(k):
        mix = (mixing(features, k, rng),) if k else ()
        return (*mix, coupling(context=context, activation=activation))

    return assemble(step, features, layers, rng=rng, dtype=dtype, last=last, **options)


def mixing(features, k, rng):
    """The permutation before coupling k: halves swapped, and every other time at random."""
    if k % 2 or features == 2:
        return Permute.halves(features)
    return Permute.random(features, rng=rng)


def assemble(
    step, features, layers, *, rng, dtype, before=(), last=(), init_from=None, base=None,
    runs=NORMALIZING, levels=0,
):  # fmt: skip
    """A Flow of preprocessing, `layers` steps (each a tuple of maps), and the last maps."""
    validate.integer("layers", layers, 1)
    validate.generator(rng)
    if levels and not before:
        before = (Logit(bins=float(levels), low=0.01),)
    maps, x = list(before), None
    if init_from is not None:
        x = validate.array("init_from", init_from, ("N", features))
        x = (dequantize(whole("init_from", x, 0, levels - 1), rng) if levels else x).astype(dtype)
        for f in maps:
            x = f.forward(x)[0]
    for k in range(layers):
        if x is not None:
            maps.append(ActNorm.init_from(x, dtype=dtype))
            x = maps[-1].forward(x)[0]
        maps += step(k)
    base = StandardNormal(features) if base is None else base
    return Flow(Chain((*maps, *last)), base, runs, levels)
