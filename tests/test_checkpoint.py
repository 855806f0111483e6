"""A file is a model that its classes allow, or it is refused; it never hangs, runs code or lies."""

import dataclasses
import os
import pathlib
import re

import numpy as np
import pytest
import zoo
from campaigns import corruptions, crafted

from minigen import diffusion, flows, nn, prob, training
from minigen.core import files, tree
from minigen.training import archive

RELEASE = pathlib.Path(__file__).parent / "release"


@pytest.mark.parametrize("name", zoo.ZOO)
def test_every_layer_comes_back_from_its_file(name, tmp_path):
    for seed in range(2):
        layer = zoo.ZOO[name](zoo.Sizes(np.random.default_rng(seed))).layer
        training.save(tmp_path / "layer.npz", layer)
        loaded = training.load(tmp_path / "layer.npz", classes=[type(layer)])
        arrays, again = tree.arrays(layer), tree.arrays(loaded)
        assert repr(loaded) == repr(layer) and list(arrays) == list(again)
        assert all(np.array_equal(arrays[k][1], again[k][1]) for k in arrays)


@pytest.mark.parametrize("a", [-1e30, 1e30])
def test_a_gaussian_whose_scale_is_lost_is_refused(a, tmp_path):
    model = prob.Gaussian.init(2)
    arrays = {n: array.copy() for n, (_, array) in tree.arrays(model).items()}
    arrays["a"][0] = a
    manifest = {"format": archive.FORMAT, "minigen": "0", "model": tree.describe(model)}
    path = tmp_path / "crafted.npz"
    path.write_bytes(crafted.forged(manifest, arrays))
    with pytest.raises(training.CheckpointError, match=r"a: expected numbers whose exp is a scale"):
        training.load(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_crafted_files_are_refused_by_name_or_are_sound_models():
    """A sample; `campaigns` has thousands."""
    (row,) = crafted.run(0, 120)
    assert row["trials"] > 100 and row["failed"] == 0, row["worst"]


def of_pictures():
    """(place, model, what was changed): parts of pictures that do not fit one another."""
    rng = np.random.default_rng(0)
    mask = flows.channelwise((2, 2, 2))
    net = flows.ConvNet.init((2, 2, 2), mask, 2, blocks=1, groups=1, context=2, rng=rng)
    f = flows.PictureCoupling(mask[0], flows.AffineCoupling(net, mask[1], context=2))
    unet = diffusion.UNet.init((2, 2, 1), T=5, hidden=2, blocks=1, scales=2, groups=1, rng=rng)
    new = dataclasses.replace
    picture, back = flows.Picture((2, 2, 2)), flows.Inverse(flows.Picture((2, 2, 2)))
    normal = flows.EachPixel(flows.ActNorm.init(3))
    conv = nn.Conv2d.init(2, 2, rng=rng)
    base = prob.StandardNormal(8)
    yield "stride", new(conv, stride=-1)
    yield "stride", new(conv, stride=0)
    yield "order", new(net, order=net.order[:1])
    yield "order", new(net, order=net.order + 1)
    yield "d", new(net, d=8)
    yield "blocks.0", new(net, context=0)
    yield "shape", new(net, shape=(2, -1, 2))
    yield "shape", new(unet, shape=(1, 2, 1))
    yield "lift.stride", new(unet, lift=new(unet.lift, stride=2))
    yield "body", new(unet, time=nn.TimeEmbedding.init(5, 4, 3, rng=rng))
    yield "order", new(f, order=f.order.astype(float))
    yield "coupling.net.shape", flows.Chain((flows.Picture((4, 2, 1)), f))
    yield "chain", flows.Flow(flows.Chain((picture, f)), base)
    yield "shape", flows.Flow(flows.Chain((picture, f, back)), prob.StandardNormal(9))
    yield "layers.1.f", flows.Chain((picture, normal, back))
    yield "layers.1", flows.Chain((flows.Picture((1, 4, 2)), flows.Squeeze()))
    yield "layers.1.d", flows.Chain((picture, flows.FactorOut(back, 2, 2)))
    yield "layers.1.rest", flows.Chain((picture, flows.FactorOut(flows.Chain(()), 1, 2)))
    yield "L", flows.Whiten(np.zeros(2), np.zeros((2, 2)))
    yield "columns", flows.Flow(flows.OnColumns(flows.Exp(), (8,)), base)


@pytest.mark.parametrize(("place", "model"), list(of_pictures()))
def test_parts_of_pictures_that_do_not_fit_are_refused_by_place(place, model, tmp_path):
    training.save(tmp_path / "m.npz", model)
    with pytest.raises(training.CheckpointError, match=rf"[:.] ?{re.escape(place)}: expected"):
        training.load(tmp_path / "m.npz")


def test_damaged_files_are_refused_or_are_what_they_were():
    (row,) = corruptions.run(0, 150)
    assert row["failed"] == 0, row["worst"]


def test_a_file_of_this_release_stays_loadable():
    """Written by minigen 0.2.0; log p at the points is what it was then."""
    flow = training.load(RELEASE / "flow.npz")
    known = np.loadtxt(RELEASE / "flow.csv", delimiter=",")
    np.testing.assert_allclose(flow.log_prob(known[:, :2]), known[:, 2], rtol=1e-6)


def test_one_kind_of_error_says_file_member_expected_and_found(tmp_path, rng):
    path = tmp_path / "m.npz"
    with pytest.raises(training.CheckpointError, match=r"m\.npz: No such file") as missing:
        training.load(path)
    assert isinstance(missing.value, FileNotFoundError) and missing.value.file == str(path)
    model = nn.Linear.init(2, 3, rng=rng)
    arrays = {"W": model.W, "b": np.zeros(4, np.float32)}
    manifest = {"format": archive.FORMAT, "model": tree.describe(model)}
    path.write_bytes(crafted.forged(manifest, arrays))
    with pytest.raises(training.CheckpointError) as caught:
        training.load(path)
    error = caught.value
    assert error.file == str(path) and error.member and error.expected
    assert "b" in str(error) and "4" in error.found
    newer = {**manifest, "format": archive.FORMAT + 1, "minigen": "9.0"}
    path.write_bytes(crafted.forged(newer, {"W": model.W, "b": model.b}))
    with pytest.raises(training.CheckpointError, match=r"format 3 or older, got 4, of minigen 9"):
        training.load(path)


def test_what_a_killed_writer_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path):
    path = tmp_path / "m.npz"
    stray = tmp_path / ".m.npz.0123456789abcdef.tmp"
    stray.write_bytes(b"half")
    with files.replacing(path) as file:
        (mine,) = set(tmp_path.iterdir()) - {path}
        files.replace(path, b"another writer")
        assert mine.exists() and not stray.exists()
        file.write(b"whole")
    assert path.read_bytes() == b"whole" and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no modes and links here")
def test_a_file_keeps_its_mode_and_its_link_and_only_files_are_replaced(tmp_path):
    path, link = tmp_path / "real", tmp_path / "link"
    path.write_bytes(b"")
    path.chmod(0o640)
    link.symlink_to(path)
    files.replace(link, b"new")
    assert (
        link.is_symlink() and path.read_bytes() == b"new" and path.stat().st_mode & 0o777 == 0o640
    )
    with pytest.raises(OSError, match="not a regular file"):
        files.replace(os.devnull, b"gone")
