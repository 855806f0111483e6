"""A whole model at the price of a few forward passes.

    v . (J u) = (J^T v) . u        for random u and v

J u is one complex forward pass, J^T v is what `backward` says. Each array's part of u is divided
by the size of its gradient, or a small array would be lost beside a large one.
"""

import numpy as np

from minigen.check.complexstep import no_part_lost
from minigen.check.malformed import malformed
from minigen.check.oracle import choose
from minigen.check.report import OK, OPEN, WRONG, Report, Row
from minigen.check.subject import Subject
from minigen.check.trial import Trial
from minigen.core import validate

RIGHT = 1e-12


def adjoint(layer, *inputs, rng, directions=8, **given):
    """Whether `backward` is the adjoint of the derivative of `forward`, along random directions.

    The check for whole models: it costs one complex forward pass a direction, whatever the number
    of parameters, and then says which array is wrong, not which entry (`gradients` does).

    layer, inputs, given: as in `gradients`.
    Returns a Report; the error is relative to the size of the terms of both sides.
    """
    validate.generator(rng)
    validate.integer("directions", directions, 1)
    subject = Subject.of(layer, inputs, given)
    trial = Trial.of(subject, rng)
    rows = malformed(subject.points, trial.yours)
    if not rows:
        with no_part_lost():
            oracle, _ = choose(subject, "auto", rng)
            rows = directional(trial, oracle, directions, rng)
    return Report(f"adjoint of {type(layer).__name__}", tuple(rows), "")


def directional(trial, oracle, directions, rng):
    """One row for all arrays together, or, if it is wrong, one for each."""
    names = list(trial.yours)
    together = direction_row("v.(Ju) = (J'v).u", names, trial, oracle, directions, rng)
    if together.verdict == OK or len(names) == 1:
        return [together]
    each = [direction_row(name, [name], trial, oracle, directions, rng) for name in names]
    return [together, *each]


def direction_row(label, names, trial, oracle, directions, rng):
    """The worst of some directions in which only the arrays `names` move."""
    errors = [
        pairing(random_direction(names, trial, rng), trial, oracle) for _ in range(directions)
    ]
    worst = max(error for error, _ in errors)
    doubt = max(doubt for _, doubt in errors)
    allowed = max(RIGHT, 20 * doubt)
    verdict = OPEN if doubt > 1e-6 else OK if worst <= allowed else WRONG
    return Row(label, verdict, worst, f"{directions} directions")


def random_direction(names, trial, rng):
    """u, each array of it divided by the root mean square of its gradient."""
    return {
        name: rng.standard_normal(g.shape) / rms(g)
        for name in names
        if (g := np.asarray(trial.yours[name])).size
    }


def rms(g):
    """The root mean square; 1 where there are none but zeros."""
    return np.sqrt(np.mean(g * g)) or 1.0


def pairing(u, trial, oracle):
    """(|v.(Ju) - (J'v).u|, what the reference's own error may add), relative to the terms."""
    slopes, errors = oracle.along(u)
    left = np.concatenate([np.ravel(v * s) for v, s in zip(trial.cotangents, slopes, strict=True)])
    right = np.concatenate([np.ravel(trial.yours[name] * a) for name, a in u.items()] or [[0.0]])
    scale = np.linalg.norm(left) + np.linalg.norm(right) or 1.0
    doubt = sum(np.sum(np.abs(v) * e) for v, e in zip(trial.cotangents, errors, strict=True))
    gap = abs(left.sum() - right.sum())
    return (gap if np.isfinite(gap) else np.inf) / scale, doubt / scale
