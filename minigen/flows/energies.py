"""Unnormalised densities on the plane, to train a flow by reverse KL.

The four of Rezende & Mohamed (2015). Three of theirs are strips without end; here a window
exp(-(x_1 / 4)^8 / 2), flat to |x_1| = 3, makes their integrals finite.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Density, Grads
from minigen.core.numeric import logsumexp, sigmoid
from minigen.core.signature import Count, checked


@dataclass(frozen=True, eq=False, repr=False)
class Ring(Density):
    """Two arcs of a ring.

        log p~ = -((|x| - 2) / 0.4)^2 / 2 + log sum_{m = -2, 2} exp(-((x_1 - m) / 0.6)^2 / 2)

    Shapes: x (N, 2), logp (N,).
    """

    features: Count = 2

    def forward(self, x: NDArray[np.inexact]) -> tuple[NDArray, Cache]:
        radius = np.sqrt((x * x).sum(axis=1))
        a = (x[:, :1] - np.array([-2, 2], x.real.dtype)) / 0.6
        side = logsumexp(-0.5 * a * a)
        rho = np.exp(-0.5 * a * a - side[:, None])
        return side - 0.5 * ((radius - 2) / 0.4) ** 2, (x, radius, a, rho)

    def backward(self, dlogp: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        x, radius, a, rho = cache
        dx = -((radius - 2) / (0.16 * radius))[:, None] * x
        dx[:, 0] -= (rho * a).sum(axis=1) / 0.6
        return dlogp[:, None] * dx, {}


@dataclass(frozen=True, eq=False, repr=False)
class Wave(Density):
    """Bands along curves.

        log p~ = log sum_k exp(-((x_2 - f_k(x_1)) / w_k)^2 / 2) - (x_1 / 4)^8 / 2
        f_1 = sin(pi x_1 / 2), and a second band that leaves the first:
        kind "wave":  none                                       w = 0.4
        kind "split": f_2 = f_1 - 3 exp(-((x_1 - 1) / 0.6)^2 / 2)    w = 0.35, 0.35
        kind "step":  f_2 = f_1 - 3 sigmoid((x_1 - 1) / 0.3)         w = 0.4, 0.35

    Shapes: x (N, 2), logp (N,).
    """

    kind: str = "wave"
    features: Count = 2

    def curves(self, x1: NDArray[np.inexact]) -> tuple[NDArray, NDArray, NDArray]:
        """f_k and f_k' at x1, each (N, K), and the widths (K,)."""
        f, df = np.sin(np.pi * x1 / 2), np.pi / 2 * np.cos(np.pi * x1 / 2)
        if self.kind == "wave":
            return f[:, None], df[:, None], np.array([0.4], x1.real.dtype)
        if self.kind == "split":
            a = (x1 - 1) / 0.6
            drop = 3 * np.exp(-0.5 * a * a)
            slope, widths = -drop * a / 0.6, [0.35, 0.35]
        else:
            g = sigmoid((x1 - 1) / 0.3)
            drop, slope, widths = 3 * g, 10 * g * (1 - g), [0.4, 0.35]
        two = np.stack([f, f - drop], axis=1), np.stack([df, df - slope], axis=1)
        return *two, np.array(widths, x1.real.dtype)

    def forward(self, x: NDArray[np.inexact]) -> tuple[NDArray, Cache]:
        f, df, w = self.curves(x[:, 0])
        u = (x[:, 1:] - f) / w
        band = logsumexp(-0.5 * u * u)
        rho = np.exp(-0.5 * u * u - band[:, None])
        return band - 0.5 * (x[:, 0] / 4) ** 8, (x, df, w, u, rho)

    def backward(self, dlogp: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        x, df, w, u, rho = cache
        dx2 = -rho * u / w
        dx1 = -(dx2 * df).sum(axis=1) - (x[:, 0] / 4) ** 7
        return dlogp[:, None] * np.stack([dx1, dx2.sum(axis=1)], axis=1), {}


ENERGIES = ("ring", "wave", "split", "step")


@checked
def energy(name: str) -> Density:
    """An unnormalised density on the plane, a target for reverse KL (Rezende & Mohamed 2015).

    Parameters
    ----------
    name : "ring", "wave", "split" or "step"

    Returns
    -------
    Density, with forward and backward

    Examples
    --------
    >>> mg.flows.energy("ring").log_prob([[2.0, 0.0], [0.0, 0.0]]).round(2)
    array([  0.  , -17.36])
    """
    validate.choice("name", name, ENERGIES)
    return Ring() if name == "ring" else Wave(name)
