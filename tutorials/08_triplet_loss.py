# %% [markdown]
# # 08 The triplet loss: a distance that is learned, and how it collapses
#
# **Question.** Two images of a 4 can be far apart, pixel by pixel, and a 4 can be near a 9. Can a
# network learn a distance in which like lies near like? Nobody tells it where anything belongs,
# only *which of two is more alike*. What goes wrong when everything may move?
#
# **You need** tutorial [00](00_contract.ipynb) (how a gradient is checked). **Time** about 45
# minutes. **Homework** of this chapter: `minigen homework start triplet`. **Equations**
# [TRI-1](../docs/notes.md#TRI-1), and [S-NCE](../docs/notes.md#S-NCE), which the notes do not
# print.

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
from minigen.metric import (
    MINING,
    PCA,
    Balanced,
    InfoNCE,
    MinedTriplets,
    Normalize,
    RandomAffine,
    TripletLoss,
    collapse,
    embedding,
    nearest,
    recall,
    triplets,
)
from minigen.plot import LINES

rng = np.random.default_rng(0)
digits = mg.data.digits("small")
train, held, test = (
    (part.x / np.float32(16), part.y) for part in (digits.train, digits.validation, digits.test)
)

# %% [markdown]
# ## Why a distance?
#
# Who has a distance in which near means alike needs no classifier. A face in a crowd is found by
# its nearest neighbour in a list of faces, also one that was added to the list this morning; a hum
# is found among songs, a new molecule beside known ones. All of these programs turn what they see
# into a few numbers, an **embedding**, and look for near ones. Labels for millions of classes do
# not exist, and are not needed: it is enough to know of *three* things which two belong together.
# Here is such a search, with nothing learned yet: near means that the pixels are alike.

# %% jupyter={"source_hidden": true}
first = [int(np.flatnonzero(test[1] == k)[0]) for k in (0, 2, 4, 5, 8)]
close = nearest(test[0], 5, queries=first)
alike = int((test[1][close] == test[1][first][:, None]).sum())
print(f"{alike} of {close.size} are the same digit as what was looked for")
mg.plot.neighbours(test[0][first], test[0][close], top=1)

# %% [markdown]
# **How to read it.** On the left five digits that are looked for, beside each the five nearest of
# the other test images, by the distance of their pixels. How many are the same digit is printed
# above.
#
# ## 1. What is wrong with the distance of pixels
#
# Not much, on these digits. For each of the 447 test images, take the nearest other test image. How
# often has it the same label? This share is called **recall@1**.

# %%
found = nearest(test[0], 5)
wrong = np.flatnonzero(test[1][found[:, 0]] != test[1])
print(f"recall@1 of pixels {recall(*test)[1]:.3f}: {len(wrong)} of {len(test[1])} are wrong")
assert np.isclose(recall(*test)[1], 1 - len(wrong) / len(test[1]))
labels = np.column_stack([test[1][wrong], test[1][found[wrong]]])
mg.plot.neighbours(test[0][wrong], test[0][found[wrong]], labels, top=1)

# %% [markdown]
# **How to read it.** Each row is a query whose nearest neighbour has another label; the small
# numbers are the labels. A pixel distance counts ink that does not overlap. A stroke that is moved
# by one pixel counts in full; a small gap that turns one digit into another hardly counts.
#
# Take the first row as three images. The query is the **anchor** $a$. An image of the same class is
# a **positive** $p$, one of another class a **negative** $n$.

# %%
anchor = wrong[0]
rivals = found[anchor]
negative = rivals[0]
positive = next(
    k for k in nearest(test[0], 446, queries=[anchor])[0] if test[1][k] == test[1][anchor]
)
a, p, n = (test[0][[k]].astype(np.float64) for k in (anchor, positive, negative))
to_p, to_n = ((a - p) ** 2).sum(), ((a - n) ** 2).sum()
print(f"|a - p|^2 = {to_p:.2f},  |a - n|^2 = {to_n:.2f}: the negative is nearer")
assert to_n < to_p

# %% [markdown]
# ## 2. The loss
#
# The notes have only a heading, "Triplet loss", over an empty page. What belongs there is the loss
# of FaceNet (Schroff, Kalenichenko and Philbin 2015). The anchor shall be nearer to the positive
# than to the negative, by a **margin** $m$:
#
# $$L=\sum_{i=1}^{N}\Big[\underbrace{\|a_i-p_i\|^2-\|a_i-n_i\|^2+m}_{u_i}\Big]_+,\qquad
# a=f(x^a),\ p=f(x^p),\ n=f(x^n),\ \|f\|=1\ \text{(TRI-1)}$$
#
# $[u]_+=\max(u,0)$. A triplet that keeps the margin costs nothing: it is **inactive**. The code
# ([`metric/triplet.py`](../minigen/metric/triplet.py)) takes the mean over the triplets;
# `reduce="sum"` gives the sum.

# %% jupyter={"source_hidden": true}
one, two = r"$\|a-p\|^2$", r"$\|a-n\|^2$"
mg.plot.diagram(
    {"anchor": (0, 2), "positive": (0, 1), "negative": (0, 0), "f": (1.5, 2), "f ": (1.5, 1),
     "f  ": (1.5, 0), "a": (2.7, 2), "p": (2.7, 1), "n": (2.7, 0), one: (4.4, 1.6), two: (4.4, 0.4),
     "u": (6, 1), "$[u]_+$": (7.4, 1)},
    [("anchor", "f"), ("positive", "f "), ("negative", "f  "), ("f", "a"), ("f ", "p"),
     ("f  ", "n"), ("a", one), ("p", one), ("a", two), ("n", two), (one, "u", "+"),
     (two, "u", "$-$"), ("u", "$[u]_+$")],
    back=[("$[u]_+$", "u", "w"), (one, "a", "2 (a-p)"), (two, "a")],
    boxes=["f", "f ", "f  "], accent=["a"], title="One network three times, and one loss",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Three images go through *the same* network $f$ and meet in two distances,
# whose difference is $u$ (but for the margin). The anchor $a$ (blue) stands in both distances, so
# its gradient (dashed) comes back on two paths.

# %%
print(inspect.getsource(TripletLoss.forward))
print(inspect.getsource(TripletLoss.cost))
print(inspect.getsource(TripletLoss.distances))

# %%
loss = TripletLoss(margin=0.2)
value, _ = loss.forward(a, p, n)
print(f"our triplet costs {to_p:.2f} - {to_n:.2f} + 0.2 = {value:.2f}")
print(f"with p and n exchanged it costs {loss.forward(a, n, p)[0]:.2f}")
assert digits.test.x.shape[1] == 64 and len(test[1]) == 447
assert np.isclose(value, to_p - to_n + 0.2)
assert np.isclose(loss.forward(a, n, p)[0], max(to_n - to_p + 0.2, 0))

# %% [markdown]
# ## 3. The backward pass, line by line
#
# Go through `forward` from its last line to its first. $w$ is the slope of the hinge: 1 for $u>0$,
# else 0.
#
# | forward line | path | backward line |
# |---|---|---|
# | $L=\frac1N\sum_i[u_i]_+$ | $u\to L$ | $du=w\,dL/N$ |
# | $u=\lVert a-p\rVert^2-\lVert a-n\rVert^2+m$ | $p\to u$ | $dp=-2\,du\,(a-p)$ |
# | | $n\to u$ | $dn=+2\,du\,(a-n)$ |
# | | $a\to u$, **two** paths | $da=2\,du\,(a-p)-2\,du\,(a-n)=-dp-dn$ |
#
# In $da$ the anchor itself cancels: $da=2\,du\,(n-p)$. The anchor is moved along the line from the
# negative to the positive, wherever it stands. And always $da+dp+dn=0$: moving all three together
# changes no distance.

# %%
print(inspect.getsource(TripletLoss.backward))

# %% [markdown]
# `slope_p` is the 2 of the square; for the Euclidean distance $\lVert a-p\rVert$ it is
# $1/\lVert a-p\rVert$. Now the check. The batch has active and inactive triplets.

# %%
a, p, n = rng.standard_normal((3, 12, 4))
u = ((a - p) ** 2).sum(axis=1) - ((a - n) ** 2).sum(axis=1) + 0.2
report = mg.check.gradients(loss, a, p, n, rng=rng)
assert report
print(report)

da, dp, dn, _ = loss.backward(1.0, loss.forward(a, p, n)[1])
print(f"{np.sum(u > 0)} of {len(u)} triplets are active")
print(f"largest entry of da + dp + dn: {np.abs(da + dp + dn).max():.1e}")
assert 0 < np.sum(u > 0) < len(u)
assert not np.any([d[u <= 0] for d in (da, dp, dn)])  # inactive: exactly 0
assert np.abs(da + dp + dn).max() < 1e-15
assert np.allclose(da, 2 * (u > 0)[:, None] * (n - p) / len(u), rtol=1e-12, atol=1e-15)

# %% [markdown]
# ## 4. The kinks
#
# At $u=0$ the hinge has no derivative. The slope from the left is 0, from the right 1; the code
# chooses 0. The Euclidean distance has a second kink, at distance 0, and there it chooses 0 as
# well. Let us walk a negative along a line, with $a=0$ and $p=1$, and look.


# %%
ends = []
for free in (TripletLoss(0.2), TripletLoss(0.2, "euclidean")):
    away = np.linspace(0, 2, 2001)
    costs = np.array([free.forward(*np.array([[[0.0]], [[1.0]], [[x]]]))[0] for x in away])
    ends.append(away[np.argmax(costs < 1e-9)])
    print(f"costs nothing from n = {ends[-1]:.3f} on")
assert np.allclose(ends, [np.sqrt(1.2), 1.2], atol=2e-3)


# %% jupyter={"source_hidden": true}
def walk(losses, places):
    """The loss and its slope for a = 0, p = 1 and n at each of the places."""
    figure = mg.plot.Picture(figsize=(7.6, 3.1), layout="constrained")
    left, right = figure.subplots(1, 2)
    one = np.ones((1, 1))
    for (name, loss), color in zip(losses.items(), LINES, strict=False):
        runs = [loss.forward(0 * one, one, x * one) for x in places]
        slopes = [loss.backward(1.0, cache)[2][0, 0] for _, cache in runs]
        left.plot(places, [value for value, _ in runs], color=color, label=name)
        right.plot(places, slopes, ".", markersize=2, color=color)
    left.set_title("loss", fontsize=9, loc="left")
    right.set_title("dn, its slope", fontsize=9, loc="left")
    for ax in (left, right):
        ax.set_xlabel("place of n (a = 0, p = 1)", fontsize=9)
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, fontsize=8, ncols=3, loc="outside lower center")
    return figure


walk(
    {
        "squared, m = 0.2": TripletLoss(0.2),
        "Euclidean, m = 0.2": TripletLoss(0.2, "euclidean"),
        "squared, soft margin": TripletLoss("soft"),
    },
    np.linspace(-2, 2, 401),
)

# %% [markdown]
# **How to read it.** Two panels: what a triplet costs when its negative stands at each place of a
# line, and the slope of that. Left: once $n$ is farther than the printed places (blue: the squared
# distance; orange: the Euclidean one), the triplet keeps the margin and costs nothing. Right: where
# the curve on the left has a corner, the slope jumps. The blue slope goes through 0 at the anchor:
# a negative that lies *exactly on* the anchor is not pushed at all by the squared distance, and a
# near one hardly. Remember this for section 8. The Euclidean slope (orange) keeps its size until
# the end and jumps from one sign to the other. The soft margin (green), $\log(1+e^u)$, has no
# corner and never lets go completely.
#
# What does a checker say *at* a kink? Here $\|a-p\|^2=1$, $\|a-n\|^2=1.5^2$ and $m=1.25$, so $u$ is
# exactly 0.

# %%
at_a, at_p, at_n = np.array([[0.0, 0.0]]), np.array([[0.0, 1.0]]), np.array([[1.5, 0.0]])
report = mg.check.gradients(TripletLoss(1.25), at_a, at_p, at_n, rng=rng)
assert not report and {row.state for row in report.failures} == {"inconclusive"}
print(report)

# %% [markdown]
# **Inconclusive**, not wrong. There is no derivative, so no reference can say what it is. In
# training the point $u=0$ is hit with probability 0; in a check, keep away from it.
#
# ## 5. The unit sphere
#
# Without $\|f\|=1$ a network can keep any margin by making everything larger. FaceNet divides each
# embedding by its length: $y=h/\|h\|$. The backward pass has **two** paths again, through the
# numerator and through the length:
#
# | forward line | path | backward line |
# |---|---|---|
# | $y=h/\ell$ | $h\to y$ | $dh=dy/\ell$ |
# | | $\ell\to y$ | $d\ell=-\langle dy,h\rangle/\ell^2=-\langle dy,y\rangle/\ell$ |
# | $\ell=\lVert h\rVert$ | $h\to\ell$ | $dh \mathrel{+}= d\ell\,h/\ell=d\ell\,y$ |
#
# Together $dh=(dy-y\langle y,dy\rangle)/\ell$: the part of $dy$ along $y$ is taken out. So $dh$ is
# at right angles to $h$. Of course: making $h$ longer does not change $y$.

# %%
print(inspect.getsource(Normalize.backward))
h = rng.standard_normal((6, 4))
report = mg.check.gradients(Normalize(), h, rng=rng)
assert report
print(report)
y, cache = Normalize().forward(h)
dh, _ = Normalize().backward(rng.standard_normal(h.shape), cache)
print(f"<h, dh> = {np.abs((h * dh).sum(axis=1)).max():.1e}")
assert np.abs((h * dh).sum(axis=1)).max() < 1e-14

# %% [markdown]
# ## 6. Break it
#
# Four mistakes that people make. The last one hides in a line of NumPy: in a batch one image is the
# anchor of one triplet and the negative of another, so its gradients must be **added** up. But
# `de[rows] += d` adds only one of them where a row occurs twice.


# %%
class OnePath(TripletLoss):
    """The anchor sees its positive only: the path a -> |a - n|^2 is forgotten."""

    def backward(self, dloss, cache):
        _, dp, dn, grads = super().backward(dloss, cache)
        return -dp, dp, dn, grads


class NoGate(TripletLoss):
    """Forgets w: inactive triplets push too."""

    def backward(self, dloss, cache):
        *rest, w = cache
        return super().backward(dloss, (*rest, np.ones_like(w)))


class NoLength(Normalize):
    """Forgets the path through the length."""

    def backward(self, dy, cache):
        _, scale, length = cache
        return dy / length / scale, {}


class LostRows(MinedTriplets):
    """Adds up with `de[rows] += d`."""

    def backward(self, dloss, cache):
        rows_of_e, rows, triplet_cache = cache
        *drows, grads = self.triplet.backward(dloss, triplet_cache)
        de = np.zeros((rows_of_e, drows[0].shape[1]))
        for d, r in zip(drows, rows, strict=True):
            de[r] += d
        return de, {"triplet": grads}


for Broken in (OnePath, NoGate):
    report = mg.check.gradients(Broken(0.2), a, p, n, rng=rng)
    assert not report
    print(report, end="\n\n")

# %% [markdown]
# **How to read a report.** One row for each array; below, the worst entry of each with its index,
# and what the checker makes of it. In the first report `dp` and `dn` are right and only `da` is
# wrong, in the rows of the active triplets. The second says "not 0 where the right gradient
# is 0: is a mask missing?". Just so: $w$ is the mask. Now the other two.

# %%
classes = np.arange(12) % 3
for broken, right, given in [
    (NoLength(), Normalize(), {}),
    (LostRows(), MinedTriplets(), {"labels": classes}),
]:
    report = mg.check.gradients(broken, a, given=given, rng=rng)
    assert not report and mg.check.gradients(right, a, given=given, rng=rng)
    print(report, end="\n\n")
chosen = triplets(a, classes, "batch_hard")
print("negatives chosen by the 12 anchors:", chosen[2])
assert len(set(chosen[2])) < len(chosen[2])

# %% [markdown]
# The last line shows why: several anchors chose the same negative. Its gradient is the sum of
# several, and all but one were lost.
#
# ## 7. Which triplets?
#
# A batch with 10 classes of 16 images has $160\cdot15\cdot144$ triplets. Most soon keep the margin
# and teach nothing. **Mining** chooses (**predict, then run**: how many triplets are left by each
# of the three?):
#
# | mining | for | takes |
# |---|---|---|
# | batch all | every $a,p,n$ | all of them |
# | batch hard | each $a$ | the farthest $p$ and the nearest $n$ (Hermans et al. 2017) |
# | semi-hard | each $a,p$ | the nearest $n$ *that is farther than $p$* (Schroff et al. 2015) |
#
# The choice of rows jumps when two distances change places; between jumps it is constant. So no
# gradient passes through it, and the backward pass only adds up rows.

# %%
print(inspect.getsource(MinedTriplets.forward))
print(inspect.getsource(MinedTriplets.backward))

# %%
sampler = Balanced(*train, per_class=16, augment=RandomAffine(8))
batch = sampler.sample(160, rng=rng)
fresh = embedding(64, 16, normalize=False, rng=rng)
e = fresh.embed(batch[0])
for mining in MINING:
    i, j, k = triplets(e, batch[1], mining)
    print(f"{mining:10} {len(i):7,} triplets")
    assert np.all(batch[1][i] == batch[1][j]) and np.all(batch[1][i] != batch[1][k])
    assert np.all(i != j)
    if mining == "batch_all":
        assert len(i) == 160 * 15 * 144


# %% jupyter={"source_hidden": true}
def zones(m=0.5):
    """One anchor, one positive, many negatives, and the step of descent of each."""
    rng = np.random.default_rng(4)
    anchor, positive = np.zeros((1, 2)), np.array([[0.75, 0.45]])
    others = rng.uniform(-1.6, 1.6, (90, 2))
    inner = np.sqrt((positive**2).sum())
    outer = np.sqrt(inner**2 + m)
    a, p = np.repeat(anchor, 90, axis=0), np.repeat(positive, 90, axis=0)
    loss = TripletLoss(m, reduce="sum")
    dn = loss.backward(1.0, loss.forward(a, p, others)[1])[2]
    far = np.sqrt((others**2).sum(axis=1))
    figure = mg.plot.Picture(figsize=(5.4, 4.6), layout="constrained")
    ax = figure.subplots()
    for name, here, color in [
        ("hard", far <= inner, LINES[1]),
        ("semi-hard", (far > inner) & (far < outer), LINES[0]),
        ("easy: inactive", far >= outer, "#aaaaaa"),
    ]:
        ax.plot(*others[here].T, "o", color=color, markersize=4, label=f"negative, {name}")
    ax.quiver(*others.T, *(-0.15 * dn).T, angles="xy", scale_units="xy", scale=1, width=0.004)
    for radius in (inner, outer):
        angle = np.linspace(0, 2 * np.pi, 200)
        ax.plot(radius * np.cos(angle), radius * np.sin(angle), color="#888888", linewidth=1)
    ax.plot(*anchor[0], "*", color="black", markersize=13, label="anchor")
    ax.plot(*positive[0], "P", color=LINES[2], markersize=10, label="positive")
    ax.set(aspect="equal", xticks=[], yticks=[], xlim=(-1.9, 1.9), ylim=(-1.9, 1.9))
    ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


zones()

# %% [markdown]
# **How to read it.** The inner circle goes through the positive; the outer one is farther by the
# margin (in squared distance). Arrows show where a step of descent moves each negative: straight
# away from the anchor, and the *farther* it is, the longer the arrow. That is the 2 of the square:
# $-dn=2(n-a)$. The negatives next to the anchor, the worst ones, have the shortest arrows. Beyond
# the outer circle nothing moves.
#
# ## 8. Collapse, seen and cured
#
# There is a cheap way out: map **everything to one point**. Then $d(a,p)=d(a,n)=0$ and each triplet
# costs exactly $m$. That is a bad loss, but a network whose loss is above $m$ gets there by going
# *downhill*. And once it is there, it stays: all differences are 0, so all gradients are 0.
#
# When does it go there? Shrink all embeddings by a factor $c$. The distances $d$ are squared, so
# they shrink by $c^2$. Order does not change, so mining chooses the same triplets:
#
# $$L(c)=\operatorname{mean}\big[c^2\,(d_{ap}-d_{an})+m\big]_+\qquad
# \frac{dL}{dc}=2c\cdot\operatorname{mean}(d_{ap}-d_{an})\ \text{ while all are active}$$
#
# Near $c=0$ all are active. The sign of $\Delta=\operatorname{mean}(d_{ap}-d_{an})$ over the mined
# triplets decides: if it is positive, shrinking pays. Let us look at an untrained network.


# %%
def scaled_losses(e, labels, scales, m=0.2):
    """For each way of mining: the loss of c e as a function of c."""
    found = {}
    for mining in ("batch_hard", "semi_hard", "batch_all"):
        i, j, k = triplets(e, labels, mining)
        delta = ((e[i] - e[j]) ** 2).sum(axis=1) - ((e[i] - e[k]) ** 2).sum(axis=1)
        print(f"{mining:10} Delta = {delta.mean():+.3f}")
        found[mining] = delta.mean(), [np.maximum(c**2 * delta + m, 0).mean() for c in scales]
    return found


scales = np.linspace(0, 1.2, 61)
shrinking = scaled_losses(e, batch[1], scales)
assert shrinking["batch_hard"][0] > 0 > max(shrinking[m][0] for m in ("semi_hard", "batch_all"))


# %% jupyter={"source_hidden": true}
def curves(named, xlabel, panels, floor=0.2):
    """A panel for each title, in it a curve for each name, on a logarithmic axis."""
    figure = mg.plot.Picture(figsize=(4 * len(panels) + 1.4, 3.2), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for k, (ax, title) in enumerate(zip(axes, panels, strict=True)):
        for (name, (x, *columns)), color in zip(named.items(), LINES, strict=False):
            ax.semilogy(x, columns[k], color=color, linewidth=1.4, label=name)
        ax.set_title(title, fontsize=9, loc="left")
        ax.set_xlabel(xlabel, fontsize=9)
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].axhline(floor, color="black", linestyle="--", linewidth=1)
    axes[-1].legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


named = {mining: (scales, curve) for mining, (_, curve) in shrinking.items()}
curves(named, "scale c of all embeddings", ["loss (dashed: the margin)"])

# %% [markdown]
# **How to read it.** Three curves of the loss against the scale $c$. All leave $c=0$, the collapse,
# at the height $m=0.2$ (dashed). An untrained network stands at $c=1$ and goes downhill. On the
# curve of batch-hard (blue) this leads all the way to $c=0$: the collapse is the *bottom*. For the
# other two it is a *top*: near 0 their curves fall to the right, and nobody who goes downhill ends
# there. The reason is the choice of triplets. The farthest positive is farther than the nearest
# negative in nearly any network that has not learned anything. In semi-hard mining each single
# $d_{ap}-d_{an}$ is negative, because the negative is chosen to be *farther* than the positive. And
# on average over all triplets (batch-all) like is a little nearer than unlike, even to an untrained
# network.
#
# **Predict, then run.** Which of the runs below collapse? The fourth one takes the Euclidean
# distance, without the sphere. Its $\Delta$ is positive too, but its push does not fade with the
# distance (section 4).

# %%
kinds = {
    "batch-hard": {"mining": "batch_hard"},
    "semi-hard": {"mining": "semi_hard"},
    "batch-all": {"mining": "batch_all"},
    "batch-hard, Euclidean": {
        "mining": "batch_hard",
        "distance": "euclidean",
        "normalize": False,
    },
}
few = held[0][:100], held[1][:100]
nets, runs = {}, {}
for name, options in kinds.items():
    nets[name] = embedding(64, 16, rng=np.random.default_rng(1), **options)
    runs[name] = mg.fit(
        nets[name], sampler, steps=200, batch=160, lr=1e-3, validation=few,
        rng=np.random.default_rng(2), progress=False,
    )  # fmt: skip
reports = {name: collapse(run, nets[name]) for name, run in runs.items()}
for name, report in reports.items():
    print(f"{name}: {report}\n")
assert [bool(report) for report in reports.values()] == [True, False, False, False]

# %% jupyter={"source_hidden": true}
named = {
    name: (np.arange(1, 201), run.history["loss"], run.history["spread"])
    for name, run in runs.items()
}
curves(named, "step", ["loss (dashed: the margin)", "spread of the embeddings"])

# %% [markdown]
# **How to read it.** Loss and spread of four runs. The blue loss (batch-hard) falls fast, and then
# it stops on the dashed line. That is the signature: a loss that stops at $m$. Its spread, on the
# right, has fallen to a small part of what it was. The spread of semi-hard and batch-all grows. The
# Euclidean run shrinks too, as its positive $\Delta$ says, but more slowly and not to a point: near
# neighbours are still pushed at full strength. It is saved from collapse, not from a slow start.
#
# Collapse is not certain. Without `RandomAffine` the hardest triplets are less hard. With larger
# steps, batch-hard still dives to the margin, but then its spread begins to grow again, slowly:

# %%
plain = Balanced(*train, per_class=16)
again = embedding(64, 16, mining="batch_hard", rng=np.random.default_rng(1))
run = mg.fit(
    again, plain, steps=400, batch=160, lr=3e-3, validation=few,
    rng=np.random.default_rng(2), progress=False,
)  # fmt: skip
spread = run.history["spread"]
print(
    f"spread {spread[0]:.3f} at the start, {min(spread):.3f} at step {np.argmin(spread)},", end=" "
)
print(f"{spread[-1]:.3f} at the end")
assert min(spread) < 0.1 * spread[0] and spread[-1] > 1.1 * min(spread)

# %% [markdown]
# **Predict, then run.** Would recall have told us? It looks at the *order* of distances only, not
# at their size.

# %%
for name, net in nets.items():
    e_test = net.embed(test[0])
    print(f"{name:22} recall@1 {recall(e_test, test[1])[1]:.3f}", end="  ")
    print(f"spread {np.sqrt(e_test.var(axis=0).sum()):.3f}")
at = {name: recall(net.embed(test[0]), test[1])[1] for name, net in nets.items()}
assert at["batch-hard"] < 0.9 < min(at["semi-hard"], at["batch-all"])

# %% [markdown]
# The collapsed network still finds most digits. The order in the tiny cloud is left over from the
# images. But it is far worse than pixels, and nothing is being learned any more. `collapse(run,
# net)` reads the two curves, not the recall, and says what to do.
#
# ## 9. An embedding of the digits
#
# 64 pixels, two hidden layers, 16 numbers on the unit sphere, semi-hard mining. Each batch has all
# ten classes, and each image is turned, stretched and shifted a little (`RandomAffine`): copies
# that a person would give the same label.

# %%
net = embedding(64, 16, rng=rng)
run = mg.fit(net, sampler, steps=600, batch=160, validation=held, rng=rng, progress=False)
pca = PCA.of(train[0], 16)
fixed = {
    "pixels": recall(*test),
    "PCA-16": recall(pca.embed(test[0]), test[1]),
    "triplet": recall(net.embed(test[0]), test[1]),
}
for name, r in fixed.items():
    print(f"{name:8} recall@1 {r[1]:.3f}  recall@5 {r[5]:.3f}")
assert fixed["triplet"][1] > 0.96 and not collapse(run, net)

# %% [markdown]
# Be honest with this table. The first row was high to begin with. One test image is worth $1/447$,
# so differences of a few images say nothing, and they change sign with the seed. Recall@5 of pixels
# is hard to beat: it asks for *one* good neighbour among five.
#
# There is another reason. This split keeps the order of the file: training images first, test
# images last. The images are by 13 writers, and the file does not say who wrote which. But it
# leaves a trace: how far from an image, counted in rows of the file, is its nearest neighbour?

# %%
everything = [np.concatenate(parts) for parts in zip(train, held, test, strict=True)]
rows = np.arange(1797)
away = np.abs(nearest(everything[0], 1)[:, 0] - rows)
chance = np.mean(np.abs(rows[:, None] - rows) <= 100)
assert len(everything[0]) == len(rows)
print(f"nearest neighbour within 100 rows: {np.mean(away <= 100):.2f}, by chance {chance:.2f}")
assert np.mean(away <= 100) > 2 * chance

# %% [markdown]
# Much more often than by chance it stands close by: rows near each other look like one hand. So
# many test images are by hands that the network has hardly seen. Shuffle all 1797 images, so that
# each hand is on both sides, and average over three shuffles:


# %%
def shuffled(seed, steps=350):
    """recall@1 of pixels, PCA-16 and the triplet loss on a random split."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(1797)
    (x, y), (x_new, y_new) = (
        [part[rows] for part in everything] for rows in np.split(order, [1350])
    )
    net = embedding(64, 16, rng=rng)
    few = x[:200], y[:200]
    data = Balanced(x, y, 16, RandomAffine(8))
    mg.fit(net, data, steps=steps, batch=160, validation=few, rng=rng, progress=False)
    views = x_new, PCA.of(x, 16).embed(x_new), net.embed(x_new)
    return [recall(view, y_new)[1] for view in views]


table = np.array([shuffled(seed) for seed in range(3)])
for name, column in zip(("pixels", "PCA-16", "triplet"), table.T, strict=True):
    print(f"{name:8} recall@1 {column.round(3)}  mean {column.mean():.3f}")
means = table.mean(axis=0)
share = (1 - means[2]) / (1 - max(means[:2]))
print(f"the triplet loss leaves {100 * share:.0f} % of the mistakes of the better of the others")
assert share < 0.75

# %% [markdown]
# On digits by hands it has seen, the learned distance wins: it leaves about half of the mistakes
# (a few tens of images in all, so the share is rough). This is the ordinary situation of metric
# learning, and its limit: what is learned is a distance *for data like those it has seen*.
#
# Now look at neighbours. The same queries as in section 1, the ones that pixels get wrong:

# %%
e_test = net.embed(test[0])
near = nearest(e_test, 5, queries=wrong)
labels = np.column_stack([test[1][wrong], test[1][near]])
repaired = (test[1][near[:, 0]] == test[1][wrong]).sum()
total = (test[1][nearest(e_test, 1)[:, 0]] != test[1]).sum()
print(f"of {len(wrong)} that pixels get wrong, the embedding gets {repaired} right;", end=" ")
print(f"it gets {total - (len(wrong) - repaired)} wrong that pixels get right")
assert repaired >= 3

# %%
mg.plot.neighbours(test[0][wrong], test[0][near], labels, top=1)

# %% [markdown]
# **How to read it.** Left the query, to the right its five nearest in the embedding, with labels.
# Where the first label equals the query's, the mistake is repaired. Compare with section 1: the
# neighbours now differ more in *shape* from the query, and less in *kind*. Some of the queries
# would be hard for a person too. The last number printed above is the other side of it: the learned
# distance makes mistakes of its own.
#
# ## 10. A map
#
# With two dimensions the embedding is a picture. On a circle there is no room for ten classes, so
# no normalisation here; and the Euclidean distance, which does not push the classes ever further
# apart.

# %%
flat = embedding(64, 2, normalize=False, distance="euclidean", margin=1.0, rng=rng)
seen = []


def watch(step, run):
    """Where the test digits are, every 40 steps: `fit` calls this after each step."""
    if step in (1, 5, 10, 20) or step % 40 == 0:
        seen.append((step, flat.embed(test[0])))


run = mg.fit(
    flat, sampler, steps=600, batch=160, validation=held, rng=rng, progress=False, callback=watch
)
assert not collapse(run, flat)
two = {"PCA-2": PCA.of(train[0], 2).embed(test[0]), "triplet": flat.embed(test[0])}
for name, places in two.items():
    print(f"{name:8} in two dimensions: recall@1 {recall(places, test[1])[1]:.3f}")
assert recall(two["triplet"], test[1])[1] > recall(two["PCA-2"], test[1])[1] + 0.15


# %% jupyter={"source_hidden": true}
def moving(classes=(0, 1, 4, 9)):
    """Test digits of four classes on the plane, while the network learns."""
    for step, x in seen:
        figure = mg.plot.Picture(figsize=(3.4, 3.4), layout="constrained")
        ax = figure.subplots()
        x = x - np.median(x, axis=0)
        half = 1.1 * np.quantile(np.abs(x), 0.99)
        for kind, color in zip(classes, LINES, strict=False):
            ax.plot(*x[test[1] == kind].T, "o", color=color, markersize=2.5, label=str(kind))
        ax.set(xticks=[], yticks=[], aspect="equal", xlim=(-half, half), ylim=(-half, half))
        ax.set_title(f"step {step}", fontsize=9, loc="left")
        ax.legend(frameon=False, fontsize=8, loc="upper right")
        yield figure


mg.plot.Animation(list(moving()), seconds=0.3)

# %% [markdown]
# **How to read it.** Test images of the classes 0, 1, 4 and 9 on the plane, while the network
# learns (the window grows with them). At the start the colours lie in each other; then each class
# gathers.
#
# And all ten classes at the end, as images:

# %%
mg.plot.embedding(
    two["triplet"], test[0], test[1], heading="Test digits where the network puts them"
)

# %% [markdown]
# **How to read it.** These are test images, which the network has never seen. Each class is a
# patch, named at its median. Look at single images in a patch of another colour: many are written
# in an unusual way. The places of the patches relative to each other mean little: the loss asks
# only that they be apart.

# %%
mg.plot.embedding(two["PCA-2"], test[0], test[1], heading="The same by two principal components")

# %% [markdown]
# **How to read it.** The same images at the two directions of largest variance. PCA does not know
# the labels. Classes run into each other, and the recall printed above is that of a map with
# mixed-up regions.
#
# ## 11. All negatives at once
#
# A triplet compares with one negative, and section 7 had to choose it. Why not all of them? Let the
# soft margin add up the negatives inside its logarithm (Sohn 2016; van den Oord et al. 2018):
#
# $$\ell_{ap}=\log\Big(1+\sum_ke^{(d_{ap}-d_{ak})/\tau}\Big)
# =-\log\frac{e^{-d_{ap}/\tau}}{e^{-d_{ap}/\tau}+\sum_ke^{-d_{ak}/\tau}}\qquad\text{(S-NCE)}$$
#
# It is a softmax: pick the positive out of all candidates. With one negative and $\tau=1$ it is the
# soft margin; for small $\tau$, $\tau\,\ell_{ap}\to\max(0,\ d_{ap}-\min_kd_{ak})$, the hinge of the
# hardest negative. The gradient shares the push out by the softmax's own weights $p_k$:
#
# | forward line | path | backward line |
# |---|---|---|
# | $\ell=\log(1+\sum_ke^{(d_{ap}-d_{ak})/\tau})$ | $d_{ap}\to\ell$ | $dd_{ap}=\sum_kp_k/\tau$ |
# | | $d_{ak}\to\ell$ | $dd_{ak}=-\frac1\tau p_k$ |
# | $d_{ij}=\lvert e_i-e_j\rvert^2$ | $e_i\to d_{ij}$ | $de_i\mathrel{+}=2\,dd_{ij}\,(e_i-e_j)$ |

# %%
print(inspect.getsource(InfoNCE.forward))
print(inspect.getsource(InfoNCE.backward))
few, classes = rng.standard_normal((7, 3)), np.array([0, 0, 0, 1, 1, 2, 2])
criterion = InfoNCE(0.5)
assert mg.check.gradients(criterion, few, given={"labels": classes}, rng=rng)
for tau in (1.0, 0.1, 0.01):
    soft, _ = InfoNCE(tau).forward(few, labels=classes)
    print(f"tau = {tau:4}: tau times the loss = {tau * soft:.3f}")

# %%
nce = embedding(64, 16, rng=rng, temperature=0.1)
mg.fit(nce, sampler, steps=600, batch=160, validation=held, rng=rng, progress=False)
for name, model in (("triplet, semi-hard", net), ("InfoNCE, tau = 0.1", nce)):
    print(f"{name:20} recall@1 {recall(model.embed(test[0]), test[1])[1]:.3f}")
assert recall(nce.embed(test[0]), test[1])[1] > 0.95

# %% [markdown]
# No mining, no collapse: a batch in one point has the loss $\log(1+\text{number of negatives})$,
# and every negative still pushes. The price is a number to choose, $\tau$, in place of the margin.
#
# ## Exercises
#
# **1.** (easy) The **soft margin** is $L=\log(1+e^{u})$ with $u=d(a,p)-d(a,n)$. Only one line of
# section 3 changes: $w$. Write the new $w$, and the number that each triplet costs in a collapsed
# network.


# %%
def slope(u):
    """w = dL/du."""
    return None  # your answer


collapsed = None  # your answer: the loss of a triplet when all embeddings are one point


# %%
a, p, n = rng.standard_normal((3, 12, 4))
soft = TripletLoss("soft", reduce="sum")
dn = soft.backward(1.0, soft.forward(a, p, n)[1])[2]  # 2 w (a - n)
w = slope(((a - p) ** 2).sum(axis=1) - ((a - n) ** 2).sum(axis=1))
one_point = np.ones((1, 3))
if w is None or collapsed is None:
    print("Fill in the cell above and run both again.")
else:
    right = np.allclose(2 * np.reshape(w, (-1, 1)) * (a - n), dn)
    right = right and np.isclose(collapsed, soft.forward(*[one_point] * 3)[0])
    print("right" if right else "not yet: differentiate log(1 + e^u), and put in u = 0")

# %% [markdown]
# <details><summary>Answer</summary>
#
# $w=\partial L/\partial u=e^u/(1+e^u)$, the sigmoid, instead of 0 or 1: no triplet is ever quite
# inactive. In a collapsed network $u=0$.
#
# ```python
# def slope(u):
#     return 1 / (1 + np.exp(-u))
#
# collapsed = np.log(2)
# ```
# </details>
#
# **2.** (medium, on paper) Without the sphere, the number $m$ means nothing: the losses with the
# margins $m$ and $4m$ are the same problem. By which number must all embeddings be multiplied, so
# that each triplet is active for $4m$ just when it was for $m$? And by which number is its loss
# then multiplied?

# %%
embeddings, losses = None, None  # your answer

# %%
if embeddings is None or losses is None:
    print("Fill in the cell above and run both again.")
else:
    each = np.stack([a, p, n])
    small = np.array([TripletLoss(0.2).forward(*each[:, [k]])[0] for k in range(12)])
    each = np.multiply(embeddings, each)
    large = np.array([TripletLoss(0.8).forward(*each[:, [k]])[0] for k in range(12)])
    right = losses != 0 and np.allclose(large, losses * small)
    print("right" if right else "not yet: u is a difference of squared distances, plus m")

# %% [markdown]
# <details><summary>Answer</summary>
#
# Double all embeddings: $[4d_{ap}-4d_{an}+4m]_+=4\,[d_{ap}-d_{an}+m]_+$. A network whose last layer
# is linear can double its outputs by doubling its last weights. So every solution for $m$ has a
# twin for $4m$, with 4 times the loss. On the sphere this is not possible: squared distances are at
# most 4, and $m$ is a share of that.
#
# ```python
# embeddings, losses = 2, 4
# ```
# </details>
#
# **3.** (medium) How many valid triplets has a batch of $P$ classes with $K$ images each? (Why does
# batch-all report the share of *active* triplets, and what happens to the mean loss when it falls?)


# %%
def valid(P, K):
    """The number of triplets (a, p, n) with a and p of one class, n of another, a not p."""
    return None  # your answer


# %%
sizes = [(2, 2), (3, 4), (5, 3)]
counts = [
    len(triplets(rng.standard_normal((P * K, 2)), np.repeat(np.arange(P), K), "batch_all")[0])
    for P, K in sizes
]
yours = [valid(P, K) for P, K in sizes]
active = runs["batch-all"].history["active"]
print(f"active at the start {np.mean(active[:5]):.2f}, at the end {np.mean(active[-20:]):.2f}")
assert np.mean(active[-20:]) < np.mean(active[:5]) / 2
if None in yours:
    print("Fill in the cell above and run both again.")
else:
    print("right" if yours == counts else "not yet: anchors, times positives, times negatives")

# %% [markdown]
# <details><summary>Answer</summary>
#
# $PK$ anchors, $K-1$ positives and $(P-1)K$ negatives each. As training goes on, most triplets
# become inactive: see the shares above, in the run of section 8. They stay in the mean with loss 0
# and gradient 0, so the mean shrinks, and with it the gradient, although the active ones are as
# wrong as before. Hermans et al. (2017) therefore average over the active ones only. Adam hides a
# good part of this, for it divides by the size of the gradient.
#
# ```python
# def valid(P, K):
#     return P * K * (K - 1) * (P - 1) * K
# ```
# </details>
#
# ## With your own code
#
# The homework of this chapter asks for the loss and the mining, forward and backward. When `minigen
# homework check triplet.py` says that they are right, `minigen homework milestone triplet.py`
# trains the embedding of section 10 with *your* functions and draws its map; the picture says whose
# code it was.
#
# ## What to read next
#
# * Weinberger and Saul, [*Distance metric learning for large margin nearest neighbor
#   classification*](https://www.jmlr.org/papers/v10/weinberger09a.html) (2009): the idea with a
#   linear map instead of a network.
# * Schroff, Kalenichenko and Philbin, [*FaceNet*](https://arxiv.org/abs/1503.03832) (2015): this
#   loss, and semi-hard mining.
# * Hermans, Beyer and Leibe, [*In defense of the triplet loss for person
#   re-identification*](https://arxiv.org/abs/1703.07737) (2017): batch-hard, the soft margin, and a
#   plot of the collapse.
# * Wu, Manmatha, Smola and Kraehenbuehl, [*Sampling matters in deep embedding
#   learning*](https://arxiv.org/abs/1706.07567) (2017): why the choice of triplets matters as much
#   as the loss.
#
# The code of this page: [`triplet.py`](../minigen/metric/triplet.py),
# [`mining.py`](../minigen/metric/mining.py), [`info_nce.py`](../minigen/metric/info_nce.py).
# Homework: `minigen homework start triplet`. Next: [tutorial 09](09_markov.ipynb), the Markov
# factor. The cell below runs the equations of this page as the package states them.

# %%
for row in mg.derivations.run(["TRI-1", "S-NCE"], quick=True):
    print(f"{row.entry.id} {row.entry.verdict}", end=": ")
    print(f"correct form {row.correct:.0e}, gradient {row.gradient:.0e}")
    assert row.ok
