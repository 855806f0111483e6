"""Maps of the data before the model's own layers, in double precision."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Bijection, Cache
from minigen.core.signature import checked
from minigen.core.tree import const
from minigen.flows.chain import Chain

SPARE = 100.0  # squares are summed over columns


@dataclass(frozen=True, eq=False, repr=False)
class Preprocess(Bijection):
    """Fixed maps of the data, computed in float64; what comes out has the model's type.

        y = f(x),   logdet = log|det df/dx|,   f a chain of maps

    So the units of the data belong to the model: a date of 2,460,000 days with a spread of 0.05 has
    no digit left in float32 before its mean is subtracted. The way back is computed in float64 too
    and stays in it.

    Shapes: x, y (N, D). like: an empty array of the model's type.
    """

    maps: Chain
    like: NDArray = const()

    @classmethod
    @checked
    def of(cls, *maps: Bijection, dtype: DTypeLike = np.float32) -> "Preprocess":
        """Of maps that are applied in this order, before a model of this type.

        Parameters
        ----------
        maps : bijections without parameters, the first applied first
        dtype : of the model that follows

        Returns
        -------
        Preprocess

        Examples
        --------
        >>> f = mg.flows.Preprocess.of(mg.flows.Inverse(mg.flows.Exp()))
        >>> f.forward(np.ones((1, 2)))[0]
        array([[0., 0.]], dtype=float32)
        """
        for k, f in enumerate(maps):
            validate.methods(f"maps[{k}]", f, "forward", "backward", "inverse")
        return cls(Chain(maps), np.zeros(0, dtype))

    def defined(self, x: NDArray) -> NDArray:
        """Where the maps are, and the squares of what comes out fit into the model's type."""
        good = self.maps.defined(x)
        with np.errstate(over="ignore"):
            y = self.maps.forward(double(x[good]))[0]
        good[good] = (np.abs(y) < np.sqrt(np.finfo(self.like.dtype).max) / SPARE).all(axis=1)
        return good

    def reached(self, y: NDArray) -> NDArray:
        return self.maps.reached(y)

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        y, logdet, _ = self.maps.forward(double(x))
        return self.single(y), self.single(logdet), x

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        x = cache  # run again: no float64 copy of the batch is kept
        _, _, caches = self.maps.forward(double(x))
        dx, grads = self.maps.backward(double(dy), double(dlogdet), caches)
        return dx if np.iscomplexobj(dx) else dx.astype(x.dtype), {"maps": grads}

    def inverse(self, y: NDArray) -> tuple[NDArray, NDArray, Cache]:
        x, logdet, _ = self.maps.inverse(double(y))
        return x, self.single(logdet), y

    def inverse_backward(self, dx: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        y = cache
        _, _, caches = self.maps.inverse(double(y))
        dy, grads = self.maps.inverse_backward(double(dx), double(dlogdet), caches)
        return self.single(dy), {"maps": grads}

    def single(self, a: NDArray) -> NDArray:
        """In the model's type; what is complex, in a check, stays so."""
        return a if np.iscomplexobj(a) else a.astype(self.like.dtype, copy=False)


def double(a: NDArray) -> NDArray:
    """In double precision."""
    return a.astype(np.result_type(a, np.float64), copy=False)
