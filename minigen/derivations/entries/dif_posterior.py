"""Diffusion, Bayes' rule for the step back: DIF-13 to DIF-18."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from minigen.check import gradients
from minigen.derivations.equation import Result, entry
from minigen.derivations.tools import posterior_forms as forms
from minigen.derivations.tools.compare import gap, worst
from minigen.derivations.tools.gaussian_walk import N, T, Walk, column, log_normal
from minigen.derivations.tools.rational import Point, differs
from minigen.diffusion import Cumulate, MarginalDensity, PosteriorDensity, StepDensity

NOW = np.full(N, 4)  # the time of the step back, for each row of a batch


def at_every_step(walk: Walk, form: Callable[[NDArray, NDArray], NDArray]) -> float:
    """The worst gap of form(x_t, t) (N, D) to the posterior's mean, t = 2..T."""
    steps = range(2, T + 1)
    return worst(*(gap(form(walk.x[s], np.full(N, s)), walk.law(s - 1, s)[0]) for s in steps))


def mean_gap(walk: Walk, id: str) -> float:
    """The same for one of the forms of the mean."""
    return at_every_step(walk, lambda xt, t: forms.mean_forms(walk.schedule, xt, walk.x[0], t)[id])


@entry("DIF-13", code=(forms.log_bayes, StepDensity.forward, MarginalDensity.forward))
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
    walk = Walk.draw(rng)
    x, printed = walk.x, walk.marginal(5) + walk.step(4) - walk.marginal(4)
    correct = gap(forms.log_bayes(walk.schedule, x[3], x[4], x[0], NOW), walk.log(3, 4))
    return Result(correct, gap(printed, walk.step(5)))


@entry("DIF-14", code=(forms.log_bayes,))
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
    walk = Walk.draw(rng)
    schedule, x, truth = walk.schedule, walk.x, walk.log(3, 4)

    def marginal(s: int) -> NDArray:
        A, rest = column(schedule, s)
        return log_normal(x[s], np.sqrt(A) * x[0], rest)

    shared = log_normal(x[4], np.sqrt(schedule.alpha[4]) * x[3], schedule.beta[4]) - marginal(4)
    ours = forms.log_bayes(schedule, x[3], x[4], x[0], NOW)
    correct = worst(gap(marginal(3) + shared, truth), gap(ours, truth))
    return Result(correct, gap(marginal(5) + shared, truth))


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
    walk, p = Walk.draw(rng), Point(rng)
    layer, x, (mean, _) = PosteriorDensity(walk.schedule), walk.x[3], walk.law(3, 4)
    logq, _ = layer.forward(x, mean, t=NOW)
    exact = differs(p.bracket(p.x), (p.x - p.mu) ** 2 / p.tilde)
    report = gradients(layer, x, mean, given={"t": NOW}, rng=rng)
    return Result(worst(exact, gap(logq, walk.log(3, 4))), gradient=report)


@entry("DIF-16", code=(forms.quadratic,))
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
    walk = Walk.draw(rng)
    mean, variance = walk.law(3, 4)
    ours = forms.quadratic(walk.schedule, walk.x[4], walk.x[0], NOW)
    error = worst(gap(ours[0] * variance, np.ones((N, 1))), gap(ours[1] * variance, mean))
    return Result(worst(exact, error), max(differs(c, without[0]) for c in without))


@entry("DIF-17", code=(forms.quadratic, forms.mean_forms))
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
    printed = 2 * p.b / p.before * p.x0 - 2 * p.a / p.beta * p.xt
    exact = worst(differs(linear, -2 * b), differs(p.tilde * b, p.mu))
    return Result(worst(exact, mean_gap(Walk.draw(rng), "DIF-17")), differs(printed, linear))


@entry("DIF-18", code=(forms.variance_forms, Cumulate.forward, Cumulate.backward))
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
    walk, p, times = Walk.draw(rng), Point(rng), list(range(2, T + 1))
    schedule, known = walk.schedule, [walk.law(s - 1, s)[1] for s in times]
    ours = (*forms.variance_forms(schedule, np.array(times)), schedule.beta_tilde[2:])
    exact = worst(
        differs(1 / (1 / p.before + p.alpha / p.beta), p.tilde),
        differs(p.beta * p.before / (p.beta + p.alpha - p.alpha * p.b**2), p.tilde),
    )
    report = gradients(Cumulate(), schedule.beta[1:], rng=rng)
    return Result(worst(exact, *(gap(f, known) for f in ours)), gradient=report)
