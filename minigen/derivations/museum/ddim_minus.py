"""A wrong sign of the noise.

where: numpy-diffusion, diffusion.py, and numpy-nn-model, ddpm notebook and script.
what: The direction to x_t enters the DDIM step with a minus.
effect: Each step changes the sign of the noise, which then dies out: every sample is the mean, and
    each looks clean.
check: the step at known x0 and eps must be the forward process at the earlier time.
answer: diffusion: `+ np.sqrt(1 - A) * eps` -> `- np.sqrt(1 - A) * eps`
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from minigen.derivations.museum.exhibit import Exhibit, Finding
from minigen.diffusion import IdealNoise, linear_schedule, q_sample

Step = Callable[[NDArray, NDArray, float, float], NDArray]


def right(x0: NDArray, eps: NDArray, A: float, rest: float) -> NDArray:
    """x_s = sqrt(A_s) x0 + sqrt(1 - A_s) eps: the point of the same noise at time s."""
    return np.sqrt(A) * x0 + np.sqrt(rest) * eps


def wrong(x0: NDArray, eps: NDArray, A: float, rest: float) -> NDArray:
    """x_s = sqrt(A_s) x0 - sqrt(1 - A_s) eps."""
    return np.sqrt(A) * x0 - np.sqrt(rest) * eps


def sampled(step: Step, rng: np.random.Generator, T: int = 400, n: int = 1000) -> NDArray:
    """Paths (T+1, n) of DDIM for N(2, 0.5^2) with the ideal noise, from t = T to 0."""
    s = linear_schedule(T)
    ideal, x = IdealNoise.init(s, [[2.0]], 0.25), rng.standard_normal((n, 1))
    path = [x]
    for t in range(T, 0, -1):
        eps, _ = ideal.forward(x, t=np.array([t]))
        x0 = (x - np.sqrt(s.one_minus_alpha_bar[t]) * eps) / np.sqrt(s.alpha_bar[t])
        x = step(x0, eps, s.alpha_bar[t - 1], s.one_minus_alpha_bar[t - 1])
        path.append(x)
    return np.array(path)[:, :, 0]


def same_noise(step: Step, rng: np.random.Generator) -> float:
    """How far the step at known x0 and eps is from the forward process at s."""
    s, x0, eps = linear_schedule(400), *rng.standard_normal((2, 5, 1))
    A, rest = s.alpha_bar[200], s.one_minus_alpha_bar[200]
    return np.abs(step(x0, eps, A, rest) - q_sample(s, x0, eps, np.array([200]))).max()


def measure(rng: np.random.Generator) -> Finding:
    seed = rng.integers(2**31)
    good, bad = (sampled(f, np.random.default_rng(seed)) for f in (right, wrong))
    off = same_noise(right, rng), same_noise(wrong, rng)
    figures = (
        ("mean of samples of N(2, 0.5^2)", good[-1].mean(), bad[-1].mean()),
        ("their standard deviation", good[-1].std(), bad[-1].std()),
        ("distance to the forward process", *off),
    )
    seen = f"the step, with the noise known, is {off[1]:.2g} away from the x_s of that noise"
    curves = {"right": good, "wrong": bad}
    return Finding(figures, seen, ("the mean of the samples, and a look at one of them",), curves)


EXHIBIT = Exhibit.of(measure, right, wrong)
