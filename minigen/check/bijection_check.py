"""An invertible map against its own Jacobian."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.check.comparison import unit
from minigen.check.gradient_check import gradient_rows
from minigen.check.probe import Probe
from minigen.check.reference import choose
from minigen.check.report import Diagnosis, Kind, Report, Row, State, versus
from minigen.check.richardson import size
from minigen.core import validate
from minigen.core.contract import NoInverseGradient
from minigen.core.signature import checked

TOLERANCE = 1e-12
UNSURE = 1e-6
EPS = 2.0**-52
BAD_CONDITION = Diagnosis(Kind.ILL_CONDITIONED, "the map is too badly conditioned here to tell")
OTHER_WAY = Diagnosis(Kind.LOGDET_SIGN, "the sign: this is the log-det of the other direction")


@checked
def bijection(layer: Any, x: ArrayLike, *context: ArrayLike, rng: np.random.Generator) -> Report:
    """Check that a map is inverted by its inverse and its log-dets are those of its Jacobian.

    x = inverse(forward(x)) and y = forward(inverse(y)), to 1e-12 of what rounding can amplify;
    logdet = log|det J|, of forward and of inverse, to (1e-12 + cond(J) e) D with J by complex
    step (Squire & Trapp 1998), never by the other log-det. Then the gradients of `forward`, and
    those of `inverse` if it has an `inverse_backward`.

    The error e of J is 2^-52; where differences are needed, it has 20 estimates of their error
    besides, relative to J's largest entry. If a tolerance exceeds 1e-6 (1 + |value|), the row is
    inconclusive. The row `structure` says which entries of the Jacobian are exactly 0.

    Parameters
    ----------
    layer : object
        Anything with the methods of a `Bijection`: `forward` and `inverse` return (y, logdet,
        cache); `inverse_backward` may be missing. A float64 copy is checked.
    x : array_like
        (N, D), the points.
    *context : array_like
        (N, C), the context of a conditional map.
    rng : numpy.random.Generator
        Draws the cotangents.

    Returns
    -------
    Report
        A row for each equality and each gradient.

    Raises
    ------
    InvalidInput
        If an argument is not of the expected form.

    Examples
    --------
    >>> flow = mg.flows.real_nvp(2, layers=2, rng=rng)
    >>> report = mg.check.bijection(flow.chain, rng.standard_normal((3, 2)), rng=rng)
    >>> bool(report), report.rows[3].name, report.rows[3].state
    (True, 'logdet of inverse', <State.OK: 'ok'>)
    """
    validate.generator(rng)
    validate.methods("layer", layer, "forward", "inverse")
    there = Probe.of(layer, (x, *context), {}).tried()
    return Report(f"bijection {type(layer).__name__}", tuple(_bijection_rows(there, rng)))


def _bijection_rows(there: Probe, rng: np.random.Generator) -> list[Row]:
    """The rows of a map, probed at x."""
    x, *context = there.inputs.values()
    outputs, _ = there.forward()
    if len(outputs) != 2:
        return [_not_three("forward", "y", outputs)]
    y, logdet = outputs
    back = Probe.of(there.layer, (y, *context), {}, direction="inverse")
    outputs, _ = back.forward()
    if len(outputs) != 2:
        return [_not_three("inverse", "x", outputs)]
    logdet_back = outputs[1]
    equalities, J = equalities_of(there, back, rng)
    rows = [
        *(equal(*equality) for equality in equalities),
        Row("structure", State.OK, note=_structure(J)),
    ]
    if logdet.shape == (len(x),):
        rows += gradient_rows(there, rng)[0]
    if logdet_back.shape == (len(x),):
        rows += _inverse_rows(back, rng)
    return rows


Equality = tuple[str, NDArray, NDArray, NDArray]  # name, yours, expected, allowed gap


def equalities_of(
    there: Probe, back: Probe, rng: np.random.Generator
) -> tuple[list[Equality], NDArray]:
    """(both round trips and both log-dets, the Jacobian J (N, D, D) of forward)."""
    x, *context = there.inputs.values()
    (y, logdet), (x_again, logdet_back) = there.forward()[0], back.forward()[0]
    y_again = there.push([x_again.copy(), *context], {})[0][0]
    J, J_error = _row_jacobian(there, rng)
    K, K_error = _row_jacobian(back, rng)
    # what a rounding error of x or y can become on the way there and back
    reach_y = np.abs(y) + _product(J, x)
    reach_x = np.abs(x) + _product(K, reach_y)
    return [
        ("x = inverse(forward(x))", x_again, x, TOLERANCE * reach_x),
        ("y = forward(inverse(y))", y_again, y, TOLERANCE * (reach_y + _product(J, reach_x))),
        ("logdet of forward", logdet, np.linalg.slogdet(J)[1], J_error),
        ("logdet of inverse", logdet_back, np.linalg.slogdet(K)[1], K_error),
    ], J


def _not_three(method: str, output: str, outputs: list[NDArray]) -> Row:
    """The row of a method that returns another number of values than three."""
    text = f"expected ({output}, logdet, cache), got {len(outputs) + 1} values"
    return Row(method, State.WRONG, diagnosis=Diagnosis(Kind.SHAPE, text))


def _inverse_rows(back: Probe, rng: np.random.Generator) -> list[Row]:
    """The rows of the gradients of the inverse, or one that says that it has none."""
    name = "inverse_backward"
    if not hasattr(back.layer, name):
        return [
            Row(name, State.SKIPPED, note="not defined: gradients of the inverse are not checked")
        ]
    try:
        rows, _ = gradient_rows(back, rng)
    except NoInverseGradient as error:
        return [Row(name, State.SKIPPED, note=str(error))]
    return [replace(row, name=f"inverse {row.name}") for row in rows]


def _row_jacobian(probe: Probe, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """(J (N, D, D) of the first output by the first input, the error of its log-det (N,))."""
    name, x = next(iter(probe.points.items()))
    reference, columns, errors = choose(probe, "auto", rng), [], []
    for d in range(x.shape[1]):
        (slope, *_), (error, *_) = reference.along({name: unit(x, (slice(None), d))})
        columns.append(slope)
        errors.append(size(error, 0.0))
    J = np.stack(columns, axis=2)
    error = EPS + 20 * max(errors) / size(J)
    return J, x.shape[1] * (TOLERANCE + np.linalg.cond(J) * error)


def _product(J: NDArray, x: NDArray) -> NDArray:
    """|J| |x|, row by row."""
    return np.einsum("nij,nj->ni", np.abs(J), np.abs(x))


@checked
def equal(name: str, yours: NDArray, expected: NDArray, allowed: NDArray | float) -> Row:
    """The row of an equality."""
    if yours.shape != expected.shape:
        text = f"expected shape {expected.shape}, got {yours.shape}"
        return Row(name, State.WRONG, diagnosis=Diagnosis(Kind.SHAPE, text))
    gap = np.abs(yours - expected)
    gap = np.where(np.isfinite(gap), gap, np.nan)  # which no tolerance allows
    error = float(gap.max(initial=0))
    if np.all(gap <= allowed):
        if np.all(allowed <= UNSURE * (1 + np.abs(expected))):
            return Row(name, State.OK, error)
        return Row(name, State.INCONCLUSIVE, error, diagnosis=BAD_CONDITION)
    at = np.unravel_index(np.argmax(gap), gap.shape)
    worst = f"[{', '.join(map(str, at))}]: {versus(yours[at], expected[at])}"
    turned = name.startswith("logdet") and np.all(np.abs(yours + expected) <= allowed)
    return Row(name, State.WRONG, error, "", worst, OTHER_WAY if turned else None)


def _structure(J: NDArray) -> str:
    """Which entries of the Jacobian are exactly 0, and the order in which it is triangular."""
    used = np.any(J != 0, axis=0)
    order = _triangular(used)
    kind = "not triangular" if order is None else f"triangular in the order {order}"
    if not np.any(used & ~np.eye(len(used), dtype=bool)):
        kind = "diagonal"
    return f"{kind}, {used.size - used.sum()} of {used.size} entries of the Jacobian are 0"


def _triangular(used: NDArray) -> list[int] | None:
    """An order of the columns in which each output uses only inputs so far, or None."""
    reached = np.linalg.matrix_power(used | np.eye(len(used), dtype=bool), len(used))
    order = np.argsort(reached.sum(axis=1), kind="stable")
    return None if np.triu(used[np.ix_(order, order)], 1).any() else order.tolist()
