"""From noise to data: ancestral sampling and DDIM; and the solvers of the ODE.

Each yields (t, x_t) after every step, down to t = 0, so that a picture can follow it.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from minigen.core.blocks import in_blocks
from minigen.core.signature import Count, Share
from minigen.diffusion import ode, solvers
from minigen.diffusion.predict import Convert
from minigen.diffusion.reverse import ReverseProcess
from minigen.diffusion.schedule import Schedule, evenly_spaced, jump
from minigen.prob.gaussian import standard_normal

SAMPLERS = ("ancestral", "ddim", "ode", *solvers.SOLVERS)
States = Iterator[tuple[float, NDArray]]


def states(
    reverse: ReverseProcess, x: NDArray, *, rng: np.random.Generator, sampler: str, steps: Count,
    eta: Share, label: NDArray | None,
) -> States:  # fmt: skip
    """(T, x), then what the sampler makes of it, on `steps` of the T times."""
    T = reverse.schedule.T
    yield T, x
    way: States
    if sampler == "ode":
        (out,) = in_blocks(
            lambda x, k: (ode.sample(reverse, x, label=k).astype(x.dtype),), (x, label)
        )
        yield 0, out
        return
    if sampler in solvers.SOLVERS:
        way = solvers.solve(reverse, x, solver=sampler, steps=steps, label=label)
    elif sampler == "ddim":
        times = evenly_spaced(T, steps)
        way = ddim(reverse, x, rng=rng, times=times, eta=eta, label=label)
    else:
        short = reverse if steps == T else reverse.respaced(steps)
        times = np.append(0, evenly_spaced(T, steps))
        way = ((int(times[int(s)]), y) for s, y in ancestral(short, x, rng=rng, label=label))
    del x  # its memory is free after the first step
    yield from way


def last(way: States) -> NDArray:
    """The last state; none of the others is kept."""
    x = np.empty(0)
    for _, state in way:
        x = state
    return x


def has_chance(sampler: str, eta: Share) -> bool:
    """Whether noise is drawn after x_T."""
    return sampler == "ancestral" or (sampler == "ddim" and eta > 0)


def ancestral(
    reverse: ReverseProcess, x: NDArray, *, rng: np.random.Generator, label: NDArray | None = None
) -> States:
    """x_{t-1} ~ p(x_{t-1} | x_t) for t = T..1, the decoder p(x_0 | x_1) included.

    x_{t-1} = mu + sigma z, z ~ N(0, I)                                (Ho et al. 2020, alg. 2)
    """
    for t in range(reverse.schedule.T, 0, -1):
        (x,) = in_blocks(partial(ancestral_step, reverse, rng, np.array([t])), (x, label))
        yield t - 1, x


def ancestral_step(
    reverse: ReverseProcess, rng: np.random.Generator, t: NDArray, x: NDArray, label: NDArray | None
) -> tuple[NDArray]:
    out, logvar, _ = reverse.step(x, t, label)
    mu = reverse.mean.forward(x, out, t=t)[0]
    z = standard_normal(x.shape, rng=rng, dtype=x.dtype.type)
    z *= np.exp(logvar / 2)
    z += mu
    return (z,)


def ddim(
    reverse: ReverseProcess, x: NDArray, *, rng: np.random.Generator,
    times: Sequence[int] | NDArray, eta: Share = 0.0, label: NDArray | None = None,
) -> States:  # fmt: skip
    """Denoising diffusion implicit models (Song, Meng & Ermon 2021, eq. 12).

        x_s = sqrt(A_s) x0 + sqrt(1 - A_s - sigma^2) eps + sigma z
        sigma^2 = eta^2 (1 - A_s) / (1 - A_t) (1 - A_t / A_s)

    from t to the next s of `times` (S,), increasing, and to 0 at last. eta = 0 is a map without
    noise; eta = 1 over all times is the ancestral step with variance beta_tilde.
    """
    to = [Convert(reverse.schedule, reverse.predict, kind) for kind in ("x0", "eps")]
    for t, s in zip(times[::-1], [*times[:-1][::-1], 0], strict=True):
        weights = ddim_weights(reverse.schedule, t, s, eta)
        (x,) = in_blocks(partial(ddim_step, reverse, rng, to, np.array([t]), weights), (x, label))
        yield int(s), x


def ddim_step(
    reverse: ReverseProcess, rng: np.random.Generator, to: Sequence[Convert], t: NDArray,
    weights: tuple[float, float, float], x: NDArray, label: NDArray | None,
) -> tuple[NDArray]:  # fmt: skip
    signal, fresh, kept = weights
    out = reverse.prediction(x, t, label)[0]
    x0, eps = (convert.forward(x, out, t=t)[0] for convert in to)
    below = signal * x0 + kept * eps
    if fresh > 0:
        below += fresh * standard_normal(x.shape, rng=rng, dtype=x.dtype.type)
    return (below,)


def ddim_weights(schedule: Schedule, t: int, s: int, eta: Share) -> tuple[float, float, float]:
    """sqrt(A_s), sigma and sqrt(1 - A_s - sigma^2) of the step from t to s < t."""
    rest, (alpha, beta) = schedule.one_minus_alpha_bar, jump(schedule, s, t)
    variance = rest[s] * (eta**2 * beta / rest[t])
    kept = rest[s] * ((1 - eta**2) * beta + alpha * rest[s]) / rest[t]
    return float(np.sqrt(schedule.alpha_bar[s])), float(np.sqrt(variance)), float(np.sqrt(kept))
