# %% [markdown]
# # 10 The bug museum: mistakes that passed their tests
#
# **Question.** Here are mistakes from public packages, textbooks and courses. Every one had a test
# suite, or readers, or both. *Which mistakes pass which tests*, and which test would have seen
# them?
#
# **You need** tutorials [00](00_contract.ipynb) (how a gradient is checked) and
# [02](02_real_nvp.ipynb) (couplings); [04](04_forward_process.ipynb) for room 5. **Time** about 40
# minutes. **Homework**: each exhibit fails one, see the end; begin with
# `minigen homework start gradients`. **Equations** [CV-3](../docs/notes.md#CV-3),
# [CV-6](../docs/notes.md#CV-6), [NVP-8](../docs/notes.md#NVP-8), [MAF-2](../docs/notes.md#MAF-2),
# [DIF-11](../docs/notes.md#DIF-11), [DIF-19](../docs/notes.md#DIF-19),
# [TRI-1](../docs/notes.md#TRI-1).

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
import hashlib
import inspect
import itertools
import textwrap
from typing import Any

import numpy as np

import minigen as mg
from minigen.derivations import museum
from minigen.diffusion import IdealNoise, linear_schedule
from minigen.flows import MADE, AffineCoupling, Chain, Flow, MAFLayer
from minigen.prob import StandardNormal

rng = np.random.default_rng(0)

# %% [markdown]
# ## Why a museum of mistakes?
#
# A program that sorts wrongly is found out the same day. A generative model with a wrong sign
# trains, its loss falls, and its pictures look like pictures, only a little worse than those of the
# paper; so one buys a larger machine. In numerical code the mistakes that crash are the cheap ones.
# The expensive ones pass every test there is, and they pass because the test asks something else
# than one thinks. Each room below has such a mistake, its test, and the question that would have
# found it. One of them first: a sampler with one wrong sign, whose samples have the right mean.

# %% jupyter={"source_hidden": true}
ddim = museum.visit("ddim_minus")
moons = mg.data.toy("moons")
mixture: Any = getattr(moons, "mixture")  # noqa: B009  means, variance and weights
known = IdealNoise.init(linear_schedule(200), *mixture())


def carried(step, n=400):
    """A cloud of noise, carried to the data by DDIM with this step: every tenth place."""
    A, rest = known.schedule.alpha_bar, known.schedule.one_minus_alpha_bar
    x = np.random.default_rng(5).standard_normal((n, 2))
    yield x
    for t in range(200, 0, -1):
        eps, _ = known.forward(x, t=np.array([t]))
        x0 = (x - np.sqrt(rest[t]) * eps) / np.sqrt(A[t])
        x = step(x0, eps, A[t - 1], rest[t - 1])
        if t % 10 == 1:
            yield x


clouds = [list(carried(step)) for step in (ddim.right, ddim.wrong)]
films = [
    mg.plot.filmstrip(
        pair, ["right sign", "wrong sign"], box=(-3, 3, -3, 3), how=f"t = {200 - 10 * k}"
    )
    for k, pair in enumerate(zip(*clouds, strict=True))
]
for name, x in zip(("right", "wrong"), clouds, strict=True):
    middle, spread = x[-1].mean(axis=0), x[-1].std()
    print(f"{name} sign: mean of the samples {middle.round(1)}, their spread {spread:.2f}")
    assert np.abs(middle - moons.sample(4000, rng=rng).mean(axis=0)).max() < 0.15
assert clouds[0][-1].std() > 0.5 and clouds[1][-1].std() < 0.05
mg.plot.Animation(films, seconds=0.25)

# %% [markdown]
# **How to read it.** The same noise is carried to the data by two samplers. With the right sign
# (left) it becomes two moons. With the wrong one (right) the cloud shrinks to one point, the mean
# of the data.
#
# The whole collection:

# %%
for exhibit in museum.EXHIBITS.values():
    print(f"{exhibit.name:15} {exhibit.title}")
print(f"{len(museum.EXHIBITS)} exhibits")

# %% [markdown]
# What can be compared with what? A layer has four methods and stands for a piece of mathematics. A
# test is a line between two of them.

# %% jupyter={"source_hidden": true}
mg.plot.diagram(
    {"the mathematics": (3.2, 3.0), "forward": (0, 1.5), "its log-det": (3.2, 1.5),
     "inverse": (6.4, 1.5), "backward": (0, 0), "inverse_backward": (6.4, 0)},
    [("forward", "backward", "gradient check"),
     ("inverse", "inverse_backward", "gradient check"),
     ("forward", "its log-det", "Jacobian"), ("its log-det", "inverse", "they cancel"),
     ("the mathematics", "forward", "a known case"),
     ("the mathematics", "its log-det", "an integral"), ("the mathematics", "inverse", "samples")],
    boxes=["forward", "its log-det", "inverse", "backward", "inverse_backward"],
    accent=["the mathematics"], title="What a test compares",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Boxes are code, the blue one is what the code should be. Lines between two
# boxes compare the code with itself: if both are wrong in the same way, they agree. Only a line
# from the top, or a Jacobian that is made from `forward` alone, can tell that they are wrong
# together.
#
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
# **Predict, then run.** Which mistakes in $\ell$ pass both? Then meet one.

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


def mass(f, half=20, points=601):
    """The integral of a one-layer flow over a square, and the flow."""
    axis = np.linspace(-half, half, points)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    flow = Flow(Chain((f,)), StandardNormal(2))
    return np.exp(flow.log_prob(grid)).sum() * (axis[1] - axis[0]) ** 2, flow


(right_mass, right_flow), (wrong_mass, wrong_flow) = mass(coupling), mass(doubled)
print(f"mass with the right log-det {right_mass:.2f}, with the doubled one {wrong_mass:.2f}")
assert abs(right_mass - 1) < 0.01 < abs(wrong_mass - 1)

# %%
mg.plot.density(wrong_flow, right_flow, box=(-6, 6, -6, 6))

# %% [markdown]
# **How to read it.** On the left the density with the right log-det ("truth"), in the middle that
# with the doubled one, on one scale, and their difference. Both have their ridge at the same place;
# the second is far too low nearly everywhere, and its mass is not 1.
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

# %% jupyter={"source_hidden": true}
maf = MAFLayer.init(3, (12,), order=np.array([2, 0, 1]), rng=rng, dtype=np.float64)
maf = mg.core.perturbed(maf, rng, 0.7)
z = rng.standard_normal((1500, 3))
wrong, right = (sampled(maf, z)[:, :2] for sampled in (order.wrong, order.right))
mg.plot.samples(wrong, right, names=("degrees for the order", "right"))

# %% [markdown]
# **How to read it.** Two columns of the same model: left sampled rightly, right with degrees in the
# place of the order. Nothing of the model's shape is left, yet its likelihood is right to the last
# digit. If you trust the likelihood, you look for the fault in the model or in the random order, as
# a slide of a course did.
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
# the other way: **is there anything that should not be 0, and is?** The first column of a wider
# layer has the same trouble (`print(museum.visit("first_column"))`).
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
# With ones, both have an error of rounding. With random numbers of mixed signs, one of them is far
# off (the second row). Now break it yourself: write the sum without its weight in another way, and
# read the report.


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
# absurdity: a fair coin, coded in **zero** nats. The right noise gives $\log 2$, and no code can do
# better. Data with known entropy catch what no gradient check can.

# %%
tails, tables = museum.visit("tanh_tails").run(), museum.visit("float_tables").run()

floor = np.log(1e-12)
digits_left = -np.log10(tables.figures[0][2] or 1)
print(f"the floor is at {floor:.1f}; {digits_left:.1f} decimal digits of the table are left")
assert np.isclose((tails.curves or {})["wrong"].min(), floor) and 3.5 < digits_left < 4


# %% jupyter={"source_hidden": true}
def numbers(tails, tables):
    """Left the log-probability of every pixel value, right the relative error of a table."""
    figure = mg.plot.Picture(figsize=(11, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    x, error = tails.curves["x"], tables.curves["relative error of 1 - A_t"]
    mg.plot.lines(
        {"exact": (x, tails.curves["right"]), "tanh and floor": (x, tails.curves["wrong"])},
        xlabel="pixel value $x$",
        ylabel="$\\log P(x)$, nats",
        ax=left,
        title="discretised Gaussian, $\\mu=0$, $\\sigma=0.1$",
    )
    mg.plot.lines(
        {"in float32": (tables.curves["t"], error)},
        log="xy",
        xlabel="t",
        floor=2.0**-53,
        ylabel="relative error",
        title="$1-A_t$ by subtraction",
        ax=right,
    )
    return figure  # fmt: skip


numbers(tails, tables)

# %% [markdown]
# **How to read it.** *Left*: log-probability of each pixel value. The usual code (orange) stands on
# a floor at $\log 10^{-12}$. It is flat there, so its gradient is 0: the pixel that is
# predicted worst teaches nothing. The exact formula (blue) is a parabola to the edge, and bends up
# only in the two outermost bins, which reach to infinity. *Right*: the relative error of a table in
# single precision, against the rounding of doubles (dotted). At $t=1$ nearly four digits are all
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
# of the data. With minus each factor is smaller than one in size. **Predict, then run**: what is
# left of the spread after 400 such factors?

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
assert np.all(np.abs(both[0] - both[1]) < V)


# %% jupyter={"source_hidden": true}
def walks(curves):
    """Some paths of each sampler, from noise to data."""
    figure = mg.plot.Picture(figsize=(8.2, 3.0), layout="constrained")
    axes = figure.subplots(1, len(curves), sharey=True)
    for ax, (name, path) in zip(axes, curves.items(), strict=True):
        t = np.arange(len(path) - 1, -1, -1)
        ax.plot(t, path[:, :40], linewidth=0.6, color=mg.plot.LINES[0], alpha=0.6)
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
# And one sampler without dice was given some, "for diversity" (tutorial [14](14_one_clock.ipynb)
# says why an ODE wants none):

# %%
print(museum.visit("noisy_ode").run())

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
# A third one depends on how many processes there are. The embeddings of the others are gathered
# without a gradient; the loss is right to the last digit, and with one process so is the gradient.

# %%
print(museum.visit("gathered_negatives").run())

# %% [markdown]
# ## Which mistakes pass which tests?
#
# The answer to the question at the top, measured. Four broken layers and five tests; each cell says
# whether the test **sees** the mistake. **Predict, then run**: is there a test that sees all four,
# and does the gradient check see one?


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
assert not seen.all(axis=0).any()  # no test sees all
assert not seen[:, 2].any()  # the gradient check sees none


# %% jupyter={"source_hidden": true}
def verdicts(seen, rows, columns):
    """A table of what sees what."""
    figure = mg.plot.Picture(figsize=(7.4, 2.7), layout="constrained")
    ax = figure.subplots()
    ax.imshow(np.where(seen[..., None], [0.62, 0.79, 0.89], 1.0), aspect="auto")
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
# **1.** (easy) By which exhibit would the training loss alone have stopped you, because it is not a
# number? Which three are seen on samples, because they are too alike, too wide, or of the wrong
# shape? Write names from the list at the top.

# %%
by_loss, by_samples = None, None  # your answer: a name, and a set of three names


# %%
def digest(names):
    """A fingerprint, so that the check need not show the answer."""
    return hashlib.sha256(" ".join(sorted(names)).encode()).hexdigest()[:12]


if by_loss is None or by_samples is None:
    print("Fill in the cell above and run both again.")
else:
    right = (digest([by_loss]), digest(by_samples)) == ("728def5fa85b", "dae43e7c0763")
    print("right" if right else "not yet: rooms 2, 5 and 6 have them")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The loss over no triplets is NaN. In samples one sees the wrong order of visits, the cloud that
# shrinks to its mean, and the noise that is too wide. In `half_noise` the loss looks *better* than
# it should, and nobody stops for that.
#
# ```python
# by_loss = "triplet_nan"
# by_samples = {"visiting_order", "ddim_minus", "linear_range"}
# ```
# </details>
#
# **2.** (hard, on paper) `inverse_sign`: the log-normaliser is the logarithm of the mean of the
# weights $w=\tilde p(x)/q(x)$ with $\log q(x)=\log q(z)-\ell$, where $\ell$ is the log-det that
# comes with the sample. The wrong code has $+\ell$ there. Write what it estimates, from the right
# $\log w$ and from $\ell$.


# %%
def estimated(logw, ell):
    """What the wrong code says of log Z, from the right log-weights (N,) and log-dets (N,)."""
    return None  # your answer


# %%
z, ell = rng.standard_normal(1000), 0.3 * rng.standard_normal(1000)
log_p, log_q = rng.standard_normal(1000), -0.5 * z**2
said = np.log(np.mean(np.exp(log_p - (log_q + ell))))  # with the wrong sign
yours = estimated(log_p - (log_q - ell), ell)
if yours is None:
    print("Fill in the cell above and run both again.")
else:
    print("right" if np.isclose(yours, said) else "not yet: how does each weight change?")

# %% [markdown]
# <details><summary>Answer</summary>
#
# Each weight is multiplied by $e^{-2\ell}$, so it estimates $\log E_q[w\,e^{-2\ell}]$, and with
# $E_q[w\,h]=Z\,E_p[h]$ that is $\log Z+\log E_p[e^{-2\ell}]$. It is right only if the mean of
# $e^{-2\ell}$ happens to be one. For a map that keeps volumes ($\ell=0$) the mistake is invisible,
# which is why a test transform with log-det 0 is worth nothing
# ([flowjax issue 208](https://github.com/danielward27/flowjax/issues/208)).
#
# ```python
# def estimated(logw, ell):
#     return np.log(np.mean(np.exp(logw - 2 * ell)))
# ```
# </details>
#
# **3.** (medium) The mistake of room 3 once more: for which of these outputs does a cotangent of
# ones see nothing? (a) $y=x/\|x\|$, (b) $y=x-\mathrm{mean}(x)$, (c) $y=\tanh x$.

# %%
blind = None  # your answer: a set of letters, such as {"a", "c"}

# %%
outputs = {
    "a": lambda v: v / np.sqrt((v**2).sum(axis=1, keepdims=True)),
    "b": lambda v: v - v.mean(axis=1, keepdims=True),
    "c": np.tanh,
}
x, unseen = rng.standard_normal((4, 6)), set()
for letter, f in outputs.items():
    of_the_sum = np.einsum("ni,nij->nj", np.ones_like(x), mg.check.jacobian(f, x))
    unseen |= {letter} if np.abs(of_the_sum).max() < 1e-14 else set()
if blind is None:
    print("Fill in the cell above and run both again.")
else:
    right = set(blind) == unseen
    print("right" if right else "not yet: of which is the sum of the outputs constant?")

# %% [markdown]
# <details><summary>Answer</summary>
#
# (b): the entries sum to 0, so the gradient of the sum is 0 for any $x$. (a) has another
# cotangent that sees nothing, $dy=y$, since $\|y\|^2=1$. In (c) ones see something, but cannot tell
# `dy * (...)` from `(...)`: a cotangent that is ignored.
#
# ```python
# blind = {"b"}
# ```
# </details>
#
# ## The homework
#
# `museum.visit(name).answer` names an assignment and edits of its model solution that make the same
# mistake in it. Begin an assignment with `minigen homework start coupling`, make the edit in your
# answer, and run `minigen homework check`: it fails, and the report names the kind of mistake where
# it can. (When your own answer is right, `minigen homework milestone coupling.py` trains a model
# with it.) The tests of this package hand in all of these:

# %%
for exhibit in museum.EXHIBITS.values():
    if exhibit.answer:
        homework, edits = exhibit.answer
        old, new = edits[0]
        print(textwrap.shorten(f"{exhibit.name}: {homework}: {old!r} -> {new!r}", 98))

# %% [markdown]
# ## What to read next
#
# * The pages of the exhibits: `print(museum.visit(name))` names package and place. Their code:
#   [`derivations/museum`](../minigen/derivations/museum).
# * Jia and Harman, [*An analysis and survey of the development of mutation
#   testing*](https://doi.org/10.1109/TSE.2010.62) (2011).
# * Squire and Trapp, [*Using complex variables to estimate derivatives of real
#   functions*](https://doi.org/10.1137/S003614459631241X) (1998).
# * Theis, van den Oord and Bethge, [*A note on the evaluation of generative
#   models*](https://arxiv.org/abs/1511.01844) (2016): more numbers that look like results.
#
# Next: [tutorial 11](11_your_own_layer.ipynb), a layer of your own, with all of these checks.
