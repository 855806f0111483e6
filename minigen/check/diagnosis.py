"""Why a gradient is wrong: the usual mistakes, tried one after the other on the numbers.

Each function of `TESTS` looks at the evidence and answers with a sentence, or "" if it is not
that. The first answer is given.
"""

import numpy as np

from minigen.check.evidence import Evidence


def diagnose(evidence, full, trial):
    """One sentence; `full` is the whole gradient as given, `trial` the run it comes from."""
    with np.errstate(all="ignore"):
        return next(filter(None, (test(evidence, full, trial) for test in TESTS)), "")


def fits(guess, e: Evidence):
    """Whether yours is `guess`, to nine figures."""
    near = 1e-9 * np.abs(guess) + 1e-10 * e.scale + 20 * e.error
    return bool(np.all(np.abs(e.yours - guess) <= near))


def not_finite(e, full, trial):
    bad = np.argwhere(~np.isfinite(full))
    if len(bad):
        at = ", ".join(map(str, bad[0]))
        return f"{full[tuple(bad[0])]} in {len(bad)} of {full.size} entries, the first at [{at}]"
    return ""


def remembers(e, full, trial):
    alone = np.asarray(trial.alone[e.claim.name])
    if alone.shape != full.shape or np.array_equal(alone, full, equal_nan=True):
        return ""
    return (
        "other numbers when no other forward runs in between: the layer remembers its last "
        "input; everything backward needs belongs in the cache"
    )


def rounding(e, full, trial):
    if np.all(e.gap <= 1e-5 * e.scale):
        return (
            f"almost right, to {e.gap.max() / e.scale:.0e}: finite differences, float32 in the "
            "middle, or a small constant added?"
        )
    return ""


def zero(e, full, trial):
    return "zero everywhere: is a path missing?" if not e.yours.any() else ""


def ratio(e, full, trial):
    g = e.expected
    c = np.sum(e.yours * g) / np.sum(g * g)
    if not fits(c * g, e):
        return ""
    for number, text in known_ratios(trial):
        if abs(c - number) < 1e-9 * abs(number):
            return text
    return f"always {c:.6g} times the right one: a constant factor" if len(g) > 1 else ""


def known_ratios(trial):
    n = trial.rows
    yield -1, "the sign: minus yours is right"
    yield 2, "twice the right one: accumulated twice?"
    yield 0.5, "half the right one: the 2 of a square, or one of two paths missing?"
    if n > 1:
        yield n, f"N = {n} times the right one: a sum over the batch instead of the mean?"
        yield 1 / n, f"1/N of the right one (N = {n}): a mean over the batch instead of the sum?"
        yield -n, f"-N = {-n} times the right one: the sign, and a sum instead of the mean?"
        yield -1 / n, f"-1/N of the right one (N = {n}): the sign, and a mean instead of the sum?"


def output_term(e, full, trial):
    for name, part in zip(trial.names, e.parts, strict=True):
        if fits(e.expected - part, e):
            return f"the term of d{name} is missing: this is the gradient with d{name} = 0"
        if fits(e.expected - 2 * part, e):
            return f"the term of d{name} has the wrong sign"
        if fits(e.expected + part, e):
            return f"the term of d{name} is counted twice"
    return ""


def cotangent(e, full, trial):
    for name, part, one in zip(trial.names, e.parts, e.ones, strict=True):
        if fits(e.expected - part + one, e):
            return f"ignores d{name}: this is the gradient with d{name} = 1"
    if fits(e.ones.sum(axis=0), e):
        return "ignores its cotangents: this is the gradient with ones for all of them"
    if np.array_equal(np.asarray(trial.doubled[e.claim.name]), full):
        return "ignores its cotangents: it stays as it is when they are doubled"
    return ""


def transpose(e, full, trial):
    if full.ndim == 2 and full.shape[0] == full.shape[1]:
        turned = np.array([full.T[index] for index in e.claim.where])
        if np.all(np.abs(turned - e.expected) <= 1e-9 * e.scale + 20 * e.error):
            return "the transpose of the right one"
    return ""


def mask(e, full, trial):
    wrong = e.gap > 1e-9 * e.scale
    if np.all(e.size[wrong] == 0):
        return "right except where the gradient is 0: is a mask missing?"
    if np.all(e.yours[wrong] == 0):
        return "right except where yours is 0: is something masked, or a path missing?"
    return ""


def some_signs(e, full, trial):
    if np.all(np.abs(np.abs(e.yours) - np.abs(e.expected)) <= 1e-9 * e.scale):
        return "right but for the sign of some entries"
    return ""


def clipped(e, full, trial):
    top = np.abs(e.yours).max()
    if len(e.yours) > 2 and fits(np.clip(e.expected, -top, top), e):
        return f"clipped at {top:.6g}"
    return ""


def place(e, full, trial):
    wrong = [index for index, gap in zip(e.claim.where, e.gap, strict=True) if gap > 1e-9 * e.scale]
    for axis, name in enumerate(("row", "column")[: full.ndim] if full.ndim == 2 else ()):
        lines = sorted({index[axis] for index in wrong})
        if len(lines) < len({index[axis] for index in e.claim.where}):
            listed = ", ".join(map(str, lines[:8])) + (", ..." if len(lines) > 8 else "")
            return f"wrong only in {name}{'s' if len(lines) > 1 else ''} {listed}"
    return ""


TESTS = (
    not_finite, remembers, rounding, zero, ratio, output_term, cotangent,
    transpose, mask, some_signs, clipped, place,
)  # fmt: skip
