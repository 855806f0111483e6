"""Chooses the reference of a forward pass: complex step where it is clean, or differences."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from minigen.check.complexstep import ComplexStep
from minigen.check.probe import Probe
from minigen.check.richardson import Richardson, size, stacked
from minigen.core import validate

STEPS = (1e-5, 1e-7, 1e-4, 1e-3)
AGREE = 1e-6  # central differences are better than this at one of the steps
EPS = float(np.finfo(float).eps)
CLEAN, UNKNOWN = "", "differences cannot tell"
BLIND = "the imaginary part of the outputs is not their derivative (abs, norm, conj, .real?)"


def choose(probe: Probe, method: str, rng: np.random.Generator) -> ComplexStep | Richardson:
    """The reference that `method` asks for."""
    validate.choice("method", method, ("auto", "complex", "richardson"))
    if method == "richardson":
        return Richardson(probe)
    reference = ComplexStep(probe)
    reason = unclean(reference, probe, rng)
    if reason in (CLEAN, UNKNOWN):
        reference.trusted = reason == CLEAN
        return reference
    if method == "complex":
        raise validate.expected("layer", "a complex-clean forward pass", reason)
    return Richardson(probe, reason)


def unclean(
    reference: ComplexStep, probe: Probe, rng: np.random.Generator, directions: int = 3
) -> str:
    """Why the imaginary part is not the derivative of this forward pass, or CLEAN or UNKNOWN.

    Along random directions it is compared with central differences at some steps. To agree with
    one of them is enough; to differ from all by more than they differ among themselves is not.
    """
    real, found = Richardson(probe), UNKNOWN
    for _ in range(directions):
        u = {name: size(a) * rng.standard_normal(a.shape) for name, a in probe.points.items()}
        try:
            slopes, _ = reference.along(u)
        except Exception as error:  # a function may refuse complex numbers in any way it likes
            return f"{type(error).__name__}: {error}"
        central = []
        for h in STEPS:
            central.append(_difference(real, u, h))
            if all(gap(d, s) <= AGREE for d, s in zip(central[-1], slopes, strict=True)):
                return CLEAN
            if any(d.any() and not np.any(s) for d, s in zip(central[0], slopes, strict=True)):
                return BLIND
        here = real.values({}, 0)
        if any(differs(s, stacked(central, k), here[k]) for k, s in enumerate(slopes)):
            found = BLIND
    return found


def _difference(real: Richardson, u: dict[str, NDArray], h: float) -> list[NDArray]:
    """The central difference of each output along u."""
    with np.errstate(all="ignore"):
        pairs = zip(real.values(u, h), real.values(u, -h), strict=True)
        return [(right - left) / (2 * h) for right, left in pairs]


def gap(d: NDArray, s: NDArray) -> float:
    """How far two slopes are apart, relative to the larger."""
    return size(d - s, 0.0) / (max(size(d, 0.0), size(s, 0.0)) or 1.0)


def differs(slope: NDArray, central: Sequence[NDArray] | NDArray, here: NDArray) -> bool:
    """Whether a slope is off by more than the differences vary and rounding of the output hides."""
    nearest = min(size(d - slope, 0.0) for d in central)
    spread = max(size(a - b, 0.0) for a in central for b in central)
    return nearest > 2 * max(spread, 4 * EPS * size(here, 0.0) / max(STEPS))
