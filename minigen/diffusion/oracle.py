"""Data whose diffusion is known: mixtures of Gaussians, with the ideal noise and score."""

from dataclasses import dataclass

import numpy as np

from minigen.core import validate
from minigen.core.contract import Layer
from minigen.core.numeric import logsumexp
from minigen.core.tree import const
from minigen.diffusion.forward import LOG_2PI, tables
from minigen.diffusion.ode import clock
from minigen.diffusion.schedule import Schedule


@dataclass(frozen=True, eq=False, repr=False)
class IdealNoise(Layer):
    """The best network there can be, for data q(x_0) = sum_k w_k N(m_k, S_k).

        q(x_t) = sum_k w_k N(sqrt(A_t) m_k, C_k),  C_k = A_t S_k + (1 - A_t) I
        eps(x_t, t) = E[eps | x_t] = -sqrt(1 - A_t) grad log q(x_t)

    A network without parameters: DDPM(IdealNoise.init(...), ...) has the bound and the samples
    that training can only approach. S_k = 0 is a point, and the eps of DIF-19. Shapes: x (N, D),
    given t (N,) or (1,), whole or real, -> (N, D); logw (K,), means (K, D), S_k = vectors_k
    diag(values_k) vectors_k^T.
    """

    schedule: Schedule = const()
    logw: np.ndarray = const()
    means: np.ndarray = const()
    vectors: np.ndarray = const()
    values: np.ndarray = const()

    @classmethod
    def init(cls, schedule, means, covariances, weights=None):
        """From means (K, D), covariances (K, D, D) or one variance for all, weights (K,)."""
        means = validate.array("means", means, ("K", "D"), np.float64)
        K, D = means.shape
        S = np.broadcast_to(np.multiply(covariances, np.eye(D)) if np.ndim(covariances) == 0
                            else covariances, (K, D, D))  # fmt: skip
        values, vectors = np.linalg.eigh(S)
        w = np.ones(K) if weights is None else validate.array("weights", weights, (K,))
        return cls(schedule, np.log(w / np.sum(w)), means, vectors, values.clip(0))

    def forward(self, x, *, t):
        score, cache = self.score(x, t)
        noise = np.sqrt(self.level(t, x.dtype)[1])
        return -noise * score, (noise, score, cache)

    def backward(self, dout, cache):
        """The Jacobian of a score is symmetric: E[s s^T] - s s^T - E[C^-1]."""
        noise, score, (r, parts, precision) = cache
        g = -noise * dout
        through = np.swapaxes(self.vectors, 1, 2)
        inner = ((g @ self.vectors) * precision) @ through  # C_k^-1 g, (K, N, D)
        outer = parts * (parts * g).sum(axis=2, keepdims=True)
        dx = (r[:, :, None] * (outer - inner)).sum(axis=0)
        return dx - score * (score * g).sum(axis=1, keepdims=True), {}

    def score(self, x, t):
        """grad log q(x_t) (N, D), and responsibilities, the parts of each k, precisions."""
        joint, parts, precision = self.components(x, t)
        r = np.exp(joint - logsumexp(joint, axis=0))
        return (r[:, :, None] * parts).sum(axis=0), (r, parts, precision)

    def log_density(self, x, t):
        """log q(x_t), (N,); at t = 0 the density of the data."""
        return logsumexp(self.components(x, t)[0], axis=0)

    def components(self, x, t):
        """log w_k N(x; ...) (K, N), its gradient (K, N, D), and the precisions (K, N or 1, D)."""
        A, rest = self.level(t, x.dtype)
        precision = 1 / (A * self.values[:, None, :] + rest)
        y = (x - np.sqrt(A) * self.means[:, None, :]) @ self.vectors
        parts = -(y * precision) @ np.swapaxes(self.vectors, 1, 2)
        quadratic = (y * y * precision + LOG_2PI - np.log(precision)).sum(axis=2)
        return self.logw[:, None] - quadratic / 2, parts, precision

    def level(self, t, dtype):
        """A_t and 1 - A_t, each (N or 1, 1), at whole or real times."""
        if np.issubdtype(np.asarray(t).dtype, np.integer):
            pair = tables(self.schedule, t, "alpha_bar", "one_minus_alpha_bar")
        else:
            phi = clock(self.schedule)(t)
            pair = np.cos(phi) ** 2, np.sin(phi) ** 2
        return tuple(np.atleast_1d(c)[:, None].astype(dtype) for c in pair)

    def sample(self, n, *, rng):
        """x_0 (n, D)."""
        k = rng.choice(len(self.logw), n, p=np.exp(self.logw))
        z = rng.standard_normal((n, self.means.shape[1])) * np.sqrt(self.values[k])
        return self.means[k] + (self.vectors[k] @ z[:, :, None])[:, :, 0]
