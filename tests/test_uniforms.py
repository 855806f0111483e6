"""Uniforms of an autoregressive flow: which conditional of the data is wrong."""

import re

import numpy as np
import pytest
from scipy import stats

from minigen import flows, prob
from minigen.core.tree import perturbed


def moved(make):
    fixed = np.random.default_rng(5)
    return perturbed(make(fixed), fixed, 0.3)


KINDS = {
    "MAF": lambda r: flows.maf(3, 1, (16,), rng=r),
    "MAF of two orders": lambda r: flows.maf(3, 2, (16,), rng=r),
    "spline": lambda r: flows.neural_spline(3, 1, (16,), bins=4, rng=r),
    "MoG": lambda r: flows.maf_mog(3, 1, (16,), components=3, rng=r),
    "MoG alone": lambda r: flows.Flow(
        flows.Chain(()), flows.MADEMoG.init(3, (16,), 3, order=[2, 0, 1], rng=r)
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_uniforms_of_a_models_own_samples_are_uniform_and_independent(kind):
    flow = moved(KINDS[kind])
    x = flow.sample(2000, rng=np.random.default_rng(1))
    u = flows.pit(flow, x)
    found = flows.calibration(flow, x)
    assert u.shape == x.shape and u.dtype == np.float64
    assert np.abs(np.corrcoef(u.T) - np.eye(3)).max() < 5 / np.sqrt(2000)
    want = [stats.kstest(c, "uniform").statistic for c in u.T]
    np.testing.assert_allclose(found.distance, want, atol=1e-12)
    assert found.wrong == [] and (found.distance < found.threshold).all()
    assert np.abs(found.coverage - [[0.5], [0.9]]).max() < 0.06


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
@pytest.mark.parametrize("j", range(3))
def test_the_conditional_that_is_wrong_is_named(order, j, rng):
    """A column is widened by 1.4 given those before it, and the later ones follow it."""
    layer = flows.MAFLayer.init(3, (16,), order=order, activation="tanh", rng=rng, last_gain=1.0)
    flow = flows.Flow(flows.Chain((layer,)), prob.StandardNormal(3))
    z = rng.standard_normal((3000, 3)).astype(np.float32)
    z[:, j] *= 1.4
    found = flows.calibration(flow, flow.decode(z)[0])
    assert found.columns == (0, 1, 2)  # u_j is of column j, whatever the order
    assert found.worst == j and found.wrong == [j]
    first = repr(found).splitlines()[3]
    assert re.match(rf"{j} .* wrong$", first), repr(found)


def test_a_permutation_and_units_before_the_layers_are_followed(rng):
    """u_0 belongs to the column that is put first."""
    layer = flows.MAFLayer.init(3, (16,), activation="tanh", rng=rng, last_gain=1.0)
    maps = (flows.Permute(np.array([2, 0, 1])), layer)
    flow = flows.Flow(flows.Chain(maps), prob.StandardNormal(3))
    x = flow.sample(200, rng=rng)
    assert flows.calibration(flow, x).columns == (2, 0, 1)
    log = flows.Inverse(flows.Exp())
    units = flows.maf(3, 1, (16,), init_from=np.exp(x), before=[log], rng=rng)
    assert sorted(flows.calibration(units, np.exp(x)).columns) == [0, 1, 2]
    mixed = moved(lambda r: flows.maf(3, 2, (16,), rng=r))
    assert flows.calibration(mixed, x).columns is None
    assert "latent" in repr(flows.calibration(mixed, x))


def test_a_right_model_is_called_wrong_once_in_a_thousand():
    rng, flow = np.random.default_rng(0), flows.maf(2, 1, (4,), rng=np.random.default_rng(0))
    many = [flows.Calibration(rng.random((50, 2)), (0, 1)) for _ in range(4000)]
    limit = many[0].threshold
    wrong = sum(bool(c.distance.max() > limit) for c in many)
    assert wrong <= 16  # 4 expected, P(more than 16) < 1e-6
    loose = flows.calibration(flow, 3 * rng.standard_normal((500, 2)))
    assert loose.wrong == [0, 1]


def test_what_has_no_known_conditionals_is_refused(rng):
    mixture = prob.Mixture.of_gaussians([[0.0, 1.0]], scale=1.0)
    flow = flows.maf(2, 1, (4,), base=mixture, rng=rng)
    with pytest.raises(ValueError, match="flow: expected the base StandardNormal or MADEMoG"):
        flows.pit(flow, [[0.0, 0.0]])
    with pytest.raises(TypeError, match="flow: expected a Flow"):
        flows.pit(mixture, [[0.0, 0.0]])
    positive = flows.maf(2, 1, (4,), before=[flows.Inverse(flows.Exp())], rng=rng)
    with pytest.raises(ValueError, match=r"x: .*support.* in row 1"):
        flows.calibration(positive, [[1.0, 1.0], [1.0, -1.0]])
