"""Glyphs: pictures of characters without end, the same for the same seed."""

import numpy as np
import pytest

import minigen as mg
from minigen.core.validate import InvalidInput


def test_the_same_seed_draws_the_same_pictures_and_another_seed_others():
    glyphs = mg.data.glyphs(12, labelled=True)
    draws = [glyphs.sample(50, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)]
    for one, two in zip(draws[0], draws[1], strict=True):
        np.testing.assert_array_equal(one, two)
    assert (draws[0][0] != draws[2][0]).any(axis=1).all()


def test_pictures_are_integers_of_all_levels_and_labels_name_the_characters(rng):
    glyphs = mg.data.glyphs(16, "AB7", levels=5, labelled=True)
    x, y = glyphs.sample(300, rng=rng)
    assert x.shape == (300, 256) and x.dtype == np.uint8 and {*np.unique(x)} == {*range(5)}
    assert {*y} == {0, 1, 2} and glyphs.features == 256 and glyphs.shape == (16, 16, 1)


def test_without_changes_a_character_of_one_font_is_one_picture(rng):
    glyphs = mg.data.glyphs(16, "g", slant=0, scale=0, shift=0, weight=0)
    x = glyphs.sample(200, rng=rng)
    assert len(np.unique(x, axis=0)) == glyphs.masters.shape[1]


def test_ink_keeps_off_the_border_and_more_weight_is_more_ink(rng):
    plain = {"slant": 0, "scale": 0, "shift": 0}
    x = mg.data.glyphs(28, **plain).sample(300, rng=rng).reshape(-1, 28, 28)
    border = np.concatenate([x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1]], axis=1)
    assert not border.any()
    ink = mg.data.glyphs(28, "0", weight=0.4, **plain).sample(400, rng=rng).mean(axis=1)
    even = mg.data.glyphs(28, "0", weight=0, **plain).sample(400, rng=rng).mean(axis=1)
    assert ink.std() > even.std() and ink.min() > 0


def test_a_shift_moves_the_ink_to_both_sides_and_no_further(rng):
    glyphs = mg.data.glyphs(32, "o", slant=0, scale=0, weight=0, shift=0.1)
    x = glyphs.sample(400, rng=rng).reshape(-1, 32, 32).astype(float)
    columns = (x.sum(axis=1) @ np.arange(32)) / x.sum(axis=(1, 2)) - 15.5
    assert abs(columns.mean()) < 0.4 and 2.0 < np.abs(columns).max() < 4.2


def test_a_classifier_of_means_reads_them(rng):
    """The label belongs to the picture: the nearest mean is right far more than by chance."""
    glyphs = mg.data.glyphs(16, labelled=True)
    (x, y), (test, truth) = (glyphs.sample(n, rng=rng) for n in (1500, 300))
    means = np.stack([x[y == k].mean(axis=0) for k in range(10)])
    guess = ((test[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert (guess == truth).mean() > 0.5


def test_fit_draws_from_them(rng):
    glyphs = mg.data.glyphs(8, "01", levels=4)
    flow = mg.flows.real_nvp(64, 1, (8,), levels=4, rng=rng)
    assert mg.fit(flow.nll, glyphs, steps=3, rng=rng, progress=False).steps == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": 7}, "size: expected an integer.* got 7"),
        ({"characters": ""}, "characters: expected at least one character"),
        ({"characters": "aé"}, "characters: expected printable ASCII characters, got 'é'"),
        ({"levels": 1}, "levels: expected an integer.* got 1"),
        ({"slant": 2.0}, r"slant: expected a number in \[0, 1\], got 2.0"),
        ({"shift": -0.1}, r"shift: expected a number in \[0, 0.5\]"),
    ],
)
def test_options_out_of_range_are_refused_by_name(options, said):
    with pytest.raises(InvalidInput, match=said):
        mg.data.glyphs(**options)
