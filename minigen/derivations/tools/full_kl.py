"""The Kullback-Leibler divergence between two Gaussians with full covariances."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core.contract import Cache, Layer


@dataclass(frozen=True, eq=False, repr=False)
class KLFull(Layer):
    """KL(N(m1, L1 L1^T) || N(m2, L2 L2^T)), covariances by triangular factors (S-KLfull).

        KL = sum_i log(L2_ii / L1_ii) + |L2^-1 [L1, m1 - m2]|_F^2 / 2 - D/2

    With U = L2^-1 [L1, m1 - m2] and B = L2^-T U the gradients are

        dm1 = B_last,  dL1 = tril(B_rest) - diag(1/L1_ii),  dL2 = diag(1/L2_ii) - tril(B U^T).

    Shapes: m1, m2 (N, D); L1, L2 (N, D, D), read below and on the diagonal, which is positive.

    Examples
    --------
    >>> m, L = np.zeros((1, 2)), np.eye(2)[None]
    >>> mg.derivations.KLFull().forward(m, L, m + 1, L)[0]
    array([1.])
    """

    def forward(self, m1: NDArray, L1: NDArray, m2: NDArray, L2: NDArray) -> tuple[NDArray, Cache]:
        L1, L2 = np.tril(L1), np.tril(L2)
        U = np.linalg.solve(L2, np.concatenate([L1, (m1 - m2)[:, :, None]], axis=2))
        diagonals = diagonal(L1), diagonal(L2)
        logs = np.log(diagonals[1] / diagonals[0]).sum(axis=1)
        kl = logs + ((U * U).sum(axis=(1, 2)) - m1.shape[1]) / 2  # S-KLfull
        return kl, (L2, U, diagonals)

    def backward(self, dkl: NDArray, cache: Cache) -> tuple[Any, ...]:
        L2, U, (diagonal1, diagonal2) = cache
        B = np.linalg.solve(L2.transpose(0, 2, 1), U)
        each = dkl[:, None, None]
        dm1 = dkl[:, None] * B[:, :, -1]  # S-KLfull
        dL1 = each * (np.tril(B[:, :, :-1]) - embedded(1 / diagonal1))
        dL2 = each * (embedded(1 / diagonal2) - np.tril(B @ U.transpose(0, 2, 1)))
        return dm1, dL1, -dm1, dL2, {}


def diagonal(L: NDArray) -> NDArray:
    """The diagonals of L (N, D, D): (N, D)."""
    return np.diagonal(L, axis1=1, axis2=2)


def embedded(d: NDArray) -> NDArray:
    """Diagonal matrices (N, D, D) of d (N, D)."""
    return d[:, :, None] * np.eye(d.shape[1], dtype=bool)
