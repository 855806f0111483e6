# %% [markdown]
# # 13 A U-Net that draws
#
# **Question.** To take noise out of a picture, a network must know both what stands at a pixel and
# what the whole picture is. A convolution sees nine pixels. What network sees both, where does the
# time go into it, and how does its gradient find the way back?
#
# **You need** tutorials [05](05_elbo.ipynb) and [06](06_diffusion_digits.ipynb) (diffusion) and
# [12](12_pictures.ipynb) (convolutions). **Time** about 50 minutes. **Homework** of this chapter:
# `minigen homework start elbo`. **Equations** [S-CONV](../docs/notes.md#S-CONV),
# [S-GN](../docs/notes.md#S-GN), [S-ATT](../docs/notes.md#S-ATT),
# [S-CAUSAL](../docs/notes.md#S-CAUSAL), and the losses of tutorials 05 and 06.

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
from typing import Any

import numpy as np

import minigen as mg
from minigen.diffusion import UNet
from minigen.nn import ConvBlock, SelfAttention

rng = np.random.default_rng(0)
digits = mg.data.digits()

# %% [markdown]
# ## Why another network?
#
# Programs that paint what a sentence says, that fill in a torn photograph or invent a protein, run
# one loop: start from noise, ask a network what is noise in it, take a little of that away. The
# bound, the loss and the sampler are those of tutorials 05 and 06; they never asked what the
# network *is*. For pictures that decides everything. At the beginning of the loop, when all is
# noise, it must guess what the whole picture will be; at the end it must put single pixels right. A
# network for both was made for microscope pictures, and it is the one that most of these programs
# use. Here is what it must undo: four digits, on their way into the noise.

# %% jupyter={"source_hidden": true}
slow = mg.diffusion.cosine_schedule(40)
four = digits.test.x[:4] / 8.0 - 1
start = rng.standard_normal(four.shape)
film = []
for t in range(0, 41, 2):
    noisy = slow.alpha_bar[t] ** 0.5 * four + slow.one_minus_alpha_bar[t] ** 0.5 * start
    film.append(mg.plot.Picture(figsize=(5.2, 1.7), layout="constrained"))
    mg.plot.images(
        np.clip(8 * (noisy + 1), 0, 16), columns=4, top=16, heading=f"t = {t}",
        ax=film[-1].subplots(),
    )  # fmt: skip
mg.plot.Animation(film, seconds=0.2)

# %% [markdown]
# **How to read it.** Four digits of 8 x 8 pixels, under more and more noise until nothing of them
# is left. In the first frames a pixel and its neighbours say what it was. In the middle only the
# whole picture does.
#
# ## 1. One picture at several sizes
#
# Halve a picture three times and a 3 x 3 filter sees all of it. Double it again and each pixel has
# its own number, but what stood at the pixel is lost. The U-Net (Ronneberger, Fischer and Brox
# 2015) keeps both: at each size, what is on the way down is laid beside what comes up.

# %% jupyter={"source_hidden": true}
places = {
    "28 x 28 x 1": (-1.7, 2.4), "down, 28 x 28": (0, 2.4), "h": (3.2, 2.4),
    "up, 28 x 28": (6.4, 2.4), "noise": (8.1, 2.4),
    "down, 14 x 14": (1.5, 1.2), "h ": (3.2, 1.2), "up, 14 x 14": (4.9, 1.2),
    "7 x 7: blocks and attention": (3.2, 0),
}  # fmt: skip
mg.plot.diagram(
    places,
    [("28 x 28 x 1", "down, 28 x 28"), ("down, 28 x 28", "h"), ("h", "up, 28 x 28", "beside"),
     ("down, 28 x 28", "down, 14 x 14", "pool"), ("down, 14 x 14", "h "),
     ("h ", "up, 14 x 14", "beside"), ("down, 14 x 14", "7 x 7: blocks and attention", "pool"),
     ("7 x 7: blocks and attention", "up, 14 x 14", "upsample"),
     ("up, 14 x 14", "up, 28 x 28", "upsample"), ("up, 28 x 28", "noise")],
    back=[("up, 28 x 28", "h", "dh, part 1"), ("down, 14 x 14", "down, 28 x 28", "part 2")],
    boxes=[k for k in places if ":" in k or "," in k], accent=["h", "h "], title="A U-Net",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Boxes are layers, from left to right; lower means smaller. At each size the
# array $h$ (blue) goes two ways: down, where it is halved, and past everything to the right, where
# it is laid beside what comes up. Dashed: its gradient comes back on both.
#
# One scale is: go down, do everything that is smaller, come up. So a scale holds a smaller scale,
# and the code is ten lines ([`diffusion/unet.py`](../minigen/diffusion/unet.py)).

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
# wrong: those *before* the skip. What comes after it is right, which is how you find the line. The
# next cell counts on which side the wrong ones stand.

# %%
states = {row.name: row.state == "ok" for row in wrong.rows}
after = [ok for name, ok in states.items() if ".up." in name and ".inner." not in name]
before = [ok for name, ok in states.items() if ".down." in name and ".inner." not in name]
print(f"after the skip: {sum(after)} of {len(after)} are right; before it: {sum(before)}", end=" ")
print(f"of {len(before)}")
assert all(after) and after and before and not all(before)

# %% [markdown]
#
# **Predict, then run.** How many numbers has this network, and how many has the residual
# MLP of tutorial 06 with two blocks of 192?

# %%
mlp = mg.diffusion.ddpm(64, mg.diffusion.cosine_schedule(100), hidden=192, blocks=2, rng=rng)
print(f"U-Net: {net.size:,}; MLP: {mlp.reverse.net.size:,}")
assert net.size < mlp.reverse.net.size / 5
print(f"the U-Net has {net.size / mlp.reverse.net.size:.0%} of them")

# %% [markdown]
# ## 2. The time is in every block
#
# The same picture means one thing at $t=5$ and another at $t=95$. A vector $e(t)$ of sinusoids and
# two layers (tutorial 06) is added to each pixel of each block:
#
# $$h=\mathrm{conv}_1(\mathrm{silu}(\mathrm{norm}_1(x)))+eW_e+b_e,\qquad
# y=\mathrm{skip}(x)+\mathrm{conv}_2(\mathrm{silu}(\mathrm{norm}_2(h)))$$
#
# It is *one* number for all pixels, so $de$ is a *sum* over the pixels, and over all blocks
# ([`nn/conv_block.py`](../minigen/nn/conv_block.py)).

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
# row want in common cannot be had: that mean is taken out
# ([`nn/attention.py`](../minigen/nn/attention.py)).

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

# %%
label = np.tile(np.arange(10), 4)
drawn = model.sample(40, label=label, guidance=2.0, rng=rng)
mg.plot.images(drawn, columns=10, top=16, heading="40 samples, a class in each column")

# %% [markdown]
# **How to read it.** Forty samples, each column one class from 0 to 9, none chosen by hand, after a
# few seconds of training. Follow six of them from noise:

# %% jupyter={"source_hidden": true}
frames = []
for t, x in model.states(6, label=np.arange(6), guidance=2.0, rng=rng):
    if t % 2 == 0:
        seen = np.clip(8 * (x + 1), 0, 16)
        frames.append(mg.plot.Picture(figsize=(6.2, 1.4), layout="constrained"))
        mg.plot.images(seen, columns=6, top=16, heading=f"t = {t}", ax=frames[-1].subplots())
mg.plot.Animation(frames, seconds=0.2)

# %% [markdown]
# **How to read it.** Six samples, of the classes 0 to 5, on their way from noise to digits. The
# network is asked once for each $t$. The large strokes come first, their edges last.
#
# Are they copies? The nearest training pictures stand beside them.

# %%
far = ((drawn[:6, None] - digits.train.x[None].astype(float)) ** 2).sum(axis=2)
near = digits.train.x[np.argsort(far, axis=1)[:, :5]]
print("distance of a sample to the nearest training picture:", np.sqrt(far.min(axis=1)).round(1))
assert far.min() > 0

# %%
mg.plot.neighbours(drawn[:6], near, top=16, heading="sample | nearest")

# %% [markdown]
# **How to read it.** On the left six samples, beside each its five nearest training pictures. They
# are alike, and none is the same: the distances are printed above.
#
# ## 5. Larger pictures
#
# The same code draws 16 x 16 and 28 x 28. `mg.data.glyphs` is an endless stream of printed
# characters, from fonts that are on every machine that has matplotlib, so that nothing is
# downloaded and no picture is seen twice.

# %%
glyphs = mg.data.glyphs(28, "0123456789")
mg.plot.images(glyphs.sample(40, rng=rng), columns=10, top=15, heading="40 glyphs of 28 x 28")

# %% [markdown]
# **How to read it.** Forty printed digits of 28 x 28 pixels, each in a font, size and place of its
# own.
#
# `python tutorials/long_run.py unet --size 28 --minutes 10` trains on them for ten minutes of one
# core and writes its samples to `tutorials/pictures`.
#
# ## 6. The same attention, with a triangle: the MAF of today
#
# Cut a picture into patches and read them one after the other. If place $l$ may look at the places
# $m\le l$ alone, attention is autoregressive, and it can stand where the MADE of tutorial
# [03](03_autoregressive.ipynb) stood:
#
# $$S_{lm}=-\infty\ (m>l),\qquad z_l=\frac{x_l-\mu(x_{1:l-1})}{\sigma(x_{1:l-1})}
# \qquad\text{(S-CAUSAL, MAF-4)}$$
#
# This is the flow that Zhai et al. (2025) draw large pictures with. The triangle also says how to
# sample: a new patch needs the keys and the values of the patches before it and nothing else of
# them, so they are kept ([`flows/key_value.py`](../minigen/flows/key_value.py)). Each patch goes
# through the network once: the *key-value cache* of a language model is the "each unit once" of
# tutorial 03. **Predict, then run**: the Jacobian $dz/dx$ of nine pixels in patches of three. Which
# entries are 0?

# %%
small = mg.flows.TransformerMAFLayer.init(
    np.arange(9).reshape(3, 3), 8, 1, 2, rng=rng, dtype=np.float64
)
small = mg.core.perturbed(small, rng, 0.5)
x = rng.standard_normal((4, 9))
J = mg.check.jacobian(lambda v: small.forward(v)[0], x)
print(np.where(J.any(axis=0), "x", "."))
assert np.array_equal(J.any(axis=0), np.kron(np.tri(3, k=-1), np.ones((3, 3))) + np.eye(9))
assert np.allclose(small.forward(x)[1], np.linalg.slogdet(J)[1])
assert np.allclose(small.inverse(small.forward(x)[0])[0], x)
report = mg.check.gradients(small, x, rng=rng, entries=8)
assert report
print(*str(report).splitlines()[:3], sep="\n")

# %% [markdown]
# A patch sees all of the patches before it, and of its own only each pixel itself: the parameters
# of a patch are made at once.
#
# Give it the class as a context. Then the density is $p(\bar x|y)$, and Bayes' rule makes a
# classifier of it that nobody trained to be one: $\arg\max_y p(\bar x|y)$.

# %%
one_hot = np.eye(10)
patches = mg.flows.transformer_maf(
    (8, 8, 1), layers=2, hidden=32, patch=2, blocks=1, context=10, levels=17,
    before=(mg.flows.Logit(bins=17.0, low=0.01),), init_from=digits.train.x, rng=rng,
)  # fmt: skip
mg.fit(
    patches.nll, (digits.train.x, one_hot[digits.train.y]), steps=450, batch=64, lr=3e-3, clip=5.0,
    ema=0.98, rng=rng, progress=False,
)  # fmt: skip
test, y = digits.test.x[:400], digits.test.y[:400]
bits = patches.bits_per_dim(test, one_hot[y], rng=rng).mean()
said, _ = mg.flows.classify(patches, test, rng=rng)
right = (said == y).mean()
print(f"{bits:.2f} bits a pixel given the label; Bayes' rule finds {right:.0%} of the labels")
assert right > 0.7

# %%
drawn = patches.sample(40, one_hot[np.tile(np.arange(10), 4)], rng=rng)
mg.plot.images(drawn, columns=10, top=16, heading="40 samples, a class in each column")

# %% [markdown]
# **How to read it.** Forty samples of the flow, each column one class from 0 to 9, none chosen by
# hand. There is no noise to be taken out here: each picture is 16 patches, drawn one after the
# other by two layers that read in opposite directions.
#
# A well-known library puts a zero *after* the network where this one puts a zero patch before it.
# Then the parameters of the first patch are constants, and cannot even see the class: an exhibit of
# the [bug museum](10_bug_museum.ipynb). On the command line: `minigen train
# transformer_maf --data digits --label y --out m.npz`. How it compares with splines at equal
# seconds is [measured](../docs/open.md#the-maf-of-today).
#
# ## Exercises
#
# **1.** (medium) Write the backward pass of softmax, from $A$ and $dA$ (both $(N, L)$).


# %%
def softmax_backward(dA, A):
    """dS of S, where A = softmax(S)."""
    return None  # your answer


# %%
S, dA = rng.standard_normal((2, 3, 5))
A = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
J = mg.check.jacobian(lambda v: np.exp(v) / np.exp(v).sum(axis=1, keepdims=True), S)
yours = softmax_backward(dA, A)
if yours is None:
    print("Fill in the cell above and run both again.")
else:
    right = np.shape(yours) == S.shape and np.allclose(yours, np.einsum("ni,nij->nj", dA, J))
    print("right" if right else "not yet: what do all weights of a row want in common?")

# %% [markdown]
# <details><summary>Answer</summary>
#
# $dS=A\odot(dA-\sum_ldA_lA_l)$, the sum within each row:
#
# ```python
# def softmax_backward(dA, A):
#     return A * (dA - (dA * A).sum(axis=1, keepdims=True))
# ```
# </details>
#
# **2.** (easy) A block adds $e$ (N, C) to each pixel of $h$ (N, H, W, C). Given $dh$, what is $de$?
# And if one $e$ (1, C) serves all rows?


# %%
def condition_backward(dh):
    """(de of a condition for each row, de of one condition for all rows)."""
    return None, None  # your answer


# %%
dh = rng.standard_normal((3, 4, 5, 2))
rows = np.array([[dh[n, :, :, c].sum() for c in range(2)] for n in range(3)])
pair: Any = condition_backward(dh)
if pair[0] is None or pair[1] is None:
    print("Fill in the cell above and run both again.")
else:
    right = [np.shape(v) for v in pair] == [(3, 2), (1, 2)]
    right = right and np.allclose(pair[0], rows) and np.allclose(pair[1], [rows.sum(axis=0)])
    print("right" if right else "not yet: what is used many times receives a sum")

# %% [markdown]
# <details><summary>Answer</summary>
#
# What is used many times receives a sum, over all its uses:
#
# ```python
# def condition_backward(dh):
#     return dh.sum(axis=(1, 2)), dh.sum(axis=(0, 1, 2))[None]
# ```
# </details>
#
# **3.** (hard) How far does a pixel of a network without attention see? Take a network of one scale
# with one block on each way, and change a single pixel of the input: the output can move in a
# square around it. How many pixels is its side? (Count the 3 x 3 convolutions on the way: `lift`,
# two in each block, `head`. The normalisation is not counted: it sees everything, a little.)

# %%
side = None  # your answer

# %%
filters = [mg.nn.Conv2d.init(1, 1, rng=rng, dtype=np.float64) for _ in ("lift", *"1122", "head")]
spot = np.zeros((1, 31, 31, 1))
spot[0, 15, 15] = 1
for f in filters:  # one after the other, as in the network
    spot, _ = f.forward(spot)
reached = int(np.ptp(np.flatnonzero(spot.any(axis=(0, 2, 3))))) + 1
if side is None:
    print("Fill in the cell above and run both again.")
else:
    print("right" if side == reached else "not yet: each convolution adds a pixel on each side")

# %% [markdown]
# <details><summary>Answer</summary>
#
# Each convolution adds one pixel on each side, and there are six of them. On 8 x 8 that is
# everything; on 28 x 28 it is not, which is why the picture is halved: one convolution at 7 x 7
# reaches as far as four at 28 x 28.
#
# ```python
# side = 2 * 6 + 1
# ```
# </details>
#
# ## With your own code
#
# The network of this page is trained by the terms of the bound, which the homework `elbo` asks for.
# When `minigen homework check elbo.py` says that yours are right, `minigen homework milestone
# elbo.py` trains a network on the digits with *your* terms; the picture says whose code it was.
#
# ## What to read next
#
# * Ronneberger, Fischer and Brox, [*U-Net*](https://arxiv.org/abs/1505.04597) (2015).
# * Ho, Jain and Abbeel,
#   [*Denoising diffusion probabilistic models*](https://arxiv.org/abs/2006.11239) (2020), appendix
#   B.
# * Vaswani et al., [*Attention is all you need*](https://arxiv.org/abs/1706.03762) (2017).
# * Ho and Salimans,
#   [*Classifier-free diffusion guidance*](https://arxiv.org/abs/2207.12598) (2022).
# * Zhai et al., [*Normalizing flows are capable generative
#   models*](https://arxiv.org/abs/2412.06329) (2025).
#
# Homework: `minigen homework start elbo`. Next: [14 One clock](14_one_clock.ipynb), where the same
# network is trained and sampled in other ways. The cell below runs the equations of this page as
# the package states them.

# %%
for row in mg.derivations.run(["S-CONV", "S-GN", "S-ATT", "S-CAUSAL"], quick=True):
    print(f"{row.entry.id:8} correct form {row.correct:.0e}, gradient {row.gradient or 0:.0e}")
    assert row.ok
