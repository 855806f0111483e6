"""MADE with mixtures of Gaussians: an autoregressive density with as many modes as it likes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core import validate
from minigen.core.blocks import drawn
from minigen.core.contract import Cache, Density
from minigen.core.numeric import LOG_2PI, logsumexp
from minigen.core.signature import Bound, Count, Gain, Size, checked
from minigen.flows.made import MADE
from minigen.flows.sequential import incremental


@dataclass(frozen=True, eq=False, repr=False)
class MADEMoG(Density):
    """Masked autoencoder with mixture conditionals (Papamakarios et al. 2017, MADE MoG).

        p(x) = prod_i p(x_i | x_{1:i-1})                                        MAF-1
        p(x_i | x_{1:i-1}) = sum_k pi_ik N(x_i | mu_ik, sigma_ik^2)

    One MADE gives (a, mu, r); pi = softmax(a), log sigma = alpha = c tanh(r / c). With the
    responsibilities rho_k = pi_k N_k / sum_j pi_j N_j, g_k = dlogp rho_k, u = (x - mu) / sigma:

        da_k = g_k - dlogp pi_k,   dmu_k = g_k u_k / sigma_k,   dalpha_k = g_k (u_k^2 - 1),
        dx = -sum_k dmu_k + MADE^T(da, dmu, dalpha)

    Shapes: x (N, D), logp (N,); made: D (and a context) -> (D, 3K).
    """

    made: MADE
    c: Bound = 4.0

    @classmethod
    @checked
    def init(
        cls, features: Count, hidden: int | Sequence[int], components: Count = 8, *, c: Bound = 4.0,
        rng: np.random.Generator, dtype: DTypeLike = np.float32, order: str | ArrayLike = "natural",
        context: Size = 0, activation: str = "relu", last_gain: Gain = 0.0,
    ) -> "MADEMoG":  # fmt: skip
        """Components spread over [-2, 2], the same for each coordinate; options of `MADE.init`.

        Parameters
        ----------
        features : D, the number of columns
        hidden : the widths of the hidden layers, each at least D - 1 (D with a context)
        components : K, of each mixture
        c : the bound of the log-scales
        rng : the generator of the first weights
        dtype : of the parameters
        order : "natural", "reversed", "random", or a permutation of 0 .. D-1
        context : the number of context columns, 0 for none
        activation : "relu", "tanh", "silu" or "softplus"
        last_gain : scales the variance of the last weights; with 0 the parameters start at 0

        Returns
        -------
        MADEMoG

        Examples
        --------
        >>> mg.flows.MADEMoG.init(2, (8,), 3, rng=rng).log_prob(np.zeros((4, 2))).shape
        (4,)
        """
        K = validate.integer("components", components, 1)
        made = MADE.init(
            features, hidden, 3 * K, rng=rng, dtype=dtype, order=order, context=context,
            activation=activation, last_gain=last_gain,
        )  # fmt: skip
        b = made.linears[-1].b.reshape(features, 3, K)
        b[:, 1] = np.linspace(-2, 2, K) if K > 1 else 0
        return cls(made, c)

    @property
    def features(self) -> int:
        return self.made.features

    @property
    def context(self) -> int:
        return self.made.context

    def conditionals(self, h: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """log pi, mu and alpha, each (..., K), of the network's output (..., 3K)."""
        a, mu, r = np.split(h, 3, axis=-1)
        return a - logsumexp(a)[..., None], mu, self.c * np.tanh(r / self.c)

    def forward(self, x: NDArray, *context: NDArray) -> tuple[NDArray, Cache]:
        h, made_cache = self.made.forward(x, *context)
        logpi, mu, alpha = self.conditionals(h)
        e = np.exp(-alpha)
        u = (x[..., None] - mu) * e
        joint = logpi - alpha - 0.5 * (u * u + LOG_2PI)
        logp = logsumexp(joint)
        rho = np.exp(joint - logp[..., None])
        return logp.sum(axis=1), (logpi, alpha, e, u, rho, made_cache)  # MAF-1

    def backward(self, dlogp: NDArray, cache: Cache) -> tuple[Any, ...]:
        logpi, alpha, e, u, rho, made_cache = cache
        d = dlogp[:, None, None]
        g = d * rho
        da, dmu, dalpha = g - d * np.exp(logpi), g * u * e, g * (u * u - 1)
        dr = dalpha * (1 - (alpha / self.c) ** 2)
        dh = np.concatenate([da, dmu, dr], axis=-1)
        dx, *dcontext, dmade = self.made.backward(dh, made_cache)
        return dx - dmu.sum(axis=-1), *dcontext, {"made": dmade}

    @checked
    def sample(self, n: Size, *context: ArrayLike, rng: np.random.Generator) -> NDArray:
        """n samples (n, D), one for each row of a context.

        Parameters
        ----------
        n : how many
        context : (n, C), of a conditional density
        rng : the generator of the samples

        Returns
        -------
        (n, D)

        Examples
        --------
        >>> mg.flows.MADEMoG.init(2, (8,), 3, rng=rng).sample(5, rng=rng).shape
        (5, 2)
        """
        n, D = validate.integer("n", n, 0), self.features
        validate.generator(rng)

        def draw(n: int, *context: NDArray) -> NDArray:
            given = np.stack([rng.random((n, D)), rng.standard_normal((n, D))], axis=-1)
            return incremental(self.made, given.astype(self.dtype), self.draw, *context)[0]

        return drawn(draw, n, D, *validate.conditions(self, n, *context), slow=True)

    def draw(self, h: NDArray, given: NDArray) -> tuple[NDArray, NDArray]:
        """One coordinate: the component that a uniform number picks, at a normal number."""
        u, eps = given[:, 0], given[:, 1]
        logpi, mu, alpha = self.conditionals(h)
        k = (np.cumsum(np.exp(logpi), axis=-1)[:, :-1] < u[:, None]).sum(axis=-1)
        rows = np.arange(len(k))
        return mu[rows, k] + np.exp(alpha[rows, k]) * eps, np.zeros_like(eps)  # MAF-2
