"""An invertible map against its own Jacobian."""

import traceback
from dataclasses import dataclass, replace

import numpy as np

from minigen.check.gradient_check import gradients
from minigen.check.probe import Probe
from minigen.check.reference import choose
from minigen.check.report import Diagnosis, Kind, Report, Row, State, versus
from minigen.check.richardson import size
from minigen.core import validate
from minigen.core.contract import Bijection

RIGHT = 1e-12
UNSURE = 1e-6
EPS = 2.0**-52
BAD_CONDITION = Diagnosis(Kind.ILL_CONDITIONED, "the map is too badly conditioned here")
OTHER_WAY = Diagnosis(Kind.LOGDET_SIGN, "the sign: this is the log-det of the map the other way")


def bijection(layer, x, *context, rng):
    """Whether a map is inverted by its inverse, and its log-dets are those of its Jacobian.

        inverse(forward(x)) = x,   forward(inverse(y)) = y         to 1e-12 of what is amplified
        logdet = log|det J|, of forward and of inverse             to (1e-12 + cond(J) e) D

    with J by complex step (Squire & Trapp 1998), never by the other log-det; then the gradients
    of `forward`, and those of `inverse` where it has a `backward_inverse`. `structure` says which
    entries of the Jacobian are exactly 0. The error e of J is 2^-52, and 20 estimates more where
    differences have to do, of J's largest entry. What is known no better than to 1e-6 of 1 + its
    size is inconclusive.

    layer: anything with the methods of a `Bijection`, copied to float64; x (N, D); context (N, C).
    Returns a Report.
    """
    validate.generator(rng)
    validate.methods("layer", layer, "forward", "inverse")
    there = Probe.of(layer, (x, *context), {})
    f, (x, *context) = there.layer, there.inputs.values()
    y, logdet, _ = f.forward(x.copy(), *context)
    back = Probe.of(Inverse(f), (y, *context), {})
    x_again, logdet_back = f.inverse(y.copy(), *context)
    y_again = f.forward(x_again.copy(), *context)[0]
    J, J_error = row_jacobian(there, rng)
    K, K_error = row_jacobian(back, rng)
    # what a rounding error of x or y can become on the way there and back
    reach_y = np.abs(y) + product(J, x)
    reach_x = np.abs(x) + product(K, reach_y)
    rows = [
        equal("x = inverse(forward(x))", x_again, x, RIGHT * reach_x),
        equal("y = forward(inverse(y))", y_again, y, RIGHT * (reach_y + product(J, reach_x))),
        equal("logdet of forward", logdet, np.linalg.slogdet(J)[1], J_error),
        equal("logdet of inverse", logdet_back, np.linalg.slogdet(K)[1], K_error),
        Row("structure", State.OK, note=structure(J)),
    ]
    if np.shape(logdet) == (len(x),):
        rows += gradients(f, x, *context, rng=rng).rows
        rows += inverse_rows(f, y, context, rng)
    return Report(f"bijection {type(layer).__name__}", tuple(rows))


def row_jacobian(probe, rng):
    """(J (N, D, D) of the first output by the first input, the error of its log-det (N,))."""
    name, x = next(iter(probe.points.items()))
    reference, columns, errors = choose(probe, "auto", rng), [], []
    for d in range(x.shape[1]):
        unit = np.zeros(x.shape)
        unit[:, d] = 1
        (slope, *_), (error, *_) = reference.along({name: unit})
        columns.append(slope)
        errors.append(size(error, 0.0))
    J = np.stack(columns, axis=2)
    return J, x.shape[1] * (RIGHT + np.linalg.cond(J) * (EPS + 20 * max(errors) / size(J)))


def product(J, x):
    """|J| |x|, row by row."""
    return np.einsum("nij,nj->ni", np.abs(J), np.abs(x))


def equal(name, yours, expected, allowed):
    """The row of an equality."""
    if np.shape(yours) != expected.shape:
        text = f"expected shape {expected.shape}, got {np.shape(yours)}"
        return Row(name, State.WRONG, diagnosis=Diagnosis(Kind.SHAPE, text))
    gap = np.abs(yours - expected)
    gap = np.where(np.isfinite(gap), gap, np.nan)  # which no tolerance allows
    error = float(gap.max(initial=0))
    if np.all(gap <= allowed):
        sure = np.all(allowed <= UNSURE * (1 + np.abs(expected)))
        return (
            Row(name, State.OK, error)
            if sure
            else Row(name, State.INCONCLUSIVE, error, diagnosis=BAD_CONDITION)
        )
    at = np.unravel_index(np.argmax(gap), gap.shape)
    worst = f"[{', '.join(map(str, at))}]: {versus(yours[at], expected[at])}"
    turned = name.startswith("logdet") and np.all(np.abs(yours + expected) <= allowed)
    return Row(name, State.WRONG, error, "", worst, OTHER_WAY if turned else None)


def structure(J):
    """Which entries of the Jacobian are exactly 0, and the order in which it is triangular."""
    used = np.any(J != 0, axis=0)
    order = triangular(used)
    kind = "not triangular" if order is None else f"triangular in the order {order}"
    if not np.any(used & ~np.eye(len(used), dtype=bool)):
        kind = "diagonal"
    return f"{kind}, {used.size - used.sum()} of {used.size} entries of the Jacobian are 0"


def triangular(used):
    """An order of the columns in which each output uses only inputs so far, or None."""
    order = []
    while len(order) < len(used):
        free = [i for i in range(len(used)) if i not in order]
        ready = [i for i in free if not used[i, [j for j in free if j != i]].any()]
        if not ready:
            return None
        order += ready
    return order


@dataclass(frozen=True, eq=False)
class Inverse:
    """The inverse of a bijection as a layer of its own."""

    inverse: object

    @property
    def params(self):
        return {"inverse": getattr(self.inverse, "params", {})}

    def forward(self, y, *context):
        return *self.inverse.inverse(y, *context), (y, context)

    def backward(self, dx, dlogdet, cache):
        y, context = cache
        *dinputs, grads = self.inverse.backward_inverse(dx, dlogdet, y, *context)
        return *dinputs, {"inverse": grads}


def inverse_rows(f, y, context, rng):
    """The rows of the gradients of the inverse, or one that says that it has none."""
    missing = sequential(f, y, context)
    if missing:
        return [Row("backward_inverse", State.SKIPPED, note=missing)]
    rows = gradients(Inverse(f), y, *context, rng=rng).rows
    return [
        replace(row, name="inverse " + row.name.replace("params.inverse", "params")) for row in rows
    ]


def sequential(f, y, context):
    """Why the inverse has no gradient, or "" if it has."""
    if not hasattr(f, "backward_inverse"):
        return "there is none"
    try:
        f.backward_inverse(np.zeros_like(y), np.zeros(len(y)), y.copy(), *context)
    except TypeError as error:
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        if frame.f_code is not Bijection.backward_inverse.__code__:
            raise
        return "not written, or the inverse is sequential"
    return ""
