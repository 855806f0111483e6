# %% [markdown]
# # 02 Real NVP: an exact inverse around a network that has none
#
# **Question.** A neural network cannot, in general, be inverted. A flow must be inverted exactly,
# and the determinant of its Jacobian must cost next to nothing. How can the first be inside the
# second?
#
# **You need** tutorials 00 (how a gradient is checked) and 01 (the change of variables).
# **Time** about 50 minutes. **Equations** NVP-1 to NVP-8.

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

import inspect

import numpy as np

import minigen as mg
from minigen.flows import AffineCoupling, Chain, Flow, Permute
from minigen.plot import LINES
from minigen.prob import StandardNormal

rng = np.random.default_rng(0)

# %% [markdown]
# ## 1. Keep one half, move the other
#
# The idea of Dinh, Sohl-Dickstein and Bengio (2017), who called it *real-valued non-volume
# preserving* transformations (Real NVP): split the columns of $\bar x$ into a half that
# is **kept** and a half that is **moved**. The network reads only the kept half.
#
# $$\bar x=\begin{pmatrix}x_1\dots x_d\\ x_{d+1}\dots x_D\end{pmatrix}\ \text{(NVP-2)}
# \qquad\longmapsto\qquad
# \bar y=\begin{pmatrix}y_1\dots y_d\\ y_{d+1}\dots y_D\end{pmatrix}\ \text{(NVP-1)}$$
#
# $$\bar y_{1:d}=\bar x_{1:d}\ \text{(NVP-3)}\qquad
# \bar y_{d+1:D}=\bar x_{d+1:D}\odot e^{\bar s(\bar x_{1:d})}+\bar t(\bar x_{1:d})\
# \text{(NVP-4)}$$
#
# The notes print the index ranges as `1-d` and `d+1-0`. These are colons read as minus signs and
# a capital D read as a zero: `1:d` and `d+1:D`.
#
# One network gives both $\bar s$ (the log-scale) and $\bar t$ (the shift). Here is the code.

# %%
print(inspect.getsource(AffineCoupling.scale_shift))
print(inspect.getsource(AffineCoupling.forward))

# %% [markdown]
# Two details that are not in the equations:
#
# * `s = c tanh(r / c)` bounds the log-scale by $c$ (2 by default). Without a bound, a deep chain
#   can multiply by $e^{40}$ and lose every digit on the way back.
# * A fresh layer starts as the **identity**: the last weights of its network are 0, so $s=t=0$.
#
# A layer at the identity is a bad place to look for mistakes (section 6 shows why). So we move its
# parameters away.


# %%
def coupling(D, rng):
    """A fresh coupling with a small smooth network, in double precision."""
    return AffineCoupling.init(D, (8,), rng=rng, dtype=np.float64, activation="tanh")


D, d = 5, 2
fresh, layer = coupling(D, rng), mg.core.perturbed(coupling(D, rng), rng, 0.5)
x = rng.standard_normal((6, D))
y, logdet, cache = layer.forward(x)

assert np.array_equal(fresh.forward(x)[0], x)  # the identity, to the last bit
assert np.array_equal(y[:, :d], x[:, :d])  # NVP-3: the kept half, to the last bit
print("x", x[0].round(3))
print("y", y[0].round(3))

# %% [markdown]
# ## 2. The way back, and a sign that the notes lost
#
# Why is this invertible, when the network is not? Because **nobody inverts the network**. Whoever
# has $\bar y$ has $\bar x_{1:d}$ too: it is $\bar y_{1:d}$. So the same $\bar s$ and $\bar t$ can
# be computed again, *forwards*, and undone:
#
# $$\bar x_{1:d}=\bar y_{1:d}\ \text{(NVP-5)}\qquad \bar x_{d+1:D}=
# \big(\bar y_{d+1:D}-\bar t(\bar y_{1:d})\big)\odot e^{-\bar s(\bar y_{1:d})}\ \text{(NVP-6)}$$
#
# The notes print NVP-6 with $e^{+\bar s}$. Let us run both.

# %%
s, t, _ = layer.scale_shift(y[:, :d], ())
back = layer.inverse(y)[0]
as_printed = np.concatenate([y[:, :d], (y[:, d:] - t) * np.exp(+s)], axis=1)

print(f"round trip with exp(-s)             {np.abs(back - x).max():.1e}")
print(f"round trip with exp(+s), as printed {np.abs(as_printed - x).max():.1e}")
assert np.abs(back - x).max() < 1e-12
assert np.abs(as_printed - x).max() > 0.1

# %% [markdown]
# The correct inverse returns $\bar x$ to rounding. The printed one does not undo the scale, it
# applies it a second time. It is right only where $\bar s=0$: a fresh layer would not show it.
#
# ## 3. The Jacobian: a triangle with a known diagonal
#
# Differentiate NVP-3 and NVP-4 by the two halves of $\bar x$:
#
# | block | derivative | why |
# |---|---|---|
# | kept by kept | $I_d$ | $y_{1:d}=x_{1:d}$ |
# | kept by moved | $0$ | $y_{1:d}$ does not see $x_{d+1:D}$ |
# | moved by kept | $\mathrm{diag}(x_2\odot e^{s})\,\partial_1 s+\partial_1 t$ | by the network |
# | moved by moved | $\mathrm{diag}(e^{s})$ | $s$ and $t$ do not see $x_{d+1:D}$ |
#
# ($x_2$ stands for $x_{d+1:D}$, and $\partial_1$ for the derivative by $x_{1:d}$.)
#
# $$J=\frac{\partial\bar y}{\partial\bar x}=\begin{pmatrix}I_d&0\\[2pt]
# \dfrac{\partial\bar y_{d+1:D}}{\partial\bar x_{1:d}}&
# \operatorname{diag}\big(e^{\bar s(\bar x_{1:d})}\big)\end{pmatrix}\ \text{(NVP-7)}$$
#
# The notes leave dots in the lower right block and print $e^{s}$ *outside* the matrix. There it
# would scale the identity block as well. `mg.check.jacobian` differentiates the code by complex
# step, without any of these formulas. So it can decide between the two readings.

# %%
J = mg.check.jacobian(lambda v: layer.forward(v)[0], x)
ds_dx1, dt_dx1 = (
    mg.check.jacobian(lambda v, k=k: layer.scale_shift(v, ())[k], x[:, :d]) for k in (0, 1)
)
block = np.zeros((len(x), D, D))
block[:, :d, :d] = np.eye(d)
block[:, d:, :d] = (x[:, d:] * np.exp(s))[:, :, None] * ds_dx1 + dt_dx1
block[:, d:, d:] = np.exp(s)[:, :, None] * np.eye(D - d)

inside = np.abs(J - block).max()
outside = np.abs(J[:, :d, :d] - np.exp(s)[:, :1, None] * np.eye(d)).max()
print(f"NVP-7 with exp(s) in its block    {inside:.1e}")
print(f"NVP-7 with exp(s) outside, printed {outside:.1e} off in the identity block alone")
assert inside < 1e-13 < outside


# %%
def matrices(named):
    """Matrices side by side, their numbers written in the cells."""
    figure = mg.plot.Picture(figsize=(3.1 * len(named), 3.2), layout="constrained")
    axes = figure.subplots(1, len(named), squeeze=False)[0]
    for ax, (name, M) in zip(axes, named.items(), strict=True):
        ax.imshow(M, cmap="RdBu_r", vmin=-3, vmax=3)
        for (i, j), value in np.ndenumerate(M):
            color = "white" if abs(value) > 2 else "black"
            ax.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=8, color=color)
        ax.set(xticks=range(M.shape[1]), yticks=range(M.shape[0]))
        ax.set_xticklabels([f"$x_{j + 1}$" for j in range(M.shape[1])])
        ax.set_yticklabels([f"$y_{i + 1}$" for i in range(M.shape[0])])
        ax.set_title(name, fontsize=9, loc="left")
    return figure


two = Chain((layer, Permute.halves(D), mg.core.perturbed(coupling(D, rng), rng, 0.5)))
J_two = mg.check.jacobian(lambda v: two.forward(v)[0], x)
matrices({"one coupling, d = 2": J[0], "coupling, swap, coupling": J_two[0]})

# %% [markdown]
# **How to read it.** Row $i$, column $j$ is $\partial y_i/\partial x_j$ at the first data point;
# blue is negative, red positive, white zero. Left: the identity block, the block of zeros, the
# network's block, and the diagonal $e^{s}$. Right: after a swap of the halves and a second
# coupling, the triangle is gone.
#
# ## 4. The determinant costs a sum
#
# The determinant of a triangular matrix is the product of its diagonal. The network's block does
# not enter, however complicated the network is:
#
# $$\left|\det\frac{d\bar f}{d\bar x}\right|=e^{\sum_{j=d+1}^{D}s_j(\bar x_{1:d})}\ \text{(NVP-8)}
# \qquad\Longrightarrow\qquad \log|\det J|=\sum_j s_j$$
#
# The notes print $\det|\cdot|$ for $|\det\cdot|$. Read literally, that is the determinant of the
# absolute values of the entries. For one coupling the two agree: the diagonal is positive and the
# rest does not count. For two couplings they part.

# %%
for name, f in {"one coupling": layer, "two couplings": two}.items():
    J_f = mg.check.jacobian(lambda v, f=f: f.forward(v)[0], x)
    ours, truth = f.forward(x)[1], np.linalg.slogdet(J_f)[1]
    literal = np.linalg.slogdet(np.abs(J_f))[1]
    print(f"{name:14} sum of s {np.abs(ours - truth).max():.1e} off", end=", ")
    print(f"det|J| as printed {np.abs(literal - truth).max():.1e} off")
    assert np.abs(ours - truth).max() < 1e-12
    assert (np.abs(literal - truth).max() > 0.01) == (name == "two couplings")

# %% [markdown]
# ## 5. The backward pass, line by line
#
# Let $L$ be any loss behind the layer. It sees the layer through **two** outputs, $\bar y$ and
# $\ell=\log|\det J|$ (one number a row). So two gradients come in, `dy` and `dlogdet`:
# $d\bar y=\partial L/\partial\bar y$ and $d\ell=\partial L/\partial\ell$. Write $x_1,x_2$ for the
# halves. Go through the forward pass from its last line to its first and ask of each symbol: *on
# which paths does it reach $L$?*
#
# | forward line | path | backward line |
# |---|---|---|
# | $\ell=\sum_j s_j$ (NVP-8) | $s\to\ell$ | $ds \mathrel{+}= d\ell$, the same for every $j$ |
# | $y_2=x_2\odot e^{s}+t$ (NVP-4) | $x_2\to y_2$ | $dx_2=dy_2\odot e^{s}$ |
# | | $t\to y_2$ | $dt=dy_2$ |
# | | $s\to y_2$ | $ds \mathrel{+}= dy_2\odot x_2\odot e^{s}=dx_2\odot x_2$ |
# | $s=c\,w,\ w=\tanh(r/c)$ | $r\to s$ | $dr=ds\odot(1-w^2)$ |
# | $(r,t)=\mathrm{net}(x_1)$ | $x_1\to r,t$ | $dx_1 \mathrel{+}=$ net.backward$(dr,dt)$ |
# | $y_1=x_1$ (NVP-3) | $x_1\to y_1$ | $dx_1 \mathrel{+}= dy_1$ |
#
# Two symbols have two paths each: $s$ (through $y_2$ and through $\ell$) and $x_1$ (straight
# through, and through the network). Paths **add**. Forgetting one of two is a frequent mistake.
# Now find each line of the table in the code:

# %%
print(inspect.getsource(AffineCoupling.backward))

# %% [markdown]
# `ds = dx2 * x2 + dlogdet[:, None]` carries both paths of $s$; $e^{s}$ is inside `dx2`. The two
# paths of $x_1$ meet in the last line but one: `dy1` is the straight one, `dx1` the one through the
# network.
#
# **The check.** `mg.check.bijection` compares every entry of every gradient with a complex step,
# the log-determinants with the Jacobian, and both round trips with the identity.

# %%
report = mg.check.bijection(layer, x, rng=rng)
assert report
print(report)

# %% [markdown]
# The third column is the error relative to the largest gradient. It is of the size of one rounding,
# $2^{-52}\approx 2\cdot10^{-16}$. The row `structure` found the triangle by itself.
#
# ## 6. Break it
#
# Three plausible mistakes, one for each line of the table that people forget.


# %%
class NoLogdet(AffineCoupling):
    """Forgets the path s -> logdet."""

    def backward(self, dy, dlogdet, cache):
        return super().backward(dy, 0 * dlogdet, cache)


class NoScale(AffineCoupling):
    """Writes dy2 * x2 where dy2 * exp(s) * x2 belongs."""

    def backward(self, dy, dlogdet, cache):
        x2, e, w, net_cache = cache
        dy1, dy2 = dy[:, : self.d], dy[:, self.d :]
        ds = dy2 * x2 + dlogdet[:, None]
        dh = np.concatenate([ds * (1 - w * w), dy2], axis=1)
        dx1, grads = self.net.backward(dh, net_cache)
        return np.concatenate([dy1 + dx1, dy2 * e], axis=1), {"net": grads}


class NoNetwork(AffineCoupling):
    """Forgets the path x1 -> network: dx1 is dy1 alone."""

    def backward(self, dy, dlogdet, cache):
        dx, grads = super().backward(dy, dlogdet, cache)
        return np.concatenate([dy[:, : self.d], dx[:, self.d :]], axis=1), grads


report = mg.check.gradients(NoLogdet(layer.net, d), x, rng=rng)
assert not report
print(report)

# %% [markdown]
# **How to read a report.** One row for each array: its state, the error, how many entries are
# wrong. Below, the worst entry of each with its index: what the code gave and what it should be.
# And a diagnosis: the checker tried the usual mistakes on the numbers and found which one
# reproduces them. Here it names the missing path.
#
# Now the other two, at a **fresh** layer and at the moved one.

# %%
for Broken in (NoScale, NoNetwork):
    at_start = mg.check.gradients(Broken(fresh.net, d), x, rng=rng)
    moved = mg.check.gradients(Broken(layer.net, d), x, rng=rng)
    print(f"{Broken.__name__}: fresh layer {bool(at_start)}, moved layer {bool(moved)}")
    assert at_start and not moved
print()
print(moved)

# %% [markdown]
# Both mistakes **pass** at the identity. With $s=0$ the lost factor $e^{s}$ is 1; with zero weights
# in the last layer nothing flows back through the network. A check is only as good as the point
# where it is done: move the parameters first.
#
# The second report says that only `dx` is wrong, and only in the columns 0 and 1: the kept half.
# The parameters of this layer get right gradients. Those of the layers before it in a chain will
# not.
#
# ## 7. What a wrong gradient does to training
#
# We train four flows on the same data: one right, three broken. `moons` is a density in the plane
# that is known exactly, so its entropy is known too: no model can have a lower mean
# $-\log p(\bar x)$.

# %%
toy = mg.data.toy("moons")


def train(Coupling, layers=6, steps=800, seed=1):
    """A flow of six couplings, trained by maximum likelihood; the flow and its run."""
    rng = np.random.default_rng(seed)
    maps = []
    for _ in range(layers):
        maps += [Coupling.init(2, (32, 32), rng=rng, activation="tanh"), Permute.halves(2)]
    flow = Flow(Chain(tuple(maps)), StandardNormal(2))
    return flow, mg.fit(flow.nll, toy, steps=steps, lr=5e-3, rng=rng, progress=False)


kinds = (AffineCoupling, NoNetwork, NoScale, NoLogdet)
runs = {Coupling.__name__: train(Coupling)[1] for Coupling in kinds}
final = {name: np.mean(run.history["loss"][-50:]) for name, run in runs.items()}
print(f"entropy of moons {toy.entropy:.2f}")
for name, loss in final.items():
    print(f"{name:15} loss at the end {loss:6.2f}")
to_learn = runs["NoNetwork"].history["loss"][0] - toy.entropy  # at the first step
never = (final["NoNetwork"] - toy.entropy) / to_learn
print(f"NoNetwork: {never:.0%} of what there is to learn is never learned")
assert 0.3 < never < 0.7 and toy.entropy < final["AffineCoupling"] < final["NoNetwork"] - 0.2
assert final["NoNetwork"] < final["NoScale"] < final["NoLogdet"]


# %%
def curves(runs, floor):
    """The losses of several runs on a logarithmic distance to the floor."""
    figure = mg.plot.Picture(figsize=(6.2, 3.3), layout="constrained")
    ax = figure.subplots()
    ax.set_prop_cycle(color=LINES)
    for name, run in runs.items():
        loss = np.convolve(run.history["loss"], np.ones(20) / 20, mode="valid")
        ax.semilogy(loss - floor, label=name, linewidth=1.5)
    ax.set(xlabel="step", ylabel="loss - entropy of the data (nats)")
    ax.grid(alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


curves(runs, toy.entropy)

# %% [markdown]
# **How to read it.** The height is the Kullback-Leibler divergence from the truth to the model:
# what is still to be learned. Without the log-det term the loss *rises*: the flow shrinks the data
# to a point, because $\tfrac12\|z\|^2$ is all that its gradient knows. That mistake is easy to
# see. Look at `NoNetwork`. After a rough start its curve falls and levels off, like that of any
# model that is too small. Nobody would look for a bug there, and about half of what there is to
# learn is never learned (the share is printed above). This is why every gradient here is checked
# before anything is trained.
#
# ## 8. Train it
#
# One coupling never moves its kept half. So couplings alternate with swaps: what one keeps, the
# next one moves. `real_nvp` builds such a chain, and log-determinants add (CV-10). With `init_from`
# it puts a learned scale and shift per column before each coupling, set from data (Kingma and
# Dhariwal 2018); this helps training and is one more term in the sum.

# %%
rng = np.random.default_rng(4)  # the same training, however many numbers the cells above drew
start = toy.sample(2000, rng=rng)
flow = mg.flows.real_nvp(2, 8, (32, 32), activation="tanh", init_from=start, rng=rng)
run = mg.fit(flow.nll, toy, steps=1500, lr=1e-2, rng=rng, progress=False)
mg.plot.training(run, toy.entropy)

# %% [markdown]
# **How to read it.** The dashed line is the entropy, the floor that no model's expected loss can
# cross. A batch can lie below it by luck, and so can the 2048 points of the validation. What
# remains is $\mathrm{KL}(\text{truth},\text{model})$. Since the truth is known, we measure it as
# the mean of the *difference* of the two log-densities at the same points, which is far less
# noisy:

# %%
fresh_x = toy.sample(20_000, rng=rng)
gap = toy.log_prob(fresh_x) - flow.log_prob(fresh_x)
error = gap.std() / np.sqrt(len(gap))
print(f"KL(truth, model) = {gap.mean():.3f} +- {error:.3f} nats")
assert 0 < gap.mean() < 0.12

# %%
mg.plot.density(flow, toy)

# %% [markdown]
# **How to read it.** Left the truth, in the middle the model, right the difference: orange where
# the model puts too much. Look for the thin thread that joins the two moons. A flow maps the plane
# onto the plane without tearing it, so it cannot cut one Gaussian into two separate pieces. It can
# only draw the bridge thin.

# %%
mg.plot.warp(flow, steps=5)

# %% [markdown]
# **How to read it.** From left (latent) to right (data), two couplings from panel to panel: one
# moves points to the left and right, the other up and down. Lines of one colour come close but
# never cross, and no line tears: that is what invertible and continuous mean.

# %%
mg.plot.samples(flow.sample(3000, rng=rng), toy.sample(3000, rng=rng))

# %% [markdown]
# **How to read it.** Left 3000 points of the truth, right 3000 of the model: base noise sent
# through the inverse, one pass. Points in the gap between the moons stand on the thread.
#
# And the cost: $p(\bar x)$ and a sample each take **one** pass through each network. In tutorial 03
# one of the two directions will take $D$ passes.
#
# ## Exercises
#
# **1.** Derive the backward pass of the *inverse*. It takes $(y_1,y_2)$ to
# $x_2=(y_2-t)\odot e^{-s}$ with $\ell=-\sum_j s_j$. Make the table of section 5, then compare with
# the source below.
#
# <details><summary>Answer</summary>
#
# $dy_2=dx_2\odot e^{-s}$; $dt=-dx_2\odot e^{-s}=-dy_2$; $s$ has two paths, through $x_2$ with
# $\partial x_2/\partial s=-(y_2-t)\odot e^{-s}=-x_2$ and through $\ell$ with $-1$:
# $ds=-dx_2\odot x_2-d\ell$; $y_1$ has two paths, straight through and through the network.
# </details>

# %%
print(inspect.getsource(AffineCoupling.inverse_backward))

# %% [markdown]
# **2.** Train a flow of *one* coupling on `moons` (`train(AffineCoupling, layers=1)`). Which
# marginal density of its samples is exactly $\mathcal N(0,1)$, and which does the truth have there?
#
# <details><summary>Answer</summary>
#
# `Permute.halves` comes after the coupling in `train`; neither map changes the values of the
# column that the coupling keeps. So this column of $\bar x$ *is* a column of $\bar z$: its
# marginal is $\mathcal N(0,1)$ after any training. That of the moons ends near $\pm1.5$ and has
# four peaks, where the arcs stand upright. No amount of training repairs this; a second coupling
# does.
# </details>
#
# **3.** How many couplings (with a swap of the halves between them) are needed until every output
# depends on every input, for $D=4$? And for $D=5$, where the halves have 2 and 3 columns?
#
# <details><summary>Answer</summary>
#
# Three for $D=4$. The first coupling gives each moved column the other half and *itself*, not its
# own neighbours. The second moves the other half, which then sees everything. The third gives
# everything to the columns that were moved first. For $D=5$ one column is moved by the first and
# the second coupling, and a fourth is needed. The cell below counts the zeros of the Jacobian.
# </details>


# %%
def zeros(D, depth, rng):
    """How many entries of the Jacobian of `depth` couplings are 0 at every point."""
    maps = [mg.core.perturbed(coupling(D, rng), rng, 0.5)]
    for _ in range(depth - 1):
        maps += [Permute.halves(D), mg.core.perturbed(coupling(D, rng), rng, 0.5)]
    chain = Chain(tuple(maps))
    J = mg.check.jacobian(lambda v: chain.forward(v)[0], rng.standard_normal((6, D)))
    return int(np.all(J == 0, axis=0).sum())


for size in (4, 5):
    counts = [zeros(size, depth, rng) for depth in range(1, 5)]
    print(f"D = {size}: zeros of the Jacobian after 1, 2, 3, 4 couplings: {counts}")
    assert counts.index(0) + 1 == {4: 3, 5: 4}[size]

# %% [markdown]
# ## What to read next
#
# * Dinh, Krueger and Bengio, *NICE* (2015): the same idea with $s=0$ (`mg.flows.nice`).
# * Dinh, Sohl-Dickstein and Bengio, *Density estimation using Real NVP* (2017): this layer.
# * Kingma and Dhariwal, *Glow* (2018): the swap becomes a learned linear map
#   (`mg.flows.InvertibleLinear`).
# * Papamakarios, Nalisnick, Rezende, Mohamed and Lakshminarayanan, *Normalizing flows for
#   probabilistic modeling and inference* (2021): the review.
#
# In this package: `minigen check NVP` runs all eight equations, as printed and corrected. Homework:
# `minigen homework start coupling`. Next: [tutorial 03](03_autoregressive.ipynb), masked
# autoregressive flows.
