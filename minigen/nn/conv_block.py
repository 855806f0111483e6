"""A residual block of convolutions that listens to a time, or to another condition."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core.contract import Cache, Layer
from minigen.core.signature import Count, Size, checked
from minigen.nn.activation import SiLU
from minigen.nn.conv import Conv2d
from minigen.nn.group_norm import GroupNorm
from minigen.nn.linear import Linear


@dataclass(frozen=True, eq=False, repr=False)
class ConvBlock(Layer):
    """Residual block of a U-Net (Ho, Jain & Abbeel 2020).

        h = conv_1(silu(norm_1(x))) + e W_e + b_e
        y = skip(x) + conv_2(silu(norm_2(h)))

    The condition e is added to each pixel alike, so its gradient is the sum over the pixels; skip
    is the identity, or a 1 x 1 convolution where y has other channels than x. Backward:

        dh = norm_2^T silu^T conv_2^T dy,    de = (sum_{ij} dh) W_e^T
        dx = skip^T dy + norm_1^T silu^T conv_1^T dh

    Shapes: x (N, H, W, C); e (N, E), or (1, E) for one condition in all rows, or absent;
    y (N, H, W, n_out).
    """

    norm1: GroupNorm
    conv1: Conv2d
    condition: tuple[Linear, ...]  # of one Linear, or of none
    norm2: GroupNorm
    conv2: Conv2d
    skip: tuple[Conv2d, ...]  # of one convolution, or of none

    @classmethod
    @checked
    def init(
        cls, n_in: Count, n_out: Count, embedding: Size = 0, *, groups: Count,
        rng: np.random.Generator, dtype: DTypeLike = np.float32,
    ) -> "ConvBlock":  # fmt: skip
        """Of e (N, embedding), or without; conv_2 starts at zero, so that y starts as skip(x).

        Parameters
        ----------
        n_in : channels of the input
        n_out : channels of the output
        embedding : columns of e, 0 for none
        groups : of the group normalisation
        rng : the generator of the first weights
        dtype : of the parameters

        Returns
        -------
        ConvBlock

        Examples
        --------
        >>> block = mg.nn.ConvBlock.init(4, 8, groups=2, rng=rng)
        >>> block.forward(np.ones((1, 4, 4, 4), np.float32))[0].shape
        (1, 4, 4, 8)
        """
        new: dict[str, Any] = {"rng": rng, "dtype": dtype}
        condition = (Linear.init(embedding, n_out, gain=1.0, **new),) if embedding else ()
        skip = () if n_in == n_out else (Conv2d.init(n_in, n_out, 1, gain=1.0, **new),)
        return cls(
            GroupNorm.init(n_in, groups, dtype=dtype), Conv2d.init(n_in, n_out, **new), condition,
            GroupNorm.init(n_out, groups, dtype=dtype), Conv2d.init(n_out, n_out, gain=0.0, **new),
            skip,
        )  # fmt: skip

    def forward(self, x: NDArray, *e: NDArray) -> tuple[NDArray, Cache]:
        u, norm1 = self.norm1.forward(x)
        a, act1 = SiLU().forward(u)
        h, conv1 = self.conv1.forward(a)
        known = [f.forward(c) for f, c in zip(self.condition, e, strict=True)]
        for added, _ in known:
            h += added[:, None, None, :]
        u, norm2 = self.norm2.forward(h)
        a, act2 = SiLU().forward(u)
        y, conv2 = self.conv2.forward(a)
        kept = [f.forward(x) for f in self.skip]
        y += kept[0][0] if kept else x
        known = [(cache, len(added)) for added, cache in known]
        return y, (norm1, act1, conv1, known, norm2, act2, conv2, [c for _, c in kept])

    def backward(self, dy: NDArray, cache: Cache) -> tuple[Any, ...]:
        norm1, act1, conv1, known, norm2, act2, conv2, kept = cache
        da, dconv2 = self.conv2.backward(dy, conv2)
        du, _ = SiLU().backward(da, act2)
        dh, dnorm2 = self.norm2.backward(du, norm2)
        de, grads = [], {}
        for f, (c, count) in zip(self.condition, known, strict=True):
            dadded = np.einsum("nijc->nc", dh)
            dadded = dadded.sum(axis=0, keepdims=True) if count == 1 else dadded
            dc, dcondition = f.backward(dadded, c)
            de, grads["condition"] = [dc], {"0": dcondition}
        da, dconv1 = self.conv1.backward(dh, conv1)
        du, _ = SiLU().backward(da, act1)
        dx, dnorm1 = self.norm1.backward(du, norm1)
        for f, c in zip(self.skip, kept, strict=True):
            dy, dskip = f.backward(dy, c)
            grads["skip"] = {"0": dskip}
        grads |= {"norm1": dnorm1, "conv1": dconv1, "norm2": dnorm2, "conv2": dconv2}
        return dx + dy, *de, grads
