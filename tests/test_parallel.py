"""A batch dealt to threads gives what one thread gives."""

import argparse
import os
import threading

import numpy as np
import pytest

from minigen import check, flows, training
from minigen.cli import executors
from minigen.core import parallel, tree
from minigen.diffusion import UNet
from minigen.flows import ConvNet, checkerboard


@pytest.fixture
def two(monkeypatch):
    """Two threads, whatever the batch and the machine; the counts that were set."""
    counts = [2]
    monkeypatch.setattr(parallel, "LEAST", 1)
    monkeypatch.setattr(parallel, "blas", lambda: (lambda: counts[-1], counts.append))
    return counts


def test_a_dealt_unet_is_the_same_function_with_the_same_gradients(rng, two, monkeypatch):
    net = UNet.init((4, 4, 1), T=8, hidden=4, blocks=1, scales=2, groups=2, classes=2, rng=rng)
    net = tree.perturbed(net, rng, 0.2)
    x, dy, label = *rng.standard_normal((2, 5, 16)), np.array([0, 1, 2, 0, 1])
    results = []
    for t in (np.array([1, 2, 3, 4, 5]), np.array([3])):
        for _ in range(2):
            y, cache = net.forward(x, t=t, label=label)
            results.append((y, *net.backward(dy, cache)))
            monkeypatch.setattr(parallel, "LEAST", 10**9 - parallel.LEAST)  # dealt, then not
    for dealt, alone in zip(results[::2], results[1::2], strict=True):
        for a, b in zip(tree.leaves(dealt), tree.leaves(alone), strict=True):
            np.testing.assert_allclose(a[1], b[1], rtol=1e-10, atol=1e-12)
    monkeypatch.setattr(parallel, "LEAST", 1)
    given = {"t": np.array([1, 2, 3, 4, 5]), "label": label}
    report = check.adjoint(net, x, given=given, rng=rng, method="complex", directions=2)
    assert report, report
    report = check.contract(net, x, given=given, rng=rng)
    assert report, report


def test_a_dealt_network_of_a_coupling_is_the_same_function(rng, two, monkeypatch):
    shape = (4, 4, 1)
    net = ConvNet.init(shape, checkerboard(shape), 4, blocks=1, groups=2, context=2, rng=rng)
    net = tree.perturbed(net, rng, 0.2)
    x, d = rng.standard_normal((5, 10)), rng.standard_normal((5, 16))
    dealt = net.forward(x)
    dealt = dealt[0], *net.backward(d, dealt[1])
    monkeypatch.setattr(parallel, "LEAST", 10**9)
    alone = net.forward(x)
    alone = alone[0], *net.backward(d, alone[1])
    for a, b in zip(tree.leaves(dealt), tree.leaves(alone), strict=True):
        np.testing.assert_allclose(a[1], b[1], rtol=1e-10, atol=1e-12)


def test_products_use_one_thread_inside_and_as_many_as_before_after(two):
    inside = parallel.dealt(lambda part: two[-1], parallel.parts(10, 100))
    assert inside == [1, 1] and two[-1] == 2


def test_every_row_is_dealt_once(two):
    for rows in (0, 1, 2, 7):
        pieces = parallel.parts(rows, 100)
        assert [k for p in pieces for k in range(rows)[p]] == [*range(rows)]
        assert len(pieces) == max(1, min(2, rows))


def test_a_small_batch_and_an_unknown_library_are_not_dealt(monkeypatch):
    assert len(parallel.parts(64, parallel.LEAST - 1)) == 1
    monkeypatch.setattr(parallel, "blas", lambda: None)
    assert len(parallel.parts(64, 10**9)) == 1
    with parallel.limited(1), parallel.by_size():
        pass


@pytest.mark.parametrize("bad", [0, 1])
def test_an_error_in_any_part_is_raised_after_the_others_have_ended(two, bad):
    done = []

    def run(part):
        if part.start == 5 * bad:
            raise ZeroDivisionError(part)
        done.append(part)

    with pytest.raises(ZeroDivisionError):
        parallel.dealt(run, parallel.parts(10, 100))
    assert len(done) == 1 and two[-1] == 2


def test_what_numpy_was_told_of_errors_holds_in_every_part(two):
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        parallel.dealt(lambda part: np.ones(1) / (part.start == 0), parallel.parts(10, 100))
    with np.errstate(divide="ignore"):
        parallel.dealt(lambda part: np.ones(1) / np.zeros(1), parallel.parts(10, 100))


def test_the_matrix_library_of_numpy_is_found_where_there_is_one():
    known = parallel.blas()
    if known is None:
        pytest.skip("NumPy's matrix library is not an OpenBLAS of its own")
    get, _ = known
    before = get()
    with parallel.limited(1):
        assert get() == 1
    assert get() == before >= 1


@pytest.fixture
def counts(monkeypatch):
    """What the library was told, of four threads at first; as a NumPy with a BLAS of its own."""
    counts = [4]
    monkeypatch.setattr(parallel, "blas", lambda: (lambda: counts[-1], counts.append))
    monkeypatch.delenv("MINIGEN_THREADS", raising=False)
    return counts


def test_small_products_use_one_thread_and_rows_are_dealt_to_all(counts):
    with parallel.by_size(parallel.LONG - 1):
        assert counts[-1] == 1 and parallel.allowed() == 4
        with parallel.limited(1):
            assert parallel.allowed() == 1
        assert counts[-1] == 1 and parallel.allowed() == 4
    with parallel.by_size(parallel.LONG):
        assert counts[-1] == 4
    assert counts[-1] == 4


def test_a_number_of_threads_overrides_the_rule_also_inside(counts, monkeypatch):
    for size in (1, parallel.LONG):
        with parallel.by_size(size, 3):
            with parallel.by_size():
                assert counts[-1] == 3 == parallel.allowed()
            assert counts[-1] == 3
    monkeypatch.setenv("MINIGEN_THREADS", "2")
    with parallel.by_size():
        assert counts[-1] == 2
    assert counts[-1] == 4
    monkeypatch.setenv("MINIGEN_THREADS", "two")
    with pytest.raises(ValueError, match="MINIGEN_THREADS: expected an integer from 1 to 1024"):
        parallel.from_environment()


def test_limits_of_several_python_threads_end_at_the_number_before(counts):
    both, first_out = threading.Barrier(2), threading.Event()

    def block(last):
        with parallel.by_size():
            both.wait()
            if last:
                first_out.wait()
                assert counts[-1] == 1
        first_out.set()

    threads = [threading.Thread(target=block, args=(last,)) for last in (False, True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts[-1] == 4


def test_training_and_evaluation_limit_the_products(counts, rng):
    flow = flows.real_nvp(2, 1, (4,), rng=rng)
    seen = []
    x = rng.standard_normal((50, 2))
    for threads, want in ((None, 1), (3, 3)):
        training.fit(flow.nll, x, steps=1, batch=8, rng=rng, threads=threads,
                     callback=lambda step, run: seen.append(counts[-1]))  # fmt: skip
        assert seen[-1] == want and counts[-1] == 4
    del counts[1:]
    flow.log_prob(x)
    flow.sample(3, rng=rng)
    assert counts == [4, 1, 4, 1, 4]


def test_tasks_are_dealt_to_processes_and_come_back_in_their_order():
    parser = argparse.ArgumentParser()
    executors.options(parser)
    here, apart = (parser.parse_args(words) for words in ([], ["--jobs", "2"]))
    assert [*executors.mapped(here, pow, range(9), range(9))] == [k**k for k in range(9)]
    assert [*executors.mapped(apart, pow, range(9), range(9))] == [k**k for k in range(9)]
    assert os.getpid() not in executors.mapped(apart, process, range(2))


def process(_):
    """The process that runs a task."""
    return os.getpid()


@pytest.mark.skipif(parallel.scipy_blas() is None, reason="SciPy brings no OpenBLAS of its own")
def test_scipys_library_uses_one_thread_where_products_are_limited():
    """And as many as before afterwards, also after limits within limits."""
    known = parallel.scipy_blas()
    assert known is not None
    (get, put), before = known, known[0]()
    put(2)
    try:
        with parallel.limited(2):
            assert get() == 1
            with parallel.limited(1):
                assert get() == 1
            assert get() == 1
        assert get() == 2
    finally:
        put(before)
