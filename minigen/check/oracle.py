"""Which reference may judge a forward pass: the complex step where it is clean, or differences."""

import numpy as np

from minigen.check.complexstep import ComplexStep
from minigen.check.richardson import Richardson, size
from minigen.core import validate

STEPS = (1e-5, 1e-3, 1e-7)
AGREE = 1e-6  # central differences at these steps are good to 1e-9 where nothing is near a kink


def choose(subject, method, rng):
    """(oracle, why not the complex step): the reference `method` asks for."""
    validate.choice("method", method, ("auto", "complex", "richardson"))
    if method == "richardson":
        return Richardson(subject), ""
    oracle = ComplexStep(subject)
    reason = unclean(oracle, subject, rng)
    if not reason:
        return oracle, ""
    if method == "complex":
        raise validate.expected("layer", "a complex-clean forward pass", reason)
    return Richardson(subject), reason


def unclean(oracle, subject, rng):
    """Why the imaginary part is not the derivative of this forward pass, or "" if it is.

    The derivative along a random direction must be that of a central difference.
    """
    u = {name: size(a) * rng.standard_normal(a.shape) for name, a in subject.points.items()}
    try:
        slopes, _ = oracle.along(u)
    except Exception as error:  # a function may refuse complex numbers in any way it likes
        return f"{type(error).__name__}: {error}"
    real = Richardson(subject)
    if any(agree(slopes, real.values(u, h), real.values(u, -h), h) for h in STEPS):
        return ""
    return "the imaginary part of the outputs is not their derivative (abs, norm, conj, .real?)"


def agree(slopes, right, left, h):
    """Whether each output's slope is that of its central difference, up to rounding."""
    with np.errstate(all="ignore"):
        gaps = [
            np.abs((r - f) / (2 * h) - s).max(initial=0)
            <= AGREE * np.abs(s).max(initial=0) + 1e-15 * size(r) / h
            for s, r, f in zip(slopes, right, left, strict=True)
        ]
    return all(gaps)
