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

from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import Count, checked
from minigen.diffusion.ideal import IdealNoise
from minigen.diffusion.predict import Target
from minigen.diffusion.schedule import at
from minigen.diffusion.terms import PriorTerm
from minigen.diffusion.variance import noise_to_mean

FAR = 1e15  # its square is finite in float32, too
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
    eps, cache = ideal.forward(xt, t=t)
    J = np.empty((*xt.shape, xt.shape[1]))
    for d in range(xt.shape[1]):  # the Jacobian is symmetric: its rows are its columns
        J[:, d], _ = ideal.backward(np.eye(xt.shape[1])[[d]] * np.ones_like(eps), cache)
    root = np.sqrt(at(ideal.schedule.one_minus_alpha_bar, t, xt.dtype))
    return np.eye(xt.shape[1]) - root[:, :, None] * J


@checked
def variance_costs(
    ideal: IdealNoise, x0: ArrayLike, *, rng: np.random.Generator, samples: Count = 2000
) -> dict[str, NDArray]:
    """The bound of each row with the exact mean and six choices of the step's covariance, in nats.

    Parameters
    ----------
    ideal : the exact eps of the data
    x0 : (N, D), data
    rng : numpy.random.Generator
    samples : of the data, for what is a mean over x_t

    Returns
    -------
    {name: (N,)}
        "beta", "beta_tilde"; "interpolated", between them as well as one number for each t can be;
        "isotropic", the best number for each t; "diagonal", "full", the best for each x_t. All see
        the same noise. Their means minus the entropy of the data are the nats that are lost.

    Examples
    --------
    >>> schedule = mg.diffusion.cosine_schedule(10)
    >>> ideal = mg.diffusion.IdealNoise.init(schedule, [[-1.0, 0.0], [1.0, 0.0]], 0.1)
    >>> costs = mg.diffusion.variance_costs(ideal, ideal.sample(200, rng=rng), rng=rng)
    >>> bool(costs["full"].mean() < costs["beta"].mean())
    True
    """
    x0 = validate.array("x0", x0, ("N", ideal.means.shape[1]), np.float64)
    if not len(x0):
        raise validate.expected("x0", "at least one row", "none")
    validate.refuse("x0", x0, np.abs(x0) > FAR, f"numbers within {FAR:.0e} of 0")
    schedule, more = ideal.schedule, ideal.sample(samples, rng=rng)
    k2, tilde, beta = noise_to_mean(schedule), schedule.beta_tilde, schedule.beta
    last, _ = PriorTerm(schedule).forward(x0)
    total = {name: last.copy() for name in COSTS}
    for step in range(1, schedule.T + 1):
        t = np.array([step])
        other, _ = _noised(ideal, more, t, rng)
        mean_share = np.trace(noise_covariance(ideal, other, t), axis1=1, axis2=2).mean()
        best = tilde[step] + k2[step] * mean_share / x0.shape[1]
        xt, eps = _noised(ideal, x0, t, rng)
        C = tilde[step] * np.eye(x0.shape[1]) + k2[step] * noise_covariance(ideal, xt, t)
        delta = np.sqrt(k2[step]) * (ideal.forward(xt, t=t)[0] - eps)  # mu_tilde - mu
        low = beta[1] if step == 1 else tilde[step]
        numbers = {
            "beta": beta[step], "beta_tilde": low, "isotropic": best,
            "interpolated": np.clip(best, low, beta[step]),
        }  # fmt: skip
        for name, variance in numbers.items():
            total[name] += _term(variance * np.eye(x0.shape[1])[None], delta, tilde[step])
        total["full"] += _term(C, delta, tilde[step])
        total["diagonal"] += _term(C * np.eye(x0.shape[1]), delta, tilde[step])
    return total


def _noised(
    ideal: IdealNoise, x0: NDArray, t: NDArray, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """x_t and its eps."""
    eps = rng.standard_normal(x0.shape)
    return Target(ideal.schedule, "xt").forward(x0, eps, t=t)[0], eps


def _term(C: NDArray, delta: NDArray, tilde: float) -> NDArray:
    """KL(N(mu_tilde, tilde I) || N(mu, C)) (N,); with tilde = 0 -log N(mu_tilde; mu, C)."""
    D = delta.shape[1]
    _, logdet = np.linalg.slogdet(C)
    C = np.broadcast_to(C, (len(delta), D, D))
    square = np.einsum("nd,nd->n", delta, np.linalg.solve(C, delta[:, :, None])[:, :, 0])
    if tilde == 0:
        return (square + logdet + D * np.log(2 * np.pi)) / 2  # ELBO-16
    inverse = np.linalg.inv(C)
    trace = tilde * np.trace(inverse, axis1=1, axis2=2)
    return (square + logdet - D * np.log(tilde) + trace - D) / 2  # S-KLfull
