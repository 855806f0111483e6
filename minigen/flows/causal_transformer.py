"""A Transformer whose outputs for a patch depend only on the patches before it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core.contract import Cache, Grads, Layer
from minigen.core.signature import Count, Size, checked
from minigen.core.tree import param
from minigen.nn import GroupNorm, Linear
from minigen.nn.transformer import TransformerBlock

Attends = Sequence[Callable[..., Any]]  # the attention of each block, or its gradient


@dataclass(frozen=True, eq=False, repr=False)
class CausalTransformer(Layer):
    """The conditioner of a masked autoregressive flow of patches (Zhai et al. 2025).

        u = (0, x_1, .., x_{L-1})                        each token is the patch BEFORE its own
        v = u W_in + b_in + place + c W_c + b_c          c is the context
        v = block(v)                                     causal: token l sees tokens 1 .. l
        h = norm(v) W_out + b_out                        token l sees x_1 .. x_{l-1} and c

    The shift stands at the input. So the first token sees the context; if the OUTPUTS were shifted
    and a zero put first, the parameters of the first patch would be constants. Backward:

        dv = blocks^T norm^T W_out^T dh,   dplace_l = sum_n dv_nl,   dc = (sum_l dv_l) W_c^T
        dx_l = dv_{l+1} W_in^T,   dx_L = 0

    Shapes: x (N, L, P), L patches of P numbers; c (N, C); v (N, L, H); h (N, L, P, parts).
    """

    lift: Linear
    place: Annotated[NDArray, "L H"] = param()
    condition: tuple[Linear, ...]  # of one Linear, or of none
    blocks: tuple[TransformerBlock, ...]
    norm: GroupNorm
    head: Linear

    @classmethod
    @checked
    def init(
        cls, length: Count, width: Count, hidden: Count = 64, blocks: Count = 2, heads: Count = 4,
        parts: Count = 2, *, rng: np.random.Generator, dtype: DTypeLike = np.float32,
        context: Size = 0,
    ) -> "CausalTransformer":  # fmt: skip
        """`length` patches of `width` numbers; the head is 0, and so are the parameters at first.

        hidden: H, of which each of the heads takes H / heads; blocks: how many.

        Parameters
        ----------
        length : L, how many patches
        width : P, numbers of a patch
        hidden : H
        blocks : how many
        heads : a divisor of H
        parts : outputs for each number
        rng : the generator of the first weights
        dtype : of the parameters
        context : the number of context columns, 0 for none

        Returns
        -------
        CausalTransformer

        Examples
        --------
        >>> net = mg.flows.CausalTransformer.init(3, 2, 8, 1, 2, rng=rng)
        >>> net.forward(np.ones((5, 3, 2), np.float32))[0].shape
        (5, 3, 2, 2)
        """
        new: dict[str, Any] = {"rng": rng, "dtype": dtype}
        return cls(
            Linear.init(width, hidden, gain=1.0, **new),
            rng.standard_normal((length, hidden)).astype(dtype),
            (Linear.init(context, hidden, gain=1.0, **new),) if context else (),
            tuple(
                TransformerBlock.init(hidden, heads, causal=True, **new) for _ in range(blocks)
            ),
            GroupNorm.init(hidden, 1, dtype=dtype),
            Linear.init(hidden, parts * width, gain=0.0, **new),
        )  # fmt: skip

    @property
    def context(self) -> int:
        return len(self.condition[0].W) if self.condition else 0

    @property
    def length(self) -> int:
        return len(self.place)

    @property
    def width(self) -> int:
        return len(self.lift.W)

    def forward(self, x: NDArray, *context: NDArray) -> tuple[NDArray, Cache]:
        u = np.zeros_like(x)
        u[:, 1:] = x[:, :-1]
        e, condition = self.embedded(*context)
        h, cache = self.through(u, self.place, e, [b.attention.forward for b in self.blocks])
        return h, (condition, cache)

    def backward(self, dh: NDArray, cache: Cache) -> tuple[Any, ...]:
        condition, cache = cache
        attends = [b.attention.backward for b in self.blocks]
        du, dv, grads = self.through_backward(dh, cache, attends)
        dx = np.zeros_like(du)
        dx[:, :-1] = du[:, 1:]
        dcontext, dcondition = self.embedded_backward(np.einsum("nlh->nh", dv), condition)
        grads |= {"place": np.einsum("nlh->lh", dv), "condition": dcondition}
        return dx, *dcontext, grads

    def embedded(self, *context: NDArray) -> tuple[Any, Cache]:
        """What the context adds to each token, (N, 1, H), or 0 without one."""
        for f, c in zip(self.condition, context, strict=True):
            e, cache = f.forward(c)
            return e[:, None], cache
        return self.place.dtype.type(0), None

    def embedded_backward(self, de: NDArray, cache: Cache) -> tuple[list[NDArray], Grads]:
        found = [f.backward(de, cache) for f in self.condition]
        return [dc for dc, _ in found], {str(k): grads for k, (_, grads) in enumerate(found)}

    def through(
        self, u: NDArray, place: NDArray, e: Any, attends: Attends
    ) -> tuple[NDArray, Cache]:
        """The parameters of some tokens u (N, l, P): of all, or of the next one."""
        N, tokens, P = u.shape
        v, lift = self.lift.forward(u.reshape(-1, P))
        v = v.reshape(N, tokens, self.place.shape[1]) + place + e
        caches = []
        for block, attend in zip(self.blocks, attends, strict=True):
            v, cache = block.through(v, attend)
            caches.append(cache)
        v, norm = self.norm.forward(v.reshape(-1, 1, 1, v.shape[2]))
        h, head = self.head.forward(v.reshape(-1, v.shape[3]))
        h = h.reshape(N, tokens, P, self.head.W.shape[1] // P)
        return h, (lift, caches, norm, head)

    def through_backward(
        self, dh: NDArray, cache: Cache, attends: Attends
    ) -> tuple[NDArray, NDArray, Grads]:
        """du (N, l, P), dv (N, l, H), and the gradients but those of place and condition."""
        lift, caches, norm, head = cache
        N, tokens, P, parts = dh.shape
        dv, dhead = self.head.backward(dh.reshape(-1, P * parts), head)
        dv, dnorm = self.norm.backward(dv[:, None, None], norm)
        dv, dblocks = dv.reshape(N, tokens, self.place.shape[1]), {}
        for k in reversed(range(len(self.blocks))):
            dv, dblocks[str(k)] = self.blocks[k].through_backward(dv, caches[k], attends[k])
        du, dlift = self.lift.backward(dv.reshape(-1, dv.shape[2]), lift)
        grads = {"lift": dlift, "blocks": dblocks, "norm": dnorm, "head": dhead}
        return du.reshape(N, tokens, P), dv, grads
