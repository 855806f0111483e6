"""A variance used as its logarithm.

where: diffusers, DDPM scheduler, variance_type 'learned_range'; pull requests 2090 and 3006 of
    2023.
what: The bounds of the interpolation are beta and beta_tilde where their logarithms belong; the
    result is exponentiated as if it were one.
effect: sigma is about 1 at every step: the sampler adds far too much noise to the image.
check: the range: log sigma^2 must lie within [log beta_tilde, log beta] for v in [0, 1].
answer: elbo: `2 * np.pi) + r + d**2 / var` -> `2 * np.pi) + var + d**2 / var`
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from minigen.derivations.museum.exhibit import Exhibit, Finding
from minigen.derivations.tools.posterior_forms import PosteriorMeanFromNoise
from minigen.diffusion import IdealNoise, linear_schedule


def right(v: float, low: float, high: float) -> float:
    """log sigma^2 = v log beta + (1 - v) log beta_tilde."""
    return v * np.log(high) + (1 - v) * np.log(low)


def wrong(v: float, low: float, high: float) -> float:
    """v beta + (1 - v) beta_tilde, used as log sigma^2."""
    return v * high + (1 - v) * low


def sampled(
    log_variance: Callable[..., float], rng: np.random.Generator, T: int = 100, n: int = 2000
) -> NDArray:
    """Samples of N(2, 0.5^2) by the ancestral sampler, with the ideal noise and v = 1/2."""
    schedule = linear_schedule(T)
    ideal = IdealNoise.init(schedule, [[2.0]], 0.25)
    x = rng.standard_normal((n, 1))
    for t in range(T, 0, -1):
        now = np.array([t])
        eps, _ = ideal.forward(x, t=now)
        mean, _ = PosteriorMeanFromNoise(schedule).forward(x, eps, t=now)
        low = schedule.beta_tilde[t] if t > 1 else schedule.beta[1]
        r = log_variance(0.5, low, schedule.beta[t])
        x = mean + np.exp(r / 2) * rng.standard_normal(x.shape)
    return x[:, 0]


def measure(rng: np.random.Generator) -> Finding:
    seed = rng.integers(2**31)
    good, bad = (sampled(f, np.random.default_rng(seed)) for f in (right, wrong))
    low, high = 1e-4, 0.02
    sigma, wrong_sigma = (float(np.exp(f(0.5, low, high) / 2)) for f in (right, wrong))
    figures = (
        ("mean of samples of N(2, 0.5^2)", good.mean(), bad.mean()),
        ("their standard deviation", good.std(), bad.std()),
        ("sigma at v = 1/2, beta 0.02, beta_tilde 1e-4", sigma, wrong_sigma),
    )
    value = wrong(0.5, low, high)
    seen = f"log sigma^2 = {value:.2g} is not within [{np.log(low):.1f}, {np.log(high):.1f}]"
    missed = ("every gradient: that of the wrong formula is right",)
    return Finding(figures, seen, missed, {"right": good, "wrong": bad})


EXHIBIT = Exhibit.of(measure, right, wrong)
