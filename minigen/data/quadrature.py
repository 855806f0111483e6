"""Integrals that the toys need where there is no closed form."""

from itertools import pairwise

import numpy as np

CHUNK = 2**16  # numbers in a table of points by centres: half a megabyte


def clenshaw_curtis(low, high, n):
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


def log_mixture(x, centres, logw, noise):
    """log sum_j w_j N(x; c_j, noise^2 I), (N,): x (N, 2), centres (K, 2), logw (K,).

    |x - c|^2 is expanded, so that the table of exponents is one matrix product; |x|^2 stays
    outside the sum, which is therefore finite for any x.
    """
    scaled = np.ascontiguousarray(centres.T) / noise**2
    offset = logw - np.sum(centres**2, axis=1) / (2 * noise**2) - np.log(2 * np.pi * noise**2)
    sums = [log_sum(part, scaled, offset) for part in chunks(x, len(centres))]
    return np.concatenate(sums) - np.sum((x / noise) ** 2, axis=1) / 2


def log_sum(x, scaled, offset):
    """log sum_j exp(x . scaled_j + offset_j), in one table worked on in place."""
    table = x @ scaled
    table += offset
    top = table.max(axis=1, keepdims=True)
    table -= top
    np.maximum(table, -700, out=table)  # numbers below the smallest normal one are slow
    return top[:, 0] + np.log(np.exp(table, out=table).sum(axis=1))


def chunks(x, columns):
    """Rows of x, in parts whose tables of `columns` columns stay in the processor's cache."""
    return np.array_split(x, 1 + len(x) * columns // CHUNK)


def lattice(low, high, step):
    """The points of a square lattice over a box, (N, 2) at a time; low and high are (2,)."""
    xs, ys = (np.arange(a, b + step, step) for a, b in zip(low, high, strict=True))
    for part in np.array_split(xs, 1 + len(xs) * len(ys) // 2**18):
        yield np.stack(np.meshgrid(part, ys, indexing="ij"), axis=-1).reshape(-1, 2)


def entropy_near(log_prob, centres, reach, step):
    """-int p log p by the trapezoidal rule on the lattice points within `reach` of a centre.

    The rule converges faster than any power of `step` for a density as smooth as a Gaussian.
    """
    from scipy.spatial import cKDTree  # here, because it is slow to import

    tree, total = cKDTree(centres), 0.0
    for x in lattice(centres.min(axis=0) - reach, centres.max(axis=0) + reach, step):
        distance, _ = tree.query(x, distance_upper_bound=reach)
        logp = log_prob(x[np.isfinite(distance)])
        total += np.sum(np.exp(logp) * logp)
    return -(step**2) * total


def radial_entropy(log_prob, radii, reach):
    """-int p log p of a density that depends on the radius alone, ring by ring."""
    from scipy.integrate import quad  # here, because it is slow to import

    edges = np.unique(np.clip([*(radii - reach), *radii, *(radii + reach)], 0, None))

    def integrand(r):
        logp = log_prob(np.array([[r, 0.0]]))[0]
        return -2 * np.pi * r * np.exp(logp) * logp

    pieces = [quad(integrand, a, b, epsabs=1e-11, epsrel=1e-11)[0] for a, b in pairwise(edges)]
    return sum(pieces)
