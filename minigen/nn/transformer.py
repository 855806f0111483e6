"""A block of a Transformer: attention between the tokens, then a network of each token."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core.contract import Cache, Grads, Layer
from minigen.core.signature import Count, checked
from minigen.nn.activation import SiLU
from minigen.nn.attention import SelfAttention
from minigen.nn.group_norm import GroupNorm
from minigen.nn.linear import Linear


@dataclass(frozen=True, eq=False, repr=False)
class TransformerBlock(Layer):
    """Two residual steps (Vaswani et al. 2017), each with the normalisation first.

        h = x + attention(norm_1(x))
        y = h + silu(norm_2(h) W_1 + b_1) W_2 + b_2

    norm takes the C numbers of one token: a `GroupNorm` of one group and one pixel, which is layer
    normalisation (Ba, Kiros & Hinton 2016). Backward, each path beside the identity adds its own:

        dh = dy + norm_2^T W_1^T silu^T W_2^T dy
        dx = dh + norm_1^T attention^T dh

    Shapes: x, h, y (N, L, C); W_1 (C, E C), W_2 (E C, C).
    """

    norm1: GroupNorm
    attention: SelfAttention
    norm2: GroupNorm
    up: Linear
    down: Linear

    @classmethod
    @checked
    def init(
        cls, channels: Count, heads: Count = 1, *, rng: np.random.Generator,
        dtype: DTypeLike = np.float32, causal: bool = False, expansion: Count = 4,
    ) -> "TransformerBlock":  # fmt: skip
        """A network of `expansion` C hidden units; both paths end in a fifth of their variance.

        Parameters
        ----------
        channels : C
        heads : a divisor of C
        rng : the generator of the first weights
        dtype : of the parameters
        causal : whether a place sees only itself and those before
        expansion : hidden units for each channel

        Returns
        -------
        TransformerBlock

        Examples
        --------
        >>> f = mg.nn.TransformerBlock.init(4, 2, rng=rng)
        >>> f.forward(np.ones((2, 3, 4), np.float32))[0].shape
        (2, 3, 4)
        """
        new: dict[str, Any] = {"rng": rng, "dtype": dtype}
        return cls(
            GroupNorm.init(channels, 1, dtype=dtype),
            SelfAttention.init(channels, heads, causal=causal, last_gain=0.2, **new),
            GroupNorm.init(channels, 1, dtype=dtype),
            Linear.init(channels, expansion * channels, **new),
            Linear.init(expansion * channels, channels, gain=0.2, **new),
        )  # fmt: skip

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        return self.through(x, self.attention.forward)

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        return self.through_backward(dy, cache, self.attention.backward)

    def through(self, x: NDArray, attend: Callable[..., Any]) -> tuple[NDArray, Cache]:
        """The block with this for its attention, u (N, 1, L, C) -> a, cache."""
        N, L, C = x.shape
        u, norm1 = self.norm1.forward(x.reshape(-1, 1, 1, C))
        a, attention = attend(u.reshape(N, 1, L, C))
        h = x + a.reshape(x.shape)
        u, norm2 = self.norm2.forward(h.reshape(-1, 1, 1, C))
        v, up = self.up.forward(u.reshape(-1, C))
        s, act = SiLU().forward(v)
        f, down = self.down.forward(s)
        return h + f.reshape(x.shape), (norm1, attention, norm2, up, act, down)

    def through_backward(
        self, dy: NDArray, cache: Cache, attend_backward: Callable[..., Any]
    ) -> tuple[NDArray, Grads]:
        """The gradient of `through`, with that of its attention, da, cache -> du, grads."""
        norm1, attention, norm2, up, act, down = cache
        N, L, C = dy.shape
        ds, ddown = self.down.backward(dy.reshape(-1, C), down)
        dv, _ = SiLU().backward(ds, act)
        du, dup = self.up.backward(dv, up)
        dh, dnorm2 = self.norm2.backward(du.reshape(-1, 1, 1, C), norm2)
        dh = dy + dh.reshape(dy.shape)
        du, dattention = attend_backward(dh.reshape(N, 1, L, C), attention)
        dx, dnorm1 = self.norm1.backward(du.reshape(-1, 1, 1, C), norm1)
        return dh + dx.reshape(dy.shape), {
            "norm1": dnorm1, "attention": dattention, "norm2": dnorm2, "up": dup, "down": ddown
        }  # fmt: skip
