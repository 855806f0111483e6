"""Points and curves blurred by a Gaussian: the densities that are sums of equal Gaussians."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from minigen.data.base import Toy, option
from minigen.data.quadrature import clenshaw_curtis, entropy_near, log_mixture


@dataclass(frozen=True, eq=False, repr=False)
class GaussianMixture(Toy):
    """A random point c of the plane, blurred.

        x = c + noise eps, eps ~ N(0, I);   p(x) = sum_j w_j N(x; c_j, noise^2 I)

    To write one: `_draw(n, rng)`, points (n, 2) without the blur, and `_mixture()`, the centres
    c_j (K, 2) and weights w_j (K,). Entropy: trapezoidal rule in the plane, to 1e-6. The noise is
    0.02 to 10.
    """

    noise: float = option(0.1, low=0.02)
    _draw: ClassVar[Callable[..., NDArray]]
    _mixture: ClassVar[Callable[..., tuple[NDArray, NDArray]]]

    @cached_property
    def _nodes(self) -> tuple[NDArray, NDArray]:
        centres, weights = self._mixture()
        some = weights > 0
        return centres[some], np.log(weights[some])

    def mixture(self) -> tuple[NDArray, float, NDArray]:
        """The density as a mixture of Gaussians: means (K, 2), one variance, weights (K,).

        Examples
        --------
        >>> means, variance, weights = mg.data.toy("moons").mixture()
        >>> bool(abs(weights.sum() - 1) < 1e-9), round(variance, 9)
        (True, 0.01)
        """
        centres, logw = self._nodes
        return centres, self.noise**2, np.exp(logw)

    def _sample(self, n: int, rng: np.random.Generator) -> NDArray:
        return self._draw(n, rng) + self.noise * rng.standard_normal((n, 2))

    def _log_prob(self, x: NDArray) -> NDArray:
        return log_mixture(x, *self._nodes, self.noise)

    def _entropy(self) -> float:
        centres, _ = self._nodes
        return entropy_near(self._log_prob, centres, 8 * self.noise, self.noise / 3)


@dataclass(frozen=True, eq=False, repr=False)
class Curve(GaussianMixture):
    """Curves t -> c_k(t), t in (a, b), blurred; each curve is as likely as the others.

        p(x) = (1/K) sum_k int_a^b N(x; c_k(t), noise^2 I) w(t) dt

    by the quadrature of Clenshaw and Curtis. log p is right to 1e-10 within 10 of the origin, and
    to a millionth of itself anywhere.
    To write one: `interval`, `_curves(t)` (K, n, 2), and, unless t is uniform, the density
    `_weight(t)` and its quantile function `_quantile(u)`.
    """

    interval: ClassVar[tuple[float, float]]
    _curves: ClassVar[Callable[..., NDArray]]

    def _weight(self, t: NDArray) -> NDArray:
        a, b = self.interval
        return np.full(t.shape, 1 / (b - a))

    def _quantile(self, u: NDArray) -> NDArray:
        a, b = self.interval
        return a + (b - a) * u

    def _draw(self, n: int, rng: np.random.Generator) -> NDArray:
        curves = self._curves(self._quantile(rng.random(n)))
        return curves[rng.integers(len(curves), size=n), np.arange(n)]

    def _length(self) -> float:
        c = self._curves(np.linspace(*self.interval, 1000))
        return np.linalg.norm(np.diff(c, axis=1), axis=2).sum(axis=1).max()

    def _mixture(self) -> tuple[NDArray, NDArray]:
        # resolves a bump of width noise, and the sharper ones that far away points see
        n = 2 * int(np.ceil(15 + 2.5 * (self._length() + 2) / self.noise))
        t, dt = clenshaw_curtis(*self.interval, n)
        curves = self._curves(t)
        weights = np.tile(self._weight(t) * dt / len(curves), len(curves))
        return curves.reshape(-1, 2), weights


@dataclass(frozen=True, eq=False, repr=False)
class Moons(Curve):
    """Two interleaved half circles of radius 1, t uniform in (0, pi), noise 0.1.

    c_1(t) = (cos t - 1/2, sin t - 1/4),   c_2(t) = -c_1(t)
    """

    name = "moons"
    interval = (0.0, np.pi)

    def _curves(self, t: NDArray) -> NDArray:
        c = np.stack([np.cos(t) - 0.5, np.sin(t) - 0.25], axis=-1)
        return np.stack([c, -c])


@dataclass(frozen=True, eq=False, repr=False)
class TwoSpirals(Curve):
    """Two arms of one and a half turns that reach radius 3, noise 0.1.

        c_1(t) = (t / pi) (-cos t, sin t),   c_2(t) = -c_1(t),   t in (0, 3 pi)

    with density w(t) = 2 t / (3 pi)^2, which spreads the mass almost evenly along the arms.
    """

    name = "two_spirals"
    interval = (0.0, 3 * np.pi)

    def _weight(self, t: NDArray) -> NDArray:
        return 2 * t / self.interval[1] ** 2

    def _quantile(self, u: NDArray) -> NDArray:
        return self.interval[1] * np.sqrt(u)

    def _curves(self, t: NDArray) -> NDArray:
        c = (t / np.pi)[:, None] * np.stack([-np.cos(t), np.sin(t)], axis=-1)
        return np.stack([c, -c])


@dataclass(frozen=True, eq=False, repr=False)
class SwissRoll(Curve):
    """One arm of one and a half turns, from radius 1 to radius 3, noise 0.1.

    c(t) = (t / (3 pi / 2)) (cos t, sin t),   t uniform in (3 pi / 2, 9 pi / 2)
    """

    name = "swiss_roll"
    interval = (1.5 * np.pi, 4.5 * np.pi)

    def _curves(self, t: NDArray) -> NDArray:
        return (t / (1.5 * np.pi))[:, None] * np.stack([np.cos(t), np.sin(t)], axis=-1)[None]


@dataclass(frozen=True, eq=False, repr=False)
class Modes(GaussianMixture):
    """Equally likely Gaussians N(c_k, noise^2 I) at the points `_centres()` (K, 2)."""

    _centres: ClassVar[Callable[..., NDArray]]

    def _mixture(self) -> tuple[NDArray, NDArray]:
        centres = self._centres()
        return centres, np.full(len(centres), 1 / len(centres))

    def _draw(self, n: int, rng: np.random.Generator) -> NDArray:
        centres = self._centres()
        return centres[rng.integers(len(centres), size=n)]


@dataclass(frozen=True, eq=False, repr=False)
class EightGaussians(Modes):
    """Eight Gaussians on a circle of radius 2, noise 0.2: c_k = 2 (cos, sin)(pi k / 4).

    The radius is 0.01 to 5.
    """

    name = "eight_gaussians"
    noise: float = option(0.2, low=0.02)
    radius: float = option(2.0, high=5.0)

    def _centres(self) -> NDArray:
        angle = np.pi * np.arange(8) / 4
        return self.radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


@dataclass(frozen=True, eq=False, repr=False)
class Grid(Modes):
    """`side` by `side` (5 by 5) Gaussians, a step of 1 apart and centred at 0, noise 0.15.

    The side is 1 to 9.
    """

    name = "grid"
    noise: float = option(0.15, low=0.02)
    side: int = option(5, 1, 9)

    def _centres(self) -> NDArray:
        axis = np.arange(self.side) - (self.side - 1) / 2
        return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
