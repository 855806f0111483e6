"""Whole autoregressive flows in one call."""

import numpy as np

from minigen.flows.factories import assemble, mixing
from minigen.flows.flow import GENERATIVE
from minigen.flows.iaf import IAFLayer
from minigen.flows.made_mog import MADEMoG
from minigen.flows.maf import MAFLayer
from minigen.flows.spline import SplineCoupling
from minigen.flows.spline_maf import SplineMAFLayer


def maf(features, layers=5, hidden=(64, 64), *, rng, dtype=np.float32, c=2.0, activation="relu",
        context=0, **options):  # fmt: skip
    """Masked autoregressive flow (Papamakarios et al. 2017): a density in one pass a layer.

    Every other layer visits the columns in reversed order. features: D >= 1. hidden: widths of
    each MADE, at least D - 1 (D with a context). c bounds the log-scales. options: init_from=x
    puts an ActNorm, set from the data x, before each layer; before=(maps) of preprocessing;
    base=a Density; levels=K for integer data, dequantised and, without `before`, mapped by Logit.
    """
    common = {"activation": activation, "context": context, "rng": rng, "dtype": dtype}

    def step(k):
        return (MAFLayer.init(features, hidden, c=c, order=alternating(k), **common),)

    return assemble(step, features, layers, rng=rng, dtype=dtype, **options)


def iaf(features, layers=5, hidden=(64, 64), *, rng, dtype=np.float32, c=2.0, activation="relu",
        context=0, base=None):  # fmt: skip
    """Inverse autoregressive flow (Kingma et al. 2016): samples in one pass a layer; see `maf`.

    It runs in the generative direction: train it with `flow.reverse_kl(target)`.
    """
    common = {"activation": activation, "context": context, "rng": rng, "dtype": dtype}

    def step(k):
        return (IAFLayer.init(features, hidden, c=c, order=alternating(k), **common),)

    return assemble(step, features, layers, rng=rng, dtype=dtype, base=base, runs=GENERATIVE)


def maf_mog(features, layers=5, hidden=(64, 64), components=8, *, rng, dtype=np.float32, c=2.0,
            activation="relu", context=0, **options):  # fmt: skip
    """MAF over a base of MADE with Gaussian mixtures (MAF MoG of the MAF paper); see `maf`."""
    common = {"activation": activation, "rng": rng, "dtype": dtype}
    order = alternating(layers)
    base = MADEMoG.init(features, hidden, components, order=order, **common)
    return maf(features, layers, hidden, c=c, context=context, base=base, **common, **options)


def neural_spline(features, layers=3, hidden=(64, 64), *, rng, dtype=np.float32, bins=16, bound=5.0,
                  c=3.0, coupling=False, activation="relu", context=0, **options):  # fmt: skip
    """Neural spline flow (Durkan et al. 2019): rational-quadratic splines; see `maf`.

    bins on [-bound, bound], the identity outside: data should be standardised. coupling=True
    makes it of couplings (D >= 2), parallel both ways; otherwise it is autoregressive. The size is
    by default what `minigen train` takes for toys in the plane.
    """
    common = {"activation": activation, "context": context, "rng": rng, "dtype": dtype}
    common |= {"bins": bins, "bound": bound, "c": c}

    def step(k):
        if coupling:
            mix = (mixing(features, k, rng),) if k else ()
            return (*mix, SplineCoupling.init(features, hidden, **common))
        return (SplineMAFLayer.init(features, hidden, order=alternating(k), **common),)

    return assemble(step, features, layers, rng=rng, dtype=dtype, **options)


def alternating(k):
    """The order of layer k: what came last comes first in the next."""
    return "reversed" if k % 2 else "natural"
