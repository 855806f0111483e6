"""The network of a diffusion model of pictures: a U-Net that knows the time, and the class."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core import parallel, tree
from minigen.core.contract import Cache, Grads, Layer
from minigen.core.signature import Count, Size, Steps, checked
from minigen.nn import (
    AveragePool,
    Conv2d,
    ConvBlock,
    GroupNorm,
    LabelEmbedding,
    SelfAttention,
    SiLU,
    TimeEmbedding,
    Upsample,
)
from minigen.nn.conv import picture_shape


@dataclass(frozen=True, eq=False, repr=False)
class AttentionBlock(Layer):
    """y = x + attention(norm(x)), as in the U-Net of Ho et al. (2020); x, y (N, H, W, C)."""

    norm: GroupNorm
    attention: SelfAttention

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        u, norm = self.norm.forward(x)
        a, attention = self.attention.forward(u)
        return x + a, (norm, attention)

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        norm, attention = cache
        du, dattention = self.attention.backward(dy, attention)
        dx, dnorm = self.norm.backward(du, norm)
        return dy + dx, {"norm": dnorm, "attention": dattention}


@dataclass(frozen=True, eq=False, repr=False)
class Blocks(Layer):
    """Blocks one after the other; e goes to each that listens to it, and its gradients add.

    Shapes: x (N, H, W, C), e (N or 1, E), y (N, H, W, n_out).
    """

    blocks: tuple[Layer, ...]

    def forward(self, x: NDArray, e: NDArray) -> tuple[NDArray, Cache]:
        caches = []
        for f in self.blocks:
            x, cache = f.forward(x, *listened(f, e))
            caches.append(cache)
        return x, (caches, e)

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, NDArray, Grads]:
        (caches, e), grads = cache, {}
        de = np.zeros(e.shape, np.result_type(e, dy))
        for k in reversed(range(len(self.blocks))):
            dy, *dc, grads[str(k)] = self.blocks[k].backward(dy, caches[k])
            de = de + dc[0] if dc else de
        return dy, de, {"blocks": grads}


def listened(f: Layer, e: NDArray) -> tuple[NDArray, ...]:
    """e for a block with a condition, nothing for others."""
    return (e,) if isinstance(f, ConvBlock) else ()


@dataclass(frozen=True, eq=False, repr=False)
class Scale(Layer):
    """One scale of a U-Net (Ronneberger, Fischer & Brox 2015), and inside it all smaller ones.

        h = down(x, e)
        u = upsample(inner(pool(h), e))
        y = up((h, u), e)

    h passes by all that is inside: it has two ways on, and its two gradients add,

        (dh, du) = up^T dy,   dh <- dh + pool^T inner^T upsample^T du,   dx = down^T dh

    Shapes: x (N, H, W, C), e (N or 1, E), h, y (N, H, W, c); inner: (N, H/2, W/2, c) -> (.., c').
    """

    down: Blocks
    inner: Layer  # a Scale again, or Blocks at the bottom
    up: Blocks

    def forward(self, x: NDArray, e: NDArray) -> tuple[NDArray, Cache]:
        h, down = self.down.forward(x, e)
        pooled, _ = AveragePool().forward(h)
        low, inner = self.inner.forward(pooled, e)
        u, _ = Upsample().forward(low)
        y, up = self.up.forward(np.concatenate([h, u], axis=3), e)
        return y, (down, inner, up, h.shape[3])

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, NDArray, Grads]:
        down, inner, up, channels = cache
        dhu, de_up, dup = self.up.backward(dy, up)
        dh, du = dhu[..., :channels], dhu[..., channels:]
        dlow, _ = Upsample().backward(du, None)
        dpooled, de_inner, dinner = self.inner.backward(dlow, inner)
        dh = dh + AveragePool().backward(dpooled, None)[0]
        dx, de_down, ddown = self.down.backward(dh, down)
        return dx, de_down + de_inner + de_up, {"down": ddown, "inner": dinner, "up": dup}


@dataclass(frozen=True, eq=False, repr=False)
class UNet(Layer):
    """U-Net of a diffusion model (Ho, Jain & Abbeel 2020), on rows that are pictures.

        e = silu(time(t) + label(k))
        h = body(conv_in(picture(x)), e);   out = conv_out(silu(norm(h))) as rows

    The body is a Scale inside a Scale; at the bottom stand a block, attention and a block.

    Shapes: x (N, H W C), given t (N,) or (1,), label (N,) or None; e (N or 1, E); out (N, H W C),
    or (N, 2 H W C) with the columns of a learned variance last.
    """

    lift: Conv2d
    time: TimeEmbedding
    label: tuple[LabelEmbedding, ...]  # of one LabelEmbedding, or of none
    body: Layer
    norm: GroupNorm
    head: Conv2d
    shape: tuple[int, int, int]

    @classmethod
    @checked
    def init(
        cls, shape: Sequence[int], outputs: Count = 1, *, T: Steps, hidden: Count, blocks: Count,
        scales: Count, groups: Count = 8, heads: Count = 1, classes: Size = 0,
        rng: np.random.Generator, dtype: DTypeLike = np.float32,
    ) -> "UNet":  # fmt: skip
        """Fresh parameters; the head starts at zero, so that the first prediction is zero.

        `outputs` for each number of the picture; `hidden` channels at the first scale and twice as
        many at the others, `blocks` on each way; the sides are halved `scales` - 1 times.

        Parameters
        ----------
        shape : (H, W, C) of the pictures
        outputs : for each number of the picture
        T : the times are 1..T
        hidden : channels at the first scale
        blocks : at each scale, on each way
        scales : how many
        groups : of the group normalisation
        heads : of the attention
        classes : of the labels, 0 for none
        rng : the generator of the first weights
        dtype : of the parameters

        Returns
        -------
        UNet

        Examples
        --------
        >>> net = mg.diffusion.UNet.init(
        ...     (4, 4, 1), T=10, hidden=4, blocks=1, scales=2, groups=2, rng=rng
        ... )
        >>> net.forward(np.ones((3, 16), np.float32), t=np.array([1]))[0].shape
        (3, 16)
        """
        height, width, C = picture_shape(shape, scales - 1)
        E = 4 * hidden
        new: dict[str, Any] = {"rng": rng, "dtype": dtype}

        def stack(n_in: int, n_out: int, count: int = blocks) -> list[Layer]:
            widths = [n_in] + (count - 1) * [n_out]
            return [ConvBlock.init(n, n_out, E, groups=groups, **new) for n in widths]

        def look(n: int) -> AttentionBlock:
            attention = SelfAttention.init(n, heads, last_gain=0.0, **new)
            return AttentionBlock(GroupNorm.init(n, groups, dtype=dtype), attention)

        def scale(k: int, n_in: int) -> Layer:
            """Scale k and all inside, from n_in channels to n."""
            n = hidden if k == 0 else 2 * hidden
            if k == scales - 1:
                return Blocks((*stack(n_in, n), look(n), *stack(n, n, 1)))
            up = stack(n + 2 * hidden, n)
            return Scale(Blocks((*stack(n_in, n),)), scale(k + 1, n), Blocks((*up,)))

        label = (LabelEmbedding.init(classes, E, **new),) if classes else ()
        return cls(
            Conv2d.init(C, hidden, gain=1.0, **new), TimeEmbedding.init(T, 64, E, **new), label,
            scale(0, hidden), GroupNorm.init(hidden, groups, dtype=dtype),
            Conv2d.init(hidden, outputs * C, gain=0.0, **new), (height, width, C),
        )  # fmt: skip

    def forward(self, x: NDArray, *, t: NDArray, label: Any = None) -> tuple[NDArray, Cache]:
        pieces = parallel.parts(len(x), len(x) * self.pixels)

        def run(part: slice) -> tuple[NDArray, Cache]:
            own = None if label is None else label[part]
            return self.one(x[part], t if len(np.atleast_1d(t)) == 1 else t[part], own)

        done = parallel.dealt(run, pieces)
        return parallel.joined([out for out, _ in done]), (pieces, [cache for _, cache in done])

    def backward(self, dout: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        pieces, caches = cache
        own = {part.start: c for part, c in zip(pieces, caches, strict=True)}
        done = parallel.dealt(lambda part: self.one_backward(dout[part], own[part.start]), pieces)
        return parallel.joined([dx for dx, _ in done]), tree.added([grads for _, grads in done])

    @property
    def pixels(self) -> int:
        """Numbers of the widest layer for one picture."""
        return self.shape[0] * self.shape[1] * len(self.lift.b)

    def one(self, x: NDArray, t: NDArray, label: Any) -> tuple[NDArray, Cache]:
        """`forward` of a part of the rows."""
        u, time = self.time.forward(t=t)
        known = [f.forward(label=label) for f in self.label]
        for row, _ in known:
            u = u + row
        e, listen = SiLU().forward(u)
        h, lift = self.lift.forward(x.reshape(-1, *self.shape))
        h, body = self.body.forward(h, e)
        u, norm = self.norm.forward(h)
        a, act = SiLU().forward(u)
        y, head = self.head.forward(a)
        cache = (time, [c for _, c in known], listen, lift, body, norm, act, head)
        return self.as_rows(y), (*cache, len(np.atleast_1d(t)))

    def one_backward(self, dout: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        """`backward` of a part of the rows."""
        time, known, listen, lift, body, norm, act, head, rows = cache
        da, dhead = self.head.backward(self.as_pictures(dout), head)
        du, _ = SiLU().backward(da, act)
        dh, dnorm = self.norm.backward(du, norm)
        dh, de, dbody = self.body.backward(dh, body)
        dx, dlift = self.lift.backward(dh, lift)
        du, _ = SiLU().backward(de, listen)
        grads = {"lift": dlift, "body": dbody, "norm": dnorm, "head": dhead}
        for f, c in zip(self.label, known, strict=True):
            (dlabel,) = f.backward(du, c)
            grads["label"] = {"0": dlabel}
        if rows != len(du):
            du = du.sum(axis=0, keepdims=True)
        (grads["time"],) = self.time.backward(du, time)
        return dx.reshape(len(dout), math.prod(self.shape)), grads

    def as_rows(self, y: NDArray) -> NDArray:
        """Pictures (N, H, W, k C) as rows: all numbers of the first C channels, then the next."""
        N, (height, width, C) = len(y), self.shape
        parts = y.reshape(N, height * width, y.shape[3] // C, C)
        return parts.swapaxes(1, 2).reshape(N, height * width * y.shape[3])

    def as_pictures(self, rows: NDArray) -> NDArray:
        """The adjoint of `as_rows`, which is its inverse."""
        N, (height, width, C) = len(rows), self.shape
        k = rows.shape[1] // (height * width * C)
        parts = rows.reshape(N, k, height * width, C).swapaxes(1, 2)
        return parts.reshape(N, height, width, k * C)


def usual_scales(shape: Sequence[int]) -> int:
    """How many scales: 3, or fewer where the sides would not halve evenly, or be below 4 pixels."""
    height, width, scales = shape[0], shape[1], 1
    while scales < 3 and height % 2 == width % 2 == 0 and min(height, width) >= 8:
        height, width, scales = height // 2, width // 2, scales + 1
    return scales
