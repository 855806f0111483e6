"""A whole model at the price of a few forward passes.

    v . (J u) = (J^T v) . u        for random u and v

J u is one complex forward pass, J^T v is what `backward` gives. Each array's part of u is divided
by the size of its gradient; otherwise a small array would be lost beside a large one.
"""

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.check.comparison import Slopes, compare
from minigen.check.evaluation import Evaluation
from minigen.check.probe import Probe
from minigen.check.report import Report, Row, State
from minigen.check.shapes import misshapen
from minigen.check.tolerance import decided
from minigen.core import validate
from minigen.core.signature import Range, checked

FAINT = 1e-3  # cap on the weight of an array whose gradient is only rounding noise


@checked
def adjoint(
    layer: Any, *inputs: ArrayLike, given: dict[str, Any] | None = None, rng: np.random.Generator,
    method: Literal["auto", "complex", "richardson"] = "auto",
    directions: Annotated[int, Range(1, 10_000)] = 8,
) -> Report:  # fmt: skip
    """Check that `backward` is the adjoint of the derivative of `forward`, along random directions.

    v . (J u) = (J^T v) . u for random u and v. This is the check for whole models: it costs one
    complex forward pass per direction, however many parameters there are, and says which array
    is wrong, not which entry (`gradients` does).

    Parameters
    ----------
    layer : object
        Anything with `forward` and `backward`, as in `gradients`.
    *inputs : array_like
        The positional inputs of `forward`.
    given : dict, optional
        The keyword inputs of `forward`, which are not differentiated.
    rng : numpy.random.Generator
        Draws the cotangents v and the directions u.
    method : {"auto", "complex", "richardson"}
        The reference, as in `gradients`.
    directions : int
        The number of directions.

    Returns
    -------
    Report
        One row for all arrays together and, if that is wrong, one for each array. Errors are
        relative to the size of the terms of both sides.

    Raises
    ------
    InvalidInput
        If an argument is not of the expected form.

    Examples
    --------
    >>> flow = mg.flows.real_nvp(4, rng=rng)
    >>> report = mg.check.adjoint(flow.nll, rng.standard_normal((3, 4)), rng=rng)
    >>> bool(report), report.rows[0].note
    (True, '8 directions')
    """
    validate.generator(rng)
    run = Evaluation.of(Probe.of(layer, inputs, given or {}).tried(), rng, method)
    rows = misshapen(run.probe.points, run.yours) or direction_rows(run, directions)
    return Report(f"adjoint of {type(layer).__name__}", tuple(rows), run.reference.note)


def direction_rows(run: Evaluation, directions: int) -> list[Row]:
    """One row for all arrays together and, if it is wrong, one for each; none if all are empty."""
    names = [name for name, a in run.probe.points.items() if a.size]
    if not names:
        return []
    together = _direction_row("v.(Ju) = (J'v).u", names, run, directions)
    if together.state == State.OK or len(names) == 1:
        return [together]
    return [together, *(_direction_row(name, [name], run, directions) for name in names)]


@np.errstate(all="ignore")  # numbers that are not finite are reported, not warned of
def _direction_row(label: str, names: list[str], run: Evaluation, directions: int) -> Row:
    """The row of some directions in which only the arrays `names` move."""
    us = _random_directions(names, run.yours, directions, run.rng)
    comparison = compare(Slopes.along(label, us, run.yours), run)
    return decided(comparison, run, f"{directions} directions")[0]


def _random_directions(
    names: list[str], yours: dict, count: int, rng: np.random.Generator
) -> list[dict[str, NDArray]]:
    """Random u; each array of it is divided by the root mean square of its gradient."""
    sizes = {name: _rms(np.asarray(yours[name])) for name in names}
    least = FAINT * max(sizes.values())
    scales = {name: max(size, least) or 1.0 for name, size in sizes.items()}
    return [
        {name: rng.standard_normal(yours[name].shape) / s for name, s in scales.items()}
        for _ in range(count)
    ]


def _rms(g: NDArray) -> float:
    """The root mean square, 0 where it is not finite."""
    size = np.sqrt(np.mean(np.square(g)))
    return size if np.isfinite(size) else 0.0
