"""Mining finds just the triplets that its definition names: brute force, ties, edges."""

import itertools

import numpy as np
import pytest

import minigen as mg
from minigen import metric
from minigen.kernels import mining
from minigen.metric.augment import bilinear
from minigen.metric.mining import MINING, pairwise


def brute_force(e, y, rule):
    """The definitions, triplet by triplet, in Python."""
    n, found = len(e), []
    for i in range(n):
        pos = [j for j in range(n) if y[j] == y[i] and j != i]
        neg = [k for k in range(n) if y[k] != y[i]]
        to = [float(((e[i] - e[j]) ** 2).sum()) for j in range(n)]
        if rule == "batch_all":
            found += [(i, j, k) for j in pos for k in neg]
        elif rule == "batch_hard" and pos and neg:
            found.append((i, max(pos, key=to.__getitem__), min(neg, key=to.__getitem__)))
        elif rule == "semi_hard":
            for j in pos:
                fits = [k for k in neg if to[j] < to[k]]
                found += [(i, j, min(fits, key=to.__getitem__))] if fits else []
    return found


def mined(e, y, rule):
    return list(zip(*(r.tolist() for r in metric.triplets(e, y, rule)), strict=True))


@pytest.mark.parametrize("rule", MINING)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mining_is_its_definition_on_a_lattice_full_of_ties(rule, dtype, rng):
    """Small integers: every distance is exact, most are tied, and some rows are equal."""
    for _ in range(40):
        n, D, classes = rng.integers(1, 14), rng.integers(1, 4), rng.integers(1, 5)
        e = rng.integers(-2, 3, (n, D)).astype(dtype)
        y = rng.integers(0, classes, n)
        assert mined(e, y, rule) == brute_force(e.astype(float), y, rule)


@pytest.mark.parametrize("rule", MINING)
@pytest.mark.parametrize("labels", [[], [5], [3, 3, 3], [0, 1, 2], [7, 7, 1]])
def test_rows_without_positive_or_negative_have_no_triplet(rule, labels, rng):
    y = np.array(labels, int)
    e = rng.standard_normal((len(y), 2))
    found = mined(e, y, rule)
    assert found == brute_force(e, y, rule)
    assert bool(found) == (labels == [7, 7, 1]) or rule == "semi_hard"


@pytest.mark.parametrize("n", [1, 2, 7, 127, 128, 129, 300])
@pytest.mark.parametrize("key", [np.int32, np.int64])
def test_the_hardest_kernel_equals_its_twin(n, key, rng):
    """Sizes about its blocks of 128, keys below 0 (they count as 0), the largest key, ties."""
    top = np.iinfo(key).max
    for classes, span in itertools.product([1, 2, 10, n], [3, 10**6]):
        d = rng.integers(-2, span, (n, n)).astype(key)
        d[rng.random((n, n)) < 0.01] = top - 1
        y = rng.integers(0, classes, n).astype(key)
        for mine, twin in zip(mining.hardest(d, y), mining.hardest.twin(d, y), strict=True):
            assert np.array_equal(mine, twin)


@pytest.mark.parametrize("rule", ["batch_hard", "semi_hard"])
def test_hard_triplets_of_float_embeddings_are_the_hardest_by_their_distances(rule, rng):
    """No ties: the bits of floats are in the order of the floats, for both precisions."""
    e, y = rng.standard_normal((100, 8)), rng.integers(0, 6, 100)
    expected = brute_force(e, y, rule)
    assert mined(e, y, rule) == mined(e.astype(np.float32), y, rule) == expected


@pytest.mark.parametrize("rule", MINING)
def test_mined_triplets_do_not_depend_on_the_order_of_the_batch(rule, rng):
    e, y = rng.standard_normal((30, 3)), rng.integers(0, 4, 30)
    p = rng.permutation(30)
    shuffled = [tuple(int(p[r]) for r in t) for t in mined(e[p], y[p], rule)]
    assert sorted(shuffled) == mined(e, y, rule)


def test_what_cannot_be_mined_is_refused_by_name(rng):
    e, y = rng.standard_normal((4, 2)), np.array([0, 0, 1, 1])
    with pytest.raises(TypeError, match="labels: expected integers, got dtype float64"):
        metric.triplets(e, y + 0.5)
    with pytest.raises(ValueError, match=r"labels: expected shape \(4,\), got \(3,\)"):
        metric.triplets(e, y[:3])
    with pytest.raises(ValueError, match="mining: expected one of batch_all"):
        metric.triplets(e, y, "hardest")
    with pytest.raises(ValueError, match=r"most 20,000,000 valid .* 89,100,000 in 1000 rows"):
        metric.triplets(np.zeros((1000, 1)), np.arange(1000) % 10, "batch_all")


def test_balanced_batches_have_classes_in_equal_parts(rng):
    x, y = np.arange(60.0)[:, None], np.repeat([3, 4, 9, 11], [30, 20, 8, 2])
    balanced = metric.Balanced(x, y, per_class=5)
    for n, classes in [(0, 0), (1, 1), (2, 2), (3, 2), (7, 2), (15, 3), (20, 4), (200, 4)]:
        rows, labels = balanced.sample(n, rng=rng)
        assert np.array_equal(y[rows[:, 0].astype(int)], labels)
        sizes = np.unique(labels, return_counts=True)[1]
        assert len(rows) == n and len(sizes) == classes
        assert n == 0 or np.ptp(sizes) <= 1
    with pytest.raises(ValueError, match="labels: expected at least two classes, got one"):
        metric.Balanced(x, 0 * y)
    with pytest.raises(ValueError, match="per_class: expected an integer"):
        metric.Balanced(x, y, per_class=1)


def test_a_class_is_drawn_without_repetition_while_it_lasts(rng):
    balanced = metric.Balanced(np.arange(10.0)[:, None], np.repeat([0, 1], [8, 2]), per_class=6)
    rows, labels = balanced.sample(12, rng=rng)
    assert len(set(rows[labels == 0, 0])) == 6
    assert sorted(rows[labels == 1, 0]) == [8, 8, 8, 9, 9, 9]


def test_images_are_moved_little_and_interpolated():
    x = np.zeros((500, 64), np.float32)
    x[:, 3 * 8 + 4] = 1
    rng = np.random.default_rng(0)
    assert np.array_equal(metric.RandomAffine(8, 0, 0, 0)(x, rng), x)
    moved = metric.RandomAffine(8, 0.5, 0, 0)(x, rng).reshape(-1, 8, 8)
    assert moved.dtype == np.float32
    assert np.allclose(moved.sum(axis=(1, 2)), 1, atol=1e-6)  # bilinear weights sum to 1
    rows = (moved.sum(axis=2) * np.arange(8)).sum(axis=1) - 3
    assert abs(rows.mean()) < 0.1 and abs(rows.std() - 0.5) < 0.1  # as far as asked


def test_bilinear_values_are_sums_of_tents_and_outside_is_zero(rng):
    image, n = rng.standard_normal((3, 4, 5)), 60
    row, column = rng.uniform(-3, 7, (3, n)), rng.uniform(-3, 8, (3, n))
    row[:, :4], column[:, 2:6] = [-1, 0, 3, 4], [-1, 0, 4, 5]  # on the pixels and on the border
    tents = [
        np.clip(1 - np.abs(at[:, :, None] - np.arange(size)), 0, None)
        for at, size in ((row, 4), (column, 5))
    ]
    truth = np.einsum("npr,npc,nrc->np", *tents, image)
    np.testing.assert_allclose(bilinear(image, row, column), truth, rtol=0, atol=1e-14)


def test_an_image_is_turned_stretched_and_shifted_about_its_middle(rng):
    """Each copy's places are diag(s) R p + b exactly; the angle, log s and b have their spread."""
    n, side = 4000, 5
    p = np.indices((side, side)).reshape(2, -1) - 2
    places = metric.RandomAffine(side, 0.4, 0.15, 0.08).sources(n, rng)  # (2, n, side^2)
    A = np.einsum("inp,jp->nij", places, p) / (p[0] @ p[0])
    b = places.mean(axis=2).T - 2
    np.testing.assert_allclose(A @ p + b[:, :, None] + 2, places.transpose(1, 0, 2), atol=1e-12)
    s = np.linalg.norm(A, axis=2)
    R = A / s[:, :, None]
    np.testing.assert_allclose(
        R @ R.transpose(0, 2, 1), np.broadcast_to(np.eye(2), R.shape), atol=1e-12
    )
    assert np.all(np.linalg.det(R) > 0)
    for draws, spread in ((np.arctan2(R[:, 1, 0], R[:, 0, 0]), 0.15), (np.log(s), 0.08), (b, 0.4)):
        assert np.abs(draws.mean(axis=0)).max() < 4.5 * spread / np.sqrt(n)
        assert np.abs(draws.std(axis=0) / spread - 1).max() < 4.5 / np.sqrt(2 * n)
    assert np.abs(np.corrcoef(np.hstack([np.log(s), b]).T) - np.eye(4)).max() < 4.5 / np.sqrt(n)


def test_digits_moved_as_by_default_keep_their_label(rng):
    """Four in five are nearest to another image of the same digit, in pixels."""
    digits = mg.data.digits().train
    x, y = digits.x[:1000] / np.float32(16), digits.y[:1000]
    d = pairwise(metric.RandomAffine(8)(x, rng), x)
    np.fill_diagonal(d, np.inf)
    assert (y[d.argmin(axis=1)] == y).mean() > 0.8


def test_moved_images_keep_their_type_and_integers_become_float32(rng):
    x = rng.integers(0, 256, (3, 16))
    for dtype in (np.float32, np.float64):
        assert metric.RandomAffine(4)(x.astype(dtype), rng).dtype == dtype
    for dtype in (np.uint8, np.int64):
        assert metric.RandomAffine(4)(x.astype(dtype), rng).dtype == np.float32


@pytest.mark.parametrize("rule", MINING)
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float16, np.longdouble])
def test_features_of_any_type_are_mined_as_numbers(rule, dtype, rng):
    """Pixels or halves, in an odd batch and in an even one."""
    for n in (7, 8):
        e, y = rng.integers(0, 200, (n, 3)), rng.integers(0, 3, n)
        assert mined(e.astype(dtype), y, rule) == mined(e.astype(float), y, rule)


def test_as_many_triplets_as_memory_allows_are_listed(monkeypatch, rng):
    e, y = rng.standard_normal((5, 2)), np.array([0, 0, 1, 1, 1])
    count = len(brute_force(e, y, "batch_all"))
    monkeypatch.setattr("minigen.metric.mining.MOST", count)
    assert len(mined(e, y, "batch_all")) == count
    monkeypatch.setattr("minigen.metric.mining.MOST", count - 1)
    with pytest.raises(ValueError, match=f"at most {count - 1} valid triplets .* got {count} in 5"):
        mined(e, y, "batch_all")


@pytest.mark.parametrize("mining", ["batch_hard", "semi_hard"])
def test_embeddings_far_from_0_are_mined_as_near_it(mining, rng):
    """A shift changes no distance; at 3000 times the spread float32 holds three digits of it."""
    e = (rng.integers(0, 64, (60, 4)) / 64).astype(np.float32)
    labels = rng.integers(0, 4, 60)
    near, far = (metric.triplets(x, labels, mining) for x in (e, e + np.float32(1024)))
    d = ((e[:, None] - e[None]) ** 2).sum(axis=2)
    for (i, j, k), (i2, j2, k2) in [(near, far)]:
        assert np.array_equal(i, i2)
        assert np.array_equal(d[i, j], d[i2, j2]) and np.array_equal(d[i, k], d[i2, k2])


def test_neighbours_and_mining_use_the_same_distances(rng):
    e = rng.standard_normal((50, 3)).astype(np.float32) + np.float32(500)
    labels = np.arange(50)
    labels[1::2] = labels[::2]
    i, _, k = metric.triplets(e, labels)
    nearest = metric.nearest(e, 2)
    other = np.where(labels[nearest[:, 0]] != labels, nearest[:, 0], nearest[:, 1])
    assert np.array_equal(other[i], k)
