"""The Kullback-Leibler divergence between two Gaussians: one formula, and its layer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core.contract import Cache, Grads, Layer


def gaussian_kl(excess: Any, log_ratio: Any, square: NDArray) -> NDArray:
    """KL(N(m1, diag v1) || N(m2, diag v2)) of each row in nats, (N,) (S-KL).

        KL = 1/2 sum_d [v1 / v2 - 1 - log(v1 / v2) + (m1 - m2)^2 / v2]

    excess: v1 / v2 - 1; log_ratio: log(v1 / v2); square: (m1 - m2)^2 / v2, (N, D). The caller
    finds each without cancellation.
    """
    return (excess - log_ratio + square).sum(axis=1) / 2


@dataclass(frozen=True, eq=False, repr=False)
class KLDiagonal(Layer):
    """KL(N(m1, diag v1) || N(m2, diag v2)), variances by their logarithms (S-KL).

        KL = 1/2 sum_d [v1 / v2 - 1 - log(v1 / v2) + (m1 - m2)^2 / v2]

    Shapes: m1, logv1, m2, logv2 (N, D) -> KL (N,) in nats.
    """

    def forward(
        self, m1: NDArray, logv1: NDArray, m2: NDArray, logv2: NDArray
    ) -> tuple[NDArray, Cache]:
        delta, log_ratio = m1 - m2, logv1 - logv2
        scaled, excess = delta * np.exp(-logv2), np.expm1(log_ratio)
        return gaussian_kl(excess, log_ratio, delta * scaled), (delta, excess, scaled)  # S-KL

    def backward(
        self, dkl: NDArray, cache: Cache
    ) -> tuple[NDArray, NDArray, NDArray, NDArray, Grads]:
        delta, excess, scaled = cache
        dkl = dkl[:, None]
        dm1 = dkl * scaled  # S-KL
        dlogv1 = dkl * excess / 2
        dlogv2 = dkl * -(excess + delta * scaled) / 2
        return dm1, dlogv1, -dm1, dlogv2, {}
