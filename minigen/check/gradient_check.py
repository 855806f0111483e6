"""Every gradient of a layer, entry by entry, against a reference it has no part in."""

import numpy as np

from minigen.check.adjoint_check import directional
from minigen.check.comparison import Slopes, compare
from minigen.check.diagnosis import diagnose
from minigen.check.evaluation import Evaluation
from minigen.check.probe import Probe
from minigen.check.reference import choose
from minigen.check.report import OK, OPEN, WRONG, Report, Row, versus
from minigen.check.shapes import misshapen
from minigen.check.tolerance import decide, worst_of
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
    probe = Probe.of(layer, inputs, given)
    if entries is None:
        entries = max(FEWEST, SHARED // max(1, len(probe.points)))
    validate.integer("entries", entries, 1)
    evaluation = Evaluation.of(probe, rng)
    broken = {row.name: row for row in misshapen(probe.points, evaluation.yours)}
    reference = choose(probe, method, rng)
    rows = [
        broken.pop(name, None) or entry_row(name, evaluation, reference, entries, rng)
        for name in probe.points
    ]
    rows += broken.values()
    large = any(a.size > entries for a in probe.points.values())
    if large and all(row.verdict == OK for row in rows):
        rows += directional(evaluation, reference, 2, rng)
    return Report(f"gradients of {type(layer).__name__}", tuple(rows), reference.note)


@np.errstate(all="ignore")  # numbers that are not finite are judged, not warned of
def entry_row(name, evaluation, reference, entries, rng):
    """The row of one array."""
    full = np.asarray(evaluation.yours[name])
    comparison = compare(
        Slopes.at_entries(name, full, entries, rng), reference, evaluation.cotangents
    )
    verdicts, doubt = decide(comparison, reference, evaluation, rng)
    error = comparison.gap.max(initial=0) / (comparison.scale or 1.0)
    note = "1 entry" if full.size == 1 else f"{full.size} entries"
    if full.size > entries:
        note += f", {entries} of them checked"
    if np.all(verdicts == OK):
        return Row(name, OK, error, note)
    verdict = WRONG if np.any(verdicts == WRONG) else OPEN
    bad = verdicts == verdict
    reason = doubt or diagnose(comparison, bad, full, evaluation)
    why = f"{worst(comparison, bad)}\n  {reason}".rstrip()
    return Row(name, verdict, error, f"{bad.sum()} of {note}", why)


def worst(comparison, bad):
    """The worst entry in words."""
    i = worst_of(comparison, bad)
    place = comparison.slopes.where[i]
    index = f"[{', '.join(map(str, place))}]" if place else ""
    return f"{index}: {versus(comparison.yours[i], comparison.expected[i])}"
