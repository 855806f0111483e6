"""Integrals that the toys need where there is no closed form."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

CHUNK = 2**16  # numbers in a table of points by centres: half a megabyte


def clenshaw_curtis(low: float, high: float, n: int) -> tuple[NDArray, NDArray]:
    """Nodes and weights (n + 1,) of the quadrature of Clenshaw & Curtis (1960) on [low, high].

    n is even. The nodes crowd at the ends, where a blurred curve looks sharpest from far away; and
    the weights, by Fourier transform of the integrals 2 / (1 - k^2) of T_k, are right to the last
    digits at any n (those of NumPy's and SciPy's Gauss-Legendre rules lose six digits at n = 800).
    """
    w = np.fft.irfft(2 / (1 - np.arange(0, n + 1, 2.0) ** 2), n)
    w = np.concatenate([w, w[:1]])
    w[[0, -1]] /= 2
    half = (high - low) / 2
    return low + half * (1 - np.cos(np.pi * np.arange(n + 1) / n)), half * w


def log_mixture(x: NDArray, centres: NDArray, logw: NDArray, noise: float) -> NDArray:
    """log sum_j w_j N(x; c_j, noise^2 I), (N,): x (N, 2), centres (K, 2), logw (K,).

    |x - c|^2 is expanded, so that the table of exponents is one matrix product; |x|^2 stays
    outside the sum, which is therefore finite for any x.
    """
    scaled = np.ascontiguousarray(centres.T) / noise**2
    offset = logw - np.sum(centres**2, axis=1) / (2 * noise**2) - np.log(2 * np.pi * noise**2)
    parts = np.array_split(x, 1 + len(x) * len(centres) // CHUNK)  # stay in the processor's cache
    sums = [_log_sum(part, scaled, offset) for part in parts]
    return np.concatenate(sums) - np.sum((x / noise) ** 2, axis=1) / 2


def _log_sum(x: NDArray, scaled: NDArray, offset: NDArray) -> NDArray:
    """log sum_j exp(x . scaled_j + offset_j), in one table worked on in place."""
    table = x @ scaled
    table += offset
    top = table.max(axis=1, keepdims=True)
    table -= top
    np.maximum(table, -700, out=table)  # subnormal numbers are slow
    return top[:, 0] + np.log(np.exp(table, out=table).sum(axis=1))


def lattice(low: NDArray, high: NDArray, step: float) -> Iterator[NDArray]:
    """The points of a square lattice over a box, (N, 2) at a time; low and high are (2,)."""
    xs, ys = (np.arange(a, b + step, step) for a, b in zip(low, high, strict=True))
    for part in np.array_split(xs, 1 + len(xs) * len(ys) // 2**18):
        yield np.stack(np.meshgrid(part, ys, indexing="ij"), axis=-1).reshape(-1, 2)


def entropy_near(
    log_prob: Callable[[NDArray], NDArray], centres: NDArray, reach: float, step: float
) -> float:
    """-int p log p by the trapezoidal rule on the lattice points within `reach` of a centre.

    The rule converges faster than any power of `step` for a density as smooth as a Gaussian.
    """
    from scipy.spatial import KDTree  # here, because it is slow to import

    tree, total = KDTree(centres), 0.0
    for x in lattice(centres.min(axis=0) - reach, centres.max(axis=0) + reach, step):
        distance, _ = tree.query(x, distance_upper_bound=reach)
        logp = log_prob(x[np.isfinite(distance)])
        total += np.sum(np.exp(logp) * logp)
    return -(step**2) * total


def radial_entropy(log_prob: Callable[[NDArray], NDArray], radii: NDArray, reach: float) -> float:
    """-int p log p of a density that depends on the radius alone, ring by ring."""
    from scipy.integrate import quad  # here, because it is slow to import

    edges = np.unique(np.clip([*(radii - reach), *radii, *(radii + reach)], 0, None))

    def integrand(r: float) -> float:
        logp = log_prob(np.array([[r, 0.0]]))[0]
        return -2 * np.pi * r * np.exp(logp) * logp

    return sum(quad(integrand, a, b, epsabs=1e-11, epsrel=1e-11)[0] for a, b in pairwise(edges))
