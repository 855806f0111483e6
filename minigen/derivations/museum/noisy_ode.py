"""Noise in an ODE.

where: zea, reverse_diffusion_step, pull request 551 of 2026; intro_dgm, fm_example, issue 10: "does
    this alter the original distribution?"
what: A sampler of flow matching adds noise at each step of the ODE "for diversity", and nothing
    takes away what the noise adds.
effect: Every sample is noisier than the data, with any number of steps and an exact network.
check: the spread of samples where the exact network is known: one Gaussian is enough.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from minigen.derivations.museum.exhibit import Exhibit, Finding

Step = Callable[[NDArray, NDArray, NDArray, float, float, NDArray], NDArray]


def right(y: NDArray, u: NDArray, eps: NDArray, s: float, h: float, z: NDArray) -> NDArray:
    """dy = -u ds - eps/2 ds + sqrt(s) dW: the drift s/2 grad log q takes away what z adds."""
    return y - h * u - h / 2 * eps + np.sqrt(s * h) * z


def wrong(y: NDArray, u: NDArray, eps: NDArray, s: float, h: float, z: NDArray) -> NDArray:
    """The same without the drift."""
    return y - h * u + np.sqrt(s * h) * z


def ode(y: NDArray, u: NDArray, eps: NDArray, s: float, h: float, z: NDArray) -> NDArray:
    """No noise at all: Euler's method on dy = -u ds."""
    return y - h * u


def sampled(step: Step, rng: np.random.Generator, steps: int, n: int = 20_000) -> NDArray:
    """Paths (steps + 1, n) on y = (1 - s) x_0 + s eps with the exact u, x_0 of N(2, 0.5^2)."""
    s, y = np.linspace(1, 0, steps + 1), rng.standard_normal(n)
    path = [y]
    for k in range(steps):
        off = (y - 2 * (1 - s[k])) / (0.25 * (1 - s[k]) ** 2 + s[k] ** 2)
        x0, eps = 2 + 0.25 * (1 - s[k]) * off, s[k] * off  # E[x_0 | y], E[eps | y]
        y = step(y, eps - x0, eps, float(s[k]), 1 / steps, rng.standard_normal(n))
        path.append(y)
    return np.array(path)


def measure(rng: np.random.Generator) -> Finding:
    good, bad, none = (sampled(f, rng, 200) for f in (right, wrong, ode))
    finer = sampled(right, rng, 1000), sampled(wrong, rng, 1000)
    figures = (
        ("mean of samples of N(2, 0.5^2)", good[-1].mean(), bad[-1].mean()),
        ("their standard deviation, 200 steps", good[-1].std(), bad[-1].std()),
        ("with 1000 steps", *(path[-1].std() for path in finer)),
        ("without any noise, 200 steps", none[-1].std(), none[-1].std()),
    )
    seen = f"samples of a known Gaussian: the spread is {bad[-1].std():.2f} where 0.5 is the truth"
    missed = ("the loss, which the sampler never sees", "the mean, and a look at one sample")
    return Finding(figures, seen, missed, {"right": good[:, :40], "wrong": bad[:, :40]})


EXHIBIT = Exhibit.of(measure, right, wrong)
