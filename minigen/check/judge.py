"""When two gradients are the same: entry by entry, by what rounding can explain.

Against the complex step

    |yours - expected| <= 1e-12 |expected| + 1e-14 scale

with scale the array's largest gradient, were there no cancellation in the sum over the outputs.
An entry that fails by less than 1e-8 is looked at again: rounding may explain it in a saturated
unit, 1 - tanh(9)^2, or in a sum that cancels inside the layer. So the scale is taken where nothing
saturates, and the entry may move as far as its derivative does when every number moves by 1e-15.

Against differences the error is estimated: within 1e-9 or 20 estimates is right, and an estimate
above 1e-6 decides nothing.
"""

import numpy as np

from minigen.check.evidence import gather
from minigen.check.report import OK, OPEN, WRONG

RELATIVE, ABSOLUTE, TINY = 1e-12, 1e-14, 1e-8
MOVE, DRAWS, SPREAD = 1e-15, 4, 4


def by_complex_step(evidence, oracle, vs, rng):
    """The verdict on each entry."""
    scale = evidence.scale
    bad = ~(evidence.gap <= RELATIVE * np.abs(evidence.expected) + ABSOLUTE * scale)
    if bad.any():
        bad[bad] = ~(evidence.gap[bad] <= explained(evidence, np.flatnonzero(bad), oracle, vs, rng))
    return np.where(bad, WRONG, OK)


def explained(evidence, doubtful, oracle, vs, rng):
    """The gap that rounding explains at the doubtful entries."""
    where, yours = [evidence.where[i] for i in doubtful], evidence.yours[doubtful]
    with oracle.moved(lambda a: a / max(1.0, np.abs(a).max(initial=0))):
        calm = gather(evidence.name, yours, where, oracle, vs)
    scale = np.fmax(evidence.scale, np.nan_to_num(calm.scale, posinf=0.0))
    near = evidence.gap[doubtful] <= TINY * scale
    spread = np.zeros(len(where))
    for _ in range(DRAWS if near.any() else 0):
        with oracle.moved(lambda a: a * (1 + MOVE * rng.standard_normal(a.shape))):
            moved = gather(evidence.name, yours, where, oracle, vs)
        spread = np.fmax(spread, np.abs(moved.expected - evidence.expected[doubtful]))
    allowed = RELATIVE * np.abs(evidence.expected[doubtful]) + ABSOLUTE * scale + SPREAD * spread
    return np.where(near, allowed, 0.0)


def by_differences(evidence):
    """The verdict on each entry."""
    reference = np.abs(evidence.expected) + 1e-2 * evidence.scale
    right = evidence.gap <= np.maximum(1e-9 * reference, 20 * evidence.error)
    known = evidence.error <= 1e-6 * reference
    return np.where(known, np.where(right, OK, WRONG), OPEN)
