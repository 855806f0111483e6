"""Every gradient of a layer, entry by entry, against an independent reference."""

import functools
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.check.adjoint_check import direction_rows
from minigen.check.comparison import Comparison, Slopes, compare
from minigen.check.diagnosis import Mismatch, diagnose
from minigen.check.evaluation import Evaluation
from minigen.check.probe import Probe
from minigen.check.report import Report, Row, State, versus
from minigen.check.shapes import misshapen
from minigen.check.tolerance import decided, worst_of
from minigen.core import validate
from minigen.core.signature import checked

SHARED, FEWEST = 2000, 8  # entries checked by default: in all, and in each array


@checked
def gradients(
    layer: Any, *inputs: ArrayLike, given: dict[str, Any] | None = None, rng: np.random.Generator,
    method: Literal["auto", "complex", "richardson"] = "auto", entries: int | None = None,
) -> Report:  # fmt: skip
    """Check that `backward` is the derivative of `forward`: inputs and parameters, entry by entry.

    backward(v) = v . d forward / d (inputs, params) for a random v of mixed signs. The reference
    is the complex step (Squire & Trapp 1998), with a tolerance of 1e-12 of each entry; or, if the
    forward pass is not complex-clean, Richardson extrapolation with an estimate of its own error,
    which may leave an entry inconclusive.

    Parameters
    ----------
    layer : object
        Anything with `forward` and `backward` that keep the contract: a `Layer`, or an object
        whose `params` is a dict of the arrays it computes with. A float64 copy is checked.
    *inputs : array_like
        The positional inputs of `forward`.
    given : dict, optional
        The keyword inputs of `forward` (time steps, labels, noise), which are not differentiated.
    rng : numpy.random.Generator
        Draws the cotangents v, and the entries of large arrays.
    method : {"auto", "complex", "richardson"}
        The reference; "auto" takes the complex step if it agrees with differences along a random
        direction.
    entries : int, optional
        At most so many entries of each array are checked, drawn at random; then all arrays are
        checked along two random directions besides. By default 2000 are shared among the arrays,
        at least 8 each. Each costs a forward pass: for large models, see `adjoint`.

    Returns
    -------
    Report
        False if anything is wrong or inconclusive; as text it says where and why. Errors are
        relative to the array's largest entry, unless all are 0.

    Raises
    ------
    InvalidInput
        If an argument is not of the expected form, or `method` is "complex" and the forward pass
        is not complex-clean.

    Examples
    --------
    >>> layer, x = mg.nn.Linear.init(3, 2, rng=rng), rng.standard_normal((4, 3))
    >>> bool(mg.check.gradients(layer, x, rng=rng))
    True
    >>> class Wrong(mg.nn.Linear):
    ...     def backward(self, dy, cache):
    ...         dx, grads = super().backward(dy, cache)
    ...         return -dx, grads
    >>> (row,) = mg.check.gradients(Wrong(layer.W, layer.b), x, rng=rng).failures
    >>> row.name, row.diagnosis.text
    ('dx', 'the sign: minus yours is right')
    """
    validate.generator(rng)
    if entries is not None:
        validate.integer("entries", entries, 1)
    rows, note = gradient_rows(Probe.of(layer, inputs, given or {}).tried(), rng, method, entries)
    return Report(f"gradients of {type(layer).__name__}", tuple(rows), note)


def gradient_rows(
    probe: Probe, rng: np.random.Generator, method: str = "auto", entries: int | None = None
) -> tuple[list[Row], str]:
    """(a row for each array of a probe, the note on the reference)."""
    limit = entries or max(FEWEST, SHARED // max(1, len(probe.points)))
    run = Evaluation.of(probe, rng, method)
    broken = {row.name: row for row in misshapen(probe.points, run.yours)}
    rows = [broken.pop(name, None) or _entry_row(name, run, limit) for name in probe.points]
    rows += broken.values()
    large = any(a.size > limit for a in probe.points.values())
    if large and all(row.state == State.OK for row in rows):
        rows += direction_rows(run, 2)
    return rows, run.reference.note


@np.errstate(all="ignore")  # numbers that are not finite are reported, not warned of
def _entry_row(name: str, run: Evaluation, limit: int) -> Row:
    """The row of one array, of which at most `limit` entries are checked."""
    full = np.asarray(run.yours[name])
    comparison = compare(Slopes.at_entries(name, full, limit, run.rng), run)
    note = "1 entry" if full.size == 1 else f"{full.size} entries"
    if full.size > limit:
        note += f", {limit} of them checked"
    row, bad = decided(comparison, run, note)
    if row.state == State.OK:
        return row
    again = functools.partial(run.again, name)
    why = row.diagnosis or diagnose(
        Mismatch(comparison, bad, full, run.names, run.rows, again, run.known)
    )
    note, worst = f"{bad.sum()} of {note}", worst_entry(comparison, bad)
    return replace(row, note=note, worst=worst, diagnosis=why)


def worst_entry(comparison: Comparison, bad: NDArray) -> str:
    """The worst entry in words."""
    i = worst_of(comparison, bad)
    place = comparison.where[i]
    index = f"[{', '.join(map(str, place))}]" if place else ""
    return f"{index}: {versus(comparison.yours[i], comparison.expected[i])}"
