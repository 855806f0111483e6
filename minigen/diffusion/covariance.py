"""The best covariance of a reverse step, in closed form where the density of the data is known.

Given x_t, x_{t-1} is the posterior's mean and noise, and the mean is known up to eps:

    x_{t-1} = mu(x_t, eps) + N(0, beta_tilde_t I),  mu = ... - k_t eps,
                                        k_t^2 = beta_t^2 / (alpha_t (1 - A_t))        DIF-23
    Cov[x_{t-1} | x_t] = beta_tilde_t I + k_t^2 Cov[eps | x_t]                        S-SIGMA
    Cov[eps | x_t] = I - sqrt(1 - A_t) d eps(x_t, t) / d x_t,   eps(x_t, t) = E[eps | x_t]

A Gaussian step costs least with the mean and the covariance of the truth. beta_tilde_t leaves
out what eps is uncertain about, beta_t / alpha_t takes all of its variance, as if x_t told
nothing; the truth is between (Bao et al. 2022, "Analytic-DPM"). A diagonal covariance has the
diagonal of the truth's; one number for each t has the mean of it over x_t and columns.
"""

from collections.abc import Callable
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.numeric import LOG_2PI
from minigen.core.signature import Count, checked
from minigen.diffusion.ideal import IdealNoise
from minigen.diffusion.predict import Convert, Target
from minigen.diffusion.schedule import at
from minigen.diffusion.variance import noise_to_mean

FAR = 1e15  # its square is finite in float32, too
ROWS = 256  # done at once
COSTS = ("beta", "beta_tilde", "interpolated", "isotropic", "diagonal", "full")


@checked
def noise_covariance(ideal: IdealNoise, xt: Annotated[ArrayLike, "N D"], t: ArrayLike) -> NDArray:
    """Cov[eps | x_t] where the density of the data is known (S-SIGMA).

    Parameters
    ----------
    ideal : the exact eps of the data
    xt : (N, D)
    t : the times, (N,) or (1,), each in 1..T

    Returns
    -------
    (N, D, D)

    Examples
    --------
    >>> ideal = mg.diffusion.IdealNoise.init(mg.diffusion.cosine_schedule(10), [[0.0, 1.0]], 1.0)
    >>> C = mg.diffusion.noise_covariance(ideal, rng.standard_normal((5, 2)), np.array([3]))
    >>> bool(np.allclose(C, ideal.schedule.alpha_bar[3] * np.eye(2)))
    True
    """
    xt = validate.array("xt", xt, ("N", ideal.means.shape[1]), np.float64)
    validate.refuse("xt", xt, np.abs(xt) > FAR, f"numbers within {FAR:.0e} of 0")
    t = validate.integers("t", t, 1, ideal.schedule.T, ("N",))
    if len(t) not in (1, len(xt)):
        raise validate.expected("t", f"1 or {len(xt)} times", len(t))
    root = np.sqrt(at(ideal.schedule.one_minus_alpha_bar, t, xt.dtype))
    return np.eye(xt.shape[1]) - root[:, :, None] * ideal.jacobian(xt, t)


@checked
def nats_lost(
    ideal: IdealNoise, *, rng: np.random.Generator, samples: Count = 2000
) -> dict[str, NDArray]:
    """What six choices of the step's covariance lose of the truth, with the exact mean, in nats.

    The bound minus the entropy of the data is a KL between two laws of the whole path, and so one
    KL a step, back from x_T, whose own law is not quite N(0, I):

        sum_t E KL(q(x_{t-1} | x_t) || N(mu, C)) + KL(q(x_T) || N(0, I))

    q(x_{t-1} | x_t) is known by Bayes' rule. Only what its shape costs under the best C is a mean
    of log ratios; what another covariance costs more is, for each x_t, a KL between two Gaussians.

    Parameters
    ----------
    ideal : the exact eps of the data, which must have a density
    rng : numpy.random.Generator
    samples : drawn for each step

    Returns
    -------
    {name: (samples,)}
        "beta", "beta_tilde"; "interpolated", between them as well as one number for each t can be;
        "isotropic", the best number for each t; "diagonal", "full", the best for each x_t. The mean
        is the loss, and its error is that of a mean of independent numbers.

    Examples
    --------
    >>> schedule = mg.diffusion.cosine_schedule(10)
    >>> ideal = mg.diffusion.IdealNoise.init(schedule, [[-1.0, -1.0], [1.0, 1.0]], 0.1)
    >>> lost = mg.diffusion.nats_lost(ideal, rng=rng, samples=200)
    >>> bool(lost["full"].mean() < lost["diagonal"].mean() < lost["beta"].mean())
    True
    """
    if not ideal.values.all():
        raise validate.expected("ideal", "data with a density", "a covariance that is singular")
    s = ideal.schedule
    xT, logq = _drawn(ideal, s.T, samples, rng)
    last = logq + (xT * xT + LOG_2PI).sum(axis=1) / 2
    total = {name: last.copy() for name in COSTS}
    for t in range(1, s.T + 1):
        gap, C = _step(ideal, t, samples, rng)
        diagonal, logdet = np.diagonal(C, axis1=1, axis2=2), np.linalg.slogdet(C)[1]
        best, low = diagonal.mean(), s.beta[1] if t == 1 else s.beta_tilde[t]
        numbers = {
            "beta": s.beta[t], "beta_tilde": low, "isotropic": best,
            "interpolated": np.clip(best, low, s.beta[t]),
        }  # fmt: skip
        for name, variance in numbers.items():
            ratio = diagonal / variance
            total[name] += gap + (ratio - 1 + np.log(variance)).sum(axis=1) / 2 - logdet / 2
        total["diagonal"] += gap + (np.log(diagonal).sum(axis=1) - logdet) / 2
        total["full"] += gap
    return total


def _drawn(ideal: IdealNoise, t: int, n: int, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """x_t of the data, and log q(x_t)."""
    x0, at_t = ideal.sample(n, rng=rng), np.array([t])
    eps = rng.standard_normal(x0.shape)
    x = Target(ideal.schedule, "xt").forward(x0, eps, t=at_t)[0]
    return x, _in_parts(lambda part: ideal.log_density(part, at_t), x)


def _step(ideal: IdealNoise, t: int, n: int, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """log [q(x_{t-1} | x_t) / N(x_{t-1}; mu, C)] (n,), less scattered; C = Cov[x_{t-1} | x_t]."""
    s, at_t = ideal.schedule, np.array([t])
    before, logq = _drawn(ideal, t - 1, n, rng)
    z = rng.standard_normal(before.shape)
    x = np.sqrt(s.alpha[t]) * before + np.sqrt(s.beta[t]) * z  # DIF-1
    logq = logq - (z * z + LOG_2PI + np.log(s.beta[t])).sum(axis=1) / 2
    logq = logq - _in_parts(lambda part: ideal.log_density(part, at_t), x)
    eps = _in_parts(lambda part: ideal.forward(part, t=at_t)[0], x)
    C = noise_to_mean(s)[t] * _in_parts(lambda part: noise_covariance(ideal, part, at_t), x)
    C = C + s.beta_tilde[t] * np.eye(x.shape[1])  # S-SIGMA
    delta = before - Convert(s, "eps", "mu").forward(x, eps, t=at_t)[0]
    square = (delta * np.linalg.solve(C, delta[:, :, None])[:, :, 0] + LOG_2PI).sum(axis=1)
    gap = logq + (square + np.linalg.slogdet(C)[1]) / 2
    return _quieter(gap), C


def _quieter(gap: NDArray) -> NDArray:
    """gap (n,) or gap + e^-gap - 1, whose mean is the same: the mean of N / q is 1.

    The second is never negative, and quiet where the two laws are near. Each half of the rows
    chooses for the other, so that the choice knows nothing of the rows it is made for.
    """
    both = np.stack([gap, gap + np.expm1(-gap)])
    half = np.arange(len(gap)) < len(gap) // 2
    choice = [both[:, rows].var(axis=1).argmin() if rows.any() else 0 for rows in (half, ~half)]
    return np.where(half, both[choice[1]], both[choice[0]])


def _in_parts(f: Callable[[NDArray], NDArray], x: NDArray) -> NDArray:
    """f(x), a few rows at a time: a mixture of many Gaussians has an array for each."""
    return np.concatenate([f(x[n : n + ROWS]) for n in range(0, len(x), ROWS)])
