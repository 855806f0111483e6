"""The sign of the inverse's log-det.

where: pytorch-flows, flows.py, MADE; reported as issue 16 in 2020. Also normflows (2023), flowjax,
    flowtorch and bayesflow, each in another map.
what: MADE returns -sum(alpha) as log-det in the direct and in the inverse direction.
effect: Density and training are right. All that uses the log-det returned with a sample is wrong by
    twice the log-det: variational bounds, importance weights, normalisers.
check: bijection: each log-det against the Jacobian of its own direction.
answer: coupling: `np.exp(-s)], axis=1), -s.sum` -> `np.exp(-s)], axis=1), s.sum`
"""

import numpy as np
from numpy.typing import NDArray

from minigen import check
from minigen.core import tree
from minigen.core.contract import Cache
from minigen.derivations.museum.exhibit import Exhibit, Finding, first_lines
from minigen.flows import Chain, Flow, MAFLayer
from minigen.flows.normalizer import log_normalizer
from minigen.prob import Gaussian, StandardNormal


class SameSign(MAFLayer):
    """log|det dz/dx| = -sum alpha in both directions."""

    def inverse(self, z: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        x, logdet, cache = super().inverse(z, *context)
        return x, -logdet, cache


def measure(rng: np.random.Generator) -> Finding:
    right = tree.perturbed(MAFLayer.init(2, (8,), rng=rng, activation="tanh"), rng, 0.5)
    wrong = SameSign(right.made, right.c)
    target = Gaussian.init(2, dtype=np.float64)  # its log Z is 0
    z, figures = rng.standard_normal((4000, 2)), []
    gaps, logZ = [], []
    for layer in (right, wrong):
        flow = Flow(Chain((layer,)), StandardNormal(2))
        x, logdet = flow.decode(z)
        with_sample = flow.base.forward(z)[0] - logdet
        gaps.append(np.abs(with_sample - flow.log_prob(x)).max())
        logZ.append(log_normalizer(flow, target, rng=np.random.default_rng(1)).estimate)
    figures = (
        ("log p given with a sample, nats off", *gaps),
        ("log Z of a normalised density", *logZ),
    )
    same = np.abs(wrong.inverse(wrong.forward(z)[0])[0] - z).max()
    report = check.bijection(wrong, z[:5], rng=rng)
    missed = f"the round trip of x ({same:.0e}), training by likelihood, the density itself"
    return Finding(figures, first_lines(report), (missed,))


EXHIBIT = Exhibit.of(measure, MAFLayer.inverse, SameSign)
