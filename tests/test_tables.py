"""The settings for tables follow the number of rows and columns."""

import numpy as np
import pytest

from minigen import flows
from minigen.cli.chapters.coupling import MODELS as COUPLINGS
from minigen.cli.chapters.tables import is_small, table_recipe
from minigen.cli.datasets import Dataset
from minigen.data import Twonorm
from minigen.flows import ColumnSplines, Whiten

NAMES = ["real_nvp", "nice", "maf", "neural_spline"]


def correlated(rng, n, D):
    """Rows of a Gaussian with correlations, far from the unit scale."""
    A = rng.standard_normal((D, D)) + np.eye(D)
    return rng.standard_normal((n, D)) @ A * np.logspace(-3, 3, D) + 1e4


def gaussian_nll(train, x):
    """Of the Gaussian of maximum likelihood of the training rows."""
    mean, S = train.mean(axis=0), np.cov(train, rowvar=False, bias=True)
    quadratic = np.sum((x - mean) @ np.linalg.inv(S) * (x - mean), axis=1)
    return (x.shape[1] * np.log(2 * np.pi) + np.linalg.slogdet(S)[1] + quadratic) / 2


def test_whitened_columns_have_mean_0_and_covariance_1(rng):
    x = correlated(rng, 500, 6)
    y, logdet, _ = Whiten.init_from(x, 1e-9).forward(x)
    assert np.allclose(y.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(np.cov(y, rowvar=False, bias=True), np.eye(6), atol=1e-3)
    S = np.cov(x, rowvar=False, bias=True)
    assert np.allclose(logdet, -np.linalg.slogdet(S)[1] / 2, atol=1e-3)


def test_principal_axes_are_whitened_too_the_widest_first(rng):
    x = correlated(rng, 500, 6)
    f = Whiten.init_from(x, 1e-9, axes="principal")
    y, logdet, _ = f.forward(x)
    assert np.allclose(np.cov(y, rowvar=False, bias=True), np.eye(6), atol=1e-3)
    assert np.allclose(logdet, Whiten.init_from(x, 1e-9).logdet(x))
    shares = np.sum((f.L / x.std(axis=0)[:, None]) ** 2, axis=0)
    assert (np.diff(shares) < 0).all() and np.isclose(shares.sum(), 6)


def test_one_row_far_out_does_not_widen_the_gaussian_of_all_others():
    """Under the likelihood alone it decides for a = 1e-3 and more, which costs the others a nat."""
    x = np.random.default_rng(1).standard_normal((300, 12))
    x[:, 1:] = x[:, :1] + 0.03 * x[:, 1:]  # eleven directions of variance 1e-3
    x[7, 3] += 1
    L = Whiten.init_from(x).L
    S = np.cov(x, rowvar=False, bias=True)
    assert np.linalg.slogdet(L @ L.T)[1] - np.linalg.slogdet(S)[1] < 0.3


def test_a_spline_is_given_to_columns_that_are_surely_not_gaussian_and_to_no_others(rng):
    two = 0.4 * rng.standard_normal(3000) + rng.choice((-1.0, 1.0), 3000)
    x = np.column_stack(
        [rng.standard_normal((3000, 4)), two / two.std(), rng.exponential(size=3000) - 1]
    )
    f = ColumnSplines.init_from(x)
    assert f.r.any(axis=1).tolist() == [False] * 4 + [True] * 2
    y, logdet, _ = f.forward(x)
    assert np.allclose(y[:, :4], x[:, :4], atol=1e-12)
    gain = (logdet - (y**2).sum(axis=1) / 2 + (x**2).sum(axis=1) / 2).mean()
    assert gain > 0.4
    assert np.abs(f.inverse(y)[0] - x).max() < 1e-9


def test_the_start_of_many_rows_is_near_the_known_density_of_twonorm():
    """KL(truth, start) in nats, where the full-covariance Gaussian has 0.19."""
    rng, truth = np.random.default_rng(0), Twonorm()
    rows, x = truth.sample(6000, rng=rng), truth.sample(20_000, rng=rng)
    data = Dataset("x", "table", rows, rows, None, 20)
    model = COUPLINGS["real_nvp"]
    flow = model.build(data, model.recipe("real_nvp", data), rng)
    assert 0 < (truth.log_prob(x) - flow.log_prob(x)).mean() < 0.03


def test_a_column_that_is_the_sum_of_others_is_whitened_without_dividing_by_0(rng):
    x = rng.standard_normal((50, 2))
    y, logdet, _ = Whiten.init_from(np.column_stack([x, x.sum(axis=1), np.ones(50)])).forward(
        np.column_stack([x, x.sum(axis=1), np.ones(50)])
    )
    assert np.isfinite(y).all() and np.isfinite(logdet).all() and np.abs(y).max() < 100


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("rows", "features"), [(1, 1), (20, 40), (150, 4), (10**6, 300)])
def test_every_size_of_table_has_settings(name, rows, features):
    recipe = table_recipe(name, rows, features)
    assert recipe.patience and recipe.validate_every and recipe.layers and recipe.hidden
    assert min(recipe.hidden) >= features - 1  # what a MADE needs


def test_a_flow_of_few_rows_starts_as_the_full_covariance_gaussian(rng):
    x = correlated(rng, 100, 10)
    assert is_small(*x.shape)
    data = Dataset("x", "table", x, x, None, 10)
    model = COUPLINGS["real_nvp"]
    flow = model.build(data, model.recipe("real_nvp", data), rng)
    assert isinstance(flow, flows.Flow)
    assert abs(-flow.log_prob(x).mean() - gaussian_nll(x, x).mean()) < 0.1
    z = Whiten.init_from(x).forward(x)[0]
    logdet = Whiten.init_from(x).logdet(x)
    start = 0.5 * (z**2).sum(axis=1) + 5 * np.log(2 * np.pi) - logdet
    assert np.allclose(-flow.log_prob(x), start, atol=0.01)


def test_correlations_of_few_rows_are_drawn_towards_none(rng):
    """On new rows the Gaussian is likelier than that of maximum likelihood."""
    A = 0.1 * rng.standard_normal((12, 12)) + np.eye(12)
    x, new = (rng.standard_normal((n, 12)) @ A for n in (40, 5000))
    f = Whiten.init_from(x)
    z, logdet, _ = f.forward(new)
    nll = 0.5 * (z**2).sum(axis=1) + 6 * np.log(2 * np.pi) - logdet
    assert nll.mean() < gaussian_nll(x, new).mean() - 0.3
