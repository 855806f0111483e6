"""A log-det wrong in both directions.

where: The gap in the tests of nflows, normflows and pytorch-flows: they compare the log-det of the
    forward map with that of the inverse, and never with a Jacobian. flowjax issue 208 and flowtorch
    issue 100 are two wrong signs that passed such tests.
what: The log-det is wrong by the same factor or sign wherever it is computed.
effect: The density does not integrate to one: likelihoods are numbers without a meaning, and
    training increases the part that is counted twice.
check: bijection: the log-det against slogdet of a Jacobian found without it; quadrature.
answer: coupling:
    `return y, s.sum(axis=1), (xa` -> `return y, 2 * s.sum(axis=1), (xa`;
    `+ dlogdet[:, None]` -> `+ 2 * dlogdet[:, None]`;
    `np.exp(-s)], axis=1), -s.sum` -> `np.exp(-s)], axis=1), -2 * s.sum`
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen import check
from minigen.core import tree
from minigen.core.contract import Bijection, Cache
from minigen.derivations.museum.exhibit import Exhibit, Finding, first_lines
from minigen.flows import AffineCoupling, Chain, Flow
from minigen.prob import StandardNormal


class Doubled(AffineCoupling):
    """logdet = 2 sum_j s_j, and consistently so."""

    def forward(self, x: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        y, logdet, cache = super().forward(x, *context)
        return y, 2 * logdet, cache

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        return super().backward(dy, 2 * dlogdet, cache)

    def inverse(self, y: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        x, logdet, cache = super().inverse(y, *context)
        return x, 2 * logdet, cache


def mass(layer: Bijection, half: float = 12.0, points: int = 601) -> float:
    """The integral of exp(log p) of a one-layer flow over a square, by the trapezoidal rule."""
    axis = np.linspace(-half, half, points)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    logp = Flow(Chain((layer,)), StandardNormal(2)).log_prob(grid)
    return float(np.exp(logp).sum() * (axis[1] - axis[0]) ** 2)


def measure(rng: np.random.Generator) -> Finding:
    fresh = AffineCoupling.init(2, (8,), rng=rng, activation="tanh")
    right = tree.perturbed(fresh, rng, 0.5)
    wrong = Doubled(right.net, right.d, right.c)
    x = rng.standard_normal((6, 2))
    y, there, _ = wrong.forward(x)
    again, back, _ = wrong.inverse(y)
    missed = (
        f"the round trip ({np.abs(again - x).max():.0e})",
        f"logdet there + logdet back = 0 ({np.abs(there + back).max():.0e})",
        f"every gradient ({bool(check.gradients(wrong, x, rng=rng))}): wrong in the same way",
    )
    figures = (("integral of the density", mass(right), mass(wrong)),)
    return Finding(figures, first_lines(check.bijection(wrong, x, rng=rng)), missed)


EXHIBIT = Exhibit.of(measure, AffineCoupling.forward, Doubled)
