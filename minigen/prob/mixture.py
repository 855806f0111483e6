"""Mixtures of densities."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core import validate
from minigen.core.blocks import drawn
from minigen.core.contract import Cache, Density, Grads
from minigen.core.numeric import logsumexp
from minigen.core.signature import Positive, Size, checked
from minigen.core.tree import param
from minigen.prob.gaussian import Gaussian


@dataclass(frozen=True, eq=False, repr=False)
class Mixture(Density):
    """Mixture of densities on the same space.

        log p(x) = log sum_k w_k p_k(x),   w = softmax(logits)

    The responsibilities r_k = w_k p_k(x) / p(x) are its gradient: each component receives
    dlogp r_k, and dlogits_k = sum_n dlogp_n (r_nk - w_k).

    Shapes: x (N, D); logits (K,); components: K densities.

    Examples
    --------
    >>> p = mg.prob.Mixture.of_gaussians([[-2.0, 0.0], [2.0, 0.0]], scale=0.5)
    >>> p.sample(4, rng=rng).shape, p.log_prob([[0.0, 1.0]]).shape
    ((4, 2), (1,))
    """

    logits: Annotated[NDArray, "K"] = param()
    components: tuple[Density, ...]

    @classmethod
    @checked
    def of_gaussians(
        cls,
        means: Annotated[ArrayLike, "K D"],
        *,
        scale: Positive = 1.0,
        dtype: DTypeLike = np.float32,
    ) -> "Mixture":
        """K Gaussians N(means_k, scale^2 I) with equal weights; means (K, D).

        Parameters
        ----------
        means : (K, D)
        scale : the standard deviation of each
        dtype : of the parameters

        Returns
        -------
        Mixture

        Examples
        --------
        >>> mg.prob.Mixture.of_gaussians([[0.0], [2.0]], scale=0.5).log_prob([[0.0]]).round(2)
        array([-0.92], dtype=float32)
        """
        means = np.asarray(means, dtype)
        a = np.full(means.shape[1], np.log(scale), dtype)
        zero = np.zeros((means.shape[1], means.shape[1]), dtype)
        parts = tuple(Gaussian(mu.copy(), a.copy(), zero.copy()) for mu in means)
        return cls(np.zeros(len(means), dtype), parts)

    @property
    def features(self) -> int:
        """D."""
        return self.components[0].features

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        parts = [p.forward(x) for p in self.components]
        logw = self.logits - logsumexp(self.logits)
        joint = np.stack([logp for logp, _ in parts], axis=1) + logw
        logp = logsumexp(joint)
        return logp, (np.exp(joint - logp[:, None]), tuple(cache for _, cache in parts))

    def backward(self, dlogp: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        r, caches = cache
        dlogw = dlogp[:, None] * r
        w = np.exp(self.logits - logsumexp(self.logits))
        dx, grads = np.zeros((), r.dtype), {}
        for k, p in enumerate(self.components):
            dxk, grads[str(k)] = p.backward(dlogw[:, k], caches[k])
            dx = dx + dxk
        return dx, {"logits": dlogw.sum(axis=0) - dlogp.sum() * w, "components": grads}

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
        >>> mg.prob.Mixture.of_gaussians([[0.0], [2.0]], scale=0.5).sample(3, rng=rng).shape
        (3, 1)
        """
        n, rng = validate.integer("n", n, 0), validate.generator(rng)
        w = np.exp(self.logits - logsumexp(self.logits)).astype(np.float64)

        def draw(n: int) -> NDArray:
            label = rng.choice(len(w), size=n, p=w / w.sum())
            draws = np.stack([p.sample(n, rng=rng) for p in self.components])
            return draws[label, np.arange(n)]

        return drawn(draw, n, len(w) * self.features)
