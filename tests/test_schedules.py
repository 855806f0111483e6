"""Schedules: tables indexed by t, stable where betas are tiny, refused where they are wrong."""

from dataclasses import replace

import mpmath
import numpy as np
import pytest

import minigen as mg
from minigen import diffusion as df
from minigen.check import gradients
from minigen.diffusion.schedule import evenly_spaced

SCHEDULES = [df.linear_schedule, df.cosine_schedule, df.sigmoid_schedule]
STEPS = [1, 2, 3, 10, 100, 1000, 4000]


@pytest.mark.parametrize("make", SCHEDULES)
@pytest.mark.parametrize("T", STEPS)
def test_tables_start_at_one_and_fall_to_nearly_zero(make, T):
    s = make(T)
    assert s.T == T and all(
        len(a) == T + 1 and a.dtype == np.float64
        for a in (s.beta, s.alpha, s.alpha_bar, s.one_minus_alpha_bar, s.beta_tilde)
    )
    assert (s.alpha_bar[0], s.one_minus_alpha_bar[0], s.beta[0], s.beta_tilde[1]) == (1, 0, 0, 0)
    assert np.all(np.diff(s.alpha_bar) < 0) and np.all(np.diff(s.one_minus_alpha_bar) >= 0)
    assert np.all((s.beta[1:] > 0) & (s.beta[1:] < 1)) and s.prior_gap < 1e-3
    assert np.all(s.beta_tilde[2:] > 0) and np.all(s.beta_tilde[2:] < s.beta[2:])


@pytest.mark.parametrize("make", SCHEDULES)
def test_at_time_0_nothing_has_happened_and_alpha_is_one_minus_beta(make):
    s = make(6)
    np.testing.assert_array_equal(s.alpha, 1 - s.beta)
    assert [s.alpha[0], s.alpha_bar[0]] == [1, 1]
    assert [s.beta[0], s.one_minus_alpha_bar[0], s.beta_tilde[0]] == [0, 0, 0]


def test_the_tables_keep_their_digits_in_a_single_precision_copy():
    s = df.cosine_schedule(6)
    copy = df.PosteriorMean(s).astype(np.float32).schedule
    for name in ("beta", "alpha", "alpha_bar", "one_minus_alpha_bar", "beta_tilde"):
        np.testing.assert_array_equal(getattr(copy, name), getattr(s, name), err_msg=name)


def test_linear_at_a_thousand_is_the_paper():
    np.testing.assert_allclose(
        df.linear_schedule(1000).beta[1:], np.linspace(1e-4, 0.02, 1000), rtol=1e-15
    )


def test_cosine_is_the_paper_before_it_is_clipped():
    s = df.cosine_schedule(1000)
    f = np.cos(np.pi / 2 * (np.arange(1000) / 1000 + 0.008) / 1.008) ** 2
    np.testing.assert_allclose(s.alpha_bar[:1000], f / f[0], rtol=1e-11)
    assert s.beta[-1] == 0.999


@pytest.mark.parametrize("beta", [1e-16, 1e-10, 1e-4, 0.3])
def test_one_minus_alpha_bar_does_not_cancel(beta):
    """S-DIF-num: right to the last digits where 1 - cumprod has none left."""
    s = df.schedule_from_betas(np.full(50, beta))
    with mpmath.workdps(50):
        want = [float(1 - (1 - mpmath.mpf(beta)) ** t) for t in range(51)]
    np.testing.assert_allclose(s.one_minus_alpha_bar, want, rtol=4e-15)
    tilde = beta * np.array(want[1:50]) / np.array(want[2:])
    np.testing.assert_allclose(s.beta_tilde[2:], tilde, rtol=1e-14)


@pytest.mark.parametrize(
    "bad, where", [(0.0, 0), (1.0, 1), (1.5, 2), (-0.1, 0), (np.nan, 1), (np.inf, 2)]
)
def test_a_bad_beta_is_refused_by_index(bad, where):
    betas = np.full(3, 0.1)
    betas[where] = bad
    with pytest.raises(ValueError, match=rf"betas: .*numbers.*index \({where},\)"):
        df.schedule_from_betas(betas)


def test_other_bad_schedules_are_refused():
    for wrong in ([], 0.1, [[0.1]]):
        with pytest.raises(ValueError, match="betas: expected shape"):
            df.schedule_from_betas(wrong)
    for make in SCHEDULES:
        with pytest.raises(ValueError, match="T: expected an integer >= 1"):
            make(0)
        with pytest.raises(TypeError, match="T: expected an integer"):
            make(2.5)


def test_of_many_bad_betas_the_first_is_named():
    with pytest.raises(ValueError, match=r"0\.0 at index \(1,\)"):
        df.schedule_from_betas([0.1, 0.0, 2.0])


def test_a_negative_offset_and_no_steps_are_refused():
    with pytest.raises(ValueError, match="offset: expected a number"):
        df.cosine_schedule(10, offset=-0.01)
    assert df.cosine_schedule(10, offset=0).T == 10
    for steps in (0, 21):
        with pytest.raises(ValueError, match=r"steps: expected an integer in 1\.\.20"):
            evenly_spaced(20, steps)


def test_the_users_betas_are_copied_not_kept():
    betas = np.full(4, 0.2)
    s = df.schedule_from_betas(betas)
    betas[:] = 0.9
    assert s.beta[1] == 0.2


def test_a_table_cannot_be_changed_in_place_so_that_none_derived_from_it_is_stale(tmp_path, rng):
    """Nor after a copy, another precision, or a file; the tables of a copy are its own."""
    model = df.ddpm(2, df.linear_schedule(8), hidden=4, rng=rng)
    mg.save(tmp_path / "model.npz", model)
    for one in (model, model.astype(np.float64), mg.load(tmp_path / "model.npz")):
        for name in ("beta", "alpha", "alpha_bar", "one_minus_alpha_bar", "beta_tilde"):
            with pytest.raises(ValueError, match="read-only"):
                getattr(one.schedule, name)[3] *= 0.5
    other = replace(model.reverse, schedule=df.cosine_schedule(8))
    assert other.mean.tables[0][3] != model.reverse.mean.tables[0][3]


def test_a_large_last_signal_is_said_with_what_it_costs(rng):
    with pytest.warns(UserWarning, match=r"A_T = 0.9 is not small.*L_T costs 1.15 nats per dim"):
        df.ddpm(2, df.schedule_from_betas([0.1]), hidden=4, rng=rng)


def test_a_hundredth_of_a_nat_is_said_where_the_model_is_made(rng):
    last = -np.expm1(-2 * np.array([0.0099, 0.0101]))  # A_T with L_T on both sides
    df.ddpm(2, df.schedule_from_betas([1 - last[0]]), hidden=4, rng=rng)  # without a warning
    with pytest.warns(UserWarning, match=r"0\.0101 nats") as said:
        df.ddpm(2, df.schedule_from_betas([1 - last[1]]), hidden=4, rng=rng)
    assert said[0].filename == __file__


def test_a_learned_schedule_has_its_gradient(rng):
    """DIF-10 and DIF-18 differentiated: every A_t feels every earlier beta."""
    assert gradients(df.Cumulate(), rng.uniform(1e-3, 0.5, 9), rng=rng)


@pytest.mark.parametrize("make", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 7, 40])
def test_respacing_visits_the_same_signals(make, steps):
    s, times = make(40), evenly_spaced(40, steps)
    short = df.respaced(s, times)
    assert steps == short.T and times[-1] == 40
    np.testing.assert_array_equal(short.alpha_bar[1:], s.alpha_bar[times])
    np.testing.assert_allclose(np.cumprod(short.alpha), short.alpha_bar, rtol=1e-12)
    np.testing.assert_allclose(short.alpha, 1 - short.beta, atol=1e-15)
    assert (short.beta[0], short.beta_tilde[1], short.alpha_bar[0]) == (0, 0, 1)
    if steps == 40:
        np.testing.assert_allclose(short.beta_tilde, s.beta_tilde, rtol=1e-12)


class Still:
    """A generator whose uniform number is always the same."""

    def __init__(self, u):
        self.u = u

    def random(self):
        return self.u


def test_antithetic_times_stay_within_1_and_T_where_one_ends_a_lap():
    """(u + i / n) mod 1 is 0 where the sum is exactly 1: t = 1, not T + 1."""
    t, weight = df.Antithetic(10).draw(4, Still(0.5))
    assert t.tolist() == [6, 8, 1, 3] and weight is None


def test_the_law_of_the_times_keeps_its_digits_in_a_single_precision_copy(rng):
    p = np.sqrt(np.arange(1.0, 21))
    model = df.ddpm(2, df.linear_schedule(20), hidden=4, rng=rng)
    loss = df.BoundLoss(model, df.Importance(p / p.sum())).astype(np.float32)
    np.testing.assert_array_equal(loss.times.p, p / p.sum())


@pytest.mark.parametrize("beta", [1e-12, 1e-3, 0.4])
def test_a_long_step_keeps_the_digits_of_its_beta(beta):
    """1 - (1 - beta)^20, where next to nothing is forgotten and where nearly all is."""
    s = df.schedule_from_betas(np.full(60, beta))
    with mpmath.workdps(50):
        want = float(1 - (1 - mpmath.mpf(beta)) ** 20)
    np.testing.assert_allclose(df.respaced(s, [20, 40, 60]).beta[1:], want, rtol=1e-13)
