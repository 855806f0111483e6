"""A floor under the tails.

where: improved-diffusion, losses.py, and its many copies.
what: Phi is approximated by a tanh, good to 2e-4, and the difference of two of them, which may be
    1e-50, is floored at 1e-12.
effect: Far from the mean log P stands at -27.6 with slope 0: the pixels with the largest errors
    have no gradient, and the reported bits are too few.
check: a forward oracle: log P against an exact formula; no derivative test can see it.
"""

import numpy as np
from numpy.typing import NDArray

from minigen.derivations.museum.exhibit import Exhibit, Finding
from minigen.prob.discretized import DiscretisedGaussian

LEVELS = 256
GRID = np.linspace(-1, 1, LEVELS)


def right(x: NDArray, mu: float, sigma: float) -> NDArray:
    """log P(x) (n,) by erfcx, exact into the tails."""
    logvar = np.full_like(x, 2 * np.log(sigma))
    columns = (a[:, None] for a in (x, np.full_like(x, mu), logvar))
    return DiscretisedGaussian(LEVELS).forward(*columns)[0]


def wrong(x: NDArray, mu: float, sigma: float) -> NDArray:
    """log P(x) (n,) with Phi(z) = (1 + tanh(0.7979 (z + 0.0447 z^3))) / 2, floor 1e-12."""

    def Phi(z: NDArray) -> NDArray:
        return 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))

    h = 1 / (LEVELS - 1)
    high = np.where(x > 1 - h, 1, Phi((x + h - mu) / sigma))
    low = np.where(x < h - 1, 0, Phi((x - h - mu) / sigma))
    return np.log(np.maximum(high - low, 1e-12))


def measure(rng: np.random.Generator) -> Finding:
    sigma = 0.1
    logp = {name: f(GRID, 0.0, sigma) for name, f in (("right", right), ("wrong", wrong))}
    sums = [np.exp(v).sum() - 1 for v in logp.values()]
    at = np.abs(GRID - 8 * sigma).argmin()
    slopes = [(f(GRID, 1e-6, sigma) - f(GRID, -1e-6, sigma))[at] / 2e-6 for f in (right, wrong)]
    figures = (
        ("sum of the 256 probabilities, minus 1", *sums),
        ("log P eight sigma away, nats", *(v[at] for v in logp.values())),
        ("its slope by mu", *slopes),
        ("bins on the floor", 0, int((logp["wrong"] <= np.log(1e-12) + 1e-9).sum())),
    )
    gap = np.abs(logp["wrong"] - logp["right"])[np.exp(logp["right"]) > 1e-3].max()
    seen = f"log P against erfc: {gap:.2g} nats off where P > 0.001 already"
    curves = {"x": GRID, **logp}
    return Finding(figures, seen, ("the gradient check: the slope of a floor is 0",), curves)


EXHIBIT = Exhibit.of(measure, right, wrong)
