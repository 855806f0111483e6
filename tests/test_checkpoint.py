"""A file is a model that its classes allow, or it is refused; it never hangs, runs code or lies."""

import numpy as np
import pytest
import zoo

from minigen import training
from minigen.core import tree


@pytest.mark.parametrize("name", zoo.ZOO)
def test_every_layer_comes_back_from_its_file(name, tmp_path):
    for seed in range(2):
        layer = zoo.ZOO[name](zoo.Sizes(np.random.default_rng(seed))).layer
        training.save(tmp_path / "layer.npz", layer)
        loaded = training.load(tmp_path / "layer.npz", classes=[type(layer)])
        arrays, again = tree.arrays(layer), tree.arrays(loaded)
        assert repr(loaded) == repr(layer) and list(arrays) == list(again)
        assert all(np.array_equal(arrays[k][1], again[k][1]) for k in arrays)
