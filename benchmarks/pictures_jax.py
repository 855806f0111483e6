"""Convolutions and networks of pictures in JAX: pure functions, one jit for all."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Run = Callable[[], Any]
AXES = ("NHWC", "HWIO", "NHWC")


def conv2d(x: Any, W: Any, b: Any) -> Any:
    return jax.lax.conv_general_dilated(x, W, (1, 1), "SAME", dimension_numbers=AXES) + b


def conv(x: Any, dy: Any, W: Any) -> Run:
    """A 3 x 3 convolution forward and backward."""

    @jax.jit
    def both(x: Any, W: Any, b: Any, dy: Any) -> Any:
        y, back = jax.vjp(conv2d, x, W, b)
        return y, back(dy)

    given = [jnp.asarray(a) for a in (x, W, jnp.zeros(W.shape[3]), dy)]
    return lambda: jax.block_until_ready(both(*given))


class Weights:
    """Makes the parameters of each layer the first time, and finds them again."""

    def __init__(self) -> None:
        self.rng, self.made = np.random.default_rng(0), {}

    def filters(self, name: str, n_in: int, n_out: int, k: int = 3) -> None:
        W = self.rng.standard_normal((k, k, n_in, n_out), np.float32) / np.sqrt(k * k * n_in)
        self.made[name] = (jnp.asarray(W, jnp.float32), jnp.zeros(n_out))

    def norm(self, name: str, n: int) -> None:
        self.made[name] = (jnp.ones(n), jnp.zeros(n))

    def dense(self, name: str, n_in: int, n_out: int) -> None:
        W = self.rng.standard_normal((n_in, n_out), np.float32) / np.sqrt(n_in)
        self.made[name] = (jnp.asarray(W, jnp.float32), jnp.zeros(n_out))

    def block(self, name: str, n_in: int, n_out: int, E: int = 0) -> None:
        self.norm(f"{name}.norm1", n_in)
        self.filters(f"{name}.conv1", n_in, n_out)
        self.norm(f"{name}.norm2", n_out)
        self.filters(f"{name}.conv2", n_out, n_out)
        if E:
            self.dense(f"{name}.time", E, n_out)
        if n_in != n_out:
            self.filters(f"{name}.skip", n_in, n_out, 1)


def normed(x: Any, p: Any, groups: int = 4) -> Any:
    N, H, W, C = x.shape
    g = x.reshape(N, H * W, groups, C // groups)
    mean, var = g.mean((1, 3), keepdims=True), g.var((1, 3), keepdims=True)
    return ((g - mean) * jax.lax.rsqrt(var + 1e-5)).reshape(x.shape) * p[0] + p[1]


def block(p: Any, name: str, x: Any, e: Any = None) -> Any:
    h = conv2d(jax.nn.silu(normed(x, p[f"{name}.norm1"])), *p[f"{name}.conv1"])
    if e is not None:
        W, b = p[f"{name}.time"]
        h = h + (e @ W + b)[:, None, None, :]
    y = conv2d(jax.nn.silu(normed(h, p[f"{name}.norm2"])), *p[f"{name}.conv2"])
    return y + (conv2d(x, *p[f"{name}.skip"]) if f"{name}.skip" in p else x)


def attention(p: Any, x: Any) -> Any:
    N, H, W, C = x.shape
    u = normed(x, p["look.norm"]).reshape(N, H * W, C)
    q, k, v = jnp.split(u @ p["look.qkv"][0] + p["look.qkv"][1], 3, axis=2)
    A = jax.nn.softmax(jnp.einsum("nld,nmd->nlm", q, k) / np.sqrt(C), axis=2)
    y = jnp.einsum("nlm,nmd->nld", A, v) @ p["look.out"][0] + p["look.out"][1]
    return x + y.reshape(x.shape)


def pooled(x: Any) -> Any:
    N, H, W, C = x.shape
    return x.reshape(N, H // 2, 2, W // 2, 2, C).mean((2, 4))


def larger(x: Any) -> Any:
    return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)


def unet(x: Any, dy: Any) -> Run:
    """Forward and backward of the U-Net of `ddpm` on rows of 784 numbers."""
    w, E = Weights(), 64
    for name in ("time1", "time2"):
        w.dense(name, 64, E)
    w.filters("lift", 1, 16)
    sizes = {"down0": (16, 16), "down1": (16, 32), "middle0": (32, 32), "middle1": (32, 32),
             "up0": (64, 32), "up1": (48, 16)}  # fmt: skip
    for name, (n_in, n_out) in sizes.items():
        w.block(name, n_in, n_out, E)
    w.norm("look.norm", 32)
    w.dense("look.qkv", 32, 96)
    w.dense("look.out", 32, 32)
    w.norm("norm", 16)
    w.filters("head", 16, 1)

    def net(p: Any, x: Any, wave: Any) -> Any:
        e = wave
        for name in ("time1", "time2"):
            e = jax.nn.silu(e @ p[name][0] + p[name][1])
        h, kept = conv2d(x, *p["lift"]), []
        for name in ("down0", "down1"):
            h = block(p, name, h, e)
            kept.append(h)
            h = pooled(h)
        h = block(p, "middle1", attention(p, block(p, "middle0", h, e)), e)
        for name in ("up0", "up1"):
            h = block(p, name, jnp.concatenate([kept.pop(), larger(h)], axis=3), e)
        return conv2d(jax.nn.silu(normed(h, p["norm"])), *p["head"])

    @jax.jit
    def both(p: Any, x: Any, wave: Any, dy: Any) -> Any:
        y, back = jax.vjp(net, p, x, wave)
        return y, back(dy)

    picture, pull = (jnp.asarray(a.reshape(-1, 28, 28, 1)) for a in (x, dy))
    wave = jnp.asarray(np.random.default_rng(0).standard_normal((len(x), 64), np.float32))
    return lambda: jax.block_until_ready(both(w.made, picture, wave, pull))


PLAN = [(28, 1, 16, False), (14, 4, 32, True), (14, 2, 32, False), (7, 8, 64, True),
        (7, 4, 64, False)]  # fmt: skip


def flow(x: Any) -> Run:
    """The loss of Real NVP of three scales on rows of 784 numbers, and all gradients."""
    w, masks = Weights(), []
    for k, (side, C, hidden, channels) in enumerate(PLAN):
        i, j, c = np.indices((side, side, C))
        masks.append(jnp.asarray(c < C // 2 if channels else (i + j) % 2 == 0, jnp.float32))
        w.made[f"{k}.act"] = (jnp.zeros(C), jnp.zeros(C))
        if channels:
            w.made[f"{k}.mix"] = jnp.asarray(np.linalg.qr(w.rng.standard_normal((C, C)))[0],
                                             jnp.float32)  # fmt: skip
        w.filters(f"{k}.lift", C, hidden)
        w.block(f"{k}.block", hidden, hidden)
        w.norm(f"{k}.norm", hidden)
        w.filters(f"{k}.head", hidden, 2 * C)

    def coupling(p: Any, k: int, x: Any) -> Any:
        (side, _, _, channels), m = PLAN[k], masks[k]
        s, t = p[f"{k}.act"]
        x, logdet = x * jnp.exp(s) + t, s.sum() * side * side
        if channels:
            x = x @ p[f"{k}.mix"]
            logdet = logdet + side * side * jnp.linalg.slogdet(p[f"{k}.mix"])[1]
        h = block(p, f"{k}.block", conv2d(x * m, *p[f"{k}.lift"]))
        h = conv2d(jax.nn.silu(normed(h, p[f"{k}.norm"])), *p[f"{k}.head"])
        r, t = jnp.split(h, 2, axis=3)
        s = 2 * jnp.tanh(r / 2)
        return m * x + (1 - m) * (x * jnp.exp(s) + t), logdet + ((1 - m) * s).sum((1, 2, 3))

    def loss(p: Any, x: Any) -> Any:
        total, latents = 0.0, []
        for k in range(len(PLAN)):
            if PLAN[k][3]:
                N, H, W, C = x.shape
                x = x.reshape(N, H // 2, 2, W // 2, 2, C).transpose(0, 1, 3, 2, 4, 5)
                x = x.reshape(N, H // 2, W // 2, 4 * C)
            x, logdet = coupling(p, k, x)
            total = total + logdet
            if PLAN[k][3]:
                out, x = jnp.split(x, 2, axis=3)
                latents.append(out.reshape(len(x), -1))
        z = jnp.concatenate([*latents, x.reshape(len(x), -1)], axis=1)
        return (0.5 * (z * z).sum(1) + 0.919 * z.shape[1] - total).mean()

    both = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    picture = jnp.asarray(x.reshape(-1, 28, 28, 1))
    return lambda: jax.block_until_ready(both(w.made, picture))
