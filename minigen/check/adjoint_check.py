"""A whole model at the price of a few forward passes.

    v . (J u) = (J^T v) . u        for random u and v

J u is one complex forward pass, J^T v is what `backward` says. Each array's part of u is divided
by the size of its gradient, or a small array would be lost beside a large one.
"""

import numpy as np

from minigen.check.comparison import Slopes, compare
from minigen.check.evaluation import Evaluation
from minigen.check.probe import Probe
from minigen.check.reference import choose
from minigen.check.report import OK, OPEN, WRONG, Report, Row
from minigen.check.shapes import misshapen
from minigen.check.tolerance import decide
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
    probe = Probe.of(layer, inputs, given)
    evaluation = Evaluation.of(probe, rng)
    reference = choose(probe, method, rng)
    rows = misshapen(probe.points, evaluation.yours) or directional(
        evaluation, reference, directions, rng
    )
    return Report(f"adjoint of {type(layer).__name__}", tuple(rows), reference.note)


def directional(evaluation, reference, directions, rng):
    """One row for all arrays together and, if it is wrong, one for each; none if all are empty."""
    names = [name for name, a in evaluation.probe.points.items() if a.size]
    if not names:
        return []
    together = direction_row("v.(Ju) = (J'v).u", names, evaluation, reference, directions, rng)
    if together.verdict == OK or len(names) == 1:
        return [together]
    each = [direction_row(name, [name], evaluation, reference, directions, rng) for name in names]
    return [together, *each]


@np.errstate(all="ignore")  # numbers that are not finite are judged, not warned of
def direction_row(label, names, evaluation, reference, directions, rng):
    """The row of some directions in which only the arrays `names` move."""
    slopes = Slopes.along(
        label, random_directions(names, evaluation, directions, rng), evaluation.yours
    )
    comparison = compare(slopes, reference, evaluation.cotangents)
    verdicts, doubt = decide(comparison, reference, evaluation, rng)
    error = comparison.gap.max() / (comparison.scale or 1.0)
    verdict = next(v for v in (WRONG, OPEN, OK) if np.any(verdicts == v))
    return Row(label, verdict, error, f"{directions} directions", f": {doubt}" if doubt else "")


def random_directions(names, evaluation, count, rng):
    """Random u; each array of it is divided by the root mean square of its gradient."""
    sizes = {name: rms(np.asarray(evaluation.yours[name])) for name in names}
    least = FAINT * max(sizes.values())
    scales = {name: max(size, least) or 1.0 for name, size in sizes.items()}
    return [
        {name: rng.standard_normal(evaluation.yours[name].shape) / s for name, s in scales.items()}
        for _ in range(count)
    ]


def rms(g):
    """The root mean square, 0 where it is not a number."""
    size = np.sqrt(np.mean(np.square(g)))
    return size if np.isfinite(size) else 0.0
