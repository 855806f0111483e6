"""Questions about a density: its mass, and its samples."""

import functools

import numpy as np
from numpy.typing import NDArray

from minigen.audit.cell import Cell
from minigen.audit.subject import Subject
from minigen.check import Report, State
from minigen.check.density_check import KNOWN, mass_row, samples_row
from minigen.check.integral import Region, by_weights, over_boxes, wider

BUDGET, DRAWS = 100_000, 200_000  # points of an integral over boxes, and of one by weights


def _density(s: Subject, rng: np.random.Generator, row: str) -> Cell:
    if not hasattr(s, "report"):
        s.report = _report(s, rng)
    report: Report = s.report
    (found,) = [r for r in report.rows if r.name == row]
    why = found.diagnosis.text if found.diagnosis else ""
    right = {State.OK: True, State.WRONG: False}.get(found.state)
    text = f"{found.error:.0e}" if found.error is not None else found.note.split()[-4]
    return Cell(right, text if right is not None else "?", why)


def _report(s: Subject, rng: np.random.Generator) -> Report:
    c = rng.standard_normal((1, 1))

    def log_prob(x: NDArray) -> NDArray:
        size = min(1 << len(x).bit_length(), 1 << 15)  # few sizes: JAX compiles for each
        full = np.pad(x, ((0, -len(x) % size), (0, 0)))
        parts = [full[k : k + size] for k in range(0, len(full), size)]
        return np.concatenate([s.log_prob(p, np.repeat(c, size, 0)) for p in parts])[: len(x)]

    x = s.sample(10_000, c)
    ends = np.array([[-np.inf] * 2, [np.inf] * 2])
    integrate = functools.partial(over_boxes, region=Region.around(x, ends), budget=BUDGET)
    integral = integrate(log_prob)
    if integral.error > KNOWN * integral.mass:  # steep places: weights at draws near the samples
        integrate = functools.partial(by_weights, draws=wider(x, rng, DRAWS))
        integral = integrate(log_prob)
    rows = (mass_row(integral, log_prob, {}, integrate), samples_row(integral, x, rng))
    return Report("density", rows, values=True)


def mass(s: Subject, rng: np.random.Generator) -> Cell:
    return _density(s, rng, "mass")


def samples(s: Subject, rng: np.random.Generator) -> Cell:
    return _density(s, rng, "samples")
