"""The network of a diffusion model: a residual MLP that knows the time, and perhaps the class."""

from dataclasses import dataclass

import numpy as np

from minigen.core.contract import Layer
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
    label: tuple  # of one LabelEmbedding, or of none
    blocks: tuple
    head: Linear

    @classmethod
    def init(cls, features, n_out, *, T, hidden, blocks, classes=0, rng, dtype=np.float32):
        """Fresh parameters; the head starts at zero, so that the first prediction is zero.

        W_in ~ N(0, (6/D)^2): in few dimensions the data have fine structure, and a unit has to
        turn on within it (moons: a bound 0.1 nats lower than with variance 1/D).
        """
        new = {"rng": rng, "dtype": dtype}
        lift = Linear.init(features, hidden, gain=36 / features, **new)
        time = TimeEmbedding.init(T, 64, hidden, **new)
        label = (LabelEmbedding.init(classes, hidden, **new),) if classes else ()
        stack = tuple(ResidualBlock.init(hidden, **new) for _ in range(blocks))
        return cls(lift, time, label, stack, Linear.init(hidden, n_out, gain=0.0, **new))

    def forward(self, x, *, t, label=None):
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

    def backward(self, dout, cache):
        dh, grads = self.backward_hidden(dout, cache)
        dx, grads["lift"] = self.lift.backward(dh, cache[2])
        return dx, grads

    def backward_params(self, dout, cache):
        dh, grads = self.backward_hidden(dout, cache)
        grads["lift"] = self.lift.backward_params(dh, cache[2])
        return grads

    def backward_hidden(self, dout, cache):
        """The gradient of the first h, and of all parameters above it."""
        time, known, _, caches, head, rows = cache
        dh, dhead = self.head.backward(dout, head)
        de, dblocks = None, {}
        for k in reversed(range(len(self.blocks))):
            dh, dek, dblocks[str(k)] = self.blocks[k].backward(dh, caches[k])
            de = dek if de is None else de + dek
        grads = {"blocks": dblocks, "head": dhead}
        for f, c in zip(self.label, known, strict=True):
            (dlabel,) = f.backward(de, c)
            grads["label"] = {"0": dlabel}
        if rows != len(de):
            de = de.sum(axis=0, keepdims=True)
        (grads["time"],) = self.time.backward(de, time)
        return dh, grads
