"""Gaussians carried by a map of known Jacobian: closed forms, by the change of variables."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from minigen.core.numeric import LOG_2PI, logsumexp
from minigen.data.base import Toy, option
from minigen.data.quadrature import entropy_near


def _log_normal(*z: NDArray) -> NDArray:
    """log of the standard normal density at the point with these coordinates, (N,) each."""
    return -0.5 * (len(z) * LOG_2PI + np.sum([c * c for c in z], axis=0))


@dataclass(frozen=True, eq=False, repr=False)
class Gaussian(Toy):
    """A correlated Gaussian, both standard deviations `scale` (1), correlation rho (0.8).

    x_1 = scale z_1,   x_2 = scale (rho z_1 + sqrt(1 - rho^2) z_2),   z ~ N(0, I)
    p(x) = N(z; 0, I) / (scale^2 sqrt(1 - rho^2))
    entropy = 1 + log 2 pi + log(scale^2 sqrt(1 - rho^2)),   rho from -0.999 to 0.999
    """

    name = "gaussian"
    scale: float = option(1.0)
    correlation: float = option(0.8, low=-0.999, high=0.999)

    @property
    def _across(self) -> float:
        return np.sqrt(1 - self.correlation**2)

    def _sample(self, n: int, rng: np.random.Generator) -> NDArray:
        z = rng.standard_normal((n, 2))
        z[:, 1] = self.correlation * z[:, 0] + self._across * z[:, 1]
        return self.scale * z

    def _log_prob(self, x: NDArray) -> NDArray:
        z1, x2 = x[:, 0] / self.scale, x[:, 1] / self.scale
        z2 = (x2 - self.correlation * z1) / self._across
        return _log_normal(z1, z2) - np.log(self.scale**2 * self._across)

    def _entropy(self) -> float:
        return 1 + LOG_2PI + np.log(self.scale**2 * self._across)


@dataclass(frozen=True, eq=False, repr=False)
class Ridge(Toy):
    """A Gaussian ridge along the graph of a function f.

        x_1 = scale z_1,   x_2 = f(x_1) + noise z_2,   z ~ N(0, I)
        p(x) = N(z; 0, I) / (scale noise),   entropy = 1 + log 2 pi + log(scale noise)

    To write one: `_ridge(x1)`, the function f.
    """

    scale: float = option(1.5)
    noise: float = option(0.3)
    _ridge: ClassVar[Callable[..., NDArray]]

    def _sample(self, n: int, rng: np.random.Generator) -> NDArray:
        x = rng.standard_normal((n, 2)) * [self.scale, self.noise]
        x[:, 1] += self._ridge(x[:, 0])
        return x

    def _log_prob(self, x: NDArray) -> NDArray:
        z2 = (x[:, 1] - self._ridge(x[:, 0])) / self.noise
        return _log_normal(x[:, 0] / self.scale, z2) - np.log(self.scale * self.noise)

    def _entropy(self) -> float:
        return 1 + LOG_2PI + np.log(self.scale * self.noise)


@dataclass(frozen=True, eq=False, repr=False)
class Banana(Ridge):
    """The bent Gaussian of Haario, Saksman & Tamminen (1999), scale 1.2, noise 0.3, bend 0.4.

        x_1 ~ N(0, scale^2),   x_2 = bend (scale^2 - x_1^2) + noise z_2,   z_2 ~ N(0, 1)

    p and the entropy are those of `Ridge` with f(x_1) = bend (scale^2 - x_1^2).
    """

    name = "banana"
    scale: float = option(1.2)
    bend: float = option(0.4)

    def _ridge(self, x1: NDArray) -> NDArray:
        return self.bend * (self.scale**2 - x1 * x1)


@dataclass(frozen=True, eq=False, repr=False)
class Waves(Ridge):
    """A Gaussian along a sine of amplitude 1 and period pi, scale 1.5, noise 0.2.

        x_1 ~ N(0, scale^2),   x_2 = sin(2 x_1) + noise z_2,   z_2 ~ N(0, 1)

    p and the entropy are those of `Ridge` with f(x_1) = sin(2 x_1).
    """

    name = "waves"
    noise: float = option(0.2)

    def _ridge(self, x1: NDArray) -> NDArray:
        return np.sin(2 * x1)


@dataclass(frozen=True, eq=False, repr=False)
class Funnel(Toy):
    """The funnel of Neal (2003), v of standard deviation `scale`: 1 here, 3 in the paper.

        x_1 = v ~ N(0, scale^2),   x_2 | v ~ N(0, exp(v))
        p(x) = N(v; 0, scale^2) N(x_2; 0, exp(v)),   entropy = 1 + log 2 pi + log(scale)

    since log exp(v / 2) is 0 on average.
    """

    name = "funnel"
    scale: float = option(1.0)

    def _sample(self, n: int, rng: np.random.Generator) -> NDArray:
        x = rng.standard_normal((n, 2)) * [self.scale, 1]
        x[:, 1] *= np.exp(x[:, 0] / 2)
        return x

    def _log_prob(self, x: NDArray) -> NDArray:
        v = x[:, 0]
        z2 = np.exp(np.log(np.abs(x[:, 1])) - v / 2)  # its size; exp(-v / 2) may be no float
        return _log_normal(v / self.scale, z2) - v / 2 - np.log(self.scale)

    def _entropy(self) -> float:
        return 1 + LOG_2PI + np.log(self.scale)


@dataclass(frozen=True, eq=False, repr=False)
class Pinwheel(Toy):
    """Five equally likely Gaussian blades, swirled (after the pinwheel of Johnson et al. 2016).

        a_k = 2 pi k / blades,   u = R(a_K) (2 + length z_1, thickness z_2),   z ~ N(0, I)
        x = R(swirl |u|) u

    R(a) is the rotation by a. A rotation by an angle that depends on the radius alone keeps areas,
    so p(x) = p_u(R(-swirl |x|) x), the density of the straight blades,

        p_u(u) = (1/blades) sum_k N(R(-a_k) u; (2, 0), diag(length^2, thickness^2)).

    blades 5 (1 to 20), length 0.5 (0.1 to 2), thickness 0.15 (0.05 to 2), swirl 0.6 (0 to 10)
    radians per unit of radius.
    Entropy: that of p_u, by the trapezoidal rule in the plane, to 1e-6.
    """

    name = "pinwheel"
    blades: int = option(5, 1, 20)
    length: float = option(0.5, low=0.1, high=2.0)
    thickness: float = option(0.15, low=0.05, high=2.0)
    swirl: float = option(0.6, low=0.0)

    @property
    def _angles(self) -> NDArray:
        return 2 * np.pi * np.arange(self.blades) / self.blades

    def _sample(self, n: int, rng: np.random.Generator) -> NDArray:
        u = rng.standard_normal((n, 2)) * [self.length, self.thickness] + [2, 0]
        turn = self._angles[rng.integers(self.blades, size=n)]
        return _rotated(u, turn + self.swirl * np.hypot(u[:, 0], u[:, 1]))

    def _log_prob(self, x: NDArray) -> NDArray:
        return self._log_prob_straight(_rotated(x, -self.swirl * np.hypot(x[:, 0], x[:, 1])))

    def _log_prob_straight(self, u: NDArray) -> NDArray:
        v = _rotated(u[:, None, :], -self._angles)
        logps = _log_normal((v[..., 0] - 2) / self.length, v[..., 1] / self.thickness)
        return logsumexp(logps) - np.log(self.blades * self.length * self.thickness)

    def _entropy(self) -> float:
        along = 2 + self.length * np.linspace(-9, 9, 200)
        blade = np.stack([along, np.zeros_like(along)], axis=-1)
        spine = _rotated(blade[:, None], self._angles).reshape(-1, 2)
        step = min(self.length, self.thickness) / 3
        return entropy_near(self._log_prob_straight, spine, 8 * self.thickness, step)


def _rotated(x: NDArray, angle: NDArray) -> NDArray:
    """The points x (..., 2) turned about 0 by `angle` (...)."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([x[..., 0] * cos - x[..., 1] * sin, x[..., 0] * sin + x[..., 1] * cos], axis=-1)
