"""Every gradient of a layer, entry by entry, against a reference it has no part in."""

import numpy as np

from minigen.check.adjoint import directional
from minigen.check.diagnosis import diagnose
from minigen.check.evidence import Claim, gather
from minigen.check.judge import judge, worst_of
from minigen.check.malformed import malformed
from minigen.check.oracle import choose
from minigen.check.report import OK, OPEN, WRONG, Report, Row, versus
from minigen.check.subject import Subject
from minigen.check.trial import Trial
from minigen.core import validate

SHARED, FEWEST = 2000, 8  # entries looked at by default: in all, and in each array


def gradients(layer, *inputs, rng, method="auto", entries=None, **given):
    """Whether `backward` is the derivative of `forward`: inputs and parameters, entry by entry.

        backward(v) = v . d forward / d (inputs, params)

    for a random v of mixed signs. The reference is the complex step (Squire & Trapp 1998), at
    1e-12 of each entry; or, if the forward pass is not complex-clean, Richardson extrapolation
    with its own estimate of error, which may leave an entry inconclusive.

    layer: anything with `forward` and `backward` that keep the contract: a `Layer`, or an object
    whose `params` is a dict of the arrays it computes with. It is copied to float64 first.
    inputs, given: positional and keyword inputs of `forward`.
    method: "complex", "richardson", or "auto", which tries the first on a random direction.
    entries: arrays with more are sampled, and all are checked along two random directions besides,
    if nothing is wrong so far; by default 2000 are shared out among the arrays, but never fewer
    than 8 each. Each costs a forward pass: for large models, see `adjoint`.

    Returns a Report: false if anything is wrong or inconclusive; as text it says where and why.
    Errors are relative to the array's largest entry, unless all are 0.
    """
    validate.generator(rng)
    subject = Subject.of(layer, inputs, given)
    if entries is None:
        entries = max(FEWEST, SHARED // max(1, len(subject.points)))
    validate.integer("entries", entries, 1)
    trial = Trial.of(subject, rng)
    broken = {row.name: row for row in malformed(subject.points, trial.yours)}
    oracle = choose(subject, method, rng)
    rows = [
        broken.pop(name, None) or entry_row(name, trial, oracle, entries, rng)
        for name in subject.points
    ]
    rows += broken.values()
    large = any(a.size > entries for a in subject.points.values())
    if large and all(row.verdict == OK for row in rows):
        rows += directional(trial, oracle, 2, rng)
    return Report(f"gradients of {type(layer).__name__}", tuple(rows), oracle.note)


@np.errstate(all="ignore")  # numbers that are not finite are judged, not warned of
def entry_row(name, trial, oracle, entries, rng):
    """The row of one array."""
    full = np.asarray(trial.yours[name])
    evidence = gather(Claim.at_entries(name, full, entries, rng), oracle, trial.cotangents)
    verdicts, doubt = judge(evidence, oracle, trial, rng)
    error = evidence.gap.max(initial=0) / (evidence.scale or 1.0)
    note = "1 entry" if full.size == 1 else f"{full.size} entries"
    if full.size > entries:
        note += f", {entries} of them checked"
    if np.all(verdicts == OK):
        return Row(name, OK, error, note)
    verdict = WRONG if np.any(verdicts == WRONG) else OPEN
    bad = verdicts == verdict
    reason = doubt or diagnose(evidence, bad, full, trial)
    why = f"{worst(evidence, bad)}\n  {reason}".rstrip()
    return Row(name, verdict, error, f"{bad.sum()} of {note}", why)


def worst(evidence, bad):
    """The worst entry in words."""
    i = worst_of(evidence, bad)
    place = evidence.claim.where[i]
    index = f"[{', '.join(map(str, place))}]" if place else ""
    return f"{index}: {versus(evidence.yours[i], evidence.expected[i])}"
