"""Every layer, density and loss of the package, one line each: a name and how to make one.

`tests/test_contract.py` holds each of them to every promise of the contract, at random shapes.
A line is a function of `s`, a draw of sizes and inputs (see `Sizes`), that returns a `Case`.
"""

from dataclasses import dataclass, field

import numpy as np

from minigen import nn
from minigen.core import tree
from minigen.flows import (
    ActNorm,
    AdditiveCoupling,
    Affine,
    AffineCoupling,
    Exp,
    InvertibleLinear,
    Logit,
    Permute,
    nice,
    real_nvp,
)
from minigen.flows.iaf import IAFLayer
from minigen.flows.made import MADE
from minigen.flows.maf import MAFLayer
from minigen.flows.spline import Spline, SplineCoupling
from minigen.flows.spline_maf import SplineMAFLayer
from minigen.prob import Gaussian, Mixture, StandardNormal


class Sizes:
    """One random draw: N rows, D features (at least 2), H hidden units, C context columns."""

    def __init__(self, rng):
        self.rng = rng
        self.N, self.D, self.H, self.C = (int(rng.integers(a, b)) for a, b in
                                          [(1, 5), (2, 6), (1, 7), (1, 3)])  # fmt: skip
        self.x = self.normal(self.N, self.D)
        self.context = self.normal(self.N, self.C)
        self.widths = (self.D + self.H, self.D + 1)  # of the hidden layers of a MADE
        self.new = {"rng": rng, "dtype": np.float64}  # what every `init` wants

    def normal(self, *shape):
        return self.rng.standard_normal(shape)


@dataclass
class Case:
    """A layer, its positional inputs, its keyword inputs, and what it is excused from."""

    layer: object
    inputs: tuple
    given: dict = field(default_factory=dict)
    mixes: bool = False  # mixes the rows of a batch: excused from batch independence


def case(layer, *inputs, mixes=False, scramble=0.3, rng=None, **given):
    """A Case, its parameters moved off their special starting values when rng is given."""
    if rng is not None:
        new = {p: a + scramble * rng.standard_normal(a.shape) for p, a in
               tree.flatten(layer.params).items()}  # fmt: skip
        layer = tree.rebuild(layer, new)
    return Case(layer, inputs, given, mixes)


def coupling(s, kind, **options):
    """A coupling with a smooth network."""
    return kind.init(s.D, (s.H,), activation="tanh", **s.new, **options)


def smooth(factory, s, **options):
    """A small flow with smooth networks."""
    return factory(s.D, 2, (s.H,), activation="tanh", **s.new, **options)


LAYERS = {
    # nn
    "Linear": lambda s: case(nn.Linear.init(s.D, s.H, **s.new), s.x, rng=s.rng),
    "LinearReLU": lambda s: case(nn.LinearReLU(s.normal(s.D, s.H), s.normal(s.H)), s.x),
    "Tanh": lambda s: case(nn.Tanh(), s.x),
    "ReLU": lambda s: case(nn.ReLU(), s.x),
    "SiLU": lambda s: case(nn.SiLU(), s.x),
    "Softplus": lambda s: case(nn.Softplus(), s.x),
    "mlp": lambda s: case(nn.mlp(s.D, (s.H, s.H), 3, activation="silu", **s.new), s.x, rng=s.rng),
    # flows: autoregressive
    "MADE": lambda s: case(MADE.init(s.D, s.widths, 3, order="random", **s.new), s.x, rng=s.rng),
    "MADE, context": lambda s: case(
        MADE.init(s.D, s.widths, activation="silu", context=s.C, **s.new), s.x, s.context, rng=s.rng
    ),
    "Spline": lambda s: case(Spline(bins=4, bound=2.0), s.x, s.normal(s.N, s.D, 11)),
    # diffusion
    # metric
    # markov
}

BIJECTIONS = {
    # flows: couplings and simple maps
    "AffineCoupling": lambda s: case(coupling(s, AffineCoupling), s.x, rng=s.rng),
    "AffineCoupling with context": lambda s: case(
        coupling(s, AffineCoupling, context=s.C), s.x, s.context, rng=s.rng
    ),
    "AdditiveCoupling": lambda s: case(coupling(s, AdditiveCoupling), s.x, rng=s.rng),
    "AdditiveCoupling with context": lambda s: case(
        coupling(s, AdditiveCoupling, context=s.C), s.x, s.context, rng=s.rng
    ),
    "Permute": lambda s: case(Permute.random(s.D, rng=s.rng), s.x),
    "ActNorm": lambda s: case(ActNorm.init(s.D, dtype=np.float64), s.x, rng=s.rng),
    "InvertibleLinear": lambda s: case(InvertibleLinear.init(s.D, **s.new), s.x, rng=s.rng),
    "Affine": lambda s: case(Affine(1.5 * s.normal(s.D), s.normal(s.D)), s.x),
    "Exp": lambda s: case(Exp(), s.x),
    "Logit": lambda s: case(Logit(bins=4.0, low=0.05), 4 * s.rng.random((s.N, s.D))),
    "Chain": lambda s: case(
        real_nvp(s.D, 3, (s.H,), activation="tanh", **s.new).chain, s.x, rng=s.rng
    ),
    "Chain with context": lambda s: case(
        real_nvp(
            s.D, 2, (s.H,), activation="silu", context=s.C, init_from=s.normal(9, s.D), **s.new
        ).chain,
        s.x,
        s.context,
        rng=s.rng,
    ),
    # flows: autoregressive and splines
    "MAFLayer": lambda s: case(
        MAFLayer.init(s.D, s.widths, order="random", activation="tanh", **s.new), s.x, rng=s.rng
    ),
    "MAFLayer, context": lambda s: case(
        MAFLayer.init(s.D, s.widths, context=s.C, **s.new), s.x, s.context, rng=s.rng
    ),
    "IAFLayer": lambda s: case(
        IAFLayer.init(s.D, s.widths, order="reversed", activation="tanh", **s.new), s.x, rng=s.rng
    ),
    "IAFLayer, context": lambda s: case(
        IAFLayer.init(s.D, s.widths, context=s.C, **s.new), s.x, s.context, rng=s.rng
    ),
    "SplineCoupling": lambda s: case(
        SplineCoupling.init(s.D, (s.H,), context=s.C, bins=4, bound=2.0, c=1.0, **s.new),
        s.x,
        s.context,
        rng=s.rng,
    ),
    "SplineMAFLayer": lambda s: case(
        SplineMAFLayer.init(s.D, s.widths, order="random", bins=3, bound=2.0, c=1.0, **s.new),
        s.x,
        rng=s.rng,
    ),
    "SplineMAFLayer, context": lambda s: case(
        SplineMAFLayer.init(s.D, s.widths, context=s.C, bins=3, c=1.0, activation="silu", **s.new),
        s.x,
        s.context,
        rng=s.rng,
    ),
}

DENSITIES = {
    # prob
    "StandardNormal": lambda s: case(StandardNormal(s.D), s.x),
    "Gaussian": lambda s: case(Gaussian.init(s.D, dtype=np.float64), s.x, rng=s.rng),
    "Mixture": lambda s: case(
        Mixture.of_gaussians(s.normal(3, s.D), dtype=np.float64), s.x, rng=s.rng
    ),
    # flows: whole models
    "Flow, real_nvp": lambda s: case(smooth(real_nvp, s), s.x, rng=s.rng),
    "Flow, nice": lambda s: case(smooth(nice, s), s.x, rng=s.rng),
    "Flow, generative": lambda s: case(smooth(real_nvp, s, runs="generative"), s.x, rng=s.rng),
    "Flow with context": lambda s: case(
        smooth(real_nvp, s, context=s.C), s.x, s.context, rng=s.rng
    ),
    "Flow on a Gaussian": lambda s: case(
        smooth(real_nvp, s, base=Gaussian.init(s.D, dtype=np.float64)), s.x, rng=s.rng
    ),
    # flows: autoregressive
    # markov
}

LOSSES = {
    # flows
    "NLL": lambda s: case(smooth(real_nvp, s).nll, s.x, rng=s.rng),
    "NLL with context": lambda s: case(smooth(nice, s, context=s.C).nll, s.x, s.context, rng=s.rng),
    "ReverseKL": lambda s: case(
        smooth(real_nvp, s, runs="generative").reverse_kl(Gaussian.init(s.D, dtype=np.float64)),
        s.x,
        rng=s.rng,
    ),
    # diffusion
    # metric
    # markov
}

ZOO = {**LAYERS, **BIJECTIONS, **DENSITIES, **LOSSES}
