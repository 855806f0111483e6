"""Probability densities, and the divergences between them.

p = mg.prob.Gaussian.from_moments(mu, Sigma)       p.log_prob(x), p.sample(n, rng=rng)
"""

from minigen.prob.dequantization import dequantize
from minigen.prob.discretized import DiscretisedGaussian, log_ndtr
from minigen.prob.gaussian import Gaussian, StandardNormal
from minigen.prob.kl import KLDiagonal
from minigen.prob.mixture import Mixture

__all__ = [
    "DiscretisedGaussian", "Gaussian", "KLDiagonal", "Mixture", "StandardNormal",
    "dequantize", "log_ndtr",
]  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
