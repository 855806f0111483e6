"""Couplings of pictures: which numbers are kept, and a convolutional network of them."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core import parallel, tree
from minigen.core.contract import Bijection, Cache, Grads, Layer
from minigen.core.signature import Bound, Count, Size, checked
from minigen.core.tree import const
from minigen.flows.coupling import AffineCoupling
from minigen.nn import Conv2d, ConvBlock, GroupNorm, SiLU


@checked
def checkerboard(shape: tuple[int, int, int], odd: bool = False) -> tuple[NDArray, int]:
    """The mask of a checkerboard: the squares of one colour first (Dinh et al. 2017, fig. 3).

    Parameters
    ----------
    shape : (H, W, C) of the pictures
    odd : False to keep the squares with i + j even, True for the others

    Returns
    -------
    order : (H W C,), a permutation of the numbers of a picture read row by row
    d : how many of them, the first in this order, a coupling keeps

    Examples
    --------
    >>> order, d = mg.flows.checkerboard((2, 2, 1))
    >>> order.tolist(), d
    ([0, 3, 1, 2], 2)
    """
    i, j, _ = np.indices(shape)
    return kept_first((i + j) % 2 == odd)


@checked
def channelwise(shape: tuple[int, int, int], odd: bool = False) -> tuple[NDArray, int]:
    """The channel-wise mask: one half of the channels first (Dinh et al. 2017, fig. 3).

    Parameters
    ----------
    shape : (H, W, C) of the pictures
    odd : False to keep the first half, True for the last

    Returns
    -------
    order : (H W C,), a permutation of the numbers of a picture read row by row
    d : how many of them, the first in this order, a coupling keeps

    Examples
    --------
    >>> order, d = mg.flows.channelwise((1, 2, 2))
    >>> order.tolist(), d
    ([0, 2, 1, 3], 2)
    """
    _, _, c = np.indices(shape)
    return kept_first((c < shape[2] // 2) != odd)


def kept_first(kept: NDArray) -> tuple[NDArray, int]:
    """The order of the numbers that puts the kept ones first, and how many are kept."""
    return np.argsort(~kept.ravel(), kind="stable"), int(kept.sum())


@dataclass(frozen=True, eq=False, repr=False)
class PictureCoupling(Bijection):
    """A coupling of the numbers of a picture, taken in some order (Dinh et al. 2017, fig. 3).

        y_order = coupling(x_order)

    The paper's masks are orders here: `checkerboard` puts one colour of the squares first, and
    `channelwise` half of the channels. So the coupling itself is that of the notes, with its
    x_{1:d} kept and its log-det.

    Shapes: x, y (N, H, W, C); order (H W C,), a permutation of the picture read row by row.
    """

    order: Annotated[NDArray, "D"] = const()
    coupling: AffineCoupling

    @property
    def context(self) -> int:
        return self.coupling.context

    @classmethod
    @checked
    def init(
        cls, shape: tuple[int, int, int], mask: tuple[NDArray, int], hidden: Count, *, blocks: Size,
        groups: Count, rng: np.random.Generator, dtype: DTypeLike = np.float32, context: Size = 0,
        c: Bound = 2.0,
    ) -> "PictureCoupling":  # fmt: skip
        """The identity, with an order and d from `checkerboard` or `channelwise`.

        Parameters
        ----------
        shape : (H, W, C)
        mask : (order, d), from `checkerboard` or `channelwise`
        hidden : channels
        blocks : how many
        groups : of the group normalisation
        rng : the generator of the first weights
        dtype : of the parameters
        context : the number of context columns, 0 for none
        c : the bound of the log-scales

        Returns
        -------
        PictureCoupling

        Examples
        --------
        >>> mask = mg.flows.checkerboard((4, 4, 1))
        >>> f = mg.flows.PictureCoupling.init((4, 4, 1), mask, 4, blocks=1, groups=2, rng=rng)
        >>> f.forward(np.ones((2, 16), np.float32))[1]
        array([0., 0.], dtype=float32)
        """
        order, d = mask
        net = ConvNet.init(
            shape, mask, hidden, blocks=blocks, groups=groups, context=context, rng=rng, dtype=dtype
        )
        return cls(order, AffineCoupling(net, d, c, context))

    @cached_property
    def back(self) -> NDArray:
        """The inverse of the order."""
        return np.argsort(self.order)

    def forward(self, x: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        y, logdet, cache = self.coupling.forward(reordered(x, self.order), *context)
        return y.take(self.back, axis=1).reshape(x.shape), logdet, cache

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        dx, *dcontext, grads = self.coupling.backward(reordered(dy, self.order), dlogdet, cache)
        return dx.take(self.back, axis=1).reshape(dy.shape), *dcontext, {"coupling": grads}

    def inverse(self, y: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        x, logdet, cache = self.coupling.inverse(reordered(y, self.order), *context)
        return x.take(self.back, axis=1).reshape(y.shape), logdet, cache

    def inverse_backward(self, dx: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        dy, *dcontext, grads = self.coupling.inverse_backward(
            reordered(dx, self.order), dlogdet, cache
        )
        return dy.take(self.back, axis=1).reshape(dx.shape), *dcontext, {"coupling": grads}


def reordered(x: NDArray, order: NDArray) -> NDArray:
    """Pictures as rows whose columns stand in this order."""
    return x.reshape(len(x), math.prod(x.shape[1:])).take(order, axis=1)


@dataclass(frozen=True, eq=False, repr=False)
class ConvNet(Layer):
    """The network of a coupling of pictures: it sees the kept numbers and zeros elsewhere.

        picture = x_{1:d} at its places, 0 at the others
        h = conv_in(picture);  h = block(h, context) in each block
        (r, t) = conv_out(silu(norm(h))) at the places of x_{d+1:D}

    Shapes: x (N, d + context), the context in its last columns; picture (N, H, W, C); conv_out:
    hidden -> 2 C; (r, t) (N, 2 (D - d)). order (D,), D = H W C, the first d of which are kept.
    """

    lift: Conv2d
    blocks: tuple[ConvBlock, ...]
    norm: GroupNorm
    head: Conv2d
    order: Annotated[NDArray, "D"] = const()
    d: int
    shape: tuple[int, int, int]
    context: int = 0

    @classmethod
    @checked
    def init(
        cls, shape: tuple[int, int, int], mask: tuple[NDArray, int], hidden: Count, *, blocks: Size,
        groups: Count, rng: np.random.Generator, dtype: DTypeLike = np.float32, context: Size = 0,
    ) -> "ConvNet":  # fmt: skip
        """Fresh parameters; the head is zero, so that the coupling is the identity.

        Parameters
        ----------
        shape : (H, W, C)
        mask : (order, d), from `checkerboard` or `channelwise`
        hidden : channels
        blocks : how many
        groups : of the group normalisation
        rng : the generator of the first weights
        dtype : of the parameters
        context : the number of context columns, 0 for none

        Returns
        -------
        ConvNet

        Examples
        --------
        >>> mask = mg.flows.checkerboard((4, 4, 1))
        >>> net = mg.flows.ConvNet.init((4, 4, 1), mask, 4, blocks=1, groups=2, rng=rng)
        >>> net.forward(np.ones((2, 8), np.float32))[0].shape
        (2, 16)
        """
        new: dict[str, Any] = {"rng": rng, "dtype": dtype}
        C, (order, d) = shape[2], mask
        stack = tuple(
            ConvBlock.init(hidden, hidden, context, groups=groups, **new) for _ in range(blocks)
        )
        return cls(
            Conv2d.init(C, hidden, gain=1.0, **new), stack,
            GroupNorm.init(hidden, groups, dtype=dtype),
            Conv2d.init(hidden, 2 * C, gain=0.0, **new), order, d, shape, context,
        )  # fmt: skip

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        pieces = parallel.parts(
            len(x), len(x) * len(self.order) // self.shape[2] * len(self.lift.b)
        )
        done = parallel.dealt(lambda part: self.one(x[part]), pieces)
        return parallel.joined([rt for rt, _ in done]), (pieces, [cache for _, cache in done])

    def backward(self, drt: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        pieces, caches = cache
        own = {part.start: c for part, c in zip(pieces, caches, strict=True)}
        done = parallel.dealt(lambda part: self.one_backward(drt[part], own[part.start]), pieces)
        return parallel.joined([dx for dx, _ in done]), tree.added([grads for _, grads in done])

    def one(self, x: NDArray) -> tuple[NDArray, Cache]:
        """`forward` of a part of the rows."""
        picture = np.zeros((len(x), len(self.order)), x.dtype)
        picture[:, self.order[: self.d]] = x[:, : self.d]
        context = (x[:, self.d :],) if self.context else ()
        h, lift = self.lift.forward(picture.reshape(-1, *self.shape))
        caches = []
        for block in self.blocks:
            h, cache = block.forward(h, *context)
            caches.append(cache)
        u, norm = self.norm.forward(h)
        a, act = SiLU().forward(u)
        out, head = self.head.forward(a)
        return self.moved(out), (lift, caches, norm, act, head)

    def one_backward(self, drt: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        """`backward` of a part of the rows."""
        lift, caches, norm, act, head = cache
        da, dhead = self.head.backward(self.moved_back(drt), head)
        du, _ = SiLU().backward(da, act)
        dh, dnorm = self.norm.backward(du, norm)
        dcontext, dblocks = 0, {}
        for k in reversed(range(len(self.blocks))):
            dh, *dc, dblocks[str(k)] = self.blocks[k].backward(dh, caches[k])
            dcontext = dcontext + dc[0] if dc else 0
        dpicture, dlift = self.lift.backward(dh, lift)
        dx = dpicture.reshape(len(drt), len(self.order))[:, self.order[: self.d]]
        if self.context:
            dx = np.concatenate([dx, dcontext], axis=1)
        return dx, {"lift": dlift, "blocks": dblocks, "norm": dnorm, "head": dhead}

    def moved(self, out: NDArray) -> NDArray:
        """(r, t) at the places that are moved, from pictures (N, H, W, 2 C)."""
        places, C = self.order[self.d :], self.shape[2]
        parts = (out[..., :C], out[..., C:])
        return np.concatenate([reordered(part, places) for part in parts], axis=1)

    def moved_back(self, drt: NDArray) -> NDArray:
        """Its adjoint: pictures (N, H, W, 2 C) with zeros at the places that are kept."""
        places, parts = self.order[self.d :], []
        for part in np.split(drt, 2, axis=1):
            picture = np.zeros((len(drt), len(self.order)), drt.dtype)
            picture[:, places] = part
            parts.append(picture.reshape(-1, *self.shape))
        return np.concatenate(parts, axis=3)
