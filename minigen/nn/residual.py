"""A residual block that listens to a condition."""

from dataclasses import dataclass

import numpy as np

from minigen.core.contract import Layer
from minigen.kernels import activation, dense
from minigen.nn.linear import Linear


@dataclass(frozen=True, eq=False, repr=False)
class ResidualBlock(Layer):
    """y = h + silu(h + e) W + b (He et al. 2016, with the condition of Ho et al. 2020).

    Shapes: h (N, H); e (N, H), or (1, H) for one condition in all rows; y (N, H).
    """

    linear: Linear

    @classmethod
    def init(cls, hidden, *, rng, dtype=np.float32):
        """Half of He's variance, so that a few blocks keep the scale of h."""
        return cls(Linear.init(hidden, hidden, rng=rng, dtype=dtype, gain=1.0))

    def forward(self, h, e):
        a, slope = activation.silu(h, e)
        y = dense.product(a, self.linear.W)
        activation.residual(y, self.linear.b, h)
        return y, (a, slope, len(e))

    def backward(self, dy, cache):
        a, slope, rows = cache
        da, dlinear = self.linear.backward(dy, (a,))
        dh, du = activation.residual_backward(dy, da, slope)
        de = du if rows == len(du) else du.sum(axis=0, keepdims=True)
        return dh, de, {"linear": dlinear}
