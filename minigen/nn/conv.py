"""Convolution of pictures, as matrix products of patches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Grads, Layer
from minigen.core.signature import Count, Gain, checked
from minigen.core.tree import param

BLOCK = 600_000  # bytes of patches made at once: they stay in the cache until they are multiplied


@dataclass(frozen=True, eq=False, repr=False)
class Conv2d(Layer):
    """Convolution with k x k filters, k odd, zeros around the picture ("same" padding).

        y_{nij} = b + sum_{p,q} x_{n, s i + p, s j + q} W_{pq},    p, q = -r..r,  k = 2 r + 1

    with stride s. As a matrix product: a row of P(x) is a patch, the k k C numbers that one y_{nij}
    sees, and y = P(x) W + b. In the backward pass each x_{nij} receives from the outputs that saw
    it, from each through its own filter. With dy' = dy, with s - 1 zeros after each entry,

        dx_{nij}  = sum_{p,q} dy'_{n, i + p, j + q} W'_{pq},   W'_{pq} = W_{-p,-q}^T
        dW_{-p,-q} = sum_{nij} x_{nij}^T dy'_{n, i + p, j + q},    db = sum_{nij} dy_{nij}

    or dx = P(dy') W' and dW' = P(dy')^T x: the adjoint of a convolution is a convolution, whose
    filters are turned by half a turn and have inputs and outputs exchanged.

    Shapes: x (N, H, W, C), W (k, k, C, n_out), b (n_out,), y (N, H / s, W / s, n_out).
    """

    W: Annotated[NDArray, "k k I O"] = param()
    b: Annotated[NDArray, "O"] = param()
    stride: int = 1

    @classmethod
    @checked
    def init(
        cls, n_in: Count, n_out: Count, size: int = 3, *, rng: np.random.Generator,
        dtype: DTypeLike = np.float32, stride: int = 1, gain: Gain = 2.0,
    ) -> "Conv2d":  # fmt: skip
        """W ~ N(0, gain / (k k C)) (He et al. 2015 for gain 2; 0 gives the zero map), b = 0.

        Parameters
        ----------
        n_in : channels of the input
        n_out : channels of the output
        size : k, odd
        rng : the generator of the first weights
        dtype : of the parameters
        stride : s
        gain : scales the variance of the weights

        Returns
        -------
        Conv2d

        Examples
        --------
        >>> mg.nn.Conv2d.init(1, 4, rng=rng).forward(np.ones((2, 8, 8, 1), np.float32))[0].shape
        (2, 8, 8, 4)
        """
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
        k, _, _, n_out = self.W.shape
        N, height, width, _ = x.shape
        shape = (N, height // self.stride, width // self.stride, n_out)
        y = np.empty(shape, np.result_type(x, self.W))
        W = self.W.reshape(-1, n_out)
        for n, P in patches(x, k, self.stride):
            np.matmul(P, W, out=rows(y[n]))
            y[n] += self.b
        return y, (x,)

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        (x,) = cache
        W = turned(self.W)
        dx = np.empty(x.shape, np.result_type(dy, W))
        dW = np.zeros((W.size // x.shape[3], x.shape[3]), np.result_type(x, dy))
        for n, P in patches(spread(dy, self.stride), len(W), 1):
            np.matmul(P, W.reshape(dW.shape), out=rows(dx[n]))  # dx = P(dy') W'
            dW += P.T @ rows(x[n])  # dW' = P(dy')^T x
        db = np.ones(rows(dy).shape[0], dy.dtype) @ rows(dy)
        return dx, {"W": turned(dW.reshape(W.shape)), "b": db}


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


def turned(W: NDArray) -> NDArray:
    """W'_{pq} = W_{-p,-q}^T: half a turn, inputs and outputs exchanged; its own inverse."""
    return np.ascontiguousarray(W[::-1, ::-1].swapaxes(2, 3))


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


def picture_shape(shape: Sequence[int], halvings: int) -> tuple[int, int, int]:
    """(H, W, C), with sides that can be halved so often."""
    sides, divisor = validate.widths("shape", shape), 2**halvings
    if len(sides) != 3:
        raise validate.expected("shape", "three numbers (H, W, C)", tuple(shape))
    if sides[0] % divisor or sides[1] % divisor:
        what = f"sides divisible by {divisor} (they are halved {halvings} times)"
        raise validate.expected("shape", what, f"{sides[0]} x {sides[1]}")
    return sides[0], sides[1], sides[2]
