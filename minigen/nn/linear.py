"""The affine map y = x W + b."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Grads, Layer
from minigen.core.signature import Count, Gain, Size, checked
from minigen.core.tree import param
from minigen.kernels import dense as kernels


@dataclass(frozen=True, eq=False, repr=False)
class Linear(Layer):
    """Affine layer.

        y = x W + b

    Shapes: x (N, n_in), W (n_in, n_out), b (n_out,), y (N, n_out).
    """

    W: Annotated[NDArray, "I O"] = param()
    b: Annotated[NDArray, "O"] = param()

    @classmethod
    @checked
    def init(
        cls, n_in: Size, n_out: Count, *, rng: np.random.Generator, dtype: DTypeLike = np.float32,
        gain: Gain = 2.0, spread: Gain = 0.0,
    ) -> "Linear":  # fmt: skip
        """W ~ N(0, gain / n_in), b ~ N(0, spread^2); gain 0 gives the zero map.

        Parameters
        ----------
        n_in : columns of the input
        n_out : columns of the output
        rng : the generator of the first weights
        dtype : of the parameters
        gain : scales the variance of the weights
        spread : the standard deviation of b

        Returns
        -------
        Linear

        Examples
        --------
        >>> mg.nn.Linear.init(3, 2, rng=rng).W.shape
        (3, 2)
        """
        validate.generator(rng)
        scale = np.sqrt(gain / max(n_in, 1))
        W = (scale * rng.standard_normal((n_in, n_out))).astype(dtype)
        b = spread * rng.standard_normal(n_out) if spread else np.zeros(n_out)
        return cls(W, b.astype(dtype))

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        y = kernels.product(x, self.W)
        y += self.b
        return y, (x,)

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        (x,) = cache
        return dy @ self.W.T, {"W": x.T @ dy, "b": np.einsum("nj->j", dy)}
