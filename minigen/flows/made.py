"""MADE: a network whose k-th outputs depend only on the coordinates before the k-th."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Grads, Layer
from minigen.core.signature import Count, Gain, Size, checked
from minigen.core.tree import const, param
from minigen.flows import degrees
from minigen.kernels.dense import bias_relu, bias_relu_backward
from minigen.kernels.triangular import BlockTriangular
from minigen.nn import ReLU
from minigen.nn.compose import SMOOTH
from minigen.nn.start_values import start


@dataclass(frozen=True, eq=False, repr=False)
class MaskedLinear(Layer):
    """Affine layer with some weights held out of it (MADE, Germain et al. 2015).

        y = x (M * W) + b,   M_kl = [above_l >= below_k]                S-MADE
        dW = M * (x^T dy),   db = sum_n dy_n,   dx = dy (M * W)^T       S-MADE

    Shapes: x (N, n_in), W and M (n_in, n_out), b and above (n_out,), below (n_in,). Both degree
    arrays rise, so M is block triangular, and its empty half costs nothing (kernels/triangular).
    rectified: y = max(x (M * W) + b, 0), as in LinearReLU, and dy [y > 0] stands for dy.
    """

    W: Annotated[NDArray, "I O"] = param()
    b: Annotated[NDArray, "O"] = param()
    below: Annotated[NDArray, "I"] = const()
    above: Annotated[NDArray, "O"] = const()
    rectified: bool = False

    @classmethod
    @checked
    def init(
        cls, below: Annotated[ArrayLike, "I"], above: Annotated[ArrayLike, "O"], *,
        rng: np.random.Generator,
        dtype: DTypeLike = np.float32, gain: Gain = 2.0, spread: Gain = 0.0,
        rectified: bool = False,
    ) -> "MaskedLinear":  # fmt: skip
        """W ~ N(0, gain / n), n the number of units each column may see; b ~ N(0, spread^2).

        Parameters
        ----------
        below : the degree of each input, (I,)
        above : the degree of each output, (O,)
        rng : the generator of the first weights
        dtype : of the parameters
        gain : scales the variance of the weights
        spread : the standard deviation of b
        rectified : whether a ReLU follows

        Returns
        -------
        MaskedLinear

        Examples
        --------
        >>> mg.flows.MaskedLinear.init([1, 2], [2, 3, 3], rng=rng).W.shape
        (2, 3)
        """
        below, above = np.asarray(below), np.asarray(above)
        M = degrees.mask(below, above)
        scale = np.sqrt(gain / np.maximum(M.sum(axis=0), 1))
        W = (scale * M * rng.standard_normal(M.shape)).astype(dtype)
        b = (spread * rng.standard_normal(len(above))).astype(dtype)
        return cls(W, b, below, above, rectified)

    @cached_property
    def M(self) -> BlockTriangular:
        """The mask."""
        return BlockTriangular(self.below, self.above)

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        MW = self.M * self.W
        y = self.M.product(x, MW)  # S-MADE
        if self.rectified:
            bias_relu(y, self.b)
        else:
            y += self.b  # S-MADE
        return y, (x, MW, y)

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        x, MW, y = cache
        da, db = bias_relu_backward(dy, y) if self.rectified else (dy, np.einsum("nj->j", dy))
        dx, dW = self.M.product_backward(da, x, MW)  # S-MADE
        return dx, {"W": dW, "b": db}


@dataclass(frozen=True, eq=False, repr=False)
class MADE(Layer):
    """Masked autoencoder for distribution estimation (Germain et al. 2015).

        h_i = net_i(context, x_{order before i}),   h (N, D, P)         S-MADE

    P parameters for each coordinate i, a function of the coordinates that `order` visits before
    i and of the context. Hidden units are stored in rising degree, so all masks are block
    triangular; the parameters of a coordinate stand side by side.

    Shapes: x (N, D), or (N, D, I) where each coordinate is I numbers; context (N, C); order (D,):
    order[k] is the column visited k-th, from 0.
    layers: MaskedLinear, activation, ..., MaskedLinear, from C + D I columns to D P; a rectified
    MaskedLinear is its own activation.
    """

    layers: tuple[Layer, ...]
    order: Annotated[NDArray, "D"] = const()
    parts: Count = 2
    context: Size = 0

    @classmethod
    @checked
    def init(
        cls, features: Count, hidden: int | Sequence[int], parts: Count = 2, *,
        rng: np.random.Generator, dtype: DTypeLike = np.float32, order: str | ArrayLike = "natural",
        context: Size = 0, activation: str = "relu", last_gain: Gain = 0.0, inputs: Count = 1,
    ) -> "MADE":  # fmt: skip
        """Hidden widths as a tuple, each at least D - 1 (D with a context).

        order: "natural" | "reversed" | "random" | a permutation of 0 .. D-1. last_gain scales
        the variance of the last weights: with 0 the parameters start at 0. For the hidden layers
        see `minigen.nn.start_values`. inputs: I, of which one is 1 and the others 0 if I > 1.

        Parameters
        ----------
        features : D, the number of columns
        hidden : the widths of the hidden layers, each at least D - 1 (D with a context)
        parts : outputs for each column
        rng : the generator of the first weights
        dtype : of the parameters
        order : "natural", "reversed", "random", or a permutation of 0 .. D-1
        context : the number of context columns, 0 for none
        activation : "relu", "tanh", "silu" or "softplus"
        last_gain : scales the variance of the last weights; with 0 the parameters start at 0
        inputs : I, the numbers that stand for each column; one of them is 1, if I > 1

        Returns
        -------
        MADE

        Examples
        --------
        >>> made = mg.flows.MADE.init(3, (8,), rng=rng)
        >>> made.forward(np.ones((2, 3), np.float32))[0].shape
        (2, 3, 2)
        """
        validate.integer("features", features, 1)
        validate.integer("context", context, 0)
        validate.generator(rng)
        validate.choice("activation", activation, ("relu", *SMOOTH))
        layers: list[Layer] = []
        below, seen = degrees.inputs(features, context, inputs), max(1, features - 1 + context)
        for k, width in enumerate(validate.widths("hidden", hidden)):
            above = degrees.hidden(f"hidden[{k}]", width, features, context)
            gain, spread = start(activation, seen, first=k == 0, columns=seen)
            gain *= inputs if k == 0 else 1
            layers.append(
                MaskedLinear.init(
                    below, above, rng=rng, dtype=dtype, gain=gain, spread=spread,
                    rectified=activation == "relu",
                )
            )  # fmt: skip
            layers += [SMOOTH[activation]()] if activation in SMOOTH else []
            below = above
        above = degrees.outputs(features, parts)
        layers.append(MaskedLinear.init(below, above, rng=rng, dtype=dtype, gain=last_gain))
        return cls(tuple(layers), degrees.visit(order, features, rng), parts, context)

    def forward(self, x: NDArray, *context: NDArray) -> tuple[NDArray, Cache]:
        u = self.arranged(x, self.order)
        if u.ndim > 2:
            u = u.reshape(len(u), u.shape[1] * u.shape[2])
        if context:
            u = np.concatenate([*context, u], axis=1)
        caches = []
        for f in self.layers:
            u, cache = f.forward(u)
            caches.append(cache)
        h = u.reshape(len(u), self.features, self.parts)  # S-MADE
        return self.arranged(h, self.position), tuple(caches)

    def backward(self, dh: NDArray, caches: Cache) -> tuple[Any, ...]:
        du = self.arranged(dh, self.order).reshape(len(dh), self.features * self.parts)  # S-MADE
        grads = {}
        for k in reversed(range(len(self.layers))):
            du, grads[str(k)] = self.layers[k].backward(du, caches[k])
        dcontext, dx = du[:, : self.context], du[:, self.context :]
        if dx.shape[1] != self.features:
            dx = dx.reshape(len(dx), self.features, dx.shape[1] // self.features)
        return (
            self.arranged(dx, self.position),
            *((dcontext,) if self.context else ()),
            {"layers": grads},
        )

    @property
    def features(self) -> int:
        return len(self.order)

    @cached_property
    def position(self) -> NDArray:
        """position[i]: when column i is visited, the inverse of `order`."""
        return np.argsort(self.order)

    @cached_property
    def natural(self) -> bool:
        """Whether the order is that of the columns."""
        return np.array_equal(self.order, np.arange(self.features))

    def arranged(self, x: NDArray, order: NDArray) -> NDArray:
        """The columns of x in an order; x itself where the natural one is meant."""
        return x if self.natural else x.take(order, axis=1)

    @cached_property
    def starts(self) -> tuple[list[int], ...]:
        """For the inputs, each hidden layer and the outputs: where each degree begins."""
        levels = (self.linears[0].below, *(f.above for f in self.linears))
        return tuple(degrees.starts(level, self.features) for level in levels)

    @cached_property
    def linears(self) -> tuple[MaskedLinear, ...]:
        """The masked layers, without activations that stand alone."""
        return tuple(f for f in self.layers if isinstance(f, MaskedLinear))

    @cached_property
    def activations(self) -> tuple[Layer | None, ...]:
        """What each masked layer is followed by: an activation, or None."""
        pairs = zip(self.layers, (*self.layers[1:], None), strict=True)
        return tuple(
            ReLU() if f.rectified else None if isinstance(after, MaskedLinear) else after
            for f, after in pairs
            if isinstance(f, MaskedLinear)
        )
