"""A U-Net is a network like any other: losses, bound, samplers and guidance work with it."""

import numpy as np
import pytest

import minigen as mg
from minigen import check
from minigen.core import tree
from minigen.core.validate import InvalidInput
from minigen.diffusion import UNet, ddpm, linear_schedule
from minigen.diffusion.unet import Scale, usual_scales

SCHEDULE = linear_schedule(8)


def model(rng, **options):
    """A small model of pictures 4 x 4, off its starting point."""
    options = {"net": "unet", "shape": (4, 4, 1), "hidden": 4, "groups": 2, "scales": 2} | options
    return tree.perturbed(ddpm(16, SCHEDULE, rng=rng, **options), rng, 0.1)


@pytest.mark.parametrize("scales", [1, 2, 3])
def test_the_gradients_of_a_unet_are_those_of_the_complex_step(rng, scales):
    net = UNet.init(
        (4, 8, 2), 2, T=8, hidden=4, blocks=2, scales=scales, groups=2, heads=2, classes=3, rng=rng
    )
    net = tree.perturbed(net, rng, 0.1)
    x, label = rng.standard_normal((3, 64)), np.array([0, 3, 1])
    for t in (np.array([1, 4, 8]), np.array([5])):
        given = {"t": t, "label": label}
        report = check.adjoint(net, x, given=given, rng=rng, method="complex", directions=3)
        assert report, report


@pytest.mark.parametrize(
    ("loss", "variance"), [("simple", "beta"), ("hybrid", "learned"), ("bound", "free")]
)
def test_every_loss_has_the_right_gradient_with_a_unet(rng, loss, variance):
    of = getattr(model(rng, variance=variance, levels=5, classes=2), loss)
    batch = rng.integers(0, 5, (6, 16)), rng.integers(0, 2, 6)
    inputs, given = of.draw(batch, rng)
    report = check.adjoint(of, *inputs, given=given, rng=rng, method="complex", directions=3)
    assert report, report


def test_columns_of_a_learned_variance_are_those_of_the_second_half_of_the_channels(rng):
    net = UNet.init((2, 3, 2), 2, T=8, hidden=4, blocks=1, scales=1, groups=2, rng=rng)
    y = rng.standard_normal((5, 2, 3, 4))
    rows = net.as_rows(y)
    np.testing.assert_array_equal(rows[:, :12], y[..., :2].reshape(5, -1))
    np.testing.assert_array_equal(rows[:, 12:], y[..., 2:].reshape(5, -1))
    np.testing.assert_array_equal(net.as_pictures(rows), y)


def test_one_time_for_all_rows_is_that_time_for_each(rng):
    net = model(rng).reverse.net
    x = rng.standard_normal((3, 16))
    one, many = (net.forward(x, t=t)[0] for t in (np.array([5]), np.full(3, 5)))
    np.testing.assert_allclose(one, many, rtol=1e-12, atol=1e-12)


def test_a_fresh_unet_predicts_zero(rng):
    net = ddpm(16, SCHEDULE, net="unet", shape=(4, 4, 1), hidden=8, rng=rng).reverse.net
    assert not net.forward(rng.standard_normal((2, 16)).astype(np.float32), t=np.array([3]))[
        0
    ].any()


def test_samplers_guidance_and_bound_run_with_a_unet(rng):
    diffusion = model(rng, classes=2)
    for sampler in ("ancestral", "ddim"):
        x = diffusion.sample(2, rng=rng, sampler=sampler, steps=3, label=1, guidance=1.5)
        assert x.shape == (2, 16) and np.isfinite(x).all()
    assert np.isfinite(diffusion.elbo(x, rng=rng).total)


def test_a_unet_is_saved_and_loaded(rng, tmp_path):
    diffusion = model(rng, classes=2, levels=5)
    mg.save(tmp_path / "unet.npz", diffusion)
    again = mg.load(tmp_path / "unet.npz")
    pair = [m.sample(2, rng=np.random.default_rng(1), steps=2) for m in (diffusion, again)]
    np.testing.assert_array_equal(*pair)


def test_training_lowers_the_loss_of_a_unet(rng):
    x = np.repeat(rng.integers(0, 2, (256, 1)) * 4, 16, axis=1)  # all black or all white
    diffusion = ddpm(16, SCHEDULE, net="unet", shape=(4, 4, 1), hidden=8, levels=5, rng=rng)
    before = diffusion.elbo(x, rng=rng).bits_per_dim
    mg.fit(diffusion.loss, x, steps=60, batch=64, lr=3e-3, rng=rng, progress=False)
    assert diffusion.elbo(x, rng=rng).bits_per_dim < before - 0.2


def test_the_usual_number_of_scales_leaves_four_pixels():
    sides = {8: 2, 16: 3, 28: 3, 14: 2, 7: 1, 4: 1, 32: 3}
    assert {n: usual_scales((n, n, 1)) for n in sides} == sides


def test_the_scales_stand_inside_one_another(rng):
    body = ddpm(784, SCHEDULE, net="unet", shape=(28, 28, 1), hidden=8, rng=rng).reverse.net.body
    assert isinstance(body, Scale) and isinstance(body.inner, Scale)
    assert not isinstance(body.inner.inner, Scale)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"net": "unet"}, r"shape: expected \(H, W, C\) of the pictures"),
        ({"shape": (4, 4, 1)}, "shape: expected none without net='unet'"),
        ({"net": "unet", "shape": (4, 5, 1)}, "shape: expected H W C = 16, as features says"),
        ({"net": "unet", "shape": (4, 4)}, r"shape: expected three numbers \(H, W, C\)"),
        (
            {"net": "unet", "shape": (2, 8, 1), "scales": 3},
            r"shape: expected sides divisible by 4 \(they are halved 2 times\), got 2 x 8",
        ),
        (
            {"net": "unet", "shape": (4, 4, 1), "hidden": 12},
            "groups: expected a divisor of 12 channels, got 8",
        ),
        (
            {"net": "unet", "shape": (4, 4, 1), "hidden": 8, "heads": 3},
            "heads: expected a divisor of 8 channels, got 3",
        ),
        ({"net": "vit"}, "net: expected one of mlp, unet"),
    ],
)
def test_options_that_do_not_fit_are_refused_by_name(rng, options, said):
    with pytest.raises(InvalidInput, match=said):
        ddpm(16, SCHEDULE, rng=rng, **options)
