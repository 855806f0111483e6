# %% [markdown]
# # 13 A U-Net that draws
#
# **Question.** To take noise out of a picture, a network must know both what stands at a pixel and
# what the whole picture is. A convolution sees nine pixels. What network sees both, where does the
# time go into it, and how does its gradient find the way back?
#
# **You need** tutorials 05 and 06 (diffusion) and 12 (convolutions).
# **Time** about 50 minutes. **Equations** S-CONV, S-GN, S-ATT, and the losses of tutorials 05, 06.

# %%
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

import dataclasses
import inspect
from typing import Any

import numpy as np

import minigen as mg
from minigen.diffusion import UNet
from minigen.nn import ConvBlock, SelfAttention

rng = np.random.default_rng(0)

# %% [markdown]
# ## 1. One picture at several sizes
#
# Halve a picture three times and a 3 x 3 filter sees all of it. Double it again and each pixel has
# its own number, but what stood at the pixel is lost. The U-Net (Ronneberger, Fischer and Brox
# 2015) keeps both: at each size, what is on the way down is laid beside what comes up.
#
#     28 x 28 x 16   down ----------------- h ----------------->  up    28 x 28 x 16
#                      | pool                          upsample  |
#     14 x 14 x 32     down --------------- h ------------>  up
#                        | pool                  upsample  |
#      7 x  7 x 32        block, block, attention, block
#
# One scale is: go down, do everything that is smaller, come up. So a scale holds a smaller scale,
# and the code is ten lines.

# %%
net = UNet.init((8, 8, 1), T=100, hidden=8, blocks=1, scales=2, groups=4, rng=rng, dtype=np.float64)
Scale = type(net.body)
print(inspect.getsource(Scale.forward))
print(inspect.getsource(Scale.backward))

# %% [markdown]
# Read `backward` from its first line. `h` goes two ways: past everything, and down. So `dh` is a
# **sum of two**: the part of `dhu` that came along the skip, and what comes back through the pool.
# This is the one line that a hand-written U-Net gets wrong. Let us get it wrong.


# %%
class OneWay(Scale):
    """A scale that forgets the gradient of its skip."""

    def backward(self: Any, dy, cache):
        down, inner, up, channels = cache
        dhu, de_up, dup = self.up.backward(dy, up)
        dlow, _ = mg.nn.Upsample().backward(dhu[..., channels:], None)
        dpooled, de_inner, dinner = self.inner.backward(dlow, inner)
        dh = mg.nn.AveragePool().backward(dpooled, None)[0]
        dx, de_down, ddown = self.down.backward(dh, down)
        return dx, de_down + de_inner + de_up, {"down": ddown, "inner": dinner, "up": dup}


moved = mg.core.perturbed(net, rng, 0.1)
broken = dataclasses.replace(moved, body=OneWay(*vars(moved.body).values()))
x, t = rng.standard_normal((2, 64)), np.array([3, 70])
right, wrong = (mg.check.adjoint(n, x, given={"t": t}, rng=rng) for n in (moved, broken))
assert right and not wrong
print(right, "\n")
print(*(str(wrong).splitlines()[:6]), sep="\n")

# %% [markdown]
# `mg.check.adjoint` compares $v\cdot(Ju)$ with $(J^Tv)\cdot u$ along random directions: a check of
# all of a large network at the price of a few forward passes. It then names the arrays that are
# wrong: those *before* the skip. What comes after it is right, which is how you find the line.
#
# **Predict, then run.** How many numbers has this network, and how many has the residual
# MLP of tutorial 06 with two blocks of 192?

# %%
mlp = mg.diffusion.ddpm(64, mg.diffusion.cosine_schedule(100), hidden=192, blocks=2, rng=rng)
print(f"U-Net: {net.size:,}; MLP: {mlp.reverse.net.size:,}")
assert net.size < mlp.reverse.net.size / 5

# %% [markdown]
# ## 2. The time is in every block
#
# The same picture means one thing at $t=5$ and another at $t=95$. A vector $e(t)$ of sinusoids and
# two layers (tutorial 06) is added to each pixel of each block:
#
# $$h=\mathrm{conv}_1(\mathrm{silu}(\mathrm{norm}_1(x)))+eW_e+b_e,\qquad
# y=\mathrm{skip}(x)+\mathrm{conv}_2(\mathrm{silu}(\mathrm{norm}_2(h)))$$
#
# It is *one* number for all pixels, so $de$ is a *sum* over the pixels, and over all blocks.

# %%
print(inspect.getsource(ConvBlock.backward))
block = mg.core.perturbed(ConvBlock.init(4, 6, 3, groups=2, rng=rng), rng, 0.2)
x, e = rng.standard_normal((2, 4, 4, 4)), rng.standard_normal((2, 3))
report = mg.check.gradients(block, x, e, rng=rng, entries=8)
assert report
print(*str(report).splitlines()[:3], sep="\n")

# %% [markdown]
# ## 3. Attention: every place looks at every other
#
# At the smallest size there is room for something that costs the square of the number of places.
# Each place asks ($Q$), each answers to what it has ($K$), and gets a mean of what they hold ($V$):
#
# $$A=\mathrm{softmax}\Big(\frac{QK^T}{\sqrt d}\Big),\quad O=AV,\qquad
# dS=A\odot\Big(dA-\sum_l dA_lA_l\Big)\qquad\text{(S-ATT)}$$
#
# The second formula is the only one that is new. A row of $A$ sums to 1, so what all weights of a
# row want in common cannot be had: that mean is taken out.

# %%
print(inspect.getsource(SelfAttention.backward))
look = mg.core.perturbed(SelfAttention.init(4, 2, rng=rng), rng, 0.3)
report = mg.check.gradients(look, rng.standard_normal((2, 2, 3, 4)), rng=rng)
assert report
print(report)

# %% [markdown]
# **Predict, then run.** Attention has no idea where a place is. If the pixels of a picture are
# shuffled, what happens to its output?

# %%
x = rng.standard_normal((1, 1, 6, 4))
shuffle = rng.permutation(6)
same = np.allclose(look.forward(x[:, :, shuffle])[0], look.forward(x)[0][:, :, shuffle])
print("shuffled input, shuffled output:", same)
assert same

# %% [markdown]
# The convolutions around it know where they are (zeros at the border), so the network does.
#
# ## 4. Train it
#
# Everything of tutorials 05 and 06 is as it was: losses, bound, samplers and guidance ask for *a*
# network of rows, and `net="unet"` is one. The label goes in beside the time.

# %%
digits = mg.data.digits()
model = mg.diffusion.ddpm(
    64, mg.diffusion.cosine_schedule(40, 0.03), net="unet", shape=(8, 8, 1), hidden=16, levels=17,
    classes=10, rng=rng,
)  # fmt: skip
data = (digits.train.x, digits.train.y)
before = model.elbo(digits.test.x[:200], label=digits.test.y[:200], rng=rng).bits_per_dim
run = mg.fit(model, data, steps=400, batch=64, lr=3e-3, ema=0.99, rng=rng, progress=False)
after = model.elbo(digits.test.x[:200], label=digits.test.y[:200], rng=rng).bits_per_dim
print(f"{run.steps} steps: the bound went from {before:.2f} to {after:.2f} bits a pixel")
assert after < before - 0.5
label = np.tile(np.arange(10), 4)
drawn = model.sample(40, label=label, guidance=2.0, rng=rng)
mg.plot.images(drawn, columns=10, top=16, heading="40 samples, a class in each column")

# %% [markdown]
# Each column is one class, none chosen by hand, after a few seconds of training. Follow six of them
# from noise:

# %%
frames, times = [], []
for t, x in model.states(6, label=np.arange(6), guidance=2.0, rng=rng):
    if t % 8 == 0:
        frames.append(np.clip(8 * (x + 1), 0, 16))
        times.append(f"t = {t}")
mg.plot.filmstrip(frames, times, top=16, how="six samples, backwards")

# %% [markdown]
# Are they copies? The nearest training pictures stand beside them.

# %%
far = ((drawn[:6, None] - digits.train.x[None].astype(float)) ** 2).sum(axis=2)
near = digits.train.x[np.argsort(far, axis=1)[:, :5]]
print("distance of a sample to the nearest training picture:", np.sqrt(far.min(axis=1)).round(1))
assert far.min() > 0
mg.plot.neighbours(drawn[:6], near, top=16, heading="sample | nearest")

# %% [markdown]
# ## 5. Larger pictures
#
# The same code draws 16 x 16 and 28 x 28. `mg.data.glyphs` is an endless stream of printed
# characters, from fonts that are on every machine that has matplotlib, so that nothing is
# downloaded and no picture is seen twice.

# %%
glyphs = mg.data.glyphs(28, "0123456789")
mg.plot.images(glyphs.sample(40, rng=rng), columns=10, top=15, heading="40 glyphs of 28 x 28")

# %% [markdown]
# `python tutorials/long_run.py unet --size 28 --minutes 10` trains on them for ten minutes of one
# core and writes its samples to `tutorials/pictures`.
#
# ## Exercises
#
# Fill in the cells; each says whether it is right. Until then it says so too.


# %%
def verdict(right):
    """What a cell says of an answer: None while there is none."""
    return {None: "not filled in yet", True: "right", False: "not right"}[right]


# %% [markdown]
# **1.** Write the backward pass of softmax, from $A$ and $dA$ (both $(N, L)$).


# %%
def softmax_backward(dA, A):
    """dS of S, where A = softmax(S)."""
    return None  # fill in


S, dA = rng.standard_normal((2, 3, 5))
A = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
J = mg.check.jacobian(lambda v: np.exp(v) / np.exp(v).sum(axis=1, keepdims=True), S)
yours = softmax_backward(dA, A)
print(verdict(None if yours is None else np.allclose(yours, np.einsum("ni,nij->nj", dA, J))))

# %% [markdown]
# <details><summary>Answer</summary>
#
# `return A * (dA - (dA * A).sum(axis=1, keepdims=True))`
# </details>
#
# **2.** A block adds $e$ (N, C) to each pixel of $h$ (N, H, W, C). Given $dh$, what is $de$? And if
# one $e$ (1, C) serves all rows?


# %%
def condition_backward(dh):
    """(de of a condition for each row, de of one condition for all rows)."""
    return None  # fill in


dh = rng.standard_normal((3, 4, 5, 2))
pair: Any = condition_backward(dh)
right = None
if pair is not None:
    each, one = pair
    right = np.allclose(each, dh.sum(axis=(1, 2))) and np.allclose(one, [dh.sum(axis=(0, 1, 2))])
print(verdict(right))

# %% [markdown]
# <details><summary>Answer</summary>
#
# `return dh.sum(axis=(1, 2)), dh.sum(axis=(0, 1, 2))[None]`. What is used many times receives a
# sum.
# </details>
#
# **3.** How far does a pixel of a fresh network without attention see? Take a network of one scale
# with one block on each way, and set a single pixel of the input: in how many pixels, at most, can
# the output move? (Count the 3 x 3 convolutions on the way: `lift`, two in each block, `head`. The
# normalisation is not counted: it sees everything, a little.)

# %%
side = None  # fill in: the side of the square
print(verdict(None if side is None else side == 13))

# %% [markdown]
# <details><summary>Answer</summary>
#
# Each convolution adds one pixel on each side: six of them reach 6 pixels far, so the side is
# $2\cdot6+1=13$. On 8 x 8 that is everything; on 28 x 28 it is not, which is why the picture is
# halved: one convolution at 7 x 7 reaches as far as four at 28 x 28.
# </details>
#
# ## What to read next
#
# * Ronneberger, Fischer and Brox, *U-Net* (2015).
# * Ho, Jain and Abbeel, *Denoising diffusion probabilistic models* (2020), appendix B.
# * Vaswani et al., *Attention is all you need* (2017).
# * Ho and Salimans, *Classifier-free diffusion guidance* (2022).
