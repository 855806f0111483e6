"""Supplements to what the notes leave open: S-JACOBI, S-CLOCK, S-INF, S-SIGMA, S-NCE."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from minigen.check import gradients, jacobian
from minigen.core import tree
from minigen.derivations.equation import Result, entry
from minigen.derivations.tools.compare import gap, worst
from minigen.derivations.tools.layers import (
    D,
    covariance,
    layer_and_latents,
    location_scale,
    sweep_errors,
)
from minigen.diffusion import (
    Clock,
    Convert,
    CovarianceMatchingLoss,
    FlowMatchingLoss,
    IdealNoise,
    IntegralBound,
    Target,
    cosine_schedule,
    ddpm,
    noise_covariance,
    schedule_from_betas,
    with_covariance,
)
from minigen.flows import Inverse, MAFLayer, incremental, incremental_backward, jacobi
from minigen.metric import InfoNCE, TripletLoss


@entry("S-JACOBI", code=(jacobi, incremental, incremental_backward))
def s_jacobi(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: \bar x^{p+1}=\bar z\odot\bar\sigma(\bar x^p)+\bar\mu(\bar x^p)\ \Rightarrow\
        \bar x^D=\bar x,\qquad M^D=0
    gradient: \lambda=d\bar x+\mathrm{MADE}^T\big(\lambda,\ \lambda\odot\bar z\odot\bar\sigma
        +d\ell\big),\quad d\bar z=\lambda\odot\bar\sigma

    The slow direction of MAF-10 by updates of all coordinates at once. One update has the Jacobian
    M of MAF-7, which is strictly triangular: its D-th power is zero, so after D updates the start
    is forgotten, whatever the network. Far fewer are enough in practice. The gradient goes through
    the same triangle from its last row to its first.
    """
    f, z = layer_and_latents(MAFLayer, rng, "random")
    truth, _ = incremental(f.made, z, f.solve)
    x, _, evaluations = jacobi(f.made, z, f.solve)
    M = jacobian(lambda v: _update(f, v, z), truth)
    power = np.abs(np.linalg.matrix_power(M, D)).max()
    last = sweep_errors(f, z, truth)[-1]
    error = worst(gap(x, truth), last, float(power), float(evaluations > D + 1))
    return Result(error, gradient=gradients(Inverse(f), z, rng=rng))


def _update(f: MAFLayer, x: NDArray, z: NDArray) -> NDArray:
    """One update of all coordinates."""
    mu, sigma = location_scale(f, x)
    return z * sigma + mu


@entry("S-CLOCK", code=(Convert.forward, FlowMatchingLoss.forward, FlowMatchingLoss.backward))
def s_clock(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: \bar y_s=(1-s)\,\bar x_0+s\,\bar\varepsilon=\frac{\bar x_t}{\sqrt{A_t}+\sqrt{1-A_t}},
        \quad\frac{s}{1-s}=\sqrt{\frac{1-A_t}{A_t}},\quad\frac{d\bar y_s}{ds}
        =\bar\varepsilon-\bar x_0
    gradient: \ell=|\hat u-(\bar\varepsilon-\bar x_0)|^2,\ \hat u=p\,\bar x_t+q\,\hat v:\quad
        d\hat v=2q\,\big(\hat u-(\bar\varepsilon-\bar x_0)\big)

    Flow matching takes the straight path from data to noise. It is the path of DIF-11 in another
    scale and with another clock, so a prediction of eps, x_0, v, of the score or of the velocity is
    one and the same network, read in five ways.
    """
    schedule = cosine_schedule(20)
    x0, eps = rng.standard_normal((2, 4, 3))
    t = rng.integers(1, 21, 4)
    r = np.exp(schedule.log_ratios[t])[:, None]
    s = r / (1 + r)
    xt, v, u = (Target(schedule, kind).forward(x0, eps, t=t)[0] for kind in ("xt", "v", "velocity"))
    scale = (1 + r) / np.hypot(1, r)
    straight = (1 - s) * x0 + s * eps
    step = 1e-30
    moved = ((1 - s - 1j * step) * x0 + (s + 1j * step) * eps).imag / step  # d y / d s
    error = worst(
        gap(straight, xt / scale),
        gap(moved, u),
        gap(Convert(schedule, "v", "velocity").forward(xt, v, t=t)[0], u),
    )
    model = tree.perturbed(ddpm(3, schedule, hidden=6, blocks=1, rng=rng, dtype=np.float64), rng)
    given = {"s": rng.uniform(0.2, 0.8, 4), "eps": eps}
    return Result(error, gradient=gradients(model.flow_matching, x0, given=given, rng=rng))


@entry("S-INF", code=(IntegralBound.forward, IntegralBound.backward))
def s_inf(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: \lim_{T\to\infty}\sum_{t=2}^{T}L_{t-1}=\int\mathbb E\,
        |\bar\varepsilon-\varepsilon_\theta|^2\,du,\qquad u=\tfrac12\log\frac{1-A}{A}
    gradient: u=u(v),\ v\sim U(0,1):\quad\ell=u'(v)\,|\bar\varepsilon-\varepsilon_\theta|^2,\quad
        d\varepsilon_\theta=-2u'(v)\,(\bar\varepsilon-\varepsilon_\theta)

    With more and more steps between the same ends, the bound's sum becomes an integral in which the
    schedule no longer stands: every clock u(v) gives the same bound, and only the variance of its
    estimate depends on the clock. For Gaussian data the integrand is known; sums of 64 to 8192
    steps, extrapolated by Richardson's rule, must meet the integral.
    """
    variance, ends = 0.5, np.array([0.05, 20.0])
    value = np.log(ends) - np.log(variance + ends**2) / 2
    row = [_sum_of_steps(variance, ends, 64 * 2**k) for k in range(8)]
    while len(row) > 1:  # the error is a series in the length of a step
        order = 9 - len(row)
        row = [(2**order * b - a) / (2**order - 1) for a, b in pairwise(row)]
    error = worst(
        abs(row[0] - (value[1] - value[0])),
        abs(_sum_of_steps(variance, ends, 20) - _bound_of_steps(variance, ends, 20)),
    )
    schedule = cosine_schedule(20)
    model = tree.perturbed(ddpm(3, schedule, hidden=6, blocks=1, rng=rng, dtype=np.float64), rng)
    loss = IntegralBound(model, Clock.init(schedule, 4))
    given = {
        "u": rng.uniform(-1, 1, 4), "slope": rng.uniform(1, 2, 4),
        "eps": rng.standard_normal((4, 3)),
    }  # fmt: skip
    report = gradients(loss, rng.standard_normal((4, 3)), given=given, rng=rng)
    return Result(error, gradient=report)


def _sum_of_steps(variance: float, ends: NDArray, steps: int) -> float:
    """sum_t L_{t-1} of one column of Gaussian data, sigma^2 = beta_tilde, even steps of log r."""
    r = np.geomspace(ends[0], ends[1], steps + 1)[1:]
    weight = np.expm1(2 * np.log(ends[1] / ends[0]) / steps) / 2  # (SNR_{t-1} - SNR_t) r_t^2 / 2
    return float((weight * variance / (variance + r * r)).sum())


def _bound_of_steps(variance: float, ends: NDArray, steps: int) -> float:
    """The same sum, from the tables of a schedule and the exact weights of the terms."""
    r = np.geomspace(ends[0], ends[1], steps + 1)
    A = np.append(1.0, 1 / (1 + r * r))
    schedule = schedule_from_betas(1 - A[1:] / A[:-1])
    beta, rest = schedule.beta[2:], schedule.one_minus_alpha_bar[2:]
    weight = beta**2 / (2 * schedule.alpha[2:] * rest * schedule.beta_tilde[2:])
    return float((weight * variance / (variance + r[1:] ** 2)).sum())


@entry("S-SIGMA", code=(noise_covariance, CovarianceMatchingLoss.forward))
def s_sigma(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: \mathrm{Cov}[\bar x_{t-1}|\bar x_t]=\tilde\beta_tI+\frac{\beta_t^2}{\alpha_t(1-A_t)}
        \,\mathrm{Cov}[\bar\varepsilon|\bar x_t],\qquad\mathrm{Cov}[\bar\varepsilon|\bar x_t]
        =I-\sqrt{1-A_t}\,\frac{\partial\varepsilon(\bar x_t,t)}{\partial\bar x_t}
    gradient: \ell=\tfrac12\Big(\frac{s}{\sigma^2}+\log\sigma^2\Big):\quad
        d\log\sigma^2=\tfrac12\Big(1-\frac{s}{\sigma^2}\Big),\quad s=\tilde\beta_t+k_t^2
        \,v\odot\Big(v-\sqrt{1-A_t}\,\frac{\partial\varepsilon}{\partial\bar x_t}^{\!T}v\Big)

    What ELBO-16 leaves to be learned, in closed form: the covariance of the true step back. It is
    what the posterior leaves open and what eps is uncertain about. For Gaussian data it must be the
    covariance of the conditional distribution. Its diagonal is learned from random signs v.
    """
    schedule, S = cosine_schedule(8), covariance(3, rng)
    ideal, t = IdealNoise.init(schedule, np.zeros((1, 3)), S[None]), int(rng.integers(2, 8))
    alpha, A = schedule.alpha[t], schedule.alpha_bar
    before = A[t - 1] * S + (1 - A[t - 1]) * np.eye(3)  # Cov[x_{t-1}]
    now = alpha * before + schedule.beta[t] * np.eye(3)
    truth = before - alpha * before @ np.linalg.solve(now, before)
    k2 = schedule.beta[t] ** 2 / (alpha * (1 - A[t]))
    C = noise_covariance(ideal, rng.standard_normal((4, 3)), np.array([t]))
    found = schedule.beta_tilde[t] * np.eye(3) + k2 * C
    model = ddpm(3, schedule, hidden=6, blocks=1, rng=rng, dtype=np.float64)
    model = tree.perturbed(with_covariance(model, hidden=6, blocks=1, rng=rng), rng)
    eps, h = rng.standard_normal((2, 4, 3))
    given = {"t": rng.integers(1, 9, 4), "eps": eps, "h": h}
    report = gradients(model.loss, rng.standard_normal((4, 3)), given=given, rng=rng)
    return Result(gap(found, np.broadcast_to(truth, found.shape)), gradient=report)


@entry("S-NCE", code=(InfoNCE.forward, InfoNCE.backward, TripletLoss.cost))
def s_nce(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: \log\Big(1+\sum_ke^{(d_{ap}-d_{ak})/\tau}\Big)=-\log\frac{e^{-d_{ap}/\tau}}
        {e^{-d_{ap}/\tau}+\sum_ke^{-d_{ak}/\tau}},\qquad\tau\log\Big(1+\sum_ke^{(d_{ap}-d_{ak})/\tau}
        \Big)\xrightarrow{\tau\to0}\max\big(0,\,d_{ap}-\min_kd_{ak}\big)
    gradient: dd_{ap}=\frac{1}{\tau}\sum_kp_k,\quad dd_{ak}=-\frac{p_k}{\tau},\quad
        p_k=\frac{e^{-d_{ak}/\tau}}{e^{-d_{ap}/\tau}+\sum_je^{-d_{aj}/\tau}}

    TRI-1 compares with one negative. Against all of them at once its soft margin becomes a softmax,
    InfoNCE; with one negative and tau = 1 the two are equal, and for small tau the hinge of the
    hardest negative is left.
    """
    e, labels = rng.standard_normal((6, 3)), np.array([0, 0, 0, 1, 1, 2])
    d = ((e[:, None] - e) ** 2).sum(axis=2)
    terms, hinges, tau = [], [], 0.8
    for a in range(6):
        other = labels != labels[a]
        for p in np.flatnonzero(~other & (np.arange(6) != a)):
            weights = np.exp(-np.append(d[a, p], d[a, other]) / tau)
            terms.append(-np.log(weights[0] / weights.sum()))
            hinges.append(max(0.0, d[a, p] - d[a, other].min()))
    loss, _ = InfoNCE(tau).forward(e, labels=labels)
    soft, _ = TripletLoss("soft").forward(e[:1], e[1:2], e[3:4])
    one, _ = InfoNCE(1.0).forward(e[[0, 1, 3]], labels=np.array([0, 0, 1]))
    back, _ = TripletLoss("soft").forward(e[1:2], e[:1], e[3:4])
    limit = InfoNCE(1e-14).forward(e, labels=labels)[0] * 1e-14
    error = worst(
        gap(loss, np.mean(terms)), gap(one, (soft + back) / 2), gap(limit, np.mean(hinges))
    )
    report = gradients(InfoNCE(tau), e, given={"labels": labels}, rng=rng)
    return Result(error, gradient=report)
