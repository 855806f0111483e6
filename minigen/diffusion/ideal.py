"""Data whose diffusion is known: mixtures of Gaussians, with the ideal noise and score."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Grads, Layer
from minigen.core.numeric import LOG_2PI, logsumexp
from minigen.core.signature import Size, checked
from minigen.core.tree import const
from minigen.diffusion.schedule import Schedule, at


@dataclass(frozen=True, eq=False, repr=False)
class IdealNoise(Layer):
    """The best network there can be, for data q(x_0) = sum_k w_k N(m_k, S_k).

        q(x_t) = sum_k w_k N(sqrt(A_t) m_k, C_k),  C_k = A_t S_k + (1 - A_t) I
        eps(x_t, t) = E[eps | x_t] = -sqrt(1 - A_t) grad log q(x_t)

    A network without parameters: a DDPM with it has the bound and the samples that training can
    only approach. S_k = 0 is a point, and the eps of DIF-19. Shapes: x (N, D),
    given t (N,) or (1,), whole or real, -> (N, D); logw (K,), means (K, D), S_k = vectors_k
    diag(values_k) vectors_k^T.
    """

    schedule: Schedule = const()
    logw: Annotated[NDArray, "K"] = const()
    means: Annotated[NDArray, "K D"] = const()
    vectors: Annotated[NDArray, "K D D"] = const()
    values: Annotated[NDArray, "K D"] = const()

    @classmethod
    @checked
    def init(
        cls,
        schedule: Schedule,
        means: ArrayLike,
        covariances: ArrayLike,
        weights: ArrayLike | None = None,
    ) -> "IdealNoise":
        """The ideal network for a mixture of Gaussians.

        Parameters
        ----------
        schedule : of T steps
        means : m_k, (K, D)
        covariances : S_k, (K, D, D), or one variance for all; 0 for points
        weights : w_k, (K,), scaled to sum to one; by default equal

        Returns
        -------
        IdealNoise

        Examples
        --------
        >>> net = mg.diffusion.IdealNoise.init(mg.diffusion.linear_schedule(9), [[0.0, 1.0]], 0.5)
        >>> net.sample(4, rng=rng).shape
        (4, 2)
        """
        means = validate.array("means", means, ("K", "D"), np.float64)
        K, D = means.shape
        S = validate.array("covariances", covariances, dtype=np.float64)
        S = S * np.broadcast_to(np.eye(D), (K, D, D)) if S.ndim == 0 else S
        if S.shape != (K, D, D):
            raise validate.expected("covariances", f"shape ({K}, {D}, {D})", S.shape)
        S = validate.semidefinite("covariances", S)
        values, vectors = np.linalg.eigh(S)
        w = np.ones(K) if weights is None else validate.array("weights", weights, (K,))
        validate.refuse("weights", w, ~(w > 0), "numbers above 0")
        return cls(schedule, np.log(w / np.sum(w)), means, vectors, values.clip(0))

    def forward(self, x: NDArray, *, t: NDArray) -> tuple[NDArray, Cache]:
        score, cache = self.score(x, t)
        noise = np.sqrt(self.level(t, x.dtype)[1])
        return -noise * score, (noise, score, cache)

    def backward(self, dout: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        """The Jacobian of a score is symmetric: E[s s^T] - s s^T - E[C^-1]."""
        noise, score, (r, parts, precision) = cache
        g = -noise * dout
        through = np.swapaxes(self.vectors, 1, 2)
        inner = ((g @ self.vectors) * precision) @ through  # C_k^-1 g, (K, N, D)
        outer = parts * (parts * g).sum(axis=2, keepdims=True)
        dx = (r[:, :, None] * (outer - inner)).sum(axis=0)
        return dx - score * (score * g).sum(axis=1, keepdims=True), {}

    def jacobian(self, x: NDArray, t: NDArray) -> NDArray:
        """d eps / d x_t, symmetric: the matrix that `backward` multiplies by.

        Parameters
        ----------
        x : (N, D)
        t : (N,) or (1,), real times 0..T

        Returns
        -------
        (N, D, D)

        Examples
        --------
        >>> net = mg.diffusion.IdealNoise.init(mg.diffusion.linear_schedule(9), [[0.0, 1.0]], 0.2)
        >>> net.jacobian(np.zeros((3, 2)), np.array([4])).shape
        (3, 2, 2)
        """
        score, (r, parts, precision) = self.score(x, t)
        (K, N, D), times = parts.shape, precision.shape[1]
        each = (
            self.vectors[:, None] * precision[:, :, None] @ np.swapaxes(self.vectors, 1, 2)[:, None]
        )
        weights = r.T.reshape(times, N // times, K)
        inner = weights @ each.swapaxes(0, 1).reshape(times, K, D * D)  # E[C^-1]
        outer = (r[:, :, None] * parts).transpose(1, 2, 0) @ parts.swapaxes(0, 1)  # E[s s^T]
        hessian = outer - inner.reshape(N, D, D) - score[:, :, None] * score[:, None]
        return -np.sqrt(self.level(t, x.dtype)[1])[:, :, None] * hessian

    def score(self, x: NDArray, t: NDArray) -> tuple[NDArray, Cache]:
        """grad log q(x_t) (N, D), and responsibilities, the parts of each k, precisions.

        Parameters
        ----------
        x : (N, D)
        t : (N,) or (1,), real times 0..T

        Returns
        -------
        The score (N, D), and what its gradient needs

        Examples
        --------
        >>> net = mg.diffusion.IdealNoise.init(mg.diffusion.linear_schedule(9), [[0.0, 1.0]], 0.2)
        >>> net.score(np.zeros((3, 2)), np.array([4]))[0].shape
        (3, 2)
        """
        joint, parts, precision = self.components(x, t)
        r = np.exp(joint - logsumexp(joint, axis=0))
        return (r[:, :, None] * parts).sum(axis=0), (r, parts, precision)

    def log_density(self, x: NDArray, t: NDArray) -> NDArray:
        """log q(x_t), (N,); at t = 0 the density of the data.

        Parameters
        ----------
        x : (N, D)
        t : (N,) or (1,), real times 0..T

        Returns
        -------
        (N,)

        Examples
        --------
        >>> net = mg.diffusion.IdealNoise.init(mg.diffusion.linear_schedule(9), [[0.0, 1.0]], 0.2)
        >>> net.log_density(np.zeros((3, 2)), np.array([4])).shape
        (3,)
        """
        return logsumexp(self.components(x, t)[0], axis=0)

    def components(self, x: NDArray, t: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """log w_k N(x; ...) (K, N), its gradient (K, N, D), and the precisions (K, N or 1, D)."""
        A, rest = self.level(t, x.dtype)
        precision = 1 / (A * self.values[:, None, :] + rest)
        y = (x - np.sqrt(A) * self.means[:, None, :]) @ self.vectors
        parts = -(y * precision) @ np.swapaxes(self.vectors, 1, 2)
        quadratic = (y * y * precision + LOG_2PI - np.log(precision)).sum(axis=2)
        return self.logw[:, None] - quadratic / 2, parts, precision

    def level(self, t: NDArray, dtype: DTypeLike) -> tuple[NDArray, NDArray]:
        """A_t and 1 - A_t, each (N or 1, 1), at whole or real times."""
        if np.issubdtype(np.asarray(t).dtype, np.integer):
            s = self.schedule
            return at(s.alpha_bar, t, dtype), at(s.one_minus_alpha_bar, t, dtype)
        square = self.schedule.ratio(t)[:, None] ** 2
        return (1 / (1 + square)).astype(dtype), (square / (1 + square)).astype(dtype)

    @checked
    def sample(self, n: Size, *, rng: np.random.Generator) -> NDArray:
        """x_0 (n, D).

        Parameters
        ----------
        n : how many
        rng : the generator of the samples

        Returns
        -------
        (n, D)

        Examples
        --------
        >>> net = mg.diffusion.IdealNoise.init(mg.diffusion.linear_schedule(9), [[0.0, 1.0]], 0.2)
        >>> net.sample(4, rng=rng).shape
        (4, 2)
        """
        k = rng.choice(len(self.logw), n, p=np.exp(self.logw))
        z = rng.standard_normal((n, self.means.shape[1])) * np.sqrt(self.values[k])
        return self.means[k] + (self.vectors[k] @ z[:, :, None])[:, :, 0]
