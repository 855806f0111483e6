"""Diffusion, the mean of the step back: DIF-19 to DIF-23."""

import numpy as np
from numpy.typing import NDArray

from minigen.check import gradients
from minigen.derivations.entries.dif_posterior import NOW, at_every_step, mean_gap
from minigen.derivations.equation import Result, entry
from minigen.derivations.page import figures
from minigen.derivations.tools.compare import gap, worst
from minigen.derivations.tools.gaussian_walk import T, Walk, column
from minigen.derivations.tools.posterior_forms import PosteriorMeanFromNoise, mean_forms
from minigen.derivations.tools.rational import Point, differs
from minigen.diffusion import Marginal, PosteriorDensity, PosteriorMean


def noise_of(walk: Walk, t: int) -> NDArray:
    """The total noise of DIF-19."""
    A, rest = column(walk.schedule, t)
    return (walk.x[t] - np.sqrt(A) * walk.x[0]) / np.sqrt(rest)


@entry("DIF-19", code=(Marginal.forward,))
def dif_19(rng: np.random.Generator) -> Result:
    r"""Correct, line 138 of the notes.

    printed: $$\bar{x}_t = \sqrt{A_t} \bar{x}_0 + \sqrt{1-A_t} \bar{\varepsilon}$$
    correct: \bar x_t=\sqrt{A_t}\,\bar x_0+\sqrt{1-A_t}\,\bar\varepsilon

    True, with a change of letter: this epsilon is all the noise between x_0 and x_t. Two of the
    three always determine the third.
    """
    walk, errors = Walk.draw(rng), []
    for s in range(1, T + 1):
        back, _ = Marginal().forward(walk.x[0], noise_of(walk, s), *walk.rows(s))
        errors.append(gap(back, walk.x[s]))
    return Result(worst(*errors))


@entry("DIF-20", code=(PosteriorMean.forward, PosteriorMean.backward))
def dif_20(rng: np.random.Generator) -> Result:
    r"""Correct, line 140 of the notes.

    printed: $$\tilde{\mu}(\bar{x}_t, \bar{x}_0) = \sqrt{\alpha_t} \cdot \frac{1-A_{t-1}}{1-A_t}
        \bar{x}_t + \frac{\beta_t \sqrt{A_{t-1}}}{1-A_t} \bar{x}_0 =$$
    correct: \tilde\mu(\bar x_t,\bar x_0)=\sqrt{\alpha_t}\,\frac{1-A_{t-1}}{1-A_t}\bar x_t
        +\frac{\beta_t\sqrt{A_{t-1}}}{1-A_t}\bar x_0
    gradient: d\bar x_t=\sqrt{\alpha_t}\,\frac{1-A_{t-1}}{1-A_t}\,d\tilde\mu,\quad d\bar x_0
        =\frac{\beta_t\sqrt{A_{t-1}}}{1-A_t}\,d\tilde\mu

    True: a weighted mean of what x_t and what x_0 say about x_{t-1}. Compared with the conditional
    mean of the joint Gaussian.
    """
    walk = Walk.draw(rng)
    layer, x0 = PosteriorMean(walk.schedule), walk.x[0]
    error = at_every_step(walk, lambda xt, t: layer.forward(xt, x0, t=t)[0])
    report = gradients(layer, walk.x[4], x0, given={"t": NOW}, rng=rng)
    return Result(error, gradient=report)


@entry("DIF-21", code=(mean_forms,))
def dif_21(rng: np.random.Generator) -> Result:
    r"""Wrong, line 142 of the notes.

    printed: $$= \sqrt{\alpha_t} \cdot \frac{1-A_{t-1}}{1-A_t} \bar{x}_t +
        \frac{\beta_t \sqrt{A_{t-1}}}{1-A_t} \cdot \frac{\bar{x}_t - \sqrt{1-A_t}
        \bar{\varepsilon}}{\sqrt{A_t} \sqrt{\alpha_t}} =$$
    correct: =\sqrt{\alpha_t}\,\frac{1-A_{t-1}}{1-A_t}\bar x_t+\frac{\beta_t\sqrt{A_{t-1}}}{1-A_t}
        \cdot\frac{\bar x_t-\sqrt{1-A_t}\,\bar\varepsilon}{\sqrt{A_t}}

    x_0 is written by the noise, with one root too many in the denominator. Probably a cancellation
    left on the page: the root of A_{t-1} over that of A_t is one over the root of alpha_t, so
    either pair may be there, not both.
    """
    p = Point(rng)
    first, second = p.a * p.before / p.rest * p.xt, p.beta * p.b / p.rest * (p.xt - p.noise)
    exact = differs(first + second / (p.a * p.b), p.mu)
    error = mean_gap(Walk.draw(rng), "DIF-21")
    return Result(worst(exact, error), differs(first + second / (p.a**2 * p.b), p.mu))


@entry("DIF-22", code=(mean_forms,), figure=figures.weight_of_xt)
def dif_22(rng: np.random.Generator) -> Result:
    r"""Wrong, line 144 of the notes.

    printed: $$= \frac{\alpha_t - A_t + 1 - \alpha_t}{\alpha_t(1-A_{t-1}) + \beta_t} \bar{x}_t -
        \frac{\beta_t}{\sqrt{\alpha_t(1-A_t)}} \bar{\varepsilon}$$
    correct: =\frac{\alpha_t-A_t+1-\alpha_t}{\sqrt{\alpha_t}\,(1-A_t)}\bar x_t
        -\frac{\beta_t}{\sqrt{\alpha_t(1-A_t)}}\bar\varepsilon=\frac1{\sqrt{\alpha_t}}\bar x_t
        -\frac{\beta_t}{\sqrt{\alpha_t(1-A_t)}}\bar\varepsilon

    The numerator was written a second time as the denominator, so the weight of x_t is exactly one
    instead of one over the root of alpha_t. The weight of the noise is right.
    """
    p = Point(rng)
    above, noise = p.alpha - p.A + 1 - p.alpha, p.beta / (p.a * p.rest) * p.noise
    printed = above / (p.alpha * (1 - p.b**2) + p.beta)
    exact = worst(differs(above / (p.a * p.rest) * p.xt - noise, p.mu), differs(printed, 1))
    error = mean_gap(Walk.draw(rng), "DIF-22")
    return Result(worst(exact, error), differs(printed * p.xt - noise, p.mu))


@entry(
    "DIF-23",
    code=(
        PosteriorMeanFromNoise.forward,
        PosteriorMeanFromNoise.backward,
        PosteriorDensity.forward,
    ),
)
def dif_23(rng: np.random.Generator) -> Result:
    r"""Correct, line 146 of the notes.

    printed: $$q(\bar{x}_{t-1} | \bar{x}_t, \bar{x}_0) = \mathcal{N}\left(\bar{x}_{t-1} \mid
        \frac{1}{\sqrt{\alpha_t}} \bar{x}_t - \frac{\beta_t}{\sqrt{\alpha_t(1-A_t)}}
        \bar{\varepsilon}, \beta_t \cdot \frac{1-A_{t-1}}{1-A_t} \cdot I\right)$$
    correct: q(\bar x_{t-1}|\bar x_t,\bar x_0)=\mathcal N\left(\bar x_{t-1}
        \mid\frac1{\sqrt{\alpha_t}}\bar x_t-\frac{\beta_t}{\sqrt{\alpha_t(1-A_t)}}\bar\varepsilon,
        \ \beta_t\cdot\frac{1-A_{t-1}}{1-A_t}\cdot\mathbf I\right)
    gradient: d\bar x_t=\frac{d\tilde\mu}{\sqrt{\alpha_t}},\quad d\bar\varepsilon
        =-\frac{\beta_t}{\sqrt{\alpha_t(1-A_t)}}\,d\tilde\mu

    True; the errors of the two lines before are not in it. The noise must be the total one of
    DIF-19. With the network's prediction in its place this is the mean of a diffusion model's step.
    """
    walk, p = Walk.draw(rng), Point(rng)
    layer, xt, eps = PosteriorMeanFromNoise(walk.schedule), walk.x[4], noise_of(walk, 4)
    means = at_every_step(walk, lambda xt, t: layer.forward(xt, noise_of(walk, t[0]), t=t)[0])
    mu, _ = layer.forward(xt, eps, t=NOW)
    logq, _ = PosteriorDensity(walk.schedule).forward(walk.x[3], mu, t=NOW)
    exact = differs(p.xt / p.a - p.beta / (p.a * p.rest) * p.noise, p.mu)
    off = gap(layer.forward(xt, walk.eps[4], t=NOW)[0], walk.law(3, 4)[0])
    return Result(
        worst(exact, means, gap(logq, walk.log(3, 4))),
        gradient=gradients(layer, xt, eps, given={"t": NOW}, rng=rng),
        note=f"with the noise of the last step alone the mean is off by {off:.2g}",
    )
