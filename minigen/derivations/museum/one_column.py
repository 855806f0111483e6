"""A mask that hides the condition.

where: flowjax issues 147 and 162; a relative in pytorch-ts issue 150.
what: Hidden degrees run from 1. With one column no output depends on a hidden unit, so no output
    depends on the condition either.
effect: p(x | c) is p(x): the model trains and samples, and ignores the condition.
check: a test for too MANY zeros: allowed entries of the Jacobian must not be 0, at D = 1 too.
answer: autoregressive: `m[None, :] >= pos` -> `m[None, :] > pos`
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

Degrees = Callable[[int, int], NDArray]


def right(features: int, width: int) -> NDArray:
    """Hidden degrees 0 .. D - 1 where there is a context: degree 0 sees the context alone."""
    return np.sort(np.arange(width) % features)


def wrong(features: int, width: int) -> NDArray:
    """Hidden degrees 1 .. D - 1, and 1 for D = 1: larger than the degree 0 of every output."""
    return np.sort(1 + np.arange(width) % max(features - 1, 1))


def network(hidden: Degrees, rng: np.random.Generator, width: int = 8) -> MADE:
    """A MADE of one column and one column of context, with these hidden degrees."""
    below, above = degrees.inputs(1, 1), hidden(1, width)
    init = {"rng": rng, "dtype": np.float64}
    first = MaskedLinear.init(below, above, **init)
    last = MaskedLinear.init(above, degrees.outputs(1, 2), gain=0.1, **init)
    return tree.perturbed(MADE((first, Tanh(), last), np.arange(1), 2, 1), rng, 0.2)


def nats(hidden: Degrees, rng: np.random.Generator, steps: int = 500) -> float:
    """-log p(x | c) after training on x = 2 c + 0.3 noise."""
    flow = Flow(Chain((MAFLayer(network(hidden, rng)),)), StandardNormal(1))
    c = rng.standard_normal((2000, 1))
    x = 2 * c + 0.3 * rng.standard_normal(c.shape)
    fit(flow.nll, (x, c), steps=steps, lr=1e-2, rng=rng, progress=False)
    return float(-flow.log_prob(x, c).mean())


def reach(hidden: Degrees, rng: np.random.Generator) -> float:
    """The largest derivative of the parameters by the context."""
    made, c = network(hidden, rng), rng.standard_normal((9, 1))
    J = check.jacobian(lambda v: made.forward(0 * v, v)[0].reshape(len(v), -1), c)
    return np.abs(J).max()


def measure(rng: np.random.Generator) -> Finding:
    sees = reach(right, rng), reach(wrong, rng)
    figures = (
        ("largest derivative by the condition", *sees),
        ("-log p(x | c) after training, nats", nats(right, rng), nats(wrong, rng)),
    )
    made, x = network(wrong, rng), rng.standard_normal((5, 1))
    passed = bool(check.gradients(made, x, 1 + x, rng=rng))
    missed = (f"every gradient ({passed}): that of nothing is 0", "D = 2 and more")
    seen = f"an allowed entry of the Jacobian is {sees[1]:.0f} at every point: too much is masked"
    return Finding(figures, seen, missed)


EXHIBIT = Exhibit.of(measure, right, wrong)
