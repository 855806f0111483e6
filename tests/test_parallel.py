"""A batch dealt to threads gives what one thread gives."""

import numpy as np
import pytest

from minigen import check
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
    with parallel.one_thread():
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
    with parallel.one_thread():
        assert get() == 1
    assert get() == before >= 1
