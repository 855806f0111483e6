"""The base class of the toy densities: a density on the plane, its log p and entropy known."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import Size, checked

FAR = 1e200  # log p is -inf from here on; products of coordinates still exist, squares do not


@runtime_checkable
class Sampler(Protocol):
    """Any object that draws fresh rows, so that `fit` trains on new data at every step."""

    @checked
    def sample(self, n: Size, *, rng: np.random.Generator) -> Any:
        """n rows: an array (n, D), or a tuple of arrays of n rows."""


def option(default: float, low: float = 0.01, high: float = 10.0) -> Any:
    """A dataclass field with the range it may have; integer if the default is one."""
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True, eq=False, repr=False)
class Toy:
    """A density on the plane whose log p and entropy are known.

    To write one: a frozen dataclass whose fields are marked `option()`, with `_sample(n, rng)`,
    `_log_prob(x)` and `_entropy()`, and a line in `minigen.data.catalogue`.

    Examples
    --------
    >>> moons = mg.data.toy("moons")
    >>> x = moons.sample(1000, rng=rng)
    >>> x.shape, moons.log_prob(x).shape
    ((1000, 2), (1000,))
    >>> bool(abs(moons.entropy + moons.log_prob(x).mean()) < 0.2)
    True
    """

    name: ClassVar[str]
    features: ClassVar[int] = 2
    _sample: ClassVar[Callable[..., NDArray]]
    _log_prob: ClassVar[Callable[..., NDArray]]
    _entropy: ClassVar[Callable[..., float]]

    def __post_init__(self) -> None:
        for f in fields(self):
            check = validate.integer if isinstance(f.default, int) else validate.number
            value = check(f.name, getattr(self, f.name), f.metadata["low"], f.metadata["high"])
            object.__setattr__(self, f.name, value)

    @checked
    def sample(self, n: Size, *, rng: np.random.Generator) -> NDArray:
        """n independent rows, (n, 2) float64.

        Parameters
        ----------
        n : how many
        rng : the generator of the samples

        Returns
        -------
        (n, 2) float64

        Examples
        --------
        >>> mg.data.toy("moons").sample(3, rng=rng).shape
        (3, 2)
        """
        return self._sample(validate.integer("n", n, 0), validate.generator(rng))

    @checked
    def log_prob(self, x: ArrayLike) -> NDArray:
        """log p(x) in nats, (N,), for x (N, 2); -inf where it is below every float.

        Parameters
        ----------
        x : points, (N, 2)

        Returns
        -------
        (N,)

        Examples
        --------
        >>> mg.data.toy("gaussian").log_prob([[0.0, 0.0]]).shape
        (1,)
        """
        x = np.clip(validate.array("x", x, ("N", 2), np.float64), -FAR, FAR)
        with np.errstate(over="ignore", divide="ignore"):
            return self._log_prob(x)

    @cached_property
    def entropy(self) -> float:
        """-E[log p(x)] in nats: no model has a lower expected negative log-likelihood."""
        return float(self._entropy())

    def __repr__(self) -> str:
        options = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self))
        return f"{type(self).__name__}({options})"
