"""Affine map and ReLU in one layer: the same mathematics as the two, with less memory traffic."""

from dataclasses import dataclass
from typing import Annotated

from numpy.typing import NDArray

from minigen.core.contract import Cache, Grads, Layer
from minigen.core.tree import param
from minigen.kernels import dense as kernels
from minigen.kernels.matmul import matmul


@dataclass(frozen=True, eq=False, repr=False)
class LinearReLU(Layer):
    """Affine layer and rectifier.

        y = max(x W + b, 0);   dx = (dy [y > 0]) W^T;  at the kink the subgradient 0 is chosen

    Shapes: x (N, n_in), W (n_in, n_out), b (n_out,), y (N, n_out).
    """

    W: Annotated[NDArray, "I O"] = param()
    b: Annotated[NDArray, "O"] = param()

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        y = kernels.product(x, self.W)
        kernels.bias_relu(y, self.b)
        return y, (x, y)

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        x, y = cache
        da, db = kernels.bias_relu_backward(dy, y)
        return matmul(da, self.W.T), {"W": matmul(x.T, da), "b": db}
