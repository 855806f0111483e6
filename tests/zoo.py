"""Every layer, density and loss of the package, one line each: a name and how to make one.

`tests/test_contract.py` holds each of them to every promise of the contract, at random shapes.
A line is a function of `s`, a draw of sizes and inputs (see `Sizes`), that returns a `Case`.
"""

from dataclasses import dataclass, field

import numpy as np

from minigen import nn
from minigen.core import tree


class Sizes:
    """One random draw: N rows, D features (at least 2), H hidden units, C context columns."""

    def __init__(self, rng):
        self.rng = rng
        self.N, self.D, self.H, self.C = (int(rng.integers(a, b)) for a, b in
                                          [(1, 5), (2, 6), (1, 7), (1, 3)])  # fmt: skip
        self.x = self.normal(self.N, self.D)
        self.context = self.normal(self.N, self.C)
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


LAYERS = {
    # nn
    "Linear": lambda s: case(nn.Linear.init(s.D, s.H, **s.new), s.x, rng=s.rng),
    "Tanh": lambda s: case(nn.Tanh(), s.x),
    "ReLU": lambda s: case(nn.ReLU(), s.x),
    "SiLU": lambda s: case(nn.SiLU(), s.x),
    "Softplus": lambda s: case(nn.Softplus(), s.x),
    "mlp": lambda s: case(nn.mlp(s.D, (s.H, s.H), 3, activation="silu", **s.new), s.x, rng=s.rng),
    # diffusion
    # metric
    # markov
}

BIJECTIONS = {
    # flows: couplings and simple maps
    # flows: autoregressive and splines
}

DENSITIES = {
    # prob
    # flows: whole models
    # flows: autoregressive
    # markov
}

LOSSES = {
    # flows
    # diffusion
    # metric
    # markov
}

ZOO = {**LAYERS, **BIJECTIONS, **DENSITIES, **LOSSES}
