"""The Gaussian Markov chain, also called a first-order autoregression, AR(1)."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.linalg import solve_discrete_lyapunov

from minigen.core import validate
from minigen.core.blocks import in_blocks
from minigen.core.contract import Cache, Density, Grads
from minigen.core.signature import Count, Size, checked
from minigen.core.tree import param
from minigen.markov.losses import SequenceNLL
from minigen.markov.sequences import inside, padded
from minigen.prob import Gaussian


@dataclass(frozen=True, eq=False, repr=False)
class GaussianChain(Density):
    """Sequences x_1 .. x_n of vectors in R^D, each a noisy linear map of the one before.

        log p(x_1..n) = log p(x_1) + sum_i log p(x_i | x_{i-1})         MK-1
        p(x_1) = start,   r_i = x_i - A x_{i-1} ~ noise = N(b, Q)
        dr_i = -Q^{-1} (r_i - b),   dA = -sum_i dr_i x_{i-1}^T
        dx_i = dr_i - A^T dr_{i+1}

    Shapes: x (N, n, D), or anything with n D numbers a row: (N, n) for D = 1. Sequences of
    unequal length are padded rows with `lengths` (N,) given; what is beyond a length is ignored.
    The scalar chain is the AR(1) of Yule (1927).

    Examples
    --------
    >>> chain = mg.markov.GaussianChain.of([[0.9]], [0.0], [[0.19]])
    >>> chain.sample(3, length=100, rng=rng).shape, chain.stationary().Sigma.round(12).tolist()
    ((3, 100), [[1.0]])
    >>> chain.log_prob([[0.0, 0.0]]).round(2).tolist()
    [-1.01]
    """

    A: Annotated[NDArray, "D D"] = param()
    noise: Gaussian
    start: Gaussian

    @classmethod
    @checked
    def init(cls, features: Count, *, dtype: DTypeLike = np.float32) -> "GaussianChain":
        """White noise: A = 0, N(0, I) everywhere.

        Parameters
        ----------
        features : D, the number of columns
        dtype : of the parameters

        Returns
        -------
        GaussianChain

        Examples
        --------
        >>> mg.markov.GaussianChain.init(2).sample(1, length=4, rng=rng).shape
        (1, 4, 2)
        """
        new = [Gaussian.init(features, dtype=dtype) for _ in range(2)]
        return cls(np.zeros((features, features), dtype), *new)

    @classmethod
    @checked
    def of(
        cls, A: ArrayLike, b: ArrayLike, Q: ArrayLike, start: Gaussian | None = None, *,
        dtype: DTypeLike = np.float64,
    ) -> "GaussianChain":  # fmt: skip
        """The chain of given A (D, D), b (D,), Q (D, D), begun at `start`, or stationary.

        Parameters
        ----------
        A : (D, D)
        b : (D,)
        Q : the covariance of the noise, (D, D)
        start : the density of x_1, by default the stationary one, which must exist
        dtype : of the parameters

        Returns
        -------
        GaussianChain

        Examples
        --------
        >>> mg.markov.GaussianChain.of([[0.5]], [0.0], [[1.0]]).sample(2, length=3, rng=rng).shape
        (2, 3)
        """
        A = validate.array("A", A, ("D", "D"))
        b = validate.array("b", b, (len(A),))
        Q = validate.array("Q", Q, A.shape)
        noise = Gaussian.from_moments(b, validate.definite("Q", Q), dtype=dtype)
        start = start or _stationary(A, noise, dtype)
        return cls(np.array(A, dtype), noise, start)

    @property
    def features(self) -> int:
        """D."""
        return len(self.A)

    @property
    def nll(self) -> SequenceNLL:
        """Nats per element as a loss; a batch is x or (x, lengths)."""
        return SequenceNLL(self)

    @checked
    def arguments(
        self, x: Any, lengths: ArrayLike | None = None
    ) -> tuple[tuple[NDArray], dict[str, NDArray]]:
        """Inputs and given of `forward` for sequences of any kind, checked and cast."""
        x, lengths = padded(x, lengths)
        x = x[:, :, None] if x.ndim == 2 and self.features == 1 else x
        x = validate.array("x", x, ("N", "n", self.features), self.dtype)
        return (x,), {"lengths": lengths}

    @checked
    def log_prob(self, x: Any, lengths: ArrayLike | None = None) -> NDArray:
        """log p of each sequence in nats, (N,): a list of them, or an array and lengths.

        Parameters
        ----------
        x : sequences: a list of (T, D), or an array (N, T, D)
        lengths : of the sequences in a padded array, by default its width

        Returns
        -------
        (N,)

        Examples
        --------
        >>> mg.markov.GaussianChain.init(1).log_prob(np.zeros((2, 5))).shape
        (2,)
        """
        (x,), given = self.arguments(x, lengths)
        run = lambda x, n: self.forward(x, lengths=n)[:1]  # noqa: E731
        return in_blocks(run, (x, given["lengths"]))[0]

    def forward(self, x: NDArray, *, lengths: NDArray | None = None) -> tuple[NDArray, Cache]:
        X = x.reshape(len(x), math.prod(x.shape[1:]) // self.features, self.features)
        steps = inside(X.shape[:2], lengths)[:, 1:]
        before, after = X[:, :-1][steps], X[:, 1:][steps]
        first, start_cache = self.start.forward(X[:, 0])
        each, noise_cache = self.noise.forward(after - before @ self.A.T)
        terms = np.zeros(steps.shape, each.dtype)
        terms[steps] = each
        return first + terms.sum(axis=1), (x.shape, steps, before, start_cache, noise_cache)  # MK-1

    def backward(self, dlogp: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        shape, steps, before, start_cache, noise_cache = cache
        deach = np.repeat(dlogp, steps.sum(axis=1))
        dr, dnoise = self.noise.backward(deach, noise_cache)  # MK-1
        dfirst, dstart = self.start.backward(dlogp, start_cache)
        dX = np.zeros((len(steps), steps.shape[1] + 1, self.features), dr.dtype)
        dX[:, 0] = dfirst
        dX[:, 1:][steps] += dr
        dX[:, :-1][steps] -= dr @ self.A
        return dX.reshape(shape), {"A": -dr.T @ before, "noise": dnoise, "start": dstart}

    @checked
    def sample(self, n: Size, *, length: Count, rng: np.random.Generator) -> NDArray:
        """n sequences (n, length, D); (n, length) for D = 1.

        Parameters
        ----------
        n : how many
        length : of each sequence
        rng : the generator of the samples

        Returns
        -------
        (n, length, D), or (n, length) for D = 1

        Examples
        --------
        >>> mg.markov.GaussianChain.init(1).sample(3, length=4, rng=rng).shape
        (3, 4)
        """
        n, length = validate.integer("n", n, 0), validate.integer("length", length, 1)
        x = [self.start.sample(n, rng=validate.generator(rng))]
        for _ in range(length - 1):
            x.append(x[-1] @ self.A.T + self.noise.sample(n, rng=rng))
        out = np.stack(x, axis=1).astype(self.dtype, copy=False)
        return out[:, :, 0] if self.features == 1 else out

    def stationary(self) -> Gaussian:
        """The Gaussian N(m, S) that a step does not change: m = A m + b, S = A S A^T + Q.

        Returns
        -------
        Gaussian

        Examples
        --------
        >>> chain = mg.markov.GaussianChain.of([[0.5]], [0.0], [[0.75]])
        >>> chain.stationary().sample(4, rng=rng).shape
        (4, 1)
        """
        return _stationary(self.A, self.noise, self.dtype)

    @checked
    def joint(self, length: Count) -> tuple[NDArray, NDArray]:
        """Mean (n D,) and precision (n D, n D) of whole sequences: block-tridiagonal.

        Blocks [i, i]: Q^{-1} + A^T Q^{-1} A, [i, i-1]: -Q^{-1} A; the first has the start's
        inverse covariance for Q^{-1}, the last no second term.

        Parameters
        ----------
        length : of each sequence

        Returns
        -------
        mean (n D,), precision (n D, n D), with n for `length`

        Examples
        --------
        >>> mean, precision = mg.markov.GaussianChain.init(1).joint(3)
        >>> mean.shape, precision.shape
        ((3,), (3, 3))
        """
        D, n = self.features, validate.integer("length", length, 1)
        Qi = np.linalg.inv(self.noise.Sigma.astype(np.float64))
        A, precision = self.A.astype(np.float64), np.zeros((n, D, n, D))
        precision[0, :, 0] = np.linalg.inv(self.start.Sigma.astype(np.float64))
        mean = [self.start.mu.astype(np.float64)]
        for i in range(1, n):
            precision[i, :, i] += Qi
            precision[i - 1, :, i - 1] += A.T @ Qi @ A
            precision[i, :, i - 1], precision[i - 1, :, i] = -Qi @ A, -A.T @ Qi
            mean.append(A @ mean[-1] + self.noise.mu)
        return np.concatenate(mean), precision.reshape(n * D, n * D)


def _stationary(A: NDArray, noise: Gaussian, dtype: DTypeLike) -> Gaussian:
    """See `GaussianChain.stationary`."""
    A = np.asarray(A, np.float64)
    radius = np.max(np.abs(np.linalg.eigvals(A)))
    if radius >= 1:
        what = "a spectral radius below 1, for a stationary distribution to exist"
        raise validate.expected("A", what, f"{radius:.4g}")
    m = np.linalg.solve(np.eye(len(A)) - A, noise.mu.astype(np.float64))
    S = solve_discrete_lyapunov(A, noise.Sigma.astype(np.float64))
    return Gaussian.from_moments(m, (S + S.T) / 2, dtype=dtype)
