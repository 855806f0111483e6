"""The backward pass of the slow direction: sampling from a MAF, encoding with an IAF.

Training does not need it: each model learns in its fast direction. It stands here because MAF-7
leaves it open, and because it shows that a triangular solve needs no matrix: the operator is
nilpotent, so D sweeps are exact.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minigen.core.contract import Cache, Grads, Layer
from minigen.flows import IAFLayer, MAFLayer


def parameters(layer: MAFLayer | IAFLayer, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
    """(alpha, the slope of its bound, the cache of the network) at x."""
    h, cache = layer.made.forward(x)
    alpha = layer.c * np.tanh(h[..., 1] / layer.c)
    return alpha, 1 - (alpha / layer.c) ** 2, cache


@dataclass(frozen=True, eq=False, repr=False)
class MAFSampler(Layer):
    """z -> x of a MAF layer, with the gradient of its D sequential steps.

        x_i = z_i sigma_i(x_{1:i-1}) + mu_i(x_{1:i-1}),  logdet = sum_i alpha_i            MAF-2
        lambda <- dx + MADE^T(dmu = lambda, dalpha = lambda * z * sigma + dlogdet),  D times
        dz = lambda * sigma

    Shapes: z, x (N, D), logdet (N,).

    Parameters
    ----------
    layer : MAFLayer
        The layer, in one precision.

    Examples
    --------
    >>> layer = mg.flows.MAFLayer.init(3, (8,), rng=rng, dtype=np.float64)
    >>> sampler = mg.derivations.MAFSampler(layer)
    >>> bool(mg.check.gradients(sampler, rng.standard_normal((2, 3)), rng=rng))
    True
    """

    layer: MAFLayer

    def forward(self, z: NDArray) -> tuple[NDArray, NDArray, Cache]:
        x, logdet, _ = self.layer.inverse(z)
        return x, logdet, (x, z)

    def backward(self, dx: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        x, z = cache
        alpha, slope, made_cache = parameters(self.layer, x)
        sigma, adjoint = np.exp(alpha), dx
        for _ in range(x.shape[1]):
            dalpha = adjoint * z * sigma + dlogdet[:, None]  # MAF-2
            dh = np.stack([adjoint, dalpha * slope], axis=-1)
            through, dmade = self.layer.made.backward(dh, made_cache)
            adjoint = dx + through
        return adjoint * sigma, {"layer": {"made": dmade}}


@dataclass(frozen=True, eq=False, repr=False)
class IAFEncoder(Layer):
    """x -> z of an IAF layer, with the gradient of its D sequential steps.

        z_i = (x_i - mu_i(z_{1:i-1})) / sigma_i(z_{1:i-1}),  logdet = -sum_i alpha_i        IAF-3
        lambda <- dz + MADE^T(dmu = -lambda / sigma, dalpha = -lambda * z - dlogdet),  D times
        dx = lambda / sigma

    Shapes: x, z (N, D), logdet (N,).

    Parameters
    ----------
    layer : IAFLayer
        The layer, in one precision.

    Examples
    --------
    >>> layer = mg.flows.IAFLayer.init(3, (8,), rng=rng, dtype=np.float64)
    >>> encoder = mg.derivations.IAFEncoder(layer)
    >>> bool(mg.check.gradients(encoder, rng.standard_normal((2, 3)), rng=rng))
    True
    """

    layer: IAFLayer

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        z, logdet, _ = self.layer.inverse(x)
        return z, logdet, (z,)

    def backward(self, dz: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        (z,) = cache
        alpha, slope, made_cache = parameters(self.layer, z)
        shrink, adjoint = np.exp(-alpha), dz
        for _ in range(z.shape[1]):
            dalpha = -adjoint * z - dlogdet[:, None]  # IAF-3
            dh = np.stack([-adjoint * shrink, dalpha * slope], axis=-1)
            through, dmade = self.layer.made.backward(dh, made_cache)
            adjoint = dz + through
        return adjoint * shrink, {"layer": {"made": dmade}}
