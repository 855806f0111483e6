# %% [markdown]
# # 00 The contract, and how a gradient is checked
#
# **Question.** You have derived a gradient on paper and typed it in. How do you know that it is
# right, to the last digit and not just roughly?
#
# **You need** the chain rule and NumPy. **Time** about 45 minutes. Everything that follows in these
# tutorials rests on this one. All of them, and what each needs: [the path](README.md).

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
from dataclasses import dataclass

import numpy as np

import minigen as mg
from minigen.core import Layer, absolute
from minigen.nn import Linear, ReLU

rng = np.random.default_rng(0)

# %% [markdown]
# ## Why
#
# Every model of these tutorials learns by walking downhill: a number, the loss, says how bad it is,
# and the gradient says how each parameter should change. A wrong gradient seldom crashes. The loss
# falls all the same, to a worse place, and its curve looks like any other.
#
# The two curves below belong to the same small network, the same data and the same start; it learns
# a sine. In the backward pass of one of them, one factor is forgotten. **Predict, then run.** Would
# you have looked for a mistake if you had seen only its curve? So the first tool is one that cannot
# be fooled by a curve.

# %%
x_line = np.linspace(-3, 3, 200)[:, None]
wave = np.sin(2 * x_line)


def descend(forget, steps=3000, lr=0.02):
    """The losses of a network of 30 hidden units, by gradient descent."""
    own = np.random.default_rng(1)
    W1, b1, W2 = own.standard_normal((1, 30)), own.standard_normal(30), own.standard_normal((30, 1))
    W2, losses = W2 / 6, []
    for _ in range(steps):
        a = x_line @ W1 + b1
        h = np.maximum(a, 0)
        e = h @ W2 - wave
        losses.append(np.mean(e**2))
        dout = 2 * e / len(e)
        da = dout @ W2.T * (1 if forget else a > 0)  # the factor: where ReLU was flat
        W2 -= lr * h.T @ dout
        W1, b1 = W1 - lr * x_line.T @ da, b1 - lr * da.sum(axis=0)
    return np.array(losses)


losses = {"A": descend(True), "B": descend(False)}
shown = np.arange(50, 3000, 50)
mg.plot.lines(
    {name: (shown, loss[shown]) for name, loss in losses.items()}, log="y",
    xlabel="step", ylabel="loss", title="Which of the two has a wrong gradient?",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Two curves of the loss, on a logarithmic axis; both fall steeply and then
# slowly. A is the one with the mistake, and how much it loses is printed here:

# %%
ratio = losses["A"][-1] / losses["B"][-1]
print(f"start {losses['A'][0]:.2f}; end {losses['A'][-1]:.3f} (A) and {losses['B'][-1]:.3f} (B)")
print(f"the loss of A at the end is {ratio:.1f} times that of B")
assert losses["A"][-1] < 0.2 * losses["A"][0] and ratio > 1.3

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
#
# As a picture: black is the forward pass, and each arrow of it has a dashed one that comes back.

# %% jupyter={"source_hidden": true}
mg.plot.diagram(
    {"$x$": (0, 1.2), "$W$": (0, 0), "$x\\,W$": (1.9, 0.6), "$b$": (1.9, -0.7), "$+$": (3.7, 0.3),
     "$y$": (5.2, 0.3), "$L$": (6.9, 0.3)},
    [("$x$", "$x\\,W$"), ("$W$", "$x\\,W$"), ("$x\\,W$", "$+$"), ("$b$", "$+$"), ("$+$", "$y$"),
     ("$y$", "$L$", "any loss")],
    back=[("$L$", "$y$", "$dy$"), ("$+$", "$x\\,W$", "$dy$"), ("$+$", "$b$", "$\\sum_n dy_n$"),
          ("$x\\,W$", "$x$", "$dy\\,W^T$"), ("$x\\,W$", "$W$", "$x^Tdy$")],
    boxes=["$x\\,W$", "$+$"], accent=["$W$", "$b$"],
    title="A linear layer: forward in black, backward dashed",
)  # fmt: skip

# %% [markdown]
# **How to read it.** A computational graph: round frames are values (blue: parameters), square
# frames operations. Backward, the gradient enters at $y$ from the right. The sum hands it on
# unchanged to both of its inputs; the product gives each factor the gradient times the *other*
# factor. That is the table, read from right to left. The code is in
# [linear.py](../minigen/nn/linear.py):

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
# [`mg.check.contract`](../minigen/check/contract_check.py) tries such things on purpose: two caches
# at once, arrays with gaps in memory, the same call twice, single precision, and more.

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
# subtracted**, so nothing cancels, and $h$ may be as small as the floating point numbers go
# ([Squire and Trapp 1998](https://doi.org/10.1137/S003614459631241X)).
#
# **Predict, then run.** At which $h$ is each of the three best, and how good is it there?


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
mg.plot.lines(
    {name: (h[::-1], np.maximum(e, 1e-17)[::-1]) for name, e in errors.items()}, log="xy",
    floor=2.0**-52, xlabel="step h", ylabel="relative error of f'(1)",
    title="Error against step; the dotted line is one rounding",
)  # fmt: skip


# %% [markdown]
# **How to read it.** Right to left the step shrinks. The two differences first improve, with slope
# 1 and slope 2. Then they turn: below the turning point two nearly equal numbers are subtracted,
# and each tenfold smaller step costs one more digit. The complex step falls with slope 2 to one
# rounding and stays there. (On the right it hides the central difference: both have an error of
# $\tfrac{h^2}{6}|f^{(3)}|$. Points without any error are drawn at $10^{-17}$.)
#
# This is more than tidiness. A small mistake hides below the best that a difference can do, which
# is printed above. With the complex step, minigen can ask for much more of every entry: what it
# allows stands at the end of each report below.
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
#
# Below are this layer and three wrong ones. **Predict, then run.** Which of the four pass a check
# with ones?


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
point = np.random.default_rng(1).standard_normal((1, 4))
J = mg.check.jacobian(lambda u: Softmax().forward(u)[0], point)[0]
v = np.array([1.0, -1.0, 2.0, -0.5])
mg.plot.matrices(
    {
        "Jacobian of softmax": J,
        "v = (1, 1, 1, 1)": np.ones((1, 4)) @ J,
        "v = (1, -1, 2, -0.5)": [v @ J],
    }
)

# %% [markdown]
# **How to read it.** Left the Jacobian, row $i$ and column $j$ holding $\partial y_i/\partial x_j$;
# orange positive, blue negative. Beside it $v^TJ$ for two cotangents $v$. A cotangent of ones adds
# up the rows, and each column of softmax adds up to zero: all that could be wrong is wiped out
# before it is looked at. The uneven $v$ keeps it.
#
# ## 4. The check in one line
#
# [`mg.check.gradients`](../minigen/check/gradient_check.py) copies the layer to double precision,
# draws a random cotangent for **every** output, and compares every entry of every gradient with the
# complex step.

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
# **1.** (medium) Derive the backward pass of root-mean-square normalisation, $y=x/r$ with
# $r=\sqrt{\tfrac1D\sum_j x_j^2}$ in each row, and write it in place of `None`.


# %%
@dataclass(frozen=True, eq=False, repr=False)
class RMSNorm(Layer):
    """y = x / r, r the root of the mean of x^2 in each row."""

    def forward(self, x):
        r = np.sqrt((x * x).mean(axis=1, keepdims=True))
        y = x / r
        return y, (y, r)

    def backward(self, dy, cache):
        return None, {}  # your answer; cache is (y, r)


# %%
norm = RMSNorm()
if norm.backward(*norm.forward(x))[0] is None:
    print("Fill in the cell above and run both again.")
else:
    report = mg.check.gradients(norm, x, rng=rng)
    print("right" if report else f"not yet: two paths lead from x to y, one through r\n{report}")

# %% [markdown]
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
# ```
#
# For $dy=y$ it is 0, because $\tfrac1D\langle y,y\rangle=1$: the length of $y$ is fixed, so no
# change of $x$ can change it.
# </details>
#
# **2.** (easy) With $h=10^{-100}$: what do the forward difference and the complex step of section 2
# give for $f'(1)$? Write two numbers, or the names of cells above.

# %%
difference, complex_step = None, None  # your answer

# %%
tiny = 1e-100
if difference is None or complex_step is None:
    print("Fill in the cell above and run both again.")
else:
    right = np.isclose(difference, (f(1 + tiny) - f(1.0)) / tiny, atol=1e-3)
    right = right and np.isclose(complex_step, f(1 + 1j * tiny).imag / tiny, atol=1e-3)
    print("right" if right else "not yet: what is 1 + 1e-100 in floating point numbers?")

# %% [markdown]
# <details><summary>Answer</summary>
#
# $1+10^{-100}$ rounds to 1, so the difference subtracts equal numbers. In $1+10^{-100}i$ the small
# number stands in its own place, the imaginary part, with all its digits. It is never added to a
# large one. Only its square, $10^{-200}$, is added to the real part, and is rightly lost.
#
# ```python
# difference, complex_step = 0.0, truth
# ```
# </details>
#
# **3.** (hard) A random cotangent catches every wrong `backward` that is linear in `dy` (why?) *at
# the point where it is tried*. Write a wrong one that the check at `x` does not find.


# %%
class Sly(Linear):
    """Its backward pass is wrong, but the check at `x` passes."""

    def backward(self, dy, cache):
        return super().backward(dy, cache)  # your answer


# %%
sly = Sly(linear.W, linear.b)
here, elsewhere = (bool(mg.check.gradients(sly, scale * x, rng=rng)) for scale in (1, 100))
if here and elsewhere:
    print("Fill in the cell above and run both again.")
else:
    hint = "not yet: it should be right for small inputs, and wrong for large ones"
    print("right" if here and not elsewhere else hint)

# %% [markdown]
# <details><summary>Answer</summary>
#
# A linear `backward` is $v\mapsto v^T\hat J$ for some matrix. It agrees at $v$ only if
# $v^T(\hat J-J)=0$. If $\hat J\ne J$, these $v$ form a subspace of lower dimension: a random normal
# $v$ lies in it with probability 0. Missed are mistakes that show at other **points** only, for
# example where somebody clips:
#
# ```python
# class Sly(Linear):
#     def backward(self, dy, cache):
#         dx, grads = super().backward(dy, cache)
#         return np.where(np.abs(cache[0]) > 10, 0, dx), grads
# ```
#
# Missed is also what is not linear in `dy`, for example a gradient clipped at a norm that this $v$
# does not reach. `mg.check.contract` tries cotangents of very different sizes for this reason.
# </details>
#
# ## What to read next
#
# * Squire and Trapp, [*Using complex variables to estimate derivatives of real
#   functions*](https://doi.org/10.1137/S003614459631241X) (1998): two pages, the source of the
#   complex step.
# * Martins, Sturdza and Alonso, [*The complex-step derivative
#   approximation*](https://doi.org/10.1145/838250.838251) (2003).
# * Baydin, Pearlmutter, Radul and Siskind, [*Automatic differentiation in machine learning: a
#   survey*](https://arxiv.org/abs/1502.05767) (2018): what a library does in place of your
#   derivation.
# * The first equation of the notes that is checked so: [CV-1](../docs/notes.md#CV-1).
#
# Homework: `minigen homework start gradients`; when it is right, `minigen homework milestone
# gradients.py` learns a curve by your own functions. Next: [tutorial
# 01](01_change_of_variables.ipynb), the change of variables.
