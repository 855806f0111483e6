# %% [markdown]
# # 06 A diffusion model of digits: training, sampling, and sampling without dice
#
# **Question.** Tutorials 04 and 05 have all the equations. Do they make a model that *draws*? How
# good is it, in a number that can be compared with other models of the same data? And a sampler
# that throws dice at every step: must it?
#
# **You need** tutorials [04](04_forward_process.ipynb) and [05](05_elbo.ipynb). **Time** about 50
# minutes. **Equations** DIF-11, DIF-19, DIF-23, ELBO-15 to ELBO-18, S-SIMPLE at work; DDIM and the
# probability-flow ODE are not in the notes and are derived here.

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
from pkgutil import resolve_name
from typing import Any

import numpy as np
from scipy.stats import norm

import minigen as mg
from minigen.diffusion import (
    DDPM,
    Convert,
    IdealNoise,
    PosteriorMean,
    ReverseProcess,
    TimeNet,
    cosine_schedule,
    q_sample,
)
from minigen.prob import DiscretisedGaussian, Gaussian

rng = np.random.default_rng(0)

# %% [markdown]
# ## Why
#
# A picture is many numbers that belong together: a stroke goes on in the next pixel, a 3 has no
# left side. Models that know each pixel by itself, or each *pair* of pixels, know nothing of that.
# Below are real digits, what a table of frequencies for each pixel draws, and what a Gaussian with
# all correlations draws. Diffusion draws by small steps instead, each of which is easy: a little
# less noise. Here is all of it on a scale where training takes seconds.

# %%
digits = mg.data.digits("small")
train, test = digits.train.x, digits.test.x
columns = [rng.permutation(train[:, j])[:16] for j in range(64)]  # each pixel by itself
noisy = train + rng.random(train.shape)
pairs = Gaussian.from_moments(noisy.mean(axis=0), np.cov(noisy.T)).sample(16, rng=rng)
rows = [train[:16], np.stack(columns, axis=1), np.clip(np.floor(pairs), 0, 16)]
mg.plot.images(
    np.concatenate(rows), columns=16, top=16, heading="real; each pixel by itself; pairs"
)

# %% [markdown]
# **How to read it.** First row: real digits. Second row: samples with the right frequencies for
# each pixel. Third row: samples with the right correlation of each pair of pixels as well. The
# first are digits, the others dust and clouds.
#
# ## 1. The data, and what must be beaten
#
# Handwritten digits of 8 by 8 pixels, each an integer 0 to 16. This is the small split;
# `mg.data.digits()` has more. Integers have probabilities, not densities, so
# $-\log_2P(\bar x)/64$ **bits per dimension** means the same for every model. Three simple models
# set the scale.

# %%
print(digits)
scale = mg.data.baselines(digits)
for name, bits in scale.items():
    print(f"{name:26} {bits:.3f} bits per dimension")
mg.plot.images(train[:32], columns=16, top=16, heading="32 training images")

# %% [markdown]
# **How to read it.** Black is 16, white 0. The corners are white in nearly all of them. A table of
# frequencies for each pixel alone profits from that, and is hard to beat: it is better than a
# Gaussian with all correlations. It knows nothing about digits, however.
#
# ## 2. A decoder for integers
#
# The model works on the grid $-1\dots1$: $x=2k/16-1$, so neighbours are $2h=1/8$ apart. Its steps
# are Gaussians, but the last one, $p_\theta(\bar x_0|\bar x_1)$, must give *probabilities* to
# integers. So a pixel gets the area of its cell (Ho, Jain and Abbeel 2020). The first and the last
# cell reach to infinity:
#
# $$P(x)=\Phi(b)-\Phi(a),\qquad a=\frac{x-h-\mu}{\sigma},\quad b=\frac{x+h-\mu}{\sigma},\qquad
# L_0=-\log P\ \text{(ELBO-16)}$$
#
# Backwards, with $\varphi=\Phi'$ and $s=\log\sigma^2$, so that $da/ds=-a/2$:
#
# | symbol | path | $\partial\log P$ |
# |---|---|---|
# | $\mu$ | $a$ and $b$, each with $-1/\sigma$ | $-\big(\varphi(b)-\varphi(a)\big)/(\sigma P)$ |
# | $s$ | $a$ with $-a/2$, $b$ with $-b/2$ | $-\big(b\,\varphi(b)-a\,\varphi(a)\big)/(2P)$ |
# | $x$ | $a$ and $b$, each with $+1/\sigma$ | minus that of $\mu$ |
#
# In the code ([discretized.py](../minigen/prob/discretized.py)) `at_a` is $\varphi(a)/P$ and `at_b`
# is $\varphi(b)/P$, formed from $\log P$: far from $\mu$ both $\varphi$ and $P$ underflow, and
# their ratio does not.

# %%
decoder = DiscretisedGaussian(17)
print(inspect.getsource(DiscretisedGaussian.backward))
grid = np.linspace(-1, 1, 17)[:, None]
for mu, sigma in ((0.1, 0.3), (-1.7, 0.05), (0.0, 0.004)):
    logp = decoder.forward(grid, np.full((17, 1), mu), np.full((17, 1), 2 * np.log(sigma)))[0]
    print(f"mu {mu}, sigma {sigma}: the 17 probabilities add up to 1 within", end=" ")
    print(f"{abs(np.exp(logp).sum() - 1):.0e}; the smallest log P is {logp.min():.0f}")
    assert abs(np.exp(logp).sum() - 1) < 1e-12 and np.isfinite(logp).all()
inputs = rng.choice(grid[:, 0], (6, 3)), rng.uniform(-1, 1, (6, 3)), rng.uniform(-5, 0, (6, 3))
report = mg.check.gradients(decoder, *inputs, rng=rng)
print(report)
assert report

# %% [markdown]
# ## 3. The schedule and the prediction
#
# Twenty steps. The first adds noise of standard deviation $\sqrt{\beta_1}$. It should be about as
# wide as a cell: with less, the network would have to learn to round, which is the decoder's work.

# %%
schedule = cosine_schedule(20, offset=0.1)
T = schedule.T
print(f"T = {T}, sqrt(beta_1) = {np.sqrt(schedule.beta[1]):.3f}, a cell is {1 / 8:.3f} wide")
unit = (train / 8 - 1).astype(np.float32)
stages = [0, 1, 3, 6, 10, 14, 20]
eps = rng.standard_normal((6, 64), dtype=np.float32)
frames = [unit[:6]] + [q_sample(schedule, unit[:6], eps, np.array([t])) for t in stages[1:]]
mg.plot.filmstrip(frames, [f"t = {t}" for t in stages], how="six digits, forwards")

# %% [markdown]
# **How to read it.** Each row is one digit on its way into noise. At $t=3$ one can still tell which
# digit it is, at $t=10$ no more. The model must go from right to left.
#
# What should the network say at $\bar x_t$? The noise $\bar\varepsilon$, or $\bar x_0$: by DIF-19
# one gives the other. But $\hat x_0=(\bar x_t-\sqrt{1-A_t}\,\hat\varepsilon)/\sqrt{A_t}$ divides by
# a small number late, and $\hat\varepsilon=(\bar x_t-\sqrt{A_t}\,\hat x_0)/\sqrt{1-A_t}$ by a small
# number early. Salimans and Ho (2022) take
#
# $$\bar v=\sqrt{A_t}\,\bar\varepsilon-\sqrt{1-A_t}\,\bar x_0,\qquad
# \hat x_0=\sqrt{A_t}\,\bar x_t-\sqrt{1-A_t}\,\hat v,\qquad
# \hat\varepsilon=\sqrt{1-A_t}\,\bar x_t+\sqrt{A_t}\,\hat v$$
#
# ([Salimans and Ho 2022](https://arxiv.org/abs/2202.00512)).
# Think of $\sqrt{A_t}=\cos\phi$ and $\sqrt{1-A_t}=\sin\phi$: $(\bar x_t,\bar v)$ is
# $(\bar x_0,\bar\varepsilon)$ turned by the angle $\phi$, and nothing is divided by. Keep this
# picture; section 8 needs it. How much of an error of the network reaches $\hat x_0$ and
# $\hat\varepsilon$:

# %%
start, noise = rng.standard_normal((2, 4, 64))
print("error of the output, times this, is the error of")
for given in ("eps", "x0", "v"):
    for wanted in ("x0", "eps"):
        factors = []
        for t in (1, 10, 20):
            now, one = np.array([t]), np.ones((4, 64))
            xt = q_sample(schedule, start, noise, now)
            right = mg.diffusion.Target(schedule, given).forward(start, noise, t=now)[0]
            convert = Convert(schedule, given, wanted)
            off = convert.forward(xt, right + one, t=now)[0]
            factors.append(np.abs(off - convert.forward(xt, right, t=now)[0]).mean())
            truth = start if wanted == "x0" else noise
            assert np.abs(convert.forward(xt, right, t=now)[0] - truth).max() < 1e-9
        print(f"  {given:3} -> {wanted:3}  t = 1, 10, 20:", *(f"{f:8.2f}" for f in factors))
        assert given != "v" or max(factors) <= 1

# %% [markdown]
# ## 4. The network and its gradient
#
# A residual MLP that hears the time in every block. The time enters as a vector $\bar e$ and is
# *added* in each block, so its gradient is the **sum** over the blocks.
# `backward` goes down through the blocks, collects the sum `de`, and goes on through `lift` to the
# data.

# %% jupyter={"source_hidden": true}
mg.plot.diagram(
    {"$x_t$": (0, 0), "lift": (1.3, 0), "block 0": (3.1, 0), "block 1": (5.1, 0), "head": (6.9, 0),
     "$v$": (8.1, 0), "$t$": (0, 1.7), "time": (1.6, 1.7), "$e$": (3.1, 1.7)},
    [("$x_t$", "lift"), ("lift", "block 0"), ("block 0", "block 1"), ("block 1", "head"),
     ("head", "$v$"), ("$t$", "time"), ("time", "$e$"), ("$e$", "block 0"), ("$e$", "block 1")],
    back=[("$v$", "head", "$dv$"), ("block 1", "$e$", "$de_1$"), ("block 0", "$e$", "$de_0$"),
          ("$e$", "time", "$de_0+de_1$")],
    boxes=["lift", "block 0", "block 1", "head", "time"], accent=["$e$"],
    title="The network, and where the gradient of the time comes from",
)  # fmt: skip

# %% [markdown]
# **How to read it.** The embedded time $e$ (blue) feeds every block, so a gradient comes back from
# every block (dashed), and the sum of them goes on. The file is
# [network.py](../minigen/diffusion/network.py):

# %%
print(inspect.getsource(TimeNet.forward))
print(inspect.getsource(TimeNet.backward))


# %%
options = {"levels": 17, "variance": "free", "rng": rng, "dtype": np.float64}
small = mg.core.perturbed(mg.diffusion.ddpm(3, schedule, hidden=6, blocks=2, **options), rng, 0.1)
x0 = rng.choice(grid[:, 0], (6, 3))
given = {"t": np.array([1, 1, 2, 7, 13, 20]), "eps": rng.standard_normal((6, 3))}
report = mg.check.gradients(small.bound, x0, given=given, rng=rng)
assert report
print(report)

# %% [markdown]
# **Break it.** One sum forgotten: the `de` of the lowest block alone goes on to the embedding.


# %%
class HearsOneBlock(TimeNet):
    """Keeps the gradient of the time from the lowest block alone."""

    def backward(self, dout, cache):
        time, _, lift, caches, head, _ = cache
        dh, dhead = self.head.backward(dout, head)
        dblocks = {}
        for k in reversed(range(len(self.blocks))):
            dh, de, dblocks[str(k)] = self.blocks[k].backward(dh, caches[k])
        dx, dlift = self.lift.backward(dh, lift)
        (dtime,) = self.time.backward(de, time)
        return dx, {"lift": dlift, "blocks": dblocks, "head": dhead, "time": dtime}


net = small.reverse.net
broken = HearsOneBlock(net.lift, net.time, net.label, net.blocks, net.head)
report = mg.check.gradients(broken, rng.standard_normal((6, 3)), given={"t": given["t"]}, rng=rng)
assert not report
print(report)

# %% [markdown]
# **How to read it.** Everything is right but the four arrays of `time`. So the mistake lies
# between the blocks and the embedding, and there is only one variable there. With all other
# gradients right the loss would still fall: a training curve does not find such a mistake.
#
# ## 5. Training
#
# **Model A** is the classic: the simple loss (S-SIMPLE), and the variance of each step fixed to
# $\tilde\beta_t$. **Model B** trains the bound itself, and its network also says the variance of
# each pixel at each step (`variance="free"`). They differ in two things, so there is a third
# between them: **A'** has the loss of B and the variance of A. Three times the same network and
# the same steps. `ema` keeps a moving average of the parameters, less noisy than the last ones.
#
# **Predict, then run.** Put A, A' and B and the three baselines of section 1 in order.


# %%
def fitted(variance, loss, steps=1800, seed=1):
    """A trained model and its run."""
    rng = np.random.default_rng(seed)
    model = mg.diffusion.ddpm(
        64, schedule, hidden=192, blocks=2, variance=variance, levels=17, rng=rng
    )
    run = mg.fit(
        getattr(model, loss), train, steps=steps, batch=128, lr=2e-3, ema=0.99, rng=rng,
        validation=digits.validation.x, progress=False,
    )  # fmt: skip
    return model, run


A, _ = fitted("beta_tilde", "simple")
A_prime, _ = fitted("beta_tilde", "bound")
B, run_B = fitted("free", "bound")
print(B)

models = {"A": A, "A'": A_prime, "B": B}
bounds = {name: model.elbo(test, rng=rng) for name, model in models.items()}
bits = {name: bound.bits_per_dim for name, bound in bounds.items()}
what = {"A": "simple loss, beta_tilde", "A'": "bound, beta_tilde", "B": "bound, free variance"}
table = scale | {f"{name}: {what[name]}": bits[name] for name in models}
for name, value in sorted(table.items(), key=lambda row: -row[1]):
    print(f"{name:26} {value:.3f} bits per dimension")
error = bounds["B"].bits_error
print(f"(standard error of B {error:.3f})")
assert bits["B"] + 3 * error < scale["independent pixels"] < bits["A'"] < bits["A"]

# %% [markdown]
# The numbers for A, A' and B are *bounds*: the truth is at most this much. Model A, the classic, is
# beaten by a table of pixel frequencies, and so is A'. Model B is better than all others. (These
# are a few seconds of training, not the limit.)
#
# Where does the difference arise? Term by term. **Predict, then run.** Which of the terms
# $L_0\dots L_{T-1}$ is the most expensive?

# %%
for name, bound in bounds.items():
    first, later = bound.L[0] / (64 * np.log(2)), bound.L[1:].sum() / (64 * np.log(2))
    print(f"{name:2} L_0 {first:.2f}, all later terms {later:.2f} bits per dimension")
L = {name: (bound.L[0], bound.L[1:].sum()) for name, bound in bounds.items()}
assert L["A"][0] > L["A'"][0] + 8 and abs(L["A'"][0] - L["B"][0]) < 4  # L_0: the loss
assert L["A'"][1] > L["B"][1] + 5 and abs(L["A"][1] - L["A'"][1]) < 4  # later: the variance
mg.plot.lines(
    {name: (np.arange(1, T + 1), b.L[:-1] / (64 * np.log(2))) for name, b in bounds.items()},
    log="xy", xlabel="t + 1 of $L_t$", ylabel="bits per dimension", title="The terms of the bound",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Both axes are logarithmic; the first dot of a line is $L_0$. It is the
# decoder, the price of the exact integers, and by far the largest. There the **loss** makes the
# difference: A' is as cheap as B. In the terms behind it the **variance** makes it: only B is
# cheaper. First $L_0$, pixel by pixel.


# %%
def price(model):
    """L_0, mu and sigma of each pixel at t = 1, as means over the test images: (64,) each."""
    now, x = np.array([1]), (test / 8 - 1).astype(np.float32)
    eps = np.random.default_rng(2).standard_normal(x.shape, dtype=np.float32)
    xt = q_sample(schedule, x, eps, now)
    out, logvar, _ = model.reverse.forward(xt, t=now)
    mu, _ = model.reverse.mean.forward(xt, out, t=now)
    logp, _ = decoder.forward(x.reshape(-1, 1), mu.reshape(-1, 1), logvar.reshape(-1, 1))
    price = -logp.reshape(x.shape) / np.log(2)
    return np.array([v.mean(axis=0).reshape(8, 8) for v in (price, mu, np.exp(logvar / 2))])


maps = {name: price(model) for name, model in models.items()}
for place, columns in (("left column", [0]), ("middle columns", [3, 4])):
    for name, of_model in maps.items():
        cost, mu, sigma = of_model[:, :, columns].mean(axis=(1, 2))
        print(f"{place:14} {name:2} {cost:.2f} bits, mu {mu:5.2f}, sigma {sigma:.3f}")
assert maps["B"][0, :, 0].mean() < 0.2 < 0.5 < maps["A"][0, :, 0].mean()
assert maps["B"][1, :, 0].mean() < -1.1 < maps["A"][1, :, 0].mean()

sigma_1 = np.sqrt(A.reverse.first)
white = norm.cdf(1 / 16 / sigma_1)  # half a cell, in standard deviations
print(f"A: sigma_1 = {sigma_1:.2f}; white, aimed at exactly, has probability {white:.2f}", end=", ")
print(f"that is {-np.log2(white):.1f} bits")

# %%
mg.plot.matrices({f"{name}: bits of $L_0$ by pixel": maps[name][0] for name in maps}, digits=1)

# %% [markdown]
# **How to read it.** Dark pixels are dear. In the middle they pay nearly the same: a grey level is
# hard to know there. The difference is at the left and right edge, where the images are white. A's
# loss is a squared error, and the best answer to it is white itself, $\mu=-1$. With its fixed
# $\sigma_1=0.16$ the cell of white then has the probability $\Phi(h/\sigma_1)=0.65$: 0.6 bits for
# a pixel that everybody knows. A' and B train the bound, $L_0$ included. They learned to aim
# *beyond* white: the cell of white reaches to $-\infty$, so that nearly all the mass is in it.
# Nobody told them so.
#
# In the later terms there is no such way out: a step's variance is right or wrong. $\tilde\beta_t$
# is right for a pixel that is known, and too small for all others.

# %%
mg.plot.training(run_B)

# %% [markdown]
# **How to read it.** The loss of B is the bound itself, in nats (divide by $64\log2\approx44$ for
# bits per dimension). A batch is noisy: one random $t$ for each row. The validation uses fixed
# noise. Where it lags behind the batches, the 1000 images begin to be learned by heart. `fit` keeps
# the parameters of the best validation.
#
# ## 6. Samples
#
# Start from noise, take 20 steps by $p_\theta(\bar x_{t-1}|\bar x_t)$ (the mean is DIF-23).

# %%
for name in ("ancestral", "ancestral_step"):
    print(inspect.getsource(resolve_name(f"minigen.diffusion.samplers.{name}")))
drawn = B.sample(64, rng=rng)
drawn_A = A.sample(16, rng=rng)
for name, x in (("test images", test), ("samples of A", drawn_A), ("samples of B", drawn)):
    share = (x.reshape(-1, 8, 8)[:, :, [0, 7]] > 0).mean()
    print(f"{name:12} share of edge pixels that are not white: {share:.3f}")
mg.plot.images(
    np.concatenate([drawn, drawn_A]),
    columns=16,
    top=16,
    heading="64 samples of B, and in the last row 16 of A",
)

# %% [markdown]
# **How to read it.** Of B, many can be read as a digit, and many are something between two: that is
# what seconds of training on few images give. A has learned as much about strokes, but its samples
# are speckled: its last step aims *at* white and then adds noise with $\sigma_1$, more than a
# cell, to every pixel. What the bits have measured is now visible. (Many programs leave the noise
# of the last step out. Then the pictures are clean, and the model that is sampled is not the one
# whose bound was computed.)

# %%
states = list(B.states(6, rng=np.random.default_rng(3)))
kept = [k for k in range(len(states)) if states[k][0] in (20, 16, 12, 8, 5, 3, 1, 0)]
names = [f"t = {states[k][0]}" for k in kept]
grey = [np.clip((states[k][1] + 1) * 8, 0, 16) for k in kept]
mg.plot.filmstrip(grey, names, top=16, how="six samples, backwards")

# %% [markdown]
# **How to read it.** Row by row, from noise to a digit, or to something like one. Between
# $t=12$ and $t=5$ a shape appears and is decided; the last steps make the paper white and the
# strokes black. It is the forward picture of section 3, read from right to left. In motion:

# %%
walk = list(B.states(12, rng=np.random.default_rng(4)))
film = [
    mg.plot.images(
        np.clip((x.reshape(12, 64) + 1) * 8, 0, 16), columns=6, top=16, heading=f"t = {t}"
    )
    for t, x in walk
]
mg.plot.Animation(film, seconds=0.3, last=2.0)

# %% [markdown]
# **How to read it.** The reverse process of twelve samples: grey noise at first, then shapes, and
# in the last steps black strokes on white paper.
#
# **Is it only remembering?** Look up the nearest training images of some samples. As a scale: how
# far are *test* digits from the training images?


# %%
def nearest(x, k=4):
    """The k nearest training images of x (N, 64): indices (N, k) and distances (N, k)."""
    square = ((x[:, None, :].astype(float) - train[None]) ** 2).sum(axis=2)
    order = np.argsort(square, axis=1)[:, :k]
    return order, np.sqrt(np.take_along_axis(square, order, axis=1))


found, distance = nearest(drawn)
_, of_test = nearest(test[:64])
print(
    f"median distance to the nearest training image: samples {np.median(distance[:, 0]):.1f}",
    end=", ",
)
print(f"test digits {np.median(of_test[:, 0]):.1f}")
print("exact copies among the samples:", int((distance[:, 0] == 0).sum()))
assert np.median(distance[:, 0]) > 0.7 * np.median(of_test[:, 0])
mg.plot.neighbours(drawn[:6], train[found[:6]], top=16, heading="sample | nearest")

# %% [markdown]
# **How to read it.** Left of the line a sample, right of it the four training images that are
# nearest. They are relatives, not copies. The samples are even farther from the training images
# than new handwritten digits are: those that are no digits are near to nothing.
#
# ## 7. DDIM: the same network, no dice
#
# At each $t$ the network answers one question: which $\bar x_0$, and so which noise, is behind
# $\bar x_t$? The simple loss asks nothing else. (The bound, by which B was trained, asks for one
# step back, and gets the same kind of answer, moved a little where that pays: section 5.) An answer
# can be used in other ways than by the step of DIF-23. Take any way down with the same marginals
# $q(\bar x_t|\bar x_0)$. Say we are at
# $\bar x_t=\sqrt{A_t}\,\bar x_0+\sqrt{1-A_t}\,\bar\varepsilon$ and go to $s<t$. Keep the *same*
# noise $\bar\varepsilon$, or replace a part of it by fresh noise $\bar z$:
#
# $$\bar x_s=\sqrt{A_s}\,\bar x_0+\sqrt{1-A_s-\sigma^2}\;\bar\varepsilon+\sigma\,\bar z$$
#
# The variances add up to $1-A_s$ for every $\sigma$ (DIF-8 again), so the marginal is right. With
# $\hat x_0$ and $\hat\varepsilon$ from the network this is the *denoising diffusion implicit
# model*, DDIM (Song, Meng and Ermon 2021). $\sigma^2=\tilde\beta_t$ is the step of DIF-23.
# $\sigma=0$ has no dice at all, and $s$ need not be $t-1$.

# %%
for name in ("ddim", "ddim_step"):
    print(inspect.getsource(resolve_name(f"minigen.diffusion.samplers.{name}")))

# %% [markdown]
# Check the two claims where the truth is known. Let the data be one point $\bar c$. Then the ideal
# network knows the noise, and DDIM must hit $\bar c$ with *any* number of steps and any $\sigma$.
# And with $\sigma^2=\tilde\beta_t$ (`eta=1`) a walk must be the one of section 6: the same dice,
# the same states, down to $t=1$. (The last step is the decoder's there.)

# %%
c = np.array([[0.7, -0.2]])
net = IdealNoise.init(schedule, c, 0.0)
point = DDPM(ReverseProcess(net, schedule, 2, "eps", "beta", schedule.beta[1]))
for steps in (1, 2, 5, 20):
    for eta in (0.0, 1.0):
        end = point.sample(50, rng=rng, sampler="ddim", steps=steps, eta=eta)
        assert np.abs(end - c).max() < 1e-7
print("one point: DDIM ends there, with 1, 2, 5 and 20 steps, with and without noise")

net = IdealNoise.init(schedule, [[1, 1], [-1, 0.5]], 0.2**2)
two = DDPM(ReverseProcess(net, schedule, 2, "eps", "beta_tilde", schedule.beta[1]))
by_dif_23 = dict(two.states(50, rng=np.random.default_rng(5)))
by_ddim = dict(two.states(50, rng=np.random.default_rng(5), sampler="ddim", eta=1.0))
off = max(np.abs(by_dif_23[t] - by_ddim[t]).max() for t in range(1, T + 1))
print(f"two points: the walks by DIF-23 and by DDIM with eta = 1 differ by {off:.0e}")
assert off < 1e-10

# %% [markdown]
# ## 8. The probability-flow ODE
#
# Take $\sigma=0$ and use the angle of section 3: $\bar x_\phi=\cos\phi\,\bar x_0+\sin\phi\,
# \bar\varepsilon$. A DDIM step goes to another angle, with $\hat x_0$ and $\hat\varepsilon$ held
# fixed. Make the step small:
#
# $$\frac{d\bar x}{d\phi}=-\sin\phi\;\hat x_0+\cos\phi\;\hat\varepsilon=\hat v(\bar x,\phi)$$
#
# The network's $v$ *is* the velocity. This is an ordinary differential equation, the
# **probability-flow ODE** (Song et al. 2021): DDIM is one way to solve it, an adaptive Runge-Kutta
# method is another. The map from noise to data is then fixed, one point to one point, as in a
# normalizing flow. So the same noise must give the same digit, with any number of steps. **Predict,
# then run.** From twenty steps down to two: where will the digits fall apart?

# %%
ways = {"ODE": ("ode", None)} | {f"DDIM {n}": ("ddim", n) for n in (20, 10, 5, 3, 2)}
results = {}
for name, (sampler, steps) in ways.items():
    results[name] = B.sample(16, rng=np.random.default_rng(7), sampler=sampler, steps=steps)
    off = np.abs(results[name] - results["ODE"]).mean()
    print(f"{name:8} mean distance to the ODE {off:.2f} of 16 grey levels")
apart = [np.abs(x - results["ODE"]).mean() for x in results.values()]
assert apart[1] < apart[3] < apart[5] and apart[1] < 0.5
mg.plot.images(
    np.concatenate(list(results.values())),
    columns=16,
    top=16,
    heading=f"from the same noise, row by row: {', '.join(results)}",
)

# %% [markdown]
# **How to read it.** A column is one noise. From row to row it stays the same digit: ten steps, or
# five, hardly differ from the ODE. With three the strokes lose contrast; with two only a blur
# is left. Twenty steps with dice could not be shortened like this (exercise 2).
#
# A map from points to points has a density by the change of variables, in continuous time
# ([Chen et al. 2018](https://arxiv.org/abs/1806.07366)):
#
# $$\log p(\bar x_0)=\log\mathcal N(\bar x_T;0,I)+\int_0^T\mathrm{div}\,\frac{d\bar x}{dt}\,dt$$
#
# The divergence is a trace of a Jacobian: $D$ backward passes, one for each unit vector. For 64
# pixels that is slow; in the plane it is not. With the ideal network of the eight bumps the answer
# must be the density of the data:

# %%
print(inspect.getsource(resolve_name("minigen.diffusion.ode.divergence")))
toy = mg.data.toy("eight_gaussians")
angle = np.pi * np.arange(8) / 4
modes = 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
long = cosine_schedule(100)
net = IdealNoise.init(long, modes, 0.2**2)
bumps = DDPM(ReverseProcess(net, long, 2, "eps", "beta", long.beta[1]))
x = toy.sample(60, rng=rng)
gap = bumps.log_prob_ode(x) - toy.log_prob(x)
more = toy.sample(4000, rng=rng)
lost = (bumps.elbo(more, rng=rng).per_row + toy.log_prob(more)).mean()
print(
    f"log p of the ODE minus the truth: mean {gap.mean():+.4f}, worst {np.abs(gap).max():.4f} nats"
)
print(f"the bound of the same model is above -log p by {lost:.4f} nats")
assert np.abs(gap).max() < 0.03 < lost

# %% [markdown]
# The bound loses something on paths (tutorial 05), the ODE has no paths to lose anything on. What
# is left comes from below $t=1$, where no network is trained and the score is held still, and from
# the tolerance of the solver.
#
# ## Exercises
#
# **1.** (medium) By section 3 $(\bar x_t,\bar v)$ is $(\bar x_0,\bar\varepsilon)$ turned by an
# angle $\phi$. DDIM without dice goes to another angle $\psi<\phi$ with $\hat x_0$ and
# $\hat\varepsilon$ held fixed. Write the weights of $\bar x_t$ and of $\hat v$ in the new point.


# %%
def weights(phi, psi) -> Any:
    """(p, q) of x_s = p x_t + q v."""
    return None, None  # your answer


# %%
phi, psi = 1.1, 0.7
ends_of = rng.standard_normal((2, 5))  # x_0 and the noise
turned = np.cos(phi) * ends_of[0] + np.sin(phi) * ends_of[1]
velocity = np.cos(phi) * ends_of[1] - np.sin(phi) * ends_of[0]
p, q = weights(phi, psi)
if p is None or q is None:
    print("Fill in the cell above and run both again.")
else:
    wanted = np.cos(psi) * ends_of[0] + np.sin(psi) * ends_of[1]
    right = np.allclose(p * turned + q * velocity, wanted)
    print("right" if right else "not yet: by which angle is (x_t, v) turned, and which way?")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The inverse of a rotation is its transpose: $\bar x_0=\cos\phi\,\bar x_t-\sin\phi\,\bar v$,
# $\bar\varepsilon=\sin\phi\,\bar x_t+\cos\phi\,\bar v$. Put them into
# $\bar x_s=\cos\psi\,\hat x_0+\sin\psi\,\hat\varepsilon$:
#
# ```python
# def weights(phi, psi):
#     return np.cos(phi - psi), -np.sin(phi - psi)
# ```
#
# The step turns $(\bar x_t,\hat v)$ back by $\phi-\psi$.
# </details>
#
# **2.** (easy) Five steps in place of twenty: once with dice (`B.sample(n, rng=rng, steps=5)`),
# once by DDIM (`sampler="ddim"`). Which of the two samples will cost B itself more bits, `"dice"`
# or `"DDIM"`? Guess first; the check measures.

# %%
suffers = None  # your answer

# %%
if suffers is None:
    print("Fill in the cell above and run both again.")
else:
    costs = {"test images": bits["B"]}
    for name, sampler in (("dice", "ancestral"), ("DDIM", "ddim")):
        for steps in (20, 5):
            x = B.sample(256, rng=np.random.default_rng(9), sampler=sampler, steps=steps)
            costs[f"{name}, {steps} steps"] = B.elbo(x, rng=rng).bits_per_dim
    for name, value in costs.items():
        print(f"{name:15} {value:.2f} bits per dimension")
    worse = "dice" if costs["dice, 5 steps"] > costs["DDIM, 5 steps"] else "DDIM"
    print("right" if suffers == worse else "not yet: read the numbers above")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The dice suffer. A large step back is no Gaussian: $\bar x_t$ leaves several digits open, and
# $q(\bar x_s|\bar x_t)$ has several humps. One Gaussian in its place adds noise that the few steps
# left cannot clean up. DDIM adds none: it follows one smooth path.
#
# ```python
# suffers = "dice"
# ```
#
# Samples that cost *fewer* bits than test images are no better than these, by the way: they are a
# little too smooth, more typical than the truth.
# </details>
#
# **3.** (hard) A can be improved *without any training*: give each pixel its own variance at each
# step. From the errors `delta` of the mean at $t=5$, over the training images, write the best
# variance of each pixel. (Why not over the test images?)

# %%
now, x0 = np.array([5]), (train / 8 - 1).astype(np.float32)
xt = q_sample(schedule, x0, rng.standard_normal(x0.shape, dtype=np.float32), now)
delta = PosteriorMean(schedule).forward(xt, x0, t=now)[0] - A.reverse.predicted(xt, now, "mu")
own_variance = None  # your answer: (64,), from delta and schedule.beta_tilde[5]


# %%
def cost_of(variance):
    """The mean of L_4 in nats, up to a constant, with this variance of each pixel."""
    square = schedule.beta_tilde[5] + (delta**2).mean(axis=0)
    return 0.5 * np.sum(np.log(variance) + square / variance)


if own_variance is None:
    print("Fill in the cell above and run both again.")
else:
    others = [cost_of(c * own_variance) for c in (0.95, 1.05)]
    gained = cost_of(np.full(64, schedule.beta_tilde[5])) - cost_of(own_variance)
    right = cost_of(own_variance) < min(others) and gained > 0
    print(f"gained over beta_tilde: {gained:.1f} nats an image")
    print("right" if right else "not yet: section 5 of tutorial 05, for each pixel alone")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The best $\sigma^2$ of a Gaussian term is $\tilde\beta_t+E\,\delta^2$, now for each pixel alone
# (Bao, Li, Zhu and Zhang 2022):
#
# ```python
# now, x0 = np.array([5]), (train / 8 - 1).astype(np.float32)
# xt = q_sample(schedule, x0, rng.standard_normal(x0.shape, dtype=np.float32), now)
# delta = PosteriorMean(schedule).forward(xt, x0, t=now)[0] - A.reverse.predicted(xt, now, "mu")
# own_variance = schedule.beta_tilde[5] + (delta**2).mean(axis=0)
# ```
#
# The expectation must be taken over training data (or validation data): a variance fitted on the
# test images would no longer give a bound that can be compared.
# </details>
#
# ## What to read next
#
# * Ho, Jain and Abbeel, [*Denoising diffusion probabilistic
#   models*](https://arxiv.org/abs/2006.11239) (2020).
# * Nichol and Dhariwal, [*Improved denoising diffusion probabilistic
#   models*](https://arxiv.org/abs/2102.09672) (2021): learned variances.
# * Song, Meng and Ermon, [*Denoising diffusion implicit models*](https://arxiv.org/abs/2010.02502)
#   (2021).
# * Song et al., [*Score-based generative modeling through stochastic differential
#   equations*](https://arxiv.org/abs/2011.13456) (2021): the ODE. Salimans and Ho, [*Progressive
#   distillation*](https://arxiv.org/abs/2202.00512) (2022): $v$.
# * Ho and Salimans, [*Classifier-free diffusion guidance*](https://arxiv.org/abs/2207.12598)
#   (2022): `mg.diffusion.ddpm` with `classes`, trained on images and labels.
# * The entries at work: [DIF-23](../docs/notes.md#DIF-23), [ELBO-16a](../docs/notes.md#ELBO-16a).
#
# Homework: `minigen homework start diffusion`; when it is right, `minigen homework milestone
# diffusion.py` learns the moons by your own functions. Next: [tutorial 07](07_likelihoods.ipynb),
# likelihoods you can trust, or [13](13_unet.ipynb), a network for pictures.
