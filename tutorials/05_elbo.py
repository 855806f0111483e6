# %% [markdown]
# # 05 The ELBO: a bound on what nobody can compute, term by term
#
# **Question.** A diffusion model gives a sample in $T$ easy steps. But what is its density
# $p_\theta(\bar x_0)$ at a point? All paths that end there count, and there are very many. The
# notes bound it by the *evidence lower bound* (ELBO; the evidence is $\log p_\theta(\bar x_0)$),
# and cut the bound into $T+1$ terms. Is it really a bound? How much is lost? And what does each
# term say?
#
# We answer where the truth is known: on a model so small that every integral can be done, on
# Gaussian data, and on a mixture whose ideal network can be written down.
#
# **You need** [tutorial 04](04_forward_process.ipynb) (the forward process and its posterior).
# **Time** about 60 minutes. **Equations** ELBO-1 to ELBO-18, S-KL, S-SIMPLE, S-DIF-t1, S-ANC.

# %% jupyter={"source_hidden": true}
import importlib.util
import pathlib
import subprocess
import sys

if importlib.util.find_spec("minigen") is None:  # a hosted notebook
    wheels = sorted(pathlib.Path().glob("minigen-*.whl"))
    assert wheels, "upload minigen-*.whl to the folder of this notebook first"
    command = [sys.executable, "-m", "pip", "install", "--quiet", str(wheels[-1])]
    subprocess.run(command, check=True)
    importlib.invalidate_caches()

# %%
import inspect
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

import minigen as mg
from minigen.core import Layer, param
from minigen.diffusion import (
    DDPM,
    Convert,
    GaussianTerm,
    IdealNoise,
    PosteriorMean,
    PriorTerm,
    ReverseProcess,
    StepTerm,
    cosine_schedule,
    exact_weights,
    gaussian_bound,
    linear_schedule,
    schedule_from_betas,
)
from minigen.prob import KLDiagonal

rng = np.random.default_rng(0)

# %% [markdown]
# ## Why
#
# Learning needs a number that says how good a model is, and for a density that number is the
# likelihood of the data. A model that makes its samples in many small random steps has one, but it
# is a mean over all paths, and a path that really leads to a given picture is rarer than anything.
# The way out is one inequality, and it trains diffusion models, variational autoencoders and topic
# models alike: the *log* of a mean is never below the mean of the *log*s (Jensen). The second can
# be estimated from a few draws, and it falls apart into terms that can be looked at one by one.

# %%
ratios = np.linspace(0.15, 3, 60)
ends = np.array([0.3, 2.7])  # a ratio p/q that takes two values, each half of the time
mg.plot.lines(
    {"log": (ratios, np.log(ratios)), "chord: means of logs": (ends, np.log(ends)),
     "gap at the mean": (np.full(2, ends.mean()), [np.log(ends).mean(), np.log(ends.mean())])},
    xlabel="p/q", ylabel="log p/q", dashed=["gap at the mean"], title="Jensen's inequality",
)  # fmt: skip

# %% [markdown]
# **How to read it.** The logarithm bends downwards, so a chord between two of its points lies below
# it. The height over the mean of the two is the log of the mean on the curve, and the mean of the
# logs on the chord: the dashed distance is what a bound loses. It shrinks when the two ends come
# together, that is, when $p/q$ varies little from path to path.
#
# ## 1. The goal
#
# The model is to look like the data: $p_\theta\approx q$ (ELBO-1). How near it is, is measured by
# $KL(q\parallel p_\theta)\to\min$ (ELBO-2), and
#
# $$\int q\log\frac{q}{p_\theta}\,d\bar x_0=\int q\log q\,d\bar x_0-\int q\log p_\theta\,d\bar x_0
# \ \text{(ELBO-3)}$$
#
# The first integral does not know $\theta$. So to make the divergence *small* is to make
# $\int q\log p_\theta$ *large*: maximum likelihood. The notes write $\to\max$ behind the whole
# line ([ELBO-3](../docs/notes.md#ELBO-3)). Let a Gaussian of variance 1 choose its mean by each
# rule, on data of two bumps. **Predict, then run.** What does each rule choose?

# %%
x = np.linspace(-12, 12, 1201)
h = x[1] - x[0]
q = 0.7 * stats.norm.pdf(x, -1, 0.6) + 0.3 * stats.norm.pdf(x, 1.5, 0.6)
m = np.linspace(-3, 3, 121)
log_p = stats.norm.logpdf(x, m[:, None], 1)
cross = (q * log_p).sum(axis=1) * h
KL = (q * np.log(q)).sum() * h - cross
data_mean = (q * x).sum() * h
print(f"mean of the data                {data_mean:5.2f}")
print(f"KL -> min chooses               {m[KL.argmin()]:5.2f}")
print(f"int q log p -> max chooses      {m[cross.argmax()]:5.2f}")
print(f"KL -> max, as printed, chooses  {m[KL.argmax()]:5.2f}, the edge of what was allowed")
assert m[KL.argmin()] == m[cross.argmax()] and abs(m[KL.argmin()] - data_mean) < 0.03
assert abs(m[KL.argmax()]) == 3 and KL.min() > 0

# %% [markdown]
# ## 2. A model whose integrals can be done
#
# Three steps, one dimension, and a "network" of four numbers: $\mu_\theta(x,t)=w_t\tanh x$. It is
# no Gaussian chain, so nothing comes out in closed form. But a path $(x_1,x_2,x_3)$ fits into a
# grid of three axes. [`ReverseProcess`](../minigen/diffusion/reverse.py) takes any layer that keeps
# the contract:


# %%
@dataclass(frozen=True, eq=False, repr=False)
class Bent(Layer):
    """out = w_t tanh(x)."""

    w: np.ndarray = param()

    def forward(self, x, *, t):
        t, y = np.broadcast_to(t, len(x)), np.tanh(x)
        return self.w[t][:, None] * y, (y, t)

    def backward(self, dout, cache):
        y, t = cache
        dw = np.zeros_like(self.w)
        np.add.at(dw, t, (dout * y).sum(axis=1))
        return self.w[t][:, None] * dout * (1 - y * y), {"w": dw}


schedule, T = schedule_from_betas([0.3, 0.4, 0.5]), 3
net = Bent(np.array([0, 1.2, 1.0, 0.8]))
reverse = ReverseProcess(net, schedule, 1, "mu", "beta", 0.35)  # sigma_1^2 = 0.35, then beta_t
beta, alpha = schedule.beta, schedule.alpha
A, rest = schedule.alpha_bar, schedule.one_minus_alpha_bar
sigma2 = np.array([np.nan, 0.35, beta[2], beta[3]])

g = np.linspace(-7, 7, 85)
step = g[1] - g[0]
x1, x2, x3 = np.meshgrid(g, g, g, indexing="ij", sparse=True)


def log_normal(y, mean, variance):
    return -((y - mean) ** 2 / variance + np.log(2 * np.pi * variance)) / 2


def q_step(y, x, t):
    """log q(x_t | x_{t-1})."""
    return log_normal(y, np.sqrt(1 - beta[t]) * x, beta[t])


def p_step(x, y, t):
    """log p(x_{t-1} | x_t)."""
    return log_normal(x, net.w[t] * np.tanh(y), sigma2[t])


def paths(x0):
    """log q(x_1, x_2, x_3 | x_0) and log p(x_0, ..., x_3), on the grid of paths."""
    log_q = q_step(x1, x0, 1) + q_step(x2, x1, 2) + q_step(x3, x2, 3)
    log_p = log_normal(x3, 0, 1) + p_step(x2, x3, 3) + p_step(x1, x2, 2) + p_step(x0, x1, 1)
    return log_q, log_p


# %% [markdown]
# **The likelihood** is an integral over paths (ELBO-4):
# $p_\theta(x_0)=\int p_\theta(x_0,x_1,x_2,x_3)\,dx_1dx_2dx_3$. Two ways to do it: all three axes at
# once, or one axis at a time, carrying the density of $x_3$ down to $x_2$, $x_1$ and $x_0$.

# %%
x0 = 0.4
log_q, log_p = paths(x0)
at_once = np.log(np.exp(log_p).sum() * step**3)

kernels = [np.exp(p_step(g[:, None], g, t)) for t in (2, 3)]  # rows x_{t-1}, columns x_t
p3 = np.exp(log_normal(g, 0, 1))
p2 = kernels[1] @ p3 * step
p1 = kernels[0] @ p2 * step
carried = np.log(np.exp(p_step(x0, g, 1)) @ p1 * step)
print(f"log p(0.4) = {at_once:.12f} at once, {carried:.12f} step by step")
assert abs(at_once - carried) < 1e-10
nll = -carried

# %% [markdown]
# The second way is cheap in one dimension. In 64 dimensions a grid with the same points on each
# axis would need the 64-th power of their number. So multiply and divide by $q(\bar x_{1:T}\mid\bar
# x_0)$, from which we can draw (ELBO-6). The notes remark on the side $=E_{q}[\dots]$ (ELBO-5) and
# leave the inside out. Two readings:
#
# $$\log E_{q(\bar x_{1:T}|\bar x_0)}\Big[\frac{p_\theta(\bar x_{0:T})}{q(\bar x_{1:T}|\bar x_0)}
# \Big]\qquad\text{or}\qquad E_{q(\bar x_{1:T}|\bar x_0)}\Big[\log\frac{p_\theta(\bar x_{0:T})}
# {q(\bar x_{1:T}|\bar x_0)}\Big]$$
#
# With the log *outside* it is the likelihood. With the log *inside* it is already the bound
# (ELBO-7): by Jensen's inequality the mean of a log is not above the log of the mean.

# %%
n = 400_000
y = np.full((1, n), x0)
for t in (1, 2, 3):
    y = np.vstack([y, np.sqrt(alpha[t]) * y[-1] + np.sqrt(beta[t]) * rng.standard_normal(n)])
log_ratio = log_normal(y[3], 0, 1) + sum(
    p_step(y[t - 1], y[t], t) - q_step(y[t], y[t - 1], t) for t in (1, 2, 3)
)
ratio = np.exp(log_ratio)
outside, inside = np.log(ratio.mean()), log_ratio.mean()
errors = ratio.std() / ratio.mean() / np.sqrt(n), log_ratio.std() / np.sqrt(n)
print(f"log p(x_0)                      {-nll:.4f}")
print(f"log E_q[p/q], {n} paths     {outside:.4f} +- {errors[0]:.4f}")
print(f"E_q[log p/q], the same paths    {inside:.4f} +- {errors[1]:.4f}")
assert abs(outside + nll) < 5 * errors[0] and inside < -nll - 20 * errors[1]

# %% [markdown]
# **How much is lost** is known exactly. Since $p(\bar x_{0:T})=p(\bar x_{1:T}|\bar x_0)\,
# p(\bar x_0)$,
#
# $$\underbrace{E_q\log\frac{q(\bar x_{1:T}|\bar x_0)}{p_\theta(\bar x_{0:T})}}_{L\ \text{(ELBO-8)}}
# -\big(-\log p_\theta(\bar x_0)\big)=KL\big(q(\bar x_{1:T}|\bar x_0)\parallel
# p_\theta(\bar x_{1:T}|\bar x_0)\big)\ge0$$
#
# The bound is lost on *paths*: those that noise takes away from $\bar x_0$, against those on which
# the model would have come to it. From now on the sign is turned: $L\to\min$ bounds
# $-\log p_\theta$ from above.


# %%
def mean_under(log_q, f):
    """E_q[f] on the grid."""
    return float((np.exp(log_q) * f).sum() * step**3)


places = np.linspace(-2.4, 2.4, 33)
bound, truth = [], []
for place in places:
    log_q_here, log_p_here = paths(place)
    bound.append(mean_under(log_q_here, log_q_here - log_p_here))
    truth.append(-np.log(np.exp(log_p_here).sum() * step**3))
gaps = np.subtract(bound, truth)
print("smallest and largest gap", gaps.min().round(3), gaps.max().round(3), "nats")
assert gaps.min() > 0.01

# %%
mg.plot.lines(
    {"bound $L$": (places, bound), "truth: $-\\log p_\\theta(x_0)$": (places, truth)},
    dashed=["truth: $-\\log p_\\theta(x_0)$"], xlabel="$x_0$", ylabel="nats",
    title="The bound lies above the truth, not everywhere equally far",
)  # fmt: skip

# %% [markdown]
# **How to read it.** At no $x_0$ is the blue curve below the dashed one (orange). The distance is
# the divergence of the paths. It is not the same everywhere. So of two points (or two models), the
# one with the smaller $L$ need not have the higher likelihood: their gaps may differ by more.
#
# ## 3. From one expectation to T + 1 terms
#
# $q$ is taken apart forwards, $p$ backwards, each in the direction in which its steps are known:
#
# $$L=E_q\Big[\log\frac{q(\bar x_1|\bar x_0)\,q(\bar x_2|\bar x_1,\bar x_0)\cdots
# q(\bar x_T|\bar x_{T-1},\bar x_0)}{p_\theta(\bar x_T)\,p_\theta(\bar x_{T-1}|\bar x_T)\cdots
# p_\theta(\bar x_0|\bar x_1)}\Big]\ \text{(ELBO-10)}$$
#
# Then four moves. **ELBO-11**: the log of a product is a sum; pair the steps over the same two
# points; keep $t=1$ aside. **ELBO-12**: turn each $q(\bar x_t|\bar x_{t-1},\bar x_0)$ round by
# Bayes (DIF-13), for $t\ge2$. **ELBO-13**: the ratios of $q(\bar x_t|\bar x_0)$ to
# $q(\bar x_{t-1}|\bar x_0)$ cancel along the sum; its two ends remain. **ELBO-14**:
# $q(\bar x_1|\bar x_0)$ cancels too:
#
# $$L=E_q\Big[\underbrace{\log\frac{q(\bar x_T|\bar x_0)}{p_\theta(\bar x_T)}}_{\to L_T}+
# \sum_{t=2}^T\underbrace{\log\frac{q(\bar x_{t-1}|\bar x_t,\bar x_0)}
# {p_\theta(\bar x_{t-1}|\bar x_t)}}_{\to L_{t-1}}\underbrace{-\log p_\theta(\bar x_0|\bar x_1)}
# _{L_0}\Big]$$
#
# No move uses the expectation. So every line must hold **at every path**, not only on average. We
# look at every path of the grid.


# %%
def marginal(y, t):
    """log q(x_t | x_0) (DIF-12)."""
    return log_normal(y, np.sqrt(A[t]) * x0, rest[t])


def posterior(x, y, t):
    """log q(x_{t-1} | x_t, x_0) (DIF-20, DIF-18)."""
    mean = (
        np.sqrt(alpha[t]) * rest[t - 1] / rest[t] * y + beta[t] * np.sqrt(A[t - 1]) / rest[t] * x0
    )
    return log_normal(x, mean, schedule.beta_tilde[t])


prior = log_normal(x3, 0, 1)
first_q, first_p = q_step(x1, x0, 1), p_step(x0, x1, 1)
pairs = [(x1, x2, 2), (x2, x3, 3)]
kls = sum(posterior(x, y, t) - p_step(x, y, t) for x, y, t in pairs)
swapped = sum(
    posterior(x, y, t) + marginal(y, t) - p_step(x, y, t) - marginal(x, t - 1) for x, y, t in pairs
)
lines = {
    "ELBO-11": -prior + sum(q_step(y, x, t) - p_step(x, y, t) for x, y, t in pairs)
    + (first_q - first_p),
    "ELBO-12": -prior + swapped + (first_q - first_p),
    "ELBO-13": -prior + kls + (marginal(x3, 3) - marginal(x1, 1) + marginal(x1, 1) - first_p),
    "ELBO-14": marginal(x3, 3) - prior + kls - first_p,
}  # fmt: skip
L = mean_under(log_q, log_q - log_p)
print(f"{log_q.size} paths")
for name, line in lines.items():
    off = np.abs(line - (log_q - log_p)).max()
    print(f"{name}: worst path {off:.1e}, expectation {mean_under(log_q, line):.12f}")
    assert off < 1e-10 and abs(mean_under(log_q, line) - L) < 1e-10
print(f"ELBO-10: L = {L:.12f}, and -log p(x_0) = {nll:.12f}")

# %% [markdown]
# Now the misprints of this page of the notes.
#
# * **ELBO-9** is a first attempt at ELBO-10: no log, no weight $q$, a $p_\theta$ among the $q$,
#   and a denominator that runs $p_\theta(\bar x_1)\,p_\theta(\bar x_2|\bar x_1)\cdots
#   p_\theta(\bar x_T|\bar x_0)$. We give it its log and its weight back. For $T=3$ the misplaced
#   $p_\theta(\bar x_2|\bar x_1,\bar x_0)$ above the line cancels against $p_\theta(\bar x_2|
#   \bar x_1)$ below, because $p_\theta$ is a Markov chain.
# * **ELBO-13** has no bracket behind the last log. Read literally, the second fraction
#   *multiplies* the log of the first.
# * **ELBO-14** has the brace of $L_0$ under $\log p_\theta$, its minus outside: the three named
#   terms then do not add up to $L$.

# %%
down = np.exp(p_step(x0, g, 1)) @ kernels[0] @ kernels[1] * step**2  # p(x_0 | x_3)
log_p3_given_x0 = (np.log(down * p3) - carried)[None, None, :]
log_p1 = np.log(p1)[:, None, None]
misprints = {
    "ELBO-9": first_q + q_step(x3, x2, 3) - log_p1 - log_p3_given_x0,
    "ELBO-13": -prior + kls + (marginal(x3, 3) - marginal(x1, 1)) * np.exp(first_q - first_p),
    "ELBO-14": marginal(x3, 3) - prior + kls + first_p,
}
for name, line in misprints.items():
    value = mean_under(log_q, line)
    print(f"{name:7} as printed: {value:7.4f}, off by {abs(value - L):.4f} nats")
    assert abs(value - L) > 0.02

# %% [markdown]
# **The terms.** Two braces hold log-ratios. They become divergences once the expectation over
# their first argument is taken, each between two Gaussians:
#
# $$L_{t-1}=E\,KL\big(q(\bar x_{t-1}|\bar x_t,\bar x_0)\parallel p_\theta(\bar x_{t-1}|\bar x_t)
# \big)\ \text{(ELBO-17)}\quad L_T=KL\big(q(\bar x_T|\bar x_0)\parallel p_\theta(\bar x_T)\big)\
# \text{(ELBO-18)}\quad L_0=-E\log p_\theta(\bar x_0|\bar x_1)\ \text{(ELBO-16)}$$
#
# and $L=L_0+L_1+\dots+L_T$ (ELBO-15). For diagonal Gaussians (S-KL)
#
# $$KL\big(\mathcal N(m_1,v_1)\parallel\mathcal N(m_2,v_2)\big)=\tfrac12\sum_d\Big[\log\frac{v_2}
# {v_1}-1+\frac{v_1+(m_1-m_2)^2}{v_2}\Big]$$
#
# so that only one expectation, over $\bar x_t$, is left, and by DIF-11 it is one over the noise.
# [`StepTerm`](../minigen/diffusion/losses.py) is this for one row. Below: its expectation over
# $\varepsilon$ (by a quadrature of 60 points) against the braces on the grid of paths.

# %%
nodes, weights = np.polynomial.hermite_e.hermegauss(60)
weights /= weights.sum()
rows = np.full((60, 1), x0)
term = StepTerm(reverse)
terms = [weights @ term.forward(rows, t=np.array([t]), eps=nodes[:, None])[0] for t in (1, 2, 3)]
terms.append(PriorTerm(schedule).forward(rows[:1])[0][0])
braces = [
    mean_under(log_q, -first_p),
    *(mean_under(log_q, posterior(x, y, t) - p_step(x, y, t)) for x, y, t in pairs),
    mean_under(log_q, marginal(x3, 3) - prior),
]
for k, (ours, brace) in enumerate(zip(terms, braces, strict=True)):
    print(f"L_{k} = {ours:.10f}, from the paths {brace:.10f}")
    assert abs(ours - brace) < 1e-8
print(f"sum = {sum(terms):.10f}, L = {L:.10f}")
assert abs(sum(terms) - L) < 1e-8

# %% [markdown]
# Two more claims of the notes. ELBO-16 gives the model's mean a time:
# $\mathcal N(\bar x_t\mid\hat\mu_\theta(\bar x_{t+1},t),\dots)$. The time must be that of the
# *input*, $t+1$. Take the right noise, form the mean with the tables of $t+1$ and of $t$, and
# compare with the true posterior mean. And S-ANC, which tutorial 04 has in closed form, is here an
# integral: average the step back over $q(\bar x_2|\bar x_0)$, and $q(\bar x_1|\bar x_0)$ comes out.

# %%
t = 2
start, eps = rng.standard_normal((2, 6, 1))
x_next = np.sqrt(A[t + 1]) * start + np.sqrt(rest[t + 1]) * eps
wanted = PosteriorMean(schedule).forward(x_next, start, t=np.array([t + 1]))[0]
to_mean = Convert(schedule, "eps", "mu")
for name, time in (("t + 1", t + 1), ("t, as printed", t)):
    off = np.abs(to_mean.forward(x_next, eps, t=np.array([time]))[0] - wanted).max()
    print(f"ELBO-16 with time {name:14} {off:.1e} from the posterior mean")
    assert (off < 1e-14) == (time == t + 1) and (off < 1e-14 or off > 0.05)
averaged = np.exp(posterior(g[:, None], g, 2)) @ np.exp(marginal(g, 2)) * step
print(f"S-ANC: {np.abs(averaged - np.exp(marginal(g, 1))).max():.1e}")
assert np.abs(averaged - np.exp(marginal(g, 1))).max() < 1e-10

# %% [markdown]
# ## 4. Why t = 1 is different
#
# The sum in ELBO-12 begins at $t=2$. What would go wrong at $t=1$? The posterior
# $q(\bar x_0|\bar x_1,\bar x_0)$ has variance $\tilde\beta_1=0$ (S-DIF-t1): it is a point. The
# divergence of a point from a Gaussian is infinite. So $L_0$ is not a divergence but a negative
# log-likelihood, and it needs a variance $\sigma_1^2>0$ of its own:
#
# $$L_0=\tfrac12\sum_d\Big[\log2\pi\sigma_1^2+\frac{(x_0-\mu_\theta)^2}{\sigma_1^2}\Big]$$
#
# Who sets $\sigma_t^2=\tilde\beta_t$ for *all* $t$ divides by zero. Watch $L_0$ of Gaussian data,
# $\mathcal N(0,1)$, with the **ideal** mean, as $\sigma_1^2$ goes there. **Predict, then run.** The
# mean is the best there is: how bad can $L_0$ get?

# %%
s20 = linear_schedule(20)
data = rng.standard_normal((2000, 1))
firsts = np.logspace(-7, 0, 36)
L_0 = np.array([
    gaussian_bound(s20, [0.0], [[1.0]], data, variance="beta", first=f)[:, 0].mean()
    for f in firsts
])  # fmt: skip
best = firsts[L_0.argmin()]
print(f"beta_tilde_1 = {s20.beta_tilde[1]}, beta_1 = {s20.beta[1]:.4f}, best sigma_1^2 {best:.4f}")
for f in (1e-2, 1e-4, 1e-6):
    value = gaussian_bound(s20, [0.0], [[1.0]], data, variance="beta", first=f)[:, 0].mean()
    print(f"sigma_1^2 = {f:.0e}: L_0 = {value:10.2f}")
assert L_0[0] > 1e4 and 0.5 < best / s20.beta[1] < 2
low = L_0 < 30
mg.plot.lines(
    {"$L_0$": (firsts[low], L_0[low])}, log="x", xlabel="$\\sigma_1^2$", ylabel="nats",
    title="$L_0$ against the variance of the last step",
)  # fmt: skip

# %% [markdown]
# **How to read it.** To the left $L_0$ leaves the picture, like $1/\sigma_1^2$: even the ideal mean
# is off by $\delta$, and $\delta^2/\sigma_1^2$ has no bound. To the right it rises slowly, with
# $\log\sigma_1^2$. The minimum is near $\sigma_1^2=\beta_1$, the default of `ddpm`. (Put the
# derivative by $\sigma_1^2$ to zero: the best is $E\,\delta^2$.) And $L_0$ may be negative: it is
# the log of a density.
#
# ## 5. The backward pass of a term
#
# One formula serves all $t$, with $\delta=\tilde\mu-\mu_\theta$, $\lambda=\log\sigma^2$ and a
# constant $c_t$ that is $-1-\log\tilde\beta_t$, and $\log2\pi$ at $t=1$:
#
# $$L_{t-1}=\tfrac12\sum_d\big[\lambda+(\tilde\beta_t+\delta^2)\,e^{-\lambda}+c_t\big]$$
#
# | symbol | path | backward line |
# |---|---|---|
# | $\lambda$ | the first summand | $d\lambda\mathrel{+}=\tfrac12\,dL$ |
# | | $e^{-\lambda}$ | $d\lambda\mathrel{-}=\tfrac12(\tilde\beta_t+\delta^2)e^{-\lambda}dL$ |
# | $\delta$ | $\delta^2e^{-\lambda}$ | $d\delta=\delta\,e^{-\lambda}\,dL$ |
# | $\mu_\theta$ | $\delta=\tilde\mu-\mu_\theta$ | $d\mu_\theta=-d\delta$ |
# | $\bar x_t,\bar x_0$ | $\tilde\mu$ (DIF-20) | PosteriorMean.backward$(d\delta)$ |
#
# The graph of one term, with the network in it; `StepTerm` runs it from left to right, and backward
# from right to left:

# %% jupyter={"source_hidden": true}
mg.plot.diagram(
    {"$x_0$": (0, 1.6), "$\\varepsilon$": (0, 0), "$x_t$": (1.8, 0.4), "network": (3.5, -0.6),
     "$\\mu_\\theta$": (5.2, -0.2), "$\\tilde\\mu$": (5.2, 1.6), "$\\delta$": (6.7, 0.7),
     "$L_{t-1}$": (8.3, 0.7)},
    [("$x_0$", "$x_t$"), ("$\\varepsilon$", "$x_t$"), ("$x_t$", "network"),
     ("network", "$\\mu_\\theta$"), ("$x_t$", "$\\mu_\\theta$"), ("$x_t$", "$\\tilde\\mu$"),
     ("$x_0$", "$\\tilde\\mu$"), ("$\\mu_\\theta$", "$\\delta$"), ("$\\tilde\\mu$", "$\\delta$"),
     ("$\\delta$", "$L_{t-1}$")],
    back=[("$L_{t-1}$", "$\\delta$", "$d\\delta$"), ("$\\delta$", "$\\mu_\\theta$", "$-d\\delta$"),
          ("$\\delta$", "$\\tilde\\mu$", "$d\\delta$")],
    boxes=["network"], accent=["$x_0$"], title="One term of the bound",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Count the arrows that leave a node: that many paths bring its gradient back.
# Three leave $\bar x_t$, two leave $\bar x_0$ (blue). The dashed arrows are the first of the way
# back.
#
# Put $d\lambda=0$: the best variance is $\tilde\beta_t+\delta^2$, on average. What the posterior
# itself does not know, plus what the network does not know.

# %%
print(inspect.getsource(GaussianTerm.forward))
print(inspect.getsource(GaussianTerm.backward))

# %% [markdown]
# In the code `excess` is $\tilde\beta_t\,e^{-\lambda}-1$ and `square` is $\delta^2e^{-\lambda}$, so
# that both lines of $\lambda$ in the table are minus half of their sum.
#
# In `StepTerm` the term stands behind a network, and $\bar x_t$ reaches $L$ on **three** paths:
# through the network, through the conversion of its output into a mean, and through $\tilde\mu$.
# $\bar x_0$ reaches it through $\bar x_t$ and through $\tilde\mu$. All of them add.

# %%
print(inspect.getsource(StepTerm.forward))
print(inspect.getsource(StepTerm.backward))

# %%
small = mg.diffusion.ddpm(
    2, linear_schedule(8), hidden=6, blocks=1, variance="free", rng=rng, dtype=np.float64
)
small = mg.core.perturbed(small, rng, 0.05)  # off the starting values
x0_rows, eps_rows, mu_rows, xt_rows = rng.standard_normal((4, 6, 2))
given = {"t": np.array([1, 1, 2, 2, 3, 3])}
inputs = (x0_rows, xt_rows, mu_rows, rng.uniform(-1, 1, (6, 2)))

report = mg.check.gradients(GaussianTerm(schedule), *inputs, given=given, rng=rng)
assert report
print(report)
with_noise = given | {"eps": eps_rows}
report = mg.check.gradients(StepTerm(small.reverse), x0_rows, given=with_noise, rng=rng)
assert report
print(report)

kl_inputs = rng.standard_normal((4, 5, 2))
assert mg.check.gradients(KLDiagonal(), *kl_inputs, rng=rng)  # S-KL
m1, l1, m2, l2 = (float(a[0, 0]) for a in kl_inputs)
u = np.linspace(-30, 30, 6001)
first, second = log_normal(u, m1, np.exp(l1)), log_normal(u, m2, np.exp(l2))
by_quadrature = np.exp(first) @ (first - second) * (u[1] - u[0])
closed = KLDiagonal().forward(*(a[:1, :1] for a in kl_inputs))[0][0]
print(f"S-KL {closed:.12f}, by quadrature {by_quadrature:.12f}")
assert abs(closed - by_quadrature) < 1e-9

# %% [markdown]
# ## 6. Break it


# %%
class NoPosteriorVariance(GaussianTerm):
    """Forgets beta_tilde in the gradient of the variance."""

    def backward(self, dL, cache):
        delta, precision, _, square, mean_cache = cache
        return super().backward(dL, (delta, precision, -1.0, square, mean_cache))


class NoPathThroughTheMean(StepTerm):
    """Forgets that x_t also stands in the conversion of the prediction into a mean."""

    def backward(self, dL, cache):
        noising, net, mean, term = cache
        p = self.reverse
        dx0, dxt, dmu, dlogvar, _ = p.term.backward(dL, term)
        _, dout, _ = p.mean.backward(dmu, mean)
        dxt_net, dreverse = p.backward(dout, dlogvar, net)
        dx0_noising = p.noising.backward(dxt + dxt_net, noising)[0]
        return dx0 + dx0_noising, {"reverse": dreverse}


report = mg.check.gradients(NoPosteriorVariance(schedule), *inputs, given=given, rng=rng)
assert not report
print(report)
report = mg.check.gradients(NoPathThroughTheMean(small.reverse), x0_rows, given=with_noise, rng=rng)
assert not report
print(report)

# %% [markdown]
# **How to read them.** First report: only `dlogvar` is wrong, and *only in rows 2, 3, 4, 5*. What
# is special about rows 0 and 1? They have $t=1$, where $\tilde\beta_1=0$, so that forgetting
# $\tilde\beta$ changes nothing. The rows name the mistake.
#
# Second report: only `dx0` is wrong. All parameters get right gradients, so training would never
# notice: $\bar x_0$ is data there. It is noticed on the day when $\bar x_0$ comes out of an encoder
# that is to be trained as well. A check of the parameters alone would have passed.
#
# ## 7. Gaussian data: the bound to the last digit
#
# Let the data be $\mathcal N(m,S)$. Then every $E[\bar x_{t-1}|\bar x_t]$ is linear and known, and
# so is the true variance of $\bar x_{t-1}$ given $\bar x_t$. `gaussian_bound` has every term in
# closed form, for each $\bar x_0$. Take $p_\theta(\bar x_{t-1}|\bar x_t)$ to be the true
# conditional and $p(\bar x_T)=q(\bar x_T)$. Then model paths *are* noise paths, nothing is lost,
# and the $T+1$ terms must add up to $-\log\mathcal N(\bar x_0;m,S)$, row by row, for any $T$:

# %%
mean = np.array([0.3, -0.5, 0.1])
S: Any = np.array([[0.5, 0.2, 0.0], [0.2, 0.4, 0.1], [0.0, 0.1, 0.3]])
x0_rows = rng.multivariate_normal(mean, S, 400)
minus_log = -stats.multivariate_normal(mean, S).logpdf(x0_rows)
for T in (1, 2, 10, 100, 1000):
    L_rows = gaussian_bound(cosine_schedule(T), mean, S, x0_rows)
    off = np.abs(L_rows.sum(axis=1) - minus_log).max() / np.abs(minus_log).max()
    print(f"T = {T:4}: {T + 1:4} terms, sum off by {off:.1e}", end=", ")
    print(f"smallest of L_1..L_T {L_rows[:, 1:].min():.1e}")
    assert off < 1e-12 and L_rows[:, 1:].min() >= 0

# %% [markdown]
# For a usual diffusion model the variance is fixed and the prior is $\mathcal N(0,I)$. What does
# that cost? **Predict, then run.** For each of the two usual variances, $\beta_t$ and
# $\tilde\beta_t$: does the loss vanish as $T$ grows? The junk at the end of ELBO-15, $\gamma
# e^{r/(\beta_{t+1}-\beta_{t+1})}$, divides by zero and cannot be saved. It may have been a note on
# the variance, $\tilde\beta_{t+1}\dots \beta_{t+1}$: for data of variance $s\le1$ the true variance
# of a step lies *between* these two.

# %%
kinds, steps = ("beta", "beta_tilde"), (5, 10, 20, 50, 100, 200, 500, 1000)
lost = {kind: [] for kind in kinds}
for T in steps:
    for kind in kinds:
        L_rows = gaussian_bound(cosine_schedule(T), mean, S, x0_rows, variance=kind)
        lost[kind].append((L_rows.sum(axis=1) - minus_log).mean())
for kind in kinds:
    print(f"{kind:10} nats lost at T = 5 and 1000: {lost[kind][0]:.3f} and {lost[kind][-1]:.3f}")
assert min(map(min, lost.values())) > 0
L_rows = gaussian_bound(cosine_schedule(30_000), mean, S, x0_rows[:50], variance="beta_tilde")
many, limit = (L_rows.sum(axis=1) - minus_log[:50]).mean(), 3 * np.euler_gamma / 2
print(f"beta_tilde nats lost at T = 30,000: {many:.3f}, and at T -> infinity {limit:.3f}")
assert lost["beta"][-1] < 0.02 and 0 < many - limit < 0.05

s20 = cosine_schedule(20)
t, variances = 12, []
for s in (0.0, 0.3, 1.0):
    V = s20.alpha_bar * s + s20.one_minus_alpha_bar
    variances.append(s20.beta[t] * V[t - 1] / V[t])
low, high = s20.beta_tilde[t], s20.beta[t]
print(f"t = 12 of 20: beta_tilde {low:.4f}; true variance", end=" ")
print(f"at s = 0, 0.3, 1: {', '.join(f'{v:.4f}' for v in variances)}; beta {high:.4f}")
assert abs(variances[0] - low) < 1e-15 and low < variances[1] < high
assert abs(variances[2] - high) < 1e-15
mg.plot.lines(
    {kind: (steps, values) for kind, values in lost.items()}, log="xy", xlabel="T",
    ylabel="nats lost", title="What a fixed variance costs",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Both axes are logarithmic. With $\sigma_t^2=\beta_t$ the loss falls like
# $1/T$: many small steps make the bound tight. With $\sigma_t^2=\tilde\beta_t$ it does not go to
# zero. The steps become small, the truth becomes $\beta_t$, and $\tilde\beta_t/\beta_t$ becomes
# $(t-1)/t$. So each dimension loses $\tfrac12\sum_{t\ge2}\big[\tfrac1{t-1}-\log\tfrac t{t-1}\big]=
# \tfrac12\gamma$ nats ($\gamma$ is Euler's constant), however large $T$ is. They are
# lost in the very first steps, where $\tilde\beta_t$ is far below $\beta_t$. This is why `ddpm`
# takes $\beta_t$ for continuous data.
#
# ## 8. A mixture, its ideal network, and Monte Carlo
#
# Real data is not Gaussian, and expectations are then means over draws, with an error. Here is the
# same question for eight bumps: the entropy of the data is known, and so is the best network.

# %%
toy = mg.data.toy("eight_gaussians")
angle = np.pi * np.arange(8) / 4
modes = 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
points = toy.sample(4000, rng=rng)


def ideal(T):
    """A DDPM with the best network there is."""
    schedule = cosine_schedule(T)
    net = IdealNoise.init(schedule, modes, 0.2**2)
    return DDPM(ReverseProcess(net, schedule, 2, "eps", "beta", schedule.beta[1]))


results = {T: ideal(T).elbo(points, rng=rng) for T in (5, 20, 100, 400)}
print(f"entropy of the data {toy.entropy:.3f}")
for T, e in results.items():
    gap = e.per_row + toy.log_prob(points)  # the same rows: the noise of the rows cancels
    error = gap.std() / np.sqrt(len(gap))
    print(f"T = {T:3}: bound {e.total:.3f} +- {e.error:.3f}, lost {gap.mean():.3f} +- {error:.3f}")
    assert gap.mean() > (5 if T < 400 else -4) * error
assert results[400].total < results[100].total < results[20].total < results[5].total
print(results[100])

# %% [markdown]
# Two numbers, two errors. The first is the bound, and its error comes mostly from the rows: the
# mean $-\log q$ of these points is not exactly the entropy either. So at large $T$ the printed
# bound can lie below the entropy by luck. The second number is the better one: the mean
# *difference* to the true $-\log q$ of the **same** rows. It falls towards zero and stays above.

# %%
e = results[100]
mg.plot.elbo_terms(e.L, e.L_error)

# %% [markdown]
# **How to read it.** The height of the curve is what one step back costs, with a band of two
# standard errors (hardly wider than the line). A single early step costs more than a late one.
# $L_0$ is the decoder: negative, since a density can be larger than 1, and so not drawn on this
# axis. $L_T$ is what is left of the data in $\bar x_T$. The number in the title is the bound.
#
# Not every network is ideal. Spoil this one by ten percent, and the bound must rise:


# %%
@dataclass(frozen=True, eq=False, repr=False)
class Scaled(Layer):
    """A network whose prediction is too small or too large."""

    net: Layer
    factor: float

    def forward(self, x, *, t):
        y, cache = self.net.forward(x, t=t)
        return self.factor * y, cache


good = ideal(100)
for factor in (0.9, 1.0, 1.1):
    spoiled = DDPM(replace(good.reverse, net=Scaled(good.reverse.net, factor)))
    e = spoiled.elbo(points, rng=np.random.default_rng(1))
    print(f"noise times {factor}: bound {e.total:.3f} nats")
    assert e.total > results[100].total + 0.1 or factor == 1.0

# %% [markdown]
# ## 9. The simple loss, and its weights
#
# Write the term with the noise, by DIF-23: $\delta=\frac{\beta_t}{\sqrt{\alpha_t(1-A_t)}}
# (\epsilon_\theta-\bar\varepsilon)$. For a fixed variance (S-SIMPLE)
#
# $$L_{t-1}=w_t\,\|\bar\varepsilon-\epsilon_\theta\|^2+C_t\qquad w_t=\frac{\beta_t^2}{2\sigma_t^2
# \,\alpha_t(1-A_t)}\qquad C_t=\frac D2\Big(\frac{\tilde\beta_t}{\sigma_t^2}-1-\log
# \frac{\tilde\beta_t}{\sigma_t^2}\Big)\qquad L_{\text{simple}}=\|\bar\varepsilon-
# \epsilon_\theta\|^2$$
#
# At $t=1$ the constant is $\frac D2\log2\pi\sigma_1^2$. Ho, Jain and Abbeel (2020) train with
# $L_{\text{simple}}$: they drop $w_t$ and $C_t$. Sources often print
# $\sigma_t^4$ in the weight. Which is right is quickly measured.

# %%
noisy = mg.diffusion.ddpm(
    2, linear_schedule(12), hidden=6, predict="eps", rng=rng, dtype=np.float64
)
noisy = mg.core.perturbed(noisy, rng, 0.3)
w, C = exact_weights(noisy.reverse)
start, eps = rng.standard_normal((2, 6, 2))
errors, quoted = [], []
for t in range(1, 13):
    now = np.array([t])
    xt = mg.diffusion.q_sample(noisy.schedule, start, eps, now)
    square = ((noisy.reverse.prediction(xt, now)[0] - eps) ** 2).sum(axis=1)
    exact = StepTerm(noisy.reverse).forward(start, t=now, eps=eps)[0]
    variance = noisy.reverse.first if t == 1 else noisy.schedule.beta[t]
    errors.append(np.abs((w[t - 1] * square + C[t - 1]) / exact - 1).max())
    quoted.append(np.abs((w[t - 1] / variance * square + C[t - 1]) / exact - 1).max())
print(f"largest relative error over t = 1..12: with sigma^2 {max(errors):.1e}", end=", ")
print(f"with sigma^4 {max(quoted):.1e}, nowhere below {min(quoted):.1e}")
assert max(errors) < 1e-12 and min(quoted) > 1e-3

# %%
thousand = linear_schedule(1000)
curves_of = {}
for kind in ("beta", "beta_tilde"):
    wide = mg.diffusion.ddpm(1, thousand, hidden=2, predict="eps", variance=kind, rng=rng)
    curves_of[f"$\\sigma_t^2$ = {kind}"] = exact_weights(wide.reverse)[0]
curves_of["simple"] = np.ones(1000)
share = curves_of["$\\sigma_t^2$ = beta"]
print(f"w_1 / w_1000 = {share[0] / share[-1]:.0f}", end="; ")
print(f"t <= 10 has {share[:10].sum() / share.sum():.0%} of the weight, of the simple loss 1%")
snr = thousand.alpha_bar / np.where(np.arange(1001) > 0, thousand.one_minus_alpha_bar, 1)
by_snr = (snr[1:-1] / snr[2:] - 1) / 2
assert np.allclose(curves_of["$\\sigma_t^2$ = beta_tilde"][1:], by_snr, rtol=1e-6)
mg.plot.lines(
    {name: (np.arange(1, 1001), weight) for name, weight in curves_of.items()}, log="xy",
    dashed=["simple"], xlabel="t", ylabel="weight of the squared error",
    title="How much each step counts",
)  # fmt: skip

# %% [markdown]
# **How to read it.** The bound cares most about the first steps, where the last fine details of the
# data are decided. The simple loss weighs all steps alike, so it spends its effort on the middle
# and the end of the walk, where shapes are decided. Ho, Jain and Abbeel found that pictures become
# better so, and bounds worse. With $\tilde\beta_t$ the weight is
# $\frac12(\mathrm{SNR}_{t-1}/\mathrm{SNR}_t-1)$, where $\mathrm{SNR}_t=A_t/(1-A_t)$ is the
# signal-to-noise ratio. This would be infinite at $t=1$, were the decoder's variance not a
# parameter of its own.
#
# ## Exercises
#
# **1.** (medium) The network is ideal and the data are $\mathcal N(0,s)$. Derive the best fixed
# variance of step $t$ (section 5 has the condition) and write it by `schedule.beta` and
# `schedule.alpha_bar`.


# %%
def best_variance(schedule, t, s) -> Any:
    """The best sigma_t^2 for data of variance s."""
    return None  # your answer


# %%
if best_variance(s20, 12, 0.3) is None:
    print("Fill in the cell above and run both again.")
else:
    claimed = [best_variance(cosine_schedule(20), 12, s) for s in (0.0, 0.3, 1.0)]
    right = np.allclose(claimed, variances, rtol=1e-12)  # from section 7
    print("right" if right else "not yet: it lies between beta_tilde (s = 0) and beta (s = 1)")

# %% [markdown]
# <details><summary>Answer</summary>
#
# $d\lambda=0$ in section 5 gives $\sigma_t^2=\tilde\beta_t+E\,\delta^2/D$. With the ideal mean,
# $\delta=\tilde\mu-E[\tilde\mu|\bar x_t]$, so this is the law of total variance for $\bar x_{t-1}$
# given $\bar x_t$: mean of the variance plus variance of the mean. For $\mathcal N(0,s)$ it is
# $\beta_tV_{t-1}/V_t$ with $V_t=A_ts+1-A_t$:
#
# ```python
# def best_variance(schedule, t, s):
#     V = schedule.alpha_bar * s + 1 - schedule.alpha_bar
#     return schedule.beta[t] * V[t - 1] / V[t]
# ```
#
# With the best variance the bound is lower than with either fixed choice (Bao, Li, Zhu and Zhang
# 2022). [Tutorial 14](14_one_clock.ipynb) takes it further.
# </details>
#
# **2.** (easy) Training draws one random $t$ for each row, each of $1\dots T$ with the same
# probability, and takes $c\,L_{t-1}+L_T$. Which $c$ makes its expectation $L$? Write it for the
# `terms` of section 3, where $T=3$.

# %%
factor = None  # your answer

# %%
if factor is None:
    print("Fill in the cell above and run both again.")
else:
    *steps_of, prior_term = terms  # L_0, L_1, L_2, and L_3 = L_T
    expectation = np.mean([factor * value + prior_term for value in steps_of])
    right = abs(expectation - sum(terms)) < 1e-9
    print("right" if right else f"not yet: {expectation:.4f}, but L = {sum(terms):.4f}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# $E_{t\sim U\{1..T\}}[T\,L_{t-1}]=\sum_{t=1}^T\frac1T\,T\,L_{t-1}=L_0+\dots+L_{T-1}$, and $L_T$ is
# added as it is:
#
# ```python
# factor = 3
# ```
#
# Without the factor, the two parts would be weighed wrongly against each other (which matters if
# the schedule is learned), and the number printed in training would not be a bound on anything. In
# the code: `BoundLoss`.
# </details>
#
# **3.** (easy) Somebody multiplies the two columns of the data of section 8 by ten and trains
# again. By how many nats is the best possible bound worse? Is it a mistake?

# %%
worse = None  # your answer

# %%
if worse is None:
    print("Fill in the cell above and run both again.")
else:
    gaussian = stats.multivariate_normal(np.zeros(2))
    spread: Any = 100 * np.eye(2)
    larger = stats.multivariate_normal(np.zeros(2), spread)
    moved = gaussian.logpdf([0.3, 0.4]) - larger.logpdf([3.0, 4.0])  # any density, any point
    print("right" if abs(worse - moved) < 1e-2 else "not yet: tutorial 01, with y = 10 x")

# %% [markdown]
# <details><summary>Answer</summary>
#
# $p(\bar x)$ is a density, and the change of variables $\bar y=10\,\bar x$ divides it by $10^D$
# (tutorial 01), so $-\log p$ grows by $D\log10$, and $D=2$:
#
# ```python
# worse = 2 * np.log(10)
# ```
#
# No mistake: likelihoods of continuous data can only be compared in the same units. Integers have
# no such freedom: the next tutorial measures bits per dimension of *discrete* data.
# </details>
#
# ## What to read next
#
# * Sohl-Dickstein, Weiss, Maheswaranathan and Ganguli, [*Deep unsupervised learning using
#   nonequilibrium thermodynamics*](https://arxiv.org/abs/1503.03585) (2015): the bound for
#   diffusion.
# * Ho, Jain and Abbeel, [*Denoising diffusion probabilistic
#   models*](https://arxiv.org/abs/2006.11239) (2020): [ELBO-14](../docs/notes.md#ELBO-14) and the
#   simple loss.
# * Nichol and Dhariwal, [*Improved denoising diffusion probabilistic
#   models*](https://arxiv.org/abs/2102.09672) (2021), and Bao, Li, Zhu and Zhang,
#   [*Analytic-DPM*](https://arxiv.org/abs/2201.06503) (2022): the variance.
# * Kingma, Salimans, Poole and Ho, [*Variational diffusion
#   models*](https://arxiv.org/abs/2107.00630) (2021): the bound in terms of the signal-to-noise
#   ratio, and $T\to\infty$.
#
# In this package: `minigen check ELBO` runs all 20 entries, as printed and corrected. Homework:
# `minigen homework start elbo`; when it is right, `minigen homework milestone elbo.py` learns
# digits by your own functions. Next: [tutorial 06](06_diffusion_digits.ipynb), a diffusion model of
# handwritten digits.
