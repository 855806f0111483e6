"""What the mutation campaigns found untested."""

import numpy as np

from minigen import data, diffusion
from minigen.check import richardson
from minigen.check.bijection import structure
from minigen.check.evidence import Claim
from minigen.check.report import versus
from minigen.core import tree


def test_a_report_gives_enough_figures_to_tell_two_numbers_apart():
    yours, expected = versus(1.000000001, 1.0).removeprefix("yours ").split(", expected ")
    assert yours != expected and float(yours) > float(expected)


def test_which_entries_are_looked_at_is_drawn_at_random():
    where = [
        Claim.at_entries("x", np.zeros(200), 5, np.random.default_rng(seed)).where
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
    u = data.dequantize(np.zeros(10_000, int), rng)
    assert abs(u.mean() - 0.5) < 0.02 and u.min() < 0.01 and u.max() > 0.99
