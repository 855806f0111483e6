"""TRI-1: the triplet loss, its kinks, its losses of a batch, and what a trained embedding does."""

from types import SimpleNamespace

import numpy as np
import pytest

import minigen as mg
from minigen import metric
from minigen.metric import InfoNCE, Normalize, TripletLoss, embedding
from minigen.metric.batch_all import BatchAll
from minigen.metric.mined_triplets import MinedTriplets
from minigen.metric.mining import pairwise

KINDS = [
    (m, d, r) for m in (0.2, "soft") for d in ("squared", "euclidean") for r in ("mean", "sum")
]


def gradients(loss, *inputs, **given):
    value, cache = loss.forward(*inputs, **given)
    *dinputs, _ = loss.backward(1.0, cache)
    return value, *dinputs


@pytest.mark.parametrize("margin, distance, reduce", KINDS)
def test_the_loss_is_its_definition(margin, distance, reduce, rng):
    a, p, n = rng.standard_normal((3, 20, 4))
    to_p, to_n = np.linalg.norm(a - p, axis=1), np.linalg.norm(a - n, axis=1)
    if distance == "squared":
        to_p, to_n = to_p**2, to_n**2
    each = np.log1p(np.exp(to_p - to_n)) if margin == "soft" else np.maximum(to_p - to_n + 0.2, 0)
    value, *_ = gradients(TripletLoss(margin, distance, reduce), a, p, n)
    assert np.isclose(value, getattr(each, reduce)(), rtol=1e-13)


def test_at_the_kink_of_the_hinge_the_slope_is_0():
    a, p, n = (np.array([[v, 0.0]]) for v in (0.0, 1.0, np.sqrt(1.25)))
    value, *slopes = gradients(TripletLoss(float(n[0, 0] ** 2 - 1)), a, p, n)
    assert value == 0 and not np.any(slopes)


def test_at_distance_0_the_slope_of_the_euclidean_distance_is_0():
    a, n = np.array([[0.3, 0.1]]), np.array([[0.3, 0.2]])
    value, da, dp, dn = gradients(TripletLoss(0.2, "euclidean"), a, a.copy(), n)
    assert np.isclose(value, 0.1) and not dp.any()
    np.testing.assert_allclose([da, dn], [[[0, 1]], [[0, -1]]])
    value, *slopes = gradients(TripletLoss(0.2, "euclidean"), a, a.copy(), a.copy())
    assert value == 0.2 and not np.any(slopes)


def test_no_triplets_give_loss_0_and_gradients_of_0():
    empty = np.zeros((0, 3))
    for margin, distance, reduce in KINDS:
        value, *slopes = gradients(TripletLoss(margin, distance, reduce), empty, empty, empty)
        assert value == 0 and all(g.shape == (0, 3) for g in slopes)


@pytest.mark.parametrize("mining", metric.MINING)
@pytest.mark.parametrize("labels", [[4], [1, 1, 1], [0, 1, 2]])
def test_a_batch_without_triplet_teaches_nothing(mining, labels, rng):
    loss = embedding(5, 2, hidden=(4,), mining=mining, rng=rng)
    (x,), given = loss.draw((rng.standard_normal((len(labels), 5)), np.array(labels)), rng)
    value, cache = loss.forward(x, **given)
    dx, grads = loss.backward(1.0, cache)
    leaves = mg.core.tree.flatten(grads).values()
    assert value == 0 and not dx.any() and not any(g.any() for g in leaves)
    assert loss.metrics(cache)["active"] == loss.metrics(cache)["triplets"] == 0


@pytest.mark.parametrize("margin, distance, reduce", KINDS)
def test_all_triplets_at_once_are_all_triplets_one_by_one(margin, distance, reduce, rng):
    triplet = TripletLoss(margin, distance, reduce)
    e, y = rng.standard_normal((15, 3)), rng.integers(0, 4, 15)
    i, j, k = metric.triplets(e, y, "batch_all")
    listed, da, dp, dn = gradients(triplet, e[i], e[j], e[k])
    expected = np.zeros_like(e)
    for rows, d in [(i, da), (j, dp), (k, dn)]:
        np.add.at(expected, rows, d)
    value, de = gradients(BatchAll(triplet), e, labels=y)
    assert np.isclose(value, listed, rtol=1e-13)
    np.testing.assert_allclose(de, expected, rtol=1e-12, atol=1e-14)
    cache = BatchAll(triplet).forward(e, labels=y)[1]
    one = triplet.metrics(triplet.forward(e[i], e[j], e[k])[1])
    assert BatchAll(triplet).metrics(cache) == {**one, "triplets": len(i)}


def test_normalised_rows_have_length_1_at_every_scale_and_the_row_0_stays_0():
    x = np.array([[3e-200, 4e-200], [3e200, -4e200], [0, 0], [-0.3, 0.4]])
    y, cache = Normalize().forward(x)
    np.testing.assert_allclose(y, [[0.6, 0.8], [0.6, -0.8], [0, 0], [-0.6, 0.8]])
    dx, _ = Normalize().backward(np.ones_like(x), cache)
    assert not dx[2].any()
    assert abs(dx[1]).max() < 1e-199  # dx is of the size 1 / |x|
    assert abs((dx[3] * x[3]).sum()) < 1e-15  # and at right angles to x


def test_distances_as_one_product_are_distances(rng):
    x, y = rng.standard_normal((30, 5)), rng.standard_normal((20, 5))
    d = ((x[:, None] - y) ** 2).sum(axis=2)
    np.testing.assert_allclose(pairwise(x, y), d, rtol=1e-12, atol=1e-13)
    assert pairwise(x.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("offset", [0, 1e6, 1e9])
def test_recall_counts_rows_with_their_class_among_the_nearest_others(offset):
    """Points on a line: the neighbours can be read off; a far offset does not matter."""
    e = np.array([0.0, 1.0, 2.1, 3.3, 10.0])[:, None] + offset
    assert metric.nearest(e, 2).tolist() == [[1, 2], [0, 2], [1, 3], [2, 1], [3, 2]]
    assert metric.nearest(e, 1, queries=[4, 0]).tolist() == [[3], [1]]
    y = np.array([0, 0, 1, 1, 0])
    assert metric.recall(e, y, (1, 2, 4)) == {1: 3 / 5, 2: 4 / 5, 4: 1.0}
    with pytest.raises(ValueError, match="e: expected more than 5 rows, for at=5, got 5"):
        metric.recall(e, y)  # of one and of five


def test_equal_rows_are_neighbours_in_their_order():
    e = np.array([[1.0, 2.0]] * 4)
    assert metric.nearest(e, 3).tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]


@pytest.fixture(scope="module")
def rings():
    """Two classes that no linear map tells apart: a ring about a disc."""
    rng = np.random.default_rng(1)
    y = np.arange(400) % 2
    angle, r = rng.uniform(0, 2 * np.pi, 400), 0.7 * np.sqrt(rng.random(400)) + 0.75 * y
    return np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1), y


@pytest.mark.parametrize("mining", ["batch_all", "semi_hard"])
def test_training_pulls_classes_apart(rings, mining, rng):
    x, y = rings
    net = embedding(2, 2, hidden=(32,), mining=mining, rng=rng)
    before = metric.recall(net.embed(x), y)[1]
    run = mg.fit(net, (x, y), rng=rng, steps=500, batch=64, lr=3e-3)
    assert {"active", "triplets", "spread"} <= run.history.keys()
    assert np.mean(run.history["loss"][-20:]) < np.mean(run.history["loss"][:20])
    assert metric.recall(net.embed(x), y)[1] > max(before, 0.98)  # 1 of seeds 0 to 7
    assert not metric.collapse(run, net)


def test_collapse_is_seen_and_said(rings, rng):
    """Noise for labels: batch-hard has no better way out than one point."""
    x, _ = rings
    y = rng.integers(0, 20, len(x))
    net = embedding(2, 2, hidden=(32,), mining="batch_hard", rng=rng)
    run = mg.fit(net, (x, y), rng=rng, steps=300, batch=64, lr=1e-2)
    report = metric.collapse(run, net)
    assert report and np.isclose(run.history["loss"][-1], 0.2, rtol=0.02)
    assert str(report).startswith("collapsed: over the last 50 steps a triplet costs 0.20")


def test_one_class_is_not_called_collapse(rings, rng):
    x, y = rings
    net = embedding(2, 2, hidden=(4,), mining="batch_hard", rng=rng)
    run = mg.fit(net, (x, 0 * y), rng=rng, steps=3, batch=16)
    assert str(metric.collapse(run, net)) == "no triplet in the last 3 steps: nothing was learned"
    with pytest.raises(ValueError, match="run: expected a history with loss, triplets, spread"):
        metric.collapse(type(run)(history={"loss": [1.0]}), net)


def report_on(loss, cost, triplets, spread):
    """What is said of a history, its columns given."""
    history = {"loss": cost, "triplets": triplets, "spread": spread}
    return metric.collapse(SimpleNamespace(history=history), loss)


@pytest.mark.parametrize("reduce", ["mean", "sum"])
@pytest.mark.parametrize("distance", ["squared", "euclidean"])
@pytest.mark.parametrize(
    "cost, apart, truth",
    [
        (0.52, 0.024, True),
        (0.48, 0.024, True),
        (0.53, 0.024, False),
        (0.47, 0.024, False),
        (0.50, 0.026, False),
        (0.50, 0.000, True),
    ],
)
def test_collapse_is_cost_and_distance_within_a_twentieth_of_the_margin(
    cost, apart, truth, distance, reduce
):
    """Two embeddings are 2 spread^2 apart in squares, sqrt(2) spread in lengths."""
    loss = MinedTriplets(TripletLoss(0.5, distance, reduce))
    count = np.array([9] * 7 + [3] * 49 + [0])  # before the window, and no triplet at the end
    total = np.array([99.0] * 7 + [cost * (3 if reduce == "sum" else 1)] * 49 + [0])
    spread = np.sqrt(apart / 2) if distance == "squared" else apart / np.sqrt(2)
    report = report_on(loss, total, count, np.array([9.0] * 7 + [spread] * 50))
    assert bool(report) == truth and "last 50 steps" in str(report)


def test_a_collapse_is_seen_at_a_margin_of_0_and_with_one_triplet_a_step():
    """Then a triplet at one point costs nothing; so does one that is solved, far apart."""
    for cost, spread, truth in [(0.0, 0.0, True), (0.0, 1.0, False), (0.1, 0.0, False)]:
        columns = [cost] * 3, [4] * 3, [spread] * 3
        assert bool(report_on(MinedTriplets(TripletLoss(0.0)), *columns)) == truth
    report = report_on(MinedTriplets(TripletLoss(0.5)), [0.5, 0.0], [1, 0], [0.0, 0.0])
    assert report and "costs 0.5000" in str(report)
    assert not report_on(MinedTriplets(), [0.0, 0.0], [0.0, 0.0], [0.0, 0.0])


def test_an_embedding_comes_back_from_a_file(tmp_path, rng):
    net = embedding(5, 3, mining="batch_all", margin="soft", rng=rng)
    mg.save(tmp_path / "net.npz", net)
    x = rng.standard_normal((4, 5))
    assert np.array_equal(mg.load(tmp_path / "net.npz").embed(x), net.embed(x))


def test_what_an_embedding_cannot_take_is_refused_by_name(rng):
    net, x, y = embedding(5, 2, rng=rng), rng.standard_normal((4, 5)), np.arange(4)
    with pytest.raises(ValueError, match="batch: expected a tuple \\(x, labels\\), got one array"):
        mg.fit(net, x, rng=rng)
    for batch in ((x,), (x, y, y)):
        with pytest.raises(ValueError, match=f"got a tuple of {len(batch)}"):
            net.draw(batch, rng)
    with pytest.raises(ValueError, match=r"x: expected shape \(N, 5\), got \(4, 3\)"):
        net.embed(x[:, :3])
    with pytest.raises(ValueError, match="margin: expected a number or one of soft, got 'hard'"):
        embedding(5, 2, margin="hard", rng=rng)
    with pytest.raises(ValueError, match=r"margin: .* in \[0, inf\] or one of soft, got -1"):
        TripletLoss(-1)


def test_an_embedding_is_on_the_sphere_unless_asked_and_mines_as_asked(rng):
    x = rng.standard_normal((4, 5)).astype(np.float32)
    for normalize, options in ((True, {}), (False, {"normalize": False})):
        length = np.linalg.norm(embedding(5, 2, rng=rng, **options).embed(x), axis=1)
        assert np.allclose(length, 1, atol=1e-6) == normalize
    assert isinstance(embedding(5, 2, mining="batch_all", rng=rng).criterion, BatchAll)
    for mining in ("batch_hard", "semi_hard"):
        assert embedding(5, 2, mining=mining, rng=rng).criterion.mining == mining


def test_principal_components_are_centred_uncorrelated_and_of_falling_variance(rng):
    x = 3 + rng.standard_normal((40, 4)) @ rng.standard_normal((4, 4))
    largest = np.linalg.eigvalsh(np.cov(x.T))[::-1]
    for dims in (1, 4):
        e = metric.PCA.of(x, dims).embed(x)
        np.testing.assert_allclose(e.mean(axis=0), 0, atol=1e-12)
        cov = np.cov(e.T).reshape(dims, dims)
        np.testing.assert_allclose(cov, np.diag(largest[:dims]), atol=1e-12 * largest[0])
    for dims in (0, 5):
        with pytest.raises(ValueError, match="dims: expected an integer"):
            metric.PCA.of(x, dims)


def test_queries_are_row_numbers(rng):
    e = rng.standard_normal((6, 2))
    assert len(metric.nearest(e, 1, queries=[0, 5])) == 2
    for queries in ([-1], [6], [7], [0.5]):
        with pytest.raises(ValueError, match=r"queries: expected whole numbers in 0\.\.5"):
            metric.nearest(e, 1, queries=queries)


def test_digits_of_the_same_writers_are_found_better_than_by_pixels_or_pca(rng):
    """A training of seconds, on shuffled digits."""
    digits = mg.data.digits("small")
    parts = digits.train, digits.validation, digits.test
    x = np.concatenate([part.x for part in parts]) / np.float32(16)
    y = np.concatenate([part.y for part in parts])
    train, test = np.split(rng.permutation(len(x)), [1350])
    net = embedding(64, 16, rng=rng)
    balanced = metric.Balanced(x[train], y[train], 16, metric.RandomAffine(8))
    held_out = x[train][:200], y[train][:200]
    mg.fit(net, balanced, rng=rng, steps=350, batch=160, validation=held_out)
    mine, pixels, pca = (
        metric.recall(e, y[test])[1]
        for e in (net.embed(x[test]), x[test], metric.PCA.of(x[train], 16).embed(x[test]))
    )
    assert mine > max(pixels, pca)


def test_the_baselines_of_the_fixed_split_are_the_known_ones():
    digits = mg.data.digits("small")
    pca = metric.PCA.of(digits.train.x, 16)
    assert np.isclose(metric.recall(digits.test.x, digits.test.y)[1], 0.980, atol=5e-4)
    assert np.isclose(metric.recall(pca.embed(digits.test.x), digits.test.y)[1], 0.973, atol=5e-4)


def test_a_triplet_at_the_kink_is_not_active():
    """On a line at 0, 1, 2 with margin 3: u = 1 - 4 + 3 = 0 for anchor 0, and 3 for anchor 1."""
    e, triplet = np.array([[0.0], [1.0], [2.0]]), TripletLoss(3.0)
    for loss, args, given in [
        (BatchAll(triplet), (e,), {"labels": np.array([0, 0, 1])}),
        (triplet, (e[:2], e[[1, 0]], e[[2, 2]]), {}),
    ]:
        value, cache = loss.forward(*args, **given)
        assert value == 1.5 and loss.metrics(cache)["active"] == 0.5


def test_normalised_rows_are_complex_clean_along_an_axis_too():
    """Where the length is that of one number: dy = (dx - y <y, dx>) / |x|."""
    x, dx = np.array([[3.0, 0.0], [0.0, -0.2], [1.0, 1.0]]), np.array([[2.0, 1.0]])
    length = np.linalg.norm(x, axis=1, keepdims=True)
    y = x / length
    truth = (dx - y * (y * dx).sum(axis=1, keepdims=True)) / length
    step = Normalize().forward(x + 1e-100j * dx)[0].imag / 1e-100
    np.testing.assert_allclose(step, truth, atol=1e-14)


@pytest.mark.parametrize("margin, distance, reduce", KINDS)
def test_the_plateau_is_the_loss_of_a_triplet_at_one_point(margin, distance, reduce, rng):
    loss, x = TripletLoss(margin, distance, reduce), rng.standard_normal((1, 3))
    assert np.isclose(loss.forward(x, x, x)[0], loss.plateau, rtol=1e-14)
    assert TripletLoss().plateau == 0.2  # of FaceNet


def squared(e):
    return ((e[:, None] - e) ** 2).sum(axis=2)


def test_info_nce_is_the_softmax_over_the_positive_and_all_negatives(rng):
    """Against the definition, pair by pair."""
    e, labels = rng.standard_normal((8, 3)), np.array([0, 1, 0, 2, 1, 0, 2, 3])
    d, terms = squared(e), []
    for i in range(8):
        for j in np.flatnonzero((labels == labels[i]) & (np.arange(8) != i)):
            scores = np.append(-d[i, j], -d[i, labels != labels[i]]) / 0.5
            terms.append(-scores[0] + np.log(np.exp(scores).sum()))
    loss, _ = InfoNCE(0.5).forward(e, labels=labels)
    np.testing.assert_allclose(loss, np.mean(terms), rtol=1e-13)


def test_with_one_negative_info_nce_is_the_soft_margin(rng):
    e = rng.standard_normal((3, 4))
    loss, _ = InfoNCE(1.0).forward(e, labels=np.array([0, 0, 1]))
    pairs = [e[[0, 1, 2]], e[[1, 0, 2]]]
    soft = [TripletLoss("soft").forward(*(row[None] for row in rows))[0] for rows in pairs]
    np.testing.assert_allclose(loss, np.mean(soft), rtol=1e-13)


def test_for_small_temperature_info_nce_is_the_hinge_of_the_hardest_negative(rng):
    e, labels = rng.standard_normal((7, 2)), np.array([0, 0, 0, 1, 1, 2, 2])
    d, hinges, tau = squared(e), [], 1e-4
    for i in range(7):
        hardest = d[i, labels != labels[i]].min()
        same = (labels == labels[i]) & (np.arange(7) != i)
        hinges += list(np.maximum(d[i, same] - hardest, 0))
    loss, _ = InfoNCE(tau).forward(e, labels=labels)
    assert abs(tau * loss - np.mean(hinges)) < tau * np.log(7)


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2], [0]])
def test_info_nce_without_a_pair_or_a_negative_is_zero(labels, rng):
    e = rng.standard_normal((len(labels), 2))
    loss, cache = InfoNCE().forward(e, labels=np.array(labels))
    de, _ = InfoNCE().backward(1.0, cache)
    assert loss == 0 and not de.any()


def test_info_nce_learns_the_digits(rng):
    digits = mg.data.digits()
    net = mg.metric.embedding(64, 16, rng=rng, temperature=0.1, init_from=digits.train.x)
    before = mg.metric.recall(net.embed(digits.test.x), digits.test.y)[1]
    batches = mg.metric.Balanced(digits.train.x, digits.train.y)
    mg.fit(net, batches, steps=300, rng=rng, progress=False)
    after = mg.metric.recall(net.embed(digits.test.x), digits.test.y)[1]
    assert after > 0.95 and after > before


def test_the_units_of_the_data_belong_to_an_embedding(rng, tmp_path):
    """A column shifted by 1e9 of its spreads is embedded as before, in float32 too."""
    x = rng.standard_normal((40, 3))
    moved = x + np.array([1e9, 0, -5])
    here, there = (
        mg.metric.embedding(3, 2, rng=np.random.default_rng(0), hidden=(8,), init_from=data)
        for data in (x, moved)
    )
    want = here.embed(x)
    assert np.abs(there.embed(moved) - want).max() < 1e-5
    mg.save(tmp_path / "net.npz", here)
    assert np.array_equal(mg.load(tmp_path / "net.npz").embed(x), want)
    run = mg.fit(there, (moved, np.arange(40) % 2), rng=rng, steps=3, progress=False)
    assert np.isfinite(run.history["loss"]).all() and run.history["spread"][-1] > 0.1


def test_data_far_from_unit_scale_are_named_to_an_embedding_without_units(rng):
    net = mg.metric.embedding(3, 2, rng=rng, hidden=(8,))
    data = 1e3 * rng.standard_normal((40, 3)), np.arange(40) % 2
    with pytest.warns(UserWarning, match="data: column 0 has mean .* init_from"):
        mg.fit(net, data, rng=rng, steps=1, progress=False)
