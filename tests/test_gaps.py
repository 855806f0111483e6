"""What the mutation campaigns found untested."""

from types import SimpleNamespace

import numpy as np
import pytest
from test_check_reference import ABS, Pointwise, pointwise

from minigen import check, data, diffusion, nn, prob
from minigen.check import richardson, shapes
from minigen.check.bijection_check import structure
from minigen.check.comparison import Slopes
from minigen.check.report import versus
from minigen.core import numeric, tree
from minigen.data import baseline, quadrature
from minigen.diffusion import ode
from minigen.diffusion.variance import log_variance
from minigen.flows import Affine
from minigen.metric import TripletLoss


def test_a_report_gives_enough_figures_to_tell_two_numbers_apart():
    yours, expected = versus(1.000000001, 1.0).removeprefix("yours ").split(", expected ")
    assert yours != expected and float(yours) > float(expected)


def test_which_entries_are_looked_at_is_drawn_at_random():
    where = [
        Slopes.at_entries("x", np.zeros(200), 5, np.random.default_rng(seed)).where
        for seed in range(3)
    ]
    assert where[0] != where[1] != where[2]


def test_the_class_reaches_every_term_of_the_bound(rng):
    model = diffusion.ddpm(
        2, diffusion.linear_schedule(8), hidden=4, blocks=1, classes=2, rng=rng, dtype=np.float64
    )
    for array in tree.flatten(model.params).values():
        array += rng.standard_normal(array.shape)
    x0, eps = rng.standard_normal((2, 3, 2))
    term, t = diffusion.StepTerm(model), np.array([1, 4, 8])
    first, second = (term.forward(x0, t=t, eps=eps, label=np.full(3, k))[0] for k in (0, 1))
    assert np.all(first != second)


def differences(f):
    """(slope, error) of a function at 0 by Richardson's tableau."""
    steps = richardson.FIRST / 2.0 ** np.arange(richardson.LEVELS)
    near = f(richardson.NEARBY * richardson.FIRST * richardson.OFFSETS)
    return richardson.extrapolate(f(steps), f(-steps), near, steps)


def test_differences_are_unsure_of_themselves_at_a_kink():
    assert differences(np.abs)[1] > 0.1


def test_differences_have_ten_figures():
    slope, error = differences(lambda x: np.sin(20 * x) + x)
    assert abs(slope - 21) < 1e-10 and error < 1e-9


def test_extrapolation_takes_one_power_of_h_squared_after_the_other():
    """Four steps take h^2, h^4 and h^6 away, and leave the slope."""
    h = 2.0 ** -np.arange(4)
    slope, _ = richardson.ridders(1 + h**2 - 3 * h**4 + h**6, np.zeros(4))
    assert abs(slope - 1) < 1e-14


def test_a_small_entry_of_a_jacobian_is_no_zero():
    assert "1 of 4 entries" in structure(np.array([[[1.0, 1e-9], [0.0, 1.0]]]))


def test_dequantisation_fills_the_whole_of_each_cell(rng):
    u = prob.dequantize(np.zeros(10_000, int), rng)
    assert abs(u.mean() - 0.5) < 0.02 and u.min() < 0.01 and u.max() > 0.99


@pytest.mark.parametrize("n", [2, 4, 10])
def test_the_rule_of_clenshaw_and_curtis_is_exact_to_degree_n(n):
    x, w = quadrature.clenshaw_curtis(-1.0, 2.0, n)
    for k in range(n + 1):
        np.testing.assert_allclose(w @ x**k, (2.0 ** (k + 1) - (-1.0) ** (k + 1)) / (k + 1), 1e-13)


def test_a_lattice_reaches_both_corners():
    points = np.concatenate(list(quadrature.lattice(np.zeros(2), np.array([1.0, 2.0]), 0.25)))
    assert len({tuple(p) for p in points}) == len(points)
    assert {(0.0, 0.0), (1.0, 2.0), (0.25, 1.75)} <= {tuple(p) for p in points}


def test_a_respaced_network_is_asked_between_its_steps(rng):
    model = diffusion.ddpm(2, diffusion.linear_schedule(8), hidden=4, blocks=1, rng=rng)
    short, x = model.respaced(4).net, rng.standard_normal((1, 2)).astype(np.float32)
    between = short.forward(x, t=np.array([1.5]))[0]
    middle = (short.times[1] + short.times[2]) / 2
    assert np.array_equal(between, model.net.forward(x, t=np.array([middle]))[0])


def test_the_ideal_noise_is_the_slope_of_the_log_density_whatever_the_covariances(rng):
    S = rng.standard_normal((2, 3, 3))
    S = S @ S.transpose(0, 2, 1) + 0.1 * np.eye(3)
    ideal = diffusion.IdealNoise.init(
        diffusion.linear_schedule(8), rng.standard_normal((2, 3)), S, [0.3, 0.7]
    )
    x, t = rng.standard_normal((1, 3)), np.array([3])
    noise = np.sqrt(ideal.schedule.one_minus_alpha_bar[3])
    slope = [ideal.log_density(x + 1e-100j * np.eye(3)[[d]], t)[0].imag / 1e-100 for d in range(3)]
    np.testing.assert_allclose(ideal.forward(x, t=t)[0][0], -noise * np.array(slope), rtol=1e-12)


def test_a_free_log_variance_is_within_six_of_log_beta():
    raw = np.linspace(-99, 99, 7)[None]
    logvar, slope = log_variance("free", np.array([[-9.0]]), np.array([[-3.0]]), raw)
    np.testing.assert_allclose(logvar, -3 + 6 * np.tanh(raw / 6), rtol=1e-14)
    np.testing.assert_allclose(slope, 1 / np.cosh(raw / 6) ** 2, atol=1e-15)


def test_times_are_drawn_by_the_root_of_the_mean_square_of_their_terms():
    """Of rows with mean L and error e of it, the mean square is L^2 + rows e^2."""
    L, error = np.array([3.0, 1.0, 0.5]), np.array([0.4, 0.0, 0.2])
    elbo = SimpleNamespace(L=L, L_error=error, rows=25)
    size = np.sqrt(L[:2] ** 2 + 25 * error[:2] ** 2)
    p = diffusion.Importance.of(elbo, floor=0.2).p
    np.testing.assert_allclose(p, 0.1 + 0.8 * size / size.sum(), rtol=1e-14)


def test_a_level_too_high_is_refused_in_the_training_part_too():
    part = SimpleNamespace(x=np.array([[0, 3], [4, 1]]))
    fine = SimpleNamespace(x=np.array([[0, 3], [3, 1]]))
    with pytest.raises(ValueError, match=r"train.x: .* in 0\.\.3, got 4 at index \(1, 0\)"):
        baseline.baselines(SimpleNamespace(levels=4, train=part, test=fine))


@pytest.mark.parametrize(
    "expected, got, said",
    [
        ((3,), (3, 1), "an axis of length 1"), ((3, 1), (3,), "an axis of length 1"),
        ((3,), (5, 3), "not summed over the batch"), ((2, 3), (3, 2), "the transpose"),
        ((4, 3, 2), (2, 3, 4), "the transpose"), ((2, 3), (4, 5), ""), ((3, 3), (3,), ""),
        ((3,), (0, 3), "not summed over the batch"), ((0, 3), (3,), ""),
    ],
)  # fmt: skip
def test_a_wrong_shape_is_explained(expected, got, said):
    assert said in shapes.hint(expected, got) and bool(said) == bool(shapes.hint(expected, got))


def test_softplus_has_the_slope_of_a_sigmoid_at_0_too():
    x = np.array([-2.0, 0.0, 2.0])
    slope = numeric.softplus(x + 1e-100j).imag / 1e-100
    np.testing.assert_allclose(slope, numeric.sigmoid(x), rtol=1e-14)
    np.testing.assert_allclose(numeric.softplus(x), np.log1p(np.exp(x)), rtol=1e-14)


@pytest.mark.parametrize("kind", [np.float32, np.complex128, np.int64])
def test_a_gradient_of_another_type_is_refused(kind):
    said = shapes.fault(np.ones(3), np.ones(3, kind), True)
    assert said and said.text.startswith(f"expected float64, got {np.dtype(kind)}")


def test_a_sigmoid_stays_at_exp_of_minus_80_below_minus_80():
    x = np.array([-1e3, -80.0, -79.0, 0.0, 1e3])
    expected = [np.exp(-80), np.exp(-80), np.exp(-79), 0.5, 1]
    np.testing.assert_allclose(numeric.sigmoid(x), expected, rtol=1e-14)
    assert abs(numeric.sigmoid(x[0]) - 2e-35) < 1e-35


def test_an_absolute_value_has_the_slope_of_a_sign():
    x = np.array([-2.0, 0.0, 3.0])
    z = numeric.absolute(x + 1e-100j)
    assert z.real.tolist() == [2, 0, 3] and (z.imag / 1e-100).tolist() == [-1, 0, 1]


def test_no_entry_is_looked_at_twice(rng):
    where = Slopes.at_entries("x", np.zeros((5, 6)), 25, rng).where
    assert len({tuple(map(int, np.atleast_1d(at))) for at in where}) == 25


def test_a_triplet_at_its_kink_is_not_active():
    loss, x = TripletLoss(0.0), np.ones((3, 2))
    _, cache = loss.forward(x, x, x)
    assert loss.metrics(cache) == {"active": 0.0}


def test_standardised_columns_have_mean_0_and_deviation_1_and_constant_ones_stay(rng):
    x = 3 + 5 * rng.standard_normal((40, 3))
    x[:, 2] = 7
    y, logdet, _ = Affine.standardize(x, dtype=np.float64).forward(x)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose(y.std(axis=0), [1, 1, 0], atol=1e-13)
    np.testing.assert_allclose(logdet, -np.log(x[:, :2].std(axis=0)).sum(), rtol=1e-13)


@pytest.mark.parametrize("kind", ["eps", "x0", "v"])
def test_every_prediction_gives_the_velocity_of_the_clock(kind, rng):
    """x = cos x_0 + sin eps has dx/dphi = cos eps - sin x_0."""
    phi, (x0, eps) = 0.7, rng.standard_normal((2, 5))
    v = np.cos(phi) * eps - np.sin(phi) * x0
    p, q = ode.velocity_weights(kind, phi)
    x = np.cos(phi) * x0 + np.sin(phi) * eps
    np.testing.assert_allclose(p * x + q * {"eps": eps, "x0": x0, "v": v}[kind], v, rtol=1e-13)


@pytest.mark.parametrize("predict", ["eps", "x0", "v"])
def test_below_the_first_step_the_noise_shrinks_as_the_tangent(predict, rng):
    schedule = diffusion.linear_schedule(8)
    model = diffusion.ddpm(
        2, schedule, hidden=4, blocks=1, predict=predict, rng=rng, dtype=np.float64
    )
    x, t, clock = rng.standard_normal((3, 2)), 0.4, ode.clock(schedule)
    phi, first = clock(t), clock(1.0)
    out, _ = model.prediction(x, np.array([1.0]), None)
    p, q = ode.velocity_weights(predict, first)
    eps = np.sin(first) * x + np.cos(first) * (p * x + q * out)  # of the model at t = 1
    eps *= np.tan(phi) / np.tan(first)
    truth = clock(t, 1) * (eps - np.sin(phi) * x) / np.cos(phi)
    np.testing.assert_allclose(ode.velocity(model, x, t, None)[0], truth, rtol=1e-11)


def test_short_blades_apart_have_the_entropy_of_the_choice_and_of_a_blade():
    law = data.toy("pinwheel", length=0.1, thickness=0.05)
    assert abs(law.entropy - np.log(5) - np.log(2 * np.pi * np.e * 0.005)) < 1e-6


def test_the_radii_are_those_of_the_docstrings():
    assert data.toy("circles").radii.tolist() == [1, 2]
    assert data.toy("rings").radii.tolist() == [0.75, 1.5, 2.25, 3]


@pytest.mark.parametrize(
    "f, wrong",
    [
        (lambda x: np.log(x - 1), lambda x: 2 / (x - 1)),
        (lambda x: 1 / (x - 1), lambda x: -2 / (x - 1) ** 2),
        (lambda x: np.sqrt(x - 1), lambda x: 1 / np.sqrt(x - 1)),
    ],
)
def test_twice_the_slope_is_wrong_though_the_layer_has_a_pole_or_an_edge_at_1(f, wrong, rng):
    for x in (np.array([[2.0, 3.0, 4.0]]), np.array([[4.0]])):
        assert not check.gradients(pointwise(f, wrong), x, rng=rng)
        assert not check.adjoint(pointwise(f, wrong), x, rng=rng)


def test_a_small_slope_is_judged_by_its_size_though_there_is_none_below(rng):
    """1e-20 x for x > 2, and no number elsewhere."""
    layer = pointwise(lambda x: np.where(x.real > 2, 1e-20 * x, np.nan), lambda x: 2e-20 * x**0)
    assert not check.gradients(layer, np.array([[3.0, 4.0]]), rng=rng)


def test_a_part_in_a_thousand_million_is_wrong_far_from_0(rng):
    layer = pointwise(lambda x: 2 * x, lambda x: (2 + 2e-9) * x**0)
    assert not check.gradients(layer, np.array([[1e4, 2e4]]), rng=rng)


def test_in_a_saturated_unit_rounding_explains_no_more_than_rounding(rng):
    layer = pointwise(np.tanh, lambda x: 1 - np.tanh(x) ** 2 + 1e-9)
    assert check.gradients(nn.Tanh(), np.full((1, 2), 9.0), rng=rng)
    assert not check.gradients(layer, np.full((1, 2), 9.0), rng=rng)


def test_differences_that_are_sure_leave_no_doubt(rng):
    x = np.array([[1.0, -2.0, 3.0]])
    assert check.adjoint(ABS, x, rng=rng).rows[0].why == ""
    wrong = pointwise(np.abs, lambda x: np.sign(x) * [1, 1, 2])
    (row,) = check.gradients(wrong, x, rng=rng).failures
    assert "[0, 2]" in row.why and "twice" in row.why


def test_linear_up_to_rounding_is_linear_in_the_cotangents(rng):
    class Rounded(Pointwise):
        def backward(self, dy, cache):
            return super().backward((dy + 3) - 3, cache)

    wrong = Rounded(np.array(1.0), np.sin, lambda x: x * np.cos(x))
    report = check.gradients(wrong, rng.standard_normal((3, 4)), rng=rng)
    assert not report and "not linear" not in str(report)
