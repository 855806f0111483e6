"""Whole autoregressive flows in one call."""

import numpy as np

from minigen.flows.factories import assemble
from minigen.flows.flow import GENERATIVE
from minigen.flows.iaf import IAFLayer
from minigen.flows.maf import MAFLayer


def maf(features, layers=5, hidden=(64, 64), *, rng, dtype=np.float32, c=2.0, activation="relu",
        context=0, **options):  # fmt: skip
    """Masked autoregressive flow (Papamakarios et al. 2017): a density in one pass a layer.

    Every other layer visits the columns in reversed order. features: D >= 1. hidden: widths of
    each MADE, at least D - 1 (D with a context). c bounds the log-scales. options: init_from=x
    puts an ActNorm, set from the data x, before each layer; before=(maps) of preprocessing;
    base=a Density; levels=K for integers.
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


def alternating(k):
    """The order of layer k: what came last comes first in the next."""
    return "reversed" if k % 2 else "natural"
