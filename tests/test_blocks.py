"""Rows are evaluated a block at a time, and no result tells of it."""

import tracemalloc

import numpy as np
import pytest

from minigen import diffusion, flows, markov, metric, prob
from minigen.core import blocks, tree, validate

CALLS = {
    "log_prob": lambda m, x, rng: m.log_prob(x),
    "encode": lambda m, x, rng: np.column_stack(m.encode(x)),
    "decode": lambda m, x, rng: np.column_stack(m.decode(x)),
    "sample": lambda m, x, rng: m.sample(len(x), rng=rng),
    "bits_per_dim": lambda m, x, rng: m.bits_per_dim(x, rng=rng),
}
DDPM = {
    "elbo": lambda m, x, rng: m.elbo(x, rng=rng).per_row,
    "ancestral": lambda m, x, rng: m.sample(len(x), rng=rng),
    "ddim": lambda m, x, rng: m.sample(len(x), rng=rng, sampler="ddim", eta=0.5),
    "ode": lambda m, x, rng: m.sample(len(x), rng=rng, sampler="ode"),
    "log_prob_ode": lambda m, x, rng: m.log_prob_ode(x, tolerance=1e-3),
}


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 7 rows, as long as the context lasts."""

    def change():
        monkeypatch.setattr(blocks, "FEWEST", 7)
        monkeypatch.setattr(blocks, "MOST", 7)
        monkeypatch.setattr(blocks, "SLOW", 7)

    return change


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("factory", [flows.real_nvp, flows.maf, flows.neural_spline])
def test_the_results_of_a_flow_do_not_depend_on_the_blocks(factory, call, small_blocks, rng):
    x = 5 + 2 * rng.standard_normal((100, 3))
    model = factory(3, 2, (8,), init_from=x, rng=rng, dtype=np.float64)
    whole = CALLS[call](model, x, np.random.default_rng(1))
    small_blocks()
    np.testing.assert_allclose(CALLS[call](model, x, np.random.default_rng(1)), whole, rtol=1e-11)


@pytest.mark.parametrize("call", DDPM)
def test_the_results_of_a_diffusion_model_do_not_depend_on_the_blocks(call, small_blocks, rng):
    schedule = diffusion.cosine_schedule(10)
    x = rng.standard_normal((30, 2))
    model = diffusion.ddpm(2, schedule, hidden=8, rng=rng, dtype=np.float64)
    whole = DDPM[call](model, x, np.random.default_rng(1))
    small_blocks()
    again = DDPM[call](model, x, np.random.default_rng(1))
    np.testing.assert_allclose(again, whole, rtol=1e-9, atol=1e-11)


def test_a_context_and_labels_go_with_their_rows(small_blocks, rng):
    x, c = rng.standard_normal((50, 3)), rng.standard_normal((50, 2))
    model = tree.perturbed(flows.maf(3, 2, (8,), context=2, rng=rng), rng)
    net = diffusion.ddpm(
        2, diffusion.cosine_schedule(10), hidden=8, classes=3, rng=rng, dtype=np.float64
    )
    label = rng.integers(0, 4, 50)
    calls = (
        lambda: model.log_prob(x, c),
        lambda: model.sample(50, c, rng=np.random.default_rng(0)),
        lambda: net.elbo(x[:, :2], label=label, rng=np.random.default_rng(0)).per_row,
        lambda: net.sample(50, label=label, guidance=2.0, rng=np.random.default_rng(0)),
    )
    whole = [call() for call in calls]
    small_blocks()
    for call, before in zip(calls, whole, strict=True):
        np.testing.assert_allclose(call(), before, rtol=1e-9, atol=1e-11)


def test_a_bad_row_is_named_by_its_place_among_all_rows(small_blocks, rng):
    before = (flows.Logit(bins=1.0),)
    model = flows.real_nvp(2, 1, (4,), before=before, rng=rng)
    x = np.full((60, 2), 0.5)
    x[40, 1] = 2.0
    small_blocks()
    with pytest.raises(ValueError, match="in row 40"):
        model.encode(x)
    assert np.flatnonzero(np.isneginf(model.log_prob(x))).tolist() == [40]
    plain = flows.real_nvp(2, 1, (4,), rng=rng)
    x[40, 1] = 1e300
    with pytest.raises(ValueError, match=r"x: .* float32, got 1e\+300 at index \(40, 1\)"):
        plain.log_prob(x)


LARGE = {
    "real_nvp": lambda x, rng: flows.real_nvp(64, 5, (128, 128), rng=rng),
    "real_nvp of its own units": lambda x, rng: flows.real_nvp(64, 5, (128,), init_from=x, rng=rng),
    "maf": lambda x, rng: flows.maf(64, 5, (128, 128), rng=rng),
    "maf_mog": lambda x, rng: flows.maf_mog(64, 5, (128, 128), rng=rng),
    "spline": lambda x, rng: flows.neural_spline(64, 5, (128, 128), rng=rng),
    "spline coupling": lambda x, rng: flows.neural_spline(64, 5, (128,), coupling=True, rng=rng),
}


@pytest.mark.parametrize("name", LARGE)
def test_the_memory_of_many_rows_is_three_times_the_data(name, rng):
    """Traced by NumPy: what the rows need beside themselves is at most twice their size."""
    x = rng.standard_normal((30_000, 64)).astype(np.float32)
    model = LARGE[name](x[:1000], rng)
    for run in (model.log_prob, model.encode):
        run(x[:10])
        tracemalloc.start()
        try:
            run(x)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        # a block and the weights do not grow with the rows; NumPy's twin of the spline: 55 MB
        assert peak < 2 * x.nbytes + 70e6


FLOWS = {  # models of 64 columns, and whole numbers below 4 or real ones as their data
    "flow": lambda x, rng: flows.real_nvp(64, 1, (16,), init_from=x, rng=rng),
    "levels": lambda x, rng: flows.real_nvp(64, 1, (16,), levels=4, rng=rng),
    "maf_mog": lambda x, rng: flows.maf_mog(64, 1, (64,), rng=rng),
    "gaussian": lambda x, rng: prob.Gaussian.init(64),
    "mixture": lambda x, rng: prob.Mixture.of_gaussians(x[:3]),
}
DIFFUSION = {
    "plain": {},
    "units": {"init_from": True},
    "maps": {"init_from": True, "before": True},
    "levels": {"levels": 4},
}


def growth(call, few=500, many=2000):
    """Bytes of the peak of call(n) for each of its rows."""
    peaks = []
    for n in (few, few, many):  # once for what is made only once
        run = call(n)
        tracemalloc.start()
        try:
            run()
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    return (peaks[2] - peaks[1]) / (many - few)


@pytest.mark.parametrize("name", FLOWS)
def test_samples_take_the_memory_of_samples(name, rng):
    """Real numbers are float64 or float32, whole ones int64: at most 8 bytes a number."""
    x = rng.integers(0, 4, (2000, 64)).astype(np.float32)
    model = FLOWS[name](x[:500], rng)
    whole = 2 * blocks.SLOW, 3 * blocks.SLOW  # several of the largest blocks
    assert growth(lambda n: lambda: model.sample(n, rng=rng), *whole) < 1.1 * 64 * 8
    if hasattr(model, "bits_per_dim"):
        bits = growth(lambda n: lambda: model.bits_per_dim(x[:n], rng=rng, draws=2))
        assert bits < 0.3 * 64 * 4


@pytest.mark.parametrize("name", DIFFUSION)
def test_a_diffusion_model_needs_three_times_its_data(name, rng):
    """Of float32 data, which are there already: a copy in the model's units, a state, a step."""
    x = rng.integers(0, 4, (2000, 64)).astype(np.float32)
    options = dict(DIFFUSION[name])
    if options.pop("before", False):
        options["before"] = (flows.Whiten.init_from(x),)
    if options.pop("init_from", False):
        options["init_from"] = x[:500].astype(float)
    model = diffusion.ddpm(64, diffusion.cosine_schedule(4), hidden=8, rng=rng, **options)
    wide = 1.05 * 64 * 4  # a copy in float32, whatever else has a number a row
    assert growth(lambda n: lambda: model.elbo(x[:n], rng=rng)) < 2 * wide
    assert growth(lambda n: lambda: model.encode(x[:n], sampler="ddim")) < 2 * wide
    assert growth(lambda n: lambda: model.decode(x[:n], sampler="ddim")) < 2 * wide
    for sampler in ("ancestral", "ddim", "euler", "dpm++3m"):
        draw = {"rng": rng, "sampler": sampler, "eta": 0.5 * (sampler == "ddim")}
        assert growth(lambda n, draw=draw: lambda: model.sample(n, **draw)) < 3 * wide


def test_embeddings_and_chains_take_the_memory_of_their_rows(small_blocks, rng):
    x, y = rng.standard_normal((2000, 64)), rng.integers(0, 3, (2000, 64))
    lengths = rng.integers(1, 65, 2000)
    embedding = metric.embedding(64, 2, hidden=(128, 128), init_from=x, rng=rng)
    gaussian = markov.GaussianChain.init(1, dtype=np.float64)
    categorical = markov.CategoricalChain.init(3)
    calls = {
        "embed": lambda n: embedding.embed(x[:n]),
        "gaussian": lambda n: gaussian.log_prob(x[:n], lengths[:n]),
        "categorical": lambda n: categorical.log_prob(y[:n], lengths[:n]),
    }
    whole = {name: call(50) for name, call in calls.items()}
    copies = {"embed": 0.2, "gaussian": 0.2, "categorical": 2.5}  # of whole numbers, checked
    for name, call in calls.items():
        assert growth(lambda n, call=call: lambda: call(n)) < copies[name] * 64 * 8, name
    small_blocks()
    for name, call in calls.items():
        np.testing.assert_allclose(call(50), whole[name], rtol=1e-5, atol=1e-6)
    x[33, 5] = 1e300  # beyond the type of the network
    with pytest.raises(ValueError, match=r"x: .*33, 5"):
        embedding.embed(x)


def test_blocks_of_arrays_of_one_row_and_of_none(small_blocks):
    small_blocks()
    a, one = np.arange(20.0)[:, None], np.ones((1, 3))
    out, n = blocks.in_blocks(
        lambda a, o, nothing: (a + o, np.full(len(a), len(a))), (a, one, None)
    )
    assert np.array_equal(out, a + one) and set(n) == {7, 6}
    (none,) = blocks.in_blocks(lambda a: (a * 2,), (np.zeros((0, 2)),))
    assert none.shape == (0, 2)


def test_every_density_is_evaluated_in_blocks(small_blocks, rng):
    p = prob.Mixture.of_gaussians([[-2.0, 0.0], [2.0, 0.0]], dtype=np.float64)
    x = rng.standard_normal((40, 2))
    whole = p.log_prob(x)
    small_blocks()
    np.testing.assert_allclose(p.log_prob(x), whole, rtol=1e-12)
    with pytest.raises(validate.InvalidInput, match="x: expected shape"):
        p.log_prob(x[:, :1])


@pytest.mark.parametrize("factory, call", [(flows.maf, "sample"), (flows.iaf, "log_prob")])
def test_the_slow_direction_takes_few_blocks(factory, call, monkeypatch, rng):
    """A step for each coordinate of each block costs more in Python than in products."""
    flow, counts = factory(63, layers=1, hidden=(64,), rng=rng), []
    run = blocks._in_blocks
    monkeypatch.setattr(
        blocks, "_in_blocks",
        lambda f, *rest: run(lambda *a: (counts.append(len(a[0])), f(*a))[1], *rest),
    )  # fmt: skip
    CALLS[call](flow, rng.standard_normal((1000, 63)), rng)
    assert {*counts} == {1000}
