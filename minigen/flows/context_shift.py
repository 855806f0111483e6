"""The part of the data that is a linear function of the context, taken off."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Bijection, Cache
from minigen.core.signature import NonNegative, checked
from minigen.core.tree import param


@dataclass(frozen=True, eq=False, repr=False)
class ContextShift(Bijection):
    """y = x - c W: of classes, c one-hot, the mean of each class; log|det dy/dx| = 0.

        dx = dy,   dc = -dy W^T,   dW = -c^T dy

    Shapes: x, y (N, D); context c (N, C); W (C, D).
    """

    W: Annotated[NDArray, "C D"] = param()

    @classmethod
    @checked
    def init_from(
        cls, x: ArrayLike, context: ArrayLike, *, prior: NonNegative = 2.0,
        dtype: DTypeLike = np.float32,
    ) -> "ContextShift":  # fmt: skip
        """W of ridge regression: the class means, those of few rows drawn towards 0.

        Parameters
        ----------
        x : (N, D)
        context : (N, C)
        prior : as many rows at 0 are added to each class
        dtype : of W

        Returns
        -------
        ContextShift

        Examples
        --------
        >>> f = mg.flows.ContextShift.init_from([[1.0], [3.0], [5.0]], [[1], [1], [1]], prior=0)
        >>> f.W.tolist()
        [[3.0]]
        """
        x = validate.array("x", x, ("N", "D"), np.float64)
        c = validate.array("context", context, (len(x), "C"), np.float64)
        for name, array in (("x", x), ("context", c)):  # their products must be finite
            validate.refuse(name, array, np.abs(array) > 1e100, "numbers below 1e100")
        ridge = prior * np.eye(c.shape[1])
        W = np.linalg.lstsq(c.T @ c + ridge, c.T @ x, rcond=None)[0]
        return cls(validate.cast("W", W, dtype))

    @property
    def context(self) -> int:  # type: ignore[override]
        return len(self.W)

    def forward(self, x: NDArray, context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        return x - context @ self.W, np.zeros(len(x), x.dtype), context

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        context = cache
        return dy, -dy @ self.W.T, {"W": -context.T @ dy}

    def inverse(self, y: NDArray, context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        return y + context @ self.W, np.zeros(len(y), y.dtype), context

    def inverse_backward(self, dx: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        context = cache
        return dx, dx @ self.W.T, {"W": context.T @ dx}
