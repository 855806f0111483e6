"""The network of a diffusion model: a residual MLP that knows the time, and perhaps the class."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core.contract import Cache, Grads, Layer
from minigen.core.signature import Count, Size, Steps, checked
from minigen.nn.embed import LabelEmbedding, TimeEmbedding
from minigen.nn.linear import Linear
from minigen.nn.residual import ResidualBlock


@dataclass(frozen=True, eq=False, repr=False)
class TimeNet(Layer):
    """A residual MLP with a time embedding.

        e = time(t) + label(k)
        h = x W_in + b_in;  h <- h + silu(h + e) W + b in each block;  out = h W_out + b_out

    Shapes: x (N, D), given t (N,) or (1,), label (N,) or None; e (N or 1, H); out (N, n_out).
    """

    lift: Linear
    time: TimeEmbedding
    label: tuple[LabelEmbedding, ...]  # of one LabelEmbedding, or of none
    blocks: tuple[Layer, ...]
    head: Linear

    @classmethod
    @checked
    def init(
        cls, features: Count, n_out: Count, *, T: Steps, hidden: Count, blocks: Count,
        classes: Size = 0, rng: np.random.Generator, dtype: DTypeLike = np.float32,
    ) -> "TimeNet":  # fmt: skip
        """Fresh parameters; the head starts at zero, so that the first prediction is zero.

        W_in ~ N(0, (6/D)^2): in few dimensions the data have fine structure, and a unit has to
        turn on within it (moons: a bound 0.1 nats lower than with variance 1/D).

        Parameters
        ----------
        features : D, the number of columns
        n_out : columns of the output
        T : the times are 1..T
        hidden : H
        blocks : how many residual blocks
        classes : of the labels, 0 for none
        rng : the generator of the first weights
        dtype : of the parameters

        Returns
        -------
        TimeNet

        Examples
        --------
        >>> mg.diffusion.TimeNet.init(2, 2, T=10, hidden=8, blocks=1, rng=rng).forward(
        ...     np.ones((3, 2), np.float32), t=np.array([1])
        ... )[0].shape
        (3, 2)
        """
        lift = Linear.init(features, hidden, gain=36 / features, rng=rng, dtype=dtype)
        time = TimeEmbedding.init(T, 64, hidden, rng=rng, dtype=dtype)
        label = (LabelEmbedding.init(classes, hidden, rng=rng, dtype=dtype),) if classes else ()
        stack = tuple(ResidualBlock.init(hidden, rng=rng, dtype=dtype) for _ in range(blocks))
        return cls(
            lift, time, label, stack, Linear.init(hidden, n_out, gain=0.0, rng=rng, dtype=dtype)
        )

    def forward(self, x: NDArray, *, t: NDArray, label: Any = None) -> tuple[NDArray, Cache]:
        e, time = self.time.forward(t=t)
        known = [f.forward(label=label) for f in self.label]
        for row, _ in known:
            e = e + row
        h, lift = self.lift.forward(x)
        caches = []
        for block in self.blocks:
            h, cache = block.forward(h, e)
            caches.append(cache)
        out, head = self.head.forward(h)
        return out, (time, [c for _, c in known], lift, caches, head, len(np.atleast_1d(t)))

    def backward(self, dout: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        time, known, lift, caches, head, rows = cache
        dh, dhead = self.head.backward(dout, head)
        embedded, dblocks = [], {}
        for k in reversed(range(len(self.blocks))):
            dh, de, dblocks[str(k)] = self.blocks[k].backward(dh, caches[k])
            embedded.append(de)
        de = sum(embedded[1:], embedded[0])  # e is added in each block
        dx, dlift = self.lift.backward(dh, lift)
        grads = {"lift": dlift, "blocks": dblocks, "head": dhead}
        for f, c in zip(self.label, known, strict=True):
            (dlabel,) = f.backward(de, c)
            grads["label"] = {"0": dlabel}
        if rows != len(de):
            de = de.sum(axis=0, keepdims=True)
        (grads["time"],) = self.time.backward(de, time)
        return dx, grads
