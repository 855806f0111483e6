"""The first column cannot see the condition.

where: nflows, MaskedAutoregressiveTransform, pull request 85; TarFlow, where the parameters of the
    first patch of each block are zeros.
what: The condition goes to hidden units, and every hidden unit counts as one that has seen the
    first column. Its own parameters may not depend on such a unit: they are constants.
effect: A single layer cannot learn p(x_1 | c): it costs 2.98 nats where 0.535 is the truth. Two
    layers with opposite orders hide it, for then the first column of one is the last of the other.
check: a test for too MANY zeros: the derivative of the first parameters by the condition.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from minigen import check
from minigen.core import tree
from minigen.derivations.museum.exhibit import Exhibit, Finding
from minigen.flows import MADE, Chain, Flow, MAFLayer, MaskedLinear, degrees
from minigen.nn import Tanh
from minigen.prob import StandardNormal
from minigen.training import fit

Degrees = Callable[[int], NDArray]
TRUTH = 1 + np.log(2 * np.pi) + np.log(0.1)  # nats of x_1 ~ N(c, 0.1^2) and x_2 ~ N(0, 1)


def right(width: int) -> NDArray:
    """Degrees 0 and 1 of hidden units: a unit of degree 0 sees the condition and no column."""
    return np.sort(np.arange(width) % 2)


def wrong(width: int) -> NDArray:
    """Degree 1 alone: every hidden unit that sees the condition may have seen x_1, too."""
    return np.ones(width, np.int64)


def layer(hidden: Degrees, order: int, rng: np.random.Generator, width: int = 16) -> MAFLayer:
    """A MAF layer of two columns and one of condition, with these hidden degrees."""
    below, above = degrees.inputs(2, 1), hidden(width)
    new = {"rng": rng, "dtype": np.float64}
    first = MaskedLinear.init(below, above, **new)
    last = MaskedLinear.init(above, degrees.outputs(2, 2), gain=0.0, **new)
    return MAFLayer(MADE((first, Tanh(), last), np.arange(2)[::order], 2, 1), c=3.0)


def nats(hidden: Degrees, layers: int, rng: np.random.Generator, steps: int = 600) -> float:
    """-log p(x | c) after training on x_1 ~ N(c, 0.1^2), x_2 ~ N(0, 1), c ~ U[-2, 2]."""
    chain = Chain(tuple(layer(hidden, (-1) ** k, rng) for k in range(layers)))
    flow = Flow(chain, StandardNormal(2))
    c = rng.uniform(-2, 2, (4000, 1))
    x = rng.standard_normal((4000, 2)) * [0.1, 1] + c * [1, 0]
    fit(flow.nll, (x, c), steps=steps, lr=1e-2, rng=rng, progress=False)
    return float(-flow.log_prob(x, c).mean())


def reach(hidden: Degrees, rng: np.random.Generator) -> NDArray:
    """The largest derivative by the condition of the parameters of x_1, and of x_2."""
    made, c = tree.perturbed(layer(hidden, 1, rng).made, rng), rng.standard_normal((9, 1))
    J = check.jacobian(lambda v: made.forward(np.zeros((len(v), 2)) * v, v)[0].reshape(-1, 4), c)
    return np.abs(J).reshape(9, 2, 2).max(axis=(0, 2))


def measure(rng: np.random.Generator) -> Finding:
    sees, blind = reach(right, rng), reach(wrong, rng)
    figures = (
        ("derivative of the parameters of x_1 by the condition", sees[0], blind[0]),
        (
            "-log p(x | c) of one layer, nats (truth 0.535)",
            nats(right, 1, rng),
            nats(wrong, 1, rng),
        ),
        ("-log p(x | c) of two layers", nats(right, 2, rng), nats(wrong, 2, rng)),
    )
    made = layer(wrong, 1, rng).made
    passed = bool(check.gradients(made, rng.standard_normal((5, 2)), np.ones((5, 1)), rng=rng))
    missed = (
        f"every gradient ({passed}): that of nothing is 0",
        "the test that nothing sees too much",
        f"the derivative of the parameters of x_2: {blind[1]:.1g}",
        "the loss of two layers with opposite orders",
    )
    seen = f"the first parameters are constants: their derivative by c is {blind[0]:.0f} everywhere"
    return Finding(figures, seen, missed)


EXHIBIT = Exhibit.of(measure, right, wrong)
