"""Flows as a user meets them: factories, both directions, conditions, defaults."""

import inspect

import numpy as np
import pytest

from minigen.cli.chapters.autoregressive import MODELS
from minigen.cli.datasets import dataset
from minigen.core import tree
from minigen.flows import (
    AffineCoupling,
    IAFLayer,
    MADEMoG,
    MAFLayer,
    Spline,
    SplineCoupling,
    SplineMAFLayer,
    iaf,
    maf,
    maf_mog,
    neural_spline,
    nice,
    real_nvp,
)

FACTORIES = {f.__name__: f for f in (real_nvp, nice, maf, iaf, maf_mog, neural_spline)} | {
    "neural_spline coupling": lambda *args, **kw: neural_spline(*args, coupling=True, **kw),
}


def rng(seed=0):
    return np.random.default_rng(seed)


def flow(name, D=3, layers=3, context=0, **options):
    options = {"activation": "tanh", "dtype": np.float64, **options}
    made = FACTORIES[name](D, layers, (7, 8), context=context, rng=rng(), **options)
    return tree.perturbed(made, rng(9), 0.2)


@pytest.mark.parametrize("context", [0, 2])
@pytest.mark.parametrize("name", FACTORIES)
def test_decode_inverts_encode_and_both_give_the_density(name, context):
    f = flow(name, context=context)
    x, c = rng(1).standard_normal((20, 3)), rng(2).standard_normal((20, context))
    given = (c,) if context else ()
    z, logdet = f.encode(x, *given)
    back, ell = f.decode(z, *given)
    np.testing.assert_allclose(back, x, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ell, -logdet, rtol=0, atol=1e-8)
    base = f.base.log_prob(z, *(given if f.base.context else ()))
    np.testing.assert_allclose(f.log_prob(x, *given), base + logdet, rtol=0, atol=1e-10)
    assert z.std() > 0.01 and (logdet.std() > 0.01 or name == "nice")


@pytest.mark.parametrize("name", ["maf", "iaf", "maf_mog"])
@pytest.mark.parametrize("context", [0, 1])
def test_the_density_on_the_plane_integrates_to_one(name, context):
    f = flow(name, 2, context=context)
    axis, step = np.linspace(-25, 25, 1251, retstep=True)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    c = (np.full((len(grid), 1), 0.7),) if context else ()
    assert abs(np.exp(f.log_prob(grid, *c)).sum() * step**2 - 1) < 1e-8


ONE_COLUMN = ["maf", "iaf", "maf_mog", "neural_spline"]  # a coupling needs two


@pytest.mark.parametrize("name, D", [(n, 3) for n in FACTORIES] + [(n, 1) for n in ONE_COLUMN])
def test_a_condition_changes_the_density_of_every_row(name, D):
    x = flow(name, D).sample(20, rng=rng(1))
    assert x.shape == (20, D) and np.isfinite(flow(name, D).log_prob(x)).all()
    f, c = flow(name, D, context=2), rng(2).standard_normal((20, 2))
    x = f.sample(20, c, rng=rng(3))
    assert x.shape == (20, D) and np.isfinite(f.log_prob(x, c)).all()
    assert (f.log_prob(x, c) != f.log_prob(x, c + 0.1)).all()


@pytest.mark.parametrize("name", FACTORIES)
def test_float32_goes_in_and_comes_out(name):
    f = flow(name).astype(np.float32)
    x = f.sample(10, rng=rng())
    assert x.dtype == np.float32 and f.log_prob(x).dtype == np.float32
    wide = f.astype(np.float64).log_prob(x)
    np.testing.assert_allclose(f.log_prob(x), wide, rtol=1e-4, atol=1e-4)


def test_a_context_of_the_wrong_width_is_refused():
    f = flow("maf", context=2)
    x = np.zeros((4, 3))
    with pytest.raises(ValueError, match=r"context: expected shape \(4, 2\), got \(4, 3\)"):
        f.log_prob(x, np.zeros((4, 3)))
    with pytest.raises(ValueError, match="context: expected"):
        f.log_prob(x)
    with pytest.raises(ValueError, match="context: expected"):
        f.sample(4, np.zeros((4, 1)), rng=rng())


@pytest.mark.parametrize("factory", [maf, iaf, maf_mog, neural_spline])
def test_every_other_layer_visits_the_columns_in_reversed_order(factory):
    chain = factory(3, 3, (8,), rng=rng()).chain
    layers = getattr(chain, "f", chain).layers  # of iaf, an Inverse
    assert [f.made.order.tolist() for f in layers] == [[0, 1, 2], [2, 1, 0], [0, 1, 2]]


@pytest.mark.parametrize("context", [0, 2])
@pytest.mark.parametrize("name", FACTORIES)
def test_no_rows_go_in_and_none_come_out(name, context):
    f = flow(name, context=context)
    x = np.zeros((0, 3))
    given = (np.zeros((0, 2)),) if context else ()
    assert f.sample(0, *given, rng=rng()).shape == (0, 3)
    logp, cache = f.forward(x, *given)
    assert logp.shape == (0,)
    if name != "iaf":  # its density has no gradient
        dx, *dcontext, grads = f.backward(logp, cache)
        assert [a.shape for a in (dx, *dcontext)] == [a.shape for a in (x, *given)]
        assert not any(g.any() for g in tree.flatten(grads).values())


def defaults(function):
    """{name: value} of the arguments that need not be given."""
    given = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in given if p.default is not p.empty}


@pytest.mark.parametrize(
    "like, others", [(maf, (iaf, maf_mog, neural_spline)), (real_nvp, (nice, maf))]
)
def test_flows_that_are_compared_have_the_same_defaults(like, others):
    """The number of maps and the bound of the log-scales may be of the kind of a map."""
    for other in others:
        own = {neural_spline: ("layers", "c"), maf: ("layers",)}.get(other, ())
        ours, theirs = defaults(like), defaults(other)
        assert {k: v for k, v in theirs.items() if k in ours and k not in own} == {
            k: v for k, v in ours.items() if k in theirs and k not in own
        }


def test_a_flow_is_made_of_its_layer_as_that_is_by_itself():
    for factory, init, kind in (
        (maf, MAFLayer.init, MAFLayer),
        (iaf, IAFLayer.init, IAFLayer),
        (real_nvp, AffineCoupling.init, AffineCoupling),
        (neural_spline, SplineCoupling.init, Spline),
        (neural_spline, SplineMAFLayer.init, Spline),
    ):
        assert defaults(factory)["c"] == defaults(init)["c"] == defaults(kind)["c"]
    assert defaults(maf_mog)["components"] == defaults(MADEMoG.init)["components"]
    assert defaults(MADEMoG.init)["c"] == defaults(MADEMoG)["c"]
    assert defaults(neural_spline)["bound"] == defaults(Spline)["bound"]
    for layer in SplineCoupling, SplineMAFLayer:
        assert {k: defaults(layer.init)[k] for k in ("bins", "bound", "c")} == defaults(Spline)


def test_a_spline_flow_has_by_default_the_size_that_is_trained_in_the_plane():
    def shapes(flow):
        splines = [f for f in flow.chain.layers if isinstance(f, SplineMAFLayer)]
        return [{p: a.shape for p, a in tree.flatten(f.params).items()} for f in splines]

    model = MODELS["neural_spline"]
    trained = model.build(dataset("moons", rng()), model.recipes["toy"], rng())
    assert shapes(neural_spline(2, rng=rng())) == shapes(trained)
