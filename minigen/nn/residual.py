"""A residual block that listens to a condition."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core.contract import Cache, Grads, Layer
from minigen.core.signature import Count, checked
from minigen.kernels.activation import silu
from minigen.nn.linear import Linear


@dataclass(frozen=True, eq=False, repr=False)
class ResidualBlock(Layer):
    """y = h + silu(h + e) W + b (He et al. 2016, with the condition of Ho et al. 2020).

    Shapes: h (N, H); e (N, H), or (1, H) for one condition in all rows; y (N, H).
    """

    linear: Linear

    @classmethod
    @checked
    def init(
        cls, hidden: Count, *, rng: np.random.Generator, dtype: DTypeLike = np.float32
    ) -> "ResidualBlock":
        """Half of He's variance, so that a few blocks keep the scale of h.

        Parameters
        ----------
        hidden : H
        rng : the generator of the first weights
        dtype : of the parameters

        Returns
        -------
        ResidualBlock

        Examples
        --------
        >>> block = mg.nn.ResidualBlock.init(4, rng=rng)
        >>> block.forward(np.ones((2, 4), np.float32), np.ones((2, 4), np.float32))[0].shape
        (2, 4)
        """
        return cls(Linear.init(hidden, hidden, rng=rng, dtype=dtype, gain=1.0))

    def forward(self, h: NDArray, e: NDArray) -> tuple[NDArray, Cache]:
        a, slope = silu(h, e)
        y, linear = self.linear.forward(a)
        y += h
        return y, (slope, linear, len(e))

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, NDArray, Grads]:
        slope, linear, rows = cache
        de, dlinear = self.linear.backward(dy, linear)
        de = de * slope
        dh = dy + de
        return dh, de if rows == len(de) else de.sum(axis=0, keepdims=True), {"linear": dlinear}
