"""Questions about a map: its inverse, its log-determinants, its context, its rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.audit.cell import NEAR, Cell, N, gap, points, within
from minigen.audit.subject import Subject
from minigen.check import State
from minigen.check.bijection_check import Equality, equal, equalities_of
from minigen.check.probe import Probe


class Turned:
    """A subject in the other direction."""

    params: dict[str, NDArray]

    def __init__(self, subject: Subject) -> None:
        self.subject, self.params = subject, {}

    def __deepcopy__(self, memo: Any) -> "Turned":
        return self

    def forward(self, x: NDArray, c: NDArray) -> tuple[NDArray, NDArray, Any]:
        return self.subject.inverse(x, c)

    def inverse(self, y: NDArray, c: NDArray) -> tuple[NDArray, NDArray, Any]:
        return self.subject.forward(y, c)

    backward = None


def _trip(s: Subject | Turned, x: NDArray, c: NDArray, rng: np.random.Generator) -> Cell:
    """x = inverse(forward(x)), as exactly as rounding and an inverse found by bisection allow.

    Right are an error within `check.bijection`'s tolerance, one of 1e-6, and one of which
    forward takes no notice: forward(inverse(forward(x))) = forward(x) to 1e-6.
    """
    (trip, *_), _ = _equalities(s, x, c, rng)
    return _closed(s, c, trip)


def _closed(s: Subject | Turned, c: NDArray, trip: Equality) -> Cell:
    """Whether a round trip came back to where it started, or to what forward cannot tell apart."""
    found = _verdict(*trip)
    _, again, x, _ = trip
    if found.right is not False or again.shape != x.shape:
        return found
    close = gap(s.forward(again, c)[0], s.forward(x, c)[0]) <= NEAR
    return Cell(True, found.text, "rounding, in a steep place") if close else found


def _log_det(s: Subject | Turned, x: NDArray, c: NDArray, rng: np.random.Generator) -> Cell:
    """The log-det beside that of the Jacobian; if it is noisy, that of the other direction's."""
    (trip, _, own, other), _ = _equalities(s, x, c, rng)
    found = _verdict(*own)
    if found.right is None and _closed(s, c, trip).right:
        name, yours, *_ = own
        _, _, opposite, allowed = other
        return _verdict(name, yours, -opposite, allowed)
    return found


def _equalities(s: Subject | Turned, x: NDArray, c: NDArray, rng: np.random.Generator) -> tuple:
    there = Probe.of(s, (x, c), {})
    back = Probe.of(s, (there.forward()[0][0], c), {}, direction="inverse")
    return equalities_of(there, back, rng)


def _verdict(name: str, yours: NDArray, expected: NDArray, allowed: NDArray) -> Cell:
    """A row of `check.bijection` as a cell; what is off by less than 1e-6 is right."""
    if yours.shape != expected.shape or not np.isfinite(expected).all():
        return Cell(False, "shape" if yours.shape != expected.shape else "nan", name)
    row = equal(name, yours, expected, allowed)
    off = gap(yours, expected)
    if row.state == State.INCONCLUSIVE and not off <= NEAR:
        return Cell(None, "?", "too badly conditioned here to tell")
    return Cell(row.state == State.OK or off <= NEAR, f"{off:.0e}", row.worst)


def round_trip(s: Subject, rng: np.random.Generator) -> Cell:
    return _trip(s, *points(rng), rng)


def round_trip_back(s: Subject, rng: np.random.Generator) -> Cell:
    return _trip(Turned(s), *points(rng), rng)


def log_det(s: Subject, rng: np.random.Generator) -> Cell:
    return _log_det(s, *points(rng), rng)


def log_det_back(s: Subject, rng: np.random.Generator) -> Cell:
    return _log_det(Turned(s), *points(rng), rng)


def consistent(s: Subject, rng: np.random.Generator) -> Cell:
    """log_prob is that of N(0, 1) at forward(x), and its log-det."""
    x, c = points(rng)
    z, logdet = s.forward(x, c)[:2]
    base = -np.sum(z**2, axis=1) / 2 - np.log(2 * np.pi)
    return within(gap(s.log_prob(x, c), base + logdet))


def context(s: Subject, rng: np.random.Generator) -> Cell:
    """Every coordinate of a sample depends on the context, where any does."""
    z, c = points(rng)
    moved = np.abs(s.inverse(z, c + 1.0)[0] - s.inverse(z, c)[0]).max(axis=0)
    if not moved.any():
        return Cell(None, "-", "the model takes no notice of its context at all")
    still = np.flatnonzero(moved <= 1e-9 * moved.max())
    why = f"coordinates {still.tolist()} do not change with the context" if len(still) else ""
    return Cell(not len(still), f"{len(still)} still" if len(still) else "all", why)


def rows(s: Subject, rng: np.random.Generator) -> Cell:
    """A batch is its rows, one by one."""
    x, c = points(rng)
    alone = np.concatenate([s.log_prob(x[k : k + 1], c[k : k + 1]) for k in range(N)])
    return within(gap(alone, s.log_prob(x, c)), 1e-9)


def far(s: Subject, rng: np.random.Generator) -> Cell:
    """Far from the data the density is finite and the round trip holds to six figures."""
    x, c = points(rng)
    x = 50.0 * np.sign(x)
    found = s.log_prob(x, c)
    if np.isnan(found).any() or np.any(found == np.inf):
        return Cell(False, "nan", "log_prob is not a number at |x| = 50")
    if not np.isfinite(s.forward(x, c)[0]).all():
        return Cell(None, "inf", "forward(x) overflows at |x| = 50")
    return _trip(s, x, c, rng)
