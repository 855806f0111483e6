"""Tables of which some columns are integers: each is dequantised by its own number of levels."""

import numpy as np
import pytest

import minigen as mg
from minigen.core.validate import InvalidInput
from minigen.flows.levels import as_levels


def mixed(rng, n):
    """A count in 0..4, a real number that depends on it, and a coin."""
    k = rng.binomial(4, 0.4, n)
    return np.column_stack([k, 3 * k + rng.standard_normal(n), rng.integers(0, 2, n)])


@pytest.mark.parametrize("levels", [[5, None, 2], (5, 0, 2), {0: 5, 2: 2}])
def test_levels_are_said_for_all_columns_or_for_some(levels):
    assert as_levels(levels, 3) == (5, 0, 2)
    assert as_levels([4, 4, 4], 3) == 4 and as_levels({}, 3) == 0


@pytest.mark.parametrize("make", [mg.flows.real_nvp, mg.flows.maf, mg.flows.neural_spline])
def test_a_mixed_table_is_learned_and_sampled_in_its_own_values(rng, make):
    """The sum of P(k) over all cells of the integers is 1 / the bound is above the entropy."""
    x, new = mixed(rng, 3000), mixed(rng, 1000)
    options = {"layers": 2, "hidden": (32,), "levels": {0: 5, 2: 2}, "init_from": x}
    flow = make(3, **options, rng=rng)
    mg.fit(flow.nll, x, validation=new, steps=400, lr=5e-3, rng=rng)
    p = np.array([0.6**4, 4 * 0.4 * 0.6**3, 6 * 0.16 * 0.36, 4 * 0.064 * 0.6, 0.4**4])
    entropy = -(p * np.log(p)).sum() + 0.5 * np.log(2 * np.pi * np.e) + np.log(2)
    nats = flow.bits_per_dim(new, rng=rng, draws=4).mean() * 3 * np.log(2)
    assert entropy - 0.1 < nats < entropy + 0.35
    s = flow.sample(500, rng=rng)
    assert set(s[:, 0]) <= {0, 1, 2, 3, 4} and set(s[:, 2]) <= {0, 1}
    assert len(set(s[:, 1])) > 400
    assert np.corrcoef(s[:, 0], s[:, 1])[0, 1] > 0.8


def test_a_mixed_flow_comes_back_from_a_file(rng, tmp_path):
    flow = mg.flows.real_nvp(3, 1, (8,), levels=[5, None, 2], rng=rng, init_from=mixed(rng, 50))
    mg.save(tmp_path / "m.npz", flow)
    again = mg.load(tmp_path / "m.npz")
    assert again.levels == (5, 0, 2)
    x = mixed(rng, 5) + 0.5 * np.array([1, 0, 1])
    assert np.array_equal(again.log_prob(x), flow.log_prob(x))


def test_outside_its_levels_a_row_has_no_density(rng):
    flow = mg.flows.real_nvp(2, 1, (8,), levels=[3, None], rng=rng)
    p = flow.log_prob([[0.5, -9.0], [3.5, 0.0], [-0.1, 0.0]])
    assert np.isfinite(p[0]) and np.isneginf(p[1:]).all()


@pytest.mark.parametrize(
    "levels, message",
    [
        ([2, 2], "levels: expected one for each of 3 columns, got 2"),
        ({3: 2}, r"levels: column: expected an integer in 0\.\.2, got 3"),
        ([2, -1, 0], "levels"),
        ({0: 2.5}, "levels"),
    ],
)
def test_levels_are_refused_for(rng, levels, message):
    with pytest.raises(InvalidInput, match=message):
        mg.flows.real_nvp(3, 1, (8,), levels=levels, rng=rng)


def test_a_value_that_is_no_level_is_refused_by_its_place(rng):
    flow = mg.flows.real_nvp(3, 1, (8,), levels={0: 5, 2: 2}, rng=rng)
    x = mixed(rng, 20)
    x[7, 2] = 2
    with pytest.raises(InvalidInput, match=r"whole numbers in 0..1, got 2.0 at index \(7, 2\)"):
        mg.fit(flow.nll, x, steps=1, rng=rng)
    x[7, 2], x[3, 0] = 1, 1.5
    with pytest.raises(InvalidInput, match=r"whole numbers in 0..4, got 1.5 at index \(3, 0\)"):
        flow.bits_per_dim(x, rng=rng)


def test_a_row_of_weight_two_counts_as_two_rows(rng):
    """The loss and its gradient are those of the table in which the row stands twice."""
    flow = mg.flows.maf(2, 2, (8,), rng=rng, dtype=np.float64)
    x, w = rng.standard_normal((4, 2)), np.array([2.0, 1.0, 0.0, 1.0])
    loss = mg.flows.NLL(flow, weighted=True)
    inputs, given = loss.draw((x, w), rng)
    value, cache = loss.forward(*inputs, **given)
    plain = flow.nll
    same, other = plain.forward(x[[0, 0, 1, 3]])
    assert np.isclose(value, same, rtol=1e-12)
    a, b = (f.backward(1.0, c)[-1] for f, c in ((loss, cache), (plain, other)))
    pairs = zip(mg.core.flatten(a).values(), mg.core.flatten(b).values(), strict=True)
    assert all(np.allclose(p, q, atol=1e-12) for p, q in pairs)
    assert mg.fit(loss, (x, w), validation=(x, w), steps=2, rng=rng).steps == 2
    with pytest.raises(InvalidInput, match=r"w: expected weights of 0 or more, got -1.0"):
        mg.fit(loss, (x, w - 1), steps=1, rng=rng)
    with pytest.raises(InvalidInput, match="x alone"):
        mg.fit(loss, x, steps=1, rng=rng)


@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e300])
def test_training_on_weights_is_training_on_repeated_rows_in_any_unit(unit):
    """The same loss, validation and parameters, whatever the mean of the weights is."""
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal((40, 2)), rng.integers(0, 4, 40)
    c = rng.standard_normal((40, 1))
    found = []
    for weighted in (True, False):
        gen = np.random.default_rng(0)
        flow = mg.flows.maf(2, 2, (8,), context=1, rng=gen, dtype=np.float64)
        data = (x, c, w * unit) if weighted else (np.repeat(x, w, 0), np.repeat(c, w, 0))
        loss = mg.flows.NLL(flow, weighted)
        run = mg.fit(loss, data, steps=5, batch=200, rng=gen)
        logp = flow.log_prob(x, c)
        seen = mg.fit(loss, data, validation=data, steps=1, batch=200, rng=gen).history
        found.append((run.history["loss"], seen["validation"], logp))
    for a, b in zip(*found, strict=True):
        assert np.allclose(a, b, rtol=1e-9)


def test_weights_that_are_all_0_are_refused(rng):
    flow = mg.flows.maf(2, 1, (8,), rng=rng)
    loss, x = mg.flows.NLL(flow, weighted=True), np.ones((4, 2))
    with pytest.raises(InvalidInput, match="w of data: expected a weight above 0, got none"):
        mg.fit(loss, (x, np.zeros(4)), steps=1, rng=rng)
    with pytest.raises(InvalidInput, match="w of validation: expected a weight above 0"):
        mg.fit(loss, (x, np.ones(4)), validation=(x, np.zeros(4)), steps=1, rng=rng)


def test_the_start_is_given_up_for_weighted_rows_too_only_beyond_chance():
    """60 rows of N(0, I), all of weight 1: the choice is that of rows without weights."""
    chosen = []
    for weighted in (True, False):
        rng = np.random.default_rng(0)
        x, w = rng.standard_normal((60, 6)), np.ones(60)
        flow = mg.flows.real_nvp(6, 2, (16,), rng=rng)
        parts = [(a, w[: len(a)]) if weighted else a for a in (x[:54], x[54:])]
        loss = mg.flows.NLL(flow, weighted)
        chosen.append(mg.fit(loss, parts[0], validation=parts[1], steps=40, rng=rng).best_step)
    assert chosen[0] == chosen[1] == 0


@pytest.mark.parametrize("model", ["flow", "ddpm"])
@pytest.mark.parametrize("part", ["data", "validation"])
def test_a_number_beyond_the_levels_is_refused_by_its_row_among_all(model, part, rng):
    """Not by its place in a batch, and before the first step."""
    good, bad = np.zeros((600, 2), int), np.zeros((600, 2), int)
    bad[577, 1] = 9
    if model == "flow":
        loss = mg.flows.maf(2, 1, (8,), levels=5, rng=rng).nll
    else:
        schedule = mg.diffusion.cosine_schedule(10)
        loss = mg.diffusion.ddpm(2, schedule, hidden=8, blocks=1, levels=5, rng=rng)
    data, validation = (bad, good) if part == "data" else (good, bad)
    with pytest.raises(InvalidInput, match=rf"{part}: .* 0..4, got 9 at index \(577, 1\)"):
        mg.fit(loss, data, validation=validation, steps=1, batch=16, rng=rng)
