"""Concentric circles blurred by a Gaussian: a closed form, by Bessel's function."""

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from minigen.core.numeric import logsumexp
from minigen.data.base import Toy, option
from minigen.data.quadrature import radial_entropy


@dataclass(frozen=True, eq=False, repr=False)
class BlurredCircles(Toy):
    """Equally likely circles of radii R_k around 0, blurred.

        x = R_K (cos T, sin T) + noise eps,   T uniform in (0, 2 pi), eps ~ N(0, I)

        p(x) = (1/K) sum_k exp(-(r - R_k)^2 / (2 s^2)) i0e(r R_k / s^2) / (2 pi s^2)

    with r = |x|, s = noise and i0e(z) = exp(-z) I_0(z): the radius is Rice distributed (1945).
    Entropy: adaptive quadrature along the radius, to 1e-9. To write one: `radii`, an array (K,).
    """

    noise: float = option(0.1)

    @property
    def radii(self) -> NDArray:
        """R_k, (K,)."""
        raise NotImplementedError

    def _sample(self, n: int, rng: np.random.Generator) -> NDArray:
        radii = self.radii[rng.integers(len(self.radii), size=n)]
        t = 2 * np.pi * rng.random(n)
        circle = np.stack([np.cos(t), np.sin(t)], axis=-1)
        return radii[:, None] * circle + self.noise * rng.standard_normal((n, 2))

    def _log_prob(self, x: NDArray) -> NDArray:
        r = np.hypot(x[:, 0], x[:, 1])[:, None] / self.noise
        R = self.radii / self.noise
        terms = np.log(scipy.special.i0e(r * R)) - (r - R) ** 2 / 2
        return logsumexp(terms) - np.log(2 * np.pi * self.noise**2 * len(R))

    def _entropy(self) -> float:
        return radial_entropy(self._log_prob, self.radii, 9 * self.noise)


@dataclass(frozen=True, eq=False, repr=False)
class Circles(BlurredCircles):
    """Two concentric circles, of radii 1 and 2, noise 0.1, density as for `BlurredCircles`."""

    name = "circles"
    inner: float = option(1.0)
    outer: float = option(2.0)

    @property
    def radii(self) -> NDArray:
        return np.array([self.inner, self.outer])


@dataclass(frozen=True, eq=False, repr=False)
class Rings(BlurredCircles):
    """Four concentric circles of radii 0.75, 1.5, 2.25, 3, each as likely, noise 0.1.

    Density as for `BlurredCircles`; `spacing` is the smallest radius and the gap between them.
    """

    name = "rings"
    spacing: float = option(0.75)

    @property
    def radii(self) -> NDArray:
        return self.spacing * np.arange(1, 5)
