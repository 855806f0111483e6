"""Self-attention: each place of a picture looks at all the others."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Grads, Layer
from minigen.core.signature import Gain, checked
from minigen.nn.conv import refuse_pictures
from minigen.nn.linear import Linear


@dataclass(frozen=True, eq=False, repr=False)
class SelfAttention(Layer):
    """Scaled dot-product attention over the L = H W places of a picture (Vaswani et al. 2017).

        (Q, K, V) = x W_in + b_in,   S = Q K^T / sqrt(d),   A = softmax(S),   O = A V
        y = O W_out + b_out

    for each of h heads, which take d = C / h channels each of Q, K, V and O. Backward, from the
    last line to the first:

        dA = dO V^T,   dV = A^T dO
        dS = A * (dA - sum_l dA_l A_l)                  softmax: each row of A sums to 1
        dQ = dS K / sqrt(d),   dK = dS^T Q / sqrt(d)

    causal: a place sees itself and the places before it, read row by row: S_lm = -inf for m > l.
    There A = 0, and so dS = 0: nothing of the backward pass changes.

    Shapes: x, y (N, H, W, C); W_in (C, 3 C), W_out (C, C); Q, K, V, O (N, h, L, d); S, A
    (N, h, L, L).
    """

    qkv: Linear
    out: Linear
    heads: int = 1
    causal: bool = False

    @classmethod
    @checked
    def init(
        cls, channels: int, heads: int = 1, *, rng: np.random.Generator,
        dtype: DTypeLike = np.float32, last_gain: Gain = 1.0, causal: bool = False,
    ) -> "SelfAttention":  # fmt: skip
        """Variance 1 / C; `last_gain` scales that of W_out.

        Parameters
        ----------
        channels : C
        heads : a divisor of C
        rng : the generator of the first weights
        dtype : of the parameters
        last_gain : scales the variance of W_out
        causal : whether a place sees only itself and those before

        Returns
        -------
        SelfAttention

        Examples
        --------
        >>> f = mg.nn.SelfAttention.init(4, 2, rng=rng)
        >>> f.forward(np.ones((1, 2, 2, 4), np.float32))[0].shape
        (1, 2, 2, 4)
        """
        channels = validate.integer("channels", channels, 1)
        if channels % validate.integer("heads", heads, 1):
            raise validate.expected("heads", f"a divisor of {channels} channels", heads)
        qkv = Linear.init(channels, 3 * channels, gain=1.0, rng=rng, dtype=dtype)
        out = Linear.init(channels, channels, gain=last_gain, rng=rng, dtype=dtype)
        return cls(qkv, out, heads, causal)

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        N, height, width, C = x.shape
        refuse_pictures(x, len(self.out.b))
        h, qkv = self.qkv.forward(x.reshape(-1, C))
        h = h.reshape(N, height * width, 3, self.heads, C // self.heads)
        Q, K, V = np.ascontiguousarray(h.transpose(2, 0, 3, 1, 4))
        Q = Q / float(np.sqrt(C // self.heads))
        S = Q @ K.swapaxes(2, 3)
        if self.causal:
            S[..., ~np.tri(height * width, dtype=bool)] = -np.inf
        A = softmax(S)
        O = (A @ V).swapaxes(1, 2).reshape(-1, C)  # noqa: E741
        y, out = self.out.forward(O)
        return y.reshape(x.shape), (Q, K, V, A, qkv, out)

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        Q, K, V, A, qkv, out = cache
        N, heads, L, d = Q.shape
        dO, dout = self.out.backward(dy.reshape(N * L, heads * d), out)
        dO = dO.reshape(N, L, heads, d).swapaxes(1, 2)
        dA, dV = dO @ V.swapaxes(2, 3), A.swapaxes(2, 3) @ dO
        dS = A * (dA - (dA * A).sum(axis=3, keepdims=True))
        dQ, dK = dS @ K / float(np.sqrt(d)), dS.swapaxes(2, 3) @ Q
        dh = np.stack([dQ, dK, dV]).transpose(1, 3, 0, 2, 4).reshape(N * L, 3 * heads * d)
        dx, dqkv = self.qkv.backward(dh, qkv)
        return dx.reshape(dy.shape), {"qkv": dqkv, "out": dout}


def softmax(S: NDArray[np.inexact]) -> NDArray:
    """exp(S) / sum exp(S) along the last axis, without overflow; S is written over."""
    S -= S.real.max(axis=-1, keepdims=True)
    np.exp(S, out=S)
    S /= S.sum(axis=-1, keepdims=True)
    return S
