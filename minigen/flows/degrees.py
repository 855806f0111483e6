"""Degrees: the number that says what a unit of a MADE may see.

Coordinates are visited in an order. A unit of degree m may depend on the context and on the first
m coordinates of the order, and on nothing else. One rule makes the masks of every layer:

    a unit sees the units below it whose degree is not larger than its own        S-MADE

Context columns have degree 0, the k-th coordinate of the order has degree k = 1 .. D, and the
parameters of the k-th coordinate have degree k - 1: they see strictly less than x_k itself.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate

ORDERS = ("natural", "reversed", "random")


def visit(order: str | ArrayLike, features: int, rng: np.random.Generator) -> NDArray:
    """The order as an array: order[k - 1] is the column that is visited k-th."""
    if isinstance(order, str):
        validate.choice("order", order, ORDERS)
        if order == "random":
            return rng.permutation(features)
        return np.arange(features)[:: -1 if order == "reversed" else 1].copy()
    order = validate.array("order", order)
    if order.shape != (features,) or not np.array_equal(np.sort(order), np.arange(features)):
        raise validate.expected(
            "order", f"a permutation of 0 .. {features - 1}", validate.shown(order)
        )
    return order.astype(np.int64)


def inputs(features: int, context: int, each: int = 1) -> NDArray:
    """Degrees of (context, coordinates in order), with so many numbers for each coordinate."""
    coordinates = np.repeat(np.arange(1, features + 1), each)
    return np.concatenate([np.zeros(context, np.int64), coordinates])


def hidden(name: str, width: int, features: int, context: int) -> NDArray:
    """Degrees of `width` hidden units: each of low .. D - 1 equally often, in rising order.

    low is 1, for without a context a unit of degree 0 sees nothing; with one it is 0.
    """
    low = 0 if context or features == 1 else 1
    kinds = features - low
    if width < kinds:
        lost = f"coordinates {low + width} .. {features - 1} of the order would reach no output"
        what = f"at least {kinds} units, one for each degree {low} .. {features - 1}"
        raise validate.expected(name, what, f"{width}: {lost}")
    return np.sort(low + np.arange(width) % kinds)


def outputs(features: int, parts: int) -> NDArray:
    """Degrees of the parameters: `parts` of them for each coordinate, side by side."""
    return np.repeat(np.arange(features), parts)


def mask(below: NDArray, above: NDArray) -> NDArray:
    """M (n_below, n_above): 1 where the unit above may see the unit below, by their degrees."""
    return above[None, :] >= below[:, None]


def starts(degrees: NDArray, features: int) -> list[int]:
    """Where each degree begins: the units of degree m are starts[m] .. starts[m + 1] - 1."""
    return np.searchsorted(degrees, np.arange(features + 2)).tolist()
