"""Which reference may judge a forward pass: the complex step where it is clean, or differences."""

import numpy as np

from minigen.check.complexstep import ComplexStep
from minigen.check.richardson import Richardson, size
from minigen.core import validate

STEPS = (1e-5, 1e-4, 1e-3)
AGREE = 1e-6  # central differences are better than this at one of the steps


def choose(subject, method, rng):
    """The reference that `method` asks for."""
    validate.choice("method", method, ("auto", "complex", "richardson"))
    if method == "richardson":
        return Richardson(subject)
    oracle = ComplexStep(subject)
    reason = unclean(oracle, subject, rng)
    if reason and method == "complex":
        raise validate.expected("layer", "a complex-clean forward pass", reason)
    return Richardson(subject, reason) if reason else oracle


def unclean(oracle, subject, rng, directions=3):
    """Why the imaginary part is not the derivative of this forward pass, or "" if it may be.

    Along random directions it is compared with central differences at three steps. To agree with
    one of them is enough; to differ from all by more than they differ among themselves is not.
    """
    real, refuted = Richardson(subject), False
    for _ in range(directions):
        u = {name: size(a) * rng.standard_normal(a.shape) for name, a in subject.points.items()}
        try:
            slopes, _ = oracle.along(u)
        except Exception as error:  # a function may refuse complex numbers in any way it likes
            return f"{type(error).__name__}: {error}"
        gap, spread = differences(slopes, real, u)
        if np.all(gap <= AGREE):
            return ""
        refuted |= bool(np.any(gap > 2 * spread))
    reason = "the imaginary part of the outputs is not their derivative (abs, norm, conj, .real?)"
    return reason if refuted else ""


def differences(slopes, real, u):
    """(how far each output's slope is from the nearest central difference, how far those spread).

    Both relative to the slope.
    """
    with np.errstate(all="ignore"):
        central = [
            [(r - f) / (2 * h) for r, f in zip(real.values(u, h), real.values(u, -h), strict=True)]
            for h in STEPS
        ]
    gap, spread = [], []
    for k, s in enumerate(slopes):
        fd = np.array([d[k] for d in central])
        scale = max(size(s, 0.0), size(fd, 0.0)) or 1.0
        gap.append(min(size(d - s, 0.0) for d in fd) / scale)
        spread.append(size(np.ptp(fd, axis=0), 0.0) / scale)
    return np.array(gap), np.array(spread)
