"""A whole model at the price of a few forward passes.

    v . (J u) = (J^T v) . u        for random u and v

J u is one complex forward pass, J^T v is what `backward` says. Each array's part of u is divided
by the size of its gradient, or a small array would be lost beside a large one.
"""

import numpy as np

from minigen.check.evidence import Claim, gather
from minigen.check.judge import judge
from minigen.check.malformed import malformed
from minigen.check.oracle import choose
from minigen.check.report import OK, OPEN, WRONG, Report, Row
from minigen.check.subject import Subject
from minigen.check.trial import Trial
from minigen.core import validate

FAINT = 1e-3  # no array weighs more than this would make it: one that is all rounding would rule


def adjoint(layer, *inputs, rng, method="auto", directions=8, **given):
    """Whether `backward` is the adjoint of the derivative of `forward`, along random directions.

    The check for whole models: it costs one complex forward pass a direction, whatever the number
    of parameters, and says which array is wrong, not which entry (`gradients` does).

    layer, inputs, given, method: as in `gradients`; directions: how many, 8 by default.
    Returns a Report; errors are relative to the size of the terms of both sides.
    """
    validate.generator(rng)
    validate.integer("directions", directions, 1)
    subject = Subject.of(layer, inputs, given)
    trial = Trial.of(subject, rng)
    oracle = choose(subject, method, rng)
    rows = malformed(subject.points, trial.yours) or directional(trial, oracle, directions, rng)
    return Report(f"adjoint of {type(layer).__name__}", tuple(rows), oracle.note)


def directional(trial, oracle, directions, rng):
    """One row for all arrays together and, if it is wrong, one for each; none if all are empty."""
    names = [name for name, a in trial.subject.points.items() if a.size]
    if not names:
        return []
    together = direction_row("v.(Ju) = (J'v).u", names, trial, oracle, directions, rng)
    if together.verdict == OK or len(names) == 1:
        return [together]
    each = [direction_row(name, [name], trial, oracle, directions, rng) for name in names]
    return [together, *each]


@np.errstate(all="ignore")  # numbers that are not finite are judged, not warned of
def direction_row(label, names, trial, oracle, directions, rng):
    """The row of some directions in which only the arrays `names` move."""
    claim = Claim.along(label, random_directions(names, trial, directions, rng), trial.yours)
    evidence = gather(claim, oracle, trial.cotangents)
    verdicts, doubt = judge(evidence, oracle, trial, rng)
    error = evidence.gap.max() / (evidence.scale or 1.0)
    verdict = next(v for v in (WRONG, OPEN, OK) if np.any(verdicts == v))
    return Row(label, verdict, error, f"{directions} directions", f": {doubt}" if doubt else "")


def random_directions(names, trial, count, rng):
    """Random u; each array of it is divided by the root mean square of its gradient."""
    sizes = {name: rms(np.asarray(trial.yours[name])) for name in names}
    least = FAINT * max(sizes.values())
    scales = {name: max(size, least) or 1.0 for name, size in sizes.items()}
    return [
        {name: rng.standard_normal(trial.yours[name].shape) / s for name, s in scales.items()}
        for _ in range(count)
    ]


def rms(g):
    """The root mean square, 0 where it is not a number."""
    size = np.sqrt(np.mean(np.square(g)))
    return size if np.isfinite(size) else 0.0
