"""Promises of the training loop and of checkpoints."""

import hashlib
import itertools
import json
import re
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from minigen import core, data, diffusion, flows, nn, prob, training
from minigen.core import tree
from minigen.core.contract import Loss
from minigen.core.tree import param
from minigen.training import SGD, Adam, CheckpointError, fit


def gaussian(features=2):
    """A standard normal law to be fitted."""
    return prob.Gaussian.init(features, dtype=np.float64)


def gaussian_fit(rng, **options):
    """A Gaussian fitted to correlated data, and the data."""
    x = rng.standard_normal((400, 2)) @ [[1.0, 0.5], [0.0, 0.7]] + [1.0, -2.0]
    model = gaussian()
    lr = {} if "optimizer" in options else {"lr": 0.05}
    settings = {"steps": 300, "batch": 400} | lr | options
    return model, x, fit(flows.NLL(model), x, rng=rng, **settings)


def digest(layer):
    return hashlib.sha256(b"".join(a.tobytes() for a in tree.flatten(layer.params).values()))


@pytest.mark.parametrize("optimizer", [Adam(0.05), SGD(0.05)], ids=["Adam", "SGD"])
def test_maximum_likelihood_of_a_gaussian_is_the_sample_mean_and_covariance(optimizer, rng):
    model, x, _ = gaussian_fit(rng, optimizer=optimizer, steps=1500)
    np.testing.assert_allclose(model.mu, x.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(model.Sigma, np.cov(x.T, bias=True), atol=1e-4)


def trained_flow(seed):
    """A flow after a short training whose every part draws from one generator."""
    rng = np.random.default_rng(seed)
    flow = flows.real_nvp(2, 2, (8,), rng=rng)
    x = rng.standard_normal((60, 2))
    fit(flow.nll, x, validation=x[:9], rng=rng, steps=20, batch=16, ema=0.9)
    return flow


def test_the_same_seed_gives_the_same_bytes():
    one, same, other = (digest(trained_flow(seed)).digest() for seed in (3, 3, 4))
    assert one == same != other


def one_vector(model):
    """The vector that every parameter of a model is a view of."""
    (vector,) = {id(a.base): a.base for a in tree.flatten(model.params).values()}.values()
    return vector


def test_the_parameters_are_views_of_one_vector_and_move_while_they_learn(rng):
    flow = flows.real_nvp(2, 2, (8,), rng=rng)
    seen = []

    def watch(step, run):
        assert run.steps == step == len(run.history["loss"])
        seen.append((step, one_vector(flow).copy()))

    fit(flow.nll, rng.standard_normal((50, 2)) + 3, rng=rng, steps=5, callback=watch)  # fmt: skip
    steps, vectors = zip(*seen, strict=True)
    assert steps == (1, 2, 3, 4, 5)
    assert all((a != b).any() for a, b in itertools.pairwise(vectors))
    assert np.array_equal(one_vector(flow), vectors[-1])
    assert one_vector(flow).size == sum(a.size for a in tree.flatten(flow.params).values())


def test_training_can_be_continued(rng):
    model, x, first = gaussian_fit(rng, steps=50)
    second = fit(flows.NLL(model), x, rng=rng, steps=50, batch=400, lr=0.05)
    assert second.history["loss"][0] < first.history["loss"][-1] + 1e-9
    assert second.history["loss"][-1] < first.history["loss"][-1]


def test_a_callback_that_returns_True_stops_the_training(rng):
    *_, run = gaussian_fit(rng, callback=lambda step, run: step == 7)
    assert run.steps == 7


@pytest.mark.parametrize("error", [FloatingPointError, KeyboardInterrupt])
def test_the_best_parameters_stand_in_the_model_after_an_error(error, rng):
    """Ten steps towards the data, validated at each; then ten away, which are not kept."""
    model, x = gaussian(), rng.standard_normal((50, 2)) + 5
    best = []

    def watch(step, run):
        if step == 10:
            best.append(one_vector(model).copy())
        if step == 20:
            raise error

    class Turning(SGD):
        def step(self, theta, g, factor=1.0):
            calls.append(1)
            super().step(theta, g if len(calls) <= 10 else -g, factor)

    calls = []
    with pytest.raises(error):
        fit(flows.NLL(model), x, validation=x, rng=rng, steps=100, batch=50, validate_every=1,
            optimizer=Turning(0.05, b1=0.0), schedule="constant", callback=watch)  # fmt: skip
    assert np.array_equal(one_vector(model), best[0])


def test_without_validation_the_last_parameters_stand_in_the_model_after_an_error(rng):
    seen, model = [], gaussian()

    def watch(step, run):
        seen.append(model.mu.copy())
        if step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(flows.NLL(model), np.full((8, 2), 3.0), rng=rng, callback=watch)
    assert np.array_equal(model.mu, seen[-1]) and model.mu.all()


@dataclass(frozen=True, eq=False, repr=False)
class Distance(Loss):
    """mean (x - a)^2 for one number a, whose gradient is a plain number."""

    a: np.ndarray = param()

    def forward(self, x):
        return ((x - self.a) ** 2).mean(), (x,)

    def backward(self, dloss, cache):
        (x,) = cache
        return 2 * dloss * (x - self.a) / x.size, {"a": float(-2 * dloss * (x - self.a).mean())}


def test_one_number_can_be_trained_and_its_gradient_be_a_plain_one(rng):
    loss = Distance(np.zeros((), np.float32))
    x = rng.standard_normal((50, 1)) + 3
    fit(loss, x, rng=rng, steps=400, lr=0.1, batch=50)
    assert abs(loss.a - x.mean()) < 1e-3


@pytest.mark.parametrize("clip", [0.5, 0.9])
def test_clipping_bounds_the_step_of_plain_descent(clip, rng):
    """At the start, with x = (1, 1) in every row, the gradient is mu: (-1, -1), and no other."""
    model = gaussian()
    run = fit(flows.NLL(model), np.ones((8, 2)), rng=rng, steps=1, optimizer=SGD(1.0, b1=0.0),
              clip=clip, schedule="constant")  # fmt: skip
    moved = np.sqrt(sum((a**2).sum() for a in tree.flatten(model.params).values()))
    assert run.history["grad_norm"][0] > clip and abs(moved - clip) < 1e-12


@dataclass(frozen=True, eq=False, repr=False)
class Slope(Loss):
    """steepness * sum(a): each entry of the gradient is the steepness."""

    a: np.ndarray = param()
    steepness: float = 1.0

    def forward(self, x):
        return self.a.dtype.type(0), len(x)

    def backward(self, dloss, cache):
        return np.zeros((cache, 1)), {"a": np.full_like(self.a, self.steepness)}


@pytest.mark.parametrize("steepness", [1e25, 3e38])
def test_a_gradient_whose_norm_overflows_is_clipped_to_the_length_that_was_asked_for(
    steepness, rng
):
    loss = Slope(np.zeros(4, np.float32), steepness)
    run = fit(loss, np.ones((8, 1)), rng=rng, steps=1, optimizer=SGD(1.0, b1=0.0), clip=2.0,
              schedule="constant")  # fmt: skip
    np.testing.assert_allclose(loss.a, -1.0, rtol=1e-6)
    assert run.history["grad_norm"][0] == pytest.approx(2 * steepness, rel=1e-6)


def test_without_clip_a_gradient_whose_norm_overflows_is_named_and_nothing_moves(rng):
    loss = Slope(np.zeros(4, np.float32), 1e25)
    with pytest.raises(training.NotFinite, match=r"norm of the gradient, 2e\+25.*float32.*clip"):
        fit(loss, np.ones((8, 1)), rng=rng, steps=3)
    assert not loss.a.any()


@pytest.mark.parametrize(("name", "value"), [("lr", 0.1), ("lr", 1e-3), ("weight_decay", 0.0)])
def test_an_option_of_the_default_optimizer_is_refused_beside_another(name, value, rng):
    with pytest.raises(core.InvalidInput, match=f"{name}: expected none beside optimizer"):
        fit(flows.NLL(gaussian()), np.ones((8, 2)), rng=rng, optimizer=SGD(0.1), **{name: value})


def test_the_options_reach_the_default_optimizer_and_its_schedule_every_step(rng):
    """With no gradient Adam only decays: by 1 - lr decay factor at each step."""
    loss = Distance(np.ones((), np.float64))
    fit(loss, np.ones((4, 1)), rng=rng, steps=4, lr=0.5, weight_decay=0.1, batch=4,
        optimizer=None, schedule=lambda part: float(part == 0))  # fmt: skip
    assert abs(loss.a - 0.95) < 1e-12


def test_validation_is_at_the_start_soon_after_every_twentieth_and_at_the_last_step(rng):
    model, x = prob.Gaussian.init(2), rng.standard_normal((9, 2))
    run = fit(flows.NLL(model), x, validation=x, rng=rng, steps=205)
    assert run.history["validation_step"] == [0, 1, 2, 4, 8, *range(10, 205, 10), 205]
    sampler = fit(flows.NLL(model), data.toy("moons"), rng=rng, steps=3)
    assert sampler.history["validation_step"] == [0, 1, 2, 3]


def overfitted(rng, **options):
    """A flow trained on twelve rows, other rows of the same law, and the run."""
    x, held = rng.standard_normal((12, 2)), rng.standard_normal((400, 2))
    flow = flows.real_nvp(2, 4, (64,), rng=rng, dtype=np.float64)
    settings = {"validation": held, "lr": 1e-2, "validate_every": 10} | options
    return flow, held, fit(flow.nll, x, rng=rng, **settings)


def test_the_kept_parameters_are_the_best_on_validation(rng):
    """The validation loss rises again, and the model kept is the one before."""
    flow, held, run = overfitted(rng, steps=300, schedule="constant")
    assert run.best == min(run.history["validation"]) < run.history["validation"][-1] - 0.1
    assert abs(flow.nll.forward(held)[0] - run.best) < 1e-12


def test_patience_stops_early(rng):
    *_, run = overfitted(rng, steps=5000, patience=3)
    assert run.steps == run.best_step + 30 < 5000


def test_patience_waits_while_the_validation_loss_falls(rng):
    """Two validation rows far from each other: it falls at each step, by no more than chance."""
    rows, held = np.tile([[-1.0], [3.0]], (4, 1)), np.array([[-8.0], [10.0]])
    run = fit(flows.NLL(gaussian(1)), rows, validation=held, rng=rng, steps=40, lr=0.01,
              schedule="constant", validate_every=1, patience=2)  # fmt: skip
    assert (np.diff(run.history["validation"]) < 0).all()
    assert run.steps == 40 and run.best_step == 0


def test_validation_noise_is_drawn_once(rng):
    """With a learning rate of 0 the validation losses of a dequantised model are all equal."""
    flow = flows.real_nvp(4, 2, (8,), levels=17, rng=rng)
    x = rng.integers(0, 17, (60, 4))
    run = fit(flow.nll, x, validation=x, rng=rng, steps=10, lr=0.0, validate_every=1)  # fmt: skip
    assert len(set(run.history["validation"])) == 1 and len(set(run.history["loss"])) > 1


def spied(model, look):
    """The loss of a model, and a list of look(model, batch) at every step."""
    seen = []

    class Spy(flows.NLL):
        def draw(self, batch, rng):
            seen.append(look(self.density, batch))
            return super().draw(batch, rng)

    return Spy(model), seen


def test_what_is_drawn_sees_the_parameters_of_that_step(rng):
    """A stopped mean is computed in `draw`: by the parameters of that step, not the first ones."""
    loss, seen = spied(gaussian(1), lambda model, batch: model.mu[0])
    fit(loss, np.full((8, 1), 3.0), rng=rng, steps=5, lr=0.1)
    assert len(set(seen)) == 5 and (np.diff(seen) > 0).all()


@pytest.mark.parametrize("validated", [False, True])
def test_ema_keeps_the_average(validated, rng):
    """It is validated and kept; the parameters themselves go on from where they were."""
    model, x = gaussian(1), np.full((4, 1), 2.0)
    seen = [np.zeros(3)]

    class Spy(SGD):
        def step(self, theta, g, factor=1.0):
            assert np.array_equal(theta, seen[-1])
            assert g.shape == theta.shape and g.dtype == theta.dtype
            super().step(theta, g, factor)
            seen.append(theta.copy())

    options = {"validation": x, "validate_every": 5} if validated else {}
    fit(flows.NLL(model), x, rng=rng, steps=20, optimizer=Spy(0.02, b1=0.0), ema=0.5,
        schedule="constant", **options)  # fmt: skip
    average = np.zeros(3)
    for k, theta in enumerate(seen[1:], start=1):
        decay = min(0.5, (1 + k) / (10 + k))
        average = decay * average + (1 - decay) * theta
    np.testing.assert_allclose([model.mu[0], model.a[0]], average[:2], rtol=1e-12)


@pytest.mark.parametrize("name, end", [("constant", 1.0), ("cosine", 0.0), ("linear", 0.0)])
def test_the_learning_rate_follows_its_schedule(name, end, rng):
    *_, run = gaussian_fit(rng, schedule=name, steps=200)
    lr = np.array(run.history["lr"]) / 0.05
    assert lr[0] == 1 and abs(lr[-1] - end) < 0.01 and (np.diff(lr) <= 0).all()


def test_an_epoch_visits_each_row_once(rng):
    loss, seen = spied(gaussian(1), lambda model, batch: batch[:, 0].copy())
    fit(loss, np.arange(24.0)[:, None], rng=rng, steps=6, batch=8)
    first, second = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    assert sorted(first) == sorted(second) == list(range(24))
    assert not np.array_equal(first, second)


def test_a_nan_names_the_layer_where_it_was_born(rng):
    flow = flows.real_nvp(2, 3, (4,), rng=rng)
    flow.chain.layers[2].net.layers[0].W[0, 1] = np.nan
    before = flow.chain.layers[0].net.layers[0].W.copy()
    where = "LinearReLU at density.chain.layers.2.net.layers.0 gives nan at index (0, 1)"
    x = rng.standard_normal((300, 2))
    with pytest.raises(FloatingPointError, match=re.escape(f"loss nan at step 1: {where}")):
        fit(flow.nll, x, rng=rng, steps=5)
    assert np.array_equal(flow.chain.layers[0].net.layers[0].W, before)


def test_a_nan_of_an_inverse_names_the_layer_too(rng):
    @dataclass(frozen=True, eq=False, repr=False)
    class Broken(flows.Permute):
        def inverse(self, y):
            x, logdet, cache = super().inverse(y)
            return x + np.nan, logdet, cache

    layers = (*flows.real_nvp(2, 3, (4,), rng=rng).chain.layers, Broken(np.arange(2)))
    flow = flows.Flow(flows.Chain(layers), prob.StandardNormal(2))
    with pytest.raises(FloatingPointError, match=r"Broken at flow.chain.layers.5 gives nan"):
        fit(flow.reverse_kl(flow.base), flow.base, rng=rng, steps=1)


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_validation_loss_that_is_not_finite_names_the_layer(rng):
    """It would stand in the history, and never be the best, in silence."""
    model, x = gaussian(), rng.standard_normal((64, 2)) + 5
    where = "validation loss inf at step 0: Gaussian at density gives -inf at index (3,)"
    with pytest.raises(FloatingPointError, match=re.escape(where)):
        fit(flows.NLL(model), x, validation=np.vstack([x[:3], [[1e200, 0]]]), rng=rng, steps=40,
            validate_every=10, lr=0.1)  # fmt: skip
    assert not model.mu.any()


def test_a_schedule_that_is_not_finite_is_refused_at_its_step(rng):
    model = gaussian()
    with pytest.raises(ValueError, match=r"schedule\(0.75\): expected a number in .* got nan"):
        fit(flows.NLL(model), np.ones((4, 2)), rng=rng, steps=4,
            schedule=lambda part: np.nan if part == 0.75 else 1.0)  # fmt: skip
    assert np.isfinite(model.mu).all()


def ddpm(rng):
    return diffusion.ddpm(2, diffusion.linear_schedule(5), hidden=4, rng=rng)


@pytest.mark.parametrize(
    "make, batch, message",
    [
        (
            lambda rng: flows.real_nvp(3, 2, (4,), rng=rng),
            np.ones((5, 1)),
            r"data: .*\(N, 3\), got",
        ),
        (lambda rng: flows.maf(2, 2, (4,), rng=rng), np.ones((5, 3)), r"data: .*\(N, 2\), got"),
        (lambda rng: flows.maf(2, 2, (4,), rng=rng), (np.ones((5, 2)),) * 2, "context: .* none"),
        (
            lambda rng: flows.real_nvp(2, 2, (4,), levels=3, rng=rng),
            np.ones((5, 3), int),
            r"data: expected shape \(N, 2\), got \(5, 3\)",
        ),
        (
            lambda rng: flows.real_nvp(2, 2, (4,), context=2, rng=rng),
            (np.ones((5, 2)), np.ones((5, 1))),
            r"context: expected shape \(5, 2\), got \(5, 1\)",
        ),
        (
            lambda rng: flows.iaf(2, 2, (4,), rng=rng).reverse_kl(flows.energy("ring")),
            np.ones((5, 3)),
            r"z: expected shape \(N, 2\), got \(5, 3\)",
        ),
        (ddpm, np.ones((5, 3)), r"data: expected shape \(N, 2\), got \(5, 3\)"),
        (ddpm, (np.ones((5, 2)), np.ones(5)), "label: expected none"),
    ],
)
def test_data_of_another_kind_of_model_are_refused_before_the_first_step(make, batch, message, rng):
    with pytest.raises(ValueError, match=message):
        fit(make(rng), batch, rng=rng, steps=2)


def test_what_is_no_loss_is_refused(rng):
    with pytest.raises(TypeError, match=r"loss: expected .* draw and .*, got Chain without draw"):
        fit(flows.real_nvp(2, 2, (4,), rng=rng).chain, np.ones((5, 2)), rng=rng)


def test_what_is_no_callback_or_no_model_is_refused(rng, tmp_path):
    with pytest.raises(TypeError, match=r"callback: expected a function .*, got 3"):
        fit(flows.NLL(gaussian()), np.ones((5, 2)), rng=rng, callback=3)
    with pytest.raises(TypeError, match="model: expected a layer, density or loss, got 'b'"):
        training.save(tmp_path / "f.npz", "b")


def test_a_folder_that_is_not_there_is_named(rng, tmp_path):
    path = tmp_path / "none" / "f.npz"
    with pytest.raises(FileNotFoundError, match=f"folder that exists, got {re.escape(str(path))}"):
        training.save(path, prob.Gaussian.init(2))


def test_an_array_at_two_places_is_refused_by_name(rng):
    f = nn.Linear.init(2, 2, rng=rng)
    coupling = flows.AffineCoupling(nn.Sequential((nn.Linear.init(1, 2, rng=rng), f)), 1)
    flow = flows.Flow(flows.Chain((coupling, coupling)), prob.StandardNormal(2))
    with pytest.raises(ValueError, match=r"chain\.layers\.1.* and .*chain\.layers\.0.* sharing"):
        fit(flow.nll, np.zeros((3, 2)), rng=rng)


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"steps": 0}, ValueError, "steps: expected an integer >= 1, got 0"),
        ({"batch": 2.5}, TypeError, "batch: expected an integer, got 2.5"),
        ({"rng": 3}, TypeError, "rng: expected a numpy.random.Generator, got 3"),
        ({"schedule": "warm"}, ValueError, "schedule: expected one of constant, cosine, linear"),
        ({"patience": 0}, ValueError, "patience: expected an integer >= 1, got 0"),
        ({"validate_every": 0}, ValueError, "validate_every: expected an integer >= 1, got 0"),
        ({"ema": 1.5}, ValueError, r"ema: expected a number in \[0, 1\], got 1.5"),
        (
            {"optimizer": "adam"},
            TypeError,
            "optimizer: expected an object with start and step",
        ),
        ({"optimizer": Adam}, TypeError, "optimizer: expected .*, got the class Adam"),
        ({"lr": -1.0}, ValueError, r"lr: expected a number in \[0, inf\], got -1.0"),
        ({"data": np.zeros((0, 2))}, ValueError, "data: expected at least one row"),
        ({"data": np.array([[0, np.nan]])}, ValueError, "data: expected finite numbers, got nan"),
        ({"data": (np.zeros((3, 2)), np.zeros(2))}, ValueError, "data: expected as many rows"),
    ],
)
def test_bad_settings_are_refused_by_name(options, error, message, rng):
    settings = {"data": np.zeros((4, 2)), "rng": rng} | options
    with pytest.raises(error, match=message):
        fit(flows.NLL(prob.Gaussian.init(2)), **settings)


def test_a_file_gives_back_the_same_model(rng, tmp_path):
    flow = flows.real_nvp(4, 3, (8,), levels=17, context=2, init_from=rng.integers(0, 17, (30, 4)),
                          rng=rng)  # fmt: skip
    training.save(tmp_path / "f.npz", flow)
    loaded = training.load(tmp_path / "f.npz")
    assert repr(loaded) == repr(flow) and digest(loaded).digest() == digest(flow).digest()
    x, c = 17 * rng.random((5, 4)), rng.standard_normal((5, 2))
    assert np.array_equal(loaded.log_prob(x, c), flow.log_prob(x, c))


def test_a_users_own_class_is_found_by_name(rng, tmp_path):
    @dataclass(frozen=True, eq=False, repr=False)
    class Mine(nn.Linear):
        pass

    training.save(tmp_path / "m.npz", Mine.init(2, 3, rng=rng))
    assert type(training.load(tmp_path / "m.npz", classes=[Mine])) is Mine
    with pytest.raises(CheckpointError, match="expected a class of minigen or of classes"):
        training.load(tmp_path / "m.npz")


def test_a_damaged_file_is_refused_and_never_read_as_something_else(rng, tmp_path):
    """Every single-byte corruption is noticed, or leaves the model exactly as it was."""
    path = tmp_path / "g.npz"
    model = prob.Gaussian.from_moments([1.0, 2.0], np.eye(2))
    training.save(path, model)
    intact = path.read_bytes()
    for place in rng.choice(len(intact), size=200, replace=False):
        broken = bytearray(intact)
        broken[place] ^= 0xFF
        path.write_bytes(bytes(broken))
        try:
            assert digest(training.load(path)).digest() == digest(model).digest()
        except CheckpointError as error:
            assert str(path) in str(error) or "expected a class" in str(error)


def test_a_pickle_in_a_file_is_never_run(tmp_path):
    path = tmp_path / "p.npz"
    np.savez(path, x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(CheckpointError):
        training.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        model = {"class": "system", "module": "os", "fields": {}}
        manifest = {"format": 2, "model": model, "arrays": {}}  # 2 had no hash of the manifest
        archive.writestr("manifest.json", json.dumps(manifest))
    with pytest.raises(CheckpointError, match=r"expected a class of minigen .* got os\.system"):
        training.load(path)


@dataclass(frozen=True, eq=False, repr=False)
class Odd(core.Layer):
    """A layer with a field that no file can hold."""

    what: Any


def test_a_failed_save_leaves_the_old_file(rng, tmp_path):
    path = tmp_path / "g.npz"
    training.save(path, prob.Gaussian.init(2))
    before = path.read_bytes()
    with pytest.raises(TypeError, match="expected an array, a layer or a plain value"):
        training.save(path, Odd(object()))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "adam, lr, decay", [(Adam(), 0.001, 0), (Adam(0.1, weight_decay=0.01), 0.1, 0.01)]
)
def test_adam_takes_the_steps_of_its_paper_with_its_settings(adam, lr, decay):
    """b1 0.9, b2 0.999, eps 1e-8, bias correction and decoupled weight decay: three steps."""
    theta, hand, m, v = np.array([1.0, -2.0]), np.array([1.0, -2.0]), 0.0, 0.0
    adam.start(theta)
    for k, g in enumerate(np.array([[0.5, -1e-8], [0.25, 2e-8], [-4.0, 1e-8]]), start=1):
        adam.step(theta, g)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        hand *= 1 - lr * decay
        hand -= lr * (m / (1 - 0.9**k)) / (np.sqrt(v / (1 - 0.999**k)) + 1e-8)
    np.testing.assert_allclose(theta, hand, rtol=1e-14)


def test_plain_descent_as_it_comes_is_stable_on_steep_slopes_and_quick_on_flat_ones():
    """Curvatures from 0.1 to 100: momentum makes ten times the way of the learning rate alone."""
    curvature, theta, sgd = np.array([0.1, 1.0, 10.0, 100.0]), np.ones(4), SGD()
    sgd.start(theta)
    for _ in range(1000):
        sgd.step(theta, curvature * theta)
    assert np.abs(theta).max() < 1e-3


@pytest.mark.parametrize("kind", [Adam, SGD])
def test_a_step_is_a_whole_one_unless_asked(kind):
    asked = [(), (1.0,), (0.5,)]
    moved = []
    for factor in asked:
        theta, optimizer = np.zeros(1), kind(0.1)
        optimizer.start(theta)
        optimizer.step(theta, np.ones(1), *factor)
        moved.append(theta[0])
    assert moved[0] == moved[1] and np.isclose(moved[2], moved[1] / 2) and moved[0] < 0


@pytest.mark.parametrize("kind", [Adam, SGD])
@pytest.mark.parametrize("name", ["lr", "weight_decay"])
def test_optimizers_refuse_what_would_climb_or_grow(kind, name):
    assert getattr(kind(**{name: 0}), name) == 0
    with pytest.raises(ValueError, match=rf"{name}: expected a number in \[0, inf\], got -0.5"):
        kind(**{name: -0.5})
