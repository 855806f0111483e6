"""Every layer of the zoo keeps the contract: gradients, purity, caches, rows, types, inverses."""

import zlib

import numpy as np
import pytest
import zoo

from minigen import check, nn
from minigen.core import tree
from minigen.core.contract import Inverse


def draws(name, table, count):
    """`count` random cases of the layer `name`, each with its generator, the same at every run."""
    for k in range(count):
        rng = np.random.default_rng([zlib.crc32(name.encode()), k])
        yield table[name](zoo.Sizes(rng)), rng


@pytest.mark.parametrize("name", zoo.ZOO)
def test_gradients_are_those_of_the_complex_step(name):
    """200 random shapes and points: two directions in each, entries of every array in 13."""
    for k, (case, rng) in enumerate(draws(name, zoo.ZOO, 200)):
        options = {"given": case.given, "rng": rng, "method": "complex"}
        if k % 8:
            report = check.adjoint(case.layer, *case.inputs, **options, directions=2)
        else:
            report = check.gradients(case.layer, *case.inputs, **options, entries=6)
        assert report, report


@pytest.mark.parametrize("name", zoo.ZOO)
def test_the_contract_is_kept(name):
    for case, rng in draws(name, zoo.ZOO, 6):
        options = {"given": case.given, "rng": rng, "mixes": case.mixes}
        report = check.contract(case.layer, *case.inputs, **options)
        assert report, report


@pytest.mark.parametrize("name", [name for name in zoo.ZOO if name not in zoo.LOSSES])
def test_no_rows_go_in_and_none_come_out(name):
    """And back: an empty batch is a batch."""
    for case, _ in draws(name, zoo.ZOO, 2):
        values = [*case.inputs, *case.given.values()]
        if case.mixes or not values:
            continue
        N = len(values[0])

        def none(a, N=N):
            return a[:0] if np.ndim(a) and len(a) == N else a

        inputs, given = map(none, case.inputs), {k: none(a) for k, a in case.given.items()}
        *full, _ = case.layer.forward(*case.inputs, **case.given)
        *outputs, cache = case.layer.forward(*inputs, **given)
        assert [np.shape(y) for y in outputs] == [np.shape(none(y)) for y in full]
        case.layer.backward(*(np.zeros(np.shape(y)) for y in outputs), cache)


@pytest.mark.parametrize("dtype", [np.float16, int, None, "x", object, 1.5])
def test_another_precision_is_single_or_double(dtype):
    with pytest.raises(TypeError, match="dtype: expected float32, float64, complex64 or complex"):
        nn.Tanh().astype(dtype)


def equal(got, want):
    """Two results of `backward` are the same numbers."""
    (*dx, dtree), (*dy, etree) = got, want
    a, b = ([*x, *tree.flatten(t).values()] for x, t in ((dx, dtree), (dy, etree)))
    for p, q in zip(a, b, strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", zoo.ZOO)
def test_cotangents_may_be_whole_numbers(name):
    for case, rng in draws(name, zoo.ZOO, 3):
        *outputs, cache = case.layer.forward(*case.inputs, **case.given)
        v = [rng.integers(-3, 4, np.shape(y)) for y in outputs]
        whole = case.layer.backward(*v, cache)
        equal(whole, case.layer.backward(*(np.asarray(a, np.float64)[()] for a in v), cache))


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")  # of a part that is 0
@pytest.mark.parametrize("name", zoo.ZOO)
def test_second_derivatives_are_the_complex_step_of_the_first(name):
    """A real cotangent at a complex point is a complex one whose imaginary part is 0."""
    for case, rng in draws(name, zoo.ZOO, 3):
        xs = [x + 1e-3j * rng.standard_normal(np.shape(x)) for x in case.inputs]
        *outputs, cache = case.layer.forward(*xs, **case.given)
        v = [rng.standard_normal(np.shape(y)) for y in outputs]
        equal(case.layer.backward(*v, cache), case.layer.backward(*(a + 0j for a in v), cache))


@pytest.mark.parametrize("name", zoo.BIJECTIONS)
def test_a_bijection_is_inverted_and_its_logdet_is_right(name):
    for case, rng in draws(name, zoo.BIJECTIONS, 15):
        report = check.bijection(case.layer, *case.inputs, rng=rng)
        assert report, report


DOUBLE = {"Preprocess", "Chain with context"}  # give data back in float64, in the data's units


@pytest.mark.parametrize("name", zoo.BIJECTIONS)
def test_the_inverse_keeps_the_contract_too(name):
    for case, rng in draws(name, zoo.BIJECTIONS, 3):
        x, *context = case.inputs
        y = case.layer.forward(x, *context)[0]
        report = check.contract(Inverse(case.layer), y, *context, rng=rng)
        broken = {row.name for row in report.failures}
        assert broken <= ({"float32"} if name in DOUBLE else set()), report


@pytest.mark.parametrize("name", zoo.BIJECTIONS)
def test_the_zoo_has_logdets_that_are_not_zero(name):
    """A set of maps that all keep volume, or all keep orientation, would hide a wrong log-det."""
    VOLUME = {
        "AdditiveCoupling",
        "AdditiveCoupling with context",
        "ContextShift",
        "Permute",
        "Squeeze",
        "Squeeze, inverse",
    }
    case, _ = next(draws(name, zoo.BIJECTIONS, 1))
    logdet = case.layer.forward(*case.inputs)[1]
    assert bool(np.any(logdet)) == (name not in VOLUME)


def test_relu_has_the_slope_0_at_its_kink():
    x = np.array([[-1.0, -0.0, 0.0, 1.0]])
    _, cache = nn.ReLU().forward(x)
    dx, _ = nn.ReLU().backward(np.full_like(x, 3.0), cache)
    assert dx.tolist() == [[0, 0, 0, 3]]
