"""Every gradient of a layer, entry by entry, against a reference it has no part in."""

import dataclasses

import numpy as np

from minigen.check import judge
from minigen.check.adjoint import directional
from minigen.check.complexstep import ComplexStep, no_part_lost
from minigen.check.diagnosis import diagnose
from minigen.check.evidence import Claim, gather
from minigen.check.malformed import malformed
from minigen.check.oracle import choose
from minigen.check.report import OK, OPEN, WRONG, Report, Row
from minigen.check.richardson import Richardson
from minigen.check.subject import Subject
from minigen.check.trial import Trial
from minigen.core import validate


def gradients(layer, *inputs, rng, method="auto", entries=256, **given):
    """Whether `backward` is the derivative of `forward`: inputs and parameters, entry by entry.

        backward(v) = v . d forward / d (inputs, params)

    for a random v of mixed signs. The reference is the complex step (Squire & Trapp 1998), at
    1e-12 of each entry; or, if the forward pass is not complex-clean, Richardson extrapolation
    with its own estimate of error, which may leave an entry inconclusive.

    layer: anything with `forward` and `backward` that keep the contract: a `Layer`, or an object
    whose `params` is a dict of the arrays it computes with. It is copied to float64 first.
    inputs, given: positional and keyword inputs of `forward`.
    method: "complex", "richardson", or "auto", which tries the first on a random direction.
    entries: arrays with more are sampled, and checked along random directions besides.

    Returns a Report: false if anything is wrong or inconclusive; as text it says where and why.
    """
    validate.generator(rng)
    validate.integer("entries", entries, 1)
    subject = Subject.of(layer, inputs, given)
    trial = Trial.of(subject, rng)
    broken = {row.name: row for row in malformed(subject.points, trial.yours)}
    with no_part_lost():
        oracle, reason = choose(subject, method, rng)
        rows = [
            broken.pop(name, None) or entry_row(name, trial, oracle, entries, rng)
            for name in subject.points
        ]
        rows += broken.values()
        if all(row.verdict == OK for row in rows):
            large = any(a.size > entries for a in subject.points.values())
            rows += directional(trial, oracle, 2, rng) if large else []
    note = f"reference: {oracle.name}" + (f", because {reason}" if reason else "")
    return Report(f"gradients of {type(layer).__name__}", tuple(rows), note)


def entry_row(name, trial, oracle, entries, rng):
    """The row of one array."""
    full = np.asarray(trial.yours[name])
    claim = Claim.of(name, full, entries, rng)
    evidence = gather(claim, oracle, trial.cotangents)
    verdicts, doubt = judged(evidence, oracle, trial, rng)
    error = evidence.gap.max(initial=0) / (evidence.scale or 1.0)
    sampled = len(claim.where)
    note = f"{full.size} entries" + (f", {sampled} sampled" if sampled < full.size else "")
    if np.all(verdicts == OK):
        return Row(name, OK, error, note)
    verdict = WRONG if np.any(verdicts == WRONG) else OPEN
    bad = verdicts == verdict
    reason = doubt or (diagnose(evidence, full, trial) if verdict == WRONG else UNSURE)
    why = f"{worst(evidence, bad)}\n  {reason}".rstrip()
    return Row(name, verdict, error, f"{bad.sum()} of {note}", why)


def judged(evidence, oracle, trial, rng):
    """(the verdict on each entry, why the reference is in doubt or "")."""
    if not isinstance(oracle, ComplexStep):
        return judge.by_differences(evidence), ""
    verdicts = judge.by_complex_step(evidence, oracle, trial, rng)
    if np.any(verdicts == WRONG) and contradicted(evidence, verdicts == WRONG, trial):
        return np.where(verdicts == WRONG, OPEN, verdicts), CONTRADICTED
    return verdicts, ""


def contradicted(evidence, bad, trial):
    """Whether, at the worst entry, differences agree with yours and not with the complex step."""
    claim = evidence.part([worst_of(evidence, bad)])
    seen = gather(claim, Richardson(trial.subject), trial.cotangents)
    against = dataclasses.replace(seen, yours=claim.expected)
    return judge.by_differences(seen)[0] == OK and judge.by_differences(against)[0] == WRONG


def worst_of(evidence, bad):
    """Which of the bad entries is farthest off."""
    return int(np.argmax(np.where(bad, evidence.gap, -1)))


def worst(evidence, bad):
    """The worst entry in words."""
    i = worst_of(evidence, bad)
    index = f"[{', '.join(map(str, evidence.where[i]))}]" if evidence.where[i] else ""
    yours, expected = evidence.yours[i], evidence.expected[i]
    return f"{index}: yours {yours:+.6g}, expected {expected:+.6g}"


UNSURE = "the reference is not sure: a kink nearby, a noisy or a badly conditioned forward pass?"
CONTRADICTED = "differences agree with yours: the forward pass is not complex-clean here"
