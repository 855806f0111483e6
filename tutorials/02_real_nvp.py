# %% [markdown]
# # 02 Real NVP: an exact inverse around a network that has none
#
# **Question.** A neural network cannot, in general, be inverted. A flow must be inverted exactly,
# and the determinant of its Jacobian must cost next to nothing. How can the first be inside the
# second?
#
# **You need** tutorials [00](00_contract.ipynb) (how a gradient is checked) and
# [01](01_change_of_variables.ipynb) (the change of variables).
# **Time** about 50 minutes. **Equations** NVP-1 to NVP-8.

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

import minigen as mg
from minigen.flows import AffineCoupling, Chain, Flow, Inverse, Permute
from minigen.prob import StandardNormal

rng = np.random.default_rng(0)

# %% [markdown]
# ## Why
#
# Tutorial 01 has the recipe: bend a Gaussian until it is the data. The map must be rich, or the
# moons below stay out of reach; its inverse must be exact, to ask for the density of a given point;
# and its determinant must be cheap, because it is needed at every point and every step. A neural
# network is rich, and offers neither of the other two.
#
# *Real NVP* has all three, with a trick that fits on a postcard. Its relatives make speech and
# molecules, and turn simulations into posteriors in physics.

# %%
toy = mg.data.toy("moons")
ends = [rng.standard_normal((1500, 2)), toy.sample(1500, rng=rng)]
mg.plot.filmstrip(ends, ["a Gaussian: easy", "the data: wanted"], how="a flow maps left to right")

# %% [markdown]
# **How to read it.** Left 1500 points of a Gaussian, right as many of `moons`, data on two arcs.
# The map that is wanted takes the cloud on the left to the arcs on the right, and back.
#
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
# One network gives both $\bar s$ (the log-scale) and $\bar t$ (the shift).

# %% jupyter={"source_hidden": true}
mg.plot.diagram(
    {"$x_{1:d}$": (0, 1.4), "$x_{d+1:D}$": (0, 0), "network": (1.8, 0.75),
     "$\\odot\\,e^s$": (3.5, 0), "$+\\,t$": (4.9, 0), "$y_{1:d}$": (6.4, 1.4),
     "$y_{d+1:D}$": (6.4, 0), "$\\ell=\\sum_j s_j$": (3.5, 1)},
    [("$x_{1:d}$", "$y_{1:d}$", "kept"), ("$x_{1:d}$", "network"),
     ("network", "$\\odot\\,e^s$", "$s$"), ("network", "$+\\,t$", "$t$"),
     ("network", "$\\ell=\\sum_j s_j$", "$s$"), ("$x_{d+1:D}$", "$\\odot\\,e^s$"),
     ("$\\odot\\,e^s$", "$+\\,t$"), ("$+\\,t$", "$y_{d+1:D}$")],
    boxes=["network", "$\\odot\\,e^s$", "$+\\,t$"], accent=["$x_{d+1:D}$", "$y_{d+1:D}$"],
    title="One coupling",
)  # fmt: skip

# %% [markdown]
# **How to read it.** The upper half goes straight through and also feeds the network. What the
# network says scales and shifts the lower half (blue). No arrow leads from the lower half into the
# network: this is the whole trick.
#
# Here is the code, from [coupling.py](../minigen/flows/coupling.py).

# %%
print(inspect.getsource(AffineCoupling.scale_shift))
print(inspect.getsource(AffineCoupling.forward))

# %% [markdown]
# Two details that are not in the equations:
#
# * `s = c tanh(r / c)` bounds the log-scale by $c$. Without a bound, a deep chain can multiply by a
#   huge number and lose every digit on the way back.
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
# The notes print [NVP-6](../docs/notes.md#NVP-6) with $e^{+\bar s}$. **Predict, then run.** For
# which $\bar s$ would the printed line be right, and is the layer above of that kind?

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
two = Chain((layer, Permute.halves(D), mg.core.perturbed(coupling(D, rng), rng, 0.5)))
J_two = mg.check.jacobian(lambda v: two.forward(v)[0], x)
mg.plot.matrices(
    {"one coupling, d = 2": J[0], "coupling, swap, coupling": J_two[0]},
    rows=[f"$y_{i}$" for i in range(1, D + 1)], columns=[f"$x_{j}$" for j in range(1, D + 1)],
)  # fmt: skip

# %% [markdown]
# **How to read it.** Row $i$, column $j$ is $\partial y_i/\partial x_j$ at the first data point;
# blue is negative, orange positive, white zero. Left: the identity block, the block of zeros, the
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
# The third column is the error relative to the largest gradient. It is of the size of a few
# roundings, $2^{-52}$ each. The row `structure` found the triangle by itself.
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
# Now the other two, at a **fresh** layer and at the moved one. **Predict, then run.** Which of the
# four checks fail? (A fresh layer is the identity.)

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
# $-\log p(\bar x)$. **Predict, then run.** Which of the four ends lowest, which highest, and whose
# curve looks as if all were well?


# %%
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
smooth = {
    name: np.convolve(run.history["loss"], np.ones(20) / 20, mode="valid") - toy.entropy
    for name, run in runs.items()
}
mg.plot.lines(
    {name: (np.arange(len(loss)), loss) for name, loss in smooth.items()}, log="y", xlabel="step",
    ylabel="loss - entropy (nats)", title="One right gradient and three wrong ones",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Each curve is a mean over twenty steps, on a logarithmic axis. Its height is
# the Kullback-Leibler divergence from the truth to the model: what is still to be learned. Without
# the log-det term the loss *rises*: the flow shrinks the data to a point, because $\tfrac12\|z\|^2$
# is all that its gradient knows. That mistake is easy to see. Look at `NoNetwork`. After a rough
# start its curve falls and levels off, like that of any model that is too small. Nobody would look
# for a bug there, and what it never learns is the share printed above. This is why every gradient
# here is checked before anything is trained.
#
# ## 8. Train it
#
# One coupling never moves its kept half. So couplings alternate with swaps: what one keeps, the
# next one moves. `real_nvp` builds such a chain, and log-determinants add (CV-10). With `init_from`
# it puts a learned scale and shift per column before each coupling, set from data
# ([Kingma and Dhariwal 2018](https://arxiv.org/abs/1807.03039)); this helps training and is one
# more term in the sum. On the way we look at the density now and then.

# %%
rng = np.random.default_rng(4)  # the same training, however many numbers the cells above drew
start = toy.sample(2000, rng=rng)
flow = mg.flows.real_nvp(2, 8, (32, 32), activation="tanh", init_from=start, rng=rng)
frames, moments = [], {0, 5, 10, 20, 40, 80, 120, 200, 300, 500, 800, 1200, 1499}


def watch(step, run):
    """A picture of the density at some steps."""
    if step in moments:
        frames.append(mg.plot.density(flow, box=(-2.3, 2.3, -2.3, 2.3)))
        frames[-1].axes[0].set_title(f"step {step}", loc="left")


run = mg.fit(flow.nll, toy, steps=1500, lr=1e-2, rng=rng, progress=False, callback=watch)
assert len(frames) >= len(moments) - 1
mg.plot.Animation(frames, seconds=0.5, last=2.0)

# %% [markdown]
# **How to read it.** The density of the flow while it learns, dark where it is high. It starts as
# the Gaussian, is bent into an S, and breaks open into two arcs that stay joined by a thread.

# %%
mg.plot.training(run, toy.entropy)

# %% [markdown]
# **How to read it.** The dashed line is the entropy, the floor that no model's expected loss can
# cross. A batch can lie below it by luck, and so can the points of the validation. What
# remains is $\mathrm{KL}(\text{truth},\text{model})$. Since the truth is known, we measure it as
# the mean of the *difference* of the two log-densities at the same points, which is far less
# noisy:

# %%
fresh_x = toy.sample(20_000, rng=rng)
gap = toy.log_prob(fresh_x) - flow.log_prob(fresh_x)
error = gap.std() / np.sqrt(len(gap))
print(f"KL(truth, model) = {gap.mean():.3f} +- {error:.3f} nats")
assert -4 * error < gap.mean() < 0.12

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
# And the cost: $p(\bar x)$ and a sample each take **one** pass through each network. In
# [tutorial 03](03_autoregressive.ipynb) one of the two directions will take $D$ passes.
#
# ## Exercises
#
# **1.** (medium) Derive the backward pass of the *inverse*. It takes $(y_1,y_2)$ to
# $x_2=(y_2-t)\odot e^{-s}$ with $\ell=-\sum_j s_j$. Make the table of section 5 first.


# %%
def inverse_gradients(dx2, dlogdet, x2, e) -> Any:
    """(dy2, dt, ds); e is exp(-s), and dlogdet is (N, 1)."""
    return None, None, None  # your answer


# %%
class Mine(AffineCoupling):
    """A coupling with your lines in the backward pass of its inverse."""

    def inverse_backward(self, dx, dlogdet, cache):
        x2, e, w, net_cache = cache
        dy2, dt, ds = inverse_gradients(dx[:, self.d :], dlogdet[:, None], x2, e)
        dh = np.concatenate([ds * (1 - w * w), dt], axis=1)
        dy1, grads = self.net.backward(dh, net_cache)
        return np.concatenate([dx[:, : self.d] + dy1, dy2], axis=1), {"net": grads}


if inverse_gradients(*np.ones((4, 1, 1)))[0] is None:
    print("Fill in the cell above and run both again.")
else:
    report = mg.check.gradients(Inverse(Mine(layer.net, d)), y, rng=rng)
    print("right" if report else f"not yet: on which paths does s reach the loss?\n{report}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# $dy_2=dx_2\odot e^{-s}$; $dt=-dx_2\odot e^{-s}=-dy_2$; $s$ has two paths, through $x_2$ with
# $\partial x_2/\partial s=-(y_2-t)\odot e^{-s}=-x_2$ and through $\ell$ with $-1$:
#
# ```python
# def inverse_gradients(dx2, dlogdet, x2, e):
#     return dx2 * e, -dx2 * e, -dx2 * x2 - dlogdet
# ```
#
# $y_1$ has two paths, too, straight through and through the network. It is
# `AffineCoupling.inverse_backward`.
# </details>
#
# **2.** (easy) A flow of *one* coupling, then a swap, is trained on `moons`
# (`train(AffineCoupling, layers=1)`). The marginal density of one column of its samples is exactly
# $\mathcal N(0,1)$, whatever was learned. Which column, 0 or 1?

# %%
column = None  # your answer

# %%
if column is None:
    print("Fill in the cell above and run both again.")
else:
    one = Chain((mg.core.perturbed(coupling(2, rng), rng), Permute.halves(2)))
    latent = rng.standard_normal((5, 2))
    kept = [k for k in (0, 1) if np.isin(one.inverse(latent)[0][:, k], latent).all()]
    print("right" if [column] == kept else "not yet: which column does the coupling not move?")

# %% [markdown]
# <details><summary>Answer</summary>
#
# `Permute.halves` comes after the coupling in `train`; neither map changes the values of the column
# that the coupling keeps. So this column of $\bar x$ *is* a column of $\bar z$:
#
# ```python
# column = 0
# ```
#
# Its marginal is $\mathcal N(0,1)$ after any training, and that of the moons is not. No amount of
# training repairs this; a second coupling does.
# </details>
#
# **3.** (hard) How many couplings (with a swap of the halves between them) are needed until every
# output depends on every input, for $D=4$? And for $D=5$, where the halves have 2 and 3 columns?

# %%
needed = {4: None, 5: None}  # your answer


# %%
def zeros(D, depth, rng):
    """How many entries of the Jacobian of `depth` couplings are 0 at every point."""
    maps = [mg.core.perturbed(coupling(D, rng), rng, 0.5)]
    for _ in range(depth - 1):
        maps += [Permute.halves(D), mg.core.perturbed(coupling(D, rng), rng, 0.5)]
    chain = Chain(tuple(maps))
    J = mg.check.jacobian(lambda v: chain.forward(v)[0], rng.standard_normal((6, D)))
    return int(np.all(J == 0, axis=0).sum())


if None in needed.values():
    print("Fill in the cell above and run both again.")
else:
    counted = {D: [zeros(D, k, rng) for k in range(1, 6)].index(0) + 1 for D in needed}
    print("right" if needed == counted else "not yet: what does a column know of its own half?")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The first coupling gives each moved column the other half and *itself*, not its own neighbours.
# The second moves the other half, which then sees everything. The third gives everything to the
# columns that were moved first. For $D=5$ one column is moved by the first and the second coupling,
# and one more is needed:
#
# ```python
# needed = {4: 3, 5: 4}
# ```
# </details>
#
# ## What to read next
#
# * Dinh, Krueger and Bengio, [*NICE*](https://arxiv.org/abs/1410.8516) (2015): the same idea with
#   $s=0$ (`mg.flows.nice`).
# * Dinh, Sohl-Dickstein and Bengio, [*Density estimation using Real
#   NVP*](https://arxiv.org/abs/1605.08803) (2017): this layer.
# * Kingma and Dhariwal, [*Glow*](https://arxiv.org/abs/1807.03039) (2018): the swap becomes a
#   learned linear map (`mg.flows.InvertibleLinear`).
# * Papamakarios, Nalisnick, Rezende, Mohamed and Lakshminarayanan, [*Normalizing flows for
#   probabilistic modeling and inference*](https://arxiv.org/abs/1912.02762) (2021): the review.
# * The entries of this page: [NVP-7](../docs/notes.md#NVP-7), the block matrix, and
#   [NVP-8](../docs/notes.md#NVP-8), its determinant.
#
# In this package: `minigen check NVP` runs all eight equations, as printed and corrected. Homework:
# `minigen homework start coupling`; when it is right, `minigen homework milestone coupling.py`
# learns the moons by your own functions. Next: [tutorial 03](03_autoregressive.ipynb), masked
# autoregressive flows.
