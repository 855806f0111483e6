"""What the reference says about one array, entry by entry."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Evidence:
    """n entries of the gradient of one array for the cotangents v of K outputs.

        expected = sum_k parts[k],    parts[k] = v_k . J_k,    size = sum_k |v_k| . |J_k|

    where: n indices; yours (n,); parts (K, n), and ones (K, n) for cotangents of ones; size (n,)
    what the gradient would be if nothing cancelled; error (n,) the reference's own.
    """

    name: str
    where: list
    yours: np.ndarray
    parts: np.ndarray
    ones: np.ndarray
    size: np.ndarray
    error: np.ndarray

    @property
    def expected(self):
        return self.parts.sum(axis=0)

    @property
    def scale(self):
        """The largest gradient of the array, were there no cancellation."""
        return self.size.max(initial=0)

    @property
    def gap(self):
        """|yours - expected|, infinite where yours is not a number."""
        gap = np.abs(self.yours - self.expected)
        return np.where(np.isnan(gap), np.inf, gap)


def gather(name, yours, where, oracle, vs):
    """The evidence at the entries `where`, of which the layer says `yours`."""
    parts, ones = np.zeros((2, len(vs), len(where)))
    size, error = np.zeros((2, len(where)))
    for i, index in enumerate(where):
        slopes, errors = oracle.entry(name, index)
        for k, (v, s, e) in enumerate(zip(vs, slopes, errors, strict=True)):
            terms = v * s
            parts[k, i], ones[k, i] = terms.sum(), s.sum()
            size[i] += np.abs(terms).sum()
            error[i] += np.sum(np.abs(v) * e)
    return Evidence(name, where, yours, parts, ones, size, error)


def choose_entries(shape, limit, rng):
    """At most `limit` indices of an array, all of them if they are no more."""
    count = int(np.prod(shape))
    flat = range(count) if count <= limit else rng.choice(count, limit, replace=False)
    return [tuple(map(int, np.unravel_index(i, shape))) for i in flat]
