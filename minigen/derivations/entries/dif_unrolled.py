"""Diffusion, all steps of the forward process at once: DIF-6 to DIF-12."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from minigen.check import gradients
from minigen.derivations.entries.dif_forward import t
from minigen.derivations.equation import Result, entry
from minigen.derivations.page import figures
from minigen.derivations.tools import gaussian_walk as gauss
from minigen.derivations.tools.compare import gap, worst
from minigen.derivations.tools.gaussian_walk import N, T, Walk
from minigen.derivations.tools.quadrature import trapezoid
from minigen.diffusion import Cumulate, Marginal, MarginalDensity, Schedule, Step, StepDensity


def two_steps(rng: np.random.Generator) -> tuple[Schedule, float, float, list[NDArray]]:
    """A schedule, alpha_t, alpha_{t-1}, and x_{t-2}, its two step noises, x_t by two Steps."""
    schedule = gauss.short_schedule(rng)
    x, first, second = rng.standard_normal((3, N, gauss.D))
    middle, _ = Step().forward(x, first, np.full(N, schedule.beta[t - 1]))
    last, _ = Step().forward(middle, second, np.full(N, schedule.beta[t]))
    return schedule, schedule.alpha[t], schedule.alpha[t - 1], [x, first, second, last]


@entry("DIF-6", code=(Step.forward,))
def dif_6(rng: np.random.Generator) -> Result:
    r"""Wrong, line 112 of the notes.

    printed: $$= \frac{\sqrt{1-\beta_t}}{\alpha_t} \left( \frac{\sqrt{1-\beta_{t-1}}}{\alpha_{t-1}}
        \bar{x}_{t-2} + \sqrt{\beta_{t-1}} \bar{\epsilon}_{t-2} \right) + \sqrt{\beta_t}
        \bar{\epsilon}_{t-1} =$$
    correct: =\underbrace{\sqrt{1-\beta_t}}_{\sqrt{\alpha_t}}
        \Big(\underbrace{\sqrt{1-\beta_{t-1}}}_{\sqrt{\alpha_{t-1}}}\bar x_{t-2}
        +\sqrt{\beta_{t-1}}\,\bar\epsilon_{t-2}\Big)+\sqrt{\beta_t}\,\bar\epsilon_{t-1}

    Labels under braces were read as denominators. The alphas only name what is under the root;
    divided by them, x would grow where it should shrink.
    """
    schedule, alpha, alpha1, (x, first, second, last) = two_steps(rng)
    beta, beta1 = schedule.beta[t], schedule.beta[t - 1]
    inner = np.sqrt(1 - beta1) * x + np.sqrt(beta1) * first
    correct = np.sqrt(1 - beta) * inner + np.sqrt(beta) * second
    divided = np.sqrt(1 - beta1) / alpha1 * x + np.sqrt(beta1) * first
    printed = np.sqrt(1 - beta) / alpha * divided + np.sqrt(beta) * second
    return Result(gap(correct, last), gap(printed, last))


@entry("DIF-7", code=(Step.forward,))
def dif_7(rng: np.random.Generator) -> Result:
    r"""Correct, line 114 of the notes.

    printed: $$= \sqrt{\alpha_t \alpha_{t-1}} \bar{x}_{t-2} + \sqrt{\alpha_t (1-\alpha_{t-1})}
        \bar{\epsilon}_{t-2} + \sqrt{1-\alpha_t} \bar{\epsilon}_{t-1} =$$
    correct: =\sqrt{\alpha_t\alpha_{t-1}}\,\bar x_{t-2}+\sqrt{\alpha_t(1-\alpha_{t-1})}\,
        \bar\epsilon_{t-2}+\sqrt{1-\alpha_t}\,\bar\epsilon_{t-1}

    True: the brackets of DIF-6 multiplied out.
    """
    _, alpha, alpha1, (x, first, second, last) = two_steps(rng)
    line = np.sqrt(alpha * alpha1) * x + np.sqrt(alpha * (1 - alpha1)) * first
    return Result(gap(line + np.sqrt(1 - alpha) * second, last))


@entry("DIF-8", code=(StepDensity.forward, MarginalDensity.forward), figure=figures.sum_of_noises)
def dif_8(rng: np.random.Generator) -> Result:
    r"""Incomplete, line 116 of the notes.

    printed: $$\mathcal{N}(\bar{0}, \alpha_t (1-\alpha_{t-1}) \mathbf{I}) + \mathcal{N}(\bar{0},
        (1-\alpha_t) \mathbf{I})$$
    correct: \mathcal N(\bar 0,\alpha_t(1-\alpha_{t-1})\mathbf I)\ast\mathcal N(\bar 0,(1-\alpha_t)
        \mathbf I)=\mathcal N(\bar 0,(1-\alpha_t\alpha_{t-1})\mathbf I)

    Two independent noises are added, not their densities: the sum of two densities has mass 2. The
    density of a sum is a convolution, under which variances add. It is computed on a grid, with the
    package's own steps.
    """
    schedule = gauss.short_schedule(rng)
    alpha, alpha1 = schedule.alpha[t], schedule.alpha[t - 1]
    y, w = trapezoid(-9.0, 9.0, 721)
    y = y[:, None]
    origin, ends = np.zeros_like(y), np.linspace(-2.0, 2.0, 9)[:, None]
    start, _ = StepDensity().forward(y, origin, np.full(len(y), schedule.beta[t - 1]))
    onward = [
        StepDensity().forward(np.full_like(y, e), y, np.full(len(y), schedule.beta[t]))[0]
        for e in ends[:, 0]
    ]
    convolved = np.exp(start + np.stack(onward)) @ w
    product = np.full(len(ends), alpha * alpha1)
    known, _ = MarginalDensity().forward(ends, np.zeros_like(ends), product, 1 - product)
    densities = stats.norm.pdf(y, 0, np.sqrt([alpha * (1 - alpha1), 1 - alpha])).sum(axis=1)
    return Result(gap(convolved, np.exp(known)), abs(w @ densities - 1))


@entry("DIF-9", code=(Marginal.forward, Step.forward))
def dif_9(rng: np.random.Generator) -> Result:
    r"""Correct, line 118 of the notes.

    printed: $$= \sqrt{\alpha_t \alpha_{t-1}} \bar{x}_{t-2} + \sqrt{1-\alpha_t \alpha_{t-1}}
        \bar{\epsilon} = \dots$$
    correct: \overset{d}{=}\sqrt{\alpha_t\alpha_{t-1}}\,\bar x_{t-2}+\sqrt{1-\alpha_t\alpha_{t-1}}\,
        \bar\epsilon=\dots

    True for the distributions on both sides. It is true for the samples too if the new noise is the
    sum of the two old ones, weighted so that its variance is again 1.
    """
    schedule, alpha, alpha1, (x, first, second, last) = two_steps(rng)
    A, rest = alpha * alpha1, alpha * (1 - alpha1) + (1 - alpha)
    eps = (np.sqrt(alpha * (1 - alpha1)) * first + np.sqrt(1 - alpha) * second) / np.sqrt(rest)
    merged, _ = Marginal().forward(x, eps, np.full(N, A), np.full(N, 1 - A))
    mean, variance = gauss.conditional(schedule, t, {0: 0 * x, t - 2: x})
    laws = worst(gap(np.sqrt(A) * x, mean), gap(1 - A, variance))
    return Result(worst(gap(merged, last), laws))


@entry("DIF-10", code=(Cumulate.forward, Cumulate.backward))
def dif_10(rng: np.random.Generator) -> Result:
    r"""Wrong, line 120 of the notes.

    printed: $$\alpha_1 - \alpha_t = A_t$$
    correct: \alpha_1\cdots\alpha_t=A_t,\quad A_0=1
    gradient: \frac{\partial A_t}{\partial\beta_s}=-\frac{A_t}{1-\beta_s}\quad(s\le t)

    The dots between first and last became a minus. A_t is a product; it is compared with the square
    of the weight of x_0 in x_t.
    """
    schedule = gauss.short_schedule(rng)
    truth = gauss.unrolled(schedule)[:, 0] ** 2
    printed = schedule.alpha[1] - schedule.alpha[1:]
    report = gradients(Cumulate(), schedule.beta[1:], rng=rng)
    return Result(gap(schedule.alpha_bar, truth), gap(printed, truth[1:]), report)


def total_noise(walk: Walk, s: int) -> tuple[NDArray, float]:
    """The step noises up to s as one noise of variance 1, and its weight in x_s."""
    weights = gauss.unrolled(walk.schedule)[s, 1:]
    spread = np.sqrt(np.sum(weights**2))
    return np.tensordot(weights, walk.eps[1:], 1) / spread, spread


@entry("DIF-11", code=(Marginal.forward, Marginal.backward))
def dif_11(rng: np.random.Generator) -> Result:
    r"""Correct, line 122 of the notes.

    printed: $$\bar{x}_t = \sqrt{\alpha_t \alpha_{t-1} \dots \alpha_1} \bar{x}_0 + \sqrt{1-\alpha_t
        \alpha_{t-1} \dots \alpha_1} \bar{\epsilon}$$
    correct: \bar x_t=\sqrt{\alpha_t\alpha_{t-1}\cdots\alpha_1}\,\bar x_0
        +\sqrt{1-\alpha_t\alpha_{t-1}\cdots\alpha_1}\,\bar\epsilon
    gradient: d\bar x_0=\sqrt{A_t}\,d\bar x_t,\ d\bar\epsilon=\sqrt{1-A_t}\,d\bar x_t,\ dA_t=\sum
        d\bar x_t\odot\Big(\frac{\bar x_0}{2\sqrt{A_t}}-\frac{\bar\epsilon}{2\sqrt{1-A_t}}\Big)

    True: DIF-9 repeated until x_0 is reached. One noise replaces t of them, so a training step can
    go to any t at once.
    """
    walk = Walk.draw(rng)
    eps, spread = total_noise(walk, t)
    inputs = (walk.x[0], eps, *walk.rows(t))
    jump, _ = Marginal().forward(*inputs)
    error = worst(gap(jump, walk.x[t]), gap(np.sqrt(inputs[-1][0]), spread))
    return Result(error, gradient=gradients(Marginal(), *inputs, rng=rng))


@entry("DIF-12", code=(MarginalDensity.forward, MarginalDensity.backward))
def dif_12(rng: np.random.Generator) -> Result:
    r"""Correct, line 124 of the notes.

    printed: $$q(\bar{x}_t | \bar{x}_0) = \mathcal{N}(\sqrt{A_t} \bar{x}_0, (1-A_t) \mathbf{I})$$
    correct: q(\bar x_t|\bar x_0)=\mathcal N\big(\bar x_t\mid\sqrt{A_t}\,\bar x_0,(1-A_t)
        \mathbf I\big)
    gradient: \partial_{\bar x_t}\log q=-\frac{\bar x_t-\sqrt{A_t}\,\bar x_0}{1-A_t}
        =-\frac{\bar\varepsilon}{\sqrt{1-A_t}},\quad \partial_{\bar x_0}\log q
        =\frac{\sqrt{A_t}\,\bar\varepsilon}{\sqrt{1-A_t}}

    True; only the argument before the bar is left out. Its gradient at x_t is the score, minus the
    noise over its standard deviation: what a diffusion network learns.
    """
    walk = Walk.draw(rng)
    errors = [gap(walk.marginal(s), walk.log(s)) for s in range(1, T + 1)]
    report = gradients(MarginalDensity(), walk.x[t], walk.x[0], *walk.rows(t), rng=rng)
    return Result(worst(*errors), gradient=report)
