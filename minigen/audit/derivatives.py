"""Questions about the derivatives of log_prob: by x and the context, and by the parameters."""

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from minigen.audit.cell import Cell, N, points, within
from minigen.audit.subject import Subject

STEPS = (4e-3, 1e-3, 2.5e-4, 6e-5, 1.5e-5, 4e-6, 1e-6)  # of differences


def gradient(s: Subject, rng: np.random.Generator) -> Cell:
    """The derivative of log_prob by x and by the context, against differences."""
    x, c = points(rng)
    v = rng.standard_normal(N)
    f = s.made["log_prob"]
    grads = s.framework.pullback(lambda a, b: (f(a, b),), (x, c), (v,))
    cells = []
    for k, g in enumerate(grads):
        u = rng.standard_normal(g.shape)

        def along(step: float, k: int = k, u: NDArray = u) -> float:
            moved = [x, c]
            moved[k] = moved[k] + step * u
            return float(v @ s.log_prob(*moved))

        cells.append(_beside(float(np.sum(u * g)), along))
    return min(cells, key=lambda cell: (cell.right is not False, cell.right is not None))


def _beside(yours: float, along: Callable[[float], float]) -> Cell:
    """A slope beside the differences along it, at the step where two agree best."""
    slopes = []
    for h in STEPS:
        near, wide = along(h) - along(-h), along(2 * h) - along(-2 * h)
        slopes.append((8 * near - wide) / (12 * h))
    gaps = [abs(a - b) / (1 + abs(b)) for a, b in itertools.pairwise(slopes)]
    best = int(np.argmin(gaps))
    slope, unsure = slopes[best + 1], gaps[best]
    found = within(abs(yours - slope) / (1 + abs(slope)), 1e-5)
    if found.right or unsure < 1e-6:
        return found
    return Cell(None, "?", f"the differences are not accurate here: {unsure:.0e}")


def parameters(s: Subject, rng: np.random.Generator) -> Cell:
    """The derivative of log_prob along the parameters, against differences."""
    if "flow" not in s.made:
        return Cell(None, "-", "asked of a model that is named `flow`")
    x, c = points(rng)
    start, put = s.framework.parameters(s.made["flow"])
    directions = [s.framework.array(rng.standard_normal(tuple(p.shape))) for p in start]
    grads = s.framework.slopes(s.made, x, c)
    yours = sum(float((g * u).sum()) for g, u in zip(grads, directions, strict=True))

    def along(step: float) -> float:
        s.made["flow"] = put([p + step * u for p, u in zip(start, directions, strict=True)])
        return float(s.log_prob(x, c).sum())

    found = _beside(yours, along)
    s.made["flow"] = put(start)
    return found
