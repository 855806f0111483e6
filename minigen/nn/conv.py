"""Convolution of pictures, as matrix products of patches."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Grads, Layer
from minigen.core.signature import Count, NonNegative, checked
from minigen.core.tree import param

BLOCK = 400_000  # bytes of patches made at once: they stay in the cache until they are multiplied


@dataclass(frozen=True, eq=False, repr=False)
class Conv2d(Layer):
    """Convolution with k x k filters, k odd, zeros around the picture ("same" padding).

        y_{nij} = b + sum_{p,q} x_{n, s i + p, s j + q} W_{pq},    p, q = -r..r,  k = 2 r + 1

    with stride s. A row of P(x) is a patch, the k k C numbers that one y_{nij} sees, so that

        y = P(x) W + b,    dW = P(x)^T dy,    db = sum_{nij} dy_{nij}

    What dx_{nij} receives comes from the outputs that saw it, each through its own filter:

        dx_{nij} = sum_{p,q} dy'_{n, i + p, j + q} W_{-p,-q}^T   =   P(dy') W'

    The adjoint of a convolution is a convolution: its filters W' are turned by half a turn, with
    inputs and outputs exchanged, and dy' is dy with s - 1 zeros after each of its entries.

    Shapes: x (N, H, W, C), W (k, k, C, n_out), b (n_out,), y (N, H / s, W / s, n_out).
    """

    W: NDArray = param()
    b: NDArray = param()
    stride: int = 1

    @classmethod
    @checked
    def init(
        cls, n_in: Count, n_out: Count, size: int = 3, *, rng: np.random.Generator,
        dtype: DTypeLike = np.float32, stride: int = 1, gain: NonNegative = 2.0,
    ) -> "Conv2d":  # fmt: skip
        """W ~ N(0, gain / (k k C)) (He et al. 2015 for gain 2; 0 gives the zero map), b = 0."""
        validate.generator(rng)
        validate.choice("stride", stride, (1, 2))
        n_in, n_out = validate.integer("n_in", n_in, 1), validate.integer("n_out", n_out, 1)
        if validate.integer("size", size, 1) % 2 == 0:
            raise validate.expected("size", "an odd number (the filter has a middle)", size)
        scale = np.sqrt(gain / (size * size * n_in))
        W = scale * rng.standard_normal((size, size, n_in, n_out))
        return cls(W.astype(dtype), np.zeros(n_out, dtype), stride)

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        refuse_pictures(x, self.W.shape[2], self.stride)
        y = correlate(x, self.W, self.stride)
        y += self.b
        return y, (x,)

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        (x,) = cache
        dW = np.zeros(self.W.shape, np.result_type(x, dy))
        for n, P in patches(x, len(self.W), self.stride):
            dW += (P.T @ rows(dy[n])).reshape(dW.shape)  # dW = P(x)^T dy
        turned = self.W[::-1, ::-1].swapaxes(2, 3)
        dx = correlate(spread(dy, self.stride), turned)  # dx = P(dy') W'
        return dx, {"W": dW, "b": np.einsum("nijc->c", dy)}


def correlate(x: NDArray, W: NDArray, stride: int = 1) -> NDArray:
    """P(x) W as pictures, without the bias: block after block."""
    N, height, width, _ = x.shape
    y = np.empty((N, height // stride, width // stride, W.shape[3]), np.result_type(x, W))
    filters = W.reshape(-1, W.shape[3])
    for n, P in patches(x, len(W), stride):
        np.matmul(P, filters, out=rows(y[n]))
    return y


def patches(x: NDArray, k: int, stride: int) -> Iterator[tuple[slice, NDArray]]:
    """(pictures, their patches P (rows, k k C)) of x (N, H, W, C), a block of pictures at a time.

    The next block writes over P. A patch is gathered by one copy of a view whose strides go along
    the filter as along the picture; for 1 x 1 filters without stride P is the picture itself.
    """
    N, height, width, C = x.shape
    if k == stride == 1:
        x = np.ascontiguousarray(x)
        yield slice(0, N), rows(x)
        return
    shape = (height // stride, width // stride, k, k, C)
    count = max(1, min(N, BLOCK // max(1, x.itemsize * int(np.prod(shape)))))
    r = k // 2
    padded = np.zeros((count, height + 2 * r, width + 2 * r, C), x.dtype)
    n, i, j, c = padded.strides
    windows = as_strided(padded, (count, *shape), (n, stride * i, stride * j, i, j, c))
    P = np.empty((count, *shape), x.dtype)
    for start in range(0, N, count):
        part = x[start : start + count]
        padded[: len(part), r : r + height, r : r + width] = part
        P[: len(part)] = windows[: len(part)]
        yield slice(start, start + len(part)), P[: len(part)].reshape(-1, k * k * C)


def rows(x: NDArray) -> NDArray:
    """The pixels of pictures as rows, (N H W, C)."""
    return x.reshape(-1, x.shape[-1])


def spread(dy: NDArray, stride: int) -> NDArray:
    """dy with stride - 1 zeros after each of its entries, along both sides."""
    if stride == 1:
        return dy
    N, height, width, C = dy.shape
    wide = np.zeros((N, stride * height, stride * width, C), dy.dtype)
    wide[:, ::stride, ::stride] = dy
    return wide


def refuse_pictures(x: NDArray, channels: int, divisor: int = 1) -> None:
    """Refuse x unless it is (N, H, W, channels) with sides that `divisor` divides."""
    if x.ndim != 4 or x.shape[3] != channels:
        raise validate.expected(
            "x", f"pictures (N, H, W, {channels})", f"shape {validate.shaped(x.shape)}"
        )
    if x.shape[1] % divisor or x.shape[2] % divisor:
        what = f"pictures with sides divisible by {divisor}"
        raise validate.expected("x", what, f"{x.shape[1]} x {x.shape[2]}")
