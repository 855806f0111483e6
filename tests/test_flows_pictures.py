"""Flows of pictures: squeeze, masks, scales, Real NVP of pictures."""

import numpy as np
import pytest

import minigen as mg
from minigen import check
from minigen.core import tree
from minigen.core.validate import InvalidInput
from minigen.flows import (
    EachPixel,
    Flow,
    InvertibleLinear,
    PictureCoupling,
    Squeeze,
    channelwise,
    checkerboard,
    real_nvp_image,
)


def test_squeeze_puts_four_neighbours_into_one_pixel(rng):
    x = rng.standard_normal((2, 4, 6, 3))
    y, logdet, _ = Squeeze().forward(x)
    for n, i, j, p, q in np.ndindex(2, 2, 3, 2, 2):
        k = 3 * (2 * p + q)
        np.testing.assert_array_equal(y[n, i, j, k : k + 3], x[n, 2 * i + p, 2 * j + q])
    assert not logdet.any()


def test_a_checkerboard_keeps_one_colour_and_a_channel_mask_half_of_the_channels():
    shape = (3, 4, 2)
    for odd in (False, True):
        order, d = checkerboard(shape, odd)
        i, j, _ = np.unravel_index(order, shape)
        assert (((i + j) % 2 == odd) == (np.arange(24) < d)).all()
        order, d = channelwise(shape, odd)
        assert ((np.unravel_index(order, shape)[2] == odd) == (np.arange(24) < d)).all()


def test_a_map_at_each_pixel_is_a_product_with_a_block_diagonal_matrix(rng):
    """The 1 x 1 convolution: its log-det is that of W, once for each pixel."""
    f = tree.perturbed(InvertibleLinear.init(3, rng=rng), rng)
    x = rng.standard_normal((2, 4, 5, 3))
    y, logdet, _ = EachPixel(f).forward(x)
    W = f.forward(np.eye(3))[0]
    np.testing.assert_allclose(y, x @ W, rtol=1e-12)
    np.testing.assert_allclose(logdet, 20 * np.log(abs(np.linalg.det(W))), rtol=1e-12)


def test_what_a_coupling_keeps_is_left_alone_and_alone_decides(rng):
    mask = checkerboard((4, 4, 1))
    f = PictureCoupling.init((4, 4, 1), mask, 4, blocks=1, groups=2, rng=rng)
    f = tree.perturbed(f, rng)
    x = rng.standard_normal((3, 4, 4, 1))
    white = np.add(*np.indices((4, 4))) % 2 == 1
    y, logdet, _ = f.forward(x)
    np.testing.assert_array_equal(y[:, ~white], x[:, ~white])
    other, again, _ = f.forward(x + white[:, :, None])
    np.testing.assert_array_equal(logdet, again)
    np.testing.assert_allclose(np.log((other - y)[:, white]).sum(axis=(1, 2)), logdet, rtol=1e-9)


def moved(flow, rng):
    """A flow off its starting point, in float64."""
    return tree.perturbed(flow, rng, 0.1)


@pytest.mark.parametrize("context", [0, 2])
def test_multi_scale_real_nvp_is_inverted_and_its_gradients_are_right(rng, context):
    flow = moved(real_nvp_image((4, 4, 1), 3, 1, 4, groups=2, context=context, rng=rng), rng)
    x, c = rng.standard_normal((3, 16)), [rng.standard_normal((3, 2))] if context else []
    report = check.adjoint(flow, x, *c, rng=rng, method="complex", directions=3)
    assert report, report
    z, logdet = flow.encode(x, *c)
    back, minus = flow.decode(z, *c)
    np.testing.assert_allclose(back, x, atol=1e-12)
    np.testing.assert_allclose(logdet, -minus, atol=1e-12)
    J = check.jacobian(lambda v: flow.chain.forward(v, *c)[0], x)
    np.testing.assert_allclose(logdet, np.linalg.slogdet(J)[1], atol=1e-11)


def test_the_inverse_has_the_right_gradient_too(rng):
    flow = moved(real_nvp_image((4, 4, 1), 2, 1, 4, groups=2, context=1, rng=rng), rng)
    reverse = Flow(mg.flows.Inverse(flow.chain), flow.base)
    x, c = rng.standard_normal((3, 16)), rng.standard_normal((3, 1))
    report = check.adjoint(reverse, x, c, rng=rng, method="complex", directions=3)
    assert report, report


def test_a_fresh_flow_only_turns_the_channels(rng):
    """The couplings are the identity, the 1 x 1 convolutions rotations: |z| = |x|, log-det 0."""
    flow = real_nvp_image((8, 8, 1), 2, 2, 8, rng=rng, dtype=np.float64)
    x = rng.standard_normal((5, 64))
    z, logdet = flow.encode(x)
    np.testing.assert_allclose((z**2).sum(axis=1), (x**2).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(logdet, 0, atol=1e-12)


def test_half_of_the_numbers_leave_at_each_scale(rng):
    """Of 8 x 8: 32 after the first scale, 16 after the second, and 16 at the last."""
    flow = moved(real_nvp_image((8, 8, 1), 3, 1, 4, blocks=0, mix=False, rng=rng), rng)
    z, _ = flow.encode(rng.standard_normal((1, 64)))
    for cut in (32, 48):
        other = z.copy()
        other[:, cut:] += 1  # what is decided at the later scales
        first, second = (flow.encode(flow.decode(a)[0])[0] for a in (z, other))
        np.testing.assert_allclose(first[:, :cut], second[:, :cut], atol=1e-9)
    assert flow.chain.layers[0].shape == (8, 8, 1)


def test_a_model_of_pictures_is_saved_and_loaded(rng, tmp_path):
    flow = real_nvp_image((4, 4, 1), 2, 1, 4, levels=5, context=2, rng=rng)
    x, c = rng.integers(0, 5, (3, 16)), np.eye(2)[[0, 1, 0]]
    mg.save(tmp_path / "flow.npz", flow)
    again = mg.load(tmp_path / "flow.npz")
    np.testing.assert_array_equal(flow.log_prob(x + 0.5, c), again.log_prob(x + 0.5, c))
    assert again.sample(3, c, rng=rng).shape == (3, 16)


def test_training_lowers_the_loss_of_integer_pictures(rng):
    x = (rng.integers(0, 2, (400, 1)) * np.ones((1, 16), int)) * 4  # all black or all white
    flow = real_nvp_image((4, 4, 1), 2, 1, 8, levels=5, init_from=x, rng=rng)
    mg.fit(flow.nll, x, steps=60, batch=64, lr=3e-3, rng=rng, progress=False)
    assert flow.bits_per_dim(x, rng=rng).mean() < np.log2(5) - 0.5


NEW = {"rng": np.random.default_rng(0)}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: real_nvp_image((28, 28, 1), 4, **NEW),
            r"shape: expected sides divisible by 8 \(they are halved 3 times\), got 28 x 28",
        ),
        (lambda: real_nvp_image((8, 8), **NEW), r"shape: expected three numbers \(H, W, C\)"),
        (lambda: real_nvp_image((8, 0, 1), **NEW), r"shape\[1\]: expected an integer >= 1, got 0"),
        (lambda: real_nvp_image((1, 1, 1), 1, **NEW), "shape: expected at least two numbers"),
        (
            lambda: real_nvp_image((8, 8, 1), hidden=6, **NEW),
            "groups: expected a divisor of 6 channels, got 4",
        ),
        (lambda: real_nvp_image((8, 8, 1), scales=0, **NEW), "scales: expected an integer >= 1"),
        (
            lambda: real_nvp_image((8, 8, 1), init_from=np.zeros((3, 60)), **NEW),
            r"init_from: expected shape \(N, 64\), got \(3, 60\)",
        ),
        (
            lambda: real_nvp_image((8, 8, 1), hidden=8, **NEW).log_prob(np.zeros((2, 60))),
            r"x: expected shape \(N, 64\), got \(2, 60\)",
        ),
        (
            lambda: real_nvp_image((4, 4, 1), hidden=4, levels=5, **NEW).bits_per_dim(
                np.full((2, 16), 5), **NEW
            ),
            r"x: expected whole numbers in 0..4, got 5 at index \(0, 0\)",
        ),
        (
            lambda: Squeeze().forward(np.zeros((1, 3, 4, 1))),
            "x: expected pictures with sides divisible by 2, got 3 x 4",
        ),
        (
            lambda: Squeeze().inverse(np.zeros((1, 3, 4, 6))),
            r"x: expected pictures \(N, H, W, 4\), got shape \(1, 3, 4, 6\)",
        ),
    ],
)
def test_pictures_that_do_not_fit_are_refused_by_name(call, said):
    with pytest.raises(InvalidInput, match=said):
        call()
