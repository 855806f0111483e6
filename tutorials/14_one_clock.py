# %% [markdown]
# # 14 One clock: diffusion, flow matching, and many steps
#
# **Question.** The notes stop with a process of $T$ steps and a network that predicts the noise.
# Since then people train "flow matching", sample with "DPM-Solver++" and speak of infinitely many
# steps. Are these new models, or the one we have, read with another clock? And what is the best
# $\Sigma$ in [ELBO-16](../docs/notes.md#ELBO-16a)?
#
# **You need** tutorials [04](04_forward_process.ipynb), [05](05_elbo.ipynb) and
# [06](06_diffusion_digits.ipynb). **Time** about 50 minutes. **Homework** of this chapter:
# `minigen homework start diffusion`. **Equations** [DIF-11](../docs/notes.md#DIF-11), ELBO-15 to
# ELBO-18; [S-CLOCK](../docs/notes.md#S-CLOCK), [S-INF](../docs/notes.md#S-INF) and
# [S-SIGMA](../docs/notes.md#S-SIGMA), which the notes do not print.

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

import minigen as mg
from minigen.diffusion import (
    DDPM,
    Clock,
    ClockLoss,
    Convert,
    FlowMatchingLoss,
    IdealNoise,
    IntegralBound,
    ReverseProcess,
    Target,
    cosine_schedule,
    nats_lost,
    noise_covariance,
)

rng = np.random.default_rng(0)

# %% [markdown]
# ## Why another clock?
#
# The digits of tutorial 06 took a thousand calls of the network, one after the other. Whoever draws
# with a large network pays for each call, so what is asked of a sampler is: as good a picture in
# twenty calls. The models that draw pictures, films and molecules today answer it with the names
# above. They did not start from another network. They start from the question what "time" means in
# a diffusion: nothing but *how much noise lies on the data*. Who has understood that can train with
# one clock, sample with a second and measure with a third. See it move first, with a network that
# is known exactly: two samplers go from the same noise to the same law of moons.

# %% jupyter={"source_hidden": true}
moons = mg.data.toy("moons")
mixture: Any = getattr(moons, "mixture")  # noqa: B009  means, variance and weights
known = IdealNoise.init(cosine_schedule(40), *mixture())
walker = DDPM(ReverseProcess(known, known.schedule, 2, "eps", "beta", 0.01))


def two_ways(n=500):
    """The same noise, carried to the data with dice and without."""
    ways = []
    for sampler in ("ancestral", "ddim"):
        states = dict(walker.states(n, rng=np.random.default_rng(7), sampler=sampler, steps=40))
        ways.append([states[t] for t in range(40, -1, -2)])
    start = ways[0][0]
    angle = np.arctan2(start[:, 1], start[:, 0])
    ends = [way[-1] for way in ways]
    return [
        mg.plot.filmstrip(
            [left, right], ["with dice (tutorial 06)", "without: an ODE"], color=np.abs(angle),
            box=(-3, 3, -3, 3), how=f"noise level t = {t}",
        )
        for t, left, right in zip(range(40, -1, -2), *ways, strict=True)
    ], ends  # fmt: skip


frames, ends = two_ways()
truth = moons.sample(2000, rng=np.random.default_rng(8))
for name, x in zip(("with dice", "without"), ends, strict=True):
    near = np.linalg.norm(x[:, None] - truth[None], axis=2).min(axis=1)
    print(f"{name:10} nine of ten points end within {np.quantile(near, 0.9):.2f} of real data")
    assert np.quantile(near, 0.9) < 0.2
mg.plot.Animation(frames, seconds=0.2)

# %% [markdown]
# **How to read it.** Two clouds go from round noise to two moons. The colour of a point is its
# angle in the noise it started from. With dice (left) it is forgotten: the colours mix. Without
# (right), points that began as neighbours end as neighbours.
#
# Both arrive where the data are, as the printed distances say.
#
# ## 1. Two paths between the same ends
#
# DIF-11 carries a point $\bar x_0$ to noise $\bar\varepsilon$ on a quarter of an ellipse, because
# the squares of the two weights sum to one. Flow matching (Lipman et al. 2023) takes the straight
# line:
#
# $$\bar x_t=\sqrt{A_t}\,\bar x_0+\sqrt{1-A_t}\,\bar\varepsilon\qquad\qquad
# \bar y_s=(1-s)\,\bar x_0+s\,\bar\varepsilon$$
#
# Only the *ratio* of noise to signal, $r=\sqrt{(1-A_t)/A_t}=s/(1-s)$, says how noisy a point is. At
# the same $r$ the two are the same point in another scale:
#
# $$\bar y_s=\frac{\bar x_t}{\sqrt{A_t}+\sqrt{1-A_t}}\qquad\text{(S-CLOCK)}$$

# %%
schedule = cosine_schedule(100)
x0, eps = np.array([[2.0, 0.3]]), np.array([[0.4, 1.6]])
times = np.arange(101)
curved = np.concatenate(
    [Target(schedule, "xt").forward(x0, eps, t=np.array([t]))[0] for t in times]
)
r = schedule.ratio(times)
straight = curved * (np.hypot(1, r) / (1 + r))[:, None]
s = (r / (1 + r))[:, None]
assert np.allclose(straight, (1 - s) * x0 + s * eps)

# %% jupyter={"source_hidden": true}
mg.plot.lines(
    {"the path of DIF-11": (*curved.T,), "the straight path": (*straight.T,)},
    title="From data to noise",
    xlabel="first coordinate", ylabel="second coordinate",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Two lines with the same ends, through 100 noise levels: both run from
# $\bar x_0$ (right) to $\bar\varepsilon$ (top left), one on an ellipse and one straight. A ray from
# the origin meets both at the same $r$.
#
# ## 2. Five names for one prediction
#
# A network may predict $\bar\varepsilon$, $\bar x_0$, $\bar v=\sqrt{A_t}\bar\varepsilon-
# \sqrt{1-A_t}\bar x_0$, the score $-\bar\varepsilon/\sqrt{1-A_t}$, or the velocity of the straight
# path, $\bar u=d\bar y_s/ds=\bar\varepsilon-\bar x_0$. Each is a linear function of $\bar x_t$ and
# any other: two unknowns, two equations, Cramer's rule (S-CLOCK;
# [`diffusion/predict.py`](../minigen/diffusion/predict.py)).

# %% jupyter={"source_hidden": true}
names = (r"noise $\bar\varepsilon$", r"data $\bar x_0$", r"$\bar v$", "score", r"velocity $\bar u$")
spots = {name: (5.6, 2 - 0.55 * k) for k, name in enumerate(names)}
mg.plot.diagram(
    {r"$\bar x_t$": (0, 1.4), r"$r$": (0, 0.4), "network": (2, 0.9), "Convert": (3.8, 0.9)}
    | spots,
    [(r"$\bar x_t$", "network"), (r"$r$", "network", "the clock"), ("network", "Convert", "out"),
     *(("Convert", name) for name in names)],
    boxes=["network", "Convert"], accent=["Convert"], title="One network, five names",
)  # fmt: skip

# %% [markdown]
# **How to read it.** A point and its noise level $r$ enter one network. What it is trained to say
# is one of the five on the right; `Convert` makes the other four of it by a line of arithmetic.
#
# **Predict, then run.** Convert a velocity into the noise, and that into a score, and that back
# into a velocity. How large is the error?

# %%
x0, eps = rng.standard_normal((2, 1000, 2))
t = rng.integers(1, 101, 1000)
xt, velocity = (Target(schedule, kind).forward(x0, eps, t=t)[0] for kind in ("xt", "velocity"))
value = velocity
for given, wanted in pairwise(["velocity", "eps", "score", "velocity"]):
    value, _ = Convert(schedule, given, wanted).forward(xt, value, t=t)
print(f"after three conversions the velocity is off by {np.abs(value - velocity).max():.0e}")
assert np.abs(value - velocity).max() < 1e-9

# %% [markdown]
# So "a flow-matching model" and "a diffusion model" are one network with two labels on its output.
# What differs is the loss: how often each noise level is visited, and what an error there costs.
#
# ## 3. The loss of the straight path
#
# Draw $s$ uniformly, put the network at $\bar x_t=\bar y_s/\sqrt{(1-s)^2+s^2}$ and at the time with
# that ratio, turn what it says into a velocity, $\hat u=p\,\bar x_t+q\,\text{out}$, and compare:
#
# | forward line | path | backward line |
# |---|---|---|
# | $\ell=\frac1N\sum_n\lvert e_n\rvert^2$ | $e\to\ell$ | $de=\frac2N\,e\,d\ell$ |
# | $e=p\,\bar x_t+q\,\text{out}-(\bar\varepsilon-\bar x_0)$ | out $\to e$ | $d\,\text{out}=q\,de$ |
# | | $\bar x_t\to e$ | $d\bar x_t=p\,de$ |
# | | $\bar x_0\to e$ | $d\bar x_0\mathrel{+}=de$ |
# | out $=\mathrm{net}(\bar x_t)$ | $\bar x_t\to$ out | $d\bar x_t$ += net$^T(d\,\text{out})$ |
# | $\bar x_t=a\bar x_0+b\bar\varepsilon$ | $\bar x_0\to\bar x_t$ | $d\bar x_0$ += $a\,d\bar x_t$ |

# %% jupyter={"source_hidden": true}
mg.plot.diagram(
    {r"$\bar\varepsilon$": (0, 0), r"$\bar x_0$": (0, 1.5), r"$\bar x_t$": (1.6, 0), "net": (3, 0),
     "out": (4.2, 0), r"$e$": (6.2, 0.9), r"$\ell$": (7.6, 0.9)},
    [(r"$\bar\varepsilon$", r"$\bar x_t$", "b"), (r"$\bar x_0$", r"$\bar x_t$", "a"),
     (r"$\bar x_t$", "net"), ("net", "out"), ("out", r"$e$", "q"), (r"$\bar x_t$", r"$e$", "p"),
     (r"$\bar x_0$", r"$e$", "+1"), (r"$e$", r"$\ell$")],
    back=[(r"$\ell$", r"$e$", "de"), (r"$e$", r"$\bar x_0$", "de"), (r"$e$", "out", "q de")],
    boxes=["net"], accent=[r"$\bar x_0$"], title="Three paths lead from the data to the error",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Black arrows are the forward lines; dashed ones carry a gradient back. $\bar
# x_0$ (blue) reaches the error through the network, past it as $\bar x_t$, and by itself.

# %%
print(inspect.getsource(FlowMatchingLoss.forward))
print(inspect.getsource(FlowMatchingLoss.backward))
small = mg.diffusion.ddpm(2, schedule, hidden=8, blocks=1, rng=rng, dtype=np.float64)
loss = mg.core.perturbed(small, rng).flow_matching
inputs, given = loss.draw(rng.standard_normal((4, 2)), rng)
report = mg.check.gradients(loss, *inputs, given=given, rng=rng)
assert report
print(report)


# %% [markdown]
# Break it: forget that $\bar x_0$ stands in the target, too.


# %%
class Forgetful(FlowMatchingLoss):
    """The last `+ de` is missing."""

    def backward(self, dloss, cache):
        e, signal, own, q, net = cache
        de = 2 * dloss / len(e) * e
        dxt, dreverse = self.model.reverse.prediction_backward(q * de, net)
        return signal * (dxt + own * de), {"model": {"reverse": dreverse}}


report = mg.check.gradients(Forgetful(loss.model), *inputs, given=given, rng=rng)
assert {row.name for row in report.failures} == {"dx0"}
print(report)

# %% [markdown]
# Only `dx0` is wrong; every parameter's gradient is right, so training would not have told.
#
# Now train two models of the moons for the same time: one by the simple loss with $\bar v$, one by
# flow matching. Both are the same class, and both are sampled in the same way.

# %%
models = {}
for name, predict in (("diffusion, predicts v", "v"), ("flow matching, predicts u", "velocity")):
    own = np.random.default_rng(1)
    model = mg.diffusion.ddpm(2, schedule, hidden=64, blocks=2, predict=predict, rng=own)
    objective = model.flow_matching if predict == "velocity" else model.loss
    mg.fit(objective, moons, steps=1500, lr=3e-3, rng=own, progress=False)
    models[name] = model
truth = moons.sample(1000, rng=rng)
for name, model in models.items():
    drawn = model.sample(1000, rng=rng, sampler="heun", steps=20)
    near = np.linalg.norm(drawn[:, None] - truth[None], axis=2).min(axis=1)
    print(f"{name:26} nine of ten samples are within {np.quantile(near, 0.9):.2f} of real data")
    assert np.quantile(near, 0.9) < 0.2

# %% jupyter={"source_hidden": true}
mg.plot.samples(drawn, truth)

# %% [markdown]
# **How to read it.** Left real moons, right those of flow matching. Nothing in the code of the
# sampler knows how the model was trained.
#
# ## 4. Solvers, and what "order" means
#
# Sampling without dice follows $d\bar y/ds=\bar u(\bar y,s)$ from noise to data. Euler takes a step
# with the slope at its start; Heun averages the slopes at both ends; DPM-Solver++ (Lu et al. 2022)
# integrates the linear part exactly and fits a polynomial to the last two or three predictions of
# $\bar x_0$. A solver has order $k$ if halving the step divides the error by $2^k$.
#
# That is a claim one can test, where the exact flow is known: for a mixture of Gaussians
# `IdealNoise` is the exact network. **Predict** the four slopes, then run.

# %%
means = np.array([[-1.0, 0.3], [0.8, 1.1], [0.5, -0.9]])
ideal = IdealNoise.init(schedule, means, 0.3)
exact = ReverseProcess(ideal, schedule, 2, "eps", "beta", 0.01)
fine = cosine_schedule(6400)  # a solver takes at most as many steps as the schedule has
finer = DDPM(ReverseProcess(IdealNoise.init(fine, means, 0.3), fine, 2, "eps", "beta", 0.01))


def at_the_end(solver, steps):
    """x at t = 1, before the last prediction of x_0; the same start each time."""
    start = np.random.default_rng(1)
    return [x for _, x in finer.states(20, rng=start, sampler=solver, steps=steps)][-2]


reference = at_the_end("dpm++3m", 6400)
steps = np.array([25, 50, 100, 200, 400, 800, 1600])
table, slopes = {}, {}
orders = {"euler": 1, "heun": 2, "dpm++2m": 2, "dpm++3m": 3}
for solver in orders:
    errors = [np.sqrt(np.mean((at_the_end(solver, n) - reference) ** 2)) for n in steps]
    table[solver] = (steps, errors)
    slopes[solver] = -np.polyfit(np.log(steps[-3:]), np.log(errors[-3:]), 1)[0]
    print(f"{solver:8} order {slopes[solver]:.2f}")
for solver, order in orders.items():
    assert abs(slopes[solver] - order) < 0.1


class Counting(IdealNoise):
    """The same network; it counts how often it is asked."""

    calls = 0

    def forward(self, xt, **given):
        Counting.calls += 1
        return super().forward(xt, **given)


asked = {}
count_net = Counting.init(schedule, means, 0.3)
counting = DDPM(ReverseProcess(count_net, schedule, 2, "eps", "beta", 0.01))
for solver in orders:
    Counting.calls = 0
    counting.sample(2, rng=np.random.default_rng(0), sampler=solver, steps=10)
    asked[solver] = Counting.calls
assert asked["heun"] > 1.7 * asked["euler"]
assert all(0 < asked[s] - asked["euler"] <= 4 for s in ("dpm++2m", "dpm++3m"))

# %% jupyter={"source_hidden": true}
mg.plot.lines(
    table, log="xy", xlabel="steps", ylabel="error of x", title="The order is the slope",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Both axes are logarithmic, so a power law is a line and its slope the order.
# Heun asks the network twice a step, Euler once; the other two once, and a few
# times more at the start.
#
# **No noise belongs in an ODE.** A well-known tutorial adds a little noise at each step, "to keep
# samples diverse". The ancestral sampler may do so, because its drift takes away what the noise
# adds. An ODE has no such drift. See what becomes of the spread:


# %%
def euler(x, noise=0.0):
    """Euler's method on the straight path, from t = 100 to t = 1, with noise if asked for."""
    for t in range(100, 1, -1):
        a, b = schedule.ratio([t, t - 1])
        u = exact.predicted(x, np.array([t]), "velocity")
        step = b / (1 + b) - a / (1 + a)
        y = x * np.hypot(1, a) / (1 + a) + step * u
        y = y + noise * np.sqrt(-step) * rng.standard_normal(x.shape)
        x = y * (1 + b) / np.hypot(1, b)
    return x


many = rng.standard_normal((4000, 2))
quiet, noisy = euler(many), euler(many, noise=0.5)
print(
    f"variance of the data {ideal.sample(4000, rng=rng).var():.2f}, of the ODE {quiet.var():.2f},"
)
print(f"of the ODE with noise {noisy.var():.2f}")
assert noisy.var() > 1.1 * quiet.var()

# %% [markdown]
# ## 5. Infinitely many steps
#
# With more steps between the same ends, each term of the bound gets smaller and there are more of
# them. In the limit (Kingma et al. 2021), with $u=\log r$,
#
# $$\sum_{t=2}^TL_{t-1}\ \longrightarrow\ \int\mathbb E\,|\bar\varepsilon-
# \varepsilon_\theta(\bar x_u,u)|^2\,du\qquad\text{(S-INF)}$$
#
# The schedule has gone! It only says how the integral is *sampled*: with a clock $u(v)$, $v$
# uniform, an unbiased estimate is $u'(v)\,|\bar\varepsilon-\varepsilon_\theta|^2$. So a schedule
# can be learned without moving the bound, for the least variance. **Predict**: where should the
# clock be slow? Where the error is large, or where it is small?

# %%
model = DDPM(exact)
data = ideal.sample(20_000, rng=rng)


def estimates(clock):
    """The estimate of each row."""
    bound = IntegralBound(model, clock)
    (x,), given = bound.draw(data, rng)
    return bound.estimates(x, **given)


even, learned = Clock.init(schedule), Clock.init(schedule)
before = estimates(even)
mg.fit(ClockLoss(learned, model), data, steps=300, lr=0.05, batch=1024, rng=rng, progress=False)
after = estimates(learned)
for name, rows in (("even clock", before), ("learned clock", after)):
    error = rows.std() / np.sqrt(len(rows))
    print(f"{name:14} bound {rows.mean():.3f} +- {error:.3f} nats, variance {rows.var():.0f}")
assert abs(before.mean() - after.mean()) < 4 * np.hypot(before.std(), after.std()) / 20_000**0.5
assert after.var() < before.var() / 2

# %% jupyter={"source_hidden": true}
u = np.linspace(learned.begin, learned.end, len(learned.a))
assert learned.shares[: len(u) // 2].mean() > 2 * learned.shares[len(u) // 2 :].mean()
mg.plot.lines(
    {"learned": (u, learned.shares), "even": (u, even.shares)}, dashed=["even"],
    xlabel="log of noise over signal", ylabel="share of the time", title="Where the clock is slow",
)  # fmt: skip

# %% [markdown]
# **How to read it.** The learned clock spends its time where little noise lies on the data: there
# the network's error in $\bar\varepsilon$ is largest. On the right nearly everything is noise, the
# network predicts it almost exactly, and a few visits are enough.
#
# ## 6. Sigma to the end
#
# ELBO-16 has a $\Sigma$, and the notes leave it open. With the best mean, the best covariance of a
# step is that of the truth, $\mathrm{Cov}[\bar x_{t-1}|\bar x_t]$. It has two parts: what the
# posterior leaves open, and what $\bar\varepsilon$ is uncertain about,
#
# $$\mathrm{Cov}[\bar x_{t-1}|\bar x_t]=\tilde\beta_tI+\frac{\beta_t^2}{\alpha_t(1-A_t)}
# \mathrm{Cov}[\bar\varepsilon|\bar x_t]\qquad\text{(S-SIGMA)}$$
#
# and the second is known from the network's own Jacobian:
# $\mathrm{Cov}[\bar\varepsilon|\bar x_t]=I-\sqrt{1-A_t}\,\partial\varepsilon/\partial\bar x_t$
# (Bao et al. 2022). The moons are a mixture of Gaussians, so all of it can be computed.
#
# What does a choice lose, in nats over the entropy? The bound minus the entropy is a KL between two
# laws of the whole path, and so a sum of one KL a step,
# $\mathrm{KL}\big(q(\bar x_{t-1}|\bar x_t)\,\|\,\mathcal N(\mu,\Sigma)\big)$, and each of them
# can be measured (`nats_lost`). **Predict**: how many steps does $\beta_t$ need to lose as little
# as the best matrix does in 10?

# %%
print(inspect.getsource(noise_covariance).split('"""')[2])
lost = {}
for T in (5, 10, 20, 40):
    moon = IdealNoise.init(cosine_schedule(T), *mixture())
    lost[T] = nats_lost(moon, rng=np.random.default_rng(T), samples=400)
print(f"{'T':>4}", *(f"{name:>12}" for name in lost[5]))
for T, rows in lost.items():
    print(f"{T:4}", *(f"{value.mean():12.3f}" for value in rows.values()))
    order = ("full", "diagonal", "isotropic", "interpolated", "beta")
    assert all(rows[a].mean() < rows[b].mean() for a, b in pairwise(order))
    error = (rows["full"] - rows["beta"] / 2).std() / 20
    assert (rows["full"] - rows["beta"] / 2).mean() < 3 * error
    assert rows["beta_tilde"].mean() > 1

# %% jupyter={"source_hidden": true}
shown = ("beta", "interpolated", "isotropic", "diagonal", "full")
mg.plot.lines(
    {name: (list(lost), [rows[name].mean() for rows in lost.values()]) for name in shown}, log="xy",
    xlabel="steps T", ylabel="nats lost over the truth",
    title="What the covariance of a step is worth",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Both axes are logarithmic; the truth is far below the picture, at 0 nats. The
# mean is the exact one everywhere, only the covariance differs. A whole matrix for each point
# ("full") loses about a quarter of what $\beta_t$ loses at $T=10$, and in 10 steps what
# $\beta_t$ loses in 50. What is left is that the true step is no Gaussian: with few steps it may
# lead to either moon. $\tilde\beta_t$ is not drawn: it loses more than one nat at every $T$, nearly
# all in the last step. The same up to $T=200$, on digits, and for a trained network:
# [as measured](../docs/open.md#sigma).
#
# A network has no oracle, but the diagonal can be *learned*: one backward pass with random signs
# $v$ gives $v\odot(v-\sqrt{1-A_t}\,(\partial\varepsilon/\partial\bar x_t)^Tv)$, whose mean is the
# diagonal (Ou et al. 2025). `with_covariance` puts a second network beside the trained one.

# %%
trained = models["diffusion, predicts v"]
wider = mg.diffusion.with_covariance(trained, hidden=64, rng=rng)
mg.fit(wider, moons, steps=1000, lr=3e-3, rng=rng, progress=False)
x = moons.sample(4000, rng=rng)
plain, better = (m.elbo(x, rng=np.random.default_rng(3)) for m in (trained, wider))
print(f"bound with beta           {plain.total:.3f} +- {plain.error:.3f} nats")
print(f"bound with the learned one {better.total:.3f} +- {better.error:.3f} nats")
assert better.total < plain.total + 2 * np.hypot(plain.error, better.error)

# %% [markdown]
# ## Exercises
#
# **1.** (easy) The velocity of the straight path as a function of the *score* $\nabla\log q$ and of
# $\bar x_t$: fill in the two coefficients as functions of signal $a=\sqrt{A_t}$ and noise
# $b=\sqrt{1-A_t}$, and run the check below.


# %%
def coefficients(a, b):
    """(p, q) of velocity = p xt + q score."""
    return None, None  # your answer


# %%
a, b = np.sqrt(schedule.alpha_bar[t])[:, None], np.sqrt(schedule.one_minus_alpha_bar[t])[:, None]
score = -eps / b
p, q = coefficients(a, b)
if p is None or q is None:
    print("Fill in the cell above and run both again.")
else:
    right = np.allclose(p * xt + q * score, velocity)
    print("right" if right else "not yet: compare with eps - x0")

# %% [markdown]
# <details><summary>Answer</summary>
#
# $\bar\varepsilon=-b\,\text{score}$ and $\bar x_0=(\bar x_t-b\bar\varepsilon)/a$. So
# $\bar\varepsilon-\bar x_0=-\bar x_t/a-(b+b^2/a)\,\text{score}$:
#
# ```python
# def coefficients(a, b):
#     return -1 / a, -b - b**2 / a
# ```
# </details>
#
# **2.** (medium) Why does halving the steps of Euler's method halve the error, although each step's
# own error shrinks to a quarter? Write the answer as two numbers: the power of the step $h$ in the
# error of *one* step, and the power of $h$ in the number of steps.

# %%
own_error, count = None, None  # your answer: the powers of h


# %%
def one_step(h):
    """The error of one step of Euler's method for dy/ds = y, from y = 1."""
    return np.exp(h) - (1 + h)


h = 1e-3
measured = round(np.log2(one_step(h) / one_step(h / 2))), round(np.log2((1 / h) / (2 / h)))
if own_error is None or count is None:
    print("Fill in the cell above and run both again.")
else:
    print("right" if (own_error, count) == measured else "not yet: how many steps are there?")

# %% [markdown]
# <details><summary>Answer</summary>
#
# One step errs by $h^2$ (the slope changes by $O(h)$ along it), and there are $1/h$ steps, so
# together $h^2\cdot h^{-1}=h$:
#
# ```python
# own_error, count = 2, -1
# ```
# </details>
#
# **3.** (hard, on paper) For data $\mathcal N(0,sI)$ show that
# $\mathbb E|\bar\varepsilon-\mathbb E[\bar\varepsilon|\bar x]|^2=D\,s/(s+r^2)$ and integrate over
# $u=\log r$. What is the integral of S-INF for one-dimensional data of variance $s=1$, between
# $r=0.1$ and $r=10$?

# %%
nats = None  # your answer

# %%
width = np.log(10) - np.log(0.1)
middles = np.exp(np.log(0.1) + width * (np.arange(10_000) + 0.5) / 10_000)
integral = width * np.mean(1 / (1 + middles**2))  # of s / (s + r^2) at s = 1
if nats is None:
    print("Fill in the cell above and run both again.")
else:
    close = abs(nats - integral) < 1e-4
    print("right" if close else "not yet: differentiate log r - log(s + r^2) / 2")

# %% [markdown]
# <details><summary>Answer</summary>
#
# $\mathrm{Var}[\varepsilon|x]=1-(1-A)/(As+1-A)=s/(s+r^2)$, and
# $\int\frac{s}{s+r^2}d\log r=\log r-\frac12\log(s+r^2)$. Between the two ends with $s=1$ this is
# $\log100-\frac12\log\frac{1+10^2}{1+0.1^2}=\log 10$:
#
# ```python
# nats = np.log(10)
# ```
# </details>
#
# ## With your own code
#
# The homework `diffusion` asks for the forward process and the step back. When `minigen homework
# check diffusion.py` says that they are right, `minigen homework milestone diffusion.py` trains a
# network on the moons with *your* functions and samples it; the picture says whose code it was.
#
# ## What to read next
#
# * Kingma, Salimans, Poole and Ho, [*Variational diffusion
#   models*](https://arxiv.org/abs/2107.00630) (2021): the integral, and the learned schedule.
# * Lipman et al., [*Flow matching for generative modeling*](https://arxiv.org/abs/2210.02747)
#   (2023).
# * Lu et al., [*DPM-Solver++*](https://arxiv.org/abs/2211.01095) (2022).
# * Bao et al., [*Analytic-DPM*](https://arxiv.org/abs/2201.06503) (2022), and Ou et al.,
#   [*Improving diffusion models with optimal covariance
#   matching*](https://arxiv.org/abs/2406.10808) (2025).
#
# The code of this page: [`clock.py`](../minigen/diffusion/clock.py),
# [`flow_matching.py`](../minigen/diffusion/flow_matching.py),
# [`solvers.py`](../minigen/diffusion/solvers.py) and
# [`covariance.py`](../minigen/diffusion/covariance.py). Homework: `minigen homework start
# diffusion`. Back to [tutorial 06](06_diffusion_digits.ipynb), where the digits wait. The cell
# below runs the equations of this page as the package states them.

# %%
for row in mg.derivations.run(["S-CLOCK", "S-INF", "S-SIGMA"], quick=True):
    print(f"{row.entry.id:8} correct form {row.correct:.0e}, gradient {row.gradient:.0e}")
    assert row.ok
