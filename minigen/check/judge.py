"""When two gradients are the same: entry by entry, by what rounding can explain.

Against the complex step

    |yours - expected| <= 1e-12 |expected| + 1e-14 scale

with scale the array's largest gradient, were there no cancellation in the sum over the outputs.
An entry that fails by less than 1e-8 is looked at again, for rounding may explain it: in a
saturated unit, 1 - tanh(9)^2; in a gradient that is 0 but for rounding, as that of a softmax along
(1, ..., 1); in a sum that cancels inside the layer. So the scale may be that where nothing
saturates or that of the outputs themselves, and an entry may differ by as much as its derivative
moves when every number moves by 1e-15.

Against differences the error is estimated: within 1e-9 or 20 estimates is right, and an estimate
above 1e-6 decides nothing.
"""

import numpy as np

from minigen.check.evidence import gather
from minigen.check.report import OK, OPEN, WRONG

RELATIVE, ABSOLUTE, TINY = 1e-12, 1e-14, 1e-8
MOVE, DRAWS, SPREAD = 1e-15, 4, 4


def by_complex_step(evidence, oracle, trial, rng):
    """The verdict on each entry."""
    allowed = RELATIVE * np.abs(evidence.expected) + ABSOLUTE * evidence.scale
    bad = ~(evidence.gap <= allowed)
    if bad.any():
        again = evidence.part(np.flatnonzero(bad))
        bad[bad] = ~(again.gap <= explained(again, evidence.scale, oracle, trial, rng))
    return np.where(bad, WRONG, OK)


def explained(doubtful, scale, oracle, trial, rng):
    """The gap that rounding explains at the doubtful entries; 0 where it is no question of it."""
    scale = max(scale, unsaturated(doubtful, oracle, trial), of_outputs(doubtful, trial))
    near = doubtful.gap <= TINY * scale
    spread = np.zeros(len(near))
    for _ in range(DRAWS if near.any() else 0):
        with oracle.moved(lambda a: a * (1 + MOVE * rng.standard_normal(a.shape))):
            moved = gather(doubtful, oracle, trial.cotangents)
        spread = np.fmax(spread, np.abs(moved.expected - doubtful.expected))
    allowed = RELATIVE * np.abs(doubtful.expected) + ABSOLUTE * scale + SPREAD * spread
    return np.where(near, allowed, 0.0)


def unsaturated(evidence, oracle, trial):
    """The scale of the gradient where every array is shrunk into [-1, 1]."""
    with oracle.moved(lambda a: a / max(1.0, np.abs(a).max(initial=0))):
        scale = gather(evidence, oracle, trial.cotangents).scale
    return scale if np.isfinite(scale) else 0.0


def of_outputs(evidence, trial):
    """The gradient that would change the outputs by as much as they are."""
    size = sum(np.sum(np.abs(v * y)) for v, y in zip(trial.cotangents, trial.outputs, strict=True))
    return size / max(1.0, np.abs(trial.subject.points[evidence.name]).max())


def by_differences(evidence):
    """The verdict on each entry."""
    reference = np.abs(evidence.expected) + 1e-2 * evidence.scale
    right = evidence.gap <= np.maximum(1e-9 * reference, 20 * evidence.error)
    known = evidence.error <= 1e-6 * reference
    return np.where(known, np.where(right, OK, WRONG), OPEN)
