# %% [markdown]
# # 11 Your own layer: from paper to a checked, trained model
#
# **Question.** You have an idea for a layer that no library has. What stands between the idea and a
# model that you can trust?
#
# Five things: a derivation, two methods, a check that can fail, data with a known answer, and a
# statement that others can run. This page goes through all of them with one small layer.
#
# **You need** tutorials [00](00_contract.ipynb) (how a gradient is checked) and
# [01](01_change_of_variables.ipynb) (the change of variables). **Time** about 45 minutes.
# **Homework** of this chapter: `minigen homework start change`, and the project of the
# [plan for fourteen weeks](../docs/teaching/weeks.md). **Equations**
# [CV-6](../docs/notes.md#CV-6), and three new ones: MINE-1, MINE-2 and MINE-3.

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
import tempfile
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

import minigen as mg
from minigen.core import Bijection, Layer, param, softplus
from minigen.flows import ActNorm, Chain, Flow, InvertibleLinear
from minigen.plot import LINES
from minigen.prob import StandardNormal

rng = np.random.default_rng(0)

# %% [markdown]
# ## Why a layer of your own?
#
# No library has the layer that your data want. Returns on a stock market fall further than they
# rise; the energy of a particle cannot be negative; an angle comes back to itself. Each is a
# sentence that a general network must learn from data, and that a small layer can simply *know*:
# with fewer parameters, from less data, and rightly also far from the data, where a network is left
# to chance. All layers you have read about were once such an idea of somebody's. What makes yours
# one that others may trust is not its size. Here is what ours will do: two numbers bend a Gaussian
# into one with heavy tails, light tails, or a lean.


# %% jupyter={"source_hidden": true}
def bent(a, b):
    """The density of the layer's output when its input is Gaussian."""
    y = np.linspace(-5, 5, 201)
    u = np.exp(-a) * (np.arcsinh(y) - b)  # back through the layer
    slope = np.exp(-a) * np.cosh(u) / np.sqrt(1 + y**2)
    figure = mg.plot.Picture(figsize=(4.2, 2.6), layout="constrained")
    ax = figure.subplots()
    ax.fill_between(y, stats.norm.pdf(y), color=LINES[5], alpha=0.4, label="Gaussian")
    ax.plot(y, stats.norm.pdf(np.sinh(u)) * slope, color=LINES[1], linewidth=2, label="bent")
    ax.set(ylim=(0, 0.75), xlabel="y")
    ax.set_title(f"tails a = {a:+.2f}, lean b = {b:+.2f}", fontsize=9, loc="left")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, loc="upper right")
    return figure


turn = np.linspace(0, 2 * np.pi, 25)[:-1]
mg.plot.Animation([bent(0.5 * np.sin(s), 0.6 * np.sin(2 * s)) for s in turn], seconds=0.15)

# %% [markdown]
# **How to read it.** In blue a Gaussian, in orange what the layer of this page makes of it while
# its two parameters change: $a>0$ gives heavy tails, $a<0$ light ones, $b$ leans it to a side.
#
# ## 1. The idea
#
# Measured data are seldom Gaussian. They have *heavy tails* (a few values far out) and they are
# *skewed* (one tail longer than the other). We want a layer that repairs just that: one column at a
# time, two parameters a column, one for the tails and one for the skew.
#
# The functions $\sinh$ and $\operatorname{arcsinh}$ are each other's inverses. Far from 0,
# $\operatorname{arcsinh}$ grows like a logarithm and $\sinh$ like an exponential. So go to the
# "logarithm", do something linear, and come back:
#
# $$u_j=\operatorname{arcsinh}x_j,\qquad v_j=e^{a_j}u_j+b_j,\qquad y_j=\sinh v_j
# \qquad\text{(MINE-1)}$$
#
# With $e^{a}=\tfrac12$ the far end becomes a square root: tails are pulled in. With $b\ne0$ one
# side is stretched and the other pressed. With $a=b=0$ it is the identity. Statisticians will
# recognise the sinh-arcsinh family of Jones and Pewsey (2009).
#
# ## 2. On paper, before any code
#
# **Is it a bijection?** It is a chain of three increasing functions, each onto $\mathbb R$. Yes.
#
# **The inverse.** Solve from the outside in: $\operatorname{arcsinh}y=e^{a}u+b$, so
# $u=e^{-a}(\operatorname{arcsinh}y-b)$ and $x=\sinh u$. Look at its form: it is the *same* family,
#
# $$f_{a,b}^{-1}=f_{-a,\,-b\,e^{-a}}\qquad\text{(MINE-3)}$$
#
# **The log-determinant.** Each $y_j$ depends on $x_j$ alone, so the Jacobian is diagonal. Multiply
# the three slopes $\frac{du}{dx}=\frac1{\sqrt{1+x^2}}$, $\frac{dv}{du}=e^{a}$,
# $\frac{dy}{dv}=\cosh v$, and take logarithms:
#
# $$\log|\det J|=\sum_j\Big[a_j+\log\cosh v_j-\tfrac12\log(1+x_j^2)\Big]\qquad\text{(MINE-2)}$$
#
# **Will it survive large numbers?** $\cosh v$ overflows near $v=710$, and $\log\cosh v\approx|v|$
# is harmless there. Write $\cosh v=\tfrac12e^{-v}(1+e^{2v})$:
#
# $$\log\cosh v=\operatorname{softplus}(2v)-v-\log2$$

# %%
v = np.array([0.5, 20.0, 800.0])
largest = np.log(np.finfo(np.float64).max)
print(f"cosh overflows beyond v = {largest:.0f}")
with np.errstate(over="ignore"):
    print("log(cosh(v))            ", np.log(np.cosh(v)))
print("softplus(2v) - v - log 2", softplus(2 * v) - v - np.log(2))
assert np.allclose((softplus(2 * v) - v - np.log(2))[1:], v[1:] - np.log(2))

# %% [markdown]
# ## 3. A first draft
#
# The contract asks for little: a frozen dataclass, its arrays marked `param()`, a `forward` that
# returns `y, logdet, cache`, and a `backward` that mirrors it. Saving, loading, precision,
# optimiser: all of that is derived from the fields.
#
# Here is a draft, written quickly, as one does. **It has three mistakes.** Try to find them before
# you read on.


# %%
@dataclass(frozen=True, eq=False, repr=False)
class Draft(Bijection):
    """y = sinh(e^a arcsinh(x) + b), a first attempt."""

    a: np.ndarray = param()
    b: np.ndarray = param()

    def forward(self, x):
        u = np.arcsinh(x)
        v = np.exp(self.a) * u + self.b
        y = np.sinh(v)
        logcosh = softplus(2 * v) - v - np.log(2)
        logdet = (self.a + logcosh - 0.5 * np.log(1 + x * x)).sum(axis=1)
        return y, logdet, (x, u, v)

    def backward(self, dy, dlogdet, cache):
        x, u, v = cache
        dv = dy * np.cosh(v) + dlogdet[:, None] * np.tanh(v)
        du = dv * np.exp(self.a)
        da = (du * u).sum(axis=0)
        return du / np.sqrt(1 + x * x), {"a": da, "b": dv.sum(axis=0)}


D = 3
a, b = 0.5 * rng.standard_normal((2, D))
x = rng.standard_normal((6, D))
draft = Draft(a, b)

# %% [markdown]
# First the part that needs no backward pass. Compare the log-determinant with the Jacobian; the
# Jacobian is taken by complex step, from `forward` alone.

# %%
J = mg.check.jacobian(lambda v: draft.forward(v)[0], x)
error = np.abs(draft.forward(x)[1] - np.linalg.slogdet(J)[1]).max()
print(f"MINE-2 is off by {error:.1e}")
assert error < 1e-13

# %% [markdown]
# The derivation on paper was right. Now the gradients.

# %%
report = mg.check.gradients(draft, x, rng=rng)
assert not report
assert {row.name for row in report.failures} == {"dx", "params.a"}
print(report)

# %% [markdown]
# ### Reading it
#
# `params.b` is right; `dx` and `params.a` are wrong in *every* entry. No usual mistake explains the
# numbers (no sign, no factor, no transpose), so there is no diagnosis. What now? **Divide.** The
# layer has two outputs, so every gradient is a sum of two: what comes through $\bar y$ and what
# comes through $\log|\det J|$. Check the first alone.


# %%
@dataclass(frozen=True, eq=False, repr=False)
class OnlyY(Layer):
    """A bijection without its log-determinant."""

    layer: Layer

    def forward(self, x):
        y, logdet, cache = self.layer.forward(x)
        return y, (logdet, cache)

    def backward(self, dy, cache):
        logdet, inner = cache
        dx, grads = self.layer.backward(dy, np.zeros_like(logdet), inner)
        return dx, {"layer": grads}


report = mg.check.gradients(OnlyY(draft), x, rng=rng)
assert report
print(report)

# %% [markdown]
# All right. So both mistakes lie on paths to the log-determinant. Which symbols does MINE-2
# contain?
#
# $$\ell=\sum_j\Big[\underbrace{a_j}_{\text{here}}+\log\cosh v_j-
# \underbrace{\tfrac12\log(1+x_j^2)}_{\text{and here}}\Big]$$
#
# $v$ is in the draft (as `tanh`), which is why $b$, seen only through $v$, came out right. But $a$
# and $x$ also reach $\ell$ **directly**, without passing through $v$. Both direct paths were
# forgotten.
#
# ## 4. The backward pass, line by line
#
# | forward line | path | backward line |
# |---|---|---|
# | $\ell=\sum_j[a_j+\log\cosh v_j-\dots]$ | $v\to\ell$ | $dv \mathrel{+}= d\ell\,\tanh v$ |
# | | $a\to\ell$ | $da \mathrel{+}= \sum_n d\ell_n$, the same for every $j$ |
# | | $x\to\ell$ | $dx \mathrel{-}= d\ell\;x/(1+x^2)$ |
# | $y=\sinh v$ | $v\to y$ | $dv \mathrel{+}= dy\,\cosh v$ |
# | $v=e^{a}u+b$ | $b\to v$ | $db=\sum_n dv_n$ |
# | | $u\to v$ | $du=dv\,e^{a}$ |
# | | $a\to v$, slope $e^{a}u$ | $da \mathrel{+}= \sum_n dv_n\,e^{a}u_n=\sum_n du_n\,u_n$ |
# | $u=\operatorname{arcsinh}x$ | $x\to u$ | $dx \mathrel{+}= du/\sqrt{1+x^2}$ |
#
# Sums over $n$ appear where a parameter serves all rows of the batch.

# %% jupyter={"source_hidden": true}
mg.plot.diagram(
    {"x": (0, 0.6), "u": (1.7, 0.6), "v": (3.6, 0.6), "y": (5.4, 0.6), "a": (5.4, 1.5),
     "b": (3.6, -0.6), r"$\ell$": (5.4, 2.9)},
    [("x", "u", "arcsinh"), ("u", "v", r"$e^a u+b$"), ("v", "y", "sinh"), ("a", "v"), ("b", "v"),
     ("v", r"$\ell$"), ("x", r"$\ell$"), ("a", r"$\ell$")],
    back=[(r"$\ell$", "x", "forgotten"), (r"$\ell$", "a", "forgotten")],
    accent=["a", "b"], title="The layer as a graph",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Values, with black arrows from each to what is computed of it; the parameters
# are blue. Each arrow is a path, and each path a line of the table. The two dashed ones are those
# that the draft forgot on the way back: $x$ and $a$ reach $\ell$ without passing through $v$.
#
# And the third mistake? It is not a gradient. Ask for the rest of the contract.

# %%
report = mg.check.contract(draft, x, rng=rng)
assert not report
print(report)

# %% [markdown]
# The row float32 says that output 1 is float64. Output 1 is `logdet`. The culprit is `np.log(2)`:
# it is a NumPy float64, and one of those turns a whole float32 array into float64. Nothing would be
# *wrong*, but training would quietly run in double precision from here on. A Python number keeps
# the type of the array: `float(np.log(2))`. (This mistake was not planted. The first version of
# this page had it.)
#
# Now the layer as it should be.


# %%
LOG_2 = float(np.log(2))


@dataclass(frozen=True, eq=False, repr=False)
class SinhArcsinh(Bijection):
    """Tails and skew, a column at a time (after Jones & Pewsey 2009).

        u = arcsinh(x),  v = exp(a) u + b,  y = sinh(v)                    MINE-1
        logdet = sum_j [a_j + log cosh v_j - log(1 + x_j^2) / 2]            MINE-2
        the inverse has the parameters -a and -b exp(-a)                    MINE-3

    Shapes: x, y (N, D); a, b (D,).
    """

    a: np.ndarray = param()
    b: np.ndarray = param()

    @classmethod
    def init(cls, features, *, dtype=np.float32):
        """The identity."""
        return cls(np.zeros(features, dtype), np.zeros(features, dtype))

    def forward(self, x):
        u = np.arcsinh(x)
        v = np.exp(self.a) * u + self.b
        y = np.sinh(v)  # MINE-1
        logcosh = softplus(2 * v) - v - LOG_2
        logdet = (self.a + logcosh - 0.5 * np.log(1 + x * x)).sum(axis=1)  # MINE-2
        return y, logdet, (x, u, v)

    def backward(self, dy, dlogdet, cache):
        x, u, v = cache
        each = dlogdet[:, None]
        dv = dy * np.cosh(v) + each * np.tanh(v)  # MINE-1, MINE-2
        du = dv * np.exp(self.a)
        da = (du * u).sum(axis=0) + dlogdet.sum()  # MINE-1, MINE-2
        dx = du / np.sqrt(1 + x * x) - each * x / (1 + x * x)  # MINE-1, MINE-2
        return dx, {"a": da, "b": dv.sum(axis=0)}

    def inverted(self):
        """The layer that undoes this one."""
        return SinhArcsinh(-self.a, -self.b * np.exp(-self.a))  # MINE-3

    def inverse(self, y):
        return self.inverted().forward(y)


layer = SinhArcsinh(a, b)
report = mg.check.bijection(layer, x, rng=rng)
assert report and mg.check.contract(layer, x, rng=rng)
print(report)

# %% [markdown]
# Every entry right to a few roundings, both round trips, both log-determinants, and the contract.
# The row `structure` says what we claimed: the Jacobian is diagonal. The last row says that there
# is no gradient *of the inverse*: either it is not written, or the inverse is sequential and cannot
# have a cheap one. Ours is only not written: that is exercise 2.
#
# ## 5. Look at it


# %% jupyter={"source_hidden": true}
def family(settings):
    """The map y(x), and the density of y = f(x) for Gaussian x, for some (a, b)."""
    figure = mg.plot.Picture(figsize=(7.2, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for ax in (left, right):
        ax.set_prop_cycle(color=LINES)
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    line = np.linspace(-4, 4, 401)[:, None]
    for a, b in settings:
        f = SinhArcsinh(np.array([a]), np.array([b]))
        left.plot(line, f.forward(line)[0], linewidth=1.5, label=f"a = {a:+.1f}, b = {b:+.1f}")
        back, logdet, _ = f.inverse(line)
        right.plot(line, np.exp(stats.norm.logpdf(back[:, 0]) + logdet), linewidth=1.5)
    left.set(ylim=(-6, 6), xlabel="x")
    left.set_title("the map y(x)", loc="left", fontsize=9.5)
    right.set(xlabel="y")
    right.set_title("density of y when x is Gaussian", loc="left", fontsize=9.5)
    left.legend(frameon=False, fontsize=8)
    return figure


family([(0.0, 0.0), (0.5, 0.0), (-0.5, 0.0), (0.0, 0.6)])

# %% [markdown]
# **How to read it.** Four settings of the layer. Left, the curves meet in 0 except the one with
# $b\ne0$, and none ever falls. Right: blue is the Gaussian. $a>0$ stretches the far ends (a low
# peak, heavy tails), $a<0$ pulls them in (a high narrow peak with short tails), and $b>0$ leans the
# mass to the right with a long right tail.
#
# ## 6. Train it where the answer is known
#
# Two hidden sources, neither of them Gaussian: $s_1$ Student t with 3 degrees of freedom (tails so
# heavy that its fourth moment is infinite), $s_2$ Gumbel (skewed). We see a mixture, $\bar x=\bar
# sA$. SciPy has the entropy of both, a linear map adds $\log|\det A|$, so the entropy of $\bar x$
# is known exactly. Any object with `sample(n, rng=)` can be trained on.


# %%
class Mixed:
    """x = s A with s_1 ~ Student t (3), s_2 ~ Gumbel."""

    features = 2
    A = np.array([[1.0, 0.5], [-0.6, 0.8]])
    sources: tuple = (stats.t(3), stats.gumbel_r(-np.euler_gamma))
    log_det = np.log(abs(np.linalg.det(A)))
    entropy = float(sum(source.entropy() for source in sources) + log_det)

    def sample(self, n, *, rng):
        return np.stack([p.rvs(n, random_state=rng) for p in self.sources], axis=1) @ self.A

    def log_prob(self, x):
        s = x @ np.linalg.inv(self.A)
        return sum(p.logpdf(s[:, k]) for k, p in enumerate(self.sources)) - self.log_det


toy = Mixed()
fresh_x = toy.sample(50_000, rng=rng)
average = -toy.log_prob(fresh_x).mean()
print(f"entropy {toy.entropy:.3f}, mean of -log p over 50,000 samples {average:.3f}")
assert abs(average - toy.entropy) < 0.03

# %% [markdown]
# Three models of it:
#
# * a linear map alone, which with a Gaussian base can only be a Gaussian;
# * the same with **our layer** behind it, and a scale and shift on either side;
# * a Real NVP of six couplings, for comparison.
#
# **Predict, then run**: in which order will they come, and what do two numbers a column buy? How
# good can the first one be? The best Gaussian has the covariance of the data, so its distance to
# the truth is a formula: $\tfrac12\log\det(2\pi e\,\Sigma)-h$, where $t_3$ has variance 3 and the
# Gumbel $\pi^2/6$.


# %%
def kl(flow):
    """KL(truth, model) in nats on fresh samples, and its standard error."""
    gap = toy.log_prob(fresh_x) - flow.log_prob(fresh_x)
    return gap.mean(), gap.std() / np.sqrt(len(gap))


def chain(*maps):
    return Flow(Chain(maps), StandardNormal(2))


linear = chain(InvertibleLinear.init(2, rng=rng), ActNorm.init(2))
ours = chain(
    InvertibleLinear.init(2, rng=rng), ActNorm.init(2), SinhArcsinh.init(2), ActNorm.init(2)
)
nvp = mg.flows.real_nvp(2, layers=6, hidden=(32, 32), activation="tanh", rng=rng)
models = {"linear": linear, "linear + ours": ours, "Real NVP": nvp}

runs, gaps = {}, {}
for name, flow in models.items():
    runs[name] = mg.fit(flow.nll, toy, steps=1500, lr=1e-2, rng=rng, progress=False)
    gaps[name] = kl(flow)
    size = flow.size
    mean, error = gaps[name]
    print(f"{name:14} {size:6,} parameters, KL(truth, model) = {mean:.3f} +- {error:.3f} nats")

gaussian = np.log(2 * np.pi * np.e) + 0.5 * np.log(3 * np.pi**2 / 6) + toy.log_det - toy.entropy
print(f"the best Gaussian: {gaussian:.3f} nats")
assert gaps["linear"][0] > 0.15 and gaps["Real NVP"][0] < gaps["linear + ours"][0] < 0.05
assert ours.size - linear.size == 8 and 7000 < nvp.size < 7200
closed = 1 - gaps["linear + ours"][0] / gaps["linear"][0]
print(f"eight parameters closed {closed:.0%} of the gap between the linear map and the truth")
assert closed > 0.8

# %%
mg.plot.training(runs["linear + ours"], toy.entropy)

# %% [markdown]
# **How to read it.** The dashed line is the entropy. The mean over all data cannot go below it;
# single batches (grey) can, and heavy tails make them jump. Eight more parameters, four in our
# layer and four in the scale and shift behind it, closed most of the gap between the linear map and
# the truth. The Real NVP comes nearer still, with thousands of parameters and no idea of tails or
# skew.

# %%
mg.plot.density(ours, toy, box=(-5, 5, -5, 5))

# %% [markdown]
# **How to read it.** Left the truth: faint arms to both sides along $s_1$, where the tails are, and
# a longer slope to one side along $s_2$, the skew. In the middle our model. What is left, on the
# right, is mostly at the peak: a sinh-arcsinh of a Gaussian is not exactly a Student t.

# %% [markdown]
# ### What did it learn?
#
# The layer acts column by column. It can only work if the linear map before it hands it the *right*
# columns: the sources themselves, unmixed. Nobody told it so. The likelihood did.

# %%
s = fresh_x @ np.linalg.inv(toy.A)
u = fresh_x
assert isinstance(ours.chain, Chain)
for f in ours.chain.layers[:2]:
    u = f.forward(u)[0]
order = stats.rankdata(np.hstack([u, s]), axis=0)
match = np.abs(np.corrcoef(order, rowvar=False)[:2, 2:])
print("rank correlation of the columns found with the hidden sources:")
print(match.round(2))
learned = ours.chain.layers[2]
assert isinstance(learned, SinhArcsinh)
t_column = int(match[:, 0].argmax())
print(f"a = {learned.a.round(2)}, b = {learned.b.round(2)}; the t is in column {t_column}")
assert match.max(axis=0).min() > 0.95 and match.min(axis=0).max() < 0.25
assert learned.a[t_column] < -0.3 and abs(learned.b[1 - t_column]) > 0.3

# %% [markdown]
# Each column found is one source, up to sign and order. For the heavy-tailed one $a$ is well below
# 0 (its tails are pulled in on the way to the Gaussian), and for the skewed one $b$ is not 0. With
# a linear map alone this would be impossible: a rotated Gaussian is the same Gaussian. It is
# *independent component analysis* (Bell and Sejnowski 1995), by maximum likelihood.
#
# ### Far out
#
# **Predict, then run.** Beyond the data, which of the three has the right tails?


# %% jupyter={"source_hidden": true}
def tails(models, reach=25.0):
    """log p along the direction of the heavy-tailed source."""
    figure = mg.plot.Picture(figsize=(6.4, 3.2), layout="constrained")
    ax = figure.subplots()
    ax.set_prop_cycle(color=LINES)
    at = np.linspace(-reach, reach, 401)
    points = at[:, None] * toy.A[:1]
    ax.plot(at, toy.log_prob(points), color="black", linewidth=2.5, alpha=0.5, label="truth")
    for name, flow in models.items():
        ax.plot(at, flow.log_prob(points), linewidth=1.4, label=name)
    ax.set(ylim=(-40, 0), xlabel="$s_1$, with $s_2=0$", ylabel="log p")
    ax.grid(alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


# %%
far, off = np.linspace(5, 25, 21)[:, None] * toy.A[:1], {}
for name, flow in models.items():
    off[name] = [np.mean(np.abs(flow.log_prob(v) - toy.log_prob(v))) for v in (-far, far)]
    print(
        f"{name:14} off by {off[name][0]:4.1f} nats on the left, {off[name][1]:4.1f} on the right"
    )
uneven = {name: abs(left - right) / max(left, right) for name, (left, right) in off.items()}
print("sides that differ:", *(f"{name} {share:.0%}" for name, share in uneven.items()))
assert off["linear + ours"][0] < off["linear"][0] / 4 and sum(off["Real NVP"]) < sum(off["linear"])

# %% jupyter={"source_hidden": true}
tails(models)

# %% [markdown]
# **How to read it.** Curves over the direction of the heavy-tailed source. The height is $\log p$
# along the heavy direction. A Gaussian falls as a parabola, and calls a point at $s_1=20$
# impossible; the truth calls it rare. With our layer $\log p$ falls like $|s_1|^{2e^{a}}$, and
# $2e^{a}$ is near 1: two nearly straight sides. That is far better, and still too steep, for the
# truth falls like a logarithm. How near the Real NVP comes is printed above. But the two sides of
# the truth are mirror images, and nothing in a Real NVP makes its sides so: what a network does
# beyond its data is left to chance.
#
# ## 7. Save it, load it
#
# A file holds arrays and the names of classes, never code. So a stranger's file cannot run
# anything, and your own class must be handed over by name.

# %%
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "ours.npz"
    mg.save(path, ours)
    try:
        mg.load(path)
        raise AssertionError("it should have refused")
    except ValueError as refused:
        print("refused:", refused)
    loaded = mg.load(path, classes=[SinhArcsinh])

assert np.array_equal(loaded.log_prob(fresh_x), ours.log_prob(fresh_x))
print("loaded:", loaded.chain.layers[2])

# %% [markdown]
# ## 8. State it
#
# The notes' equations are *entries*: a formula, the code that has it, and a function that measures
# whether it is true. Yours can be entries too. The function gets a generator, makes a random case,
# and returns the error against something found **another way**: here the Jacobian by complex step.


# %%
@mg.derivations.entry(
    "MINE-2",
    r"\log|\det J|=\sum_j\Big[a_j+\log\cosh v_j-\tfrac12\log(1+x_j^2)\Big]",
    why="A diagonal Jacobian: the product of three slopes a column.",
    code=(SinhArcsinh.forward, SinhArcsinh.backward),
    gradient=r"d\bar x=\frac{d\bar u}{\sqrt{1+\bar x^2}}-d\ell\,\frac{\bar x}{1+\bar x^2}",
)
def mine_2(rng):
    f = SinhArcsinh(*0.5 * rng.standard_normal((2, D)))
    x = rng.standard_normal((5, D))
    truth = np.linalg.slogdet(mg.check.jacobian(lambda v: f.forward(v)[0], x))[1]
    error = np.abs(f.forward(x)[1] - truth).max()
    return mg.derivations.Result(error, gradient=mg.check.gradients(f, x, rng=rng))


@mg.derivations.entry(
    "MINE-3",
    r"f_{a,b}^{-1}=f_{-a,\,-b\,e^{-a}}",
    why="arcsinh undoes sinh, and between them stands a straight line.",
    code=SinhArcsinh.inverted,
)
def mine_3(rng):
    f = SinhArcsinh(*0.5 * rng.standard_normal((2, D)))
    x = rng.standard_normal((5, D))
    return np.abs(f.inverse(f.forward(x)[0])[0] - x).max()


@mg.derivations.entry(
    "MINE-wrong",
    r"f_{a,b}^{-1}=f_{-a,\,-b}",
    why="A tempting guess, true only where a = 0 or b = 0.",
)
def mine_wrong(rng):
    f = SinhArcsinh(*0.5 * rng.standard_normal((2, D)))
    x = rng.standard_normal((5, D))
    return np.abs(SinhArcsinh(-f.a, -f.b).forward(f.forward(x)[0])[0] - x).max()


rows = mg.derivations.run(entries=[mine_2, mine_3, mine_wrong])
for row in rows:
    print(f"{row.entry.id:11} {'holds' if row.ok else 'FAILS'}  error {row.correct:.0e}", end="  ")
    print("" if row.gradient is None else f"gradient {row.gradient:.0e}")
    for problem in row.problems:
        print("   ", problem)
assert [row.ok for row in rows] == [True, True, False]

# %% [markdown]
# Three random cases each; the wrong guess is found out. Put such functions into a file beside your
# layer and its claims stay true, or somebody will be told: `minigen check --file FILE.py` shows
# them in the table of the notes' own equations.
#
# A plain function needs no class. One line asks whether a derivative, a backward pass, a value or a
# density is what it is said to be, and the report says what a wrong one looks like.

# %%
report = mg.check.derivative(np.arcsinh, lambda x: 1 / (1 + x**2), x)  # the root is missing
print(report)
assert not report
assert mg.check.derivative(np.arcsinh, lambda x: 1 / np.sqrt(1 + x**2), x)
assert mg.check.vjp(np.sinh, lambda dy, x: dy * np.cosh(x), x)
assert mg.check.equal(lambda x: np.log(x + np.sqrt(1 + x**2)), np.arcsinh, np.abs(x))
assert mg.check.density(lambda x: -np.log(np.pi * np.cosh(x[:, 0])))  # the hyperbolic secant

# %% [markdown]
# A whole chapter of such equations is a folder of Markdown, in which an equation with a name,
# `$$ ... $$ {#NAME}`, is checked by the Python below it. `minigen check --new FOLDER` writes an
# example, `minigen check --notes FOLDER` runs it and makes its page. The Python of the folder is
# your own program and runs as such.

# %%
with tempfile.TemporaryDirectory() as folder:
    text = (
        "# Mine\n\n$$ \\cosh^2x-\\sinh^2x=1 $$ {#COSH}\n\n```python\nx = rng.standard_normal(5)\n"
    )
    text += "mg.check.equal(np.cosh(x) ** 2 - np.sinh(x) ** 2, np.ones(5))\n```\n"
    pathlib.Path(folder, "mine.md").write_text(text, encoding="utf-8")
    mine = mg.derivations.read(folder)
    (row,) = mg.derivations.run(entries=mine.entries)
print(mine, "holds" if row.ok else "fails")
assert row.ok

# %% [markdown]
# ## Exercises
#
# **1.** (easy) You stack two of these layers for more flexibility: $f_{a_2,b_2}\circ f_{a_1,b_1}$.
# What do you gain? Write the parameters of *one* layer that does the same.


# %%
def stacked(a1, b1, a2, b2):
    """(a, b) of the layer that is the second after the first."""
    return None, None  # your answer


# %%
f_1, f_2 = (SinhArcsinh(*0.5 * rng.standard_normal((2, D))) for _ in range(2))
both: Any = stacked(f_1.a, f_1.b, f_2.a, f_2.b)
if both[0] is None or both[1] is None:
    print("Fill in the cell above and run both again.")
else:
    one = SinhArcsinh(*np.broadcast_arrays(*both, np.zeros(D))[:2])
    right = np.allclose(one.forward(x)[0], f_2.forward(f_1.forward(x)[0])[0], rtol=1e-9)
    print("right" if right else "not yet: a line after a line is a line")

# %% [markdown]
# <details><summary>Answer</summary>
#
# You gain nothing. The $\sinh$ of the first and the $\operatorname{arcsinh}$ of the second cancel,
# and a line after a line is a line. The layers form a group, of which MINE-3 is the inverse. The
# gain comes with something in between that does not commute with them: a scale and shift, or a
# linear map that mixes the columns.
#
# ```python
# def stacked(a1, b1, a2, b2):
#     return a1 + a2, np.exp(a2) * b1 + b2
# ```
# </details>
#
# **2.** (hard) Write `inverse_backward`, the gradient of the inverse. Use MINE-3: let $f'$ be the
# inverted layer with $a'=-a$, $b'=-b\,e^{-a}$. Its `backward` gives $da'$ and $db'$. What are $da$
# and $db$?


# %%
def through(da_inverted, db_inverted, a, b):
    """(da, db) from the gradients by a' = -a and b' = -b exp(-a)."""
    return None, None  # your answer


# %%
class BothWays(SinhArcsinh):
    """With the gradient of its inverse."""

    def inverse_backward(self, dx, dlogdet, cache):
        dy, grads = self.inverted().backward(dx, dlogdet, cache)
        da, db = through(grads["a"], grads["b"], self.a, self.b)
        return dy, {"a": da, "b": db}


if through(a, b, a, b)[0] is None or through(a, b, a, b)[1] is None:
    print("Fill in the cell above and run both again.")
else:
    report = mg.check.bijection(BothWays(a, b), x, rng=rng)
    print(*str(report).splitlines()[-4:], sep="\n")
    print("right" if report else "not yet: a reaches a' and b', b reaches b' alone")

# %% [markdown]
# <details><summary>Answer</summary>
#
# Only the chain rule from $(a',b')$ to $(a,b)$. $a$ reaches both: $\partial a'/\partial a=-1$ and
# $\partial b'/\partial a=b\,e^{-a}$; $b$ reaches $b'$ alone, $\partial b'/\partial b=-e^{-a}$. Then
# the report has rows for the inverse, and the flow can be trained in either direction.
#
# ```python
# def through(da_inverted, db_inverted, a, b):
#     return -da_inverted + db_inverted * b * np.exp(-a), -db_inverted * np.exp(-a)
# ```
# </details>
#
# **3.** (medium) A leaky layer, $y=x$ for $x\ge0$ and $y=e^{a}x$ for $x<0$. Derive `logdet` and the
# gradients. (What does the density of a flow with this layer do at $x=0$?)


# %%
@dataclass(frozen=True, eq=False, repr=False)
class Leaky(Bijection):
    """y = x where x >= 0, exp(a) x elsewhere."""

    a: np.ndarray = param()

    def forward(self, x):
        slope = np.where(x < 0, np.exp(self.a), 1.0)
        return slope * x, self.logdet(x), (x, slope)

    def inverse(self, y):
        x = np.where(y < 0, np.exp(-self.a), 1.0) * y
        return x, -self.logdet(x), (x, y)

    def logdet(self, x) -> Any:
        return None  # your answer: (N,)

    def backward(self, dy, dlogdet, cache):  # cache is (x, slope)
        return None, {"a": None}  # your answer: dx, and the gradient of a


# %%
leaky = Leaky(a)
if leaky.logdet(x) is None:
    print("Fill in the cell above and run both again.")
else:
    report = mg.check.bijection(leaky, x, rng=rng)
    print(report)
    print("right" if report else "not yet: see the report")

# %% [markdown]
# <details><summary>Answer</summary>
#
# $\log|\det J|=\sum_j a_j[x_j<0]$. The log-determinant is a step in $x$, so its path to $x$ is 0
# almost everywhere. The slope of the map jumps at 0, so the density jumps there by the factor
# $e^{a}$: it is a valid density, but the likelihood is not continuous in a parameter that moves a
# point across 0, and its gradient says nothing about the jump. This is why the layers here are
# smooth.
#
# ```python
# class Leaky(Leaky):
#     def logdet(self, x):
#         return (self.a * (x < 0)).sum(axis=1)
#
#     def backward(self, dy, dlogdet, cache):
#         x, slope = cache
#         below = x < 0
#         da = (below * (dy * slope * x + dlogdet[:, None])).sum(axis=0)
#         return dy * slope, {"a": da}
# ```
# </details>
#
# ## With your own code
#
# The homework of tutorial 01 asks for the base density and a chain of maps, forward and backward.
# When `minigen homework check change.py` says that they are right, `minigen homework milestone
# change.py` trains a density of the plane with *your* functions; the picture says whose code it
# was.
#
# ## What to read next
#
# * Jones and Pewsey, [*Sinh-arcsinh distributions*](https://doi.org/10.1093/biomet/asp053) (2009):
#   the family, as statisticians use it.
# * Bell and Sejnowski, [*An information-maximization approach to blind
#   separation*](https://doi.org/10.1162/neco.1995.7.6.1129) (1995).
# * Jaini, Kobyzev, Yu and Brubaker, [*Tails of Lipschitz triangular
#   flows*](https://arxiv.org/abs/1907.04481) (2020): why a flow with bounded slopes cannot turn
#   Gaussian tails into heavy ones.
# * Rezende and Mohamed, [*Variational inference with normalizing
#   flows*](https://arxiv.org/abs/1505.05770) (2015): planar layers, a harder case, whose inverse
#   has no formula.
#
# Homework: `minigen homework start change`. Next: [tutorial 12](12_pictures.ipynb), layers for
# pictures. In this package, whose layers are no different from yours
# ([`core/contract.py`](../minigen/core/contract.py) has the contract): the source of the smallest
# one, [`actnorm.py`](../minigen/flows/actnorm.py).

# %%
print(inspect.getsource(ActNorm))
