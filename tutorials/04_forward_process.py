# %% [markdown]
# # 04 The forward process: a walk into noise, and the one step back
#
# **Question.** Mix a point with a little noise. Do it again, a thousand times. Where is the point
# after $t$ steps, and can we know it *without* taking the steps? And if we know where the walk
# began, can we undo one step of it exactly?
#
# **You need** [tutorial 00](00_contract.ipynb) (how a gradient is checked), and that the variances
# of independent variables add. **Time** about 50 minutes. **Equations** DIF-1 to DIF-23, S-DIF-t1,
# S-DIF-num, S-ANC.

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
from typing import Any

import numpy as np
from scipy import stats

import minigen as mg
from minigen.derivations import (
    PosteriorMeanFromNoise,
    log_bayes,
    mean_forms,
    quadratic,
    variance_forms,
)
from minigen.diffusion import (
    Cumulate,
    IdealNoise,
    Marginal,
    MarginalDensity,
    Step,
    linear_schedule,
    schedule_from_betas,
)

rng = np.random.default_rng(0)

# %% [markdown]
# ## Why
#
# How does one draw from a distribution that nobody can write down, such as that of all pictures? A
# flow needs a map with an inverse. Diffusion models need none, and they draw pictures, molecules,
# weather and sound.
#
# The idea: *destroying* is easy. Add a little noise to a picture, again and again, until nothing is
# left. Every step of that is known exactly. Then learn to undo one small step, and start from
# noise. This chapter is the exact part: the walk into noise, and the step back for those who know
# where the walk began.

# %%
pixels = mg.data.digits("small").train.x[[0, 1, 2, 3]] / 8 - 1
ruin = mg.diffusion.trajectory(linear_schedule(100), pixels, rng=rng)
stops = [0, 5, 15, 25, 35, 50, 100]
mg.plot.filmstrip(
    [ruin[t] for t in stops], [f"t = {t}" for t in stops], how="four walks into noise"
)

# %% [markdown]
# **How to read it.** Each row is a handwritten digit that takes 100 noisy steps to the right. At
# the end there is noise, and it has forgotten which digit it came from.
#
# ## 1. One step
#
# $$q(\bar x_t\mid\bar x_{t-1})=\mathcal N\big(\bar x_t\mid\sqrt{1-\beta_t}\,\bar x_{t-1},\
# \beta_t\mathbf I\big)\ \text{(DIF-1)}\qquad
# \bar x_t=\sqrt{1-\beta_t}\,\bar x_{t-1}+\sqrt{\beta_t}\,\bar\epsilon_{t-1}\ \text{(DIF-5)}$$
#
# The first is a density, the second a way to draw from it, with $\bar\epsilon\sim\mathcal N(0,I)$.
# Two things happen in a step: $\bar x$ shrinks, and noise of variance $\beta_t$ is added. With
# $\alpha_t=1-\beta_t$ (DIF-4) the variance goes $V_{t-1}\mapsto\alpha_tV_{t-1}+\beta_t$. Put in
# $V=1$ and $V=1$ comes out: what is lost by shrinking comes back as noise.

# %% jupyter={"source_hidden": true}
mg.plot.diagram(
    {"$x_0$": (0, 0), "$x_1$": (1.9, 0), "$x_2$": (3.8, 0), "$\\dots$": (5.5, 0),
     "$x_T$": (7.2, 0)},
    [("$x_0$", "$x_1$", "$q(x_1|x_0)$"), ("$x_1$", "$x_2$", "$q(x_2|x_1)$"), ("$x_2$", "$\\dots$"),
     ("$\\dots$", "$x_T$")],
    back=[("$x_1$", "$x_0$", "$p(x_0|x_1)$"), ("$x_2$", "$x_1$", "$p(x_1|x_2)$"),
          ("$\\dots$", "$x_2$"), ("$x_T$", "$\\dots$")],
    accent=["$x_0$"], title="Two chains: known to the right, to be learned to the left",
)  # fmt: skip

# %% [markdown]
# **How to read it.** To the right (black) noise is added, by fixed rules: data $\bar x_0$ (blue)
# become noise $\bar x_T$. To the left (dashed) runs the chain that a model has to learn. Each point
# depends on its neighbour alone. The step is in [forward.py](../minigen/diffusion/forward.py):

# %%
print(inspect.getsource(Step.forward))

# %% [markdown]
# A step looks at the point before it and no further back. So the whole walk has the density
# $q(\bar x_1,\dots,\bar x_T\mid\bar x_0)=\prod_tq(\bar x_t\mid\bar x_{t-1})$ (DIF-2). Here is one
# walk of each of 1500 points, scaled to variance 1, in 100 steps. `linear_schedule` lets $\beta_t$
# rise on a line ([Ho, Jain and Abbeel 2020](https://arxiv.org/abs/2006.11239)).
#
# **Predict, then run.** What happens to the variance of the cloud, and to the mean distance from
# the origin, in 100 steps?

# %%
toy = mg.data.toy("two_spirals")
cloud = toy.sample(1500, rng=rng)
cloud /= cloud.std(axis=0)
long = linear_schedule(100)
path = mg.diffusion.trajectory(long, cloud, rng=rng)
times = [0, 5, 15, 30, 50, 100]
for t in times:
    radius = np.linalg.norm(path[t], axis=1)
    print(f"t = {t:3}  variance {path[t].var():.3f}  mean radius {radius.mean():.3f}")
    assert abs(path[t].var() - 1) < 0.1
mg.plot.filmstrip(
    [path[t] for t in times],
    [f"t = {t}" for t in times],
    color=np.linalg.norm(cloud, axis=1),
    how="the forward process; each point keeps the colour of its first radius",
)

# %% [markdown]
# **How to read it.** The colour is where a point *started*: dark near the centre, yellow at the
# ends of the arms. First the fine lines blur, then the arms run together. The colours mix last:
# large features outlive small ones. At $t=100$ the colour says nothing about the place any more.
# In motion:

# %%
tint, few = np.linalg.norm(cloud, axis=1), slice(400)
moments = [0, 1, 2, 4, 6, 9, 13, 18, 25, 35, 50, 75, 100]  # most happens early
film = [
    mg.plot.filmstrip([path[t][few]], [f"t = {t}"], color=tint[few], box=(-3, 3, -3, 3), how="")
    for t in moments
]
mg.plot.Animation(film, seconds=0.25)

# %% [markdown]
# **How to read it.** The same walk for some of the points, from the spirals to a round cloud; each
# point keeps its colour.
#
# ## 2. Two steps are one step
#
# The notes ask: $q(\bar x_t\mid\bar x_0)=?$ (DIF-3). Begin with two steps. Put DIF-5 into itself:
#
# $$\bar x_t=\underbrace{\sqrt{1-\beta_t}}_{\sqrt{\alpha_t}}\Big(
# \underbrace{\sqrt{1-\beta_{t-1}}}_{\sqrt{\alpha_{t-1}}}\bar x_{t-2}+\sqrt{\beta_{t-1}}\,
# \bar\epsilon_{t-2}\Big)+\sqrt{\beta_t}\,\bar\epsilon_{t-1}\ \text{(DIF-6)}$$
# $$=\sqrt{\alpha_t\alpha_{t-1}}\,\bar x_{t-2}+\sqrt{\alpha_t(1-\alpha_{t-1})}\,\bar\epsilon_{t-2}
# +\sqrt{1-\alpha_t}\,\bar\epsilon_{t-1}\ \text{(DIF-7)}$$
#
# In the notes DIF-6 reads $\frac{\sqrt{1-\beta_t}}{\alpha_t}\big(\frac{\sqrt{1-\beta_{t-1}}}
# {\alpha_{t-1}}\bar x_{t-2}+\dots$: the labels under the braces were taken for denominators. To see
# the difference we use a short schedule with large steps, and the same two noises in every line.

# %%
schedule = schedule_from_betas([0.1, 0.3, 0.2, 0.4, 0.25, 0.35])
T, t = schedule.T, 4
alpha, beta = schedule.alpha, schedule.beta
x_2, first, second = rng.standard_normal((3, 8, 3))  # x_{t-2} and the noises of two steps


def step(x, eps, t):
    """One step of the package."""
    return Step().forward(x, eps, np.full(len(x), beta[t]))[0]


def gap(a, b):
    """The largest difference of two arrays."""
    return np.abs(np.subtract(a, b)).max()


two_steps = step(step(x_2, first, t - 1), second, t)
a, b = alpha[t], alpha[t - 1]
dif_6 = np.sqrt(a) * (np.sqrt(b) * x_2 + np.sqrt(1 - b) * first) + np.sqrt(1 - a) * second
inner = np.sqrt(b) / b * x_2 + np.sqrt(1 - b) * first
printed = np.sqrt(a) / a * inner + np.sqrt(1 - a) * second
dif_7 = np.sqrt(a * b) * x_2 + np.sqrt(a * (1 - b)) * first + np.sqrt(1 - a) * second
print(f"DIF-6, no division   {gap(dif_6, two_steps):.1e}")
print(f"DIF-7                {gap(dif_7, two_steps):.1e}")
print(f"DIF-6 as printed     {gap(printed, two_steps):.1e}")
assert max(gap(dif_6, two_steps), gap(dif_7, two_steps)) < 1e-14 < 0.1 < gap(printed, two_steps)

# %% [markdown]
# Now there are two noises, and nobody needs to tell them apart. The notes write
# $\mathcal N(\bar 0,\alpha_t(1-\alpha_{t-1})\mathbf I)+\mathcal N(\bar 0,(1-\alpha_t)\mathbf I)$
# (DIF-8) and do not say what it is. It is the law of the **sum of two independent variables**: the
# *convolution* of their densities, in which variances add:
#
# $$\alpha_t(1-\alpha_{t-1})+(1-\alpha_t)=1-\alpha_t\alpha_{t-1}\qquad\Longrightarrow\qquad
# \bar x_t\overset{d}{=}\sqrt{\alpha_t\alpha_{t-1}}\,\bar x_{t-2}+\sqrt{1-\alpha_t\alpha_{t-1}}\,
# \bar\epsilon\ \text{(DIF-9)}$$
#
# The sign over the equals sign: equal *in distribution*. Taken literally, with a plus between the
# two densities, DIF-8 has twice the mass that a density may have.

# %%
y, h = np.linspace(-6, 6, 1201, retstep=True)
left, right = (stats.norm.pdf(y, 0, sd) for sd in (np.sqrt(a * (1 - b)), np.sqrt(1 - a)))
convolved = np.convolve(left, right, mode="same") * h
known = stats.norm.pdf(y, 0, np.sqrt(1 - a * b))
print(f"convolution: mass {convolved.sum() * h:.3f}, {gap(convolved, known):.1e} from DIF-9")
print(f"sum of the densities: mass {(left + right).sum() * h:.3f}")
assert gap(convolved, known) < 1e-9 and abs((left + right).sum() * h - 2) < 1e-6

# %%
named = {
    "first noise": left,
    "second noise": right,
    "their sum (DIF-9)": known,
    "printed: densities added": left + right,
}
near = np.abs(y) < 3
mg.plot.lines(
    {name: (y[near], values[near]) for name, values in named.items()},
    dashed=["printed: densities added"], xlabel="value of the noise", ylabel="density",
    title="A sum of variables is no sum of densities",
)  # fmt: skip

# %% [markdown]
# **How to read it.** The sum of two noises (green) is *wider* than either, with area 1. The sum of
# the two densities (dashed) is higher than either, with area 2: no density at all.
#
# ## 3. All steps are one step
#
# Repeat until $\bar x_0$ is reached. With $A_t=\alpha_1\alpha_2\cdots\alpha_t$ and $A_0=1$ (DIF-10)
#
# $$\bar x_t=\sqrt{A_t}\,\bar x_0+\sqrt{1-A_t}\,\bar\epsilon\ \text{(DIF-11)}\qquad
# q(\bar x_t\mid\bar x_0)=\mathcal N\big(\bar x_t\mid\sqrt{A_t}\,\bar x_0,\ (1-A_t)\mathbf I\big)\
# \text{(DIF-12)}$$
#
# The notes print $\alpha_1-\alpha_t=A_t$: dots read as a minus. Who is right? The walk is linear,
# so send in impulses: $x_0=1$ without noise, then each noise alone. What arrives at step $t$ is the
# weight of each in $x_t$. No formula for $A_t$ is used.

# %%
impulse = np.eye(T + 1)  # column 0: x_0; column s: the noise of step s
weights = [impulse[:, :1]]
for s in range(1, T + 1):
    weights.append(step(weights[-1], impulse[:, s : s + 1], s))
B = np.array(weights)[:, :, 0]  # x_t = B[t, 0] x_0 + sum_s B[t, s] eps_s

rows = {
    "t": np.arange(T + 1),
    "A_t": schedule.alpha_bar,
    "impulse": B[:, 0] ** 2,
    "printed": alpha[1] - alpha,
}
for name, row in rows.items():
    print(f"{name:8}", *(f"{v:6.3g}" for v in row[1:]))
assert gap(schedule.alpha_bar, B[:, 0] ** 2) < 1e-15
assert gap(schedule.one_minus_alpha_bar, (B[:, 1:] ** 2).sum(axis=1)) < 1e-15
assert gap(alpha[1] - alpha, B[:, 0] ** 2) > 0.5

# %% [markdown]
# The product agrees with the walk ([DIF-10](../docs/notes.md#DIF-10)). The difference is 0 at $t=1$
# and not even monotone. The second assertion checks the noise: its squared weights, summed, are
# $1-A_t$.
#
# How is $1-A_t$ best computed? Not by subtracting (S-DIF-num). Watch three steps of
# $\beta=10^{-10}$, where the truth is $3\beta-3\beta^2+\beta^3$.

# %%
small = 1e-10
truth = 3 * small - 3 * small**2 + small**3
subtracted = 1 - np.cumprod(np.full(3, 1 - small))[-1]
ours = schedule_from_betas([small] * 3).one_minus_alpha_bar[-1]
print(f"1 - product          relative error {abs(subtracted / truth - 1):.1e}")
print(f"-expm1(sum of log1p) relative error {abs(ours / truth - 1):.1e}")
assert abs(ours / truth - 1) < 1e-15 < 1e-9 < abs(subtracted / truth - 1)
print()
print(inspect.getsource(Cumulate.forward))

# %% [markdown]
# Back to DIF-3. Beside its question mark stands $\sim\mathcal N(\bar 0,\mathbf I)$. Is that true of
# $\bar x_t$? How far it is from true can be said in nats, per dimension, for $x_0=1$:
#
# $$KL\big(q(x_t\mid x_0)\parallel\mathcal N(0,1)\big)=\tfrac12\big[A_tx_0^2-A_t-\log(1-A_t)\big]$$

# %%
kinds = {
    "linear": linear_schedule(1000),
    "cosine": mg.diffusion.cosine_schedule(1000),
    "sigmoid": mg.diffusion.sigmoid_schedule(1000),
}
left = {name: np.sqrt(s.alpha_bar[1:]) for name, s in kinds.items()}
nats = {name: -np.log(s.one_minus_alpha_bar[1:]) / 2 for name, s in kinds.items()}
for name, KL in nats.items():
    print(f"{name:8} KL at t = 100, 500, 1000:", *(f"{KL[k - 1]:.2g}" for k in (100, 500, 1000)))
    assert KL[99] > 0.5 and KL[-1] < 1e-3

# %% jupyter={"source_hidden": true}
steps = np.arange(1, 1001)
figure = mg.plot.Picture(figsize=(10.5, 3.3), layout="constrained")
first_panel, second_panel = figure.subplots(1, 2)
mg.plot.lines(
    {name: (steps, values) for name, values in left.items()}, ax=first_panel,
    xlabel="t", ylabel="$\\sqrt{A_t}$: what is left of $x_0$",
)  # fmt: skip
mg.plot.lines(
    {name: (steps[KL > 1e-6], KL[KL > 1e-6]) for name, KL in nats.items()}, log="y",
    ax=second_panel, xlabel="t", ylabel="KL to N(0, 1), nats",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Left: how much of $x_0$ is still in $x_t$. The linear schedule forgets early
# and spends its last steps on noise that hardly changes. Right, on a logarithmic axis: the distance
# to $\mathcal N(0,1)$. So DIF-3's remark is false for every $t$ in the middle and true at the end,
# up to a remainder that shrinks with $A_T$. Tutorial 05 meets this remainder again as $L_T$.
#
# ## 4. The step back
#
# From $x_t$ alone nobody can tell $x_{t-1}$ without knowing the data. But **given** $\bar x_0$ it
# is Bayes' rule for Gaussians:
#
# $$q(\bar x_{t-1}\mid\bar x_t,\bar x_0)=\frac{q(\bar x_{t-1}\mid\bar x_0)\;
# q(\bar x_t\mid\bar x_{t-1},\bar x_0)}{q(\bar x_t\mid\bar x_0)}\ \text{(DIF-13)}$$
#
# and DIF-14 writes the three Gaussians out. What is known from the left ($\bar x_0$), times what is
# known from the right ($\bar x_t$).
#
# **Predict, then run.** The walk started at 1 and was seen at $-0.6$ after step 4. Where was it
# after step 3, and is that known better or worse than from either end alone?

# %%
x_0, x_t = 1.0, -0.6
x, h = np.linspace(-3.5, 3.5, 1401, retstep=True)
A, rest = schedule.alpha_bar, schedule.one_minus_alpha_bar
prior = stats.norm.pdf(x, np.sqrt(A[t - 1]) * x_0, np.sqrt(rest[t - 1]))
likelihood = stats.norm.pdf(x_t, np.sqrt(alpha[t]) * x, np.sqrt(beta[t]))
evidence = stats.norm.pdf(x_t, np.sqrt(A[t]) * x_0, np.sqrt(rest[t]))
posterior = prior * likelihood / evidence
print(f"area under the posterior {posterior.sum() * h:.12f}")
assert abs(posterior.sum() * h - 1) < 1e-6
named = {
    "$q(x_{t-1}|x_0)$, from $x_0=1$": prior,
    "$q(x_t|x_{t-1})$, at $x_t=-0.6$": likelihood,
    "$q(x_{t-1}|x_t,x_0)$": posterior,
}
mg.plot.lines(
    {name: (x, values) for name, values in named.items()}, xlabel="$x_{t-1}$", ylabel="density",
    title="Two pieces of evidence, and what follows from both",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Blue: where the walk may be at $t-1=3$ if it started at 1. Orange: how well
# each place explains that the next step ended at $-0.6$; as a function of $x_{t-1}$ it is no
# density. Green: their product, scaled to area 1. It lies between the two and is narrower than
# both: two pieces of evidence together say more than one.
#
# Now the notes. They print DIF-13 and DIF-14 with $t+1$ where $t-1$ is meant:
# $q(\bar x_{t+1}\mid\bar x_t,\bar x_0)=q(\bar x_{t+1}\mid\bar x_0)\,q(\bar x_t\mid\bar x_{t-1},
# \bar x_0)/q(\bar x_t\mid\bar x_0)$. A look at the letters is enough: on the right stands
# $\bar x_{t-1}$, on the left it does not. So move $\bar x_{t-1}$ and watch.
#
# The reference does without Bayes' rule: all of $x_1\dots x_T$ is one Gaussian with covariance
# $BB^\top$, and the conditional of a Gaussian is two lines of algebra.

# %%
walks = np.einsum("ts,snd->tnd", B, rng.standard_normal((T + 1, 8, 3)))  # x_0, ..., x_T
C = B[:, 1:] @ B[:, 1:].T


def conditional(t):
    """Mean (N, D) and variance of x_{t-1} given x_t and x_0, by Gaussian algebra."""
    gain = C[t - 1, t] / C[t, t]
    mean = B[t - 1, 0] * walks[0] + gain * (walks[t] - B[t, 0] * walks[0])
    return mean, C[t - 1, t - 1] - gain * C[t - 1, t]


def log_normal(x, mean, variance):
    return stats.norm.logpdf(x, mean, np.sqrt(variance)).sum(axis=1)


def dif_14(x_before, which):
    """The right side of DIF-14, its first Gaussian at time `which`."""
    place = {t - 1: x_before, t + 1: walks[t + 1]}[which]
    top = log_normal(place, np.sqrt(A[which]) * walks[0], rest[which])
    top = top + log_normal(walks[t], np.sqrt(alpha[t]) * x_before, beta[t])
    return top - log_normal(walks[t], np.sqrt(A[t]) * walks[0], rest[t])


mean, variance = conditional(t)
for shift in (0.0, 0.5):
    moved = walks[t - 1] + shift
    now = np.full(len(moved), t)
    bayes = gap(
        log_bayes(schedule, moved, walks[t], walks[0], now), log_normal(moved, mean, variance)
    )
    written = gap(dif_14(moved, t - 1), log_normal(moved, mean, variance))
    left_side = log_normal(walks[t + 1], np.sqrt(alpha[t + 1]) * walks[t], beta[t + 1])
    printed = gap(dif_14(moved, t + 1), left_side)
    print(f"x_(t-1) moved by {shift}: DIF-13 {bayes:.1e}, DIF-14 {written:.1e}", end=", ")
    print(f"as printed {printed:.2f} nats off")
    assert max(bayes, written) < 1e-12 < 0.1 < printed

# %% [markdown]
# ## 5. Completing the square
#
# Three Gaussians make one exponent (DIF-15), a quadratic in $\bar x_{t-1}$:
#
# $$-\tfrac12\Big[\tfrac{\|\bar x_{t-1}-\sqrt{A_{t-1}}\bar x_0\|^2}{1-A_{t-1}}+\tfrac{\|\bar x_t-
# \sqrt{\alpha_t}\bar x_{t-1}\|^2}{\beta_t}-\tfrac{\|\bar x_t-\sqrt{A_t}\bar x_0\|^2}{1-A_t}\Big]$$
#
# Collect: $a\,\|\bar x_{t-1}\|^2-2\,\bar x_{t-1}^\top\bar b+\dots$ with
#
# $$a=\frac1{1-A_{t-1}}+\frac{\alpha_t}{\beta_t}=\frac1{\tilde\beta_t}\qquad
# \bar b=\frac{\sqrt{A_{t-1}}}{1-A_{t-1}}\bar x_0+\frac{\sqrt{\alpha_t}}{\beta_t}\bar x_t\qquad
# a\|\bar x_{t-1}\|^2-2\bar x_{t-1}^\top\bar b=\frac1{\tilde\beta_t}\|\bar x_{t-1}-\tilde\mu\|^2+
# \text{const}$$
#
# so $\tilde\mu=\tilde\beta_t\,\bar b$. That is what DIF-16 and DIF-17 must say. The notes lost the
# linear term from DIF-16 ($a\|\bar x_{t-1}\|^2=\dots+$ const) and printed it as DIF-17, as if it
# were an equation for $\bar x_{t-1}$, with a wrong sign: $\bar x_{t-1}=\frac{2\sqrt{A_{t-1}}}
# {1-A_{t-1}}\bar x_0-\frac{2\sqrt{\alpha_t}}{\beta_t}\bar x_t$. The test of DIF-16 is the word
# *const*: move $\bar x_{t-1}$, and it must not move.

# %%
now = np.full(8, t)
a_t, b_t = quadratic(schedule, walks[t], walks[0], now)
for shift in (0.0, 1.0, 2.0):
    moved = walks[t - 1] + shift
    square = a_t[:, 0] * ((moved - mean) ** 2).sum(axis=1)
    whole = a_t[:, 0] * (moved**2).sum(axis=1) - 2 * (moved * b_t).sum(axis=1)
    without = a_t[:, 0] * (moved**2).sum(axis=1)
    print(f"moved by {shift}: const {(whole - square)[0]:8.4f}", end=", ")
    print(f"DIF-16 as printed {(without - square)[0]:8.4f}")
    assert gap(whole - square, -(mean**2).sum(axis=1) / variance) < 1e-11
assert gap(b_t / a_t, mean) < 1e-14
as_equation = (
    2 * np.sqrt(A[t - 1]) / rest[t - 1] * walks[0] - 2 * np.sqrt(alpha[t]) / beta[t] * walks[t]
)
print(f"mu_tilde = b / a         {gap(b_t / a_t, mean):.1e} from the reference")
print(f"DIF-17 as printed, x_t-1 {gap(as_equation, mean):.1f} from the reference")
print(f"DIF-17 as printed, -2 b  {gap(as_equation, -2 * b_t):.1f} from the linear term")
assert gap(as_equation, mean) > 1 and gap(as_equation, -2 * b_t) > 1

# %% [markdown]
# **The variance** (DIF-18) has three forms:
#
# $$\tilde\beta_t=\frac1{\frac1{1-A_{t-1}}+\frac{\alpha_t}{\beta_t}}
# =\frac{\beta_t(1-A_{t-1})}{\beta_t+\alpha_t-\alpha_tA_{t-1}}=\beta_t\,\frac{1-A_{t-1}}{1-A_t}$$
#
# The last uses $\alpha_t+\beta_t=1$ and $\alpha_tA_{t-1}=A_t$. At $t=1$ they part: $A_0=1$, so the
# first divides by zero. The last gives $\tilde\beta_1=0$, the truth: who knows $\bar x_0$ has
# nothing left to guess about $\bar x_0$ (S-DIF-t1).

# %%
later = np.arange(2, T + 1)
reference = np.array([conditional(s)[1] for s in later])
for name, form in zip(("first", "second", "third"), variance_forms(schedule, later), strict=True):
    print(f"{name:6} form {gap(form, reference):.1e} from the reference")
    assert gap(form, reference) < 1e-15
print("beta      ", schedule.beta[1:].round(3))
print("beta_tilde", schedule.beta_tilde[1:].round(3))
assert schedule.beta_tilde[1] == 0 and np.all(schedule.beta_tilde <= schedule.beta)

# %% [markdown]
# ## 6. The mean, written with the noise
#
# Put $\tilde\beta_t$ into $\tilde\mu=\tilde\beta_t\bar b$:
#
# $$\tilde\mu=\sqrt{\alpha_t}\,\frac{1-A_{t-1}}{1-A_t}\,\bar x_t+\frac{\beta_t\sqrt{A_{t-1}}}{1-A_t}
# \,\bar x_0\ \text{(DIF-20)}$$
#
# By $\bar x_t=\sqrt{A_t}\,\bar x_0+\sqrt{1-A_t}\,\bar\varepsilon$ (DIF-19) replace $\bar x_0$ by
# $(\bar x_t-\sqrt{1-A_t}\,\bar\varepsilon)/\sqrt{A_t}$ (DIF-21). Now $\sqrt{A_{t-1}/A_t}=
# 1/\sqrt{\alpha_t}$, and the weights of $\bar x_t$ add up to
#
# $$\frac{\alpha_t(1-A_{t-1})+\beta_t}{\sqrt{\alpha_t}(1-A_t)}=
# \frac{\alpha_t-A_t+1-\alpha_t}{\sqrt{\alpha_t}(1-A_t)}=\frac1{\sqrt{\alpha_t}}\ \text{(DIF-22)}
# \qquad\tilde\mu=\frac1{\sqrt{\alpha_t}}\bar x_t-\frac{\beta_t}{\sqrt{\alpha_t(1-A_t)}}
# \bar\varepsilon\ \text{(DIF-23)}$$
#
# The notes have $\sqrt{A_t}\sqrt{\alpha_t}$ below the line in DIF-21 (one root too many), and in
# DIF-22 the numerator once more as the denominator, so that the weight of $\bar x_t$ is exactly 1.
# DIF-23 is right again.

# %%
forms = mean_forms(schedule, walks[t], walks[0], now)
eps = (walks[t] - np.sqrt(A[t]) * walks[0]) / np.sqrt(rest[t])  # DIF-19
k_t = np.sqrt(alpha[t]) * rest[t - 1] / rest[t]
k_0 = beta[t] * np.sqrt(A[t - 1]) / rest[t]
c_eps = beta[t] / np.sqrt(alpha[t] * rest[t])
x0_back = (walks[t] - np.sqrt(rest[t]) * eps) / np.sqrt(A[t])
misprints = {
    "DIF-21": k_t * walks[t] + k_0 * x0_back / np.sqrt(alpha[t]),
    "DIF-22": (alpha[t] - A[t] + 1 - alpha[t]) / (alpha[t] * rest[t - 1] + beta[t]) * walks[t]
    - c_eps * eps,
}
for name, form in forms.items():
    print(f"{name} {gap(form, mean):.1e} from the reference")
    assert gap(form, mean) < 1e-14
for name, form in misprints.items():
    print(f"{name} as printed: {gap(form, mean):.2f} from the reference")
    assert gap(form, mean) > 0.05

# %% [markdown]
# One trap is left in DIF-23. Its $\bar\varepsilon$ is the **total** noise of DIF-19, everything
# between $\bar x_0$ and $\bar x_t$. It is not the noise $\bar\epsilon_{t-1}$ of the last step
# (DIF-5), in spite of nearly the same letter.

# %%
step_noise = (walks[t] - np.sqrt(alpha[t]) * walks[t - 1]) / np.sqrt(beta[t])
layer = PosteriorMeanFromNoise(schedule)
print(f"with the total noise {gap(layer.forward(walks[t], eps, t=now)[0], mean):.1e}")
print(f"with the step noise  {gap(layer.forward(walks[t], step_noise, t=now)[0], mean):.2f}")
assert gap(layer.forward(walks[t], eps, t=now)[0], mean) < 1e-14
assert gap(layer.forward(walks[t], step_noise, t=now)[0], mean) > 0.1

# %% [markdown]
# **Does the step back lead back?** If $\bar x_t$ has the density $q(\bar x_t\mid\bar x_0)$ and we
# take a step back, the result must have $q(\bar x_{t-1}\mid\bar x_0)$ (S-ANC). For Gaussians this
# is one equation for the mean and one for the variance, at every $t$:

# %%
for s in range(1, T + 1):
    k_t = np.sqrt(alpha[s]) * rest[s - 1] / rest[s]
    k_0 = beta[s] * np.sqrt(A[s - 1]) / rest[s]
    centre = gap(k_t * np.sqrt(A[s]) + k_0, np.sqrt(A[s - 1]))
    spread = gap(k_t**2 * rest[s] + schedule.beta_tilde[s], rest[s - 1])
    assert max(centre, spread) < 1e-15
print(f"S-ANC holds for t = 1..{T} to rounding; so T steps back lead from q(x_T | x_0) to x_0")

# %% [markdown]
# ## 7. What a diffusion model does with it
#
# A model does not know $\bar x_0$. It replaces $\bar\varepsilon$ in DIF-23 by its best guess,
# $E[\bar\varepsilon\mid\bar x_t]$. Usually a network learns it. For a mixture of Gaussians it is
# known exactly ([`IdealNoise`](../minigen/diffusion/ideal.py)), so we can walk back before there is
# any network, and see what the misprints would have done to the samples. **Predict, then run.**
# Which of the two misprints, DIF-21 or DIF-22, would you notice in the samples?

# %%
truth = mg.data.toy("eight_gaussians")  # eight bumps of width 0.2 on a circle of radius 2
angle = np.pi * np.arange(8) / 4
best = IdealNoise.init(long, 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1), 0.2**2)


def dif_23(x, eps, t):
    a, r = long.alpha[t], long.one_minus_alpha_bar[t]
    return x / np.sqrt(a) - long.beta[t] / np.sqrt(a * r) * eps


def dif_22_printed(x, eps, t):
    return dif_23(x, eps, t) + (1 - 1 / np.sqrt(long.alpha[t])) * x


def dif_21_printed(x, eps, t):
    A, r = long.alpha_bar, long.one_minus_alpha_bar
    x0 = (x - np.sqrt(r[t]) * eps) / np.sqrt(A[t])
    k_0 = long.beta[t] * np.sqrt(A[t - 1]) / r[t]
    return dif_23(x, eps, t) + k_0 * (1 / np.sqrt(long.alpha[t]) - 1) * x0


def walk_back(mean, n=1500, seed=1):
    """x_0, ..., x_T, walked from T down with the ideal noise and the variance beta_t."""
    rng = np.random.default_rng(seed)
    frames = [rng.standard_normal((n, 2))]
    for t in range(long.T, 0, -1):
        eps = best.forward(frames[-1], t=np.array([t]))[0]
        fresh = rng.standard_normal((n, 2))
        frames.append(mean(frames[-1], eps, t) + np.sqrt(long.beta[t]) * fresh)
    return frames[::-1]


backs = {
    "DIF-23": walk_back(dif_23),
    "printed DIF-22": walk_back(dif_22_printed),
    "printed DIF-21": walk_back(dif_21_printed),
}
stages = [100, 50, 30, 15, 0]
mg.plot.filmstrip(
    [backs["DIF-23"][t] for t in stages],
    [f"t = {t}" for t in stages],
    how="100 steps back by DIF-23, with the ideal noise",
)

# %% [markdown]
# **How to read it.** From noise on the left to data on the right. The ring comes first, the bumps
# last: the reverse of what was lost first.

# %%
film = [
    mg.plot.filmstrip([backs["DIF-23"][t][few]], [f"t = {t}"], box=(-3, 3, -3, 3), how="")
    for t in moments[::-1]
]
mg.plot.Animation(film, seconds=0.25)

# %% [markdown]
# **How to read it.** The reverse process in motion, for some of the points: a round cloud gathers
# into a ring, and the ring into eight bumps.
#
# And the misprints? The length of $\bar x_t$ is known at
# every $t$: $E\|\bar x_t\|^2=A_t\,E\|\bar x_0\|^2+2(1-A_t)$ by DIF-11, with
# $E\|\bar x_0\|^2=2^2+2\cdot0.2^2$.

# %%
known = np.sqrt(long.alpha_bar * (4 + 2 * 0.2**2) + 2 * long.one_minus_alpha_bar)
ratios = {}
for name, frames in backs.items():
    length = np.sqrt([(x**2).sum(axis=1).mean() for x in frames])
    ratios[name] = length / known
    worse = -truth.log_prob(frames[0]).mean() - truth.entropy
    print(
        f"{name:15} length at t = 50: {ratios[name][50]:.3f}, at t = 0: {ratios[name][0]:.3f}",
        end="",
    )
    print(f", {worse:.2f} nats less likely than true samples")
assert np.abs(ratios["DIF-23"] - 1).max() < 0.05
assert ratios["printed DIF-22"].min() < 0.8
assert ratios["DIF-23"][0] + 0.005 < ratios["printed DIF-21"][0] < ratios["DIF-23"][0] + 0.05
mg.plot.lines(
    {name: (np.arange(101), values) for name, values in ratios.items()}, floor=1.0,
    xlabel="t", ylabel="length, as a share of the truth", title="What the misprints do to the walk",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Read from right to left, as the samples are made; 1 is right. With DIF-22 as
# printed the points are far too short on the way. At the end the error is smaller, because the
# guess of the noise pulls every point back towards the data. With DIF-21 as printed they end a
# little too long (by how much is printed above). Such a mistake is hard to find, for the samples
# look plausible. Only a number that is known shows it. (The correct walk is not perfect either. It
# takes a hundred steps, and $E[\bar\varepsilon\mid\bar x_t]$ is not $\bar\varepsilon$. What that
# costs is the subject of [tutorial 05](05_elbo.ipynb).)
#
# ## 8. The backward passes
#
# A schedule can be learned too (Kingma et al. 2021). So the layers here take their coefficients as
# inputs. `Marginal` is DIF-11, with $A_t$ and $r_t=1-A_t$ as two inputs:
#
# | forward line | path | backward line |
# |---|---|---|
# | $x_t=\sqrt{A}\,x_0+\sqrt{r}\,\varepsilon$ | $x_0\to x_t$ | $dx_0=\sqrt{A}\,dx_t$ |
# | | $\varepsilon\to x_t$ | $d\varepsilon=\sqrt{r}\,dx_t$ |
# | | $A\to x_t$ | $dA=\sum_d dx_t\odot x_0/(2\sqrt A)$ |
# | | $r\to x_t$ | $dr=\sum_d dx_t\odot\varepsilon/(2\sqrt r)$ |
#
# and then `Cumulate` leads from all $\beta_s$ to $A_t$, $r_t$ and $\tilde\beta_t$, in three lines:
#
# $$\ell_t=\sum_{s\le t}\log(1-\beta_s)\ \text{(1)}\qquad A_t=e^{\ell_t},\ r_t=1-e^{\ell_t}\
# \text{(2)}\qquad \tilde\beta_t=\beta_t\,r_{t-1}/r_t\ \text{(3), DIF-18}$$
#
# | line | path | backward line |
# |---|---|---|
# | (3) | $\beta_t\to\tilde\beta_t$ | $d\beta_t=d\tilde\beta_t\,r_{t-1}/r_t$ |
# | | $r_t\to\tilde\beta_t$ | $dr_t\mathrel{-}=d\tilde\beta_t\,\beta_tr_{t-1}/r_t^2$ |
# | | $r_{t}\to\tilde\beta_{t+1}$ | $dr_t\mathrel{+}=d\tilde\beta_{t+1}\,\beta_{t+1}/r_{t+1}$ |
# | (2) | $\ell_t\to A_t,r_t$ | $d\ell_t=(dA_t-dr_t)\,A_t$ |
# | (1) | $\beta_s\to\ell_t$, $t\ge s$ | $d\beta_s\mathrel{-}=\sum_{t\ge s}d\ell_t/(1-\beta_s)$ |
#
# The last line is the heart: a sum over the *past* in the forward pass becomes a sum over the
# *future* in the backward pass. In code, a cumulative sum of the reversed array, reversed again.

# %%
print(inspect.getsource(Marginal.backward))
print(inspect.getsource(Cumulate.backward))

# %% [markdown]
# And DIF-12. Its gradient with respect to $\bar x_t$ has a name, the **score**: with
# $r=\bar x_t-\sqrt{A_t}\,\bar x_0=\sqrt{1-A_t}\,\bar\varepsilon$ it is $-r/(1-A_t)=
# -\bar\varepsilon/\sqrt{1-A_t}$. Predicting the noise and predicting the score are one task.

# %%
x0, total = rng.standard_normal((2, 5, 3))
pair = np.full(5, A[3]), np.full(5, rest[3])
x3 = Marginal().forward(x0, total, *pair)[0]
_, cache = MarginalDensity().forward(x3, x0, *pair)
score = MarginalDensity().backward(np.ones(5), cache)[0]
print(f"score + eps / sqrt(1 - A): {gap(score, -total / np.sqrt(rest[3])):.1e}")
assert gap(score, -total / np.sqrt(rest[3])) < 1e-14

reports = (
    mg.check.gradients(Marginal(), x0, total, *pair, rng=rng),
    mg.check.gradients(MarginalDensity(), x3, x0, *pair, rng=rng),
    mg.check.gradients(Cumulate(), beta[1:], rng=rng),
    mg.check.gradients(layer, x3, total, given={"t": np.full(5, 3)}, rng=rng),
)
for report in reports:
    assert report
    print(report)

# %% [markdown]
# ## 9. Break it
#
# The mistake that everybody makes once: the cumulative sum of the backward pass in the forward
# direction.


# %%
class SumsOverThePast(Cumulate):
    """Sums over t <= s in the backward pass, where t >= s belongs."""

    def backward(self, dA, drest, dtilde, cache):
        beta, A, rest, before = cache
        dbeta = dtilde * before / rest
        drest = drest - dtilde * beta * before / rest**2
        drest[:-1] += (dtilde * beta / rest)[1:]
        return dbeta - np.cumsum((dA - drest) * A) / (1 - beta), {}


class ForgetsTheNext(Cumulate):
    """Forgets that 1 - A_t also stands in beta_tilde_{t+1}."""

    def backward(self, dA, drest, dtilde, cache):
        beta, A, rest, before = cache
        dbeta = dtilde * before / rest
        dlog_A = (dA - drest + dtilde * beta * before / rest**2) * A
        return dbeta - np.cumsum(dlog_A[::-1])[::-1] / (1 - beta), {}


for broken in (SumsOverThePast(), ForgetsTheNext()):
    report = mg.check.gradients(broken, beta[1:], rng=rng)
    assert not report
    print(report)

# %% [markdown]
# **How to read them.** Neither mistake is one of the usual ones (a sign, a factor, a transpose), so
# the checker offers no diagnosis. But it says *where*, and that is enough. In the first report all
# six entries are wrong. In the second, five of six: the one that is right is the last, $\beta_T$.
# What is special about $T$? It has no successor. So what is missing passes from $t$ to $t+1$.
#
# ## Exercises
#
# **1.** (easy) For $t\ge2$ the inverse $1/\tilde\beta_t$ is a sum of two precisions (inverse
# variances). Each belongs to a curve in the picture of section 4. Write both, at $t=4$, by
# `schedule.alpha`, `schedule.beta` and `schedule.one_minus_alpha_bar`.

# %%
blue, orange = None, None  # your answer: the precisions of the two curves

# %%
if blue is None or orange is None:
    print("Fill in the cell above and run both again.")
else:
    right = np.isclose(blue + orange, 1 / schedule.beta_tilde[4])
    right = right and np.isclose(blue, 1 / C[3, 3])  # C: the covariance of the walks
    print("right" if right else "not yet: the first form of DIF-18 is a sum of two")

# %% [markdown]
# <details><summary>Answer</summary>
#
# By the first form $1/\tilde\beta_t=1/(1-A_{t-1})+\alpha_t/\beta_t$: the precision of
# $q(x_{t-1}\mid x_0)$, the blue curve, plus that of $q(x_t\mid x_{t-1})$ seen as a function of
# $x_{t-1}$, the orange one. The precisions of independent measurements add.
#
# ```python
# blue = 1 / schedule.one_minus_alpha_bar[3]
# orange = schedule.alpha[4] / schedule.beta[4]
# ```
#
# So $\tilde\beta_t<\beta_t$, too: by the third form it is $\beta_t(1-A_{t-1})/(1-A_t)$, and
# $A_{t-1}>A_t$.
# </details>
#
# **2.** (medium) What is the variance of $q(\bar x_s\mid\bar x_t,\bar x_0)$ for any $s<t$, not only
# $s=t-1$? (No new algebra is needed.) Write it by `A` and `rest`, which hold $A_t$ and $1-A_t$.

# %%
s, t = 2, 5
jump_variance = None  # your answer

# %%
if jump_variance is None:
    print("Fill in the cell above and run both again.")
else:
    right = np.isclose(jump_variance, C[2, 2] - C[2, 5] ** 2 / C[5, 5], rtol=1e-12)
    jumped = mg.diffusion.respaced(schedule, np.array([2, 5]))  # visits 2 and 5 only
    right = right and np.isclose(jump_variance, jumped.beta_tilde[2], rtol=1e-12)
    print("right" if right else "not yet: the jump from s to t is one step. With which beta?")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The jump from $s$ to $t$ is again a step (DIF-9), with $\alpha=A_t/A_s$ and $\beta=1-A_t/A_s$ in
# place of $\alpha_t$ and $\beta_t$. Put these into DIF-18 (and DIF-20, for the mean), with $A_s$
# for $A_{t-1}$:
#
# ```python
# s, t = 2, 5
# jump_variance = (1 - A[t] / A[s]) * rest[s] / rest[t]
# ```
#
# This is what `mg.diffusion.respaced` does, and why a model can be sampled with fewer steps than it
# was trained on.
# </details>
#
# **3.** (medium, on paper) Somebody leaves the shrinking out: $\bar x_t=\bar
# x_{t-1}+\sqrt{\beta_t}\,\bar\epsilon$. What is the posterior variance of $\bar x_{t-1}$, given
# $\bar x_t$ and $\bar x_0$? And what must the prior $p(\bar x_T)$ be then?


# %%
def exploding(beta, t) -> Any:
    """The posterior variance at t; beta[0] is 0, beta[1:] are the variances of the steps."""
    return None  # your answer


# %%
if exploding(beta, 4) is None:
    print("Fill in the cell above and run both again.")
else:
    b = np.cumsum([0, *beta[1:]])
    by_algebra = [b[k - 1] - b[k - 1] ** 2 / b[k] for k in (2, 4, 6)]  # Cov[x_s, x_t] = b_s
    ours = [exploding(np.array([0, *beta[1:]]), k) for k in (2, 4, 6)]
    print("right" if np.allclose(ours, by_algebra) else "not yet: which variances add here?")

# %% [markdown]
# <details><summary>Answer</summary>
#
# Variances add: $q(\bar x_t\mid\bar x_0)=\mathcal N(\bar x_0,\,b_t\mathbf I)$ with
# $b_t=\beta_1+\dots+\beta_t$, and $1/\tilde\beta_t=1/b_{t-1}+1/\beta_t$:
#
# ```python
# def exploding(beta, t):
#     b = np.cumsum(beta)
#     return beta[t] * b[t - 1] / b[t]
# ```
#
# The variance explodes instead of staying 1, and the prior is $\mathcal N(0,\,b_T\mathbf I)$ with
# $b_T$ much larger than the data. Song et al. (2021) call the two kinds *variance exploding* and
# *variance preserving*; they differ by a scaling of $\bar x_t$.
# </details>
#
# ## What to read next
#
# * Sohl-Dickstein, Weiss, Maheswaranathan and Ganguli, [*Deep unsupervised learning using
#   nonequilibrium thermodynamics*](https://arxiv.org/abs/1503.03585) (2015): where this process
#   comes from.
# * Ho, Jain and Abbeel, [*Denoising diffusion probabilistic
#   models*](https://arxiv.org/abs/2006.11239) (2020): [DIF-12](../docs/notes.md#DIF-12),
#   [DIF-20](../docs/notes.md#DIF-20) and [DIF-23](../docs/notes.md#DIF-23).
# * Nichol and Dhariwal, [*Improved denoising diffusion probabilistic
#   models*](https://arxiv.org/abs/2102.09672) (2021): the cosine schedule.
# * Kingma, Salimans, Poole and Ho, [*Variational diffusion
#   models*](https://arxiv.org/abs/2107.00630) (2021): learned schedules.
#
# In this package: `minigen check DIF` runs all 23 equations, as printed and corrected. Homework:
# `minigen homework start diffusion`; when it is right, `minigen homework milestone diffusion.py`
# learns the moons by your own functions. Next: [tutorial 05](05_elbo.ipynb), the bound that trains
# a model to take the step back.
