"""Supplements of diffusion and of Gaussian divergences: S-DIF-t1 to S-SIMPLE."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from minigen.check import gradients
from minigen.derivations.equation import Result, entry
from minigen.derivations.page import figures
from minigen.derivations.tools.compare import gap, log_gaussian, worst
from minigen.derivations.tools.full_kl import KLFull
from minigen.derivations.tools.gaussian_walk import column, short_schedule
from minigen.derivations.tools.layers import covariance, denoiser
from minigen.derivations.tools.linear_model import LinearNet, T
from minigen.derivations.tools.quadrature import expectation, trapezoid
from minigen.diffusion import (
    DDPM,
    Cumulate,
    Marginal,
    PosteriorMean,
    ReverseProcess,
    SimpleLoss,
    StepTerm,
    Uniform,
    exact_weights,
    schedule_from_betas,
)
from minigen.prob.kl import KLDiagonal


@entry("S-DIF-t1", code=(schedule_from_betas, PosteriorMean.forward))
def s_dif_t1(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: A_0=1:\quad\tilde\beta_1=0,\quad\tilde\mu_1=\bar x_0

    At the first step the posterior is not a Gaussian but the point x_0. The form of beta tilde with
    two fractions divides by zero there, and the logarithm of beta tilde is minus infinity, so the
    decoder's variance has to be a parameter of its own.
    """
    schedule = short_schedule(rng)
    xt, x0 = rng.standard_normal((2, 4, 3))
    mean, _ = PosteriorMean(schedule).forward(xt, x0, t=np.ones(4, int))
    return Result(worst(abs(schedule.beta_tilde[1]), gap(mean, x0)))


@entry("S-DIF-num", code=(Cumulate.forward,))
def s_dif_num(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: 1-A_t=-\operatorname{expm1}\Big(\sum_{s\le t}\operatorname{log1p}(-\beta_s)\Big)

    For small betas A_t is nearly one, and the difference 1 - A_t loses digits. A sum of logarithms
    keeps them: the tables are compared with products of exact fractions.
    """
    betas = 10.0 ** rng.uniform(-10, -8, 6)
    schedule = schedule_from_betas(betas)
    exact, product = [], Fraction(1)
    for beta in betas:
        product *= 1 - Fraction(float(beta))
        exact.append(float(1 - product))
    exact = np.array(exact)
    ours = np.abs(schedule.one_minus_alpha_bar[1:] / exact - 1).max()
    naive = np.abs((1 - np.cumprod(1 - betas)) / exact - 1).max()
    return Result(float(ours), note=f"by subtraction the relative error is {naive:.1e}")


@entry("S-ANC", code=(PosteriorMean.forward, Marginal.forward))
def s_anc(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: \int q(\bar x_{t-1}|\bar x_t,\bar x_0)\,q(\bar x_t|\bar x_0)\,d\bar x_t
        =q(\bar x_{t-1}|\bar x_0)

    A step forward and a step back give the same distribution as before. It connects DIF-18 and
    DIF-20 with DIF-12 at every t, the first included, and an ancestral sampler with a perfect
    network must reproduce it.
    """
    schedule, errors = short_schedule(rng), []
    x0, eps = rng.standard_normal((2, 4, 3))

    def there_and_back(noise: NDArray, t: int) -> NDArray:
        xt, _ = Marginal().forward(x0, noise, *(np.full(4, v) for v in column(schedule, t)))
        return PosteriorMean(schedule).forward(xt, x0, t=np.full(4, t))[0]

    for t in range(1, schedule.T + 1):
        A, rest = column(schedule, t - 1)
        mean = there_and_back(np.zeros_like(eps), t)
        slope = (there_and_back(eps, t) - mean) / eps
        errors.append(gap(mean, np.sqrt(A) * x0))
        errors.append(gap(slope**2 + schedule.beta_tilde[t], np.full(eps.shape, rest)))
    return Result(worst(*errors))


@entry("S-KL", code=(KLDiagonal.forward, KLDiagonal.backward))
def s_kl(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: KL\big(\mathcal N(m_1,v_1)\parallel\mathcal N(m_2,v_2)\big)
        =\frac12\sum_d\left[\log\frac{v_2}{v_1}-1+\frac{v_1+(m_1-m_2)^2}{v_2}\right]
    gradient: \delta=m_1-m_2:\quad \partial_{m_1}=\frac\delta{v_2}=-\partial_{m_2},\quad
        \partial_{\log v_1}=\frac12\Big(\frac{v_1}{v_2}-1\Big),\quad \partial_{\log v_2}
        =\frac12\Big(1-\frac{v_1+\delta^2}{v_2}\Big)

    Two Gaussians with diagonal covariances. Compared with the formula for full matrices and, column
    by column, with an integral.
    """
    m1, m2 = rng.standard_normal((2, 4, 3))
    l1, l2 = rng.uniform(-1, 1, (2, 4, 3))
    kl, _ = KLDiagonal().forward(m1, l1, m2, l2)
    L1, L2 = (np.exp(v / 2)[:, :, None] * np.eye(3) for v in (l1, l2))
    full, _ = KLFull().forward(m1, L1, m2, L2)
    x, w = trapezoid(-22.0, 22.0, 1401)
    q, p = (
        stats.norm.logpdf(x, m[:, :, None], np.exp(v / 2)[:, :, None])
        for m, v in [(m1, l1), (m2, l2)]
    )
    integral = ((np.exp(q) * (q - p)) @ w).sum(axis=1)
    report = gradients(KLDiagonal(), m1, l1, m2, l2, rng=rng)
    return Result(worst(gap(kl, full), gap(kl, integral)), gradient=report)


@entry("S-KLfull", code=(KLFull.forward, KLFull.backward))
def s_klfull(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: KL=\sum_i\log\frac{(L_2)_{ii}}{(L_1)_{ii}}+\frac12\big\|L_2^{-1}[L_1,\ m_1
        -m_2]\big\|_F^2-\frac D2,\quad\Sigma_k=L_kL_k^T
    gradient: U=L_2^{-1}[L_1,\ m_1-m_2],\ B=L_2^{-T}U:\quad \partial_{L_2}
        =\operatorname{diag}(1/L_{2,ii})-\operatorname{tril}(BU^T),\quad \partial_{L_1}
        =\operatorname{tril}(B_{1:D})-\operatorname{diag}(1/L_{1,ii}),\quad \partial_{m_1}=B_{D+1}

    The same for full covariances, by their triangular factors. Compared with the expectation of the
    difference of two log densities, which is quadratic, so that its quadrature is exact.
    """
    m = rng.standard_normal((2, 2, 3))
    L = np.stack([[np.linalg.cholesky(covariance(3, rng)) for _ in range(2)] for _ in range(2)])
    kl, _ = KLFull().forward(m[0], L[0], m[1], L[1])
    nodes, w = expectation(3)
    known = []
    for n in range(2):
        x = m[0, n] + nodes @ L[0, n].T
        q, p = (log_gaussian(x, m[k, n], L[k, n] @ L[k, n].T) for k in (0, 1))
        known.append(w @ (q - p))
    return Result(gap(kl, known), gradient=gradients(KLFull(), m[0], L[0], m[1], L[1], rng=rng))


def weight_error(model: ReverseProcess, x0: NDArray, eps: NDArray) -> float:
    """How far StepTerm is from w_t |eps - out|^2 + C_t, over all t."""
    w, C = exact_weights(model)
    errors = []
    for t in range(1, T + 1):
        now = np.array([t])
        L, _ = StepTerm(model).forward(x0, t=now, eps=eps)
        A, rest = model.schedule.alpha_bar[t], model.schedule.one_minus_alpha_bar[t]
        out, _ = model.prediction(np.sqrt(A) * x0 + np.sqrt(rest) * eps, now)
        errors.append(gap(w[t - 1] * ((eps - out) ** 2).sum(axis=1) + C[t - 1], L))
    return worst(*errors)


def printed_weights(model: ReverseProcess) -> tuple[NDArray, NDArray]:
    """w_t of the line for sigma^2 = beta, t = 2..T, and for sigma^2 = beta tilde by the SNR."""
    s, t = model.schedule, np.arange(2, T + 1)
    snr = s.alpha_bar[1:] / s.one_minus_alpha_bar[1:]
    by_beta = s.beta[t] / (2 * s.alpha[t] * s.one_minus_alpha_bar[t])
    return by_beta, (snr[:-1] / snr[1:] - 1) / 2


@entry(
    "S-SIMPLE",
    code=(exact_weights, StepTerm.forward, SimpleLoss.forward, SimpleLoss.backward),
    figure=figures.weights,
)
def s_simple(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: L_{t-1}=w_t\|\bar\varepsilon-\epsilon_\theta\|^2+C_t,\quad w_t
        =\frac{\beta_t^2}{2\sigma_t^2\alpha_t(1-A_t)},\quad C_t
        =\frac D2\Big(\frac{\tilde\beta_t}{\sigma_t^2}-1-\log\frac{\tilde\beta_t}{\sigma_t^2}\Big);
        \quad \sigma_t^2=\tilde\beta_t:\ w_t=\frac12\Big(\frac{\mathrm{SNR}_{t-1}}{\mathrm{SNR}_t}
        -1\Big)
    gradient: \partial_{\epsilon_\theta}L_{\text{simple}}=2(\epsilon_\theta-\bar\varepsilon),\quad
        \partial_{\epsilon_\theta}L_{t-1}=2w_t(\epsilon_\theta-\bar\varepsilon)

    The simple loss is the bound with every weight set to one and without the constants. The
    variance is in the weight to the first power, where it is often misquoted squared, and the
    squared error is a sum over columns, not a mean.
    """
    schedule, x = schedule_from_betas(rng.uniform(0.15, 0.4, T)), rng.standard_normal((2, 4, 2))
    fixed, tilde = (denoiser(schedule, rng, variance) for variance in ("beta", "beta_tilde"))
    lines = worst(
        gap(exact_weights(fixed)[0][1:], printed_weights(fixed)[0]),
        gap(exact_weights(tilde)[0][1:], printed_weights(tilde)[1]),
    )
    error = worst(weight_error(fixed, *x), weight_error(tilde, *x), lines)
    slopes, shifts = rng.uniform(0.2, 0.9, (2, T + 1))
    small = DDPM(ReverseProcess(LinearNet(slopes, shifts), schedule, 2, "eps", "beta", 0.3))
    loss, t = SimpleLoss(small, Uniform(T)), rng.integers(1, T + 1, 4)
    return Result(error, gradient=gradients(loss, x[0], given={"t": t, "eps": x[1]}, rng=rng))
