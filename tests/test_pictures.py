"""Layers of pictures: each is what naive loops give, and its backward is the adjoint."""

import numpy as np
import pytest

from minigen import nn
from minigen.core.validate import InvalidInput


def convolved(x, W, b, stride):
    """The definition of a convolution: one output after the other."""
    N, height, width, _ = x.shape
    k, r = len(W), len(W) // 2
    y = np.zeros((N, height // stride, width // stride, W.shape[3])) + b
    for n, i, j, p, q in np.ndindex(*y.shape[:3], k, k):
        at = stride * i + p - r, stride * j + q - r
        if 0 <= at[0] < height and 0 <= at[1] < width:
            y[n, i, j] += x[n, *at] @ W[p, q]
    return y


def convolved_backward(dy, x, W, stride):
    """dx, dW of the definition: each product's two factors receive their share."""
    dx, dW = np.zeros(x.shape), np.zeros(W.shape)
    k, r = len(W), len(W) // 2
    for n, i, j, p, q in np.ndindex(*dy.shape[:3], k, k):
        at = stride * i + p - r, stride * j + q - r
        if 0 <= at[0] < x.shape[1] and 0 <= at[1] < x.shape[2]:
            dx[n, *at] += W[p, q] @ dy[n, i, j]
            dW[p, q] += np.outer(x[n, *at], dy[n, i, j])
    return dx, dW


@pytest.mark.parametrize(
    ("size", "stride", "shape"),
    [(3, 1, (3, 5, 4)), (3, 1, (2, 1, 1)), (1, 1, (3, 4, 5)), (3, 2, (2, 6, 4)),
     (1, 2, (2, 4, 2)), (5, 1, (2, 3, 4)), (5, 2, (2, 4, 6))],
)  # fmt: skip
def test_a_convolution_is_its_definition(rng, size, stride, shape):
    f = nn.Conv2d.init(3, 4, size, stride=stride, rng=rng, dtype=np.float64)
    x = rng.standard_normal((*shape, 3))
    f.b[:] = rng.standard_normal(4)
    y, cache = f.forward(x)
    np.testing.assert_allclose(y, convolved(x, f.W, f.b, stride), rtol=1e-12, atol=1e-12)
    dy = rng.standard_normal(y.shape)
    dx, grads = f.backward(dy, cache)
    for got, want in zip((dx, grads["W"]), convolved_backward(dy, x, f.W, stride), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(grads["b"], dy.sum(axis=(0, 1, 2)), rtol=1e-12)


def test_blocks_of_pictures_change_nothing(rng, monkeypatch):
    """The last block has fewer pictures than the others."""
    f = nn.Conv2d.init(2, 3, rng=rng, dtype=np.float64)
    x, dy = rng.standard_normal((7, 4, 4, 2)), rng.standard_normal((7, 4, 4, 3))
    y, cache = f.forward(x)
    dx, grads = f.backward(dy, cache)
    monkeypatch.setattr("minigen.nn.conv.BLOCK", 3 * 4 * 4 * 18 * 8)
    again, cache = f.forward(x)
    dx_again, grads_again = f.backward(dy, cache)
    np.testing.assert_allclose(again, y, rtol=1e-13)
    np.testing.assert_allclose(dx_again, dx, rtol=1e-13)
    np.testing.assert_allclose(grads_again["W"], grads["W"], rtol=1e-12)


def test_group_norm_is_its_definition(rng):
    f = nn.GroupNorm.init(6, 3, dtype=np.float64)
    f.scale[:], f.shift[:] = rng.standard_normal((2, 6))
    x = 3 + 2 * rng.standard_normal((4, 5, 3, 6))
    y, _ = f.forward(x)
    for n in range(4):
        for g in range(3):
            part = x[n, :, :, 2 * g : 2 * g + 2]
            u = (part - part.mean()) / np.sqrt(part.var() + 1e-5)
            want = u * f.scale[2 * g : 2 * g + 2] + f.shift[2 * g : 2 * g + 2]
            np.testing.assert_allclose(y[n, :, :, 2 * g : 2 * g + 2], want, rtol=1e-12)


def test_group_norm_in_float32_keeps_its_digits_far_from_zero(rng):
    """The variance is that of x - mean, not a difference of two large squares."""
    x = 1000 + rng.standard_normal((2, 8, 8, 4)).astype(np.float32)
    y, _ = nn.GroupNorm.init(4, 2).forward(x)
    groups = y.reshape(2, 64, 2, 2)
    np.testing.assert_allclose(groups.std(axis=(1, 3)), 1, atol=1e-3)


def test_upsampling_and_pooling_are_their_definitions(rng):
    x = rng.standard_normal((2, 4, 6, 3))
    up, down = nn.Upsample().forward(x)[0], nn.AveragePool().forward(x)[0]
    np.testing.assert_array_equal(up, x.repeat(2, axis=1).repeat(2, axis=2))
    for n, i, j in np.ndindex(2, 2, 3):
        want = x[n, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean(axis=(0, 1))
        np.testing.assert_allclose(down[n, i, j], want, rtol=1e-13)
    np.testing.assert_allclose(nn.AveragePool().forward(up)[0], x, rtol=1e-13)


@pytest.mark.parametrize("heads", [1, 2])
def test_attention_is_its_definition(rng, heads):
    f = nn.SelfAttention.init(4, heads, rng=rng, dtype=np.float64)
    x = rng.standard_normal((2, 2, 3, 4))
    y, _ = f.forward(x)
    d = 4 // heads
    for n in range(2):
        h = x[n].reshape(6, 4) @ f.qkv.W + f.qkv.b
        O = np.zeros((6, 4))  # noqa: E741
        for k in range(heads):
            Q, K, V = (h[:, 4 * m + d * k : 4 * m + d * k + d] for m in range(3))
            for place in range(6):
                e = np.exp(K @ Q[place] / np.sqrt(d))
                O[place, d * k : d * k + d] = e @ V / e.sum()
        np.testing.assert_allclose(y[n].reshape(6, 4), O @ f.out.W + f.out.b, rtol=1e-12)


def test_a_condition_may_be_one_for_all_rows(rng):
    f = nn.ConvBlock.init(4, 4, 3, groups=2, rng=rng, dtype=np.float64)
    f.conv2.W[:] = rng.standard_normal(f.conv2.W.shape)
    x, e, dy = rng.standard_normal((5, 4, 4, 4)), rng.standard_normal((1, 3)), None
    one, cache = f.forward(x, e)
    many, caches = f.forward(x, np.repeat(e, 5, axis=0))
    # a sum that nearly cancels is rounded like its parts
    np.testing.assert_allclose(one, many, rtol=1e-13, atol=1e-15 * np.abs(many).max())
    dy = rng.standard_normal(one.shape)
    dx, de, _ = f.backward(dy, cache)
    dxs, des, _ = f.backward(dy, caches)
    np.testing.assert_allclose(dx, dxs, rtol=1e-12)
    np.testing.assert_allclose(de, des.sum(axis=0, keepdims=True), rtol=1e-11)


NEW = {"rng": np.random.default_rng(0)}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: nn.Conv2d.init(3, 4, 2, **NEW), "size: expected an odd number"),
        (lambda: nn.Conv2d.init(3, 4, stride=3, **NEW), "stride: expected one of 1, 2, got 3"),
        (lambda: nn.Conv2d.init(0, 4, **NEW), "n_in: expected an integer >= 1, got 0"),
        (
            lambda: nn.Conv2d.init(3, 4, stride=2, **NEW).forward(np.zeros((1, 7, 8, 3))),
            "x: expected pictures with sides divisible by 2, got 7 x 8",
        ),
        (
            lambda: nn.Conv2d.init(3, 4, **NEW).forward(np.zeros((1, 8, 8, 2))),
            r"x: expected pictures \(N, H, W, 3\), got shape \(1, 8, 8, 2\)",
        ),
        (
            lambda: nn.Conv2d.init(3, 4, **NEW).forward(np.zeros((8, 3))),
            r"x: expected pictures \(N, H, W, 3\), got shape \(8, 3\)",
        ),
        (lambda: nn.GroupNorm.init(6, 4), "groups: expected a divisor of 6 channels, got 4"),
        (
            lambda: nn.GroupNorm.init(6, 3).forward(np.zeros((1, 2, 2, 4))),
            r"x: expected pictures \(N, H, W, 6\)",
        ),
        (
            lambda: nn.AveragePool().forward(np.zeros((1, 3, 4, 1))),
            "x: expected pictures with sides divisible by 2, got 3 x 4",
        ),
        (
            lambda: nn.SelfAttention.init(6, 4, **NEW),
            "heads: expected a divisor of 6 channels, got 4",
        ),
        (
            lambda: nn.ConvBlock.init(6, 4, groups=3, **NEW),
            "groups: expected a divisor of 4 channels, got 3",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(call, said):
    with pytest.raises(InvalidInput, match=said):
        call()
