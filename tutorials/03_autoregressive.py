# %% [markdown]
# # 03 MADE, MAF and IAF: one network that may not look ahead
#
# **Question.** Any density in $D$ dimensions is a product of $D$ conditional densities of one
# number each. Can a single network give all $D$ of them at once? And if one direction of the flow
# then needs $D$ steps, one after the other, must it also cost $D$ times as much?
#
# **You need** tutorials [00](00_contract.ipynb) (how a gradient is checked) and
# [02](02_real_nvp.ipynb) (a flow with a triangular Jacobian).
# **Time** about 60 minutes. **Equations** MAF-1 to MAF-11, IAF-1 to IAF-5, S-MADE, S-IAF, S-DUAL.

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
import dataclasses
import inspect
import time
from pkgutil import resolve_name
from typing import Any

import numpy as np
from scipy import stats

import minigen as mg
from minigen.derivations import Counted
from minigen.flows import (
    MADE,
    Chain,
    Flow,
    IAFLayer,
    Inverse,
    MAFLayer,
    MaskedLinear,
    d_passes,
    distil,
    energy,
    iaf,
    incremental,
    incremental_backward,
    jacobi,
    kl_samples,
    maf,
    student,
)
from minigen.prob import StandardNormal

rng = np.random.default_rng(0)

# %% [markdown]
# ## Why
#
# The best-known models of our time predict one thing at a time, from all that came before: the next
# word, the next sample of a sound, the next pixel. The reason is that a density in many dimensions,
# which nobody can write down, *is* a product of densities of a single number. In the picture below
# every upright slice is a simple bell, and the first column is a bell as well; only together do
# they make a banana.

# %%
toy = mg.data.toy("banana")
mg.plot.density(toy)

# %% [markdown]
# **How to read it.** A density in the plane, dark where it is high. Walk from left to right: for
# each $x_1$ there is one hump of $x_2$, and only its place changes. This chapter makes flows of
# such slices.
#
# ## 1. A density as $D$ questions
#
# The chain rule of probability approximates nothing:
#
# $$p(\bar x)=\prod_{i=1}^{D}p(x_i\mid\bar x_{1:i-1})\ \text{(MAF-1)}$$
#
# Read it as a conversation. How is $x_1$ distributed? Given $x_1$, how is $x_2$? Given both, how is
# $x_3$? Let each answer be a Gaussian whose mean and width depend on what is known so far. The
# notes write
#
# $$x_i\sim p(x_i\mid\bar x_{1:i-1})=z_i\,\sigma_i(\bar x_{1:i-1})+\mu_i(\bar x_{1:i-1})
# \ \text{(MAF-2, as printed)}$$
#
# These are two sentences run into one. On the left of the equals sign stands a *density*, a height.
# On the right stands a *sample*, a place. Apart, both are true:
#
# $$x_i=z_i\,\sigma_i+\mu_i,\quad z_i\sim\mathcal N(0,1)\qquad\text{and}\qquad
# p(x_i\mid\bar x_{1:i-1})=\mathcal N(x_i\mid\mu_i,\sigma_i^2)\ \text{(MAF-2)}$$

# %%
mu_1, sigma_1 = 1.0, 0.5
z_1 = rng.standard_normal(200_000)
x_1 = z_1 * sigma_1 + mu_1
print("place  x =", x_1[:4].round(3))
print("height p =", stats.norm.pdf(x_1[:4], mu_1, sigma_1).round(3))
p_value = stats.kstest(x_1, stats.norm(mu_1, sigma_1).cdf).pvalue
print(f"are these places spread as these heights say? Kolmogorov-Smirnov p = {p_value:.2f}")
assert p_value > 1e-3
assert np.abs(x_1 - stats.norm.pdf(x_1, mu_1, sigma_1)).max() > 1  # the equals sign fails

# %% [markdown]
# ## 2. One network, by masks (S-MADE)
#
# $D$ conditionals need $D$ functions $(\mu_i,\alpha_i)$ with $\alpha_i=\log\sigma_i$. The $i$-th
# may look at $x_1\dots x_{i-1}$ and at nothing else.
# [Germain et al. (2015)](https://arxiv.org/abs/1502.03509) make one network do it,
# a *masked autoencoder for distribution estimation* (MADE).
# Give every unit a number, its **degree**: how many of the first coordinates it may know about.
#
# | unit | degree |
# |---|---|
# | input $x_i$ | $i$ |
# | hidden unit $k$ | $m_k$, one of $1\dots D-1$ |
# | output $\mu_i$, $\alpha_i$ | $i-1$: *strictly* less than $x_i$ itself |
#
# One rule then makes every mask: **a unit sees the units below whose degree is not larger than its
# own.** In the notes' form: $M^{(1)}_{ki}=[m_k\ge i]$, $M^{(2)}_{ik}=[i>m_k]$. Follow any path from
# $\mu_i$ down to the inputs: it starts at degree $i-1$, and degrees never grow on the way. So it
# ends at one of $x_1\dots x_{i-1}$.

# %% jupyter={"source_hidden": true}
sketch = MADE.init(4, (6, 6), rng=np.random.default_rng(0))
below, *_ = sketch.linears
mg.plot.units(
    [f.M.array for f in sketch.linears], output=5,
    labels=[list(below.below), *(list(f.above) for f in sketch.linears)],
    title="A MADE for four numbers; in each unit its degree",
)  # fmt: skip

# %% [markdown]
# **How to read it.** A line is a weight that is kept, the number in a unit its degree. The outputs
# stand in pairs $(\mu_i,\alpha_i)$; all paths that end at $\mu_3$ are blue. They come from $x_1$
# and $x_2$, and from nowhere else. The code is [made.py](../minigen/flows/made.py):

# %%
print(inspect.getsource(MaskedLinear.init))
print(inspect.getsource(MaskedLinear.forward))


# %%
D = 5
small = {"rng": rng, "dtype": np.float64, "activation": "tanh"}
made = mg.core.perturbed(MADE.init(D, (12, 10), **small), rng, 0.5)
masks = [f.M.array for f in made.linears]
for f in made.linears:
    print("degrees", f.below, "->", f.above)
mg.plot.masks(masks)

# %% [markdown]
# **How to read it.** Each panel is a weight matrix: a row for each unit below, a column for each
# unit above, blue where the weight is kept. Units are stored in rising degree, so every mask is a
# staircase. The last panel multiplies the masks: which input reaches which output at all. The
# outputs stand in pairs $(\mu_i,\alpha_i)$. The first pair sees nothing: $p(x_1)$ has no condition.
# The last row is empty: nobody may see $x_5$.
#
# The masks promise zeros. A complex step through the network finds them **exactly**, not just
# small.

# %%
x = rng.standard_normal((6, D))
J_mu = mg.check.jacobian(lambda v: made.forward(v)[0][..., 0], x)
print("d mu_i / d x_k at one point:")
print(J_mu[0].round(2))
assert np.all(np.triu(J_mu) == 0)  # S-MADE: exact zeros, on the diagonal too
assert np.all(np.tril(J_mu, -1)[:, 1:].any(axis=2))  # and each mu_i does look back

# %% [markdown]
# ## 3. MAF: all of $z$ in one pass
#
# Solve MAF-2 for $z_i$, then write it for all $i$ at once:
#
# $$z_i=\frac{x_i-\mu_i(\bar x_{1:i-1})}{\sigma_i(\bar x_{1:i-1})}\ \text{(MAF-3)}
# \qquad\bar z=\frac{\bar x-\bar\mu(\bar x)}{\bar\sigma(\bar x)}\ \text{(MAF-4)}$$
#
# Data $\bar x$ are given whole. No $z_i$ waits for another, so **one** evaluation of the MADE
# serves all of them. [Papamakarios, Pavlakou and Murray (2017)](https://arxiv.org/abs/1705.07057)
# call the layer a masked autoregressive flow.

# %%
print(inspect.getsource(MAFLayer.forward))

# %% [markdown]
# As in tutorial 02, `c tanh(r / c)` bounds the log-scale.
#
# Now the notes' strangest line, $\frac{dx_i}{dz_j}=\frac{dx_i}{dz_j}$
# ([MAF-5](../docs/notes.md#MAF-5)). It says nothing: the
# left side should be the *matrix*, $\big(\frac{d\bar x}{d\bar z}\big)_{ij}=\frac{dx_i}{dz_j}$. The
# four lines after it fill the matrix in:
#
# | where | entry | |
# |---|---|---|
# | above, $j>i$ | $0$ | MAF-6: when $x_i$ is computed, $z_j$ has not been looked at |
# | on the diagonal | $\sigma_i(\bar x_{1:i-1})$ | MAF-8: $x_i=z_i\sigma_i+\mu_i$ is a line |
# | below, $j<i$ | dots | MAF-7: left open in the notes; section 7 fills it in |
#
# $$\left|\det\frac{d\bar x}{d\bar z}\right|=\prod_i\sigma_i(\bar x_{1:i-1})\ \text{(MAF-9)}$$
#
# The determinant does not need the dots.

# %%
layer = mg.core.perturbed(MAFLayer.init(D, (12, 10), **small), rng, 0.5)
z, logdet, _ = layer.forward(x)
h, _ = layer.made.forward(x)
mu, sigma = h[..., 0], np.exp(layer.c * np.tanh(h[..., 1] / layer.c))

dz_dx = mg.check.jacobian(lambda v: layer.forward(v)[0], x)
dx_dz = mg.check.jacobian(lambda v: layer.inverse(v)[0], z)
truth = np.linalg.slogdet(dx_dz)[1]

figures = {
    "MAF-5 the two matrices are inverse": np.abs(dz_dx @ dx_dz - np.eye(D)).max(),
    "MAF-6 above the diagonal": np.abs(np.triu(dx_dz, 1)).max(),
    "MAF-8 the diagonal is sigma": np.abs(np.diagonal(dx_dz, axis1=1, axis2=2) - sigma).max(),
    "MAF-9 log|det dx/dz| = -logdet": np.abs(-logdet - truth).max(),
}
for name, error in figures.items():
    print(f"{name:36} {error:.1e}")
    assert error < 1e-11
assert figures["MAF-6 above the diagonal"] == 0

# %% [markdown]
# And MAF-1: the density of the flow is the product of the conditionals. The second line of the cell
# knows nothing of flows.

# %%
flow = Flow(Chain((layer,)), StandardNormal(D))
conditionals = stats.norm.logpdf(x, mu, sigma).sum(axis=1)
print(f"MAF-1 is off by {np.abs(flow.log_prob(x) - conditionals).max():.1e}")
assert np.abs(flow.log_prob(x) - conditionals).max() < 1e-11

# %%
mixed = mg.core.perturbed(MAFLayer.init(D, (12, 10), order=[2, 0, 4, 1, 3], **small), rng, 0.5)
J_mixed = mg.check.jacobian(lambda v: mixed.forward(v)[0], x)
mg.plot.matrices(
    {"dz/dx": dz_dx[0], "dx/dz": dx_dz[0], "dz/dx, another order": J_mixed[0]}, limit=3.0
)

# %% [markdown]
# **How to read it.** Row $i$, column $j$ is the derivative of the $i$-th output by the $j$-th input
# at the first data point; blue is negative, orange positive. A bare `0` is an exact zero. Left and
# middle are triangles, inverse to each other, with $1/\sigma_i$ and $\sigma_i$ on the diagonal. On
# the right the columns are visited in the order 3, 1, 5, 2, 4. It is the same triangle with rows
# and columns shuffled, and it has the same number of zeros.
#
# ## 4. The backward pass, line by line
#
# Two gradients come in: `dz` $=\partial L/\partial\bar z$ and `dlogdet` $=\partial L/\partial\ell$.
# Go through `forward` from its last line to its first.
#
# | forward line | path | backward line |
# |---|---|---|
# | $\ell=-\sum_i\alpha_i$ (MAF-9) | $\alpha\to\ell$ | $d\alpha \mathrel{-}= d\ell$ |
# | $z=(x-\mu)\odot e^{-\alpha}$ (MAF-4) | $\mu\to z$ | $d\mu=-dz\odot e^{-\alpha}$ |
# | | $\alpha\to z$, slope $-(x-\mu)e^{-\alpha}=-z$ | $d\alpha \mathrel{-}= dz\odot z$ |
# | | $x\to z$ | $dx=dz\odot e^{-\alpha}$ |
# | $\alpha=c\,w,\ w=\tanh(r/c)$ | $r\to\alpha$ | $dr=d\alpha\odot(1-w^2)$ |
# | $(\mu,r)=\mathrm{MADE}(x)$ | $x\to\mu,r$ | $dx \mathrel{+}= \mathrm{MADE}^T(d\mu,dr)$ |
#
# The $\alpha$ of coordinate $i$ has two paths, and so has $x$: straight into its own $z$, and
# through the network into the later ones.

# %%
print(inspect.getsource(MAFLayer.backward))
print(inspect.getsource(MaskedLinear.backward))

# %% [markdown]
# In the masked layer the mask stands twice. $dx=dy\,(M\odot W)^T$ uses the masked weights again.
# And $dW=M\odot(x^Tdy)$: a weight that is held out of the output gets no gradient. Where a ReLU
# follows, it is part of the layer, and $da$, the $dy$ that the ReLU lets through, stands for $dy$.

# %%
report = mg.check.bijection(mixed, x, rng=rng)
assert report
print(report)

# %% [markdown]
# Every entry of every gradient agrees with a complex step to a few roundings. The row `structure`
# found the order `[2, 0, 4, 1, 3]` in the Jacobian, without being told.
#
# ## 5. Break it
#
# Two mistakes in the backward pass, and one in the mask.


# %%
class NoStraight(MAFLayer):
    """Forgets the path x -> z: only the network's part of dx is left."""

    def backward(self, dz, dlogdet, cache):
        dx, grads = super().backward(dz, dlogdet, cache)
        return dx - dz * cache[2], grads


class WrongSign(MAFLayer):
    """Takes log|det dx/dz| where log|det dz/dx| belongs, in backward alone."""

    def backward(self, dz, dlogdet, cache):
        return super().backward(dz, -dlogdet, cache)


class SeesItself(MaskedLinear):
    """The output mask with >= where > belongs: mu_i sees x_i."""

    @property
    def M(self):
        return MaskedLinear(self.W, self.b, self.below, self.above + 1).M


for Broken in (NoStraight, WrongSign):
    report = mg.check.gradients(Broken(layer.made, layer.c), x, rng=rng)
    assert not report
    print(report, end="\n\n")

# %% [markdown]
# **How to read a report.** One row for each array with its state and how many entries are wrong;
# below, the worst entry of each. The first mistake leaves every parameter right: only `dx` is
# wrong. In a flow of one layer nobody would notice, for nothing uses the `dx` of the first layer.
# In a chain all layers before it would learn nonsense. The second mistake gets a diagnosis: the
# checker tried the usual mistakes on the numbers, and this one reproduces them. The term of
# `dlogdet` has the wrong sign.
#
# Now the mask. `SeesItself` is off by one, the classic mistake of anyone who writes a MADE.
# **Predict, then run.** Does the check of the gradients find it? Does the check of the bijection?


# %%
def leak(layer):
    """The layer with `SeesItself` in place of the last masked map of its network."""
    *first, last = layer.made.layers
    last = SeesItself(last.W, last.b, last.below, last.above)
    return MAFLayer(dataclasses.replace(layer.made, layers=(*first, last)), layer.c)


leaky = leak(layer)
gradients = mg.check.gradients(leaky, x, rng=rng)
bijection = mg.check.bijection(leaky, x, rng=rng)
assert gradients and not bijection
print("gradients alone:", "all right" if gradients else "wrong", end="\n\n")
print(bijection)

# %% [markdown]
# **The gradient check passes.** It must: `backward` is the true derivative of this `forward`. What
# is broken is a promise *about* the function. Its inverse does not undo it, and `logdet` is not the
# log-determinant of its Jacobian. So what it calls a density is none. Train it and see: `banana` is
# a density in the plane whose entropy is known, so no model can have a lower mean $-\log p(\bar
# x)$.

# %%
leaky = leak(MAFLayer.init(2, (32, 32), activation="tanh", rng=rng))
leaky = Flow(Chain((leaky,)), StandardNormal(2))
run = mg.fit(leaky.nll, toy, steps=400, lr=5e-3, rng=rng, progress=False)
lattice = np.stack(np.meshgrid(*2 * [np.linspace(-9, 9, 361)]), axis=-1).reshape(-1, 2)
mass = np.exp(leaky.log_prob(lattice)).sum() * 0.05**2
print(f"entropy of banana {toy.entropy:.2f}, loss of the leaky flow {run.history['loss'][-1]:.2f}")
print(f"its 'density' sums to {mass:.1f} in the window")
assert run.history["loss"][-1] < toy.entropy - 0.5 and mass > 1.5

# %% [markdown]
# The loss fell *below the floor*. That is never good news: with $x_1$ in sight, "predicting" $x_1$
# is copying it. The impossible number and a mass above 1 say the same thing. On data of unknown
# entropy it would have looked like a great success. So a flow is checked with `bijection`.
#
# ## 6. Who is slow, and why
#
# | direction | needs | passes |
# |---|---|---|
# | $f^{-1}:\bar x\mapsto\bar z$ (MAF-11) | all of $\bar x$, which is there | 1: parallel, fast |
# | $f:\bar z\mapsto\bar x$ (MAF-10) | $x_1\dots x_{i-1}$ before $x_i$ | $D$ in a row: slow |
#
# Here is the slow direction as it is defined. `solve` is MAF-2 for a single coordinate.

# %%
print(inspect.getsource(d_passes))
print(inspect.getsource(MAFLayer.solve))

# %%
net = Counted(layer.made)  # hands everything on to the network, and counts
z_fast, _, _ = dataclasses.replace(layer, made=net).forward(x)
print(f"x -> z: {net.calls} evaluation of the network")
assert net.calls == 1
net: Any = Counted(layer.made)
x_slow, _ = d_passes(net, z_fast, layer.solve)
print(f"z -> x: {net.calls} evaluations; round trip off by {np.abs(x_slow - x).max():.1e}")
assert net.calls == D and np.abs(x_slow - x).max() < 1e-11

# %% [markdown]
# ### The pass that is not slow
#
# Look at what `d_passes` wastes. In its round $i$ it evaluates the *whole* network, and then keeps
# only the parameters of coordinate $i$. But a hidden unit of degree $m$ depends on $x_1\dots x_m$
# alone. Once these are known, its value is **final**. Round after round computes it again.
#
# So compute each unit once, when its degree comes: find $x_1$; finish the units of degree 1; read
# off $(\mu_2,\alpha_2)$; find $x_2$; finish the units of degree 2; and so on. The *order* is still
# forced. The *work* is that of about one evaluation.

# %%
print(inspect.getsource(incremental))
for name in ("sweep", "within"):  # in the same file
    print(inspect.getsource(resolve_name(f"{incremental.__module__}.{name}")))

# %% [markdown]
# `sweep` visits the degrees; `within` finishes the units of degree `m` from the ones below. Because
# units are stored in rising degree, what a unit may see is one contiguous slice of the layer below:
# no mask is read at all. (`before` does the same for a whole block of degrees at once, because one
# fat matrix product is faster than many thin ones.)
#
# First, is it the same function? Then, count the multiplications for one sample. **Predict, then
# run.** For $D=128$: how many times the work of one pass is "each unit once"?

# %%
x_quick, ell_quick, _ = layer.inverse(z_fast)  # this is `incremental`
print(f"incremental against d_passes: {np.abs(x_quick - x_slow).max():.1e}")
assert np.abs(x_quick - x_slow).max() < 1e-12

print(f"{'D':>4} {'one pass':>10} {'D passes':>12} {'each unit once':>16}")
for wide in (8, 32, 128):
    net = MADE.init(wide, (256, 256), rng=rng)
    one = sum(f.W.size for f in net.linears)
    once = sum(int(f.M.array.sum()) for f in net.linears)
    print(f"{wide:4} {one:10,} {wide * one:12,} {once:16,}")
    assert once < one
print(f"of the weights {once / one:.0%} are kept by the masks")
assert 0.4 < once / one < 0.6

# %% [markdown]
# Each unit once costs *fewer* multiplications than one pass: the masked weights are skipped, and
# about half of all weights are masked. Counting is not timing, so let us time it.


# %%
def best_time(f, seconds=0.1):
    """The shortest of at least three runs, and of as many as fit into `seconds`."""
    times = []
    while len(times) < 3 or sum(times) < seconds:
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return min(times)


dims = np.array([4, 8, 16, 32, 64, 128])
clock = {"x to z, one pass": [], "z to x, D passes (loop)": [], "z to x, each unit once": []}
for wide in dims:
    f = MAFLayer.init(int(wide), (256, 256), rng=rng)
    z_wide = rng.standard_normal((200, wide)).astype(np.float32)
    runs = (
        lambda f=f, z=z_wide: f.forward(z),
        lambda f=f, z=z_wide: d_passes(f.made, z, f.solve),
        lambda f=f, z=z_wide: f.inverse(z),
    )
    for name, run in zip(clock, runs, strict=True):
        clock[name].append(best_time(run))
one, loop, once = (np.array(seconds) for seconds in clock.values())
print(
    f"at D = {dims[-1]}: the loop takes {loop[-1] / one[-1]:.0f} times as long as one pass,",
    end=" ",
)
print(f"each unit once {once[-1] / one[-1]:.1f} times")
table = {name: (dims, seconds) for name, seconds in clock.items()}
mg.plot.cost(table, sequential=["z to x, D passes (loop)"])

# %% [markdown]
# **How to read it.** Both axes are logarithmic. The dashed line climbs away from the single pass in
# proportion to $D$. The line "each unit once" is the same function as the dashed one, computed
# without repetition. It stays far nearer to the single pass; what remains is the overhead of many
# small products. "Slow" was a property of the loop, not of the equation. MAF-10 is right that there
# are $D$ steps in a row.
#
# ## 7. The dots of MAF-7, and a gradient through $D$ steps
#
# What stands below the diagonal? Differentiate MAF-2 by $z_j$, $j<i$. A change of $z_j$ reaches
# $x_i$ through every $x_k$ in between:
#
# $$\frac{dx_i}{dz_j}=\sum_{k=j}^{i-1}M_{ik}\frac{dx_k}{dz_j},\qquad
# M_{ik}=z_i\frac{\partial\sigma_i}{\partial x_k}+\frac{\partial\mu_i}{\partial x_k}
# \qquad\Longleftrightarrow\qquad\frac{d\bar x}{d\bar z}=(I-M)^{-1}\operatorname{diag}(\bar\sigma)
# \ \text{(MAF-7)}$$
#
# $M$ is *strictly* lower triangular. The backward pass of the sampler must solve
# $(I-M)^T\lambda=d\bar x+\dots$ for $\lambda$:
#
# $$\lambda=d\bar x+\mathrm{MADE}^T(d\bar\mu=\lambda,\
# d\bar\alpha=\lambda\odot\bar z\odot\bar\sigma+d\ell),\qquad d\bar z=\lambda\odot\bar\sigma$$
#
# It needs no matrix for that. The last coordinate of the order reaches no other: its $\lambda$ is
# $d\bar x$ itself. Each one before needs only those after it. So `incremental_backward` goes
# through the degrees from the last to the first, each unit once: a triangular solve by the
# network's own weights.

# %%
print(inspect.getsource(MAFLayer.inverse_backward))
print(inspect.getsource(MAFLayer.solve_backward))
print(inspect.getsource(incremental_backward))
report = mg.check.gradients(Inverse(layer), z, rng=rng)
assert report
print(report)


# %%
def scales(v):
    """mu and sigma at v, complex numbers welcome."""
    h, _ = layer.made.forward(v)
    return h[..., 0], np.exp(layer.c * np.tanh(h[..., 1] / layer.c))


dmu, dsigma = (mg.check.jacobian(lambda v, k=k: scales(v)[k], x) for k in (0, 1))
M = z[:, :, None] * dsigma + dmu
closed = np.linalg.solve(np.eye(D) - M, sigma[:, :, None] * np.eye(D))
print(f"MAF-7 is off by {np.abs(closed - dx_dz).max():.1e}")
assert np.abs(closed - dx_dz).max() < 1e-10

power, sweeps = np.eye(D) + 0 * M, []
for k in range(1, D + 1):
    power = power @ M
    sweeps.append(np.abs(power).max())
    print(f"largest entry of M^{k}: {sweeps[-1]:.2g}")
assert sweeps[-1] == 0 < sweeps[-2]

# %% [markdown]
# The powers need not shrink for this to work. However large $M$ is, the $D$-th power is exactly
# zero.
#
# ## 8. IAF: the same network looks at $z$
#
# [Kingma et al. (2016)](https://arxiv.org/abs/1606.04934) change one thing. The network looks at
# earlier $z$ instead of earlier $x$:
#
# $$x_i=z_i\,\sigma_i(\bar z_{1:i-1})+\mu_i(\bar z_{1:i-1})\ \text{(IAF-1)}\qquad
# \bar x=\bar z\odot\bar\sigma(\bar z)+\bar\mu(\bar z)\ \text{(IAF-2)}$$
#
# (IAF-1 is printed with the same false equals sign as MAF-2: density = sample.) The noise $\bar z$
# is drawn whole, so *sampling* is now one pass. The way back is not, because $z_i$ needs the
# earlier $z$:
#
# $$z_i=\frac{x_i-\mu_i(\bar z_{1:i-1})}{\sigma_i(\bar z_{1:i-1})}\ \text{(IAF-3)}$$
#
# | | $\bar z\mapsto\bar x$, samples | $\bar x\mapsto\bar z$, densities | so it is trained by |
# |---|---|---|---|
# | MAF | $D$ steps (MAF-10) | one pass (MAF-11) | likelihood of data |
# | IAF | one pass (IAF-4) | $D$ steps (IAF-5) | reverse KL to a known target |
#
# The notes give no determinant for the IAF. It is a triangle again:
# $\log|\det\frac{d\bar x}{d\bar z}|=\sum_i\alpha_i(\bar z_{1:i-1})$ (S-IAF).
#
# | forward line | path | backward line |
# |---|---|---|
# | $\ell=\sum_i\alpha_i$ (S-IAF) | $\alpha\to\ell$ | $d\alpha \mathrel{+}= d\ell$ |
# | $x=z\odot e^{\alpha}+\mu$ (IAF-2) | $\mu\to x$ | $d\mu=dx$ |
# | | $\alpha\to x$ | $d\alpha \mathrel{+}= dx\odot z\odot e^{\alpha}$ |
# | | $z\to x$ | $dz=dx\odot e^{\alpha}$ |
# | $\alpha=c\,w,\ w=\tanh(r/c)$ | $r\to\alpha$ | $dr=d\alpha\odot(1-w^2)$ |
# | $(\mu,r)=\mathrm{MADE}(z)$ | $z\to\mu,r$ | $dz \mathrel{+}= \mathrm{MADE}^T(d\mu,dr)$ |

# %%
print(inspect.getsource(IAFLayer.forward))
print(inspect.getsource(IAFLayer.backward))
inverse_flow = mg.core.perturbed(IAFLayer.init(D, (12, 10), **small), rng, 0.5)
report = mg.check.bijection(inverse_flow, x, rng=rng)
assert report
print(report)

# %%
net = Counted(inverse_flow.made)
x_iaf, ell_iaf, _ = dataclasses.replace(inverse_flow, made=net).forward(z)
assert net.calls == 1  # IAF-4
net: Any = Counted(inverse_flow.made)
z_iaf, _ = d_passes(net, x_iaf, inverse_flow.solve)
assert net.calls == D and np.abs(z_iaf - z).max() < 1e-11  # IAF-5, IAF-3
jacobian = mg.check.jacobian(lambda v: inverse_flow.forward(v)[0], z)
error = np.abs(ell_iaf - np.linalg.slogdet(jacobian)[1]).max()
print(f"S-IAF is off by {error:.1e}; z -> x in 1 evaluation, x -> z in {net.calls}")
assert error < 1e-11

# %% [markdown]
# ### Two names for one thing (S-DUAL)
#
# Undoing an IAF means $z_i=x_i\cdot\frac1{\sigma_i}-\frac{\mu_i}{\sigma_i}$, where the parameters
# look at earlier *outputs*. That is MAF-2, the sampler of a MAF, with other parameters:
#
# $$\mathrm{IAF}^{-1}(\mu,\sigma)\equiv\text{MAF sampler}(-\mu/\sigma,\ 1/\sigma)\ \text{(S-DUAL)}$$
#
# `MAFLayer` and `IAFLayer` stand in two files that do not import each other. So we can test one
# against the other.


# %%
class Dual:
    """A MADE whose (mu, r) become (-mu / sigma, -r): sigma becomes 1 / sigma."""

    def __init__(self, made, c):
        self.made, self.c = made, c

    def __getattr__(self, name):
        return getattr(self.made, name)

    def forward(self, v):
        h, cache = self.made.forward(v)
        alpha = self.c * np.tanh(h[..., 1] / self.c)
        return np.stack([-h[..., 0] * np.exp(-alpha), -h[..., 1]], axis=-1), cache


dual: Any = Dual(inverse_flow.made, inverse_flow.c)
z_dual, ell_dual = d_passes(dual, x_iaf, MAFLayer(dual, inverse_flow.c).solve)
print(f"S-DUAL: latents off by {np.abs(z_dual - z).max():.1e}", end=", ")
print(f"log-dets by {np.abs(ell_dual + ell_iaf).max():.1e}")
assert np.abs(z_dual - z).max() < 1e-11 and np.abs(ell_dual + ell_iaf).max() < 1e-11

# %% [markdown]
# ## 9. Train a MAF, and see that the order matters
#
# `banana` has $x_1\sim\mathcal N(0,1.2^2)$ and $x_2\mid x_1$ Gaussian around a parabola. A *single*
# MAF layer that visits $x_1$ first can represent it: its conditionals are Gaussians with a free
# mean. A layer that visits $x_2$ first cannot: given a low $x_2$, the point lies on the left arm or
# on the right one, and no single Gaussian says "left or right". **Predict, then run.** Will five
# layers whose orders alternate be hurt by the ones that visit $x_2$ first?

# %%
fresh_x = toy.sample(20_000, rng=rng)


def kl(model):
    """KL(truth, model) in nats on fresh samples, and its standard error."""
    gap = toy.log_prob(fresh_x) - model.log_prob(fresh_x)
    return gap.mean(), gap.std() / np.sqrt(len(gap))


def one_layer(order, seed=1):
    """A flow of a single MAF layer, trained by maximum likelihood."""
    rng = np.random.default_rng(seed)
    layer = MAFLayer.init(2, (32, 32), order=order, activation="tanh", rng=rng)
    flow = Flow(Chain((layer,)), StandardNormal(2))
    mg.fit(flow.nll, toy, steps=800, lr=5e-3, rng=rng, progress=False)
    return flow


five = maf(2, layers=5, hidden=(32, 32), activation="tanh", rng=rng)
run = mg.fit(five.nll, toy, steps=1500, lr=5e-3, rng=rng, progress=False)
models = {
    "x1 first": one_layer("natural"),
    "x2 first": one_layer("reversed"),
    "five layers, orders alternate": five,
}
gaps = {name: kl(model) for name, model in models.items()}
for name, (mean, error) in gaps.items():
    print(f"{name:30} KL(truth, model) = {mean:.3f} +- {error:.3f} nats")
assert gaps["x1 first"][0] < 0.08 and gaps["five layers, orders alternate"][0] < 0.08
assert gaps["x2 first"][0] > 0.4

# %%
notes = {name: f"KL {gaps[name][0]:.3f} nats" for name in models}
mg.plot.gallery({name: (model, toy) for name, model in models.items()}, notes)

# %% [markdown]
# **How to read it.** Above, three times, the truth; below, what was learned, in the same scale.
# Left: the right order, one layer, nearly all of it. Middle: the wrong order. Every horizontal
# slice of the model is *one* Gaussian, so the two arms are smeared into one. Right: five layers
# whose orders alternate do not depend on the lucky order: what one layer makes badly the next ones
# repair.

# %%
mg.plot.training(run, toy.entropy)

# %% [markdown]
# **How to read it.** The loss of the five layers against the entropy of the data (dashed), the
# floor that the mean over *all* data cannot cross. Single batches (grey) scatter on both sides of
# it. The mean of the points kept for validation (orange) is off by chance as well, and so it may
# end below. What is left is the KL printed above, too small to be read off here.
#
# ## 10. Train an IAF without any data
#
# An IAF samples in one pass, so it suits the opposite problem: a target known only as a formula,
# $\tilde p(\bar x)=Z\,p(\bar x)$ with unknown $Z$, and no samples at all. Draw $\bar z$, push it
# through, and minimise
#
# $$\mathrm{KL}(q_x\|p)=\mathbb E_{\bar z}\Big[\log q(\bar z)-\log\Big|\det\frac{d\bar x}{d\bar z}
# \Big|-\log\tilde p(\bar x)\Big]+\log Z$$
#
# Every term is there after one pass. The gradient enters the chain as `dx`, from the backward pass
# of the *target*. In the plane we can sum up $Z$, and so know how far off we are.

# %%
target = energy("ring")  # two arcs of a ring, after Rezende and Mohamed (2015)
own = np.random.default_rng(0)
flow = iaf(2, layers=6, hidden=(32, 32), activation="tanh", rng=own)
run = mg.fit(flow.reverse_kl(target), flow.base, steps=1500, lr=3e-3, rng=own, progress=False)

side = np.linspace(-8, 8, 401)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
log_Z = np.log(np.exp(target.log_prob(grid)).sum() * (side[1] - side[0]) ** 2)
reverse = np.mean(run.history["loss"][-100:]) + log_Z
print(f"log Z = {log_Z:.3f};  KL(model, target) = {reverse:.3f} nats")
assert -0.01 < reverse < 0.1


# %%
class Normalised:
    """The target with its Z divided out: a density to compare with."""

    features = 2

    def log_prob(self, v):
        return target.log_prob(v) - log_Z


mg.plot.density(flow, Normalised(), box=(-4, 4, -4, 4))

# %% [markdown]
# **How to read it.** Left the target, in the middle the flow, which has never seen a sample of it;
# right the difference: orange where the flow puts too much, blue where it puts too little. The thin
# bridge between the arcs is what a map that never tears has to leave. The picture of the model uses
# $p(\bar x)$, the slow direction of an IAF, at every pixel: `incremental` again.

# %%
inside: Any = flow.chain  # the inverse of a chain: from the noise to the data
mg.plot.warp(Flow(Inverse(inside.f.layers[0]), flow.base), steps=2)

# %% [markdown]
# **How to read it.** Left the latent grid, right the same grid after the layer next to the noise
# alone. One family of lines stays straight: the column that a layer visits first is only shifted
# and scaled, by constants. The other column is moved by an amount that depends on the first. The
# next layer visits them in the other order, so the roles change.
#
# ## 11. Four answers to SLOW
#
# MAF-10 says that sampling takes $D$ steps. There are four ways to live with it:
#
# | | evaluations of the network | exact? |
# |---|---|---|
# | the definition (`d_passes`) | $D$, one after the other | yes |
# | each unit once (`incremental`) | the work of one | yes |
# | all coordinates at once, again and again (`jacobi`) | a few, at most $D$ | yes, after $D$ |
# | a fast student that imitates the slow teacher | one | no: it is another model |
#
# **Jacobi iteration** starts from $\bar x=\bar 0$ and updates every coordinate from the last guess,
# $\bar x\leftarrow\bar z\odot\bar\sigma(\bar x)+\bar\mu(\bar x)$. The Jacobian of a step is the $M$
# of section 7, and $M^D=0$: after $D$ steps the start is forgotten exactly (S-JACOBI). How many are
# enough in practice? **Predict, then run,** for a MAF of five layers trained on pictures of
# $8\times8=64$ pixels.

# %%
digits = mg.data.digits("small")
pixels = maf(64, layers=5, hidden=(128,), levels=17, rng=rng)
mg.fit(pixels.nll, digits.train.x, steps=300, lr=1e-3, rng=rng, progress=False)
chain: Any = pixels.chain
top = next(f for f in chain.layers if isinstance(f, MAFLayer)).astype(np.float64)

z_top = rng.standard_normal((100, 64))
truth, _ = d_passes(top.made, z_top, top.solve)


def errors_by_pass(method, passes):
    """The largest error of x after each evaluation of the network."""
    x, errors = np.zeros_like(z_top), []
    for k in range(passes):
        h, _ = top.made.forward(x)
        if method == "jacobi":
            x = top.solve(h.reshape(-1, 2), z_top.reshape(-1))[0].reshape(x.shape)
        else:
            i = top.made.order[k]
            x[:, i], _ = top.solve(h[:, i], z_top[:, i])
        errors.append(np.abs(x - truth).max())
    return np.array(errors)


by_pass = {name: errors_by_pass(name, 64) for name in ("jacobi", "one coordinate a pass")}
enough = int(np.argmax(by_pass["jacobi"] < 1e-6)) + 1
print(f"Jacobi iteration is within 1e-6 after {enough} of 64 evaluations", end=": ")
print(f"{6 / enough:.1f} digits for each")
assert enough <= 16
_, _, evaluations = jacobi(top.made, z_top, top.solve, tolerance=1e-12)
assert evaluations <= 65

# %%
seconds = {
    "one coordinate a pass": best_time(lambda: d_passes(top.made, z_top, top.solve)),
    "jacobi": best_time(lambda: jacobi(top.made, z_top, top.solve, tolerance=1e-6)),
    "each unit once": best_time(lambda: incremental(top.made, z_top, top.solve)),
}
for name, duration in seconds.items():
    print(f"{name:24} {1000 * duration:7.1f} ms for 100 samples")
passes = np.arange(1, 65)
by_clock = {
    "jacobi": (passes * seconds["jacobi"] / (enough + 1), by_pass["jacobi"]),
    "one coordinate a pass": (
        passes * seconds["one coordinate a pass"] / 64,
        by_pass["one coordinate a pass"],
    ),
    "each unit once": ([seconds["each unit once"]] * 2, [by_pass["jacobi"][0], 1e-16]),
}
mg.plot.lines(
    {name: (passes, e) for name, e in by_pass.items()}, log="y", title="Sampling a MAF, D = 64",
    xlabel="evaluations of the network", ylabel="largest error of x",
)  # fmt: skip

# %% alt="The error of x against milliseconds, for three ways to sample"
mg.plot.lines(
    {name: (1000 * np.asarray(t), e) for name, (t, e) in by_clock.items()}, log="xy",
    xlabel="milliseconds for 100 samples", ylabel="largest error of x", title="By the clock",
    dashed=["each unit once"],
)  # fmt: skip

# %% [markdown]
# **How to read them.** Above: the definition is wrong until its last coordinate is in place. Jacobi
# iteration gains digits with each evaluation (how many is printed above), long before the theorem
# promises anything: later pixels depend weakly on most of the earlier ones. Below, on this
# computer: the dashed line is the moment at which `incremental` has the whole answer, to the last
# digit.
#
# **The student.** Parallel WaveNet (Oord et al. 2018) trains an IAF to imitate a trained MAF. Both
# densities are known at the student's own samples, so the KL needs no data at all:
#
# $$\mathrm{KL}(\text{student}\,\|\,\text{teacher})=\mathbb E_{\bar x\sim\text{student}}
# \big[\log q(\bar x)-\log p(\bar x)\big]$$
#
# The teacher's density is one pass (MAF-11), the student's sample is one pass (IAF-4): fast on both
# sides. It is the reverse KL of section 10 with a MAF as the target. On the command line: `minigen
# train iaf --data maf.npz --out student.npz`, with the file of a trained MAF.

# %%
moons = mg.data.toy("moons")
teacher = maf(2, layers=6, hidden=(64, 64), rng=rng)
mg.fit(teacher.nll, moons, steps=1500, lr=3e-3, rng=rng, progress=False)
fast = student(teacher, layers=6, hidden=(64, 64), rng=rng)
mg.fit(distil(fast, teacher), fast.base, steps=2000, lr=3e-3, rng=rng, progress=False)

gap, real = kl_samples(fast, teacher, 5000, rng=rng), moons.sample(5000, rng=rng)
other = teacher.log_prob(real) - fast.log_prob(real)
error = gap.std() / 5000**0.5
print(f"KL(student, teacher) = {gap.mean():.3f} +- {error:.3f} nats")
print(f"mean log(teacher / student) on real data: {other.mean():.2f} nats")
print(
    f"a student that has one of two equal moons, and that perfectly: log 2 = {np.log(2):.2f} nats"
)
assert gap.mean() > -4 * error  # a KL is never negative

# %%
mg.plot.density(fast, teacher)

# %% [markdown]
# **How to read it.** Left the teacher, in the middle the student. The reverse KL asks "is what I
# draw likely under the teacher?", and never "do I draw everything the teacher would?". So the
# student is thin where the teacher is thin, and may leave out what it cannot reach: it *seeks
# modes*. The second number asks the other question, on real data, where a miss is paid for. A
# student that misses a moon would have a KL of only $\log 2$, and a second number without a
# limit. The end of this training varies much with the seed, even with the rounding of the machine:
# on another computer the student may leave out something else.
#
# ## Exercises
#
# **1.** (hard) The inverse of an IAF is $D$ steps. Derive its backward pass, as section 7 did for
# the MAF: $z_i=(x_i-\mu_i)e^{-\alpha_i}$, $\ell=-\sum\alpha_i$, parameters functions of earlier
# $z$. For the whole gradient $\lambda$ that arrives at one $z_i$, write $d\mu$, $d\alpha$ and $dx$.


# %%
def iaf_gradients(lam, dlogdet, z, sigma) -> Any:
    """(dmu, dalpha, dx) of one coordinate; sigma is exp(alpha)."""
    return None, None, None  # your answer


# %%
def last_coordinate(mu, alpha, x):
    """z and ell of one coordinate whose parameters are given."""
    return (x - mu) * np.exp(-alpha), -alpha


at = 0.3, -0.4, 1.1  # mu, alpha, x
given_lam, given_ell, h = 0.7, -1.3, 1e-100
if iaf_gradients(1.0, 1.0, 1.0, 1.0)[0] is None:
    print("Fill in the cell above and run both again.")
else:
    slopes = []
    for k in range(3):
        z_h, ell_h = last_coordinate(*(v + 1j * h * (j == k) for j, v in enumerate(at)))
        slopes.append(np.imag(given_lam * z_h + given_ell * ell_h) / h)
    here = last_coordinate(*at)[0]
    right = np.allclose(iaf_gradients(given_lam, given_ell, here, np.exp(at[1])), slopes)
    print("right" if right else f"not yet: by complex step {np.round(slopes, 3)}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# $\alpha$ has two paths, through $z$ with slope $-z$ and through $\ell$ with slope $-1$:
#
# ```python
# def iaf_gradients(lam, dlogdet, z, sigma):
#     return -lam / sigma, -lam * z - dlogdet, lam / sigma
# ```
#
# And $\lambda$ itself is the given $d\bar z$, plus what comes back through the network from later
# coordinates: $\lambda=d\bar z+\mathrm{MADE}^T(d\mu,d\alpha)$, solved from the last coordinate to
# the first. It is `IAFLayer.solve_backward`.
# </details>
#
# **2.** (medium) A Jacobi step makes at least one more coordinate exact, whatever the network. How
# many of the five columns are exact after each of the steps 1 to 5, if the network uses all that it
# may?

# %%
exact = None  # your answer: a list of five numbers

# %%
if exact is None:
    print("Fill in the cell above and run both again.")
else:
    v, counted = np.zeros_like(z), []
    for k in range(1, D + 1):
        mu_v, sigma_v = scales(v)
        v = z * sigma_v + mu_v
        counted.append(int(np.sum(np.abs(v - x).max(axis=0) < 1e-12)))
        print(f"step {k}: error {np.abs(v - x).max():.1e}, {counted[-1]} columns exact")
    print("right" if list(exact) == counted else "not yet: what does column k look at?")

# %% [markdown]
# <details><summary>Answer</summary>
#
# After step $k$ the first $k$ of the order. The parameters of the $k$-th look at the first $k-1$
# coordinates, which are exact by then, and every later step computes it again from the same values.
# It is the nilpotency of section 7. (The error of the others may even grow on the way.)
#
# ```python
# exact = [1, 2, 3, 4, 5]
# ```
# </details>
#
# **3.** (easy) How many units must a hidden layer of a MADE have at least, for $D=5$? Why?

# %%
smallest = None  # your answer

# %%
if smallest is None:
    print("Fill in the cell above and run both again.")
else:
    refused = {}
    for wide in range(1, 8):
        try:
            MADE.init(5, (wide,), rng=rng)
        except ValueError as error:
            refused[wide] = error
    if smallest == max(refused) + 1:
        print("right")
    else:
        print(f"not yet. With {max(refused)} units: {refused[max(refused)]}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# Each degree $1\dots D-1$ needs a unit. Without one of degree 4, nothing carries $x_4$ to the
# parameters of $x_5$: the outputs may only see hidden units, and those of degree 3 or less have not
# seen $x_4$. The model would claim that $x_5$ does not depend on $x_4$ and nobody would be told. So
# the package refuses.
#
# ```python
# smallest = 4
# ```
# </details>
#
# ## What to read next
#
# * Germain, Gregor, Murray and Larochelle, [*MADE*](https://arxiv.org/abs/1502.03509) (2015): the
#   masks.
# * Kingma et al., [*Improving variational inference with inverse autoregressive
#   flow*](https://arxiv.org/abs/1606.04934) (2016).
# * Papamakarios, Pavlakou and Murray, [*Masked autoregressive flow for density
#   estimation*](https://arxiv.org/abs/1705.07057) (2017): the MAF, and how it is related to the IAF
#   (S-DUAL).
# * Oord et al., [*Parallel WaveNet*](https://arxiv.org/abs/1711.10433) (2018): the student of
#   section 11.
# * Song, Meng, Liao and Ermon, [*Accelerating feedforward computation via parallel nonlinear
#   equation solving*](https://arxiv.org/abs/2002.03629) (2021): Jacobi iteration.
# * Durkan et al., [*Neural spline flows*](https://arxiv.org/abs/1906.04032) (2019): the line
#   $z\sigma+\mu$ becomes a monotone spline.
# * The entries of this page: [MAF-7](../docs/notes.md#MAF-7), whose dots section 7 fills in, and
#   [IAF-1](../docs/notes.md#IAF-1).
#
# Homework: `minigen homework start autoregressive`; when it is right, `minigen homework milestone
# autoregressive.py` learns the moons by your own functions. Next: [tutorial
# 07](07_likelihoods.ipynb), likelihoods on real data, or [09](09_markov.ipynb), autoregressive
# models of sequences. The cell below runs all equations of this page once more, as the package
# states them: printed form, corrected form, gradient.

# %%
ids = [f"MAF-{k}" for k in range(1, 12)] + [f"IAF-{k}" for k in range(1, 6)]
rows = mg.derivations.run([*ids, "S-MADE", "S-IAF", "S-DUAL"], quick=True)
for row in rows:
    grade = "" if row.gradient is None else f"gradient {row.gradient:.0e}"
    print(f"{row.entry.id:7} {row.entry.verdict:11} correct form {row.correct:.0e}  {grade}")
assert all(row.ok for row in rows)
