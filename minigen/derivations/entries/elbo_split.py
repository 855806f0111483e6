"""The bound as a sum of named terms: ELBO-13 to ELBO-15."""

import numpy as np
from numpy.typing import NDArray

from minigen.check import gradients
from minigen.derivations.entries.elbo_paths import expected, posterior_step, toy_and_paths
from minigen.derivations.equation import NotEvaluable, Result, entry
from minigen.derivations.tools.compare import gap, worst
from minigen.derivations.tools.gaussian_walk import column
from minigen.derivations.tools.layers import denoiser
from minigen.derivations.tools.linear_model import EVERY_STEP, T, ToyModel
from minigen.diffusion import (
    DDPM,
    BoundLoss,
    GaussianTerm,
    MarginalDensity,
    PosteriorDensity,
    PriorTerm,
    Schedule,
    StepTerm,
    Uniform,
)
from minigen.diffusion.variance import log_variance


def ratios(toy: ToyModel, x: NDArray) -> NDArray:
    """The sum of ELBO-13 and ELBO-14: t = 2..T of log q(x_{t-1} | x_t, x_0) / p(x_{t-1} | x_t)."""
    steps = [posterior_step(toy, x, t) - toy.reverse_step(x, t) for t in EVERY_STEP[1:]]
    return np.sum(steps, axis=0)


@entry("ELBO-13", code=(PosteriorDensity.forward, MarginalDensity.forward, GaussianTerm.forward))
def elbo_13(rng: np.random.Generator) -> Result:
    r"""Misprint, line 172 of the notes.

    printed: $$= E_q \left[ -\log p_\theta(\bar{x}_T) + \sum_{t=2}^T \log \frac{q(\bar{x}_{t-1} |
        \bar{x}_t, \bar{x}_0)}{p_\theta(\bar{x}_{t-1} | \bar{x}_t)} + \log \frac{q(\bar{x}_T |
        \bar{x}_0)}{q(\bar{x}_1 | \bar{x}_0)} \cdot \frac{q(\bar{x}_1 |
        \bar{x}_0)}{p_\theta(\bar{x}_0 | \bar{x}_1)} \right]$$
    correct: =E_q\left[-\log p_\theta(\bar x_T)+\sum_{t=2}^T\log\frac{q(\bar x_{t-1}|\bar x_t,
        \bar x_0)}{p_\theta(\bar x_{t-1}|\bar x_t)}+\log\left(\frac{q(\bar x_T|
        \bar x_0)}{q(\bar x_1|\bar x_0)}\cdot\frac{q(\bar x_1|\bar x_0)}{p_\theta(\bar x_0|
        \bar x_1)}\right)\right]

    The ratios q(x_t|x_0) over q(x_{t-1}|x_0) cancel along the sum, except at its two ends. The last
    log should cover the whole product; without a bracket it covers the first fraction only, and the
    second multiplies it.
    """
    toy, x, truth = toy_and_paths(rng)
    ends = toy.marginal(x, T) - toy.marginal(x, 1)
    last = toy.marginal(x, 1) - toy.reverse_step(x, 1)
    rest = -toy.prior(x) + ratios(toy, x)
    return Result(gap(rest + ends + last, truth), gap(rest + ends * np.exp(last), truth))


@entry("ELBO-14", code=(PriorTerm.forward, GaussianTerm.forward, PosteriorDensity.forward))
def elbo_14(rng: np.random.Generator) -> Result:
    r"""Misprint, line 174 of the notes.

    printed: $$= E_q \left[ \underbrace{\log \frac{q(\bar{x}_T |
        \bar{x}_0)}{p_\theta(\bar{x}_T)}}_{L_T} + \sum_{t=2}^T
        \underbrace{\log \frac{q(\bar{x}_{t-1} | \bar{x}_t, \bar{x}_0)}{p_\theta(\bar{x}_{t-1} |
        \bar{x}_t)}}_{L_{t-1}} - \underbrace{\log p_\theta(\bar{x}_0 | \bar{x}_1)}_{L_0} \right]$$
    correct: =E_q\left[\underbrace{\log\frac{q(\bar x_T|\bar x_0)}{p_\theta(\bar x_T)}}_{\to L_T}
        +\sum_{t=2}^T\underbrace{\log\frac{q(\bar x_{t-1}|\bar x_t,\bar x_0)}{p_\theta(\bar x_{t-1}|
        \bar x_t)}}_{\to L_{t-1}}+\underbrace{\big(-\log p_\theta(\bar x_0|\bar x_1)\big)}_{L_0}
        \right]

    The total is right, the label under the last brace is wrong: it leaves the minus outside, so
    that the three named terms do not add up to L, and it contradicts the line that defines L_0. The
    other two braces become the KLs they are named after once the expectation is taken.
    """
    toy, x, truth = toy_and_paths(rng)
    head = toy.marginal(x, T) - toy.prior(x) + ratios(toy, x)
    braces = expected(
        toy, lambda w, y: w.marginal(y, T) - w.prior(y) + ratios(w, y) + w.reverse_step(y, 1)
    )
    total, *_ = toy.terms()
    correct = worst(gap(head - toy.reverse_step(x, 1), truth), gap(total, toy.bound()))
    return Result(correct, gap(braces, toy.bound()))


@entry("ELBO-15a", code=(StepTerm.forward, PriorTerm.forward, BoundLoss.backward))
def elbo_15a(rng: np.random.Generator) -> Result:
    r"""Correct, line 176 of the notes.

    printed: $$L = L_0 + L_1 + \dots + L_{T-1} + L_T,$$
    correct: L=L_0+L_1+\dots+L_{T-1}+L_T
    gradient: t\sim U\{1,\dots,T\}:\quad d L_{t-1}=\frac TN\,d\text{loss}

    True with L_0 as in the next line: T + 1 terms, each an expectation under q. The sum is compared
    with the KL of two joint Gaussians, computed without any steps. One random t per row, times T,
    is an unbiased estimate.
    """
    toy = ToyModel.draw(rng)
    total, *_ = toy.terms()
    x0, eps = rng.standard_normal((2, 5, toy.model.features))
    loss = BoundLoss(DDPM(toy.model), Uniform(T))
    report = gradients(loss, x0, given={"t": rng.integers(1, T + 1, 5), "eps": eps}, rng=rng)
    return Result(gap(total, toy.bound()), gradient=report)


def exact_variance(schedule: Schedule, t: int, s2: float) -> float:
    """Var(x_{t-1} | x_t) for x_0 ~ N(0, s2)."""
    A, rest = column(schedule, t - 1)
    alpha, beta = column(schedule, t, "alpha", "beta")
    before = A * s2 + rest
    return before - alpha * before**2 / (alpha * before + beta)


@entry("ELBO-15b", code=(log_variance, StepTerm.backward))
def elbo_15b(rng: np.random.Generator) -> Result:
    r"""Wrong, line 176 of the notes.

    printed: $$\gamma e^{\frac{r}{\beta_{t+1} - \beta_{t+1}}}$$
    correct: \hat\Sigma_\theta\ \text{between}\ \tilde\beta_{t+1}\ \text{and}\ \beta_{t+1},
        \quad\text{e.g.}\quad\hat\Sigma_\theta(\bar x_{t+1},t+1)=\operatorname{diag}
        \exp\big(v\log\beta_{t+1}+(1-v)\log\tilde\beta_{t+1}\big)
    gradient: \partial_v=\partial_{\log\sigma^2}\cdot(\log\beta_t-\log\tilde\beta_t)

    It divides by zero, in letters that are used nowhere else. We can only guess: the minus was dots
    and the first beta had a tilde, so that it was a note on the variance of the line below. That
    note would be true. For data without spread the exact variance is beta tilde, for data of
    variance 1 it is beta, and otherwise it lies between the two.
    """
    toy = ToyModel.draw(rng)
    schedule, errors = toy.schedule, []
    for t in EVERY_STEP[1:]:
        low, high = (np.full((1, 1), np.log(b[t])) for b in (schedule.beta_tilde, schedule.beta))
        ends = [
            np.exp(log_variance("learned", low, high, np.full((1, 1), raw))[0][0, 0])
            for raw in (-60.0, 60.0)
        ]
        exact = [exact_variance(schedule, t, s2) for s2 in (0.0, 1.0, 0.5)]
        errors += [gap(ends[0], exact[0]), gap(ends[1], exact[1])]
        errors.append(0.0 if exact[0] < exact[2] < exact[1] else np.inf)
    x0, eps = rng.standard_normal((2, 3, 2))
    term = StepTerm(denoiser(schedule, rng, "learned"))
    report = gradients(term, x0, given={"t": rng.integers(1, T + 1, 3), "eps": eps}, rng=rng)
    return Result(worst(*errors), NotEvaluable("the exponent divides by zero"), report)
