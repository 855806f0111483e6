"""A bijection against its own Jacobian."""

import numpy as np

from minigen.check.complexstep import jacobian
from minigen.check.gradients import gradients
from minigen.check.report import OK, WRONG, Report, Row
from minigen.check.subject import Subject


def bijection(layer, x, *context, rng, **given):
    """Round trips, log-dets against the complex-step Jacobian, and gradients."""
    f = Subject.of(layer, (x, *context), given)
    x, *context = f.inputs.values()
    f = f.layer
    y, logdet, _ = f.forward(x, *context)
    back, logdet_back = f.inverse(y, *context)
    D = x.shape[1]

    def row(name, a, b, tol):
        gap = float(np.max(np.abs(np.asarray(a) - b), initial=0))
        return Row(name, OK if gap <= tol else WRONG, gap)

    J = jacobian(lambda z: f.forward(z, *context)[0], x)
    K = jacobian(lambda z: f.inverse(z, *context)[0], y)
    rows = [
        row("round trip x", back, x, 1e-12 * D * (1 + np.abs(x).max())),
        row("logdet of forward", logdet, np.linalg.slogdet(J)[1], 1e-12 * D),
        row("logdet of inverse", logdet_back, np.linalg.slogdet(K)[1], 1e-12 * D),
    ]
    report = gradients(layer, x, *context, rng=rng, **given)
    return Report(f"bijection {layer!r}", (*rows, *report.rows))
