"""Layers one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Grads, Layer
from minigen.core.signature import Count, Gain, Size, checked
from minigen.nn.activation import SiLU, Softplus, Tanh
from minigen.nn.dense import LinearReLU
from minigen.nn.linear import Linear
from minigen.nn.start_values import start

SMOOTH = {"tanh": Tanh, "silu": SiLU, "softplus": Softplus}


@dataclass(frozen=True, eq=False, repr=False)
class Sequential(Layer):
    """y = f_K(... f_1(x)); the first layer listed is applied first."""

    layers: tuple[Layer, ...]

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        caches = []
        for f in self.layers:
            x, cache = f.forward(x)
            caches.append(cache)
        return x, tuple(caches)

    def backward(self, dy: NDArray, caches: Cache) -> tuple[NDArray, Grads]:
        grads = {}
        for k in reversed(range(len(self.layers))):
            dy, grads[str(k)] = self.layers[k].backward(dy, caches[k])
        return dy, {"layers": grads}


@checked
def mlp(
    n_in: Size, hidden: int | Sequence[int], n_out: Count, *, rng: np.random.Generator,
    activation: str = "relu", last_gain: Gain = 1.0, dtype: DTypeLike = np.float32,
) -> Sequential:  # fmt: skip
    """A multilayer perceptron: Linear, activation, ..., Linear, with the values of `start`.

    Parameters
    ----------
    n_in, n_out : columns of the input and of the output
    hidden : the widths of the hidden layers, for example (64, 64)
    rng : the generator of the first weights
    activation : "relu", "tanh", "silu" or "softplus"
    last_gain : scales the variance of the last layer's weights; 0 starts the network at the zero
        map, so that a coupling starts at the identity
    dtype : of the parameters

    Returns
    -------
    Sequential

    Examples
    --------
    >>> net = mg.nn.mlp(2, (16, 16), 3, rng=rng)
    >>> y, cache = net.forward(np.ones((5, 2), np.float32))
    >>> y.shape
    (5, 3)
    """
    validate.choice("activation", activation, ("relu", *SMOOTH))
    layers: list[Layer] = []
    for width in validate.widths("hidden", hidden):
        gain, spread = start(activation, n_in, first=not layers)
        linear = Linear.init(n_in, width, rng=rng, dtype=dtype, gain=gain, spread=spread)
        smooth = activation in SMOOTH
        layers += [linear, SMOOTH[activation]()] if smooth else [LinearReLU(linear.W, linear.b)]
        n_in = width
    layers.append(Linear.init(n_in, n_out, rng=rng, dtype=dtype, gain=last_gain))
    return Sequential(tuple(layers))
