# %% [markdown]
# # 10 The bug museum: mistakes that passed their tests
#
# **Question.** Twelve mistakes from public packages, textbooks and courses. Every one had a test
# suite, or readers, or both. *Which mistakes pass which tests*, and which test would have seen
# them?
#
# **You need** tutorials 00 (how a gradient is checked) and 02 (couplings); 04 for room 5.
# **Time** about 40 minutes. **Equations** CV-3, CV-6, NVP-8, MAF-2, DIF-11, DIF-19, TRI-1.

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
import itertools
import textwrap
from typing import Any

import numpy as np

import minigen as mg
from minigen.derivations import museum
from minigen.diffusion import linear_schedule
from minigen.flows import MADE, AffineCoupling, Chain, Flow, MAFLayer
from minigen.prob import StandardNormal

rng = np.random.default_rng(0)
for exhibit in museum.EXHIBITS.values():
    print(f"{exhibit.name:15} {exhibit.title}")

# %% [markdown]
# An exhibit is a page (`print`) and an experiment (`run`). The code in it is ours and short; the
# mistake is somebody's, and the page says whose. Nothing here is meant to shame anyone: these are
# good packages, and each mistake is one that you and I will make.
#
# ## Room 1. A test that compares the code with itself
#
# A flow rests on $\log p(\bar x)=\log q(\bar z)+\log|\det\partial\bar z/\partial\bar x|$
# (CV-3, CV-6). How would you test a log-det? The usual answer, in three well-known packages: run
# the layer forward and back. You must arrive where you started, and the two log-dets must cancel:
#
# $$f^{-1}(f(\bar x))=\bar x,\qquad \ell_{f}(\bar x)+\ell_{f^{-1}}(f(\bar x))=0.$$
#
# The first exhibit passes both.

# %%
print(museum.visit("doubled_logdet"))

# %%
found = museum.visit("doubled_logdet").run()
print(found)

# %% [markdown]
# **How to read it.** A figure for the right and for the wrong code. Then what the wrong code
# *passes*, and what sees it. It passes because the claim is empty: if $\ell_f$ and $\ell_{f^{-1}}$
# cancel, so do $2\ell_f$ and $2\ell_{f^{-1}}$, or $-\ell_f$ and $-\ell_{f^{-1}}$, or 0 and 0. And
# the gradients pass because forward and backward are wrong in the same way: `backward` *is* the
# derivative of `forward`.
#
# What does the mistake do? The "density" does not integrate to one:


# %%
def layer_of(kind, rng, features=2):
    """A layer with its parameters moved off the identity, in double precision."""
    layer = kind.init(features, (8,), rng=rng, dtype=np.float64, activation="tanh")
    return mg.core.perturbed(layer, rng, 0.5)


coupling = layer_of(AffineCoupling, np.random.default_rng(0))
doubled = museum.visit("doubled_logdet").wrong(coupling.net, coupling.d, coupling.c)


def densities(layers, half=6, points=121):
    """What one-layer flows say of the plane, and the integral of it."""
    axis = np.linspace(-half, half, points)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    figure = mg.plot.Picture(figsize=(7.2, 3.2), layout="constrained")
    for ax, (name, f) in zip(figure.subplots(1, len(layers)), layers.items(), strict=True):
        p = np.exp(Flow(Chain((f,)), StandardNormal(2)).log_prob(grid)).reshape(points, points)
        extent = (-half, half, -half, half)
        image = ax.imshow(p, extent=extent, origin="lower", vmin=0, vmax=0.5, cmap="Blues")
        mass = p.sum() * (axis[1] - axis[0]) ** 2
        ax.set_title(f"{name}: mass {mass:.2f}", fontsize=10, loc="left")
        ax.set(xlabel="$x_1$", ylabel="$x_2$")
    figure.colorbar(image, ax=figure.axes, shrink=0.8)
    return figure


densities({"right": coupling, "log-det doubled": doubled})

# %% [markdown]
# **How to read it.** Darker is more probable, on one scale. Left and right have the same shape of
# ridge; on the right it is too dark where the map stretches. The title is the integral over the
# square. With the right log-det it is 1 (but for the little that lies outside the square).
#
# The remedy is to find the log-det **without the code that claims it**: `mg.check.bijection`
# differentiates `forward` by complex step, column by column, and takes `slogdet` of the matrix.

# %%
report = mg.check.bijection(doubled, rng.standard_normal((3, 2)), rng=rng)
assert not report and mg.check.bijection(coupling, rng.standard_normal((3, 2)), rng=rng)
print(report)

# %% [markdown]
# The rows `x = inverse(forward(x))` are right; the rows `logdet` are wrong. Also read the gradients
# of `inverse` below: `Doubled` inherits an `inverse_backward` that does not know about the factor,
# so there they do disagree. A mistake made in *three* places out of four is easier to find.
#
# A similar mistake: one sign is wrong, in one direction only.

# %%
print(museum.visit("inverse_sign").run())

# %% [markdown]
# Everything a training run uses is right here. What is wrong is the log-det that comes with a
# *sample*: an estimate of a normalising constant that uses it (as `mg.flows.log_normalizer` does)
# gives the second row.
#
# ## Room 2. A test at a special point
#
# A MADE may visit its columns in any order. Sampling goes through them one at a time (MAF-2), and
# has to know which column is first. The layer stores one number for each column, its *degree*: the
# place of that column in the order. The order itself is the inverse permutation, `argsort(degree)`.

# %%
order = museum.visit("visiting_order")
print(inspect.getsource(order.right))
print(inspect.getsource(order.wrong))
print(order.run())

# %% [markdown]
# The natural and the reversed order are their own inverses. So is every permutation $\pi$ with
# $\pi\circ\pi=\mathrm{id}$; for those the mistake does nothing. How many are there?

# %%
for D in (2, 3, 4, 6):
    orders = list(itertools.permutations(range(D)))
    own = sum(np.array_equal(np.argsort(p), p) for p in orders)
    print(f"D = {D}: {own} of {len(orders)} orders are their own inverse")
assert own == 76

# %% [markdown]
# For $D=2$ all of them: no test in two dimensions can see it, in any order. This is what the
# samples looked like:

# %%
maf = MAFLayer.init(3, (12,), order=np.array([2, 0, 1]), rng=rng, dtype=np.float64)
maf = mg.core.perturbed(maf, rng, 0.7)
z = rng.standard_normal((1500, 3))
mg.plot.samples(order.wrong(maf, z)[:, :2], order.right(maf, z)[:, :2])

# %% [markdown]
# **How to read it.** Two columns of the same model, sampled rightly (left, "truth") and with
# degrees in the place of the order (right, "model"). Nothing of the model's shape is left, yet its
# likelihood is right to the last digit. If you trust the likelihood, you look for the fault in the
# model or in the random order, as a slide of a course did.
#
# The second piece in this room needs $D=1$, the case nobody tests because it is too easy.

# %%
column = museum.visit("one_column")
print(inspect.getsource(column.right))
print(inspect.getsource(column.wrong))
print(column.run())

# %% [markdown]
# The masks forbid more than they have to: with one column no output sees a hidden unit, and so
# none sees the condition. All *required* zeros are there; every gradient is right, for the
# derivative of a constant is 0. Tests for masks usually ask for zeros. This one needs the question
# the other way: **is there anything that should not be 0, and is?**
#
# ## Room 3. A check that asks nothing
#
# Softmax: $y_i=e^{x_i}/\sum_k e^{x_k}$. Its backward pass, line by line:
#
# | line | reason |
# |---|---|
# | $\partial y_i/\partial x_j=y_i(\delta_{ij}-y_j)$ | differentiate the quotient |
# | $dx_j=\sum_i dy_i\,y_i(\delta_{ij}-y_j)$ | the chain rule, with the cotangent $dy$ |
# | $dx_j=y_j\,\big(dy_j-\sum_i y_i\,dy_i\big)$ | collect the sum |
#
# Many packages check this by `y.sum().backward()`. That is the cotangent $dy=(1,\dots,1)$. Put it
# in: $dx_j=y_j(1-\sum_i y_i)=0$. The rows sum to one for every $x$. So the right gradient is 0,
# and *every* formula that vanishes for a constant cotangent passes.

# %%
cotangent = museum.visit("ones_cotangent")
Softmax: Any = cotangent.right
Wrong: Any = cotangent.wrong
print(inspect.getsource(Softmax.backward))
print(inspect.getsource(Wrong.backward))
print(cotangent.run())

# %% [markdown]
# With ones, both have an error of rounding. With random numbers of mixed signs, one of them is 0.2
# off. Now break it yourself: write the sum without its weight in another way, and read the report.


# %%
class Unweighted(Softmax):
    """Forgets the y in front."""

    def backward(self, dy, cache):
        (y,) = cache
        return dy - (y * dy).sum(axis=1, keepdims=True), {}


x = rng.standard_normal((3, 4))
report = mg.check.gradients(Unweighted(), x, rng=rng)
assert not report and mg.check.gradients(Softmax(), x, rng=rng)
print(report)

# %% [markdown]
# ## Room 4. Numbers that look like results
#
# Nothing crashes in this room. There is only a number in a table, and it is wrong.

# %%
print(museum.visit("half_noise").run())

# %% [markdown]
# Pixels are integers; a density needs noise added, uniform on $[0,1)$ (tutorial 07). A notebook of
# a textbook adds noise on $(0,\tfrac12]$. Then half of each cell is empty, a density can be twice
# as high in the other half, and each pixel wins up to $\log 2$. The first row is the proof by
# absurdity: a fair coin, coded in **zero** nats. The right noise gives $\log 2=0.6931$, and no code
# can do better. Data with known entropy catch what no gradient check can.

# %%
tails, tables = museum.visit("tanh_tails").run(), museum.visit("float_tables").run()


def numbers(tails, tables):
    """Left the log-probability of every pixel value, right the relative error of a table."""
    figure = mg.plot.Picture(figsize=(8.2, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(tails.curves["x"], tails.curves["right"], color="#0b62a3", label="exact")
    left.plot(tails.curves["x"], tails.curves["wrong"], color="#d55e00", label="tanh and floor")
    left.set(xlabel="pixel value $x$", ylabel="$\\log P(x)$, nats")
    left.set_title("discretised Gaussian, $\\mu=0$, $\\sigma=0.1$", fontsize=9.5, loc="left")
    left.legend(frameon=False, fontsize=8)
    right.loglog(tables.curves["t"], tables.curves["relative error of 1 - A_t"], color="#d55e00")
    right.axhline(2.0**-53, color="#667080", linestyle="--", linewidth=1)
    right.set(xlabel="t", ylabel="relative error")
    right.set_title("$1-A_t$ by subtraction in float32", fontsize=9.5, loc="left")
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    return figure


numbers(tails, tables)

# %% [markdown]
# **How to read it.** *Left*: log-probability of each pixel value. The usual code (orange) stands on
# a floor at $\log 10^{-12}=-27.6$. It is flat there, so its gradient is 0: the pixel that is
# predicted worst teaches nothing. The exact formula (blue) is a parabola to the edge, and bends up
# only in the two outermost bins, which reach to infinity. *Right*: the relative error of a table in
# single precision, against the rounding of doubles (dashed). At $t=1$ nearly four digits are all
# that is left, just where the bound divides by $1-A_t$.

# %%
print(tails)
print()
print(tables)
assert tails.figures[2][2] == 0 < tails.figures[2][1]

# %% [markdown]
# ## Room 5. Samplers without diversity
#
# One step of DDIM goes from $x_t$ to an earlier $x_s$. First split $x_t$ by what the network says
# (DIF-19), then put it together again at $s$ with *the same* noise (DIF-11):
#
# $$\hat x_0=\frac{x_t-\sqrt{1-A_t}\,\hat\epsilon}{\sqrt{A_t}},\qquad
# x_s=\sqrt{A_s}\,\hat x_0+\sqrt{1-A_s}\,\hat\epsilon.$$
#
# Two packages have a minus in the second formula.

# %%
ddim = museum.visit("ddim_minus")
print(inspect.getsource(ddim.wrong))
paths = ddim.run()
print(paths)

# %% [markdown]
# The data are $\mathcal N(2,0.5^2)$ and the network is the ideal one, so the truth is known. Why is
# the standard deviation of the samples *exactly* 0? For data $\mathcal N(m,\varsigma)$, write
# $V_t=A_t\varsigma+1-A_t$ and $u=x_t-\sqrt{A_t}\,m$. The ideal network says
# $\hat\epsilon=\sqrt{1-A_t}\,u/V_t$ and so $\hat x_0-m=\sqrt{A_t}\,\varsigma\,u/V_t$. One step
# multiplies $u$ by
#
# $$\frac{\sqrt{A_sA_t}\,\varsigma\ \pm\ \sqrt{(1-A_s)(1-A_t)}}{V_t}.$$
#
# With plus the product of all these factors is close to $\sqrt{\varsigma}$, the standard deviation
# of the data. With minus each factor is smaller than one in size, and there are hundreds.

# %%
schedule, variance = linear_schedule(400), 0.25
A, rest = schedule.alpha_bar, schedule.one_minus_alpha_bar
both = np.sqrt(A[1:] * A[:-1]) * variance, np.sqrt(rest[1:] * rest[:-1])
V = A[1:] * variance + rest[1:]
plus, minus = np.prod((both[0] + both[1]) / V), np.prod((both[0] - both[1]) / V)
print(
    f"product with plus {plus:.4f} (sqrt of the variance: {variance**0.5}), with minus {minus:.0e}"
)
assert abs(plus - 0.5) < 0.01 and abs(minus) < 1e-20


# %%
def walks(curves):
    """Some paths of each sampler, from noise to data."""
    figure = mg.plot.Picture(figsize=(8.2, 3.0), layout="constrained")
    axes = figure.subplots(1, len(curves), sharey=True)
    for ax, (name, path) in zip(axes, curves.items(), strict=True):
        t = np.arange(len(path) - 1, -1, -1)
        ax.plot(t, path[:, :40], linewidth=0.6, color="#0b62a3", alpha=0.6)
        ax.invert_xaxis()
        ax.set(xlabel="t", title=f"{name}: std {path[-1].std():.2f} at t = 0")
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("$x_t$")
    return figure


walks(paths.curves)

# %% [markdown]
# **How to read it.** Time runs from noise (left) to data (right); 40 samples. With the right sign
# each path keeps its rank. With the wrong one the noise is mirrored at each step (a blur at this
# scale), shrinks, and all paths run together. The mean is perfect. A person who looks at *one*
# sample sees a good one.
#
# The next one has too much noise instead: its log-variance was never a logarithm.

# %%
print(museum.visit("linear_range"))
print()
print(museum.visit("linear_range").run())

# %% [markdown]
# ## Room 6. State
#
# Two short ones. A flag that is not in the file, and a mean over nothing (TRI-1 on a batch where no
# two rows have one class).

# %%
print(museum.visit("actnorm_again").run())
print()
print(museum.visit("triplet_nan").run())

# %% [markdown]
# The first is why a layer here has no memory: `forward` changes nothing, and initialisation from
# data is a constructor. The second is why `TripletLoss` says what the loss of no triplets is: 0.
#
# ## Which mistakes pass which tests?
#
# The answer to the question at the top, measured. Four broken layers and five tests; each cell says
# whether the test **sees** the mistake.


# %%
class Degrees(MAFLayer):
    """Room 2: sampling in the order of the degrees."""

    def inverse(self, z, *context):
        x = order.wrong(self, z)
        return x, -self.forward(x, *context)[1], (x, z, context)


def tests(layer, x, *context):
    """{test: whether it objects}."""
    y, logdet, _ = layer.forward(x, *context)
    back, logdet_back, _ = layer.inverse(y, *context)
    rows = {row.name: row.state for row in mg.check.bijection(layer, x, *context, rng=rng).rows}
    gradient = mg.check.gradients(layer, x, *context, rng=rng)
    reach = [mg.check.jacobian(lambda c: layer.forward(x, c)[0], c) for c in context]
    return {
        "round trip": np.abs(back - x).max() > 1e-9,
        "log-dets\ncancel": np.abs(logdet + logdet_back).max() > 1e-9,
        "gradients": not gradient,
        "log-dets and\nJacobians": "WRONG"
        in (rows["logdet of forward"], rows["logdet of inverse"]),
        "too many\nzeros": any(not np.any(J) for J in reach),
    }


def deafened(made):
    """The network with the hidden degrees of room 2, which start at 1."""
    first, *between, last = made.layers
    hidden = column.wrong(1, len(first.above))
    first = dataclasses.replace(first, above=hidden)
    last = dataclasses.replace(last, below=hidden)
    return dataclasses.replace(made, layers=(first, *between, last))


hearing = MADE.init(1, (8,), context=1, rng=rng, dtype=np.float64, activation="tanh")
deaf = MAFLayer(deafened(mg.core.perturbed(hearing, rng, 0.5)))
same_sign = museum.visit("inverse_sign").wrong(layer_of(MAFLayer, rng).made)
points = rng.standard_normal((5, 3))
table = {
    "log-det doubled": tests(doubled, points[:, :2]),
    "sign of the inverse": tests(same_sign, points[:, :2]),
    "degrees for order": tests(Degrees(maf.made, maf.c), points),
    "condition masked out": tests(deaf, points[:, :1], points[:, 1:2]),
}
seen = np.array([list(row.values()) for row in table.values()])
assert seen.any(axis=1).all() and not seen.all(axis=1).any()


# %%
def verdicts(seen, rows, columns):
    """A table of what sees what."""
    figure = mg.plot.Picture(figsize=(7.4, 2.7), layout="constrained")
    ax = figure.subplots()
    ax.imshow(seen, cmap="Blues", vmin=0, vmax=1.6, aspect="auto")
    for (i, j), value in np.ndenumerate(seen):
        ax.text(j, i, "sees it" if value else "passes", ha="center", va="center", fontsize=9)
    ax.set_xticks(range(len(columns)), columns, fontsize=9)
    ax.set_yticks(range(len(rows)), rows, fontsize=9)
    ax.xaxis.tick_top()
    return figure


verdicts(seen, list(table), list(next(iter(table.values()))))

# %% [markdown]
# **How to read it.** A row is a mistake, a column a test. No column is blue from top to bottom:
# **no single test is enough**. And none of the four is seen by the gradient check, because none is
# a wrong *derivative*: the forward pass says something else than the mathematics, and `backward`
# follows it. A derivative check compares the code with itself; a Jacobian, a known entropy, an
# integral, a Gaussian identity compare it with the world.
#
# Who checks the checks? Other mistakes, planted on purpose: in a checkout of the package,
# `python tests/mutation seeded` puts wrong backward passes before the checker, one at a time, and
# `python tests/mutation checker` plants mistakes in the checker itself.
#
# ## Exercises
#
# **1.** Which exhibits would have been found by integrating $p$ over the plane? By looking at a
# hundred samples? By the training loss alone?
#
# <details><summary>Answer</summary>
#
# By the integral: `doubled_logdet`, and in its discrete form (the sum over 256 values)
# `tanh_tails`, if one asks for more than ten digits. By samples: `visiting_order`,
# `ddim_minus`, `linear_range`. By the training loss alone: `triplet_nan` (NaN); and perhaps
# `one_column`, by somebody who knows what the loss should be. In `half_noise` the loss looks
# *better* than it should.
# </details>
#
# **2.** `inverse_sign`: give a formula for how far off the log-normaliser is, if
# $\log Z=\log\mathrm{mean}\exp(\log\tilde p(x)-\log q(z)+\ell)$ is computed with $-\ell$.
#
# <details><summary>Answer</summary>
#
# Each weight is multiplied by $e^{-2\ell}$, so it estimates $\log E_q[w\,e^{-2\ell}]$, and with
# $E_q[w\,h]=Z\,E_p[h]$ that is $\log Z+\log E_p[e^{-2\ell}]$. It is right only if the mean of
# $e^{-2\ell}$ happens to be one. For a map that keeps volumes ($\ell=0$) the mistake is invisible,
# which is why a test transform with log-det 0 is worth nothing (flowjax issue 208).
# </details>
#
# **3.** The mistake of room 3 once more: for which of these outputs does a cotangent of ones see
# nothing, and why? (a) $y=x/\|x\|$, (b) $y=x-\mathrm{mean}(x)$, (c) $y=\tanh x$.
#
# <details><summary>Answer</summary>
#
# (b): the entries sum to 0, so the gradient of the sum is 0 for any $x$. (a) has another
# cotangent that sees nothing, $dy=y$, since $\|y\|^2=1$. In (c) ones see something, but cannot tell
# `dy * (...)` from `(...)`: a cotangent that is ignored. The cell below runs (b).
# </details>

# %%
x = rng.standard_normal((4, 6))
ones = np.ones_like(x)
J = mg.check.jacobian(lambda v: v - v.mean(axis=1, keepdims=True), x)
print("gradient of the sum:", np.abs(np.einsum("ni,nij->nj", ones, J)).max())
assert np.abs(np.einsum("ni,nij->nj", ones, J)).max() < 1e-15

# %% [markdown]
# **4.** Hand in an exhibit as homework. `museum.visit(name).answer` names an assignment and edits
# of its model solution; after `minigen homework start` and `minigen homework check`, what does the
# report say of it?
#
# <details><summary>Answer</summary>
#
# It fails, each of them: the tests of this package hand them in. The report names the kind of
# mistake where it can, for example that the term of logdet has the wrong sign.
# </details>

# %%
for exhibit in museum.EXHIBITS.values():
    if exhibit.answer:
        homework, edits = exhibit.answer
        old, new = edits[0]
        print(textwrap.shorten(f"{exhibit.name}: {homework}: {old!r} -> {new!r}", 98))

# %% [markdown]
# ## What to read next
#
# * The pages of the exhibits: `print(museum.visit(name))` names package and place.
# * Jia and Harman, *An analysis and survey of the development of mutation testing* (2011).
# * Squire and Trapp, *Using complex variables to estimate derivatives of real functions* (1998).
# * Theis, van den Oord and Bethge, *A note on the evaluation of generative models* (2016): more
#   numbers that look like results.
#
# Next: [tutorial 11](11_your_own_layer.ipynb), a layer of your own, with all of these checks.
