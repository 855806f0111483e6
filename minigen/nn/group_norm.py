"""Normalisation of each picture's channels in groups."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Grads, Layer
from minigen.core.signature import Count, Positive, checked
from minigen.core.tree import param
from minigen.kernels import group_norm as kernels
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

    scale: Annotated[NDArray, "C"] = param()
    shift: Annotated[NDArray, "C"] = param()
    groups: Count
    eps: Positive = 1e-5

    @classmethod
    @checked
    def init(cls, channels: Count, groups: Count, *, dtype: DTypeLike = np.float32) -> "GroupNorm":
        """scale 1, shift 0.

        Parameters
        ----------
        channels : C
        groups : how many, a divisor of C
        dtype : of the parameters

        Returns
        -------
        GroupNorm

        Examples
        --------
        >>> mg.nn.GroupNorm.init(8, 2).size
        16
        """
        channels = validate.integer("channels", channels, 1)
        if channels % validate.integer("groups", groups, 1):
            raise validate.expected("groups", f"a divisor of {channels} channels", groups)
        return cls(np.ones(channels, dtype), np.zeros(channels, dtype), groups)

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        refuse_pictures(x, len(self.scale))
        pixels = np.ascontiguousarray(x).reshape(len(x), x.shape[1] * x.shape[2], x.shape[3])
        y, m, s = kernels.forward(pixels, self.scale, self.shift, self.groups, self.eps)
        return y.reshape(x.shape), (pixels, m, s)

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        pixels, m, s = cache
        d = np.ascontiguousarray(dy, np.result_type(dy, m.real)).reshape(pixels.shape)
        dx, dscale, dshift = kernels.backward(d, pixels, self.scale, m, s, self.groups)
        return dx.reshape(dy.shape), {"scale": dscale.sum(axis=0), "shift": dshift.sum(axis=0)}
