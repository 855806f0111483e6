"""The checker, changed: each change must let a mistake through or accuse right code."""

import numpy as np
import pytest
from test_check import MISTAKES, Bend, planted
from test_check_reference import ABS

from minigen import check, nn
from minigen.check import evidence, judge, oracle, trial
from minigen.check.complexstep import ComplexStep
from minigen.check.subject import Subject


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
