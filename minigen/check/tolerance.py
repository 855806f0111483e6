"""When two slopes are the same: by what rounding can explain.

Against the complex step

    |yours - expected| <= 1e-12 |expected| + 1e-14 scale

with scale the array's largest gradient if nothing cancelled in the sum over the outputs. (Along
a direction, the first term has the norm of the terms of u . g besides.) What fails by less than
1e-8 is examined again, because rounding may explain it: in a saturated unit, 1 - tanh(9)^2; in a
gradient that is 0 but for rounding, as that of a softmax along (1, ..., 1); in a sum that cancels
inside the layer. So the scale may be that where nothing saturates or that of the outputs
themselves, and a slope may differ by as much as it moves when every number moves by 1e-15.

Against differences the error is estimated: a slope within 1e-9 or 20 estimates is right, and an
estimate above 1e-6 is inconclusive.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from minigen.check.comparison import Comparison, compare
from minigen.check.complexstep import ComplexStep
from minigen.check.evaluation import Evaluation
from minigen.check.report import Diagnosis, Kind, Row, State
from minigen.check.richardson import Richardson

RELATIVE, ABSOLUTE, TINY = 1e-12, 1e-14, 1e-8
MOVE, DRAWS, SPREAD = 1e-15, 4, 4
INSIDE = 0.75  # 1 / (1 - x) and arctanh have their poles at 1
UNSURE = Diagnosis(
    Kind.UNSURE,
    "the reference is not accurate here: a kink nearby, a noisy or ill-conditioned forward pass?",
)
NOT_CLEAN = Diagnosis(
    Kind.NOT_CLEAN,
    "finite differences agree with yours: the forward pass is not complex-clean here",
)


def decided(comparison: Comparison, run: Evaluation, note: str) -> tuple[Row, NDArray]:
    """(the row of some slopes, which of them are in its state)."""
    states, doubt = decide(comparison, run)
    order = (State.WRONG, State.INCONCLUSIVE, State.OK)
    state = next((s for s in order if np.any(states == s)), State.OK)
    error = comparison.gap.max(initial=0) / (comparison.scale or 1.0)
    return Row(comparison.name, state, error, note, diagnosis=doubt), states == state


def decide(comparison: Comparison, run: Evaluation) -> tuple[NDArray, Diagnosis | None]:
    """(the State of each slope, why the reference is in doubt or None)."""
    if isinstance(run.reference, Richardson):
        states = by_differences(comparison)
        return states, UNSURE if np.any(states == State.INCONCLUSIVE) else None
    states = _by_complex_step(comparison, run, run.reference)
    bad = states == State.WRONG
    if not bad.any():
        return states, None
    doubt = _doubted(comparison.part([worst_of(comparison, bad)]), run, run.reference)
    return np.where(bad, State.INCONCLUSIVE, states) if doubt else states, doubt


def _by_complex_step(comparison: Comparison, run: Evaluation, reference: ComplexStep) -> NDArray:
    """The State of each slope."""
    bad = ~(comparison.gap <= allowed(comparison, comparison.scale))
    if bad.any():
        again = comparison.part(np.flatnonzero(bad))
        bad[bad] = ~(again.gap <= explained(again, comparison.scale, run, reference))
    return np.where(bad, State.WRONG, State.OK)


def allowed(comparison: Comparison, scale: float) -> NDArray:
    """The gap of plain rounding."""
    return RELATIVE * (np.abs(comparison.expected) + comparison.norm) + ABSOLUTE * scale


def explained(
    doubtful: Comparison, scale: float, run: Evaluation, reference: ComplexStep
) -> NDArray:
    """The gap that rounding explains on closer examination; 0 where it is too large for that."""
    scale = max(scale, _unsaturated(doubtful, run, reference), of_outputs(doubtful, run))
    near = doubtful.gap <= TINY * scale
    spread = np.zeros(len(near))
    for _ in range(DRAWS if near.any() else 0):
        points = reference.points.items()
        by = {name: a * (1 + MOVE * run.rng.standard_normal(a.shape)) for name, a in points}
        with reference.moved(by):
            moved = compare(doubtful, run)
        spread = np.fmax(spread, np.abs(moved.expected - doubtful.expected))
    return np.where(near, allowed(doubtful, scale) + SPREAD * spread, 0.0)


def _unsaturated(comparison: Comparison, run: Evaluation, reference: ComplexStep) -> float:
    """The scale of the slopes where every array is shrunk into [-INSIDE, INSIDE].

    0 where the outputs are no real numbers there, as those of log(x - 1).
    """
    points = reference.points.items()
    shrunk = {name: a / max(1.0, np.abs(a).max(initial=0) / INSIDE) for name, a in points}
    with reference.moved(shrunk):
        outside = any(np.any(s) for s in reference.along({})[0])  # imaginary parts without a step
        scale = compare(comparison, run).scale
    return 0.0 if outside or not np.isfinite(scale) else scale


def of_outputs(comparison: Comparison, run: Evaluation) -> float:
    """The slope that would change the outputs by their own size."""
    points = run.probe.points
    moves = [w if isinstance(w, dict) else {comparison.name: 1.0} for w in comparison.where]
    reach = max(
        np.abs(u).max() / max(1.0, np.abs(points[name]).max())
        for move in moves
        for name, u in move.items()
    )
    pairs = zip(run.cotangents, run.outputs, strict=True)
    return reach * sum(np.sum(np.abs(v * y), where=np.isfinite(y)) for v, y in pairs)


def _doubted(worst: Comparison, run: Evaluation, reference: ComplexStep) -> Diagnosis | None:
    """Why the worst slope, wrong by the complex step, may be right by differences, or None."""
    seen = compare(worst, dataclasses.replace(run, reference=Richardson(run.probe)))
    (yours,) = by_differences(seen)
    (step,) = by_differences(dataclasses.replace(seen, yours=worst.expected))
    if yours == State.OK and step == State.WRONG:
        return NOT_CLEAN
    return None if reference.trusted or yours == State.WRONG else UNSURE


def by_differences(comparison: Comparison) -> NDArray:
    """The State of each slope."""
    level = np.abs(comparison.expected) + 1e-2 * comparison.scale
    right = comparison.gap <= np.maximum(1e-9 * level, 20 * comparison.error)
    known = comparison.error <= 1e-6 * level
    return np.where(known, np.where(right, State.OK, State.WRONG), State.INCONCLUSIVE)


def worst_of(comparison: Comparison, bad: NDArray) -> int:
    """The index of the bad slope that is farthest off."""
    return int(np.argmax(np.where(bad, comparison.gap, -1)))
