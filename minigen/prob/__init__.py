"""Probability densities."""

from minigen.prob.gaussian import Gaussian, StandardNormal
from minigen.prob.mixture import Mixture

__all__ = ["Gaussian", "Mixture", "StandardNormal"]
