"""The bound, path by path: ELBO-8 to ELBO-12."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from minigen.check import gradients
from minigen.derivations.equation import Result, entry
from minigen.derivations.tools.compare import gap, worst
from minigen.derivations.tools.linear_model import EVERY_STEP, T, ToyModel, reverse
from minigen.derivations.tools.posterior_forms import log_bayes
from minigen.derivations.tools.quadrature import expectation
from minigen.diffusion import (
    GaussianTerm,
    MarginalDensity,
    PosteriorDensity,
    PosteriorMean,
    StepDensity,
)


def toy_and_paths(rng: np.random.Generator, n: int = 25) -> tuple[ToyModel, NDArray, NDArray]:
    """A model, some paths, and log q(x_1..x_T | x_0) - log p(x_0..x_T) from the joint laws."""
    toy = ToyModel.draw(rng)
    x = toy.paths(n, rng)
    return toy, x, toy.q.log(x, EVERY_STEP, [0]) - toy.p.log(x, range(T + 1))


def posterior_step(toy: ToyModel, x: NDArray, t: int) -> NDArray:
    """log q(x_{t-1} | x_t, x_0) by the package."""
    now = np.full(len(x), t)
    mu, _ = PosteriorMean(toy.schedule).forward(x[:, t], x[:, 0], t=now)
    return PosteriorDensity(toy.schedule).forward(x[:, t - 1], mu, t=now)[0]


def product_form(toy: ToyModel, x: NDArray) -> NDArray:
    """ELBO-10 at each path: the steps of q over the prior and the steps of p."""
    forward = sum(toy.forward_step(x, t) for t in EVERY_STEP)
    return forward - toy.prior(x) - sum(toy.reverse_step(x, t) for t in EVERY_STEP)


def expected(toy: ToyModel, rows_of: Callable[[ToyModel, NDArray], NDArray]) -> float:
    """E_q of a quadratic function of the path, exactly."""
    nodes, w = expectation(T + 1)
    root = np.linalg.cholesky(toy.q.cov)
    x = (toy.q.mean + nodes @ root.T)[:, :, None] * np.ones(toy.model.features)
    return float(w @ rows_of(toy, x))


@entry("ELBO-8", code=(StepDensity.forward, GaussianTerm.forward))
def elbo_8(rng: np.random.Generator) -> Result:
    r"""Correct, line 162 of the notes.

    printed: $$E_{q(\bar{x}_0, \bar{x}_1, \dots, \bar{x}_T)} \left[ \log \frac{q(\bar{x}_1, \dots,
        \bar{x}_T | \bar{x}_0)}{p_\theta(\bar{x}_0, \bar{x}_1, \dots, \bar{x}_T)} \right]
        \rightarrow \min$$
    correct: L=E_{q(\bar x_0,\bar x_1,\dots,\bar x_T)}\left[\log\frac{q(\bar x_1,\dots,
        \bar x_T|\bar x_0)}{p_\theta(\bar x_0,\bar x_1,\dots,\bar x_T)}\right]\to\min_\theta

    True: the bound with the other sign, so it is to be made small. It is not a KL itself: it is the
    KL of the two joint laws plus the entropy of the data, and for densities it may be negative.
    """
    toy = ToyModel.draw(rng)
    return Result(gap(expected(toy, product_form), toy.bound()))


def wrong_way(toy: ToyModel, x: NDArray) -> NDArray:
    """ELBO-9 as printed, its log and its expectation given back."""
    q, p = toy.q, toy.p
    above = q.log(x, [1], [0]) + p.log(x, [2], [0, 1])
    above = above + sum(q.log(x, [t], [t - 1, 0]) for t in range(3, T + 1))
    below = p.log(x, [1]) + p.log(x, [T], [0])
    return above - below - sum(p.log(x, [t], [t - 1]) for t in range(2, T))


@entry("ELBO-9", code=(StepDensity.forward, GaussianTerm.forward))
def elbo_9(rng: np.random.Generator) -> Result:
    r"""Wrong, line 164 of the notes.

    printed: =  $\int \frac{q(\bar{x}_1 | \bar{x}_0) p_\theta(\bar{x}_2 | \bar{x}_1, \bar{x}_0)
        \dots q(\bar{x}_T | \bar{x}_{T-1}, \bar{x}_0)}{p_\theta(\bar{x}_1) p_\theta(\bar{x}_2 |
        \bar{x}_1) \dots p_\theta(\bar{x}_T | \bar{x}_0)}$
    correct: =\int q(\bar x_{0:T})\log\frac{q(\bar x_1|\bar x_0)\,q(\bar x_2|\bar x_1,\bar x_0)\dots
        q(\bar x_T|\bar x_{T-1},\bar x_0)}{p_\theta(\bar x_T)\,p_\theta(\bar x_{T-1}|\bar x_T)\dots
        p_\theta(\bar x_0|\bar x_1)}\,d\bar x_{0:T}

    A first attempt that the next line replaces. It lacks the log, the weight q and the
    differentials, has a p among the q, and follows the model from x_1 upwards, with a p of x_T
    given x_0 at the end. Its error is measured with the log and the weight added.
    """
    toy, x, truth = toy_and_paths(rng)
    return Result(gap(product_form(toy, x), truth), gap(wrong_way(toy, x), truth))


@entry("ELBO-10", code=(StepDensity.forward, GaussianTerm.forward))
def elbo_10(rng: np.random.Generator) -> Result:
    r"""Correct, line 166 of the notes.

    printed: $$E_q \left[ \log \frac{q(\bar{x}_1 | \bar{x}_0) q(\bar{x}_2 | \bar{x}_1, \bar{x}_0)
        \dots q(\bar{x}_T | \bar{x}_{T-1}, \bar{x}_0)}{p_\theta(\bar{x}_T) p_\theta(\bar{x}_{T-1} |
        \bar{x}_T) \dots p_\theta(\bar{x}_0 | \bar{x}_1)} \right] =$$
    correct: E_q\left[\log\frac{q(\bar x_1|\bar x_0)\,q(\bar x_2|\bar x_1,\bar x_0)\dots
        q(\bar x_T|\bar x_{T-1},\bar x_0)}{p_\theta(\bar x_T)\,p_\theta(\bar x_{T-1}|\bar x_T)\dots
        p_\theta(\bar x_0|\bar x_1)}\right]

    True: q is factored forwards and p backwards, each in the direction in which its steps are
    known. Checked path by path, which is stronger than a check of the expectation.
    """
    toy, x, truth = toy_and_paths(rng)
    no_memory = worst(
        *(gap(toy.q.log(x, [t], [t - 1, 0]), toy.forward_step(x, t)) for t in EVERY_STEP[1:])
    )
    return Result(worst(gap(product_form(toy, x), truth), no_memory))


def middle(toy: ToyModel, x: NDArray) -> NDArray:
    """The sum of ELBO-11: t = 2..T of log q(x_t | x_{t-1}, x_0) / p(x_{t-1} | x_t)."""
    steps = [toy.forward_step(x, t) - toy.reverse_step(x, t) for t in EVERY_STEP[1:]]
    return np.sum(steps, axis=0)


@entry("ELBO-11", code=(GaussianTerm.forward, GaussianTerm.backward))
def elbo_11(rng: np.random.Generator) -> Result:
    r"""Correct, line 168 of the notes.

    printed: $$= E_q \left[ -\log p_\theta(\bar{x}_T) + \sum_{t=2}^T \log \frac{q(\bar{x}_t |
        \bar{x}_{t-1}, \bar{x}_0)}{p_\theta(\bar{x}_{t-1} | \bar{x}_t)} + \log \frac{q(\bar{x}_1 |
        \bar{x}_0)}{p_\theta(\bar{x}_0 | \bar{x}_1)} \right] =$$
    correct: =E_q\left[-\log p_\theta(\bar x_T)+\sum_{t=2}^T\log\frac{q(\bar x_t|\bar x_{t-1},
        \bar x_0)}{p_\theta(\bar x_{t-1}|\bar x_t)}+\log\frac{q(\bar x_1|
        \bar x_0)}{p_\theta(\bar x_0|\bar x_1)}\right]
    gradient: e=\bar x_{t-1}-\mu_\theta:\quad \partial_{\mu_\theta}=-\frac e{\sigma^2},\quad
        \partial_{\log\sigma^2}=\frac12\Big(1-\frac{e^2}{\sigma^2}\Big)

    True: each step of q is paired with the step of p over the same two points, and the pair at t =
    1 is kept apart, because Bayes' rule does not apply there. Only the logs of p depend on theta;
    with one sampled path this already trains, though with more noise than the KLs that follow.
    """
    toy, x, truth = toy_and_paths(rng)
    first = toy.forward_step(x, 1) - toy.reverse_step(x, 1)
    line = -toy.prior(x) + middle(toy, x) + first
    mu, logvar = reverse(toy.model, x[:5, 3], 3)
    inputs = (x[:5, 2], x[:5, 3], mu, np.array(logvar))
    report = gradients(GaussianTerm(toy.schedule), *inputs, given={"t": np.array([1])}, rng=rng)
    return Result(gap(line, truth), gradient=report)


@entry("ELBO-12", code=(log_bayes, PosteriorDensity.forward, MarginalDensity.forward))
def elbo_12(rng: np.random.Generator) -> Result:
    r"""Correct, line 170 of the notes.

    printed: $$\sum_{t=2}^T \log \frac{q(\bar{x}_{t-1} | \bar{x}_t, \bar{x}_0) q(\bar{x}_t |
        \bar{x}_0)}{p_\theta(\bar{x}_{t-1} | \bar{x}_t) q(\bar{x}_{t-1} | \bar{x}_0)}$$
    correct: \sum_{t=2}^T\log\frac{q(\bar x_{t-1}|\bar x_t,\bar x_0)\,
        q(\bar x_t|\bar x_0)}{p_\theta(\bar x_{t-1}|\bar x_t)\,q(\bar x_{t-1}|\bar x_0)}

    True: DIF-13 put into the sum, so that q and p are now both densities of x_{t-1}. It has to
    begin at t = 2: at t = 1 the left side would be the density of x_0 given x_0.
    """
    toy, x, _ = toy_and_paths(rng)
    line, errors = np.zeros(len(x)), []
    for t in EVERY_STEP[1:]:
        posterior = posterior_step(toy, x, t)
        bayes = log_bayes(toy.schedule, x[:, t - 1], x[:, t], x[:, 0], np.full(len(x), t))
        errors.append(gap(bayes, posterior))
        line += posterior + toy.marginal(x, t) - toy.reverse_step(x, t) - toy.marginal(x, t - 1)
    return Result(worst(gap(line, middle(toy, x)), *errors))
