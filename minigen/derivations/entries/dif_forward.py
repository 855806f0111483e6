"""Diffusion, one step of the forward process: DIF-1 to DIF-5."""

import numpy as np
from scipy import stats

from minigen.check import gradients, jacobian
from minigen.derivations.equation import Result, entry
from minigen.derivations.page import figures
from minigen.derivations.tools import gaussian_walk as gauss
from minigen.derivations.tools.compare import gap, log_gaussian, worst
from minigen.derivations.tools.gaussian_walk import N, T, Walk
from minigen.derivations.tools.quadrature import trapezoid
from minigen.diffusion import (
    MarginalDensity,
    PriorTerm,
    Step,
    StepDensity,
    linear_schedule,
    schedule_from_betas,
)

t = 4  # the step that the two-step lines take, with t - 1 and t - 2 below it


@entry("DIF-1", code=(StepDensity.forward, StepDensity.backward))
def dif_1(rng: np.random.Generator) -> Result:
    r"""Correct, line 102 of the notes.

    printed: $$q(\bar{x}_t | \bar{x}_{t-1}) = \mathcal{N}(\bar{x}_t | \sqrt{1-\beta_t}
        \bar{x}_{t-1}, \beta_t \mathbf{I})$$
    correct: q(\bar x_t|\bar x_{t-1})=\mathcal N(\bar x_t|\sqrt{1-\beta_t}\,\bar x_{t-1},
        \beta_t\mathbf I)
    gradient: r=\bar x_t-\sqrt{1-\beta}\,\bar x_{t-1}:\quad \partial_{\bar x_t}=-\frac r\beta,
        \ \partial_{\bar x_{t-1}}=\sqrt{1-\beta}\,\frac r\beta,\ \partial_\beta=-\frac D{2\beta}
        +\frac{\|r\|^2}{2\beta^2}-\frac{r^T\bar x_{t-1}}{2\beta\sqrt{1-\beta}}

    True. The mean shrinks by as much as the noise adds, so that variance 1 stays variance 1.
    Compared with the conditional law from the joint Gaussian of all steps.
    """
    walk = Walk.draw(rng)
    inputs = (walk.x[t], walk.x[t - 1], *walk.rows(t, "beta"))
    report = gradients(StepDensity(), *inputs, rng=rng)
    return Result(gap(walk.step(t), walk.log(t, t - 1)), gradient=report)


@entry("DIF-2", code=(StepDensity.forward,))
def dif_2(rng: np.random.Generator) -> Result:
    r"""Correct, line 104 of the notes.

    printed: $$q(\bar{x}_1, \dots, \bar{x}_T | \bar{x}_0) = q(\bar{x}_1 | \bar{x}_0) \dots
        q(\bar{x}_T | \bar{x}_{T-1})$$
    correct: q(\bar x_{1:T}|\bar x_0)=\prod_{t=1}^Tq(\bar x_t|\bar x_{t-1})

    True, because each step depends on the one before it only. The sum of the steps' log densities
    is that of one Gaussian in T dimensions.
    """
    walk = Walk.draw(rng)
    steps = sum(walk.step(s) for s in range(1, T + 1))
    B = gauss.unrolled(walk.schedule)[1:]
    path = np.stack(walk.x[1:], axis=-1) - B[:, 0] * walk.x[0][:, :, None]
    whole = log_gaussian(path, np.zeros(T), B[:, 1:] @ B[:, 1:].T)
    return Result(gap(steps, whole.sum(axis=1)))


@entry("DIF-3", code=(MarginalDensity.forward, PriorTerm.forward), figure=figures.forgetting)
def dif_3(rng: np.random.Generator) -> Result:
    r"""Incomplete, line 106 of the notes.

    printed: $$q(\bar{x}_t | \bar{x}_0) = ? \quad \sim \mathcal{N}(\bar{0}, \mathbf{I})$$
    correct: q(\bar x_t|\bar x_0)=\mathcal N\big(\sqrt{A_t}\,\bar x_0,(1-A_t)\mathbf I\big);\quad
        q(\bar x_T|\bar x_0)\to\mathcal N(\bar 0,\mathbf I)\ \text{as}\ A_T\to0

    A question, answered by DIF-12. Only after many steps is x_t close to pure noise: the error of
    the printed form is its KL after two steps; the corrected form is checked by its density, and
    its KL by an integral.
    """
    walk, x0 = Walk.draw(rng), np.array([[1.0]])
    A, rest = gauss.column(walk.schedule, 2)
    early = (A * 1.0 - A - np.log(rest)) / 2
    density = gap(walk.marginal(t), walk.log(t))
    mean, variance = gauss.conditional(walk.schedule, T, {0: x0})
    y, w = trapezoid(-12.0, 12.0, 801)
    log_q = stats.norm.logpdf(y, mean[0, 0], np.sqrt(variance))
    integral = w @ (np.exp(log_q) * (log_q - stats.norm.logpdf(y)))
    closed = PriorTerm(walk.schedule).forward(x0)[0][0]
    long = linear_schedule(1000)
    left = PriorTerm(long).forward(x0)[0][0]
    note = f"after 1000 steps {left:.2g} nats are left (A_T = {long.alpha_bar[-1]:.3g})"
    return Result(worst(density, gap(closed, integral)), early, note=note)


@entry("DIF-4", code=(schedule_from_betas,), tolerance=0.0)
def dif_4(rng: np.random.Generator) -> Result:
    r"""Correct, line 108 of the notes.

    printed: $$\alpha_t = 1 - \beta_t$$
    correct: \alpha_t=1-\beta_t

    A definition. It is not the alpha of the flow sections, which is a log-scale.
    """
    schedule = gauss.short_schedule(rng)
    inside = np.all((schedule.alpha[1:] > 0) & (schedule.alpha[1:] < 1))
    return Result(gap(schedule.alpha, 1 - schedule.beta) if inside else np.inf)


@entry("DIF-5", code=(Step.forward, Step.backward))
def dif_5(rng: np.random.Generator) -> Result:
    r"""Correct, line 110 of the notes.

    printed: $$\bar{x}_t = \sqrt{1-\beta_t} \bar{x}_{t-1} + \sqrt{\beta_t} \bar{\epsilon}_{t-1} =$$
    correct: \bar x_t=\sqrt{1-\beta_t}\,\bar x_{t-1}+\sqrt{\beta_t}\,\bar\epsilon_{t-1},\quad
        \bar\epsilon_{t-1}\sim\mathcal N(\bar 0,\mathbf I)
    gradient: d\bar x_{t-1}=\sqrt{1-\beta}\,d\bar x_t,\ d\bar\epsilon=\sqrt\beta\,d\bar x_t,\ d\beta
        =\sum d\bar x_t\odot\Big(\frac{\bar\epsilon}{2\sqrt\beta}
        -\frac{\bar x_{t-1}}{2\sqrt{1-\beta}}\Big)

    True: a sample of DIF-1. The noise of step t has the index t - 1, and is not the total noise
    that DIF-19 writes with nearly the same letter. By a change of variables the sample must have
    the density of DIF-1.
    """
    schedule = gauss.short_schedule(rng)
    x, eps = rng.standard_normal((2, N, gauss.D))
    beta = (np.full(N, schedule.beta[t]),)
    y, _ = Step().forward(x, eps, *beta)
    J = jacobian(lambda e: Step().forward(x.astype(e.dtype), e, *beta)[0], eps)
    moved = gauss.log_normal(eps, 0.0, 1.0) - np.linalg.slogdet(J)[1]
    density, _ = StepDensity().forward(y, x, *beta)
    kept = gap((1 - schedule.beta) + schedule.beta, np.ones(T + 1))
    report = gradients(Step(), x, eps, *beta, rng=rng)
    return Result(worst(gap(density, moved), kept), gradient=report)
