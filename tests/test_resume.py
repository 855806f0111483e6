"""A run that is stopped goes on to the same bytes; whatever stops it, the best model is kept."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass

import numpy as np
import pytest
from campaigns import crafted, disk, kills

from minigen import data, diffusion, flows, markov, training
from minigen.core import files, tree
from minigen.core.interrupts import Terminated, held
from minigen.core.validate import InvalidValue
from minigen.training import SGD, Adam, CheckpointError, archive, fit

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def parameters(model):
    return np.concatenate([a.ravel() for a in tree.flatten(model.params).values()])


def started(checkpoint=None, stop=None, seed=0, loss=None, sampler=False, **options):
    """A run from fresh parts, stopped by Ctrl-C after step `stop`; what there is afterwards."""
    rng = np.random.Generator(options.pop("bits", np.random.PCG64)(seed))
    toy = data.toy("moons", noise=options.pop("noise", 0.1))
    x = toy if sampler else toy.sample(200, rng=rng)
    if loss == "ddpm":
        schedule = diffusion.cosine_schedule(20)
        model = diffusion.ddpm(2, schedule, hidden=8, variance="learned", rng=rng)
    elif loss == "chain":
        model, x = markov.CategoricalChain.init(3), rng.integers(0, 3, (200, 5))
    else:
        model = flows.real_nvp(2, 2, (8,), rng=rng)
    if not sampler:
        options = {"validation": x[:50]} | options
    settings = {"steps": 40, "batch": 64, "ema": 0.9, "clip": 1.0} | options
    if checkpoint is not None:
        settings = {"checkpoint_every": 7} | settings

    def watch(step, run):
        if step == stop:
            os.kill(os.getpid(), signal.SIGINT)

    settings.setdefault("callback", watch)
    run = fit(model, x, rng=rng, checkpoint=checkpoint, **settings)
    return model, run, rng.random()


@posix
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sampler": True},
        {"loss": "ddpm"},
        {"loss": "chain"},
        {"optimizer": SGD},
        {"bits": np.random.MT19937, "ema": None},
        {"bits": np.random.Philox, "validation": None},
        {"bits": np.random.SFC64, "patience": 2, "lr": 0.3, "steps": 90, "validate_every": 5},
    ],
    ids=str,
)
@pytest.mark.parametrize("stops", [(1,), (20, 21, 33)])
def test_a_run_that_goes_on_is_the_run_that_was_never_stopped(options, stops, tmp_path):
    def again(**more):
        made = {"optimizer": options["optimizer"](0.01)} if "optimizer" in options else {}
        return started(**{**options, **made, **more})

    whole, run, drawn = again()
    for stop in (stop for stop in stops if stop < run.steps):
        with pytest.raises(KeyboardInterrupt) as caught:
            again(checkpoint=tmp_path, stop=stop)
        (note,) = caught.value.__notes__
        assert f"the run can go on from step {stop}" in note and str(tmp_path) in note
    for _ in range(2):  # a run that is finished is given back as it is
        model, found, after = again(checkpoint=tmp_path)
        assert parameters(model).tobytes() == parameters(whole).tobytes()
        assert found == run and after == drawn


@posix
def test_the_files_are_models_the_last_are_kept_and_nothing_else(tmp_path):
    model, _, _ = started(checkpoint=tmp_path, keep=3)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["model.npz", *(f"step-{k:09d}.npz" for k in (28, 35, 40))]
    for name in (names[0], names[-1]):
        assert parameters(training.load(tmp_path / name)).tobytes() == parameters(model).tobytes()


def test_files_of_somebody_else_are_neither_counted_nor_removed(tmp_path):
    others = ["step-by-step.npz", "step-zzz.npz", "step-1.npz", "step-000000099.npz.bak"]
    for name in others:
        (tmp_path / name).write_bytes(b"mine")
    started(checkpoint=tmp_path, keep=1)
    names = {p.name for p in tmp_path.iterdir()}
    assert names == {"model.npz", "step-000000040.npz", *others}


def lies(state, arrays):
    """(place, state, arrays) of a run's file with one thing changed that no run can have."""
    size = arrays["state/descent.theta"]
    for path, value in [
        ("run.steps", []), ("run.steps", 39), ("run.steps", -1), ("run.best", "x"),
        ("run.best", float("nan")), ("descent.steps", None), ("optimizer.k", 1.5),
        ("batches.at", -1), ("batches.before", {}), ("best.since", "x"), ("start", None),
        ("rng", 3), ("about", []), ("about", None),
    ]:  # fmt: skip
        yield path, {**state, path: value}, arrays
    before = state["batches.before"]
    for bad in ({**before, "uinteger": 10**40}, {**before, "bit_generator": "MT19937"}):
        yield "", {**state, "batches.before": bad}, arrays
    for name, bad in [
        ("best.value", size[:-1]), ("best.start", np.zeros(3)), ("optimizer.m", size.astype("f8")),
        ("average.value", np.nan * size), ("run.history.loss", np.zeros((1, 40))),
        ("run.history.lr", np.zeros(41)), ("run.history.validation", np.zeros(0)),
    ]:  # fmt: skip
        yield "", state, {**arrays, f"state/{name}": bad}
    yield "rng", {**state, "start": {"bit_generator": "PCG64"}}, arrays
    yield "best.start", state, {k: a for k, a in arrays.items() if k != "state/best.start"}


def test_a_state_that_no_run_can_have_is_refused_by_file_and_place(tmp_path):
    started(checkpoint=tmp_path, keep=1)
    path = tmp_path / "step-000000040.npz"
    manifest, arrays = archive.read(path)
    del manifest["arrays"]
    for place, state, changed in lies(manifest["state"], arrays):
        path.write_bytes(crafted.forged({**manifest, "state": state}, changed))
        with pytest.raises((CheckpointError, InvalidValue), match=rf"({path.name}|rng).*{place}"):
            started(checkpoint=tmp_path)
    path.write_bytes(crafted.forged({**manifest, "state": {}}, {}))
    with pytest.raises(CheckpointError, match=r"expected the file of a run, got a model alone"):
        started(checkpoint=tmp_path)


@posix
def test_a_damaged_file_is_named_and_the_one_before_it_used(tmp_path):
    whole, *_ = started()
    started(checkpoint=tmp_path)
    (tmp_path / "step-000000040.npz").write_bytes(b"torn")
    with pytest.warns(UserWarning, match="step-000000040.npz.*the file before it is used"):
        model, *_ = started(checkpoint=tmp_path)
    assert parameters(model).tobytes() == parameters(whole).tobytes()
    for path in tmp_path.glob("step*"):
        path.write_bytes(b"torn")
    with pytest.warns(UserWarning), pytest.raises(CheckpointError, match="step-"):
        started(checkpoint=tmp_path)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"steps": 41}, "steps: expected 40, that of the run in .*, got 41"),
        ({"batch": 32}, "batch: expected 64"),
        ({"clip": None}, "clip: expected 1.0"),
        ({"ema": 0.5}, "ema: expected 0.9"),
        ({"lr": 0.1}, "optimizer: expected Adam .*'lr': 0.001.* got Adam .*'lr': 0.1"),
        ({"optimizer": SGD()}, "optimizer: expected Adam"),
        ({"schedule": "linear"}, "schedule: expected cosine"),
        ({"seed": 1}, "data: expected that of the run in .*, got other data"),
        ({"sampler": True, "validation": None}, "data: expected"),
        ({"validation": np.zeros((5, 2))}, "validation data: expected"),
        ({"loss": "ddpm"}, "loss: expected that of the run in .*, got another model, at "),
        ({"bits": np.random.MT19937}, "^rng: expected a generator on PCG64, as in the run"),
    ],
    ids=str,
)
def test_another_run_is_refused_by_name(options, message, tmp_path):
    started(checkpoint=tmp_path)
    with pytest.raises(ValueError, match=message):
        started(checkpoint=tmp_path, **options)


def test_other_functions_and_samplers_are_refused(tmp_path):
    for name, one, other, message in [
        ("schedule", {"schedule": lambda p: 1 - p}, {"schedule": lambda p: 1.0}, "schedule: "),
        ("toy", {"noise": 0.1}, {"noise": 0.2}, "data: expected that"),
    ]:
        options = {"sampler": True, "validation": np.zeros((5, 2)), "checkpoint": tmp_path / name}
        started(**options, **one)
        started(**options, **one)  # the same again is no other run
        with pytest.raises(ValueError, match=message):
            started(**options, **other)


@pytest.mark.parametrize("options", [{"checkpoint_every": 3}, {"keep": 5}], ids=str)
def test_options_of_checkpoints_want_a_folder(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"{name}: expected none without checkpoint"):
        started(**options)


def test_a_model_with_another_constant_is_refused_by_its_path(tmp_path, rng):
    def flow(order):
        return flows.Flow(
            flows.Chain((flows.ActNorm.init(2), flows.Permute(np.array(order)))),
            flows.Flow(flows.ActNorm.init(2), flows.models.StandardNormal(2)).base,
        )

    x = np.ones((8, 2))
    fit(flow([0, 1]), x, rng=rng, steps=2, checkpoint=tmp_path)
    with pytest.raises(ValueError, match=r"another model, at chain.layers.1.order"):
        fit(flow([1, 0]), x, rng=rng, steps=2, checkpoint=tmp_path)


def test_what_cannot_be_kept_is_refused_before_the_first_step(tmp_path, rng):
    class Odd(SGD):
        kept = None

        def __init__(self):
            super().__init__()
            self.friends = []

    x = np.ones((8, 2))
    flow = flows.real_nvp(2, 1, (4,), rng=rng)
    with pytest.raises(TypeError, match=r"optimizer: expected attributes .* got friends, a list"):
        fit(flow, x, rng=rng, optimizer=Odd(), checkpoint=tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ValueError, match=r"checkpoint: expected a folder, got .*file"):
        fit(flow, x, rng=rng, checkpoint=tmp_path / "file")


def test_an_optimizer_goes_on_with_the_moments_of_the_model_it_moved(rng):
    """Two runs of ten steps are the steps of one of twenty; another model begins afresh."""
    x = rng.standard_normal((32, 2))

    def flow():
        return flows.real_nvp(2, 2, (8,), rng=np.random.default_rng(5), dtype=np.float64)

    settings = {"batch": 32, "schedule": "constant"}
    for kind in (Adam, SGD):
        one, two, other = flow(), flow(), flow()
        fit(one, x, rng=np.random.default_rng(0), steps=20, optimizer=kind(0.01), **settings)
        optimizer, gen = kind(0.01), np.random.default_rng(0)
        for _ in range(2):
            fit(two, x, rng=gen, steps=10, optimizer=optimizer, **settings)
        assert parameters(one).tobytes() == parameters(two).tobytes()
        fit(other, x, rng=np.random.default_rng(0), steps=20, optimizer=optimizer, **settings)
        assert parameters(one).tobytes() == parameters(other).tobytes()


@posix
@pytest.mark.parametrize("name, code", [("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_that_ends_a_run_waits_for_the_step_and_keeps_the_best(name, code, rng):
    number = getattr(signal, name)
    flow, seen = flows.real_nvp(2, 1, (4,), rng=rng), []

    def watch(step, run):
        if step == 3:
            os.kill(os.getpid(), number)
        seen.append(step)

    with pytest.raises(SystemExit) as caught:
        fit(flow, data.toy("moons"), rng=rng, steps=9, callback=watch)
    assert caught.value.code == code and seen == [1, 2, 3]
    assert signal.getsignal(number) == signal.SIG_DFL


@posix
def test_signals_are_noted_shared_raised_once_and_left_to_a_handler_of_the_users():
    with pytest.raises(KeyboardInterrupt), held() as outer:
        with held() as inner:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
        assert inner is outer and len(outer.noted) == 2
    with held(), pytest.raises(KeyboardInterrupt), held(impatient=True):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(Terminated), held() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        signals.stop()
    seen = []
    old = signal.signal(signal.SIGINT, lambda *about: seen.append(about[0]))
    try:
        with held():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, old)
    assert seen == [signal.SIGINT]
    thread = threading.Thread(target=lambda: held().__enter__())
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@posix
def test_a_run_that_diverges_keeps_the_best_model(tmp_path, rng):
    flow, x = flows.real_nvp(2, 2, (8,), rng=rng), rng.standard_normal((64, 2)) + 2
    best = []

    def watch(step, run):
        best[:] = [run.best_step, run.best]
        if step == 12:
            flow.chain.layers[0].net.layers[0].W[0, 0] = np.nan

    with pytest.raises(FloatingPointError) as caught:
        fit(flow, x, validation=x, rng=rng, steps=40, lr=1e-2, callback=watch, checkpoint=tmp_path)
    kept = training.load(tmp_path / "model.npz")
    assert "model.npz" in caught.value.__notes__[0] and best[0] > 0
    assert abs(kept.nll.forward(x.astype(np.float32))[0] - best[1]) < 1e-6
    assert parameters(kept).tobytes() == parameters(flow).tobytes()


@posix
def test_a_full_disk_is_named_the_run_goes_on_elsewhere_and_no_file_is_left(tmp_path, monkeypatch):
    """The size of a file is limited, as by `ulimit -f`: writing fails in the middle."""
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(other))
    here, resource = tmp_path / "here", pytest.importorskip("resource")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, limit[1]))
        with pytest.warns(UserWarning, match=r"File too large; nor .*other.*File too large"):
            _, run, _ = started(checkpoint=here)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, old)
    assert run.steps == 40 and not list(here.iterdir()) and not list(other.iterdir())


@posix
def test_a_folder_that_is_gone_is_replaced_by_another(tmp_path, monkeypatch):
    other, here = tmp_path / "other", tmp_path / "here"
    other.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(other))

    def watch(step, run):
        if step == 20:
            for path in here.iterdir():
                path.unlink()
            here.rmdir()

    with pytest.warns(UserWarning, match=r"here.*; written to .*other"):
        model, *_ = started(checkpoint=here, callback=watch)
    (found,) = other.glob("*/model.npz")
    assert parameters(training.load(found)).tobytes() == parameters(model).tobytes()


@posix
@pytest.mark.parametrize("campaign", [kills.at_random_moments, kills.at_each_line])
def test_kill_9_loses_nothing(campaign):
    """A sample; `campaigns` has hundreds."""
    row = campaign(0, 4)
    assert row["trials"] > 0 and row["failed"] == 0


@posix
def test_a_disk_that_does_not_take_a_model_costs_no_file_and_no_model():
    """A sample; `campaigns` has hundreds."""
    (row,) = disk.run(0, 4)
    assert row["trials"] >= 8 and row["failed"] == 0, row["worst"]


@dataclass
class Mine:
    """An optimizer of a user's, whose numbers and arrays are all kept."""

    lr: float = 0.01

    def start(self, theta):
        self.m, self.k = np.zeros_like(theta), 0
        self.left, self.size, self.least = 10, np.float32(0.0), np.full(2, np.inf)

    def step(self, theta, g, factor=1.0):
        self.k, self.left = self.k + 1, self.left - 1
        self.size += np.float32(0.1)  # of the type it has
        self.m += g / self.k
        theta -= self.lr * factor * self.m * (1 + self.size)


@posix
def test_an_optimizer_of_the_users_goes_on_too(tmp_path):
    whole, *_ = started(optimizer=Mine())
    with pytest.raises(KeyboardInterrupt):
        started(checkpoint=tmp_path, stop=17, optimizer=Mine())
    model, *_ = started(checkpoint=tmp_path, optimizer=Mine())
    assert parameters(model).tobytes() == parameters(whole).tobytes()


def test_a_model_that_is_no_runs_is_not_replaced(tmp_path):
    (tmp_path / "model.npz").write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"checkpoint: expected a folder without model\.npz"):
        started(checkpoint=tmp_path)
    assert (tmp_path / "model.npz").read_bytes() == b"mine"


@posix
def test_two_processes_do_not_write_their_runs_to_one_folder(tmp_path):
    """The second is refused while the first goes on, and not when it was killed."""
    code = f"from minigen.core import files\nwith files.alone({str(tmp_path)!r}):\n"
    code += "    print(flush=True)\n    input()\n"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        with pytest.raises(ValueError, match="checkpoint: expected a folder in which no other"):
            started(checkpoint=tmp_path)
        other.kill()
    started(checkpoint=tmp_path)
    with files.alone(tmp_path) as outer, files.alone(tmp_path) as inner:
        assert outer and inner
