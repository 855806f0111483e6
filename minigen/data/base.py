"""What every toy density is: a frozen law on the plane whose density and entropy are known."""

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np

from minigen.core import validate

FAR = 1e200  # log p is -inf from here on; products of coordinates still exist, squares do not


@runtime_checkable
class Sampler(Protocol):
    """Anything that gives fresh rows: what a fit needs to train on new data at every step."""

    def sample(self, n, *, rng): ...


def width(default, low=0.01, high=10.0):
    """A dataclass field: a width, radius, noise or bend, and the range it may have."""
    return field(default=default, metadata={"low": low, "high": high})


def count(default, low, high):
    """A dataclass field: how many there are of something."""
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True, eq=False, repr=False)
class Toy:
    """A density on the plane, known exactly.

        x = toy.sample(n, rng=rng)      (n, 2) float64
        toy.log_prob(x)                 log p(x) in nats, (N,), of the law that `sample` draws from
        toy.entropy                     -E[log p] in nats: no model has a lower expected NLL

    To write one: a frozen dataclass whose fields are marked `width()` or `count()`, with
    `_sample(n, rng)`, `_log_prob(x)` and `_entropy()`, and a line in `minigen.data.catalogue`.
    """

    name: ClassVar[str]
    features: ClassVar[int] = 2

    def __post_init__(self):
        for f in fields(self):
            check = validate.integer if isinstance(f.default, int) else validate.number
            value = check(f.name, getattr(self, f.name), f.metadata["low"], f.metadata["high"])
            object.__setattr__(self, f.name, value)

    def sample(self, n, *, rng):
        """n independent rows, (n, 2) float64."""
        return self._sample(validate.integer("n", n, 0), validate.generator(rng))

    def log_prob(self, x):
        """log p(x) in nats, (N,), for x (N, 2); -inf where it is below every float."""
        x = np.clip(validate.array("x", x, ("N", 2), np.float64), -FAR, FAR)
        with np.errstate(over="ignore", divide="ignore"):
            return self._log_prob(x)

    @cached_property
    def entropy(self):
        """-E[log p(x)] in nats, computed on first use."""
        return float(self._entropy())

    def __repr__(self):
        options = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self))
        return f"{type(self).__name__}({options})"
