"""The slopes a layer gives, beside those of a reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from minigen.check.evaluation import Evaluation


@dataclass(frozen=True, eq=False)
class Slopes:
    """n slopes as the layer gives them, at entries of one array or along directions.

    name of the array; where: n indices, or n directions {name: array}; yours (n,); norm (n,):
    where yours is a sum of terms, the root of the sum of their squares; 0 at an entry.
    """

    name: str
    where: list
    yours: NDArray
    norm: NDArray

    @classmethod
    def at_entries(cls, name: str, full: NDArray, limit: int, rng: np.random.Generator) -> "Slopes":
        """At most `limit` entries of a whole gradient, drawn at random; all if they are no more."""
        flat = range(full.size)
        if full.size > limit:
            flat = rng.choice(full.size, limit, replace=False)
        where = [tuple(map(int, np.unravel_index(i, full.shape))) for i in flat]
        return cls(name, where, np.array([full[index] for index in where]), np.zeros(len(where)))

    @classmethod
    def along(
        cls, name: str, directions: list[dict[str, NDArray]], grads: Mapping[str, Any]
    ) -> "Slopes":
        """The slopes along directions: sum over arrays of u . g."""
        terms = [[(u * grads[path]).ravel() for path, u in d.items()] for d in directions]
        flat = [np.concatenate(t) for t in terms]
        yours = np.array([t.sum() for t in flat])
        return cls(name, directions, yours, np.array([np.linalg.norm(t) for t in flat]))

    def part(self, chosen: Sequence[int] | NDArray) -> Self:
        """Some of the slopes, with all that is known of them."""
        where = [self.where[i] for i in chosen]
        names = [f.name for f in fields(self) if f.name not in ("name", "where")]
        return replace(self, where=where, **{n: getattr(self, n)[..., chosen] for n in names})


@dataclass(frozen=True, eq=False)
class Comparison(Slopes):
    """Slopes and what the reference says, for the cotangents v of K outputs.

        expected = sum_k parts[k],    parts[k] = v_k . J_k,    size = norm + sum_k |v_k| . |J_k|

    parts (K, n), and ones (K, n) for cotangents of ones; size (n,), what the slope would be if
    nothing cancelled; error (n,), the reference's own.
    """

    parts: NDArray
    ones: NDArray
    size: NDArray
    error: NDArray

    @property
    def expected(self) -> NDArray:
        """The slopes of the reference."""
        return self.parts.sum(axis=0)

    @property
    def scale(self) -> float:
        """The largest slope, if nothing cancelled."""
        return self.size.max(initial=0)

    @property
    def gap(self) -> NDArray:
        """|yours - expected|; nan where it is not finite, which no tolerance allows."""
        gap = np.abs(self.yours - self.expected)
        return np.where(np.isfinite(gap), gap, np.nan)


def compare(slopes: Slopes, evaluation: Evaluation) -> Comparison:
    """Slopes beside those of the reference."""
    cotangents, points = evaluation.cotangents, evaluation.probe.points
    parts, ones = np.zeros((2, len(cotangents), len(slopes.where)))
    size, error = slopes.norm.copy(), np.zeros(len(slopes.where))
    for i, place in enumerate(slopes.where):
        u = place if isinstance(place, dict) else {slopes.name: unit(points[slopes.name], place)}
        found, errors = evaluation.reference.along(u)
        for k, (v, s, e) in enumerate(zip(cotangents, found, errors, strict=True)):
            terms = v * s
            parts[k, i], ones[k, i] = terms.sum(), s.sum()
            size[i] += np.abs(terms).sum()
            error[i] += np.sum(np.abs(v) * e)
    of_layer = slopes.name, slopes.where, slopes.yours, slopes.norm
    return Comparison(*of_layer, parts, ones, size, error)


def unit(a: NDArray, index: Any) -> NDArray:
    """1 at an index, 0 elsewhere, in the shape of `a`."""
    u = np.zeros(a.shape)
    u[index] = 1
    return u
