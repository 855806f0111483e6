"""From the likelihood to the bound: ELBO-4 to ELBO-7."""

import functools

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from minigen.check import jacobian
from minigen.core.numeric import LOG_2PI
from minigen.derivations.equation import Result, entry
from minigen.derivations.tools import linear_model as toys
from minigen.derivations.tools.compare import gap, worst
from minigen.derivations.tools.full_kl import KLFull
from minigen.derivations.tools.layers import smooth
from minigen.derivations.tools.linear_model import T, ToyModel
from minigen.derivations.tools.quadrature import grid, hermite, trapezoid
from minigen.diffusion import ReverseProcess, StepTerm, TimeNet, schedule_from_betas


def nonlinear_model(rng: np.random.Generator, T: int) -> ReverseProcess:
    """A one-dimensional reverse process with a network, not linear, on T steps."""
    schedule = schedule_from_betas(rng.uniform(0.3, 0.5, T))
    net = TimeNet.init(1, 1, T=T, hidden=5, blocks=1, rng=rng, dtype=np.float64)
    return ReverseProcess(smooth(net, rng), schedule, 1, "eps", "beta", 0.35)


def kernel(model: ReverseProcess, t: int, low: NDArray, high: NDArray) -> NDArray:
    """p(x_{t-1} | x_t) for every x_t of `high` (rows) and x_{t-1} of `low` (columns)."""
    mu, logvar = toys.reverse(model, high[:, None], t)
    e = low - mu
    return np.exp(-(e * e * np.exp(-logvar) + logvar + LOG_2PI) / 2)


def marginal(model: ReverseProcess, x0: NDArray | float, n: int) -> NDArray:
    """p(x_0) by carrying the density of x_T down, one integral a step, on n points."""
    x, w = trapezoid(-13.0, 13.0, n)
    return (w * densities(model, x, w)[1]) @ kernel(model, 1, np.atleast_1d(x0), x)


@entry("ELBO-4", code=(ReverseProcess.forward, toys.LinearNet.backward))
def elbo_4(rng: np.random.Generator) -> Result:
    r"""Correct, line 154 of the notes.

    printed: $$E_{q(\bar{x}_0)} [\log p_\theta(\bar{x}_0)] = E_{q(\bar{x}_0)} \left[ \log \int
        p_\theta(\bar{x}_0, \bar{x}_1, \dots, \bar{x}_T) d\bar{x}_1 \dots d\bar{x}_T \right]$$
    correct: E_{q(\bar x_0)}[\log p_\theta(\bar x_0)]=E_{q(\bar x_0)}\left[\log\int
        p_\theta(\bar x_0,\bar x_1,\dots,\bar x_T)\,d\bar x_1\dots d\bar x_T\right]
    gradient: \partial_\theta\log p_\theta(\bar x_0)
        =E_{p_\theta(\bar x_{1:T}|\bar x_0)}[\partial_\theta\log p_\theta(\bar x_{0:T})]

    True: the steps after x_0 are integrated away. For a linear model the integral is matrix
    algebra, for a network it is a chain of one-dimensional integrals, and its gradient is the mean
    gradient of a whole path, over the paths that end in x_0.
    """
    toy = ToyModel.draw(rng, features=1)
    x0 = np.linspace(-1.5, 2.0, 5)
    path = np.broadcast_to(x0[:, None, None], (5, T + 1, 1))
    known = toy.p.log(path, [0])
    linear = gap(np.log(marginal(toy.model, x0, 301)), known)
    model = nonlinear_model(rng, 3)
    grids = gap(np.log(marginal(model, x0, 261)), np.log(marginal(model, x0, 401)))
    return Result(worst(linear, grids), gradient=fisher_gap(toy, 0.3))


def fisher_gap(toy: ToyModel, x0: float) -> float:
    """Fisher's identity at one x_0, for the slopes of a linear network."""
    net = toy.net

    def log_p(slopes: NDArray) -> NDArray:
        model = ReverseProcess(toys.LinearNet(slopes, net.shift), toy.schedule, 1, "mu", "beta",
                     toy.model.first)  # fmt: skip
        return np.log(marginal(model, x0, 241))

    (direct,) = jacobian(log_p, net.slope)
    x, w = trapezoid(-13.0, 13.0, 241)
    up = np.full((1, 1), 1 / np.exp(log_p(net.slope)[0]))  # from x_0 upwards: p(x_0 | x_t)
    down = densities(toy.model, x, w)
    total, low = np.zeros(len(net.slope)), np.array([x0])
    for t in toys.EVERY_STEP:
        K = kernel(toy.model, t, low, x)
        pair = down[t][:, None] * w[:, None] * K * up  # of (x_t, x_{t-1}) given x_0
        mu, cache = net.forward(x[:, None], t=np.array([t]))
        score = ((low - mu) * pair).sum(axis=1, keepdims=True) / toy.sigma2(t)
        total += net.backward(score, cache)[1]["slope"]
        up, low = (K * up).sum(axis=1)[None] * w, x
    return gap(total, direct)


def densities(model: ReverseProcess, x: NDArray, w: NDArray) -> dict[int, NDArray]:
    """p(x_t) on the grid, t = 1..T."""
    T = model.schedule.T
    p = {T: np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)}
    for t in range(T, 1, -1):
        p[t - 1] = (w * p[t]) @ kernel(model, t, x, x)
    return p


@functools.cache
def noises(n: int = 177, reach: float = 22.0) -> tuple[NDArray, NDArray, NDArray]:
    """A grid of two standard noises: (n^2,) each, with the weights of N(0, 1)^2."""
    points, w = grid(-reach, reach, n)
    return *points.T, w * stats.norm.pdf(points).prod(axis=1)


def log_ratio(
    model: ReverseProcess, x0: float, x1: NDArray, x2: NDArray
) -> tuple[NDArray, NDArray]:
    """log p(x_0, x_1, x_2) - log q(x_1, x_2 | x_0) and log q, at paths of two steps."""
    beta = model.schedule.beta
    log_q = stats.norm.logpdf(x1, np.sqrt(1 - beta[1]) * x0, np.sqrt(beta[1]))
    log_q = log_q + stats.norm.logpdf(x2, np.sqrt(1 - beta[2]) * x1, np.sqrt(beta[2]))
    log_p = stats.norm.logpdf(x2)
    for t, low, high in [(2, x1, x2), (1, np.full_like(x1, x0), x1)]:
        mu, logvar = toys.reverse(model, high[:, None], t)
        log_p = log_p + stats.norm.logpdf(low, mu[:, 0], np.exp(logvar[:, 0] / 2))
    return log_p - log_q, log_q


def sampled_paths(model: ReverseProcess, x0: float) -> tuple[NDArray, NDArray, NDArray]:
    """x_1 and x_2 made of the grid of noises, and the weights of E_q."""
    first, second, w = noises()
    beta = model.schedule.beta
    x1 = np.sqrt(1 - beta[1]) * x0 + np.sqrt(beta[1]) * first
    return x1, np.sqrt(1 - beta[2]) * x1 + np.sqrt(beta[2]) * second, w


@entry("ELBO-5", code=(log_ratio, marginal))
def elbo_5(rng: np.random.Generator) -> Result:
    r"""Incomplete, line 156 of the notes.

    printed: =  $E_{q(\bar{x}_1, \dots, \bar{x}_T | \bar{x}_0)} [\dots]$
    correct: =E_{q(\bar x_0)}\left[\log E_{q(\bar x_1,\dots,\bar x_T|\bar x_0)}
        \left[\frac{p_\theta(\bar x_0,\dots,\bar x_T)}{q(\bar x_1,\dots,\bar x_T|\bar x_0)}\right]
        \right]

    A remark beside the line, without its inner part. The integral is an expectation of a ratio, and
    the log stays outside of it. Read as an expectation of logs, the only other reading, it is
    already the bound and smaller.
    """
    model, x0 = nonlinear_model(rng, 2), 0.4
    x1, x2, w = sampled_paths(model, x0)
    log_r, _ = log_ratio(model, x0, x1, x2)
    alive = w > 0
    truth = np.log(marginal(model, x0, 401)[0])
    outside = np.log(np.sum(np.exp(np.log(w[alive]) + log_r[alive])))
    return Result(gap(outside, truth), abs(w @ log_r - truth))


@entry("ELBO-6", code=(log_ratio, marginal))
def elbo_6(rng: np.random.Generator) -> Result:
    r"""Correct, line 158 of the notes.

    printed: $$= E_{q(\bar{x}_0)} \left[ \log \int q(\bar{x}_1, \dots, \bar{x}_T | \bar{x}_0) \cdot
        \frac{p_\theta(\bar{x}_0, \dots, \bar{x}_T)}{q(\bar{x}_1, \dots, \bar{x}_T | \bar{x}_0)}
        d\bar{x}_1 \dots d\bar{x}_T \right] \geq$$
    correct: =E_{q(\bar x_0)}\left[\log\int q(\bar x_1,\dots,\bar x_T|\bar x_0)
        \cdot\frac{p_\theta(\bar x_0,\dots,\bar x_T)}{q(\bar x_1,\dots,\bar x_T|\bar x_0)}\,
        d\bar x_1\dots d\bar x_T\right]

    True: multiplied and divided by a density that is nowhere zero. The sign at its end belongs to
    the next line.
    """
    model, x0 = nonlinear_model(rng, 2), -0.6
    points, w = grid(-10.0, 10.0, 161)
    log_r, log_q = log_ratio(model, x0, *points.T)
    whole = w @ np.exp(log_q + log_r)
    return Result(gap(np.log(whole), np.log(marginal(model, x0, 401)[0])))


@entry("ELBO-7", code=(StepTerm.forward, KLFull.forward))
def elbo_7(rng: np.random.Generator) -> Result:
    r"""Correct, line 160 of the notes.

    printed: $$\geq E_{q(\bar{x}_0)} \left[ E_{q(\bar{x}_1, \dots, \bar{x}_T | \bar{x}_0)}
        \left[ \log \frac{p_\theta(\bar{x}_0, \dots, \bar{x}_T)}{q(\bar{x}_1, \dots, \bar{x}_T |
        \bar{x}_0)} \right] \right] \rightarrow \max$$
    correct: \ge E_{q(\bar x_0)}E_{q(\bar x_{1:T}|\bar x_0)}
        \left[\log\frac{p_\theta(\bar x_{0:T})}{q(\bar x_{1:T}|\bar x_0)}\right]\to\max_\theta,
        \quad\text{short by}\quad E_{q(\bar x_0)}KL\big(q(\bar x_{1:T}|\bar x_0)\parallel
        p_\theta(\bar x_{1:T}|\bar x_0)\big)

    True, by Jensen, because the log is concave. The difference is known exactly: the KL from the
    paths of q to the model's paths that end in x_0. Bound, likelihood and difference are computed
    separately and must add up.
    """
    toy = ToyModel.draw(rng)
    z, w = hermite()
    x0 = toys.M + np.sqrt(toys.V) * z
    later = list(toys.EVERY_STEP)
    D = toy.model.features
    paths = np.zeros((len(z), T + 1, D))
    paths[:, 0] = x0[:, None]
    likelihood = w @ toy.p.log(paths, [0])
    lost = D * (w @ path_divergence(toy, x0, later))
    total, *_ = toy.terms()
    note = f"likelihood {likelihood:.4f}, bound {-total:.4f}, lost {lost:.4f}"
    return Result(gap(-total, likelihood - lost) if lost > 0 else np.inf, note=note)


def path_divergence(toy: ToyModel, x0: NDArray, later: list[int]) -> NDArray:
    """KL(q(x_1..x_T | x_0) || p(x_1..x_T | x_0)) of one column, for each x_0."""
    pairs = []
    for joint in (toy.q, toy.p):
        gain, offset, C = joint.conditional(later, [0])
        L = np.broadcast_to(np.linalg.cholesky(C), (len(x0), T, T))
        pairs += [x0[:, None] * gain[:, 0] + offset, L]
    return KLFull().forward(*pairs)[0]
