# %% [markdown]
# # 00 The contract, and how a gradient is checked
#
# **Question.** You have derived a gradient on paper and typed it in. How do you know that it is
# right, to the last digit and not just roughly?
#
# **You need** the chain rule and NumPy. **Time** about 45 minutes. Everything that follows in these
# tutorials rests on this one.

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
from dataclasses import dataclass

import numpy as np

import minigen as mg
from minigen.core import Layer, absolute
from minigen.nn import Linear, ReLU
from minigen.plot import LINES

rng = np.random.default_rng(0)

# %% [markdown]
# ## 1. The contract
#
# A layer is a function with two halves.
#
# ```python
# y, cache  = layer.forward(x)           # compute, and remember what backward will need
# dx, grads = layer.backward(dy, cache)  # from the gradient of y to that of x and of the parameters
# ```
#
# `dy` is the gradient of *some* loss $L$ with respect to `y`; the layer never learns which loss.
# Some things have more outputs, and the rule stays the same: for every output a gradient comes in,
# for every input one goes out.
#
# | thing | forward | backward |
# |---|---|---|
# | layer | `y, cache` | `dx, grads = backward(dy, cache)` |
# | bijection (01, 02) | `y, logdet, cache` | `dx, grads = backward(dy, dlogdet, cache)` |
# | density | `logp, cache` | `dx, grads = backward(dlogp, cache)` |
# | loss | `loss, cache` | `dx, grads = backward(1.0, cache)` |
#
# The simplest layer with parameters is $y=xW+b$. Its backward pass follows from one identity and
# no indices. Write $\langle A,B\rangle=\sum_{ij}A_{ij}B_{ij}$. A small change of everything changes
# the loss by
#
# $$\delta L=\langle dy,\delta y\rangle,\qquad \delta y=\delta x\,W+x\,\delta W+\delta b.$$
#
# A factor moves to the other side of $\langle\cdot,\cdot\rangle$ as its transpose:
#
# | term | moved | so |
# |---|---|---|
# | $\langle dy,\delta x\,W\rangle$ | $\langle dy\,W^T,\delta x\rangle$ | $dx=dy\,W^T$ |
# | $\langle dy,x\,\delta W\rangle$ | $\langle x^Tdy,\delta W\rangle$ | $dW=x^Tdy$ |
# | $\langle dy,\delta b\rangle$ | $\langle\sum_n dy_n,\delta b\rangle$ | $db=\sum_n dy_n$ |
#
# ($b$ is added to each of the $N$ rows, so it reaches the loss on $N$ paths, and paths add.)

# %%
print(inspect.getsource(Linear.forward))
print(inspect.getsource(Linear.backward))

# %% [markdown]
# `grads` mirrors `layer.params`: the same names, the same shapes.

# %%
linear = Linear.init(3, 2, rng=rng, dtype=np.float64)
x = rng.standard_normal((5, 3))
y, cache = linear.forward(x)
dx, grads = linear.backward(rng.standard_normal(y.shape), cache)
print(linear)
print({name: g.shape for name, g in grads.items()}, "dx", dx.shape)

# %% [markdown]
# ### Why is the cache handed around?
#
# Many libraries keep it inside the layer (`self.x = x`). Then a layer that runs twice before it
# runs backward has forgotten the first input. Nothing raises an error. The gradient is just wrong.


# %%
class Forgetful(Linear):
    """Keeps its input to itself."""

    seen: np.ndarray

    def forward(self, x):
        object.__setattr__(self, "seen", x)  # the dataclass is frozen; this is the way around
        return x @ self.W + self.b, ()

    def backward(self, dy, cache):
        return super().backward(dy, (self.seen,))


def used_twice(layer, a, b):
    """dW of sum(f(a)) + sum(f(b)), through two forward passes and two backward passes."""
    (y_a, cache_a), (y_b, cache_b) = layer.forward(a), layer.forward(b)
    _, grads_a = layer.backward(np.ones_like(y_a), cache_a)
    _, grads_b = layer.backward(np.ones_like(y_b), cache_b)
    return grads_a["W"] + grads_b["W"]


a, b = rng.standard_normal((2, 5, 3))
right = used_twice(linear, a, b)
wrong = used_twice(Forgetful(linear.W, linear.b), a, b)
print(f"largest difference {np.abs(right - wrong).max():.2f}, gradient {np.abs(right).max():.2f}")
assert np.abs(right - wrong).max() > 0.1

# %% [markdown]
# `mg.check.contract` tries such things on purpose: two caches at once, arrays with gaps in memory,
# the same call twice, single precision, and more.

# %%
report = mg.check.contract(Forgetful(linear.W, linear.b), x, rng=rng)
assert mg.check.contract(linear, x, rng=rng) and not report
print(report)

# %% [markdown]
# ## 2. Three ways to differentiate a number
#
# To test a hand-written derivative we need another that is found in another way. Take
# $f(x)=e^x\sin x$ at $x=1$, where $f'(x)=e^x(\sin x+\cos x)$ is known.
#
# | method | formula | error of the formula | error of the arithmetic |
# |---|---|---|---|
# | forward difference | $\frac{f(x+h)-f(x)}{h}$ | $\sim h$ | $\sim 10^{-16}/h$ |
# | central difference | $\frac{f(x+h)-f(x-h)}{2h}$ | $\sim h^2$ | $\sim 10^{-16}/h$ |
# | complex step | $\frac{\mathrm{Im} f(x+ih)}{h}$ | $\sim h^2$ | $\sim 10^{-16}$ |
#
# Where does the third come from? From the Taylor series with the step $ih$:
#
# $$f(x+ih)=f(x)+ih\,f'(x)-\tfrac{h^2}{2}f''(x)-\tfrac{ih^3}{6}f'''(x)+\dots$$
#
# The imaginary part is $h f'(x)-\tfrac{h^3}{6}f'''(x)+\dots$. Divide by $h$. **Nothing was
# subtracted**, so nothing cancels, and $h$ may be as small as the floating point numbers go.


# %%
def f(x):
    return np.exp(x) * np.sin(x)


truth = np.exp(1.0) * (np.sin(1.0) + np.cos(1.0))
h = 10.0 ** -np.arange(1, 17)
methods = {
    "forward difference": (f(1 + h) - f(1.0)) / h,
    "central difference": (f(1 + h) - f(1 - h)) / (2 * h),
    "complex step": f(1 + 1j * h).imag / h,
}
errors = {name: np.abs(d - truth) / truth for name, d in methods.items()}
for name, e in errors.items():
    print(f"{name:19} best relative error {e.min():.0e} at h = {h[e.argmin()]:.0e}")
print(f"complex step at h = 1e-100:        {abs(f(1 + 1e-100j).imag / 1e-100 - truth) / truth:.0e}")
assert errors["forward difference"].min() > 1e-10 and errors["central difference"].min() > 1e-14
assert errors["complex step"][-8:].max() < 1e-15


# %%
def u_curves(h, errors):
    """Error against step, both logarithmic."""
    figure = mg.plot.Picture(figsize=(6, 3.4), layout="constrained")
    ax = figure.subplots()
    ax.set_prop_cycle(color=LINES)
    for name, e in errors.items():
        ax.loglog(h, np.maximum(e, 1e-17), marker="o", markersize=3.5, label=name)
    ax.axhline(2.0**-52, color="black", linestyle=":", linewidth=1)
    ax.text(2e-16, 2.8e-16, "one rounding", fontsize=8)
    ax.set(xlabel="step h", ylabel="relative error of f'(1)")
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.3)
    ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


u_curves(h, errors)

# %% [markdown]
# **How to read it.** Right to left the step shrinks. The two differences first improve, with slope
# 1 and slope 2. Then they turn: below the turning point two nearly equal numbers are subtracted,
# and each tenfold smaller step costs one more digit. The complex step falls with slope 2 to one
# rounding and stays there. (On the right it hides the central difference: both have an error of
# $\tfrac{h^2}{6}|f^{(3)}|$. Points without any error are drawn at $10^{-17}$.)
#
# This is more than tidiness. With central differences the best you can ask is agreement to about
# $10^{-8}$, and a small mistake hides below that. With the complex step, minigen asks for
# $10^{-12}$ of every entry.
#
# ### What the complex step demands
#
# The forward pass must be **analytic**: no absolute value, no norm, no conjugate. Look at what
# happens otherwise:

# %%
z = np.array(-2.0 + 1e-100j)
print(f"np.abs: {np.imag(np.abs(z)) / 1e-100:+.0f}   the derivative of |x| at -2 is -1")
print(f"absolute: {np.imag(absolute(z)) / 1e-100:+.0f}")
assert np.imag(np.abs(z)) == 0 and np.imag(absolute(z)) / 1e-100 == -1
print()
print(inspect.getsource(absolute))

# %% [markdown]
# `np.abs` of a complex number is its length, a real number. Its derivative is lost in silence.
# Branches are taken by the real part instead. What if your own layer does use `np.abs`? The
# checker compares both ways on a random direction first, and changes the reference:


# %%
@dataclass(frozen=True, eq=False, repr=False)
class Absolute(Layer):
    """y = |x|, dx = dy sign(x)."""

    def forward(self, x):
        return np.abs(x), (x,)

    def backward(self, dy, cache):
        (x,) = cache
        return dy * np.sign(x), {}


report = mg.check.gradients(Absolute(), x, rng=rng)
assert report and "Richardson" in report.note
print(report)

# %% [markdown]
# The last line names the reference. Richardson extrapolation combines central differences at ten
# step sizes and estimates its own error; it is slower, and it is told apart from the complex step
# in every report.
#
# ## 3. Why ones are a bad cotangent
#
# A layer has many outputs, a gradient is of one number. So a check needs a loss. The habit is
# $L=\sum_{nj}y_{nj}$, that is, to call `backward` with `dy` full of **ones**. The general choice is
# $L=\langle v,y\rangle$ with a random $v$ of mixed signs (the *cotangent*); `backward(v)` must then
# be $v^TJ$.
#
# Take softmax, $y_j=e^{x_j}/\sum_k e^{x_k}$. Its change is
# $\delta y=y\odot(\delta x-\langle y,\delta x\rangle)$, so
#
# $$\langle dy,\delta y\rangle=\langle dy\odot y,\ \delta x\rangle-\langle dy,y\rangle\langle y,
# \delta x\rangle\quad\Longrightarrow\quad dx=y\odot\big(dy-\langle dy,y\rangle\big).$$


# %%
@dataclass(frozen=True, eq=False, repr=False)
class Softmax(Layer):
    """y_j = exp(x_j) / sum_k exp(x_k) in each row; dx = y (dy - <dy, y>)."""

    def forward(self, x):
        e = np.exp(x - x.real.max(axis=1, keepdims=True))
        y = e / e.sum(axis=1, keepdims=True)
        return y, (y,)

    def backward(self, dy, cache):
        (y,) = cache
        return y * (dy - (dy * y).sum(axis=1, keepdims=True)), {}


class Nothing(Softmax):
    """Returns zeros."""

    def backward(self, dy, cache):
        return np.zeros_like(dy), {}


class PlainMean(Softmax):
    """Takes the mean of dy where the mean weighted by y belongs."""

    def backward(self, dy, cache):
        (y,) = cache
        return y * (dy - dy.mean(axis=1, keepdims=True)), {}


class IgnoresCotangent(Linear):
    """Forgets to multiply by dy, as if L were the sum of the outputs."""

    def backward(self, dy, cache):
        return super().backward(np.ones_like(dy), cache)


def disagreement(layer, x, v):
    """|backward(v) - v^T J| relative to the largest entry of J, with J by complex step."""
    J = mg.check.jacobian(lambda u: layer.forward(u)[0], x)
    dx, _ = layer.backward(v, layer.forward(x)[1])
    return np.abs(dx - np.einsum("ne,ned->nd", v, J)).max() / np.abs(J).max()


layers = (Softmax(), Nothing(), PlainMean(), IgnoresCotangent(linear.W, linear.b))
print(f"{'layer':18}{'v = 1':>9}{'random v':>11}")
for layer in layers:
    out = layer.forward(x)[0]
    ones, random = (
        disagreement(layer, x, v) for v in (np.ones_like(out), rng.standard_normal(out.shape))
    )
    print(f"{type(layer).__name__:18}{ones:9.0e}{random:11.0e}")
    assert ones < 1e-14 and (random > 0.1) == (type(layer) is not Softmax)

# %% [markdown]
# With ones, **all four pass**, though three of them are wrong: one returns nothing but zeros. The
# outputs of softmax add up to 1, so $L=\sum y$ is a constant: its true gradient is 0, and zeros
# agree with it. A layer that ignores `dy` is right when `dy` is what it assumes. A random $v$
# finds all three.


# %%
def jacobian_and_rows(J, vs):
    """A Jacobian, and v^T J under it for some v."""
    figure = mg.plot.Picture(figsize=(7.2, 3.0), layout="constrained")
    axes = figure.subplots(1, 1 + len(vs), width_ratios=[2] + [2] * len(vs))
    panels = {"Jacobian of softmax": J} | {name: (v @ J)[None] for name, v in vs.items()}
    for ax, (name, M) in zip(axes, panels.items(), strict=True):
        ax.imshow(M, cmap="RdBu_r", vmin=-0.3, vmax=0.3)
        for (i, j), value in np.ndenumerate(M):
            color = "white" if abs(value) > 0.2 else "black"
            text = f"{value:.2f}".replace("-0.00", "0.00")
            ax.text(j, i, text, ha="center", va="center", fontsize=8, color=color)
        ax.set(xticks=[], yticks=[])
        ax.set_title(name, fontsize=9)
    return figure


point = np.random.default_rng(1).standard_normal((1, 4))
J = mg.check.jacobian(lambda u: Softmax().forward(u)[0], point)[0]
v = np.array([1.0, -1.0, 2.0, -0.5])
jacobian_and_rows(J, {"$v=(1,1,1,1)$: every row added": np.ones(4), "$v=(1,-1,2,-0.5)$": v})

# %% [markdown]
# **How to read it.** Left the Jacobian, row $i$ and column $j$ holding $\partial y_i/\partial x_j$;
# red positive, blue negative. A cotangent of ones adds up the rows, and each column of softmax adds
# up to zero: all that could be wrong is wiped out before it is looked at. The uneven $v$ keeps it.
#
# ## 4. The check in one line
#
# `mg.check.gradients` copies the layer to double precision, draws a random cotangent for **every**
# output, and compares every entry of every gradient with the complex step.

# %%
report = mg.check.gradients(linear, x, rng=rng)
assert report
print(report)

# %% [markdown]
# ## 5. Break it, and read the report
#
# Six mistakes in the backward pass of one square layer. Each takes the right answer and spoils it.

# %%
square = Linear.init(4, 4, rng=rng, dtype=np.float64)
points = rng.standard_normal((6, 4))
SPOIL = {
    "wrong sign": lambda dx, g, dy: (-dx, g),
    "a mean for a sum": lambda dx, g, dy: (dx, g | {"W": g["W"] / len(dy)}),
    "dW transposed": lambda dx, g, dy: (dx, g | {"W": g["W"].T}),
    "dx = dy W": lambda dx, g, dy: (dy @ square.W, g),
    "db not summed": lambda dx, g, dy: (dx, g | {"b": dy}),
    "added twice": lambda dx, g, dy: (dx, g | {"b": 2 * g["b"]}),
}


def spoiled(spoil):
    """The square layer with a mistake in its backward pass."""

    class Spoiled(Linear):
        def backward(self, dy, cache):
            return spoil(*super().backward(dy, cache), dy)

    return Spoiled(square.W, square.b)


for name, spoil in SPOIL.items():
    report = mg.check.gradients(spoiled(spoil), points, rng=rng)
    assert not report
    print(f"{name}:  {report.reasons()[0]}")

# %% [markdown]
# **How to read a line.** First the array and the place of its worst entry; then what the code gave
# and what the reference says; then the diagnosis. The checker tries the usual mistakes on the
# numbers: a constant factor, the transpose, a missing output, a gradient that ignores `dy`. It
# names the one that reproduces yours exactly. Where none does it says which rows or columns are
# wrong, or nothing, as for `dx = dy W`: no simple change of the right answer gives that.
#
# ## 6. Kinks
#
# ReLU has no derivative at 0. A backward pass must choose a value; minigen chooses 0. Differences
# do not know about kinks: near one they average over both sides.

# %%
near = np.array([[-1e-7, 1e-7, 0.0]])
relu = ReLU()
dx, _ = relu.backward(np.ones((1, 3)), relu.forward(near)[1])
step = 1e-6
central = (relu.forward(near + step)[0] - relu.forward(near - step)[0]) / (2 * step)
exact = np.imag(relu.forward(near + 1e-100j)[0]) / 1e-100
print("x       ", near[0])
print("backward", dx[0])
print("central ", central[0].round(3))
print("complex ", exact[0])
assert np.array_equal(dx, exact) and np.abs(central - dx).max() > 0.4

# %% [markdown]
# A central difference with $h=10^{-6}$ reaches across the kink and reports a slope near one half on
# both sides. The complex step stays on its side, however near. So random inputs are enough: they
# are never exactly at the kink.
#
# ## 7. Whole models
#
# A check by entries costs one forward pass for each number. A model has thousands. The *adjoint*
# identity needs one pass for a random direction $u$ of all inputs and parameters at once:
#
# $$v^T(Ju)=(J^Tv)\cdot u$$
#
# The left side is one complex forward pass along $u$, the right side is what `backward` says.

# %%
flow = mg.flows.real_nvp(8, layers=4, hidden=(32,), activation="tanh", rng=rng)
flow = mg.core.perturbed(flow, rng, 0.2)
size = flow.size
report = mg.check.adjoint(flow.nll, rng.standard_normal((5, 8)), rng=rng)
assert report
print(f"{size} parameters")
print(report)

# %% [markdown]
# (The parameters are moved first. A fresh flow is the identity, and there the gradients of most
# weights are 0. Tutorial 02 shows two mistakes that pass at such a point.)
#
# ## Exercises
#
# **1.** Derive the backward pass of root-mean-square normalisation, $y=x/r$ with
# $r=\sqrt{\tfrac1D\sum_j x_j^2}$ in each row. Write it as a layer and check it. What is the
# gradient if `dy` is proportional to `y`, and why must it be so?
#
# <details><summary>Answer</summary>
#
# $\delta r=\tfrac1{D\,r}\langle x,\delta x\rangle=\tfrac1D\langle y,\delta x\rangle$ and
# $\delta y=\delta x/r-x\,\delta r/r^2=(\delta x-y\,\delta r)/r$. So
# $dx=\big(dy-y\,\tfrac1D\langle dy,y\rangle\big)/r$:
#
# ```python
# @dataclass(frozen=True, eq=False, repr=False)
# class RMSNorm(Layer):
#     def forward(self, x):
#         r = np.sqrt((x * x).mean(axis=1, keepdims=True))
#         y = x / r
#         return y, (y, r)
#
#     def backward(self, dy, cache):
#         y, r = cache
#         return (dy - y * (dy * y).mean(axis=1, keepdims=True)) / r, {}
#
#
# print(mg.check.gradients(RMSNorm(), x, rng=rng))
# ```
#
# For $dy=y$ it is 0, because $\tfrac1D\langle y,y\rangle=1$: the length of $y$ is fixed, so no
# change of $x$ can change it.
# </details>
#
# **2.** Why may $h$ be $10^{-100}$ in a complex step, when a difference with $h=10^{-100}$ gives 0?
#
# <details><summary>Answer</summary>
#
# $1+10^{-100}$ rounds to 1, so the difference subtracts equal numbers. In $1+10^{-100}i$ the small
# number stands in its own place, the imaginary part, with all its digits. It is never added to a
# large one. Only its square, $10^{-200}$, is added to the real part, and is rightly lost.
# </details>
#
# **3.** Show that a random cotangent catches every wrong `backward` that is linear in `dy`. Then
# name two wrong ones that it can miss.
#
# <details><summary>Answer</summary>
#
# A linear `backward` is $v\mapsto v^T\hat J$ for some matrix. It agrees at $v$ only if
# $v^T(\hat J-J)=0$. If $\hat J\ne J$, these $v$ form a subspace of lower dimension: a random normal
# $v$ lies in it with probability 0. Missed: (a) a mistake that shows at other **points** only, for
# example a clip at $|x|>10$, or a factor $e^{s}$ at a layer where $s=0$; (b) one that is not linear
# in `dy`, for example gradient clipping at a norm that this $v$ does not reach. `check.contract`
# tests linearity with cotangents of very different sizes for this reason.
# </details>
#
# ## What to read next
#
# * Squire and Trapp, *Using complex variables to estimate derivatives of real functions* (1998):
#   two pages, the source of the complex step.
# * Martins, Sturdza and Alonso, *The complex-step derivative approximation* (2003).
# * Baydin, Pearlmutter, Radul and Siskind, *Automatic differentiation in machine learning: a
#   survey* (2018): what a library does in place of your derivation.
#
# Homework: `minigen homework start gradients`. Next: [tutorial 01](01_change_of_variables.ipynb),
# the change of variables.
