"""Degrees are not the order of visits.

where: kamenbliznashki/normalizing_flows, maf.py, and the official solution of a university course
    (rll/deepul issue 10).
what: Sampling loops over `degrees` where `argsort(degrees)` belongs: a permutation taken for its
    inverse. The two are equal for the natural and for the reversed order.
effect: Samples of a model with a random order are noise, though its likelihood is right. A slide of
    the course gave the random order as the reason for its bad samples.
check: bijection: the round trip, at a permutation that is not its own inverse.
answer: autoregressive: `for i in range(z.shape[1]):` -> `for i in range(z.shape[1])[::-1]:`
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from minigen.core import tree
from minigen.derivations.museum.exhibit import Exhibit, Finding
from minigen.flows import MAFLayer


def inverse(layer: MAFLayer, z: NDArray, visit: NDArray) -> NDArray:
    """MAF-2, one coordinate at a time, in a given order of the columns."""
    x = np.zeros_like(z)
    for i in visit:
        h, _ = layer.made.forward(x)
        x[:, i] = layer.solve(h[:, i], z[:, i])[0]
    return x


def right(layer: MAFLayer, z: NDArray) -> NDArray:
    """The column of degree 1 first, then that of degree 2: argsort of the degrees."""
    degree = layer.made.position  # degree[i] is the place of column i in the order
    return inverse(layer, z, np.argsort(degree))


def wrong(layer: MAFLayer, z: NDArray) -> NDArray:
    """The degrees themselves, taken for columns."""
    return inverse(layer, z, layer.made.position)


def off(
    invert: Callable[[MAFLayer, NDArray], NDArray], order: str | NDArray, rng: np.random.Generator
) -> float:
    """The largest error of the round trip of a layer with this order of the columns."""
    fresh = MAFLayer.init(4, (12,), order=order, rng=rng, activation="tanh")
    layer = tree.perturbed(fresh, rng, 0.5)
    x = rng.standard_normal((200, 4))
    return np.abs(invert(layer, layer.forward(x)[0]) - x).max()


def measure(rng: np.random.Generator) -> Finding:
    orders = {"natural": "natural", "reversed": "reversed", "2, 0, 3, 1": np.array([2, 0, 3, 1])}
    figures = tuple(
        (f"round trip, order {name}", off(right, order, rng), off(wrong, order, rng))
        for name, order in orders.items()
    )
    seen = f"the round trip in an order that is not its own inverse: {figures[-1][2]:.2g} off"
    missed = ("the round trip in natural and in reversed order", "the density, its gradients")
    return Finding(figures, seen, missed)


EXHIBIT = Exhibit.of(measure, right, wrong)
