"""The contract of a layer. Everything in minigen that has a gradient keeps it.

    *outputs, cache  = layer.forward(*inputs, **given)
    *dinputs, grads  = layer.backward(*doutputs, cache)

Positional inputs are differentiated; keyword inputs (time steps, labels, noise) are given.
`grads` is the tree of `layer.params`; `dinputs` have the shapes of `inputs`. Neither method
changes the layer or its arguments, and everything `backward` needs is in `cache`, so two caches
may be alive at once. Forward has no mode and draws no random numbers.

The letters, here and in every file:

    N, D, H, T, K, C    batch, features, hidden units, time steps, components or bins, context
    x, y, z             input or data, output, latent
    s, t (flows)        log-scale and shift;    t (diffusion)   the time, 1..T
    r, w, c             an unbounded parameter, w = tanh(r / c), and c w, bounded by c
    e                   an exponential: exp(s), exp(-alpha);    h   what a network gives
    d + name            the gradient of the loss with respect to it: dx, ds, dW
    logdet              log|det dy/dx| of each row, (N,)
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core import blocks, html, tree, validate
from minigen.core.signature import fields

Cache = Any  # what forward keeps for backward: nobody else looks into it
Grads = dict[str, Any]  # nested like `params`


class NoInverseGradient(TypeError):
    """A bijection whose inverse has no backward pass."""


class Layer:
    """A differentiable map, its parameters and its vector-Jacobian product.

    To write one: a frozen dataclass whose arrays are marked `param()` or `const()`, a `forward`
    and a `backward`, and a classmethod `init(..., rng, dtype)` for fresh parameters.
    """

    if TYPE_CHECKING:
        forward: Callable[..., Any]
        backward: Callable[..., Any]

    def __post_init__(self) -> None:
        """Hold every field to its annotation."""
        fields(self)

    @property
    def params(self) -> dict[str, Any]:
        """The tree of trained arrays: nested dicts, named like the fields."""
        return tree.params(self)

    @property
    def size(self) -> int:
        """How many numbers are trained."""
        return sum(a.size for a in tree.flatten(self.params).values())

    @cached_property
    def dtype(self) -> np.dtype:
        """The floating type of the parameters."""
        return tree.dtype(self)

    def astype(self, dtype: DTypeLike) -> Any:
        """A copy in another precision.

        Parameters
        ----------
        dtype : float32, float64, or their complex types

        Returns
        -------
        The layer with its arrays converted; what is kept in float64 stays so

        Examples
        --------
        >>> mg.nn.Linear.init(2, 3, rng=rng).astype(np.float64).dtype
        dtype('float64')
        """
        return tree.astype(self, validate.inexact("dtype", dtype))

    def __repr__(self) -> str:
        return tree.summary(self)

    def _repr_html_(self) -> str:
        """The tree of its parts, for a notebook."""
        return html.layer(self)


class Bijection(Layer):
    """An invertible map: a layer with two outputs, y (N, D) and logdet (N,) = log|det dy/dx|.

        y, logdet, cache = f.forward(x)             or f.forward(x, context)
        dx, grads        = f.backward(dy, dlogdet, cache)     dx, dcontext, grads with a context
        x, logdet, cache = f.inverse(y)             log|det dx/dy|, of the inverse map
        dy, grads        = f.inverse_backward(dx, dlogdet, cache)

    `context` is the number of context columns the map wants: 0 for none. `sequential` names the
    direction, "forward" or "inverse", that takes one pass for each coordinate (SLOW).
    """

    context: int = 0
    sequential: str = ""

    if TYPE_CHECKING:
        inverse: Callable[..., Any]

    def inverse_backward(self, dx: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        """The gradient of `inverse`; only BatchNorm, whose inverse is not trained, lacks it."""
        raise NoInverseGradient(f"{type(self).__name__} has no inverse_backward")

    def defined(self, x: NDArray) -> NDArray:
        """Whether each row of x lies in the domain of `forward`, (N,)."""
        return np.ones(len(x), bool)

    def reached(self, y: NDArray) -> NDArray:
        """Whether each row of y lies in the domain of `inverse`, (N,)."""
        return np.ones(len(y), bool)

    def slow(self, direction: str) -> "Bijection | None":
        """The first part that is sequential in "forward" or "inverse", or None (FAST)."""
        return self if self.sequential == direction else None


@dataclass(frozen=True, eq=False, repr=False)
class Inverse(Bijection):
    """The inverse of a bijection, as a bijection: its forward is f.inverse, and so on.

    Shapes: those of f, with x and y exchanged.
    """

    f: Bijection

    @property
    def context(self) -> int:
        return self.f.context

    def defined(self, x: NDArray) -> NDArray:
        return self.f.reached(x)

    def reached(self, y: NDArray) -> NDArray:
        return self.f.defined(y)

    def slow(self, direction: str) -> Bijection | None:
        return self.f.slow("inverse" if direction == "forward" else "forward")

    def forward(self, y: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        return self.f.inverse(y, *context)

    def backward(self, dx: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        *dinputs, grads = self.f.inverse_backward(dx, dlogdet, cache)
        return *dinputs, {"f": grads}

    def inverse(self, x: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        return self.f.forward(x, *context)

    def inverse_backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        *dinputs, grads = self.f.backward(dy, dlogdet, cache)
        return *dinputs, {"f": grads}


class Density(Layer):
    """A probability density on R^D.

        logp, cache = p.forward(x)                  logp (N,); or p.forward(x, context)
        dx, grads   = p.backward(dlogp, cache)
        x           = p.sample(n, rng=rng)          (n, D)

    `features` is D; `context` the number of context columns, 0 for none; `levels` the number of
    integer values of the data, 0 for continuous data.
    """

    context: int = 0
    levels: int = 0

    if TYPE_CHECKING:
        features: int
        sample: Callable[..., NDArray]

    @property
    def data_dtype(self) -> np.dtype:
        """The type in which data are given to `forward`."""
        return self.dtype

    def defined(self, x: NDArray) -> NDArray:
        """Whether each row of x is in the support, (N,): outside it the density is 0."""
        return np.ones(len(x), bool)

    def slow(self, direction: str) -> Layer | None:
        """The part that is sequential from data to latent ("forward") or back, or None."""
        return None

    def log_prob(self, x: ArrayLike, *context: ArrayLike) -> NDArray:
        """log p(x) in nats, (N,), for x (N, D) of any real type; validated and cast.

        Parameters
        ----------
        x : data, (N, D)
        context : (N, C), of a conditional density

        Returns
        -------
        (N,)

        Examples
        --------
        >>> mg.prob.StandardNormal(2).log_prob([[0.0, 0.0]]).round(3)
        array([-1.838])
        """
        return self.evaluated(lambda *rows: self.forward(*rows)[:1], x, *context)[0]

    def evaluated(
        self, run: Callable[..., Any], x: ArrayLike, *context: ArrayLike,
        name: str = "x", dtype: DTypeLike | None = None, direction: str = "forward",
    ) -> tuple[NDArray, ...]:  # fmt: skip
        """The outputs of `run` at x (N, D) and context, cast and evaluated a block at a time."""
        kind = self.data_dtype if dtype is None else dtype
        rows = validate.array(name, x, ("N", self.features))
        contexts = validate.conditions(self, len(rows), *context)
        try:
            return blocks.in_blocks(
                lambda x, *c: run(validate.cast(name, x, kind), *c), (rows, *contexts),
                slow=self.slow(direction) is not None,
            )  # fmt: skip
        except validate.InvalidInput:
            run(validate.cast(name, rows, kind), *contexts)  # names the row among all of them
            raise


class Loss(Layer):
    """A scalar to be minimised: a mean over the N rows of a batch.

        loss, cache      = L.forward(*inputs, **given)
        *dinputs, grads  = L.backward(1.0, cache)
        inputs, given    = L.draw(batch, rng)       what the loss needs each step, noise included

    A batch is an array of N rows or a tuple of them (data, context). `by_rows`: whether the loss of
    all rows is the mean of the losses of parts of them.
    """

    by_rows: bool = False

    def draw(
        self, batch: Any, rng: np.random.Generator
    ) -> tuple[tuple[NDArray, ...], dict[str, Any]]:
        """The inputs and the given of one step; by default the batch itself, and nothing drawn."""
        return (batch if isinstance(batch, tuple) else (batch,)), {}

    @property
    def data_dtype(self) -> np.dtype:
        """The type in which data are given to `draw`."""
        return self.dtype

    def rows(self, *inputs: NDArray, weights: NDArray | None = None) -> NDArray | None:
        """The losses whose mean this loss is, (N,), where each row has one of its own.

        weights: what `draw` gives under this name, if it does.
        """
        return None

    def examine(self, data: Any, name: str = "data") -> None:
        """Look at all data once, before the first step: refuse, or warn.

        name: "data", or "validation" of those that validate.
        """

    def prepared(self, data: Any) -> Any:
        """All data as their batches are cut from them; by default as they are."""
        return data

    def metrics(self, cache: Cache) -> dict[str, float]:
        """Numbers for the training history beside the loss, by name."""
        return {}
