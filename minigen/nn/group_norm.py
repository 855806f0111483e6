"""Normalisation of each picture's channels in groups."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Grads, Layer
from minigen.core.signature import Positive, checked
from minigen.core.tree import param
from minigen.nn.conv import refuse_pictures


@dataclass(frozen=True, eq=False, repr=False)
class GroupNorm(Layer):
    """Group normalisation (Wu & He 2018).

        u = (x - m) / s,   m = mean(x),  s^2 = mean((x - m)^2) + eps,   y = scale * u + shift

    The means are over the H W C / G numbers of one picture and one of G groups of channels. With
    du = scale * dy, and because m and s see every one of these numbers,

        dx = (du - mean(du) - u mean(u du)) / s
        dscale = sum_{nij} u dy,   dshift = sum_{nij} dy

    So dx, like u, has mean 0 in each group and is orthogonal to u (but for eps).

    Shapes: x, y (N, H, W, C); scale, shift (C,).
    """

    scale: NDArray = param()
    shift: NDArray = param()
    groups: int
    eps: Positive = 1e-5

    @classmethod
    @checked
    def init(cls, channels: int, groups: int, *, dtype: DTypeLike = np.float32) -> "GroupNorm":
        """scale 1, shift 0."""
        channels = validate.integer("channels", channels, 1)
        if channels % validate.integer("groups", groups, 1):
            raise validate.expected("groups", f"a divisor of {channels} channels", groups)
        return cls(np.ones(channels, dtype), np.zeros(channels, dtype), groups)

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        refuse_pictures(x, len(self.scale))
        u = x - self.mean(x)
        s = np.sqrt(self.mean(u * u) + self.eps)
        u /= s
        return self.scale * u + self.shift, (u, s)

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        u, s = cache
        du = self.scale * dy
        dx = (du - self.mean(du) - u * self.mean(u * du)) / s
        return dx, {"scale": np.einsum("nijc,nijc->c", u, dy), "shift": np.einsum("nijc->c", dy)}

    def mean(self, x: NDArray) -> NDArray:
        """The mean of each picture and group, at each of its channels: (N, 1, 1, C)."""
        N, C, each = len(x), x.shape[3], x.shape[3] // self.groups
        channels = np.einsum("nijc->nc", x) / (x.shape[1] * x.shape[2])
        groups = channels.reshape(N, self.groups, each).mean(axis=2)
        return np.repeat(groups, each, axis=1).reshape(N, 1, 1, C)
