"""The checker, changed: each change must let a mistake through or accuse right code."""

import numpy as np
import pytest
from test_check import MISTAKES, Bend, planted
from test_check_reference import ABS

from minigen import check, diffusion, nn
from minigen.check import evidence, judge, oracle, trial
from minigen.check.bijection import equal
from minigen.check.complexstep import ComplexStep
from minigen.check.richardson import Richardson
from minigen.check.subject import Subject
from minigen.flows import ActNorm
from minigen.flows.made import MADE
from minigen.nn.embed import TimeEmbedding


def verdict(layer, *inputs):
    return bool(check.gradients(layer, *inputs, rng=np.random.default_rng(3)))


def test_cotangents_of_ones_would_hide_a_mistake(monkeypatch, rng):
    layer = planted(*MISTAKES["log-det's cotangent 1"][:2]).init(rng)
    x = rng.standard_normal((3, 4))
    assert not verdict(layer, x)
    monkeypatch.setattr(trial, "cotangents", lambda outputs, rng: [y**0 for y in outputs])
    assert verdict(layer, x)


@pytest.mark.parametrize("mistake", ["1e-8 in the exponential", "float32 in the middle"])
def test_a_loose_tolerance_would_hide_a_mistake(monkeypatch, rng, mistake):
    layer, x = planted(*MISTAKES[mistake][:2]).init(rng), rng.standard_normal((3, 4))
    assert not verdict(layer, x)
    monkeypatch.setattr(judge, "RELATIVE", 1e-6)
    assert verdict(layer, x)


def test_an_absolute_tolerance_would_hide_a_mistake_at_a_small_scale(monkeypatch, rng):
    layer = planted(*MISTAKES["sign"][:2]).init(rng, 1e-6)
    x = rng.standard_normal((3, 4))
    assert not verdict(layer, x)
    monkeypatch.setattr(judge, "allowed", lambda evidence, scale: 1e-4)
    assert verdict(layer, x)


def test_without_the_second_look_right_code_would_be_accused(monkeypatch):
    x = np.full((1, 1), 9.0)
    assert verdict(nn.Tanh(), x)
    monkeypatch.setattr(judge, "explained", lambda doubtful, *_: np.zeros(len(doubtful.gap)))
    assert not verdict(nn.Tanh(), x)


def test_without_the_first_look_a_right_abs_would_be_accused(monkeypatch, rng):
    x = rng.standard_normal((2, 2))
    assert verdict(ABS, x)
    monkeypatch.setattr(oracle, "unclean", lambda *_: "")
    assert not verdict(ABS, x)


def test_a_part_of_the_evidence_is_the_evidence_on_that_part(rng):
    subject = Subject.of(Bend.init(rng), (rng.standard_normal((3, 4)),), {})
    run = trial.Trial.of(subject, rng)
    reference = ComplexStep(subject)
    whole = evidence.Claim.at_entries("dx", run.yours["dx"], 99, rng)
    seen = evidence.gather(whole, reference, run.cotangents)
    again = evidence.gather(whole.part([5, 7]), reference, run.cotangents)
    for name in ("parts", "ones", "size", "error"):
        np.testing.assert_array_equal(getattr(seen.part([5, 7]), name), getattr(again, name))


class Tripled(nn.Tanh):
    """A wrong layer of one array."""

    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return 3 * dx, grads


def test_directions_need_one_row_unless_several_arrays_are_wrong(rng):
    x = rng.standard_normal((3, 4))
    linear = nn.Linear.init(4, 2, rng=rng, dtype=np.float64)
    assert [len(check.adjoint(f, x, rng=rng).rows) for f in (linear, nn.Tanh(), Tripled())] == [
        1
    ] * 3
    assert not check.adjoint(Tripled(), x, rng=rng)
    with pytest.raises(ValueError, match="directions: expected an integer >= 1, got 0"):
        check.adjoint(linear, x, rng=rng, directions=0)


def test_only_a_logdet_of_the_other_sign_is_called_that():
    one, none = np.ones(2), np.zeros(2)
    assert "the sign" in equal("logdet", -one, one, 1e-12).why
    assert "the sign" not in equal("logdet", none, one, 1e-12).why
    assert "the sign" not in equal("round trip", -one, one, 1e-12).why


def test_a_moved_point_is_moved_and_comes_back(rng):
    step = ComplexStep(Subject.of(nn.Tanh(), (rng.standard_normal((3, 2)),), {}))
    before = {name: a.copy() for name, a in step.points.items()}
    with step.moved(lambda a: a + 1):
        for name, a in step.points.items():
            assert np.array_equal(a, before[name] + 1)
    assert all(np.array_equal(a, before[name]) for name, a in step.points.items())


def test_the_entries_looked_at_are_shared_out_and_said(rng):
    linear = nn.Linear.init(60, 60, rng=rng, dtype=np.float64)  # three arrays, one of 3600
    x = rng.standard_normal((2, 60))
    for options, said in (({}, "666"), ({"entries": 70}, "70")):
        notes = {row.name: row.note for row in check.gradients(linear, x, rng=rng, **options).rows}
        assert notes["params.W"] == f"3600 entries, {said} of them checked"
        assert notes["params.b"] == "60 entries"


def trial_of(layer, *inputs, **given):
    return trial.Trial.of(Subject.of(layer, inputs, given), np.random.default_rng(4))


def test_a_trial_names_what_it_sees(rng):
    x, new = rng.standard_normal((3, 4)), {"rng": rng, "dtype": np.float64}
    linear = trial_of(nn.Linear.init(4, 2, **new), x)
    assert linear.names == ["output 0"] and linear.rows == 3
    assert trial_of(ActNorm.init(4, dtype=np.float64), x).names == ["y", "logdet"]
    assert trial_of(MADE.init(4, (8,), 2, **new), x).names == ["output 0"]  # (N, D, parts)
    assert trial_of(TimeEmbedding.init(9, 4, 6, **new), t=np.array([1, 2])).rows == 0
    for name, g in linear.yours.items():
        np.testing.assert_allclose(linear.turned[name], -2 * g, rtol=1e-13)


def test_a_gradient_too_few_is_said(rng):
    class Silent(nn.Tanh):
        def backward(self, dy, cache):
            return ({},)

    with pytest.raises(ValueError, match=r"backward: expected \(dx, grads\), got 1 values"):
        trial_of(Silent(), rng.standard_normal((3, 2)))


class Flushes(nn.Tanh):
    """Small cotangents are lost."""

    def backward(self, dy, cache):
        return super().backward(np.where(np.abs(dy) < 1e-5, 0, dy), cache)


def test_small_cotangents_are_followed_too(rng):
    x = rng.standard_normal((3, 2))
    assert check.contract(nn.Tanh(), x, rng=rng)
    assert not check.contract(Flushes(), x, rng=rng)


def test_one_time_for_all_rows_belongs_to_each_row(rng):
    net = diffusion.ddpm(2, diffusion.linear_schedule(8), hidden=4, blocks=1, rng=rng).net
    x = rng.standard_normal((3, 2)).astype(np.float32)
    assert check.contract(net, x, t=np.array([2]), rng=rng)


def test_the_reference_is_the_one_asked_for(rng):
    subject = Subject.of(nn.Tanh(), (rng.standard_normal((3, 2)),), {})
    for method, kind in (
        ("complex", ComplexStep),
        ("richardson", Richardson),
        ("auto", ComplexStep),
    ):
        assert isinstance(oracle.choose(subject, method, rng), kind)


def test_a_slope_differs_that_is_farther_than_the_differences_are_from_one_another():
    one, here = np.ones(3), np.ones(3)
    central = [one, one + 1e-6, one - 1e-6]
    assert not oracle.differs(one + 3e-6, central, here)
    assert oracle.differs(one + 6e-6, central, here)
    assert not oracle.differs(one + 1e-13, [one, one], here)  # rounding of the output
