# %% [markdown]
# # 12 Pictures: a convolution and its adjoint, and Real NVP as its paper has it
#
# **Question.** The models so far see 64 numbers in a row and do not know that they are a picture.
# What does a network gain that knows it, what is the backward pass of a convolution, and how does a
# coupling split a picture?
#
# **You need** tutorials [00](00_contract.ipynb) (how a gradient is checked) and
# [02](02_real_nvp.ipynb) (Real NVP). **Time** about 50 minutes. **Homework**: the coupling of this
# page is that of `minigen homework start coupling`. **Equations**
# [S-CONV](../docs/notes.md#S-CONV), [S-GN](../docs/notes.md#S-GN),
# [S-SQUEEZE](../docs/notes.md#S-SQUEEZE), [NVP-3](../docs/notes.md#NVP-3) to NVP-8.

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

import numpy as np

import minigen as mg
from minigen.flows import EachPixel, InvertibleLinear, PictureCoupling, Squeeze
from minigen.nn import Conv2d, GroupNorm

rng = np.random.default_rng(0)
digits = mg.data.digits()

# %% [markdown]
# ## Why not a row of numbers?
#
# Shuffle the 64 pixels of all digits in one fixed way. To you the result is noise; to the networks
# of the tutorials before this one it is exactly as easy as before, for they never knew which pixels
# are neighbours. What you know and they do not: an edge is an edge wherever it stands, and what
# is far away hardly matters for it. A network that is *built* so needs a small part of the numbers,
# and of the data. All models that draw pictures are made of such layers: a convolution lays one
# small filter on every place. Here a filter that answers to the left edges of strokes goes over a
# digit:

# %% jupyter={"source_hidden": true}
picture = digits.test.x[4].reshape(8, 8) / 16
window = np.array([[-1, 0, 1]] * 3) / 3.0
padded = np.pad(picture, 1)
answers = np.array(
    [[(padded[i : i + 3, j : j + 3] * window).sum() for j in range(8)] for i in range(8)]
)


def slide(places):
    """The filter on its way, and what it has answered so far."""
    for k in places:
        figure = mg.plot.Picture(figsize=(5.2, 2.7), layout="constrained")
        left, right = figure.subplots(1, 2)
        seen = np.where(np.arange(64) <= k, np.maximum(answers, 0).ravel(), 0).reshape(8, 8)
        mg.plot.images(picture[None], heading="a digit, and what the filter sees", ax=left)
        mg.plot.images(seen[None], heading="its answers, where positive", top=1, ax=right)
        i, j = divmod(k, 8)
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
        for ax, reach in ((left, 1.5), (right, 0.5)):
            ax.plot(*(reach * corners + [j, i]).T, color=mg.plot.LINES[1], linewidth=2)
        for ax in (left, right):
            ax.set(xlim=(-1.7, 8.7), ylim=(8.7, -1.7))
        yield figure


mg.plot.Animation(list(slide(range(1, 64, 2))), seconds=0.12)

# %% [markdown]
# **How to read it.** A window of 3 x 3 pixels (orange) goes over a digit, row by row. On the right
# its answer appears at the same place: dark where the stroke begins, that is, where there is more
# ink on the right side of the window than on the left. Nine numbers are all that had to be chosen.
#
# ## 1. A convolution
#
# Pictures are arrays $(N, H, W, C)$: picture, row, column, channel. A convolution lays one small
# filter on every place:
#
# $$y_{ij}=b+\sum_{p,q=-r}^{r}x_{i+p,\,j+q}\,W_{pq}$$
#
# $W_{pq}$ is a matrix from the channels of $x$ to those of $y$, and outside the picture $x$ is 0.
# Here is the definition, as slow as it is clear, and the layer of the package beside it.


# %%
def by_loops(x, W):
    """One output after the other."""
    N, height, width, _ = x.shape
    r = len(W) // 2
    y = np.zeros((N, height, width, W.shape[3]))
    for n, i, j, p, q in np.ndindex(N, height, width, *W.shape[:2]):
        a, b = i + p - r, j + q - r
        if 0 <= a < height and 0 <= b < width:
            y[n, i, j] += x[n, a, b] @ W[p, q]
    return y


by_layer, _ = Conv2d(window[:, :, None, None], np.zeros(1)).forward(picture[None, :, :, None])
assert np.allclose(by_layer[0, :, :, 0], answers)  # the picture above

conv = Conv2d.init(2, 3, rng=rng, dtype=np.float64)
x = rng.standard_normal((2, 5, 4, 2))
y, cache = conv.forward(x)
print(f"loops and layer differ by {np.abs(y - by_loops(x, conv.W)).max():.1e}")
assert np.allclose(y, by_loops(x, conv.W), rtol=0, atol=1e-12)
print(inspect.getsource(Conv2d.forward))

# %% [markdown]
# The layer has no loop over pixels. `patches` gathers what each output sees, $k\cdot k\cdot C$
# numbers, as one row of a matrix $P(x)$; then $y=P(x)\,W+b$ is a product, the thing that a computer
# does best. The matrix is nine times as large as the picture, so it is made for a few pictures at a
# time, small enough to stay in the cache.
#
# **Predict, then run.** A dense layer from a picture of 8 x 8 to one of 8 x 8 has $64^2+64$
# numbers. How many has a 3 x 3 convolution with one channel, and how many of the $64^2$ entries of
# the matrix that it stands for are not 0?

# %%
one = Conv2d.init(1, 1, rng=rng, dtype=np.float64)
basis = np.eye(64).reshape(64, 8, 8, 1)
matrix = one.forward(basis)[0].reshape(64, 64).T  # column k is the answer to the k-th pixel
used = np.count_nonzero(matrix)
print(f"dense: {64 * 64 + 64} numbers; convolution: {one.size}")
print(f"{used} entries of its matrix are not 0, {used / 64**2:.0%}, and {one.W.size} are different")
diagonals = np.subtract.outer(np.arange(64), np.arange(64))[matrix != 0]
print(f"they stand on {len(set(diagonals))} diagonals")
assert one.size == 10 and used == 22**2 and len(set(diagonals)) == 9


# %% jupyter={"source_hidden": true}
def matrices(**named):
    """Matrices side by side, dark where an entry is not 0."""
    figure = mg.plot.Picture(figsize=(3.2 * len(named), 3.3), layout="constrained")
    for ax, (name, a) in zip(figure.subplots(1, len(named)), named.items(), strict=True):
        mg.plot.images(np.abs(a)[None], heading=name.replace("_", " "), ax=ax)
    return figure


matrices(a_convolution=matrix, its_transpose=matrix.T)

# %% [markdown]
# **How to read it.** Two matrices of 64 rows and columns, white where an entry is 0. Nine diagonals
# in blocks, each with one number in it all along (with gaps, where the filter reaches over the
# border).
#
# That is the whole assumption: what is far does not matter here (zeros), and every place is treated
# alike (equal numbers).
#
# ## 2. The adjoint is a convolution
#
# Who saw $x_{ij}$? The output $p$ rows below and $q$ columns to the right saw it, through the entry
# $(-p,-q)$ of the filter. So
#
# $$dx_{ij}=\sum_{p,q}dy_{i+p,\,j+q}\,W_{-p,-q}^T,\qquad
# dW_{-p,-q}=\sum_{n,i,j}x_{nij}^T\,dy_{n,\,i+p,\,j+q}\qquad\text{(S-CONV)}$$
#
# The first is a convolution of $dy$ with the filter **turned by half a turn**, and with inputs and
# outputs exchanged. In the picture above the right half is the transpose of the left: again nine
# diagonals, in the opposite order. The code gathers the patches of $dy$ once, and both formulas are
# products with them ([`nn/conv.py`](../minigen/nn/conv.py)).

# %% jupyter={"source_hidden": true}
mg.plot.diagram(
    {r"$x$": (0, 0.8), r"$W$": (3.8, -0.4), r"patches $P(x)$": (1.7, 0.8),
     r"$P(x)\,W+b$": (3.8, 0.8), r"$y$": (5.6, 0.8)},
    [(r"$x$", r"patches $P(x)$"), (r"patches $P(x)$", r"$P(x)\,W+b$"),
     (r"$W$", r"$P(x)\,W+b$"), (r"$P(x)\,W+b$", r"$y$")],
    back=[(r"$y$", r"$P(x)\,W+b$", "dy"), (r"$P(x)\,W+b$", r"$x$", "turned filter"),
          (r"$P(x)\,W+b$", r"$W$", r"$P^T dy$")],
    boxes=[r"patches $P(x)$", r"$P(x)\,W+b$"], title="Forward, and back",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Black: the picture $x$ becomes patches, and a product makes $y$ of them.
# Orange and dashed: $dy$ goes back to the filter as a product with the patches, and to the picture
# as a convolution with the turned filter.

# %%
print(inspect.getsource(Conv2d.backward))
dy = rng.standard_normal(y.shape)
dx, grads = conv.backward(dy, cache)
turned = conv.W[::-1, ::-1].swapaxes(2, 3)
print(f"dx and a convolution with the turned filter: {np.abs(dx - by_loops(dy, turned)).max():.1e}")
assert np.allclose(dx, by_loops(dy, turned), rtol=0, atol=1e-12)
report = mg.check.gradients(conv, x, rng=rng)
assert report
print(report)

# %% [markdown]
# `minigen check S-CONV` checks it against the transposed matrix. Now break it: the commonest
# mistake is to forget the half turn. With a symmetric filter nobody would notice.


# %%
class NotTurned(Conv2d):
    """A convolution whose dx uses the filter as it is."""

    def backward(self, dy, cache):
        _, grads = super().backward(dy, cache)
        dx, _ = Conv2d(self.W.swapaxes(2, 3), np.zeros(self.W.shape[2])).forward(dy)
        return dx, grads


broken = NotTurned(conv.W, conv.b)
report = mg.check.gradients(broken, x, rng=rng)
assert not report
print(report)
symmetric = NotTurned(conv.W + conv.W[::-1, ::-1], conv.b)
assert mg.check.gradients(symmetric, x, rng=rng)
print("\nwith a symmetric filter:", mg.check.gradients(symmetric, x, rng=rng).rows[0].state)

# %% [markdown]
# ## 3. Normalisation, and what its gradient cannot do
#
# Deep networks of convolutions need their numbers kept near 1. `GroupNorm` subtracts the mean of a
# group of channels of **one** picture and divides by its standard deviation; unlike batch
# normalisation it does not mix the pictures of a batch, so it has no mode.
#
# $$u=\frac{x-m}{s},\qquad dx=\frac1s\left(du-\overline{du}-u\,\overline{u\,du}\right)
# \qquad\text{(S-GN)}$$
#
# **Predict, then run.** What is the mean of $dx$ in each group, and its product with $u$?

# %%
norm = GroupNorm.init(2, 1, dtype=np.float64)
u, cache = norm.forward(x)
dx, _ = norm.backward(rng.standard_normal(u.shape), cache)
mean, product = dx.mean(axis=(1, 2, 3)), (dx * u).mean(axis=(1, 2, 3))
print("mean of dx:", np.abs(mean).max().round(12), " mean of u dx:", np.abs(product).max().round(4))
assert np.allclose(mean, 0, atol=1e-12) and np.allclose(product, 0, atol=1e-4)
assert mg.check.gradients(norm, x, rng=rng)

# %% [markdown]
# Both are 0 (the second but for the small number in the root, which keeps the division safe). No
# step can move the mean or the spread of $u$, so the gradient does not ask for it: two directions
# of the cotangent are projected away.
#
# ## 4. A coupling splits a picture
#
# Tutorial 02 kept the first half of the columns. In a picture there are two better ways to halve it
# (Dinh, Sohl-Dickstein and Bengio 2017): the squares of one colour of a **checkerboard**, or half
# of the **channels**. The paper writes masks; here a mask is an *order* of the numbers that puts
# the kept ones first, and the coupling of tutorial 02 does the rest, with its equations unchanged.

# %%
order, kept = mg.flows.checkerboard((8, 8, 1))
board = np.isin(np.arange(64), order[:kept]).reshape(8, 8)
print("kept: 1, moved: 0", board[:3].astype(int), sep="\n")
print(inspect.getsource(PictureCoupling.forward))

# %% [markdown]
# Its network is convolutional. It sees the kept squares, zeros at the others, and gives a log-scale
# and a shift for each of the others. Whatever the network does, the Jacobian is a triangle in this
# order. We ask for all of it, by complex step.

# %%
mask = mg.flows.checkerboard((4, 4, 1))
f = PictureCoupling.init((4, 4, 1), mask, 4, blocks=0, groups=2, rng=rng, dtype=np.float64)
f = mg.core.perturbed(f, rng, 0.3)
rows = rng.standard_normal((2, 16))
J = mg.check.jacobian(lambda v: f.forward(v.reshape(-1, 4, 4, 1))[0].reshape(-1, 16), rows)
logdet = f.forward(rows.reshape(-1, 4, 4, 1))[1]
error = np.abs(np.linalg.slogdet(J)[1] - logdet).max()
J = J[:, f.order][:, :, f.order]
print(f"log-det off by {error:.1e}; above the diagonal: {np.abs(np.triu(J, 1)).max()}")
assert error < 1e-12 and not np.triu(J, 1).any()

# %% jupyter={"source_hidden": true}
matrices(first_picture=J[0], second_picture=J[1])

# %% [markdown]
# **How to read it.** The Jacobian of a coupling at two pictures, in the order of the mask. Upper
# left the identity (NVP-3), lower right a diagonal (NVP-4), lower left what the network makes of
# the kept squares. Above the diagonal nothing: it is the triangle of tutorial 02, for pictures.
#
# ## 5. Squeeze, mix, and leave early
#
# Three more maps make a **multi-scale** flow.
#
# * `Squeeze` turns 2 x 2 pixels into one pixel with four times the channels. It only moves numbers:
#   log-det 0.
# * `EachPixel(InvertibleLinear)` is Glow's 1 x 1 convolution: one matrix $W$ at every pixel, so the
#   log-det is $HW\log|\det W|$ (S-SQUEEZE; `minigen check S-SQUEEZE`).
# * `FactorOut` lets half of the channels leave as latents. The rest of the chain sees only the
#   other half: half of the numbers are transformed by half of the flow.

# %% jupyter={"source_hidden": true}
mg.plot.diagram(
    {"8 x 8 x 1": (0, 0.9), "checkerboard\ncouplings": (1.5, 0.9), "squeeze": (2.9, 0.9),
     "4 x 4 x 4": (4.1, 0.9), "couplings by\nchannel, mix": (5.6, 0.9),
     "32 numbers\nleave": (7.2, 1.5), "4 x 4 x 2": (7.2, 0.3), "couplings": (8.6, 0.3),
     "the other 32": (10.0, 0.3)},
    [("8 x 8 x 1", "checkerboard\ncouplings"), ("checkerboard\ncouplings", "squeeze"),
     ("squeeze", "4 x 4 x 4"), ("4 x 4 x 4", "couplings by\nchannel, mix"),
     ("couplings by\nchannel, mix", "32 numbers\nleave"),
     ("couplings by\nchannel, mix", "4 x 4 x 2"), ("4 x 4 x 2", "couplings"),
     ("couplings", "the other 32")],
    boxes=["checkerboard\ncouplings", "squeeze", "couplings by\nchannel, mix", "couplings"],
    accent=["32 numbers\nleave", "the other 32"], title="Real NVP on two scales",
)  # fmt: skip

# %% [markdown]
# **How to read it.** A picture of 64 numbers goes from left to right. Boxes with corners are maps,
# the others are arrays. The blue ones are the latents: 32 numbers leave after the first scale, the
# other 32 go through a second one.

# %%
x = np.arange(16.0).reshape(1, 4, 4, 1)
y, logdet, _ = Squeeze().forward(x)
print("4 x 4 x 1", x[0, :, :, 0], "2 x 2 x 4", y[0].reshape(4, 4), sep="\n")
mix = mg.core.perturbed(EachPixel(InvertibleLinear.init(4, rng=rng, dtype=np.float64)), rng, 0.3)
z, logdet, _ = mix.forward(y)
W = mix.f.forward(np.eye(4))[0]
print("log-det:", logdet[0].round(6), "  4 log|det W|:", (4 * np.linalg.slogdet(W)[1]).round(6))
assert np.isclose(logdet[0], 4 * np.linalg.slogdet(W)[1])

# %% [markdown]
# `real_nvp_image` puts them together. For 8 x 8 digits with two scales: couplings on the
# checkerboard, squeeze to 4 x 4 x 4, couplings on channels with 1 x 1 convolutions between them, 32
# numbers leave, couplings on the 4 x 4 x 2 that are left. Dequantisation and the logit are those of
# tutorial 07.

# %%
flow = mg.flows.real_nvp_image(
    (8, 8, 1), scales=2, couplings=1, hidden=8, levels=17, init_from=digits.train.x, rng=rng
)
run = mg.fit(flow.nll, digits.train.x, steps=300, batch=64, lr=4e-3, rng=rng, progress=False)
bits = flow.bits_per_dim(digits.test.x[:200], rng=rng).mean()
print(
    f"{flow.size} numbers, {run.steps} steps: {bits:.2f} bits a pixel; uniform: {np.log2(17):.2f}"
)
assert bits < np.log2(17) - 1
mg.plot.images(flow.sample(30, rng=rng), columns=10, top=16, heading=f"after {run.steps} steps")

# %% [markdown]
# **How to read it.** Thirty samples after a few seconds of training: strokes, not yet digits.
# `python tutorials/long_run.py flow --size 16 --minutes 10` trains for ten minutes on an endless
# stream of printed digits.
#
# **Predict, then run. Where do the numbers of a picture go?** Keep the latents that left at the
# first scale, and draw the others anew. Will it be another picture, or the same with other details?

# %%
z, _ = flow.encode(digits.test.x[:1] + 0.5)
again = np.repeat(z, 10, axis=0)
again[1:, 32:] = rng.standard_normal((9, 32))
x, _ = flow.decode(again)
moved = np.abs(x[1:] - x[0]).mean()
far = np.abs(digits.test.x[1:200].astype(float) - digits.test.x[0]).mean()
print(f"the pixels move by {moved:.1f} of 17 levels; to another test digit it is {far:.1f}")
assert 0 < moved < far

# %% jupyter={"source_hidden": true}
mg.plot.images(
    np.clip(x, 0, 17), columns=10, top=17, heading="left: a digit; then other latents at scale 2"
)  # fmt: skip

# %% [markdown]
# **How to read it.** On the left a digit of the test set, then nine pictures that share its first
# 32 latents and have new ones at the second scale: what changes is what the second scale decides.
#
# ## Exercises
#
# **1.** (easy) `AveragePool` gives the mean of each 2 x 2 pixels. Write its backward pass.


# %%
def pool_backward(dy):
    """dx (N, 2 H, 2 W, C) of dy (N, H, W, C)."""
    return None  # your answer


# %%
dy = rng.standard_normal((1, 2, 3, 2))
yours, truth = pool_backward(dy), mg.nn.AveragePool().backward(dy, None)[0]
if yours is None:
    print("Fill in the cell above and run both again.")
else:
    right = np.shape(yours) == truth.shape and np.allclose(yours, truth)
    print("right" if right else "not yet: with which weight does each pixel stand in the mean?")

# %% [markdown]
# <details><summary>Answer</summary>
#
# Each of the four pixels has the weight 1/4. It is a quarter of `Upsample`: the adjoint of the mean
# is a copy.
#
# ```python
# def pool_backward(dy):
#     return dy.repeat(2, axis=1).repeat(2, axis=2) / 4
# ```
# </details>
#
# **2.** (medium) How many numbers are trained in `Conv2d.init(16, 32, 3)`, bias included? And how
# many multiplications does it make for one picture of 28 x 28, if the border is counted like the
# rest?

# %%
numbers, multiplications = None, None  # your answer

# %%
layer = Conv2d.init(16, 32, 3, rng=rng)
products = 28 * 28 * layer.W.size  # each number of a filter is used at each of the places
if numbers is None or multiplications is None:
    print("Fill in the cell above and run both again.")
else:
    right = (numbers, multiplications) == (layer.size, products)
    print("right" if right else "not yet: a filter is 3 x 3 matrices from 16 to 32 channels")

# %% [markdown]
# <details><summary>Answer</summary>
#
# Nine matrices from 16 to 32 channels and 32 biases; each number of a filter is used at every one
# of the 28 x 28 places, together millions of multiplications. A dense layer uses each of its
# numbers once.
#
# ```python
# numbers = 9 * 16 * 32 + 32
# multiplications = 28 * 28 * 9 * 16 * 32
# ```
# </details>
#
# **3.** (hard) With a stride of 2 the layer keeps every other output of both directions. Then
# $dx_{ij}=\sum_{pq} dy'_{i+p,j+q}W_{-p,-q}^T$ still holds, with a $dy'$ that is twice as large as
# $dy$. What stands in it? Write it.


# %%
def spread(dy):
    """dy' (N, 2 H, 2 W, C) of dy (N, H, W, C)."""
    return None  # your answer


# %%
half = Conv2d.init(2, 2, stride=2, rng=rng, dtype=np.float64)
x = rng.standard_normal((1, 4, 6, 2))
y, cache = half.forward(x)
dy = rng.standard_normal(y.shape)
wide = spread(dy)
if wide is None:
    print("Fill in the cell above and run both again.")
else:
    dx = by_loops(wide, half.W[::-1, ::-1].swapaxes(2, 3))
    right = dx.shape == x.shape and np.allclose(dx, half.backward(dy, cache)[0])
    print("right" if right else "not yet: what does an output that was left out pass back?")

# %% [markdown]
# <details><summary>Answer</summary>
#
# $dy$ at the even places, zeros between: an output that was left out passes nothing back.
#
# ```python
# def spread(dy):
#     wide = np.zeros((len(dy), 2 * dy.shape[1], 2 * dy.shape[2], dy.shape[3]))
#     wide[:, ::2, ::2] = dy
#     return wide
# ```
# </details>
#
# ## With your own code
#
# The coupling of this page is that of the homework `coupling`, in another order. When `minigen
# homework check coupling.py` says that yours is right, `minigen homework milestone coupling.py`
# trains eight of *your* couplings on the moons; the picture says whose code it was.
#
# ## What to read next
#
# * Dinh, Sohl-Dickstein and Bengio,
#   [*Density estimation using Real NVP*](https://arxiv.org/abs/1605.08803) (2017), section 3.
# * Kingma and Dhariwal, [*Glow*](https://arxiv.org/abs/1807.03039) (2018): the 1 x 1 convolution.
# * Wu and He, [*Group normalization*](https://arxiv.org/abs/1803.08494) (2018).
# * Dumoulin and Visin, [*A guide to convolution arithmetic for deep
#   learning*](https://arxiv.org/abs/1603.07285) (2016): strides, and why the adjoint is also called
#   a transposed convolution.
#
# The code of this page: [`nn/conv.py`](../minigen/nn/conv.py), its products in
# [the kernels](../minigen/kernels), the flow in
# [`image_models.py`](../minigen/flows/image_models.py). Homework: `minigen homework start
# coupling`. Next: [13 A U-Net that draws](13_unet.ipynb). The cell below runs the equations of this
# page as the package states them.

# %%
for row in mg.derivations.run(["S-CONV", "S-GN", "S-SQUEEZE"], quick=True):
    print(f"{row.entry.id:9} correct form {row.correct:.0e}, gradient {row.gradient or 0:.0e}")
    assert row.ok
