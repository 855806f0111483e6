"""Element-wise activations."""

from dataclasses import dataclass

import numpy as np

from minigen.core.contract import Layer
from minigen.core.numeric import sigmoid, softplus
from minigen.kernels import activation as kernels


@dataclass(frozen=True, eq=False, repr=False)
class Tanh(Layer):
    """y = tanh(x), dx = dy (1 - y^2); any shape."""

    def forward(self, x):
        y = np.tanh(x)
        return y, (y,)

    def backward(self, dy, cache):
        (y,) = cache
        return dy * (1 - y * y), {}


@dataclass(frozen=True, eq=False, repr=False)
class ReLU(Layer):
    """y = max(x, 0), dx = dy [x > 0]; at the kink x = 0 the subgradient 0 is chosen."""

    def forward(self, x):
        y = kernels.relu(x)
        return y, (y,)

    def backward(self, dy, cache):
        (y,) = cache
        return kernels.relu_backward(dy, y), {}


@dataclass(frozen=True, eq=False, repr=False)
class SiLU(Layer):
    """y = x g with g = sigmoid(x) (Elfwing et al. 2018), dx = dy (g + y (1 - g)); any shape."""

    def forward(self, x):
        rows = x.reshape(-1, x.shape[-1])
        y, slope = kernels.silu(rows, np.zeros((1, x.shape[-1]), x.dtype))
        return y.reshape(x.shape), (slope.reshape(x.shape),)

    def backward(self, dy, cache):
        (slope,) = cache
        return dy * slope, {}


@dataclass(frozen=True, eq=False, repr=False)
class Softplus(Layer):
    """y = log(1 + exp(x)), dx = dy sigmoid(x)."""

    def forward(self, x):
        return softplus(x), (x,)

    def backward(self, dy, cache):
        (x,) = cache
        return dy * sigmoid(x), {}
