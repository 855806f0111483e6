"""The affine map y = x W + b."""

from dataclasses import dataclass

import numpy as np

from minigen.core.contract import Layer
from minigen.core.tree import param
from minigen.kernels import dense as kernels
from minigen.kernels import sums


@dataclass(frozen=True, eq=False, repr=False)
class Linear(Layer):
    """Affine layer.

        y = x W + b

    Shapes: x (N, n_in), W (n_in, n_out), b (n_out,), y (N, n_out).
    """

    W: np.ndarray = param()
    b: np.ndarray = param()

    @classmethod
    def init(cls, n_in, n_out, *, rng, dtype=np.float32, gain=2.0):
        """W ~ N(0, gain / n_in) (He et al. 2015 for gain 2; 0 gives the zero map), b = 0."""
        scale = np.sqrt(gain / max(n_in, 1))
        W = (scale * rng.standard_normal((n_in, n_out))).astype(dtype)
        return cls(W, np.zeros(n_out, dtype))

    def forward(self, x):
        y = kernels.product(x, self.W)
        kernels.bias(y, self.b)
        return y, (x,)

    def backward(self, dy, cache):
        return dy @ self.W.T, Linear.backward_params(self, dy, cache)

    def backward_params(self, dy, cache):
        """The gradient of W and b alone, for a layer whose x is given."""
        (x,) = cache
        return {"W": x.T @ dy, "b": sums.columns(dy)}
