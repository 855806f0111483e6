"""Diffusion, Bayes' rule for the step back: DIF-13 to DIF-18."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from minigen.check import gradients
from minigen.derivations.equation import Result, entry
from minigen.derivations.tools.compare import gap, worst
from minigen.derivations.tools.gaussian_walk import (
    N,
    T,
    column,
    conditional,
    log_normal,
    rows,
    short_schedule,
    walk,
)
from minigen.derivations.tools.posterior_forms import (
    log_bayes,
    mean_forms,
    quadratic,
    variance_forms,
)
from minigen.derivations.tools.rational import Point, differs
from minigen.diffusion import Cumulate, MarginalDensity, PosteriorDensity, Schedule, StepDensity

TABLES = ("alpha_bar", "one_minus_alpha_bar")


def drawn(
    rng: np.random.Generator, t: int = 4
) -> tuple[Schedule, list[NDArray], list[NDArray], NDArray, NDArray, float]:
    """A schedule, a walk, the times of a batch, and the posterior's mean and variance at t."""
    schedule = short_schedule(rng)
    x, eps = walk(schedule, rng)
    mean, variance = conditional(schedule, t - 1, {0: x[0], t: x[t]})
    return schedule, x, eps, np.full(N, t), mean, variance


def at_every_step(schedule: Schedule, x: list[NDArray], form: Callable[[int], NDArray]) -> float:
    """The worst gap of form(t) (N, D) to the posterior's mean, t = 2..T."""
    means = [conditional(schedule, s - 1, {0: x[0], s: x[s]})[0] for s in range(2, T + 1)]
    return worst(*(gap(form(s), mean) for s, mean in zip(range(2, T + 1), means, strict=True)))


@entry("DIF-13", code=(log_bayes, StepDensity.forward, MarginalDensity.forward))
def dif_13(rng: np.random.Generator) -> Result:
    r"""Wrong, line 126 of the notes.

    printed: $$q(\bar{x}_{t+1} | \bar{x}_t, \bar{x}_0) = \frac{q(\bar{x}_{t+1} | \bar{x}_0)
        q(\bar{x}_t | \bar{x}_{t-1}, \bar{x}_0)}{q(\bar{x}_t | \bar{x}_0)} =$$
    correct: q(\bar x_{t-1}|\bar x_t,\bar x_0)=\frac{q(\bar x_{t-1}|\bar x_0)\,
        q(\bar x_t|\bar x_{t-1},\bar x_0)}{q(\bar x_t|\bar x_0)},\quad t\ge2

    Bayes' rule for the step back, with t + 1 written where t - 1 is meant, twice. As printed the
    right side depends on x_{t-1} and the left side does not; from DIF-15 on the notes themselves
    use t - 1.
    """
    schedule, x, _, t, mean, variance = drawn(rng)
    truth = log_normal(x[3], mean, variance)
    left, _ = StepDensity().forward(x[5], x[4], *rows(schedule, 5, "beta"))
    prior, _ = MarginalDensity().forward(x[5], x[0], *rows(schedule, 5, *TABLES))
    step, _ = StepDensity().forward(x[4], x[3], *rows(schedule, 4, "beta"))
    evidence, _ = MarginalDensity().forward(x[4], x[0], *rows(schedule, 4, *TABLES))
    correct = gap(log_bayes(schedule, x[3], x[4], x[0], t), truth)
    return Result(correct, gap(prior + step - evidence, left))


@entry("DIF-14", code=(log_bayes,))
def dif_14(rng: np.random.Generator) -> Result:
    r"""Wrong, line 128 of the notes.

    printed: $$= \frac{\mathcal{N}(\bar{x}_{t+1} | \sqrt{A_{t+1}} \bar{x}_0, (1-A_{t+1}) \mathbf{I})
        \cdot \mathcal{N}(\bar{x}_t | \sqrt{\alpha_t} \bar{x}_{t-1}, \beta_t
        \mathbf{I})}{\mathcal{N}(\bar{x}_t | \sqrt{A_t} \bar{x}_0, (1-A_t) \mathbf{I})}$$
    correct: =\frac{\mathcal N(\bar x_{t-1}|\sqrt{A_{t-1}}\,\bar x_0,(1-A_{t-1})\mathbf I)
        \cdot\mathcal N(\bar x_t|\sqrt{\alpha_t}\,\bar x_{t-1},
        \beta_t\mathbf I)}{\mathcal N(\bar x_t|\sqrt{A_t}\,\bar x_0,(1-A_t)\mathbf I)}

    The mistake of DIF-13 again, three times in the first Gaussian. The printed line is compared
    with what it should be, the density of one step back.
    """
    schedule, x, _, t, mean, variance = drawn(rng)
    truth = log_normal(x[3], mean, variance)
    A, rest = column(schedule, 5, *TABLES)
    shared = log_normal(x[4], np.sqrt(schedule.alpha[4]) * x[3], schedule.beta[4])
    A4, rest4 = column(schedule, 4, *TABLES)
    shared = shared - log_normal(x[4], np.sqrt(A4) * x[0], rest4)
    printed = log_normal(x[5], np.sqrt(A) * x[0], rest) + shared
    A3, rest3 = column(schedule, 3, *TABLES)
    written = log_normal(x[3], np.sqrt(A3) * x[0], rest3) + shared
    ours = log_bayes(schedule, x[3], x[4], x[0], t)
    return Result(worst(gap(written, truth), gap(ours, truth)), gap(printed, truth))


@entry("DIF-15", code=(PosteriorDensity.forward, PosteriorDensity.backward))
def dif_15(rng: np.random.Generator) -> Result:
    r"""Correct, line 130 of the notes.

    printed: $$= \text{const} \cdot e^{-\frac{1}{2} \left( \frac{(\bar{x}_{t-1} - \sqrt{A_{t-1}}
        \bar{x}_0)^2}{1-A_{t-1}} + \frac{(\bar{x}_t - \sqrt{\alpha_t} \bar{x}_{t-1})^2}{\beta_t} -
        \frac{(\bar{x}_t - \sqrt{A_t} \bar{x}_0)^2}{1-A_t} \right)}$$
    correct: =\text{const}\cdot\exp\left(-\frac12\left[\frac{\|\bar x_{t-1}-\sqrt{A_{t-1}}
        \bar x_0\|^2}{1-A_{t-1}}+\frac{\|\bar x_t-\sqrt{\alpha_t}\bar x_{t-1}\|^2}{\beta_t}
        -\frac{\|\bar x_t-\sqrt{A_t}\bar x_0\|^2}{1-A_t}\right]\right),\quad\text{const}
        =(2\pi\tilde\beta_t)^{-D/2}
    gradient: \partial_{\bar x_{t-1}}\log q=-\frac{\bar x_{t-1}-\tilde\mu}{\tilde\beta_t},\quad
        \partial_{\tilde\mu}\log q=+\frac{\bar x_{t-1}-\tilde\mu}{\tilde\beta_t}

    True (squares of vectors are squared lengths), and more is true: the bracket equals the square
    about the mean over the variance, without a rest. Decided with rational numbers, without
    rounding.
    """
    schedule, x, _, t, mean, variance = drawn(rng)
    layer = PosteriorDensity(schedule)
    logq, _ = layer.forward(x[3], mean, t=t)
    p = Point(rng)
    exact = differs(p.bracket(p.x), (p.x - p.mu) ** 2 / p.tilde)
    error = worst(exact, gap(logq, log_normal(x[3], mean, variance)))
    return Result(error, gradient=gradients(layer, x[3], mean, given={"t": t}, rng=rng))


@entry("DIF-16", code=(quadratic,))
def dif_16(rng: np.random.Generator) -> Result:
    r"""Wrong, line 132 of the notes.

    printed: $$\bar{x}_{t-1}^T \bar{x}_{t-1} \cdot \left( \frac{1}{1-A_{t-1}} +
        \frac{\alpha_t}{\beta_t} \right) = \frac{1}{\tilde{\beta}_t} \left( \bar{x}_{t-1} -
        \tilde{\mu}(\bar{x}_t, \bar{x}_0) \right)^2 + \text{const}$$
    correct: \bar x_{t-1}^T\bar x_{t-1}\Big(\frac1{1-A_{t-1}}+\frac{\alpha_t}{\beta_t}\Big)-2\,
        \bar x_{t-1}^T\Big(\frac{\sqrt{A_{t-1}}}{1-A_{t-1}}\bar x_0+\frac{\sqrt{\alpha_t}}{\beta_t}
        \bar x_t\Big)=\frac1{\tilde\beta_t}\|\bar x_{t-1}-\tilde\mu\|^2+\text{const}

    Completing the square needs the linear term, which is missing; the next line is a part of it.
    Without it, the rest is not constant: it changes with x_{t-1}.
    """
    p = Point(rng)
    a = 1 / p.before + p.alpha / p.beta
    b = p.b / p.before * p.x0 + p.a / p.beta * p.xt
    points = [p.x + k for k in range(3)]
    without = [a * v**2 - (v - p.mu) ** 2 / p.tilde for v in points]
    const = [c - 2 * b * v for c, v in zip(without, points, strict=True)]
    exact = max(differs(c, const[0]) for c in const)
    schedule, x, _, t, mean, variance = drawn(rng)
    ours = quadratic(schedule, x[4], x[0], t)
    error = worst(gap(ours[0] * variance, np.ones((N, 1))), gap(ours[1] * variance, mean))
    return Result(worst(exact, error), max(differs(c, without[0]) for c in without))


@entry("DIF-17", code=(quadratic, mean_forms))
def dif_17(rng: np.random.Generator) -> Result:
    r"""Wrong, line 134 of the notes.

    printed: $$\bar{x}_{t-1} = \frac{2\sqrt{A_{t-1}}}{1-A_{t-1}} \bar{x}_0 -
        \frac{2\sqrt{\alpha_t}}{\beta_t} \bar{x}_t$$
    correct: \bar x_{t-1}^T\Big(-\frac{2\sqrt{A_{t-1}}}{1-A_{t-1}}\bar x_0
        -\frac{2\sqrt{\alpha_t}}{\beta_t}\bar x_t\Big)\ \Rightarrow\ \tilde\mu
        =\tilde\beta_t\Big(\frac{\sqrt{A_{t-1}}}{1-A_{t-1}}\bar x_0+\frac{\sqrt{\alpha_t}}{\beta_t}
        \bar x_t\Big)

    An equals sign stands where a bracket opened: this is not a formula for x_{t-1} but its factor,
    the linear term of the line before, and both of its parts are negative.
    """
    p = Point(rng)
    b = p.b / p.before * p.x0 + p.a / p.beta * p.xt
    linear = (p.bracket(1) - p.bracket(-1)) / 2  # of a quadratic in x
    schedule, x, *_ = drawn(rng)
    means = at_every_step(
        schedule, x, lambda s: mean_forms(schedule, x[s], x[0], np.full(N, s))["DIF-17"]
    )
    printed = 2 * p.b / p.before * p.x0 - 2 * p.a / p.beta * p.xt
    exact = worst(differs(linear, -2 * b), differs(p.tilde * b, p.mu))
    return Result(worst(exact, means), differs(printed, linear))


@entry("DIF-18", code=(variance_forms, Cumulate.forward, Cumulate.backward))
def dif_18(rng: np.random.Generator) -> Result:
    r"""Correct, line 136 of the notes.

    printed: $$\tilde{\beta}_t = \frac{1}{\frac{1}{1-A_{t-1}} + \frac{\alpha_t}{\beta_t}} =
        \frac{\beta_t(1-A_{t-1})}{\beta_t + \alpha_t - \alpha_t A_{t-1}} = \beta_t \cdot
        \frac{1-A_{t-1}}{1-A_t}$$
    correct: \tilde\beta_t=\frac1{\frac1{1-A_{t-1}}+\frac{\alpha_t}{\beta_t}}
        =\frac{\beta_t(1-A_{t-1})}{\beta_t+\alpha_t-\alpha_tA_{t-1}}=\beta_t\cdot\frac{1-A_{t-1}}{1
        -A_t}
    gradient: \frac{\partial\tilde\beta_t}{\partial\beta_t}=\frac{(1-A_{t-1})^2}{(1-A_t)^2},\quad
        \frac{\partial\tilde\beta_t}{\partial A_{t-1}}=-\frac{\beta_t^2}{(1-A_t)^2}

    True, all three forms, because alpha and beta add to one and A_t is alpha_t times A_{t-1}. At t
    = 1 the first form divides by zero, the last gives the right answer, zero.
    """
    schedule, x, *_ = drawn(rng)
    p, times = Point(rng), list(range(2, T + 1))
    known = [conditional(schedule, s - 1, {0: x[0], s: x[s]})[1] for s in times]
    forms = (*variance_forms(schedule, np.array(times)), schedule.beta_tilde[2:])
    exact = worst(
        differs(1 / (1 / p.before + p.alpha / p.beta), p.tilde),
        differs(p.beta * p.before / (p.beta + p.alpha - p.alpha * p.b**2), p.tilde),
    )
    report = gradients(Cumulate(), schedule.beta[1:], rng=rng)
    return Result(worst(exact, *(gap(f, known) for f in forms)), gradient=report)
