"""Layers one after the other."""

from dataclasses import dataclass

import numpy as np

from minigen.core import validate
from minigen.core.contract import Layer
from minigen.nn.activation import SiLU, Softplus, Tanh
from minigen.nn.dense import LinearReLU
from minigen.nn.linear import Linear

SMOOTH = {"tanh": Tanh, "silu": SiLU, "softplus": Softplus}


@dataclass(frozen=True, eq=False, repr=False)
class Sequential(Layer):
    """y = f_K(... f_1(x)); the first layer listed is applied first."""

    layers: tuple

    def forward(self, x):
        caches = []
        for f in self.layers:
            x, cache = f.forward(x)
            caches.append(cache)
        return x, tuple(caches)

    def backward(self, dy, caches):
        grads = {}
        for k in reversed(range(len(self.layers))):
            dy, grads[str(k)] = self.layers[k].backward(dy, caches[k])
        return dy, {"layers": grads}


def mlp(n_in, hidden, n_out, *, rng, activation="relu", last_gain=1.0, dtype=np.float32):
    """A multilayer perceptron: Linear, activation, ..., Linear.

    hidden: the widths, for example (64, 64). last_gain scales the variance of the last layer's
    weights; 0 starts the network at the zero map, so that a coupling starts at the identity.
    """
    validate.choice("activation", activation, ("relu", *SMOOTH))
    gain = 1.0 if activation == "tanh" else 2.0
    layers = []
    for width in validate.widths("hidden", hidden):
        linear = Linear.init(n_in, width, rng=rng, dtype=dtype, gain=gain)
        smooth = activation in SMOOTH
        layers += [linear, SMOOTH[activation]()] if smooth else [LinearReLU(linear.W, linear.b)]
        n_in = width
    layers.append(Linear.init(n_in, n_out, rng=rng, dtype=dtype, gain=last_gain))
    return Sequential(tuple(layers))
