"""The unit sphere as the last layer of an embedding."""

from dataclasses import dataclass

import numpy as np

from minigen.core.contract import Layer


@dataclass(frozen=True, eq=False, repr=False)
class Normalize(Layer):
    """L2 normalisation of each row (FaceNet, Schroff et al. 2015).

        y = x / |x|,    dx = (dy - y <y, dy>) / |x|                     TRI-1

    The row 0 has no direction: y = 0 and dx = 0 are chosen. Shapes: x, y (N, D).
    """

    def forward(self, x):
        scale = np.max(np.sign(x.real) * x.real, axis=1, keepdims=True, initial=0)
        scale = np.where(scale > 0, scale, 1)  # so that the squares neither over- nor underflow
        u = x / scale
        length = np.sqrt((u * u).sum(axis=1, keepdims=True))
        length = np.where(length.real > 0, length, 1)
        y = u / length  # TRI-1
        return y, (y, scale, length)

    def backward(self, dy, cache):
        y, scale, length = cache
        dx = (dy - y * (y * dy).sum(axis=1, keepdims=True)) / length / scale  # TRI-1
        return dx * y.any(axis=1, keepdims=True), {}
