"""The base densities: N(0, I), and N(mu, Sigma) by its Cholesky factor."""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import scipy
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core import validate
from minigen.core.blocks import drawn
from minigen.core.contract import Cache, Density, Grads
from minigen.core.numeric import LOG_2PI
from minigen.core.signature import Count, Size, checked
from minigen.core.tree import param

MANY = 4096  # draws from which on vectorised functions win


def standard_normal(
    shape: tuple[int, ...], *, rng: np.random.Generator, dtype: DTypeLike = np.float64
) -> NDArray:
    """Independent draws of N(0, 1); many of them in float32 by Box & Muller (1958):

        z = sqrt(-2 log u) (cos a, sin a),   u ~ U(0, 1],   a ~ U[-pi, pi)

    Vectorised logarithms and sines then take a third of the time of NumPy's own loop. u and a have
    32 bits each, so |z| <= 6.8.
    """
    size = math.prod(shape)
    if np.dtype(dtype) != np.float32:
        return rng.standard_normal(shape)
    if size < MANY:
        return rng.standard_normal(shape, dtype=np.float32)
    half, f = -(-size // 2), np.float32
    bits = rng.integers(0, 2**64, half, dtype=np.uint64).view(np.uint32)
    u = (bits[:half].astype(f) + f(0.5)) * f(2.0**-32)
    a = bits[half:].view(np.int32).astype(f) * f(np.pi / 2**31)
    z = np.concatenate([np.cos(a), np.sin(a)])
    z.reshape(2, half)[...] *= np.sqrt(-2 * np.log(u))
    return z[:size].reshape(shape)


@dataclass(frozen=True, eq=False, repr=False)
class StandardNormal(Density):
    """log q(z) = -D/2 log(2 pi) - |z|^2 / 2; z (N, D).

    Parameters
    ----------
    features : D

    Examples
    --------
    >>> mg.prob.StandardNormal(2).log_prob([[0.0, 0.0]]).round(4).tolist()
    [-1.8379]
    """

    features: Count

    def forward(self, z: NDArray) -> tuple[NDArray, Cache]:
        return -0.5 * ((z * z).sum(axis=1) + self.features * LOG_2PI), (z,)

    def backward(self, dlogp: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        (z,) = cache
        return -dlogp[:, None] * z, {}

    @checked
    def sample(self, n: Size, *, rng: np.random.Generator) -> NDArray:
        """n rows, (n, D) float64.

        Parameters
        ----------
        n : how many
        rng : the generator of the samples

        Returns
        -------
        (n, D)

        Examples
        --------
        >>> mg.prob.StandardNormal(2).sample(3, rng=rng).shape
        (3, 2)
        """
        n, rng = validate.integer("n", n, 0), validate.generator(rng)
        return rng.standard_normal((n, self.features))


@dataclass(frozen=True, eq=False, repr=False)
class Gaussian(Density):
    """Multivariate normal N(mu, Sigma), Sigma = L L^T, with a learnable Cholesky factor.

        log q(z) = -D/2 log(2 pi) - sum_i a_i - |L^{-1} (z - mu)|^2 / 2         CV-1
        L = diag(exp(a)) + strictly lower part of `lower`

    Shapes: z (N, D); mu, a (D,); lower (D, D), of which only the strict lower triangle counts.

    Examples
    --------
    >>> p = mg.prob.Gaussian.from_moments([1.0, 2.0], [[1.0, 0.5], [0.5, 1.0]])
    >>> p.sample(3, rng=rng).shape, p.Sigma.round(12).tolist()
    ((3, 2), [[1.0, 0.5], [0.5, 1.0]])
    >>> p.log_prob([[1.0, 2.0]]).round(4).tolist()
    [-1.694]
    """

    mu: Annotated[NDArray, "D"] = param()
    a: Annotated[NDArray, "D"] = param()
    lower: Annotated[NDArray, "D D"] = param()

    @classmethod
    @checked
    def init(cls, features: Count, *, dtype: DTypeLike = np.float32) -> "Gaussian":
        """N(0, I) in `features` dimensions.

        Parameters
        ----------
        features : D, the number of columns
        dtype : of the parameters

        Returns
        -------
        Gaussian

        Examples
        --------
        >>> mg.prob.Gaussian.init(2).log_prob([[0.0, 0.0]]).round(3)
        array([-1.838], dtype=float32)
        """
        zero = np.zeros(features, dtype)
        return cls(zero, zero.copy(), np.zeros((features, features), dtype))

    @classmethod
    @checked
    def from_moments(
        cls, mu: ArrayLike, Sigma: ArrayLike, *, dtype: DTypeLike = np.float64
    ) -> "Gaussian":
        """N(mu, Sigma) of a given mean (D,) and covariance (D, D).

        Parameters
        ----------
        mu : (D,)
        Sigma : (D, D), positive definite
        dtype : of the parameters

        Returns
        -------
        Gaussian

        Examples
        --------
        >>> mg.prob.Gaussian.from_moments([1.0, 0.0], np.eye(2)).log_prob([[1.0, 0.0]]).round(3)
        array([-1.838])
        """
        mu = validate.array("mu", mu, ("D",))
        Sigma = validate.array("Sigma", Sigma, (len(mu), len(mu)))
        L = np.linalg.cholesky(validate.definite("Sigma", Sigma))
        parts = mu, np.log(np.diag(L)), np.tril(L, -1)
        return cls(*(np.array(part, dtype) for part in parts))

    @property
    def features(self) -> int:
        """D."""
        return len(self.mu)

    @property
    def L(self) -> NDArray:
        """The Cholesky factor of Sigma, (D, D)."""
        return np.tril(self.lower, -1) + np.diag(np.exp(self.a))

    @property
    def Sigma(self) -> NDArray:
        """The covariance, (D, D)."""
        return self.L @ self.L.T

    def forward(self, z: NDArray) -> tuple[NDArray, Cache]:
        u = scipy.linalg.solve_triangular(self.L, (z - self.mu).T, lower=True).T
        constant = 0.5 * self.features * LOG_2PI + self.a.sum()
        return -0.5 * (u * u).sum(axis=1) - constant, (u,)  # CV-1

    def backward(self, dlogp: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        (u,) = cache
        v = scipy.linalg.solve_triangular(self.L, u.T, lower=True, trans="T").T  # Sigma^-1 (z - mu)
        dz = -dlogp[:, None] * v  # CV-1
        dL = -dz.T @ u  # sum_n dlogp_n v_n u_n^T
        da = np.diag(dL) * np.exp(self.a) - dlogp.sum()
        return dz, {"mu": -dz.sum(axis=0), "a": da, "lower": np.tril(dL, -1)}

    @checked
    def sample(self, n: Size, *, rng: np.random.Generator) -> NDArray:
        """n rows, (n, D).

        Parameters
        ----------
        n : how many
        rng : the generator of the samples

        Returns
        -------
        (n, D)

        Examples
        --------
        >>> mg.prob.Gaussian.init(2).sample(3, rng=rng).shape
        (3, 2)
        """
        n, rng = validate.integer("n", n, 0), validate.generator(rng)
        D, L = self.features, self.L
        return drawn(lambda n: self.mu + rng.standard_normal((n, D)) @ L.T, n, D)
