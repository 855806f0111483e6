"""The key-value cache: the slow direction of a causal Transformer at the work of one pass.

A token needs the keys and values of the tokens before it, and nothing else of them. They are kept:
so each token goes through the network once, when its patch is due. The gradient goes back in the
other order, from the last token to the first, and keeps the gradients dK and dV that later tokens
have left for earlier ones. It is the triangular solve of `sequential_backward.py`, in patches.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core.contract import Cache, Grads
from minigen.flows.causal_transformer import CausalTransformer
from minigen.nn import SelfAttention
from minigen.nn.attention import softmax

Memory = tuple[NDArray, NDArray]  # K and V of one attention, (N, h, L, d) each; or dK and dV
ROWS = 256  # rows done at once: their keys and values stay near the processor


def attend(f: SelfAttention, memory: Memory, l: int, x: NDArray) -> tuple[NDArray, Cache]:  # noqa: E741
    """Causal attention of token l alone, x (N, 1, 1, C), after tokens 0 .. l - 1.

    Its own key and value are written into the memory.
    """
    K, V = memory
    N, heads, _, d = K.shape
    h, qkv = f.qkv.forward(x.reshape(N, heads * d))
    Q, K[:, :, l], V[:, :, l] = h.reshape(N, 3, heads, d).swapaxes(0, 1)
    Q = Q / float(np.sqrt(d))
    A = softmax(np.einsum("nhd,nhld->nhl", Q, K[:, :, : l + 1]))
    O = np.einsum("nhl,nhld->nhd", A, V[:, :, : l + 1])  # noqa: E741
    y, out = f.out.forward(O.reshape(N, heads * d))
    return y.reshape(x.shape), (Q, A, qkv, out)


def attend_backward(
    f: SelfAttention, memory: Memory, dmemory: Memory, dy: NDArray, cache: Cache
) -> tuple[NDArray, Grads]:
    """The gradient of `attend`, when all later tokens have added to dmemory what they had to."""
    (K, V), (dK, dV), (Q, A, qkv, out) = memory, dmemory, cache
    (N, heads, _, d), l = K.shape, A.shape[2] - 1  # noqa: E741
    seen = slice(l + 1)
    dO, dout = f.out.backward(dy.reshape(N, heads * d), out)
    dO = dO.reshape(N, heads, d)
    dA = np.einsum("nhd,nhld->nhl", dO, V[:, :, seen])
    dV[:, :, seen] += A[..., None] * dO[:, :, None]
    dS = A * (dA - (dA * A).sum(axis=2, keepdims=True))
    dQ = np.einsum("nhl,nhld->nhd", dS, K[:, :, seen]) / float(np.sqrt(d))
    dK[:, :, seen] += dS[..., None] * Q[:, :, None]
    dh = np.stack([dQ, dK[:, :, l], dV[:, :, l]], axis=1)
    dx, dqkv = f.qkv.backward(dh.reshape(N, 3 * heads * d), qkv)
    return dx.reshape(dy.shape), {"qkv": dqkv, "out": dout}


def memories(net: CausalTransformer, like: NDArray) -> list[Memory]:
    """Empty keys and values of each block, for the rows and the type of `like`."""
    shapes = [
        (len(like), f.heads, net.length, len(f.out.b) // f.heads)
        for f in (block.attention for block in net.blocks)
    ]
    return [(np.zeros(shape, like.dtype), np.zeros(shape, like.dtype)) for shape in shapes]


def by_patches(
    net: CausalTransformer, y: NDArray, solve: Callable[..., Any], *context: NDArray
) -> tuple[NDArray, NDArray]:
    """x (N, L, P) and logdet (N,) from what is given of each patch, y (N, L, P), one by one.

    solve(h, y) -> x, logdet of each number, h (N, P, parts): as in `sequential.py`.
    """
    x = np.empty(y.shape, np.result_type(y, net.dtype, *context))
    logdet = np.zeros(len(y), x.dtype)
    for n in range(0, len(y), ROWS):
        part = slice(n, n + ROWS)
        _sweep(net, y[part], solve, [c[part] for c in context], x[part], logdet[part])
    return x, logdet


def _sweep(
    net: CausalTransformer, y: NDArray, solve: Callable[..., Any], context: Sequence[NDArray],
    x: NDArray, logdet: NDArray,
) -> None:  # fmt: skip
    """Write the patches of these rows into x, and add to logdet."""
    e, _ = net.embedded(*context)
    kept, u = memories(net, x), np.zeros_like(x[:, :1])
    for l in range(net.length):  # noqa: E741
        h, _ = net.through(u, net.place[l], e, _attends(net, attend, l, kept))
        x[:, l], ell = solve(h[:, 0], y[:, l])
        logdet += ell.sum(axis=1)
        u = x[:, l : l + 1]


def _attends(net: CausalTransformer, step: Any, l: int, kept: list[Memory]) -> list[Any]:  # noqa: E741
    pairs = zip(net.blocks, kept, strict=True)
    return [partial(step, block.attention, memory, l) for block, memory in pairs]


def by_patches_backward(
    net: CausalTransformer, x: NDArray, y: NDArray, context: Sequence[NDArray],
    solve_backward: Callable[..., Any], dx: NDArray, dlogdet: NDArray,
) -> tuple[Any, ...]:  # fmt: skip
    """dy (N, L, P), dcontext if there is one, and the gradients of the network.

    lambda_l = dx_l + what the parameters of later patches send back to x_l           MAF-7
    """
    like = np.zeros(x.shape, np.result_type(x, dx, dlogdet, net.dtype, *context))
    e, condition = net.embedded(*context)
    kept, passes = memories(net, like), []
    for l in range(net.length):  # noqa: E741
        u = x[:, l - 1 : l] if l else np.zeros_like(x[:, :1])
        passes.append(net.through(u, net.place[l], e, _attends(net, attend, l, kept)))
    dkept, dy, de, later = memories(net, like), like.copy(), 0, 0
    dplace, grads = np.zeros(net.place.shape, like.dtype), {}
    for l in reversed(range(net.length)):  # noqa: E741
        h, cache = passes[l]
        dh, dy[:, l] = solve_backward(h[:, 0], y[:, l], dx[:, l] + later, dlogdet)
        attends = [
            partial(attend_backward, block.attention, memory, dmemory)
            for block, memory, dmemory in zip(net.blocks, kept, dkept, strict=True)
        ]
        du, dv, own = net.through_backward(dh[:, None], cache, attends)
        later, de, dplace[l] = du[:, 0], de + dv[:, 0], np.einsum("nth->h", dv)
        grads = _sum(grads, own) if grads else own
    dcontext, dcondition = net.embedded_backward(np.asarray(de), condition)
    return dy, *dcontext, grads | {"place": dplace, "condition": dcondition}


def _sum(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    """Two trees of gradients, added."""
    return {k: _sum(v, b[k]) if isinstance(v, dict) else v + b[k] for k, v in a.items()}
