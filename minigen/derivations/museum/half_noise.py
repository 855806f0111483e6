"""Noise that is too narrow.

where: intro_dgm (the notebooks of a textbook on generative models), realnvp_example.
what: Integers are dequantised by (1 - rand) / 2, which is uniform on (0, 0.5].
effect: The reported likelihood is no bound of the discrete one: up to log 2 nats a dimension too
    good, 44 nats for 64 pixels. Tables of results compare what cannot be compared.
check: data whose entropy is known: no model may do better.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from minigen.data import digits
from minigen.derivations.museum.exhibit import Exhibit, Finding
from minigen.prob import Gaussian, dequantize


def right(x: NDArray, rng: np.random.Generator) -> NDArray:
    """x + u, u ~ U[0, 1): then E[log p(x + u)] <= log P(x)."""
    return x + rng.random(x.shape)


def wrong(x: NDArray, rng: np.random.Generator) -> NDArray:
    """x + u, u ~ U(0, 0.5]: half of each unit cell is never visited."""
    return x + (1 - rng.random(x.shape)) / 2


def gaussian_nats(noisy: NDArray) -> float:
    """Mean -log p of the Gaussian fitted to the same rows, nats."""
    p = Gaussian.from_moments(noisy.mean(axis=0), np.cov(noisy.T, bias=True))
    return float(-p.forward(noisy)[0].mean())


def coin(
    noise: Callable[[NDArray, np.random.Generator], NDArray], rng: np.random.Generator
) -> float:
    """Nats of a fair coin under the best density of its dequantised values: a histogram."""
    y = noise(rng.integers(0, 2, 100_000).astype(float), rng)
    share, edges = np.histogram(y, bins=np.linspace(0, 2, 21), density=True)
    return float(-np.log(share[np.digitize(y, edges[1:-1])]).mean())


def measure(rng: np.random.Generator) -> Finding:
    x = digits().train.x.astype(float)
    tosses = coin(right, rng), coin(wrong, rng)
    good, bad = (gaussian_nats(noise(x, rng)) for noise in (right, wrong))
    zeros = np.zeros(10_000, int)
    ours, half = (float((f(zeros, rng) > 0.5).mean()) for f in (dequantize, wrong))
    figures = (
        ("a fair coin, nats (truth 0.6931)", *tosses),
        ("digits by a Gaussian, nats", good, bad),
        ("share of the noise above 1/2", ours, half),
    )
    seen = f"a fair coin in {abs(tosses[1]):.2f} nats: below its entropy, which no code can reach"
    return Finding(figures, seen, ("every gradient, every round trip, the samples",))


EXHIBIT = Exhibit.of(measure, right, wrong)
