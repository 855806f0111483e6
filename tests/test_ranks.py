"""Several ranks train the model that one process trains; one that dies ends the run with a word."""

import contextlib
import importlib.util
import multiprocessing
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from minigen import data, diffusion, flows, load, metric, training
from minigen.core import tree
from minigen.training.ranks import Ranks


class World:
    """What the ranks of one run share: the arrays that each gave to its n-th sum."""

    def __init__(self, size):
        self.size, self.lock, self.given = size, threading.Lock(), {}
        self.ended = threading.Event()


class Rank:
    """A communicator for threads, with what minigen asks of mpi4py's."""

    def __init__(self, world, rank):
        self.world, self.rank, self.calls = world, rank, 0

    def Get_rank(self):
        return self.rank

    def Get_size(self):
        return self.world.size

    def Abort(self, code):
        self.world.ended.set()

    def Iallreduce(self, send, receive):
        with self.world.lock:
            given = self.world.given.setdefault(self.calls, {})
            given[self.rank] = send.copy()
        self.calls += 1
        return Request(self.world, given, receive)


class Request:
    def __init__(self, world, given, receive):
        self.world, self.given, self.receive = world, given, receive

    def Test(self):
        if len(self.given) < self.world.size:  # a sum that is whole stays so
            if self.world.ended.is_set():
                raise OSError("a rank called Abort")
            return False
        self.receive[...] = sum(self.given[k] for k in range(self.world.size))
        return True


def on_ranks(size, run):
    """run(comm) on each rank, in threads; the results, or what was raised, by rank."""
    world, found = World(size), [None] * size

    def work(k):
        try:
            found[k] = run(Rank(world, k))
        except BaseException as error:
            found[k] = error

    threads = [threading.Thread(target=work, args=(k,), daemon=True) for k in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return found


def trained(kind, comm=None, seed=0, **options):
    """A model of a kind after a training in float64, and its run."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((300, 2)) @ [[1.0, 0.5], [0.0, 0.7]]
    given = {"dtype": np.float64, "rng": rng}
    if kind == "flow":
        model = flows.real_nvp(2, 2, (8,), **given)
    elif kind == "ddpm":
        schedule = diffusion.linear_schedule(20)
        model = diffusion.ddpm(2, schedule, hidden=8, blocks=1, **given)
    else:
        model, x = flows.iaf(2, 2, (8,), **given), None
        kind = model.reverse_kl(flows.energy("ring"))
    loss = model if x is not None else kind
    rows = {"validation": x[:101]} if x is not None else {}
    options = {"steps": 100, "batch": 64, "progress": False, "clip": 5.0} | rows | options
    run = training.fit(loss, x if x is not None else model.base, rng=rng, comm=comm, **options)
    return model, run


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("kind", ["flow", "ddpm", "reverse KL"])
def test_several_ranks_walk_the_way_of_one_process(kind, size):
    alone, run = trained(kind)
    for model, other in on_ranks(size, lambda comm: trained(kind, comm)):
        assert other.best_step == run.best_step
        for name, values in run.history.items():
            np.testing.assert_allclose(
                other.history[name], values, rtol=0, atol=1e-10, err_msg=name
            )
        for a, b in zip(tree.leaves(model.params), tree.leaves(alone.params), strict=True):
            np.testing.assert_allclose(a[1], b[1], rtol=0, atol=1e-9)


def test_one_rank_gives_the_bytes_of_none():
    alone, run = trained("flow", steps=10)
    ((model, other),) = on_ranks(1, lambda comm: trained("flow", comm, steps=10))
    assert other.history == run.history
    for a, b in zip(tree.leaves(model.params), tree.leaves(alone.params), strict=True):
        assert np.array_equal(a[1], b[1])


def test_a_fresh_sampler_and_a_callback_are_the_same_on_all_ranks():
    def run(comm):
        rng = np.random.default_rng(0)
        flow = flows.real_nvp(2, 1, (4,), rng=rng)

        def stop(step, run):
            return comm.rank == 1 and step == 7

        return training.fit(
            flow.nll, data.toy("moons"), steps=20, batch=32, rng=rng, comm=comm, callback=stop
        )

    one, two = on_ranks(2, run)
    assert one.steps == two.steps == 7 and one.history == two.history


@pytest.mark.parametrize("what", ["rng", "data", "loss", "steps"])
def test_what_differs_between_ranks_is_refused_by_name(what):
    def run(comm):
        rng, own = np.random.default_rng(0), np.random.default_rng(comm.rank)
        x = (own if what == "data" else rng).standard_normal((50, 2))
        flow = flows.real_nvp(2, 1, (4,), rng=own if what == "loss" else np.random.default_rng(0))
        steps = 2 + comm.rank * (what == "steps")
        return training.fit(
            flow.nll, x, steps=steps, batch=8, comm=comm,
            rng=np.random.default_rng(comm.rank * (what == "rng")),
        )  # fmt: skip

    for error in on_ranks(2, run):
        assert str(error).startswith(f"{what}: expected the same on all ranks"), error


def test_a_loss_whose_rows_see_each_other_is_refused():
    def run(comm):
        rng = np.random.default_rng(0)
        net = metric.embedding(2, 2, hidden=(4,), rng=rng)
        x, labels = rng.standard_normal((40, 2)), rng.integers(0, 3, 40)
        return training.fit(net, (x, labels), steps=2, batch=20, rng=rng, comm=comm)

    for error in on_ranks(2, run):
        assert "loss: expected a loss whose rows do not see each other" in str(error)


def test_a_batch_smaller_than_the_ranks_is_refused():
    for error in on_ranks(3, lambda comm: trained("flow", comm, batch=2)):
        assert str(error) == "batch: expected a row for each of 3 ranks, got 2"


def test_a_loss_that_is_not_finite_on_one_rank_is_the_same_error_on_all():
    def run(comm):
        rng = np.random.default_rng(0)
        loss = flows.real_nvp(2, 1, (4,), rng=rng).nll

        def broken(*args):
            value, cache = type(loss).forward(loss, *args)
            return (np.nan if comm.rank else value), cache

        object.__setattr__(loss, "forward", broken)
        return training.fit(loss, rng.standard_normal((50, 2)), batch=8, rng=rng, comm=comm)

    for error in on_ranks(2, run):
        assert isinstance(error, training.NotFinite), error


def test_what_is_no_communicator_is_refused():
    with pytest.raises(TypeError, match="comm"):
        trained("flow", "COMM_WORLD")


class Broken(Exception):
    pass


def test_a_rank_that_fails_ends_the_others_with_a_checkpoint(tmp_path, capsys):
    """The other rank is told by Abort; it writes the last whole step, and one process goes on."""
    _, whole = trained("flow")

    def fail(step, run):
        raise Broken("disk on fire")

    def run(comm):
        late = {"callback": lambda s, r: s == 43 and fail(s, r)} if comm.rank else {}
        late = late or {"callback": lambda s, r: False}
        return trained("flow", comm, checkpoint=tmp_path / "run", checkpoint_every=1000, **late)

    zero, one = on_ranks(2, run)
    assert isinstance(one, Broken) and isinstance(zero, ConnectionError)
    assert "rank 1 of 2 ended the run: Broken: disk on fire" in capsys.readouterr().err
    # step 43 was whole on rank 0, or it still waited for the gradient's sum
    assert re.search(r"the run can go on from step 4[23],", zero.__notes__[0])
    _, run = trained("flow", checkpoint=tmp_path / "run")
    np.testing.assert_allclose(run.history["loss"], whole.history["loss"], rtol=0, atol=1e-10)


class Lost(Rank):
    """A rank that is lost with its sum of the validation losses after step 40: the twelfth."""

    validations = 0

    def Iallreduce(self, send, receive):
        self.validations += send.shape == (101,) and send.any()
        if self.validations == 12:
            self.world.ended.set()
            raise OSError("gone")
        return super().Iallreduce(send, receive)


def test_a_rank_that_is_lost_while_others_validate_costs_no_step(tmp_path):
    _, whole = trained("flow")
    folder = tmp_path / "run"

    def run(comm):
        own = Lost(comm.world, 1) if comm.rank else comm
        return trained("flow", own, checkpoint=folder if comm.rank == 0 else None, ema=0.9)

    alone = trained("flow", ema=0.9)[1]
    zero, _ = on_ranks(2, run)
    assert "the run can go on from step 40," in zero.__notes__[0]
    _, run = trained("flow", checkpoint=folder, ema=0.9)
    assert run.history["validation_step"] == whole.history["validation_step"]
    for name in ("loss", "validation"):
        np.testing.assert_allclose(run.history[name], alone.history[name], rtol=0, atol=1e-10)


class Piped(Rank):
    """A communicator for two processes, over a pipe."""

    def __init__(self, pipe, rank):
        self.pipe, self.rank, self.waiting = pipe, rank, []

    def Get_size(self):
        return 2

    def Iallreduce(self, send, receive):
        self.pipe.send_bytes(send.tobytes())
        self.waiting.append(Answer(self, send, receive))
        return self.waiting[-1]


class Answer:
    def __init__(self, comm, send, receive):
        self.comm, self.send, self.receive = comm, send, receive

    def Test(self):
        comm = self.comm
        while self in comm.waiting and comm.pipe.poll():
            first = comm.waiting.pop(0)
            theirs = np.frombuffer(comm.pipe.recv_bytes(), first.send.dtype)
            first.receive[...] = first.send + theirs.reshape(first.send.shape)
        return self not in comm.waiting


def process(rank, pipes, folder, says):
    """A rank of the run; rank 1 dies without a word in step 40."""
    comm = Piped(pipes[rank], rank)  # both keep both ends, so none is closed by a death
    options = {"checkpoint": folder, "checkpoint_every": 1000}
    flow = flows.NLL.draw

    def draw(self, batch, rng):
        if rank == 1 and comm.steps == 39:
            os.kill(os.getpid(), signal.SIGKILL)
        return flow(self, batch, rng)

    def count(step, run):
        comm.steps = step

    comm.steps = 0
    flows.NLL.draw = draw
    try:
        trained("flow", comm, callback=count, **options)
    except BaseException as error:
        says.send((type(error).__name__, error.__notes__))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="signals of POSIX")
def test_a_rank_that_is_killed_leaves_a_clear_word_and_a_checkpoint(tmp_path):
    """As mpiexec does, the test sends SIGTERM to the other rank."""
    fresh = multiprocessing.get_context("spawn")
    pipes, (hears, says) = fresh.Pipe(), fresh.Pipe(duplex=False)
    ranks = [fresh.Process(target=process, args=(k, pipes, tmp_path / "run", says)) for k in (0, 1)]
    for one in ranks:
        one.start()
    ranks[1].join(100)
    ranks[0].terminate()
    ranks[0].join(100)
    assert ranks[1].exitcode == -signal.SIGKILL and ranks[0].exitcode == 0
    name, notes = hears.recv()
    assert name == "Terminated" and "another rank of the run does not answer" in notes[0]
    assert "the run can go on from step 39" in notes[1]
    _, run = trained("flow", checkpoint=tmp_path / "run", callback=lambda step, run: None)
    _, whole = trained("flow")
    np.testing.assert_allclose(run.history["loss"], whole.history["loss"], rtol=0, atol=1e-10)


def mpiexec():
    """The program that starts ranks, beside this Python or on the path."""
    beside = pathlib.Path(sys.executable).with_name("mpiexec")
    return str(beside) if beside.exists() else shutil.which("mpiexec")


LIVE = """
import sys; sys.path.insert(0, sys.argv[1])
import numpy as np
from mpi4py import MPI
from test_ranks import trained
_, run = trained("flow", MPI.COMM_WORLD)
np.save(f"{sys.argv[2]}/{MPI.COMM_WORLD.Get_rank()}.npy", run.history["loss"])
"""


@pytest.mark.skipif(
    not (importlib.util.find_spec("mpi4py") and mpiexec()), reason="mpi4py is not installed"
)
def test_two_ranks_of_mpi_walk_the_way_of_one_process(tmp_path):
    root = ["--allow-run-as-root", "--oversubscribe"] if os.geteuid() == 0 else ["--oversubscribe"]
    here = pathlib.Path(__file__).parent
    subprocess.run(
        [mpiexec(), *root, "-n", "2", sys.executable, "-c", LIVE, here, tmp_path],
        check=True, timeout=300,
    )  # fmt: skip
    _, run = trained("flow")
    for rank in (0, 1):
        losses = np.load(tmp_path / f"{rank}.npy")
        np.testing.assert_allclose(losses, run.history["loss"], rtol=0, atol=1e-10)


def test_the_command_line_trains_one_model_on_several_ranks(tmp_path, monkeypatch, capsys):
    """Rank 0 prints and writes, once; the model is that of one process."""
    from minigen.cli import train
    from minigen.cli.main import parser

    def run(comm, out):
        monkeypatch.setattr(train, "world", lambda: worlds[threading.get_ident()])
        worlds[threading.get_ident()] = comm
        argv = ["train", "real_nvp", "--data", "moons", "--steps", "8", "--layers", "2", "--quiet"]
        args = parser().parse_args([*argv, "--hidden", "8", "--out", str(tmp_path / out)])
        return args.run(args)

    worlds = {}
    monkeypatch.setattr(contextlib, "redirect_stdout", contextlib.nullcontext)  # of all threads
    run(None, "one.npz")  # imports what is imported late, in one thread
    assert on_ranks(2, lambda comm: run(comm, "two.npz")) == [0, 0]
    assert capsys.readouterr().out.count("written:") == 2
    one, two = (load(tmp_path / name) for name in ("one.npz", "two.npz"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.npz", "two.npz"]
    for a, b in zip(tree.leaves(one.params), tree.leaves(two.params), strict=True):
        np.testing.assert_allclose(a[1], b[1], rtol=0, atol=1e-4)


def test_without_mpi4py_the_ranks_of_mpiexec_are_refused(monkeypatch):
    from minigen.cli import ranks

    for name in (*ranks.SIZES, ranks.RANK):
        monkeypatch.delenv(name, raising=False)
    assert ranks.world() is None
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "1")
    assert ranks.world() is None
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ValueError, match=r"mpiexec: expected mpi4py.*minigen\[mpi\]"):
        ranks.world()


def test_rows_are_dealt_once_to_all_ranks():
    for size in (1, 2, 3, 7):
        ranks = [Ranks(Rank(World(size), k)) for k in range(size)]
        for n in (size, 10, 64, 257):
            assert [row for r in ranks for row in range(n)[r.rows(n)]] == [*range(n)]
