"""What a layer says about its gradient, and what the reference says."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Slopes:
    """n slopes as the layer gives them, at entries of one array or along directions.

    name of the array; where: n indices, or n directions {name: array}; yours (n,); norm (n,),
    the root of the sum of the squares of the terms that yours is the sum of, 0 at an entry.
    """

    name: str
    where: list
    yours: np.ndarray
    norm: np.ndarray

    @classmethod
    def at_entries(cls, name, full, limit, rng):
        """At most `limit` entries of a whole gradient, drawn at random; all if they are no more."""
        flat = range(full.size)
        if full.size > limit:
            flat = rng.choice(full.size, limit, replace=False)
        where = [tuple(map(int, np.unravel_index(i, full.shape))) for i in flat]
        return cls(name, where, np.array([full[index] for index in where]), np.zeros(len(where)))

    @classmethod
    def along(cls, name, directions, grads):
        """The slopes along directions: sum over arrays of u . g."""
        terms = [[(u * grads[path]).ravel() for path, u in d.items()] for d in directions]
        terms = [np.concatenate(t) for t in terms]
        yours = np.array([t.sum() for t in terms])
        return cls(name, directions, yours, np.array([np.linalg.norm(t) for t in terms]))

    def part(self, chosen):
        """The slopes at some of its places."""
        where = [self.where[i] for i in chosen]
        return Slopes(self.name, where, self.yours[chosen], self.norm[chosen])


@dataclass(frozen=True, eq=False)
class Comparison:
    """A slopes and what the reference says, for the cotangents v of K outputs.

        expected = sum_k parts[k],    parts[k] = v_k . J_k,    size = norm + sum_k |v_k| . |J_k|

    parts (K, n), and ones (K, n) for cotangents of ones; size (n,), what the slope would be if
    nothing cancelled; error (n,), the reference's own.
    """

    slopes: Slopes
    parts: np.ndarray
    ones: np.ndarray
    size: np.ndarray
    error: np.ndarray

    @property
    def yours(self):
        return self.slopes.yours

    @property
    def expected(self):
        return self.parts.sum(axis=0)

    @property
    def scale(self):
        """The largest slope, were there no cancellation."""
        return self.size.max(initial=0)

    @property
    def gap(self):
        """|yours - expected|; where it is not finite, nan, which no tolerance allows."""
        gap = np.abs(self.yours - self.expected)
        return np.where(np.isfinite(gap), gap, np.nan)

    def part(self, chosen):
        """The comparison at some of its places."""
        arrays = self.parts[:, chosen], self.ones[:, chosen], self.size[chosen], self.error[chosen]
        return Comparison(self.slopes.part(chosen), *arrays)


def compare(slopes, reference, vs):
    """The comparison on a slopes."""
    parts, ones = np.zeros((2, len(vs), len(slopes.where)))
    size, error = slopes.norm.copy(), np.zeros(len(slopes.where))
    for i, place in enumerate(slopes.where):
        along = isinstance(place, dict)
        found, errors = reference.along(place) if along else reference.entry(slopes.name, place)
        for k, (v, s, e) in enumerate(zip(vs, found, errors, strict=True)):
            terms = v * s
            parts[k, i], ones[k, i] = terms.sum(), s.sum()
            size[i] += np.abs(terms).sum()
            error[i] += np.sum(np.abs(v) * e)
    return Comparison(slopes, parts, ones, size, error)
