# %% [markdown]
# # 07 Likelihoods you can trust
#
# **Question.** Three papers model the same images of digits. One reports 2.2 bits per dimension,
# one $-83$ nats an image for pixels in $[0,1)$, one 140 nats an image for pixels in $[0,17)$. Each
# number is a cost, a mean of $-\log p$, so lower is better. (Many papers print $\log p$ instead:
# look for the sign first.) Which model is the best? And when is such a number true?
#
# **You need** tutorials [01](01_change_of_variables.ipynb) and [02](02_real_nvp.ipynb). **Time**
# about 45 minutes. **Equations** CV-6, and the bound of ELBO-7 in its smallest form.

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
import math

import numpy as np

import minigen as mg
from minigen.flows import Chain, Flow, Logit, Preprocess
from minigen.prob import Mixture

rng = np.random.default_rng(0)

# %% [markdown]
# ## Why
#
# A likelihood is the one number by which models of any kind can be compared: it needs no judge and
# no taste, and $-\log_2P$ is the length of a file that a compressor with this model would write. It
# is also the easiest number to get wrong. Pictures are whole numbers and a flow is a density; a
# lost constant changes no gradient; a unit is left out; the rows were trained on. Below is how such
# numbers look when they are reported: three papers, the same data, three scales.

# %%
digits = mg.data.digits("small")
train, validation, test = digits.train.x, digits.validation.x, digits.test.x
print(digits)
mg.plot.images(train[:40], columns=10, top=16, heading="40 of the training images")

# %% [markdown]
# **How to read it.** Images of $8\times8$ pixels. Each pixel is a whole number from 0 (white) to 16
# (black): 17 levels. That the data are **whole numbers** is the first trap. This is the small
# split: so few images to train on have a price, and that is part of the lesson. `mg.data.digits()`
# has all of them, divided by writers; what models reach there is in the
# [measurements](../docs/measurements.md).
#
# ## 1. A density on whole numbers has no upper bound
#
# Take one pixel and a model made of 17 Gaussian bumps of width $w$, one at each level, weighted by
# how often the level occurs. Its mean negative log-likelihood at the raw values falls without end
# as $w\to0$: each data point sits on a spike of height $\sim1/w$. Nothing is learned on the way.
#
# The cure ([Theis, van den Oord and Bethge 2016](https://arxiv.org/abs/1511.01844)) is to fill the
# gaps: to every value add noise $u$, uniform on $[0,1)$. A level $k$ then stands for the whole cell
# $[k,k+1)$, and a density has to cover it. A density $p$ of $k+u$ gives a probability to each
# level,
#
# $$P(k)=\int_{[0,1)^D}p(k+u)\,du,$$
#
# and Jensen's inequality ($\log$ is concave, and $u$ has density 1) gives
#
# $$\log P(k)=\log E_u\big[p(k+u)\big]\ \ge\ E_u\big[\log p(k+u)\big].$$
#
# So $-E_u[\log p(k+u)]$ is an **upper bound** of the number of nats that the discrete data cost,
# with nothing to add. It can be compared with any model of whole numbers, and it can never be
# smaller than their entropy. **Predict, then run.** One pixel has an entropy of a few bits. How low
# can each of three costs fall: at the raw values, with noise, and the exact $-\log P(k)$?

# %%
print(inspect.getsource(mg.prob.dequantize))

# %%
pixel = train[:, 28]
share = np.bincount(pixel, minlength=17) / len(pixel)
entropy = -np.sum(share * np.log2(share))
u = (np.arange(2000) + 0.5) / 2000
cells = (np.arange(17)[:, None] + u).reshape(-1, 1)  # every level with 2000 values of u
widths = np.geomspace(0.01, 2, 40)
raw, bound, exact = [], [], []
for w in widths:
    bumps = Mixture.of_gaussians(np.arange(17)[:, None] + 0.5, scale=w, dtype=np.float64)
    bumps.logits[...] = np.log(share)
    logp = bumps.log_prob(cells).reshape(17, -1) / np.log(2)
    raw.append(-share @ bumps.log_prob(np.arange(17)[:, None] + 0.5) / np.log(2))
    bound.append(-share @ logp.mean(axis=1))
    exact.append(-share @ np.log2((2.0**logp).mean(axis=1)))
raw, bound, exact = map(np.array, (raw, bound, exact))

print(f"entropy of the pixel {entropy:.3f} bits")
print(f"lowest value: raw {raw.min():.2f}, dequantised {bound.min():.3f}, exact {exact.min():.3f}")
assert raw.min() < 0 < entropy <= exact.min() + 1e-9
assert np.all(bound >= exact - 1e-9)  # Jensen

# %%
shown = {
    "at the raw values": raw,
    "dequantised: $-E_u\\log p(k+u)$": bound,
    "exact: $-\\log P(k)$": exact,
}
mg.plot.lines(
    {name: (widths[bits < 12], bits[bits < 12]) for name, bits in shown.items()}, log="x",
    dashed=["exact: $-\\log P(k)$"], floor=entropy, xlabel="width w of the bumps",
    ylabel="bits for one pixel", title="The cost of one pixel; dotted: its entropy",
)  # fmt: skip

# %% [markdown]
# **How to read it.** From right to left the bumps get narrow. Blue, the cost at the raw values,
# falls through 0 and on: a pixel cannot cost less than no bits. Orange, with noise, is punished
# for narrow bumps, because they leave most of each cell empty. It stays above green, the exact
# cost, and green stays above the dotted entropy.
#
# ## 2. Every transform has a Jacobian
#
# A flow works on the whole line, pixels lie in $(0,17)$.

# %% jupyter={"source_hidden": true}
mg.plot.diagram(
    {"$k$": (0, 0), "$+u$": (1.2, 0), "$x$": (2.4, 0), "Logit": (3.8, 0), "scale": (5.3, 0),
     "couplings": (7, 0), "$z$": (8.6, 0), "$\\log p(x)$": (7, -1.4)},
    [("$k$", "$+u$"), ("$+u$", "$x$"), ("$x$", "Logit"), ("Logit", "scale"), ("scale", "couplings"),
     ("couplings", "$z$"), ("Logit", "$\\log p(x)$", "$\\ell_1$"),
     ("scale", "$\\log p(x)$", "$\\ell_2$"), ("couplings", "$\\log p(x)$", "$\\ell_3$"),
     ("$z$", "$\\log p(x)$", "$\\log q(z)$")],
    boxes=["$+u$", "Logit", "scale", "couplings"], accent=["$k$", "$z$"],
    title="From whole numbers to a likelihood: every box pays its log-determinant",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Whole numbers $k$ enter at the left and get noise. Then every map hands its
# log-determinant down to the sum (only adding $u$ has none). Who forgets one of these arrows
# reports another model's likelihood.
#
# A [`Logit`](../minigen/flows/elementwise.py) comes first:
# $u=\mathrm{low}+\mathrm{slope}\cdot x$ with $\mathrm{slope}=(1-2\,\mathrm{low})/17$ keeps away
# from 0 and 1, then $y=\log\frac{u}{1-u}$. By CV-6 its log-determinant belongs to the likelihood:
#
# $$\frac{dy}{dx}=\frac{\mathrm{slope}}{u(1-u)}\quad\Longrightarrow\quad\ell=\sum_j\big[\log
# \mathrm{slope}-\log u_j-\log(1-u_j)\big].$$
#
# **Backward.** $u$ has two paths, through $y$ and through $\ell$:
#
# | path | derivative | contribution to $du$ |
# |---|---|---|
# | $u\to y$ | $\frac1u+\frac1{1-u}=\frac1{u(1-u)}$ | $\frac{dy}{u(1-u)}$ |
# | $u\to\ell$ | $-\frac1u+\frac1{1-u}=\frac{2u-1}{u(1-u)}$ | $\frac{d\ell\,(2u-1)}{u(1-u)}$ |
# | $x\to u$ | slope | $dx=\mathrm{slope}\cdot du$ |

# %%
print(inspect.getsource(Logit.forward))
print(inspect.getsource(Logit.backward))

# %%
logit = Logit(bins=17.0, low=0.01)
points = rng.uniform(0.5, 16.5, (5, 3))
report = mg.check.bijection(logit, points, rng=rng)
assert report
print(report)

# %% [markdown]
# **Break it.** Lose the constant $\log\mathrm{slope}$, in both directions. It depends on no
# parameter and on no input.


# %%
class NoSlope(Logit):
    """Forgets that the pixels were divided by 17."""

    def forward(self, x):
        y, logdet, cache = super().forward(x)
        return y, logdet - x.shape[1] * math.log(self.slope), cache

    def inverse(self, y):
        x, logdet, cache = super().inverse(y)
        return x, logdet + y.shape[1] * math.log(self.slope), cache


report = mg.check.bijection(NoSlope(17.0, 0.01), points, rng=rng)
assert not report and mg.check.gradients(NoSlope(17.0, 0.01), points, rng=rng)
print(report)

# %% [markdown]
# The round trips are right. **Every gradient is right**: a constant has none. Training would run
# exactly as before, samples would look as before. The two log-dets even agree with one another.
# Only the comparison with the Jacobian sees it: both are off by the lost constant of three columns,
# printed below. Section 5 shows what that does to a reported number.

# %%
print(f"3 log(17 / 0.98) = {3 * math.log(17 / 0.98):.1f} nats")
print(f"64 log 17 = {64 * math.log(17):.0f} nats; log2 17 = {math.log2(17):.2f} bits")

# %% [markdown]
#
# ## 3. Units
#
# | from | to | how |
# |---|---|---|
# | nats an image | bits per dimension | divide by $D\log2$; here $D=64$ |
# | density on $[0,17)$ | density on $[0,1)$ | $\log p$ gains $D\log17$: 181 nats |
#
# The second line is why a bare number of nats means little: divide the pixels by 17 and the
# "likelihood" of the same model improves by $\log_2 17=4.09$ bits per dimension. minigen always
# reports bits of the **discrete data with their levels 1 apart**. Then 0 is the floor, and
# $\log_2 17$ is what it costs to know nothing.
#
# ## 4. Baselines
#
# A number needs neighbours. These three are computed on the same test images, in the same units.
# **Predict, then run.** Which is better, a table of frequencies for each pixel alone or a Gaussian
# with all correlations?

# %%
baselines = mg.data.baselines(digits)
for name, cost in baselines.items():
    print(f"{name:26}{cost:6.3f} bits per dimension")

# %% [markdown]
# *Uniform* knows nothing. *Independent pixels* is a table of 17 frequencies for each pixel, and no
# connection between pixels. The *Gaussian* knows all correlations and no shape: it puts probability
# below 0 and above 17, and a symmetric bell on a pixel that is nearly always 0. It comes out worse
# than independent pixels. So **a flow that only just beats the Gaussian knows less than a table of
# frequencies.**
#
# ## 5. Train, and read the number
#
# `levels=17` tells the flow that the data are whole numbers: it dequantises in training (new $u$ at
# each step) and puts a `Logit` first. The loss is the mean of $-\log p$. Its backward pass has one
# line: $\log p=\log q+\ell$ is a sum, so both terms receive the same `dlogp`.

# %%
print(inspect.getsource(Flow.forward))
print(inspect.getsource(Flow.backward))


# %%
def real_nvp(rng):
    return mg.flows.real_nvp(
        64, 8, (128, 128), activation="tanh", levels=17, init_from=train, rng=rng
    )


flow = real_nvp(np.random.default_rng(0))
noisy, _ = flow.nll.draw(test[:4], rng)  # a batch with its noise
report = mg.check.adjoint(flow.nll, *noisy, rng=rng, directions=4)
assert report
print(report)

# %%
run = mg.fit(
    flow.nll, train, validation=validation, steps=400, batch=128, weight_decay=3.0, ema=0.98,
    rng=np.random.default_rng(0), progress=False,
)  # fmt: skip
bits = flow.bits_per_dim(test, rng=np.random.default_rng(7), draws=4)  # one for each image
error = bits.std() / np.sqrt(len(bits))
print(f"test: {bits.mean():.3f} +- {error:.3f} bits per dimension")
print(f"      {bits.mean() * 64 * np.log(2):.1f} nats an image")
assert 2.0 < bits.mean() < baselines["independent pixels"] - 5 * error


# %% jupyter={"source_hidden": true}
def ladder():
    """The baselines and the model, with two standard errors."""
    figure = mg.plot.Picture(figsize=(6.6, 2.2), layout="constrained")
    ax = figure.subplots()
    rows = sorted((baselines | {"Real NVP": bits.mean()}).items(), key=lambda row: -row[1])
    names, values = zip(*rows, strict=True)
    colors = [mg.plot.LINES[0] if name == "Real NVP" else "#b8c0cc" for name in names]
    ax.barh(names, values, color=colors, height=0.6)
    ax.errorbar(bits.mean(), names.index("Real NVP"), xerr=2 * error, color="black", capsize=3)
    for k, value in enumerate(values):
        ax.text(value + 0.1, k, f"{value:.2f}", va="center", fontsize=8.5)
    ax.set(xlabel="bits per dimension of the test images (lower is better)", xlim=(0, 4.6))
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
    return figure


print(f"{len(test)} test images, {len(validation)} for validation, {len(train)} to train on")
ladder()

# %% [markdown]
# **How to read it.** The bars start at 0, the floor for whole numbers. The black whisker is two
# standard errors of the mean over the 447 test images. The step from *independent pixels* to *Real
# NVP* is what the flow knows of how pixels go together. It is the only part worth reporting.
#
# Now the broken `Logit` of section 2, put into the same trained flow:

# %%
assert isinstance(flow.chain, Chain)
first, *others = flow.chain.layers
assert isinstance(first, Preprocess)  # fixed maps of the data: the Logit, a scale and a shift
logit, *rest = first.maps.layers
assert isinstance(logit, Logit)
spoiled = Preprocess.of(NoSlope(logit.bins, logit.low), *rest)
boast = Flow(Chain((spoiled, *others)), flow.base, levels=17)
boasted = boast.bits_per_dim(test, rng=rng, draws=4)
print(f"right {bits.mean():.2f}, with the constant lost {boasted.mean():.2f} bits per dimension")
assert boasted.mean() < 0

# %% [markdown]
# **Negative** bits for whole numbers: impossible, and so a proof of a mistake. Not every lost
# constant is so large. The habit to keep: count every transform, and check the log-determinant
# against the Jacobian.
#
# ## 6. Standard errors, and the better way to compare
#
# Some images are hard for every model. Two models that are tried on the **same** images, with the
# same noise, share that. So compare image by image. We train a second flow without weight decay and
# for longer, with a constant learning rate.

# %%
other = real_nvp(np.random.default_rng(1))
overfit = mg.fit(
    other.nll, train, validation=validation, steps=800, batch=128, schedule="constant",
    rng=np.random.default_rng(1), progress=False,
)  # fmt: skip
theirs = other.bits_per_dim(test, rng=np.random.default_rng(7), draws=4)
difference = theirs - bits
each = np.hypot(bits.std(), theirs.std()) / np.sqrt(len(bits))
paired = difference.std() / np.sqrt(len(bits))
print(f"first {bits.mean():.3f}, second {theirs.mean():.3f} bits per dimension")
print(f"difference {difference.mean():+.3f}: +- {each:.3f} as two numbers, +- {paired:.3f} paired")
assert paired < each / 2 and difference.mean() > 2 * paired

# %% [markdown]
# Taken as two separate numbers, a difference of this size can be chance. Image by image its error
# is less than half as large, and it is not. (That is a statement on these two flows. For one on two
# *methods*, train several of each, from different seeds.)
#
# ## 7. What overfitting looks like
#
# That second flow has many parameters for each training image, and 800 steps to use them.

# %%
size = other.size
loss, held_out = overfit.history["loss"], overfit.history["validation"]
in_bits = 1 / (64 * np.log(2))  # a nat of an image, in bits per dimension
print(f"{size} parameters, {len(train)} images: {size / len(train):.0f} for each image")
print(f"at the end: training {np.mean(loss[-20:]) * in_bits:.2f}", end=", ")
print(f"validation {held_out[-1] * in_bits:.2f} bits per dimension")
print(f"best validation {overfit.best * in_bits:.2f} at step {overfit.best_step}")
assert np.mean(loss[-20:]) + 20 < held_out[-1] and overfit.best_step < 400
assert held_out[-1] * in_bits > baselines["independent pixels"]


# %% jupyter={"source_hidden": true}
def parting():
    """Training and validation of both flows, in bits per dimension."""
    figure = mg.plot.Picture(figsize=(10.4, 3.2), layout="constrained")
    flows = {"first flow": run, "second flow": overfit}
    for ax, (name, r) in zip(figure.subplots(1, 2), flows.items(), strict=True):
        loss = np.convolve(r.history["loss"], np.ones(10) / 10, mode="valid")
        at, held = np.array(r.history["validation_step"]), np.array(r.history["validation"])
        curves = {"training": (np.arange(len(loss)) + 10, loss), "validation": (at, held)}
        shown = {k: (s[v * in_bits < 2.8], v[v * in_bits < 2.8]) for k, (s, v) in curves.items()}
        mg.plot.lines(
            {k: (s, v * in_bits) for k, (s, v) in shown.items()}, ax=ax, title=name,
            floor=baselines["independent pixels"], xlabel="step", ylabel="bits per dimension",
        )  # fmt: skip
        ax.plot(r.best_step, r.best * in_bits, "D", color="black", markersize=6)
        ax.set(ylim=(1.6, 2.8))
    return figure


parting()

# %% [markdown]
# **How to read it.** Blue is the loss on the training batches, orange on the 350 images that are
# never trained on; the dotted line is the cost of independent pixels (on the test images). On the
# right the two part early: blue goes on falling, orange turns and climbs across the dotted line. At
# the end the training number is the best in this notebook, and the model is worse than a table of
# frequencies: it has learned *these* images. The diamond marks the best validation. `fit` gives
# back the parameters from there, not the last ones. On the left, weight decay and an average of the
# parameters keep the curves together for longer.
#
# A validation is only fair if its noise stays the same: `fit` draws $u$ for the validation once and
# keeps it, so that a new minimum is not a lucky draw.

# %%
drawn = flow.sample(8, rng=np.random.default_rng(2))
distance = np.linalg.norm(drawn[:, None].astype(float) - train[None], axis=2)
nearest = train[np.argsort(distance, axis=1)[:, :5]]
assert distance.min() > 0
mg.plot.neighbours(drawn, nearest, top=16)

# %% [markdown]
# **How to read it.** Left, samples of the first flow, none of them chosen. Right of each, the five
# training images nearest to it. A model that had copied would show a twin. These are neighbours of
# the same kind and not copies. (Many samples are blurs between digits: the training images are
# few.)
#
# ## 8. What even a true likelihood does not say
#
# Test images, and the same images with less ink, by whole-number division. **Predict, then run.**
# There is nothing like a pale digit in the training data. What will the flow charge for one?

# %%
for divisor in (1, 2, 4, 8):
    faint = flow.bits_per_dim(test // divisor, rng=rng, draws=2).mean()
    print(f"test // {divisor}: {faint:.2f} bits per dimension")
quarter = flow.bits_per_dim(test // 4, rng=rng, draws=2)
upside = flow.bits_per_dim(16 - test, rng=rng, draws=2)
print(f"black and white exchanged: {upside.mean():.2f}")
print(f"images that are cheaper at a quarter of their ink: {np.mean(quarter < bits):.0%}")
assert abs(quarter.mean() - bits.mean()) < 0.3 and upside.mean() > 5
assert quarter.mean() < baselines["independent pixels"]

# %%
mg.plot.images(np.concatenate([test[:8], test[:8] // 4]), columns=8, top=16, heading="x and x // 4")

# %% [markdown]
# **How to read it.** Above real test images, below the same at a quarter of their ink. There is
# nothing like the lower row in the training data. Yet the flow charges hardly more for it, and
# less than a table of frequencies charges for *real* digits: the pale strokes are unusual, which
# costs, but their values lie near 0, the commonest level, which saves. Exchange black and white,
# and the cost explodes. A likelihood measures how well a model *codes the data it was made for*.
# It is no test of whether one image looks right (Nalisnick et al. 2019), and good samples are no
# test of the likelihood (Theis et al. 2016).
#
# ## 9. Whole numbers without noise
#
# A density can also be one of whole numbers from the start. By MAF-1 each pixel has a distribution
# given those before it, $P(x)=\prod_iP(x_i\mid x_{1:i-1})$. For 17 levels it is a softmax of 17
# numbers. A MADE gives them all in one pass: it reads each pixel as 17 numbers, one 1 among zeros.
# There is no noise, no Jacobian and no bound: the cost is exact. Its gradient is the shortest in
# this notebook: with $a_i$ the 17 numbers, $da_{ik}=d\log p\,([x_i=k]-P(x_i=k\mid x_{1:i-1}))$.

# %%
small = mg.flows.MADECategorical.init(3, 4, (8,), order="random", rng=rng, dtype=np.float64)
small = mg.core.perturbed(small, rng)
rows = np.stack(np.meshgrid(*[np.arange(4)] * 3), axis=-1).reshape(-1, 3)  # all 64 of them
total = np.exp(small.log_prob(rows)).sum()
noise = small.log_prob(rows + rng.random(rows.shape)) - small.log_prob(rows)
print(f"the sum over all 64 rows of three columns: {total:.12f}")
assert abs(total - 1) < 1e-12 and not noise.any()

# %%
exact = mg.flows.MADECategorical.init(64, 17, (256,), rng=np.random.default_rng(0))
counts = 0.5 + (train[:, :, None] == np.arange(17)).sum(axis=0)  # it starts as independent pixels
exact.made.linears[-1].b[...] = np.log(counts / counts.sum(axis=1, keepdims=True)).ravel()
mg.fit(
    exact.nll, train, validation=validation, steps=400, batch=128, lr=2e-3, weight_decay=3.0,
    ema=0.98, rng=np.random.default_rng(0), progress=False,
)  # fmt: skip
cost = exact.bits_per_dim(test)
print(f"categorical MADE: {cost.mean():.3f} bits per dimension, exactly")
print(f"Real NVP minus it, image by image: {np.mean(bits - cost):+.3f}")
assert 2.0 < cost.mean() < baselines["independent pixels"]
mg.plot.images(exact.sample(40, rng=rng), columns=10, top=16, heading="40 samples, not chosen")

# %% [markdown]
# **How to read it.** Samples of the categorical MADE, none of them chosen. Its probabilities sum to
# 1, and noise inside a cell changes nothing (both asserted above), so for this model the bound of
# section 1 is an equality. It can be set beside the flow without a footnote. It does not know that
# level 8 lies between 7 and 9, and has to learn each level by itself; a flow has the order of the
# levels for nothing. With few images that counts.
#
# ## 10. The question, answered
#
# Everything to bits per dimension of the discrete data:

# %%
papers = {
    "2.2 bits per dimension": 2.2,
    "-83 nats, pixels in [0, 1)": (-83 + 64 * np.log(17)) * in_bits,
    "140 nats, pixels in [0, 17)": 140 * in_bits,
}
for claim, value in papers.items():
    print(f"{claim:29}{value:.2f} bits per dimension")
assert abs(papers["-83 nats, pixels in [0, 1)"] - 2.2) < 0.02
assert papers["140 nats, pixels in [0, 17)"] > baselines["full-covariance Gaussian"]

# %% [markdown]
# The first two are the same result in other units. The third is worse than the Gaussian. All of it
# provided that every Jacobian was counted, the noise filled the whole cell, the images were held
# out, and the error bars were smaller than the differences.
#
# ## Exercises
#
# **1.** (easy) A fourth paper scales 17-level pixels to $[0,1)$, dequantises by $u/17$ and reports
# a cost of $-1.85$ bits per dimension. What is that in minigen's units?

# %%
fourth = None  # your answer

# %%
if fourth is None:
    print("Fill in the cell above and run both again.")
else:
    nats = -1.85 * 64 * math.log(2)  # of an image, pixels in [0, 1)
    right = abs(fourth - (nats + 64 * math.log(17)) * in_bits) < 0.01
    print("right" if right else "not yet: on [0, 1) a density is 17 times as high")
    print(f"independent pixels cost {baselines['independent pixels']:.2f}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The density on $[0,1)$ is 17 times as high in each dimension: add $\log_217$.
#
# ```python
# fourth = -1.85 + np.log2(17)
# ```
#
# It is better than independent pixels, though not by much.
# </details>
#
# **2.** (medium) Somebody adds noise on $[0,\tfrac12)$ "to blur less". By how many bits per
# dimension can the reported number improve at most, without any better model? Which step of the
# bound fails?

# %%
free_bits = None  # your answer

# %%
if free_bits is None:
    print("Fill in the cell above and run both again.")
else:
    half_full = np.where(u < 0.5, 2.0, 1e-300)  # a density in a cell that holds one level
    honest, blurred = (-np.log2(half_full[u < top]).mean() for top in (1.0, 0.5))
    print(f"such a density costs {blurred:+.1f} bits by half the noise, {honest:.0f} by all of it")
    print("right" if free_bits == -blurred else "not yet: how high can p be on half a cell?")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The density may put all mass of a cell on $[k,k+\tfrac12)$, where it is twice as high:
#
# ```python
# free_bits = 1
# ```
#
# The noise then has density 2 on its half, and $E_u[p(k+u)]$ is up to twice $P(k)$: the first
# equality fails, so there is no bound.
# </details>
#
# **3.** (hard) The dequantised bound is not tight. In one cell let $p(k+u)=P\,f(u)$ with a density
# $f$ on $[0,1)$. What does the bound lose, in nats, for $f(u)=2u$? And for which $f$ nothing?

# %%
lost_nats = None  # your answer, for f(u) = 2u

# %%
if lost_nats is None:
    print("Fill in the cell above and run both again.")
else:
    fine = (np.arange(1_000_000) + 0.5) / 1_000_000
    measured = np.log(np.mean(2 * fine)) - np.mean(np.log(2 * fine))
    right = abs(lost_nats - measured) < 1e-3
    print("right" if right else "not yet: log E[f] - E[log f], with the integral of log u")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The loss is $\log E_u[f]-E_u[\log f]$, and $E_u[\log2u]=\log2-1$:
#
# ```python
# lost_nats = 1 - np.log(2)
# ```
#
# Nothing is lost for $f=1$: Jensen is an equality where $p(k+u)$ does not depend on $u$. A smooth
# flow can only come near that. With noise of a learned density $r(u\mid k)$ the bound is $E_r[\log
# p(k+u)-\log r(u\mid k)]$, tight for $r\propto p$: variational dequantisation (Ho et al. 2019).
# [Tutorial 05](05_elbo.ipynb) has the same inequality for diffusion.
# </details>
#
# ## What to read next
#
# * Theis, van den Oord and Bethge, [*A note on the evaluation of generative
#   models*](https://arxiv.org/abs/1511.01844) (2016).
# * Ho, Chen, Srinivas, Duan and Abbeel, [*Flow++*](https://arxiv.org/abs/1902.00275) (2019):
#   variational dequantisation.
# * Nalisnick, Matsukawa, Teh, Gorur and Lakshminarayanan, [*Do deep generative models know what
#   they don't know?*](https://arxiv.org/abs/1810.09136) (2019).
# * The entries at work: [CV-6](../docs/notes.md#CV-6), [ELBO-7](../docs/notes.md#ELBO-7) and
#   [MAF-1](../docs/notes.md#MAF-1).
#
# Homework: `minigen homework start change` (then `minigen homework milestone change.py` learns a
# toy by your own functions), where a density must keep its Jacobian. Next: [tutorial
# 08](08_triplet_loss.ipynb), the triplet loss.
