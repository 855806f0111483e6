"""What a layer says about one array's gradient, and what the reference says."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Claim:
    """What the layer says of n entries of one array's gradient: indices, and values (n,)."""

    name: str
    where: list
    yours: np.ndarray

    @classmethod
    def of(cls, name, full, limit, rng):
        """At most `limit` entries of a whole gradient, drawn at random; all if they are no more."""
        flat = range(full.size)
        if full.size > limit:
            flat = rng.choice(full.size, limit, replace=False)
        where = [tuple(map(int, np.unravel_index(i, full.shape))) for i in flat]
        return cls(name, where, np.array([full[index] for index in where]))

    def part(self, chosen):
        """The claim at some of its entries."""
        return Claim(self.name, [self.where[i] for i in chosen], self.yours[chosen])


@dataclass(frozen=True, eq=False)
class Evidence(Claim):
    """A claim and what the reference says, for the cotangents v of K outputs.

        expected = sum_k parts[k],    parts[k] = v_k . J_k,    size = sum_k |v_k| . |J_k|

    parts (K, n), and ones (K, n) for cotangents of ones; size (n,), what the gradient would be if
    nothing cancelled; error (n,), the reference's own.
    """

    parts: np.ndarray
    ones: np.ndarray
    size: np.ndarray
    error: np.ndarray

    @property
    def expected(self):
        return self.parts.sum(axis=0)

    @property
    def scale(self):
        """The largest gradient among the entries, were there no cancellation."""
        return self.size.max(initial=0)

    @property
    def gap(self):
        """|yours - expected|, infinite where yours is not a number."""
        gap = np.abs(self.yours - self.expected)
        return np.where(np.isnan(gap), np.inf, gap)

    def part(self, chosen):
        claim = super().part(chosen)
        parts, ones = self.parts[:, chosen], self.ones[:, chosen]
        return Evidence(
            **vars(claim), parts=parts, ones=ones, size=self.size[chosen], error=self.error[chosen]
        )


def gather(claim, oracle, vs):
    """The evidence on a claim."""
    parts, ones = np.zeros((2, len(vs), len(claim.where)))
    size, error = np.zeros((2, len(claim.where)))
    for i, index in enumerate(claim.where):
        slopes, errors = oracle.entry(claim.name, index)
        for k, (v, s, e) in enumerate(zip(vs, slopes, errors, strict=True)):
            terms = v * s
            parts[k, i], ones[k, i] = terms.sum(), s.sum()
            size[i] += np.abs(terms).sum()
            error[i] += np.sum(np.abs(v) * e)
    return Evidence(claim.name, claim.where, claim.yours, parts, ones, size, error)
