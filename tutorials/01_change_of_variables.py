# %% [markdown]
# # 01 The change of variables
#
# **Question.** $\bar z$ has a density that we know, and $\bar y=\bar F(\bar z)$. What is the
# density of $\bar y$? Why is there a determinant in the answer, and why an absolute value around
# it?
#
# **You need** [tutorial 00](00_contract.ipynb). **Time** about 45 minutes. **Equations** CV-1 to
# CV-10.

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
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import stats

import minigen as mg
from minigen.flows import Affine, AffineCoupling, Chain, Exp, Flow, Inverse, InvertibleLinear
from minigen.plot import LINES
from minigen.prob import Gaussian

rng = np.random.default_rng(0)

# %% [markdown]
# ## Why
#
# A *density* says how likely each possible observation is. Who has one can draw new data, notice
# what does not belong, compress, compare two explanations, or fill in what is missing. For a few
# numbers a histogram will do. But with ten boxes for each number the boxes multiply:

# %%
for columns in (1, 2, 64):
    print(f"{columns:2} numbers, ten boxes each: {10.0**columns:.0e} boxes to fill")
mg.plot.density(mg.data.toy("moons"))

# %% [markdown]
# **How to read it.** A density on the plane; the darker, the likelier. This one is known. From
# data alone nobody can fill the boxes of a small picture of 64 pixels, the last line above.
#
# The way out of this chapter: take a density that is simple, a Gaussian, and *bend the space* it
# lies in. To know the new density one has to know how much each place was stretched. That is the
# change of variables, and all flows are made of it.
#
# ## 1. One dimension: mass is carried along
#
# The notes start with a base density ([CV-1](../docs/notes.md#CV-1), section 2) and a map
#
# $$\bar z\sim q(\bar z)\ \xrightarrow{\ f\ }\ \bar y=\bar F(\bar z)\quad\text{(CV-2)}$$
#
# They leave unsaid what all the rest needs: $F$ is one to one, differentiable, and its derivative
# is never 0. Then the probability between $z$ and $z+dz$ is the probability between $F(z)$ and
# $F(z+dz)$. Nothing is lost on the way:
#
# $$p(y)\,|dy|=q(z)\,|dz|.$$
#
# Lengths are positive, hence the bars. Divide by $|dy|$:
#
# $$p(y)=q(z)\left|\frac{dz}{dy}\right|=q(F^{-1}(y))\,\big|(F^{-1})'(y)\big|\quad\text{(CV-4)}$$
#
# Take a map that **falls**, $F(z)=e^{-z}$ with $z\sim\mathcal N(0,\sigma^2)$. Then $y$ is
# lognormal, and its density stands in every table.
#
# **Predict, then run.** The notes print the last form of CV-4 *without* the bars. What will it say?

# %%
sigma = 0.8
base = Gaussian.from_moments(np.zeros(1), np.array([[sigma**2]]))
falling = Chain((Affine(np.array([-1.0]), np.zeros(1)), Exp()))  # z -> -z -> exp(-z)
flow = Flow(Inverse(falling), base)  # a flow's map goes from data to latent, y -> z

y = np.array([[0.3], [1.0], [2.5]])
z, _, _ = falling.inverse(y)
slope = mg.check.jacobian(lambda v: falling.inverse(v)[0], y)[:, 0, 0]  # dz/dy by complex step
truth = stats.lognorm.pdf(y[:, 0], sigma)
printed = np.exp(base.log_prob(z)) * slope  # the last form of CV-4 as printed: no bars

print("table      ", truth.round(4))
print("minigen    ", np.exp(flow.log_prob(y)).round(4))
print("as printed ", printed.round(4))
assert np.allclose(np.exp(flow.log_prob(y)), truth, rtol=1e-13)
assert np.allclose(printed, -truth, rtol=1e-13)

# %% [markdown]
# Without the bars: for a falling map the derivative is
# negative, and so is the "density". With a rising map the two agree and nobody notices. When you
# test a formula that has an absolute value, use a case where the bars matter.


# %% jupyter={"source_hidden": true}
def slices(F, q, p, edges, y_top):
    """The base below, the map, and the new density at the left, cut into slices of equal mass."""
    figure = mg.plot.Picture(figsize=(6.2, 5.2), layout="constrained")
    ((left, middle), (corner, below)) = figure.subplots(
        2, 2, width_ratios=[1, 2.2], height_ratios=[2.2, 1]
    )
    corner.set_axis_off()
    z = np.linspace(-2.6, 2.6, 400)
    middle.plot(z, F(z), color="black", linewidth=1.5)
    for k, (a, b) in enumerate(pairwise(edges)):
        color = LINES[k % len(LINES)]
        inside, image = np.linspace(a, b, 60), np.linspace(F(b), min(F(a), y_top), 60)
        below.fill_between(inside, q(inside), color=color, alpha=0.6)
        left.fill_betweenx(image, p(image), color=color, alpha=0.6)
        middle.fill_between(inside, F(inside), color=color, alpha=0.15)
        middle.plot([-2.6, a], [F(a), F(a)], color=color, linewidth=0.8)
    middle.set(xlim=(-2.6, 2.6), ylim=(0, y_top), title="the map y = F(z)")
    below.set(xlim=(-2.6, 2.6), xlabel="z", title="base density q(z)")
    left.set(ylim=(0, y_top), ylabel="y", title="density p(y)")
    left.invert_xaxis()
    for ax in (left, middle, below):
        ax.spines[["top", "right"]].set_visible(False)
    return figure


edges = sigma * stats.norm.ppf(np.linspace(0.02, 0.98, 9))
shares = np.diff(stats.norm.cdf(edges, scale=sigma))
print(f"{len(shares)} slices, each with a probability of {shares[0]:.0%}")
assert np.ptp(shares) < 1e-12
slices(
    lambda z: np.exp(-z),
    lambda z: stats.norm.pdf(z, scale=sigma),
    lambda y: stats.lognorm.pdf(y, sigma),
    edges,
    y_top=5.3,
)

# %% [markdown]
# **How to read it.** All slices have the same probability, printed above. Below they lie under
# the bell; the curve carries each to the axis at the left. Every slice keeps its **area**. Where
# the curve is flat (right end, small $y$) a slice becomes narrow and therefore tall. Where it is
# steep, wide and low. That is the whole formula: height $=$ mass $/$ width.
#
# ## 2. The base, and its gradient
#
# $$q(\bar z)=\mathcal N(\bar z\mid\bar 0,\bar\Sigma)\quad\text{(CV-1)},\qquad \log q=-\tfrac D2
# \log2\pi-\sum_i\log L_{ii}-\tfrac12\|L^{-1}\bar z\|^2,\quad\bar\Sigma=LL^T$$
#
# (The notes call this density $p$ here and $q$ from the next line on. We keep $q$.) The Cholesky
# factor $L$ does both jobs: $|\Sigma|^{1/2}=\prod_iL_{ii}$, and one triangular solve gives the
# quadratic form. The diagonal is kept positive as $L_{ii}=e^{a_i}$, and the code has a mean $\mu$
# too. It is itself a change of variables: $z=\mu+Lu$ with $u\sim\mathcal N(0,I)$.
#
# **Backward.** Let $u=L^{-1}(z-\mu)$ and $v=L^{-T}u=\Sigma^{-1}(z-\mu)$. From $Lu=z-\mu$:
#
# $$\delta u=L^{-1}(\delta z-\delta\mu-\delta L\,u)$$
#
# $$\delta\log q=-\langle u,\delta u\rangle-\sum_i\delta a_i=-\langle v,\ \delta z-\delta\mu-
# \delta L\,u\rangle-\sum_i\delta a_i$$
#
# Read off each factor, with the upstream gradient $w$ (`dlogp`), one number a row:
#
# | symbol | gradient | in the code |
# |---|---|---|
# | $z$ | $-w\,v$ | `dz = -dlogp[:, None] * v` |
# | $\mu$ | $+\sum_n w_nv_n$ | `-dz.sum(axis=0)` |
# | $L$ | $\sum_n w_n\,v_nu_n^T$, lower part | `dL = -dz.T @ u` |
# | $a_i$ | $dL_{ii}\,e^{a_i}-\sum_n w_n$ | two paths: through $L_{ii}$ and through $-\sum_ia_i$ |
#
# Find each of them in [gaussian.py](../minigen/prob/gaussian.py):

# %%
print(inspect.getsource(Gaussian.forward))
print(inspect.getsource(Gaussian.backward))

# %%
Sigma: Any = np.array([[1.0, 0.7], [0.7, 1.5]])
q = Gaussian.from_moments(np.zeros(2), Sigma)
points = rng.standard_normal((6, 2))
known = stats.multivariate_normal(np.zeros(2), Sigma).logpdf(points)
print(f"against SciPy {np.abs(q.log_prob(points) - known).max():.0e}")
assert np.allclose(q.log_prob(points), known, rtol=1e-13)

report = mg.check.gradients(q, points, rng=rng)
assert report
print(report)

# %% [markdown]
# **Break it.** Forget that $a_i$ has two paths.


# %%
class OnePath(Gaussian):
    """Forgets the path of a through the normalising constant."""

    def backward(self, dlogp, cache):
        dz, grads = super().backward(dlogp, cache)
        return dz, grads | {"a": grads["a"] + dlogp.sum()}


broken = OnePath(q.mu, q.a, q.lower)
report = mg.check.gradients(broken, points, rng=rng)
assert not report
print(report)

w = rng.standard_normal(len(points))
_, wrong = broken.backward(w, broken.forward(points)[1])
_, right = q.backward(w, q.forward(points)[1])
print("\nda, wrong - right:", wrong["a"] - right["a"], " sum of w:", w.sum())
assert np.allclose(wrong["a"] - right["a"], w.sum())

# %% [markdown]
# One row is wrong, `params.a`, and both its entries are. The report has no diagnosis, so look at
# the error itself: it is the **same number** in each entry, $\sum_n w_n$. An error that does not
# depend on the index is a lost term that does not depend on it either.
#
# ## 3. Two dimensions: the determinant is an area
#
# A smooth map looks linear from near. It takes a small square at $\bar z$ to a small parallelogram
# spanned by the columns of its Jacobian, and the area of that is $|\det J|$ times the square's. The
# argument of section 1 goes through with areas in place of lengths:
#
# $$p(\bar y)=q(\bar F^{-1}(\bar y))\left|\det\frac{d\bar F^{-1}}{d\bar y}\right|
# \quad\text{(CV-3)},\qquad p(\bar F(\bar z))=q(\bar z)\left|\det\frac{d\bar F}{d\bar z}\right|^{-1}
# \quad\text{(CV-5)}$$
#
# The two are the same, because the Jacobian of the inverse map is the inverse matrix. The map below
# is bent, and it reverses orientation ($\det J<0$), so the bars matter again.
#
# **Predict, then run.** The area of the image of a small square, divided by the area of the square:
# what does it tend to as the square shrinks, and with which sign?

# %%
mirror = InvertibleLinear.from_matrix(np.array([[0.9, 0.5], [0.6, -0.7]]), dtype=np.float64)
shape = np.random.default_rng(4)
bends = [
    AffineCoupling.init(2, (6,), rng=shape, dtype=np.float64, activation="tanh", c=0.8)
    for _ in range(2)
]
bends = [mg.core.perturbed(bend, shape, 0.6) for bend in bends]  # fresh, each is the identity
F = Chain((bends[0], mirror, bends[1]))
flow = Flow(Inverse(F), q)


def area(corners):
    """The signed area of a polygon (n, 2)."""
    x, y = corners.T
    return 0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))


J = mg.check.jacobian(lambda v: F.forward(v)[0], points)
for side in (0.1, 0.01, 0.001, 0.0001):
    square = points[0] + side * (np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) - 0.5)
    ratio = area(F.forward(square)[0]) / area(square)
    print(f"side {side:6}: area of the image / area {ratio:+.6f}")
print(f"det J by complex step:               {np.linalg.det(J[0]):+.6f}")
assert abs(ratio - np.linalg.det(J[0])) < 1e-5 and np.linalg.det(J[0]) < 0

# %% [markdown]
# The sign of the area is the orientation: the corners come out clockwise. A density takes the
# absolute value. Now four tests of CV-3, CV-5 and CV-6 that share no formula with the code.

# %%
y = F.forward(points)[0]
K = mg.check.jacobian(lambda v: F.inverse(v)[0], y)
by_forward = q.log_prob(points) - np.linalg.slogdet(J)[1]  # CV-5
by_inverse = q.log_prob(points) + np.linalg.slogdet(K)[1]  # CV-3
print(f"CV-3 against CV-5                 {np.abs(by_forward - by_inverse).max():.0e}")
print(f"CV-6, the code, against CV-5      {np.abs(flow.log_prob(y) - by_forward).max():.0e}")
assert np.allclose(by_forward, by_inverse, atol=1e-12)
assert np.allclose(flow.log_prob(y), by_forward, atol=1e-12)


def grid(reach, n=301):
    """Points of a square grid (n^2, 2) and the area that belongs to each."""
    axis = np.linspace(-reach, reach, n)
    both = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    return both, (2 * reach / (n - 1)) ** 2


def g(v):
    return np.cos(v[:, 0] - 0.5 * v[:, 1])


(latent, dz), (data, dy) = grid(12), grid(16)
p, base_q = np.exp(flow.log_prob(data)), q.log_prob(latent)
mass, under_p = p.sum() * dy, (g(data) * p).sum() * dy
under_q = (g(F.forward(latent)[0]) * np.exp(base_q)).sum() * dz
print(f"the integral of p                 1 {mass - 1:+.0e}")
print(f"E_q[g(F(z))] - integral of g p    {under_q - under_p:+.0e}")
assert abs(mass - 1) < 1e-6 and abs(under_q - under_p) < 1e-6

# %%
mg.plot.warp(flow)

# %% [markdown]
# **How to read it.** Left the base with its tilted cloud and a square grid. Then the grid after
# each map of the chain: a coupling, the mirror, a coupling. Where the meshes are small, the
# density is large. The second map is linear: it turns the grid over and bends nothing. The same
# in motion:

# %%
mg.plot.moving_grid(flow)

# %% [markdown]
# **How to read it.** The grid and the cloud of the base, carried through the three maps one after
# the other. In the second the plane collapses to a line for a moment: a straight path from a map
# that keeps orientation to one that reverses it must pass a determinant of 0. (Only the picture
# does so, between two maps.)

# %%
mg.plot.density(flow)

# %% [markdown]
# **How to read it.** The same map, seen as a density: dark where meshes are small *and* the base is
# high.
#
# ## 4. Which variable stands still?
#
# In logarithms, with the maximum-likelihood instruction of the notes:
#
# $$\log p(\bar y)=\log q(\bar z)-\log\left|\det\frac{d\bar F}{d\bar z}\right|,\qquad
# \bar z=\bar F_\theta^{-1}(\bar y),\qquad\xrightarrow{\ \max_\theta\ }\quad\text{(CV-6)}$$
#
# True, with a trap. The formula is written in $\bar z$. But the **data** $\bar y$ are what is
# given: when $\theta$ changes, $\bar z=\bar F_\theta^{-1}(\bar y)$ moves. Take the smallest
# example, $y=e^{a}z$:
#
# | held | objective | derivative by $a$ |
# |---|---|---|
# | $y$ | $-\tfrac12e^{-2a}y^2-a$ | $z^2-1$, zero where the mean of $z^2$ is 1 |
# | $z$ | $-\tfrac12z^2-a$ | $-1$, everywhere: shrink for ever |
#
# **Predict, then run.** The data have a standard deviation near 1.7. Which scale does each of the
# two objectives choose?

# %%
data = 1.7 * rng.standard_normal(4000)
a = np.linspace(-2, 2, 201)
fixed_y = -0.5 * np.exp(-2 * a) * np.mean(data**2) - a
fixed_z = -0.5 * np.mean((data / 1.7) ** 2) - a
best = np.exp(a[fixed_y.argmax()])
print(f"held y: best scale {best:.2f}, standard deviation of the data {data.std():.2f}")
print(f"held z: best scale is the smallest offered, {np.exp(a[fixed_z.argmax()]):.2f}")
assert abs(best - data.std()) < 0.05 and fixed_z.argmax() == 0

# %%
near = a > -1
mg.plot.lines(
    {"y held (right)": (a[near], fixed_y[near]), "z held (wrong)": (a[near], fixed_z[near])},
    xlabel="log-scale a", ylabel="mean log-likelihood + constant", floor=fixed_y.max(),
    title="Two objectives that look the same on paper",
)  # fmt: skip

# %% [markdown]
# **How to read it.** The right objective (blue) has a maximum, at the height of the dotted line. It
# lies at the log of the data's standard deviation. The other one rises to the left without end.
#
# In code the trap is avoided by construction: the loss runs from the data to $\bar z$, and backward
# returns by the same way. The gradient of the whole, inputs and parameters:

# %%
report = mg.check.gradients(flow.nll, y, rng=rng)
assert report
print(report)

# %% [markdown]
# ## 5. Chains
#
# Let $\bar z_i=f_i(\bar z_{i-1})$. Undo the last map and ask for the density one step earlier:
#
# $$p_k(\bar z_k)=p_{k-1}\big(f_k^{-1}(\bar z_k)\big)\left|\det\frac{df_k^{-1}}{d\bar z_k}\right|
# \quad\text{(CV-7)}$$
#
# The notes print $p_k$ on both sides. Repeat until nothing is left to undo:
#
# $$p_k(\bar z_k)=q(\bar z_0)\prod_{i=1}^k\left|\det\frac{df_i^{-1}}{d\bar z_i}\right|
# \quad\text{(CV-8)}$$
#
# $$\log p_k(\bar z_k)=\log q(\bar z_0)+\sum_{i=1}^k\log\left|\det\frac{df_i^{-1}}{d\bar z_i}\right|
# \ \text{(CV-9)}\ =\log q(\bar z_0)-\sum_{i=1}^k\log\left|\det\frac{df_i}{d\bar z_{i-1}}\right|
# \ \text{(CV-10)}$$
#
# As a picture, for a chain of two maps:

# %% jupyter={"source_hidden": true}
mg.plot.diagram(
    {"$z_0$": (0, 0), "$f_1$": (1.4, 0), "$z_1$": (2.8, 0), "$f_2$": (4.2, 0), "$z_2$": (5.6, 0),
     "$\\ell_1$": (1.4, -1.1), "$\\ell_2$": (4.2, -1.1), "$\\ell=\\ell_1+\\ell_2$": (2.8, -2)},
    [("$z_0$", "$f_1$"), ("$f_1$", "$z_1$"), ("$z_1$", "$f_2$"), ("$f_2$", "$z_2$"),
     ("$f_1$", "$\\ell_1$"), ("$f_2$", "$\\ell_2$"), ("$\\ell_1$", "$\\ell=\\ell_1+\\ell_2$"),
     ("$\\ell_2$", "$\\ell=\\ell_1+\\ell_2$")],
    back=[("$z_2$", "$f_2$", "$dz_2$"), ("$f_2$", "$z_1$", "$dz_1$"), ("$z_1$", "$f_1$"),
          ("$f_1$", "$z_0$", "$dz_0$"), ("$\\ell=\\ell_1+\\ell_2$", "$\\ell_1$", "$d\\ell$"),
          ("$\\ell=\\ell_1+\\ell_2$", "$\\ell_2$", "$d\\ell$"),
          ("$\\ell_1$", "$f_1$", "$d\\ell$"), ("$\\ell_2$", "$f_2$", "$d\\ell$")],
    boxes=["$f_1$", "$f_2$"], accent=["$z_0$", "$z_2$"],
    title="A chain: points go through, log-determinants are added",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Points pass from map to map; each map also hands out its log-determinant, and
# these are added. Backward (dashed), the sum gives the *same* $d\ell$ to every map, while $dz$ is
# transformed by one map after the other.
#
# The notes call the index of the sums $k$, like its upper end. Whoever programs that as it stands
# adds the **last** term $k$ times. We run all readings.

# %%
maps = F.layers
path = [points]
for f in maps:
    path.append(f.forward(path[-1])[0])
terms = [
    np.linalg.slogdet(mg.check.jacobian(lambda v, f=f: f.forward(v)[0], z))[1]
    for f, z in zip(maps, path, strict=False)
]
exact = q.log_prob(points) - np.linalg.slogdet(J)[1]  # the Jacobian of the whole chain at once
summed = q.log_prob(points) - sum(terms)
captured = q.log_prob(points) - len(maps) * terms[-1]
product = np.exp(q.log_prob(points)) * np.prod(np.exp(-np.array(terms)), axis=0)
inverse = q.log_prob(points) + F.inverse(path[-1])[1]
print(f"CV-8, the product             {np.abs(np.log(product) - exact).max():.0e} off")
print(f"CV-9, the code's inverse      {np.abs(inverse - exact).max():.0e} off")
print(f"CV-10, sum over i             {np.abs(summed - exact).max():.0e} off")
print(f"CV-10, as printed (k times k) {np.abs(captured - exact).max():.0e} off")

before = Flow(Inverse(Chain(maps[:-1])), q)
z1, ell, _ = maps[-1].inverse(path[-1])
print(f"CV-7 with p_(k-1)             {np.abs(before.log_prob(z1) + ell - exact).max():.0e} off")
print(f"CV-7 with p_k, as printed     {np.abs(flow.log_prob(z1) + ell - exact).max():.0e} off")
assert np.abs(np.log(product) - exact).max() < 1e-12 and np.abs(inverse - exact).max() < 1e-12
assert np.abs(summed - exact).max() < 1e-12 and np.abs(captured - exact).max() > 0.01
assert np.abs(before.log_prob(z1) + ell - exact).max() < 1e-12
assert np.abs(flow.log_prob(z1) + ell - exact).max() > 0.01

# %% [markdown]
# **Backward.** $\ell=\sum_i\ell_i$, so $\partial\ell/\partial\ell_i=1$: **every** layer gets the
# same `dlogdet`. Only `dz` is transformed on the way down. Each layer adds to it the path through
# its own $\ell_i$:
#
# $$d\bar z_{i-1}=\Big(\frac{\partial f_i}{\partial\bar z_{i-1}}\Big)^{T}d\bar z_i+
# d\ell\,\frac{\partial\ell_i}{\partial\bar z_{i-1}}$$
#
# The code is [chain.py](../minigen/flows/chain.py):

# %%
print(inspect.getsource(Chain.forward))
print(inspect.getsource(Chain.backward))

# %%
report = mg.check.bijection(F, points, rng=rng)
assert report
print(report)

# %% [markdown]
# **Break it.** Hand `dlogdet` to the last layer only, as if the chain's log-determinant were its
# own.


# %%
class LastOnly(Chain):
    """Gives dlogdet to the last layer, and zeros to the others."""

    def backward(self, dz, dlogdet, caches):
        grads = {}
        for k in reversed(range(len(self.layers))):
            dz, grads[str(k)] = self.layers[k].backward(dz, dlogdet, caches[k])
            dlogdet = 0 * dlogdet
        return dz, {"layers": grads}


report = mg.check.gradients(LastOnly(maps), points, rng=rng)
assert not report
failed = {row.name for row in report.failures}
assert not any(name.startswith("params.layers.2") for name in failed)
assert {name for name in failed if "layers.1" in name} == {"params.layers.1.a"}
print(report)

# %% [markdown]
# The rows of layer 2, the last map, are right. Of layer 1, the mirror, only `a` is wrong: its
# log-determinant is $\sum_ja_j$ and depends on nothing else. In layer 0 each array is wrong, but
# of its last weights only column 0: the one that makes the log-scale $s$, not the shift $t$. So
# what is missing is the path through a log-determinant, and it is missing below layer 2. When the
# last layers are right and the ones before them are not, look at what is handed from one to the
# next.
#
# ## Exercises
#
# **1.** (easy) $F(z)=z^3$ is one to one on the whole line. Write the density of $y=z^3$ for
# $z\sim\mathcal N(0,1)$. Which condition of CV-2 is violated, and where do you see it?


# %%
def cubed(y) -> Any:
    """The density of z^3; `stats.norm.pdf` is that of z, `np.cbrt` the cube root."""
    return None  # your answer


# %%
strip, width = np.linspace(0.5, 2, 3001, retstep=True)
if cubed(strip) is None:
    print("Fill in the cell above and run both again.")
else:
    expected = np.diff(stats.norm.cdf(np.cbrt([0.5, 2])))[0]  # P(0.5 < y < 2)
    area_under = width * (cubed(strip)[1:] + cubed(strip)[:-1]).sum() / 2
    right = abs(area_under - expected) < 1e-6 and np.allclose(cubed(-strip), cubed(strip))
    hint = f"not yet: area between 0.5 and 2 {area_under:.4f}, expected {expected:.4f}; or a sign"
    print("right" if right else hint)

# %% [markdown]
# <details><summary>Answer</summary>
#
# $F^{-1}(y)=y^{1/3}$, so $p(y)=q(y^{1/3})\,\tfrac13|y|^{-2/3}$:
#
# ```python
# def cubed(y):
#     z = np.cbrt(y)
#     return stats.norm.pdf(z) / (3 * z**2)
# ```
#
# At $y=0$ it is infinite (though its integral is still 1). $F'(0)=0$: around $z=0$ a slice of
# positive mass is squeezed to width zero. This is why CV-2 needs a derivative that never vanishes.
# </details>
#
# **2.** (medium) How does a map change the entropy, $H=-E[\log p]$? Write $H(\bar y)$ by means of
# $H(\bar z)$ and of `logdet`, one $\log|\det J|$ for each of many samples. What does a map do to
# the entropy that keeps all areas?

# %%
z = q.sample(100_000, rng=rng)
_, logdet, _ = F.forward(z)
entropy_z = 1 + np.log(2 * np.pi) + 0.5 * np.log(np.linalg.det(Sigma))
entropy_y = None  # your answer

# %%
if entropy_y is None:
    print("Fill in the cell above and run both again.")
else:
    by_sampling = -flow.log_prob(F.forward(z)[0])
    error = by_sampling.std() / np.sqrt(len(z))
    right = np.all(np.abs(entropy_y - by_sampling.mean()) < 6 * error)
    print("right" if right else f"not yet: by sampling it is {by_sampling.mean():.2f} nats")

# %% [markdown]
# <details><summary>Answer</summary>
#
# $H(\bar y)=-E[\log p(\bar y)]=-E_q\big[\log q(\bar z)-\log|\det J|\big]=H(\bar z)+
# E_q\big[\log|\det J|\big]$ by CV-6:
#
# ```python
# z = q.sample(100_000, rng=rng)
# _, logdet, _ = F.forward(z)
# entropy_z = 1 + np.log(2 * np.pi) + 0.5 * np.log(np.linalg.det(Sigma))
# entropy_y = entropy_z + logdet.mean()
# ```
#
# A map that keeps areas keeps the entropy; NICE (additive couplings) can move mass about but
# neither spread nor squeeze it.
# </details>
#
# **3.** (medium, on paper) Data are rows, so a linear layer is $\bar y=\bar zW$. Use CV-5 to find
# the covariance of $\bar y$ for $\bar z\sim\mathcal N(0,\Sigma)$.

# %%
W: Any = np.array([[0.9, 0.5], [0.6, -0.7]])
covariance = None  # your answer, from W and Sigma

# %%
if covariance is None:
    print("Fill in the cell above and run both again.")
else:
    by_cv5 = q.log_prob(points) - np.log(abs(np.linalg.det(W)))
    claimed = stats.multivariate_normal(np.zeros(2), covariance, allow_singular=True)
    right = np.allclose(claimed.logpdf(points @ W), by_cv5)
    print("right" if right else "not yet: put z = y W^(-1) into the exponent")

# %% [markdown]
# <details><summary>Answer</summary>
#
# $\bar z=\bar yW^{-1}$, so the exponent is $-\tfrac12\bar yW^{-1}\Sigma^{-1}W^{-T}\bar y^T=
# -\tfrac12\bar y\,(W^T\Sigma W)^{-1}\bar y^T$, and the factor $|\det W|^{-1}$ joins
# $|\Sigma|^{-1/2}$ to $|W^T\Sigma W|^{-1/2}$:
#
# ```python
# W: Any = np.array([[0.9, 0.5], [0.6, -0.7]])
# covariance = W.T @ Sigma @ W
# ```
# </details>
#
# ## What to read next
#
# * Rezende and Mohamed, [*Variational inference with normalizing
#   flows*](https://arxiv.org/abs/1505.05770) (2015): where the word comes from.
# * Tabak and Vanden-Eijnden, [*Density estimation by dual ascent of the
#   log-likelihood*](https://doi.org/10.4310/CMS.2010.v8.n1.a11) (2010).
# * Papamakarios, Nalisnick, Rezende, Mohamed and Lakshminarayanan, [*Normalizing flows for
#   probabilistic modeling and inference*](https://arxiv.org/abs/1912.02762) (2021), section 2.
# * The entries of this page: [CV-4](../docs/notes.md#CV-4), whose bars the notes lost, and
#   [CV-10](../docs/notes.md#CV-10), whose index they used twice.
#
# In this package: `minigen check CV` runs all ten equations, as printed and corrected. Homework:
# `minigen homework start change`; when it is right, `minigen homework milestone change.py` learns a
# toy by your own functions. Next: [tutorial 02](02_real_nvp.ipynb), where the
# determinant becomes a sum.
