"""The triplet loss: TRI-1, of which the notes have the heading."""

import numpy as np

from minigen.check import gradients
from minigen.derivations.equation import NotEvaluable, Result, entry
from minigen.derivations.tools.compare import gap, worst
from minigen.metric import Normalize, TripletLoss


@entry(
    "TRI-1", code=(TripletLoss.forward, TripletLoss.backward, Normalize.forward, Normalize.backward)
)
def tri_1(rng: np.random.Generator) -> Result:
    r"""Incomplete, line 5 of the notes.

    printed: # Triplet loss
    correct: L=\sum_{i=1}^{N}\Big[\|a_i-p_i\|^2-\|a_i-n_i\|^2+m\Big]_+,\quad a=f(x^a),\ p=f(x^p),\ n
        =f(x^n),\quad\|f\|=1
    gradient: \text{active: }da=2(n-p),\ dp=2(p-a),\ dn=2(a-n);\quad y=\frac h{\|h\|}:\ dh
        =\frac{dy-y\,\langle y,dy\rangle}{\|h\|}

    A heading without text. The formula here is FaceNet's loss: squared distances, a hinge with
    margin m, embeddings of length one, a sum over triplets. A triplet that already keeps the margin
    adds nothing to the loss and to the gradient, and a shift of all points changes nothing.
    """
    loss, unit = TripletLoss(margin=0.2, reduce="sum"), Normalize()
    h = rng.standard_normal((3, 40, 4))
    a, p, n = (unit.forward(x)[0] for x in h)
    u = np.array(
        [sum((i - j) ** 2) - sum((i - k) ** 2) + 0.2 for i, j, k in zip(a, p, n, strict=True)]
    )
    keep = np.abs(u) > 1e-6  # away from the kink
    a, p, n, u = a[keep], p[keep], n[keep], u[keep]
    value, cache = loss.forward(a, p, n)
    da, dp, dn, _ = loss.backward(1.0, cache)
    still = max(np.abs(d[u < 0]).max(initial=0) for d in (da, dp, dn))
    error = worst(gap(value, np.maximum(u, 0).sum()), still, gap(da + dp + dn, 0 * a),
                  gap((a * a).sum(axis=1), np.ones(len(a))))  # fmt: skip
    reports = gradients(loss, a, p, n, rng=rng), gradients(unit, h[0][:6], rng=rng)
    note = f"{np.sum(u > 0)} of {len(u)} triplets active"
    return Result(error, NotEvaluable("a heading, no formula"), reports, note)
