"""The flow of patches with a causal Transformer: what sees what, and its inverse by a cache."""

import dataclasses

import numpy as np
import pytest

import minigen as mg
from minigen import check
from minigen.core import tree
from minigen.core.contract import Inverse
from minigen.flows import CausalTransformer, TransformerMAFLayer, patches, transformer_maf
from minigen.flows.key_value import by_patches
from minigen.nn import Linear
from minigen.training import schema
from minigen.training.archive import CheckpointError


def rng(seed=0):
    return np.random.default_rng(seed)


def moved(layer, seed=1, spread=0.3):
    return tree.perturbed(layer, rng(seed), spread)


def conditioner(context=0, length=4):
    new = {"rng": rng(), "dtype": np.float64}
    return moved(CausalTransformer.init(length, 2, 8, 2, 2, context=context, **new))


def layer(context=0, order=None):
    order = patches((4, 4, 1), 2)[::-1] if order is None else order
    return moved(TransformerMAFLayer.init(order, 8, 2, 2, context=context, rng=rng()))


def test_a_patch_sees_every_patch_before_it_and_none_from_itself_on():
    net, x = conditioner(), rng(2).standard_normal((3, 8))
    J = check.jacobian(
        lambda v: net.forward(v.reshape(-1, 4, 2))[0].reshape(len(v), -1), x
    )  # (N, 16, 8)
    seen = np.abs(J).reshape(3, 4, 4, 4, 2).max(axis=(0, 2, 4))  # patch l by patch m
    assert np.all(seen[~np.tri(4, k=-1, dtype=bool)] == 0)
    assert np.all(seen[np.tri(4, k=-1, dtype=bool)] > 1e-6)


def test_the_parameters_of_every_patch_see_the_context_the_first_one_too():
    net, x, c = conditioner(context=3), rng(2).standard_normal((2, 4, 2)), rng(3).random((2, 3))
    J = check.jacobian(lambda v: net.forward(x.astype(v.dtype), v)[0].reshape(len(v), -1), c)
    assert np.all(np.abs(J).reshape(2, 16, 3).min(axis=0) > 1e-6)


def test_with_one_patch_the_density_depends_on_the_context():
    flow = moved(transformer_maf((2, 2, 1), 1, 4, heads=2, context=2, rng=rng()))
    x, c = rng(2).standard_normal((5, 4)), rng(3).standard_normal((5, 2))
    assert np.all(np.abs(flow.log_prob(x, c) - flow.log_prob(x, c + 1)) > 1e-3)


@pytest.mark.parametrize("context", [0, 2])
def test_the_cache_gives_what_L_whole_passes_give(context):
    f, N = layer(context), 300  # more rows than are done at once
    z, given = (
        rng(2).standard_normal((N, 16)),
        (rng(3).standard_normal((N, context)),) * bool(context),
    )
    y, x = f.cut(z), np.zeros((N, 4, 4))
    for l in range(4):  # noqa: E741
        h, _ = f.net.forward(x, *given)
        x[:, l], _ = f.solve(h[:, l], y[:, l])
    found, logdet = by_patches(f.net, y, f.solve, *given)
    np.testing.assert_allclose(found, x, rtol=0, atol=1e-12)
    np.testing.assert_allclose(logdet, -f.forward(f.joined(x), *given)[1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("context", [0, 2])
def test_the_gradient_of_the_inverse_is_that_of_the_complex_step(context):
    f = Inverse(layer(context))
    inputs = rng(2).standard_normal((3, 16)), *((rng(3).random((3, context)),) * bool(context))
    report = check.gradients(f, *inputs, rng=rng(4), method="complex", entries=8)
    assert report, report


def test_sampling_takes_each_patch_through_the_network_once(monkeypatch):
    """The same rows go through each linear map as in one pass for the density."""
    f, rows = layer(2), []
    original = Linear.forward

    def counted(self, x):
        rows.append(len(x))
        return original(self, x)

    monkeypatch.setattr(Linear, "forward", counted)
    z, c = rng(2).standard_normal((6, 16)), rng(3).standard_normal((6, 2))
    x, _, _ = f.inverse(z, c)
    once = sum(rows)
    rows.clear()
    f.forward(x, c)
    assert once == sum(rows)


def test_each_layer_reads_the_patches_in_the_opposite_order():
    flow = transformer_maf((4, 4, 1), 3, 8, heads=2, rng=rng())
    first, second, third = (f.order for f in flow.chain.layers)
    assert np.array_equal(first, second[::-1]) and np.array_equal(first, third)
    assert first[0].tolist() == [0, 1, 4, 5]


def test_the_patches_of_a_picture_with_channels():
    x = np.arange(2 * 4 * 2).reshape(2, 4, 2)
    cut = x.ravel()[patches(x.shape, 2)]
    assert np.array_equal(cut[1], x[:, 2:].ravel()) and cut.shape == (2, 8)


def test_float32_goes_there_and_back():
    flow = moved(transformer_maf((4, 4, 1), 2, 8, heads=2, rng=rng())).astype(np.float32)
    x = flow.sample(20, rng=rng())
    z, _ = flow.encode(x)
    assert x.dtype == z.dtype == np.float32
    np.testing.assert_allclose(flow.decode(z)[0], x, rtol=0, atol=2e-4)


def test_a_class_decides_what_is_drawn():
    """Trained on two classes of pictures, dark and light, that differ in nothing else."""
    c = np.repeat(np.eye(2), 200, axis=0)
    x = np.where(c[:, :1] > 0, -1.0, 1.0) + 0.2 * rng().standard_normal((400, 4))
    flow = transformer_maf((2, 2, 1), 2, 8, patch=1, blocks=1, heads=2, context=2, rng=rng())
    mg.fit(flow.nll, (x, c), steps=150, lr=1e-2, rng=rng(1), progress=False)
    drawn = flow.sample(200, np.repeat(np.eye(2), 100, axis=0), rng=rng(2))
    assert drawn[:100].mean() < -0.7 and drawn[100:].mean() > 0.7
    y, _ = mg.flows.classify(flow, x)
    assert np.mean(y == c.argmax(axis=1)) > 0.97


@pytest.mark.parametrize(
    "change, message",
    [
        ({"patch": 3}, "patch: expected a divisor of the sides 4 and 4, got 3"),
        ({"heads": 3}, "heads: expected a divisor of 8 channels, got 3"),
        ({"shape": (4, 4)}, r"shape: expected three numbers \(H, W, C\)"),
        ({"layers": 0}, "layers: expected"),
        ({"levels": -1}, "levels: expected"),
    ],
)
def test_wrong_options_are_refused(change, message):
    options = {"shape": (4, 4, 1), "layers": 1, "hidden": 8, "heads": 2} | change
    with pytest.raises(ValueError, match=message):
        transformer_maf(**options, rng=rng())


def test_an_order_that_is_no_permutation_is_refused():
    net = CausalTransformer.init(2, 2, 4, rng=rng())
    for order in (np.zeros((2, 2), int), np.arange(4).reshape(4, 1)):
        with pytest.raises(ValueError, match=r"order: expected each of 0 \.\. 3 once, in 2 rows"):
            TransformerMAFLayer(net, order)


def test_it_is_saved_and_read_and_a_file_that_does_not_fit_is_refused(tmp_path):
    flow = transformer_maf((4, 4, 1), 2, 8, heads=2, context=3, levels=5, rng=rng())
    mg.save(tmp_path / "m.npz", flow)
    back = mg.load(tmp_path / "m.npz")
    x, c = rng(1).integers(0, 5, (3, 16)) + 0.5, np.eye(3)
    assert np.array_equal(back.log_prob(x, c), flow.log_prob(x, c))
    first = flow.chain.layers[-1]
    cut = dataclasses.replace(first.net, place=first.net.place[:, :-1])
    with pytest.raises(CheckpointError, match=r"place: expected the shape"):
        schema.check(dataclasses.replace(first, net=cut))
