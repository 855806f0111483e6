"""Every gradient of a layer, entry by entry, against the complex step."""

import numpy as np

from minigen.check.complexstep import ComplexStep, no_part_lost
from minigen.check.report import OK, WRONG, Report, Row
from minigen.check.subject import Subject, cotangents
from minigen.core import validate


def gradients(layer, *inputs, rng, method="auto", entries=256, **given):
    """Compare what `backward` says with the derivative of what `forward` computes."""
    validate.generator(rng)
    subject = Subject.of(layer, inputs, given)
    outputs, cache = subject.forward()
    vs = cotangents(outputs, rng)
    yours = subject.backward(vs, cache)
    with no_part_lost():
        oracle = ComplexStep(subject)
        rows = [
            compare(name, array, yours.get(name), oracle, vs, rng, entries)
            for name, array in subject.points.items()
        ]
    return Report(f"gradients of {layer!r}", tuple(rows))


def compare(name, array, yours, oracle, vs, rng, entries):
    """The row of one array."""
    if np.shape(yours) != array.shape:
        return Row(name, WRONG, why=f"expected shape {array.shape}, got {np.shape(yours)}")
    yours = np.asarray(yours)
    flat = np.arange(array.size)
    if array.size > entries:
        flat = rng.choice(array.size, entries, replace=False)
    where = list(zip(*np.unravel_index(flat, array.shape), strict=True)) if array.ndim else [()]
    parts = np.zeros((len(vs), len(where)))
    size = np.zeros(len(where))
    for i, index in enumerate(where):
        slopes, _ = oracle.entry(name, index)
        terms = [v.ravel() * s.ravel() for v, s in zip(vs, slopes, strict=True)]
        parts[:, i] = [t.sum() for t in terms]
        size[i] = sum(np.abs(t).sum() for t in terms)
    expected = parts.sum(axis=0)
    mine = np.array([yours[index] for index in where])
    scale = size.max(initial=0)
    gap = np.abs(mine - expected)
    bad = ~(gap <= 1e-12 * np.abs(expected) + 1e-14 * scale)
    error = gap.max(initial=0) / scale if scale else gap.max(initial=0)
    if not bad.any():
        return Row(name, OK, error)
    worst = np.argmax(np.where(np.isfinite(gap), gap, np.inf))
    at = ", ".join(map(str, map(int, where[worst])))
    why = f"{name}[{at}]: yours {mine[worst]:+.6g}, expected {expected[worst]:+.6g}"
    return Row(name, WRONG, error, f"{bad.sum()} of {len(where)} entries", why)
