"""The terms of the bound, each by itself: ELBO-16 to ELBO-18."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from minigen.check import gradients
from minigen.derivations.equation import Result, entry
from minigen.derivations.tools.compare import gap, worst
from minigen.derivations.tools.linear_model import EVERY_STEP, T, ToyModel
from minigen.derivations.tools.quadrature import hermite
from minigen.diffusion import (
    GaussianTerm,
    PosteriorDensity,
    PosteriorMean,
    PriorTerm,
    ReverseProcess,
    StepTerm,
)
from minigen.diffusion.predict import Convert, coefficients
from minigen.prob.kl import KLDiagonal


def rows(rng: np.random.Generator, n: int = 5) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """x0, xt, mu (n, 2) and a log-variance that differs from entry to entry."""
    x0, xt, mu = rng.standard_normal((3, n, 2))
    return x0, xt, mu, rng.uniform(-1.5, 0.5, (n, 2))


@entry("ELBO-16a", code=(GaussianTerm.forward, GaussianTerm.backward, StepTerm.forward))
def elbo_16a(rng: np.random.Generator) -> Result:
    r"""Correct, line 178 of the notes.

    printed: $$L_0 = -\log p_\theta(\bar{x}_0 | \bar{x}_1),$$
    correct: L_0=-\log p_\theta(\bar x_0|\bar x_1)\quad(\text{under }E_q)
    gradient: r=\bar x_0-\mu_\theta:\quad \partial_{\mu_\theta}=-\frac r{\sigma^2},\quad
        \partial_{\log\sigma^2}=\frac12\Big(1-\frac{r^2}{\sigma^2}\Big)

    True, with the minus that the brace of ELBO-14 lost. For continuous data it is the log of a
    density and may be negative, and its variance must not be beta tilde, which is zero at t = 1.
    """
    toy = ToyModel.draw(rng)
    x0, xt, mu, logvar = rows(rng)
    now, layer = np.array([1]), GaussianTerm(toy.schedule)
    known = -stats.norm.logpdf(x0, mu, np.exp(logvar / 2)).sum(axis=1)
    alone = gap(layer.forward(x0, xt, mu, logvar, t=now)[0], known)
    x = toy.paths(6, rng)
    beta = toy.schedule.beta[1]
    eps = (x[:, 1] - np.sqrt(1 - beta) * x[:, 0]) / np.sqrt(beta)
    whole = StepTerm(toy.model).forward(x[:, 0], t=now, eps=eps)[0]
    report = gradients(layer, x0, xt, mu, logvar, given={"t": now}, rng=rng)
    return Result(worst(alone, gap(whole, -toy.p.log(x, [0], [1]))), gradient=report)


@entry("ELBO-16b", code=(ReverseProcess.forward, Convert.forward, coefficients))
def elbo_16b(rng: np.random.Generator) -> Result:
    r"""Misprint, line 178 of the notes.

    printed: $$N(\bar{x}_t | \hat{\mu}_\theta(\bar{x}_{t+1}, t), \hat{\Sigma}_\theta(\bar{x}_{t+1},
        t))$$
    correct: p_\theta(\bar x_t|\bar x_{t+1})=\mathcal N\big(\bar x_t\mid\hat\mu_\theta(\bar x_{t+1},
        t+1),\hat\Sigma_\theta(\bar x_{t+1},t+1)\big)

    This describes p of x_t given x_{t+1}. The input of the network is x_{t+1}, so its time must be
    t + 1. As a name the t does no harm; as the index of the schedule it selects the betas of the
    wrong step. Measured with a network that predicts the true noise.
    """
    toy = ToyModel.draw(rng)
    schedule = toy.schedule
    t = 1 + int(np.abs(np.diff(schedule.beta[1:])).argmax())  # where the step's index tells most
    x0, eps = rng.standard_normal((2, 5, 2))
    A, rest = schedule.alpha_bar[t + 1], schedule.one_minus_alpha_bar[t + 1]
    above = np.sqrt(A) * x0 + np.sqrt(rest) * eps
    convert = Convert(schedule, "eps", "mu")
    truth, _ = PosteriorMean(schedule).forward(above, x0, t=np.full(5, t + 1))
    right, wrong = (convert.forward(above, eps, t=np.full(5, s))[0] for s in (t + 1, t))
    x = toy.paths(6, rng)
    steps = [gap(toy.reverse_step(x, s), toy.p.log(x, [s - 1], [s])) for s in EVERY_STEP]
    return Result(worst(gap(right, truth), *steps), gap(wrong, truth))


def by_nodes(
    toy: ToyModel, x0: NDArray, xt: NDArray, mu: NDArray, logvar: NDArray, t: int
) -> NDArray:
    """E over q(x_{t-1} | x_t, x_0) of log q - log p, exactly: the integrand is quadratic."""
    now = np.full(len(x0), t)
    mean, _ = PosteriorMean(toy.schedule).forward(xt, x0, t=now)
    sigma, total = np.sqrt(toy.schedule.beta_tilde[t]), np.zeros(len(x0))
    for z, w in zip(*hermite(), strict=True):
        x = mean + sigma * z  # every column at its own node: columns do not mix
        log_q, _ = PosteriorDensity(toy.schedule).forward(x, mean, t=now)
        total = total + w * (log_q - stats.norm.logpdf(x, mu, np.exp(logvar / 2)).sum(axis=1))
    return total


@entry("ELBO-17", code=(GaussianTerm.forward, GaussianTerm.backward, KLDiagonal.forward))
def elbo_17(rng: np.random.Generator) -> Result:
    r"""Correct, line 180 of the notes.

    printed: $$L_t = KL(q(\bar{x}_t | \bar{x}_{t+1}, \bar{x}_0) \parallel p_\theta(\bar{x}_t |
        \bar{x}_{t+1}))$$
    correct: L_t=E_q\,KL\big(q(\bar x_t|\bar x_{t+1},\bar x_0)\parallel
        p_\theta(\bar x_t|\bar x_{t+1})\big),\quad t=1,\dots,T-1
    gradient: \delta=\tilde\mu-\mu_\theta:\quad \partial_{\mu_\theta}=-\frac\delta{\sigma^2},\quad
        \partial_{\log\sigma^2}=\frac12\Big(1-\frac{\tilde\beta_t+\delta^2}{\sigma^2}\Big)

    True, q before p, under the expectation over x_0 and x_{t+1} that the notes do not write, and
    for t from 1 to T - 1. The other order gives another number. Both Gaussians are known, so no
    sampling is needed for it.
    """
    toy = ToyModel.draw(rng)
    inputs, layer = rows(rng), GaussianTerm(toy.schedule)
    x0, xt, mu, logvar = inputs
    errors, note = [], ""
    for t in EVERY_STEP[1:]:
        term, _ = layer.forward(*inputs, t=np.full(5, t))
        mean, _ = PosteriorMean(toy.schedule).forward(xt, x0, t=np.full(5, t))
        logtilde = np.full_like(mu, np.log(toy.schedule.beta_tilde[t]))
        kl, _ = KLDiagonal().forward(mean, logtilde, mu, logvar)
        other, _ = KLDiagonal().forward(mu, logvar, mean, logtilde)
        errors += [gap(term, by_nodes(toy, *inputs, t)), gap(term, kl)]
        note = f"the KL the other way round is off by {gap(other, kl):.2g}"
    report = gradients(layer, *inputs, given={"t": np.array([2, 3, 4, 3, 2])}, rng=rng)
    return Result(worst(*errors), gradient=report, note=note)


@entry("ELBO-18", code=(PriorTerm.forward, PriorTerm.backward, KLDiagonal.forward))
def elbo_18(rng: np.random.Generator) -> Result:
    r"""Correct, line 182 of the notes.

    printed: $$L_T = KL(q(\bar{x}_T | \bar{x}_0) \parallel p_\theta(\bar{x}_T))$$
    correct: L_T=E_q\,KL\big(q(\bar x_T|\bar x_0)\parallel p(\bar x_T)\big)=E_q\,\frac12\big[A_T\|
        \bar x_0\|^2-DA_T-D\log(1-A_T)\big]\quad\text{for }p=\mathcal N(\bar 0,\mathbf I)
    gradient: \partial_{\bar x_0}=A_T\,\bar x_0,\quad \partial_{A_T}=\frac12\Big[\frac{D\,A_T}{1
        -A_T}+\|\bar x_0\|^2\Big]

    True. With a standard normal prior it does not depend on theta, so it is not trained, only
    counted: it measures what is left of x_0 in x_T.
    """
    toy, x0 = ToyModel.draw(rng), rng.standard_normal((5, 2))
    layer = PriorTerm(toy.schedule)
    A, rest = toy.schedule.alpha_bar[T], toy.schedule.one_minus_alpha_bar[T]
    mean, zero = np.sqrt(A) * x0, np.zeros_like(x0)
    kl, _ = KLDiagonal().forward(mean, zero + np.log(rest), zero, zero)
    z, w = hermite()
    x = mean + np.sqrt(rest) * z[:, None, None]
    logs = stats.norm.logpdf(x, mean, np.sqrt(rest)) - stats.norm.logpdf(x)
    by_hand = np.tensordot(w, logs, 1).sum(axis=1)
    term, _ = layer.forward(x0)
    report = gradients(layer, x0, rng=rng)
    return Result(worst(gap(term, kl), gap(term, by_hand)), gradient=report)
