# %% [markdown]
# # 09 The Markov factor, and how autoregressive models grow out of it
#
# **Question.** A sequence of $n$ things has a joint density in $n$ dimensions. How little must be
# said to fix it completely? And what is bought by saying more?
#
# **You need** tutorial [00](00_contract.ipynb) (how a gradient is checked); for section 8 also
# [03](03_autoregressive.ipynb) (MAF). **Time** about 40 minutes. **Homework** of this chapter:
# `minigen homework start markov`. **Equations** [MK-1](../docs/notes.md#MK-1) and
# [MAF-1](../docs/notes.md#MAF-1).

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
import itertools
from typing import Any

import numpy as np
from scipy import stats

import minigen as mg
from minigen.derivations import as_maf
from minigen.flows import Chain, Flow, MAFLayer
from minigen.markov import (
    CategoricalChain,
    GaussianChain,
    SequenceNLL,
    fit_categorical,
    fit_gaussian,
    fit_unigram,
    padded,
    perplexity,
)
from minigen.plot import LINES
from minigen.prob import Gaussian, StandardNormal

rng = np.random.default_rng(0)

# %% [markdown]
# ## Why a chain?
#
# The keyboard of a phone offers the next word. A speech program weighs two sentences that sound
# alike; a biologist asks whether a piece of DNA is a gene; an engineer, whether the noise of a
# bearing has changed. Each needs the probability of a *sequence*, and there are more sequences than
# atoms: nobody can keep a table of them. The way out is as old as probability: give the probability
# of **one step, given what came before**, and multiply. How much of what came before must one keep?
# The shortest answer is a Markov chain, the longest is the language model behind a chat program.
# This page goes from the one to the other.

# %% jupyter={"source_hidden": true}
row = [f"$x_{k}$" for k in range(1, 6)]
mg.plot.diagram(
    {name: (0.75 * k, 0) for k, name in enumerate(row)},
    [*itertools.pairwise(row)],
    back=[(row[i], row[j]) for i, j in itertools.combinations(range(5), 2) if j > i + 1],
    title="Who is asked before an element is drawn",
)  # fmt: skip

# %% [markdown]
# **How to read it.** Five elements of a sequence. The black arrows are a Markov chain (MK-1): each
# element sees the one before it. The dashed arrows are what the full chain rule (MAF-1) adds: each
# element sees all before it.
#
# ## 1. One factor, and the sentence it is cut from
#
# The notes have this line, and nothing around it:
#
# $$p(x_i\mid x_{i-1})\ \text{(MK-1, as printed)}$$
#
# It is half of a sentence. The chain rule of probability (MAF-1) is always true. The **Markov
# assumption** shortens each condition to the one element before:
#
# $$p(x_1,\dots,x_n)=\prod_{i=1}^{n}p(x_i\mid x_1,\dots,x_{i-1})\ \text{(MAF-1)}\qquad
# p(x_1,\dots,x_n)=p(x_1)\prod_{i=2}^{n}p(x_i\mid x_{i-1})\ \text{(MK-1)}$$
#
# So a law for the start and *one* law for a step fix the joint density, for every length $n$. Take
# symbols $0\dots K-1$. The start is a vector $\pi$, the step a table $P$ whose rows sum to 1. Are
# the probabilities of *all* words of a length a distribution? With $K=3$ and $n=5$ there are
# $3^5$ words, and we can ask each.

# %%
P = np.array([[0.8, 0.2, 0.0], [0.1, 0.6, 0.3], [0.5, 0.0, 0.5]])
letters = CategoricalChain.of([0.2, 0.5, 0.3], P)
words = np.array(list(itertools.product(range(3), repeat=5)))
p = np.exp(letters.log_prob(words))
print(f"{len(words)} words, their probabilities sum to {p.sum():.15f}")
print(f"{np.sum(p == 0)} of them are impossible")
assert abs(p.sum() - 1) < 1e-12
assert np.isclose(letters.log_prob(np.array([[1, 2, 0]]))[0], np.log(0.5 * 0.3 * 0.5))

# %% [markdown]
# And the Markov property itself: given $x_2$, the element $x_3$ has nothing to do with $x_1$. We
# read $p(x_3\mid x_1,x_2)$ off the table of all words of length 3.

# %%
three = np.exp(letters.log_prob(np.array(list(itertools.product(range(3), repeat=3)))))
joint = three.reshape(3, 3, 3)
for first in (0, 1):
    given = joint[first, 1] / joint[first, 1].sum()
    print(f"p(x_3 | x_1 = {first}, x_2 = 1) =", given.round(12))
    assert np.allclose(given, P[1], atol=1e-12)

# %% [markdown]
# ## 2. The backward pass of the categorical chain
#
# Training needs free parameters. A row of $P$ must stay a distribution, so it is a softmax of
# **logits** $\ell$, and so is $\pi$:
#
# $$\log p(y_{1:n})=\log\pi_{y_1}+\sum_{i=2}^n\log P_{y_{i-1},y_i},\qquad
# \log P_{kl}=\ell_{kl}-\log\sum_j e^{\ell_{kj}}$$
#
# $d_s$ is the gradient that arrives at $\log p$ of sequence $s$ (`dlogp`). From the last line back:
#
# | forward line | path | backward line |
# |---|---|---|
# | sum over the steps | $\log P_{kl}\to\log p$ | $C_{kl}=\sum_s d_s\cdot$ (steps $k\to l$ in $s$) |
# | $\log P_{kl}=\ell_{kl}-\dots$ | straight | $d\ell_{kl}=C_{kl}$ |
# | $\dots\log\sum_je^{\ell_{kj}}$ | through the sum | $d\ell_{kl}\mathrel{-}=P_{kl}\sum_jC_{kj}$ |
#
# For a single step $k\to y$ this is $d\ell_k=e_y-P_k$, one-hot minus softmax: *what was seen, minus
# what was expected*. In $C$ it appears as **counting**
# ([`markov/categorical_chain.py`](../minigen/markov/categorical_chain.py)).

# %%
print(inspect.getsource(CategoricalChain.forward))
print(inspect.getsource(CategoricalChain.backward))

# %%
soft = CategoricalChain(rng.standard_normal(3), rng.standard_normal((3, 3)))
y = words[rng.integers(0, 243, 6)]
report = mg.check.gradients(soft, given={"y": y}, rng=rng)
assert report
print(report)

# %% [markdown]
# At the best $P$ the gradient is 0. With $d_s=1$, $C_{kl}$ are plain counts, so
# $C_{kl}=P_{kl}\sum_jC_{kj}$: the **closed form** is $P_{kl}=C_{kl}/\sum_jC_{kj}$. Maximum
# likelihood is counting pairs. The cell checks that the gradient vanishes there.

# %%
data = soft.sample(400, length=20, rng=rng)
counted = fit_categorical(data)
(grads,) = counted.backward(np.ones(400), counted.forward(y=data)[1])
print("counted P\n", counted.P.round(2))
print("true P\n", soft.P.round(2))
largest = np.abs(grads["logits"]).max()
print(f"{data.size} symbols; the largest gradient at the counted P is {largest:.0e}")
assert largest < 1e-9
assert np.abs(counted.P - soft.P).max() < 0.1

# %% [markdown]
# ## 3. Break it
#
# Three mistakes. The first is that of section 6 in tutorial 08: adding at repeated places with
# `+=`. The second forgets the path through the sum. The third mistakes rows for columns.


# %%
class LostPairs(CategoricalChain):
    """Counts with `+=`: of equal pairs only one is counted."""

    def backward(self, dlogp, cache):
        y, steps, _, P = cache
        (grads,) = super().backward(dlogp, cache)
        count = np.zeros_like(P)
        weights = np.repeat(dlogp, steps.sum(axis=1))
        count[y[:, :-1][steps], y[:, 1:][steps]] += weights
        return ({**grads, "logits": count - count.sum(axis=1, keepdims=True) * P},)


class NoSum(CategoricalChain):
    """Forgets the path of the logits through log-sum-exp."""

    def backward(self, dlogp, cache):
        y, steps, start, P = cache
        return super().backward(dlogp, (y, steps, start, 0 * P))


class Turned(CategoricalChain):
    """Counts from l to k where k to l belongs."""

    def backward(self, dlogp, cache):
        (grads,) = super().backward(dlogp, cache)
        return ({**grads, "logits": grads["logits"].T},)


for Broken in (LostPairs, NoSum, Turned):
    report = mg.check.gradients(Broken(soft.start, soft.logits), given={"y": y}, rng=rng)
    assert not report
    print(report, end="\n\n")

# %% [markdown]
# **How to read a report.** `start` is right in all three; `logits` is wrong, and below stands its
# worst entry with index, your value and the expected one. In the third report the checker tried the
# usual mistakes on the numbers and found the one that reproduces them: the transpose.
#
# ## 4. Letters
#
# Markov himself (1913) counted vowels and consonants in Pushkin's *Eugene Onegin*. We take two
# chapters of *Alice's Adventures in Wonderland*: lower case, paragraph by paragraph. Every fifth
# paragraph is set aside: it is not trained on, but it helps to choose the pseudocount and the order
# below, so its figures are those of validation, a little too good. `minigen evaluate` has text that
# chose nothing.

# %%
alice = mg.data.text()
train, held_out = alice.split()
K = alice.states
print(alice)
print("the first paragraph:", repr(alice.decode(alice.sequences[0])))
print(f"{len(train)} paragraphs to learn from, {len(held_out)} held out")

# %% [markdown]
# The paragraphs are **of unequal length**. A batch is an array, so the short ones are filled up
# ("padded"), and their lengths go with them. What is beyond a length must not count: not in the
# loss, not in the gradient, and not in the number of symbols by which the loss is divided.

# %%
y, lengths = padded(train)
print(f"array {y.shape}, lengths {lengths.min()} to {lengths.max()}")
chain = fit_categorical(train, states=K, pseudocount=0.1)
alone = np.array([chain.log_prob(row[None])[0] for row in train])
spoiled = np.where(np.arange(y.shape[1]) < lengths[:, None], y, K - 1)  # other filling
print(f"one by one against padded: {np.abs(chain.log_prob(y, lengths) - alone).max():.0e} off")
assert np.allclose(chain.log_prob(y, lengths), alone, rtol=1e-12)
assert np.array_equal(chain.log_prob(spoiled, lengths), chain.log_prob(y, lengths))

few, short = y[:5, :6], np.array([6, 1, 4, 2, 6])
report = mg.check.gradients(CategoricalChain.init(K), given={"y": few, "lengths": short}, rng=rng)
assert report
print(report)
print(inspect.getsource(SequenceNLL.forward))

# %% [markdown]
# How good is a chain? Its **perplexity** is $\exp$ of the mean $-\log p$ per symbol: the number of
# equally likely symbols that would be as hard to guess. It is measured on held-out text. The
# comparison is the **unigram**, the chain without memory: each symbol by its frequency. **Predict,
# then run**: of how many equally likely symbols does one letter of memory leave you in doubt?

# %%
unigram = fit_unigram(train, states=K, pseudocount=0.1)
scores = {
    "all symbols alike": float(K),
    "unigram": perplexity(unigram, held_out),
    "Markov chain": perplexity(chain, held_out),
}
for name, value in scores.items():
    print(f"{name:18} perplexity {value:5.2f} = {np.log2(value):.2f} bits a symbol")
gain = np.log2(scores["unigram"] / scores["Markov chain"])
print(f"one letter of memory is worth {gain:.2f} bits a letter")
assert scores["Markov chain"] < 11 < 18 < scores["unigram"] < 20 and 0.75 < gain < 1

# %% [markdown]
# One letter of memory is worth nearly one bit a letter: it almost halves the perplexity.
#
# The pseudocount 0.1 is not decoration. A pair that never occurs in training gets probability 0 in
# pure counting, and a single such pair in the held-out text makes it *impossible*:

# %%
for pseudocount in (0, 0.01, 0.1, 1, 10):
    model = fit_categorical(train, states=K, pseudocount=pseudocount)
    inside, outside = perplexity(model, train), perplexity(model, held_out)
    print(f"pseudocount {pseudocount:<5} training {inside:6.2f}   held out {outside:6.2f}")
    assert pseudocount or outside == np.inf

# %% [markdown]
# On the training text, counting is the maximum: every pseudocount makes it worse. On held-out text
# there is a best one in between. That is regularisation in its oldest form (Laplace added 1).

# %%
counts = np.bincount(np.concatenate(train), minlength=K)
common = np.sort(np.argsort(-counts)[:20])
names = ["space" if c == " " else c for c in np.array(list(alice.symbols))[common]]
part = chain.P[np.ix_(common, common)]
for letter in "hndy":
    follows = np.argsort(-part[names.index(letter)])[:2]
    print(f"{letter} is followed most often by {' and '.join(names[k] for k in follows)}")
twice = {c: part[names.index(c), names.index(c)] for c in "aeiou"}
print("a vowel twice:", *(f"{c}{c} {p:.3f}" for c, p in twice.items()))
assert names[part[names.index("h")].argmax()] == "e"
assert {names[k] for k in np.argsort(-part[names.index("n")])[:2]} == {"d", "space"}
assert all(names[part[names.index(c)].argmax()] == "space" for c in "dy")
assert min(twice["e"], twice["o"]) > 5 * max(twice[c] for c in "aiu")

# %% jupyter={"source_hidden": true}
mg.plot.transition(part / part.sum(axis=1, keepdims=True), names)

# %% [markdown]
# **How to read it.** A row is the letter that stands there, a column the letter that follows; the
# rows of these 20 frequent symbols are made to sum to 1. Look for the dark cells, and compare them
# with the lines above: words end in d and y, whose rows have their darkest cell in the column of
# the space. A vowel next to itself is rare, with the exceptions ee and oo.
#
# Now let both models write.

# %%
for name, model in {"unigram": unigram, "Markov chain": chain}.items():
    print(f"{name}: {alice.decode(model.sample(1, length=240, rng=rng)[0])!r}\n")

# %% [markdown]
# The chain makes words of plausible length, mostly pronounceable, none of them long and right. Each
# *pair* is English. Three letters in a row need not be.
#
# ## 5. The same table by gradient descent
#
# There is no need for descent where a closed form exists. But the longer models below have none, so
# see here that descent finds the known answer.

# %%
learned = CategoricalChain.init(K)
run = mg.fit(
    learned.nll, padded(train), validation=padded(held_out),
    steps=300, batch=len(train), lr=0.1, rng=rng, progress=False,
)  # fmt: skip
best = np.log(perplexity(fit_categorical(train, states=K), train))
print(
    f"training loss at the end {run.history['loss'][-1]:.3f}, of the counted table {best:.3f} nats"
)
print(
    f"held out: counted {scores['Markov chain']:.2f}, descent {perplexity(learned, held_out):.2f}"
)
assert best < run.history["loss"][-1] < best + 0.02
assert abs(perplexity(learned, held_out) - scores["Markov chain"]) < 0.3

# %%
mg.plot.training(run, unit="nats a symbol")

# %% [markdown]
# **How to read it.** The training loss (blue) falls to that of the counted table, printed above; no
# table can go below it. Each step sees all paragraphs, so the curve does not scatter. The held-out
# text (orange) is a little harder, and after its best point it gets worse again, if only by a hair:
# `fit` keeps the parameters of the best point. That is early stopping, and it does here what the
# pseudocount did in section 4.
#
# ## 6. Where a chain ends up: the stationary law
#
# Let a chain run. Its law after one more step is $\pi'_l=\sum_k\pi_kP_{kl}$, or $\pi'=\pi P$. After
# many steps, what was at the start is forgotten. What remains is the **stationary** law, the one
# that a step leaves as it is: $\pi=\pi P$. **Predict, then run**: how many letters after a q does
# one still notice it?

# %%
pi = chain.stationary()
print(f"pi P - pi: {np.abs(pi @ chain.P - pi).max():.0e}")
assert np.abs(pi @ chain.P - pi).max() < 1e-12 and abs(pi.sum() - 1) < 1e-12
frequency = counts / counts.sum()
print(f"largest difference from the frequencies in the text: {np.abs(pi - frequency).max():.4f}")
assert np.abs(pi - frequency).max() < 0.005

law, distances = np.eye(K)[alice.encode("q")[0]], []
for _ in range(12):
    distances.append(np.abs(law - pi).sum() / 2)
    law = law @ chain.P
second = np.sort(np.abs(np.linalg.eigvals(chain.P)))[-2]
pace = (distances[-1] / distances[-7]) ** (1 / 6)
print("distance from pi after 0, 1, 2, ... steps from q:", np.round(distances[:7], 4))
print(f"shrinks by {pace:.2f} a step; the second largest eigenvalue is {second:.2f} in size")
assert abs(pace - second) < 0.1
assert distances[-1] < 1e-4 and distances[6] < 0.01


# %% jupyter={"source_hidden": true}
def forgetting(steps=9):
    """The law of the letter k steps after a q, beside the stationary one."""
    at, law = np.arange(20), np.eye(K)[alice.encode("q")[0]]
    for k in range(steps):
        figure = mg.plot.Picture(figsize=(5.6, 2.5), layout="constrained")
        ax = figure.subplots()
        ax.bar(at, law[common], color=LINES[0], width=0.8)
        ax.plot(at, pi[common], "_", color=LINES[1], markersize=10, markeredgewidth=2)
        ax.set_xticks(at, names, fontsize=7, rotation=90)
        ax.set(ylim=(0, 0.4), ylabel="probability")
        ax.set_title(f"{k} steps after a q", fontsize=9, loc="left")
        ax.spines[["top", "right"]].set_visible(False)
        law = law @ chain.P
        yield figure


mg.plot.Animation(list(forgetting()), seconds=0.8)

# %% [markdown]
# **How to read it.** Blue bars: how probable each of the 20 frequent symbols is, some steps after a
# q (which is not among them, so at first there are no bars; then comes u, whose bar is higher than
# the picture). Orange: the stationary law. The bars settle on it within a few steps.
#
# A chain that is learned from text has the frequencies of the text as its stationary law (up to the
# ends of the paragraphs and the pseudocount). So the chain knows all that the unigram knows, and
# the pairs besides. And it forgets fast: six letters after a q, hardly anything of the q is left
# (the last of the printed distances). The second largest eigenvalue of $P$, in absolute value, sets
# the pace.
#
# ## 7. Numbers instead of letters: the Gaussian chain
#
# $$x_i=A\,x_{i-1}+b+\sqrt Q\,\varepsilon_i,\qquad r_i=x_i-A\,x_{i-1}\sim\mathcal N(b,Q)$$
#
# Each $x_i$ stands in *two* factors of MK-1: as the one that is explained, and as the one that
# explains. So it has two paths. $g_i$ is the gradient that reaches $r_i$.
#
# | forward line | path | backward line |
# |---|---|---|
# | $\log p=\dots+\sum_i\log\mathcal N(r_i\mid b,Q)$ | $r_i\to\log p$ | $g_i=-Q^{-1}(r_i-b)$ |
# | $r_i=x_i-Ax_{i-1}$ | $x_i\to r_i$ | $dx_i=g_i$ |
# | $r_{i+1}=x_{i+1}-Ax_i$ | $x_i\to r_{i+1}$ | $dx_i \mathrel{-}= A^Tg_{i+1}$ |
# | | $A\to$ all $r_i$ | $dA=-\sum_ig_i\,x_{i-1}^T$ |

# %% jupyter={"source_hidden": true}
mg.plot.diagram(
    {"$x_{i-1}$": (0, 0), "$x_i$": (2.2, 0), "$x_{i+1}$": (4.4, 0), "$r_i$": (2.2, 1.4),
     "$r_{i+1}$": (4.4, 1.4), r"$\log p$": (3.3, 2.6), "$A$": (0.2, 1.4)},
    [("$x_{i-1}$", "$r_i$", "$-A$"), ("$x_i$", "$r_i$", "+1"), ("$x_i$", "$r_{i+1}$", "$-A$"),
     ("$x_{i+1}$", "$r_{i+1}$", "+1"), ("$r_i$", r"$\log p$"), ("$r_{i+1}$", r"$\log p$"),
     ("$A$", "$r_i$")],
    back=[("$r_{i+1}$", "$x_i$", "$-A^Tg_{i+1}$"), ("$r_i$", "$x_i$", "$g_i$")],
    accent=["$x_i$"], title="Each element stands in two factors",
)  # fmt: skip

# %% [markdown]
# **How to read it.** $x_i$ (blue) is explained by $r_i$, and it explains $x_{i+1}$ through
# $r_{i+1}$. So its gradient (dashed) is a sum of two.

# %%
print(inspect.getsource(GaussianChain.backward))
start = Gaussian.from_moments([-3.0], [[0.1]])
walk = GaussianChain.of([[0.8]], [0.3], [[0.5]], start)
x = walk.sample(4, length=5, rng=rng)
report = mg.check.gradients(walk, x[:, :, None], rng=rng)
assert report
print(report)


# %%
class OneRole(GaussianChain):
    """Forgets that x_i also explains x_{i+1}."""

    def backward(self, dlogp, cache):
        dx, grads = super().backward(dlogp, cache)
        shape, steps, _, _, noise_cache = cache
        deach = np.repeat(dlogp, steps.sum(axis=1))
        dr, _ = self.noise.backward(deach, noise_cache)
        missing = np.zeros((len(steps), steps.shape[1] + 1, self.features))
        missing[:, :-1][steps] = dr @ self.A
        return dx + missing.reshape(shape), grads


report = mg.check.gradients(OneRole(walk.A, walk.noise, walk.start), x[:, :, None], rng=rng)
assert not report
print(report)

# %% [markdown]
# All parameters are right; only `dx` is wrong. Who fits a chain to *data* never uses `dx` and would
# never notice. Who puts the chain behind a network would train the network on nonsense.
#
# A product of Gaussians in which everything is linear is *one* Gaussian in $n$ dimensions. `joint`
# writes down its mean and its **precision**, the inverse of the covariance.

# %%
n = 5
mean, precision = walk.joint(n)
covariance: Any = np.linalg.inv(precision)
truth = stats.multivariate_normal(mean, covariance).logpdf(x)
print(
    f"MK-1 against the {n}-dimensional Gaussian: {np.abs(walk.log_prob(x) - truth).max():.0e} off"
)
assert np.allclose(walk.log_prob(x), truth, rtol=1e-12)
assert np.all(np.triu(precision, 2) == 0) and np.all(covariance > 0)

settled = walk.stationary()
print(f"stationary mean {settled.mu[0]:.3f}, variance {settled.Sigma[0, 0]:.3f}")
assert np.isclose(settled.mu[0], 0.3 / (1 - 0.8)) and np.isclose(
    settled.Sigma[0, 0], 0.5 / (1 - 0.64)
)


# %% jupyter={"source_hidden": true}
def paths(chain, length, shown=40):
    """Sample paths, the mean of the law at each time, and two standard deviations about it."""
    mean, precision = chain.joint(length)
    band = 2 * np.sqrt(np.diag(np.linalg.inv(precision)))
    time = np.arange(1, length + 1)
    figure = mg.plot.Picture(figsize=(6.4, 3.0), layout="constrained")
    ax = figure.subplots()
    ax.plot(time, chain.sample(shown, length=length, rng=rng).T, color="#bbbbbb", linewidth=0.6)
    ax.plot(time, mean, color=LINES[0], linewidth=2, label="mean")
    for sign in (-1, 1):
        ax.plot(time, mean + sign * band, color=LINES[0], linewidth=1, linestyle="--")
    law = chain.stationary()
    limits = law.mu[0] + 2 * np.sqrt(law.Sigma[0, 0]) * np.array([-1, 1])
    ax.axhspan(*limits, color=LINES[1], alpha=0.15, label="stationary, 2 sd")
    ax.set(xlabel="i", ylabel="$x_i$")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


paths(walk, 30)

# %% [markdown]
# **How to read it.** Grey: 40 sequences. Blue: the mean and two standard deviations at each $i$.
# All sequences start near $-3$. The mean goes to its stationary value, and the distance shrinks by
# $a=0.8$ at each step. The width grows until what is added as noise equals what is forgotten.
#
# In closed form, maximum likelihood is least squares of $x_i$ on $x_{i-1}$:

# %%
found = fit_gaussian(walk.sample(500, length=30, rng=rng))
print(f"a = {found.A[0, 0]:.3f} (0.8), b = {found.noise.mu[0]:.3f} (0.3)", end=", ")
print(f"Q = {found.noise.Sigma[0, 0]:.3f} (0.5)")
assert abs(found.A[0, 0] - 0.8) < 0.03 and abs(found.noise.Sigma[0, 0] - 0.5) < 0.03

# %% [markdown]
# ## 8. The chain is a MAF with a band
#
# A MAF (tutorial 03) computes $z_i=(x_i-\mu_i)/\sigma_i$ with $\mu_i,\sigma_i$ functions of
# $x_1\dots x_{i-1}$. Take no hidden units, let $\mu_i=a\,x_{i-1}+b$ and let $\sigma_i$ be constant.
# Then it *is* the Gaussian chain. In its weight matrix one band is left. (In the code `n` is 5, and
# `c arctanh(. / c)` undoes the bound $c\tanh(\cdot/c)$ on $\log\sigma$.)

# %%
print(inspect.getsource(as_maf))
flow = as_maf(walk, n)
print(f"the flow against the chain: {np.abs(flow.log_prob(x) - walk.log_prob(x)).max():.0e} off")
assert np.allclose(flow.log_prob(x), walk.log_prob(x), rtol=1e-12)

J = mg.check.jacobian(lambda v: flow.chain.forward(v)[0], x)[0]
print(f"J'J against the precision: {np.abs(J.T @ J - precision).max():.0e} off")
assert np.allclose(J.T @ J, precision, atol=1e-11)

assert np.count_nonzero(np.tril(J, -2)) == 0 and np.all(covariance != 0)

# %% jupyter={"source_hidden": true}
mg.plot.matrices({"dz/dx of the MAF": J, "precision = J'J": precision, "covariance": covariance})

# %% [markdown]
# **How to read it.** Three matrices of 5 rows. Left: $\partial z_i/\partial x_j$ is a triangle, as
# in any MAF, and only its diagonal and one band beside it are not 0: $z_i$ sees $x_i$ and
# $x_{i-1}$. Middle: the precision $J^TJ$ has three diagonals. A zero at $(i,j)$ says: given all the
# others, $x_i$ and $x_j$ are independent. Right: the covariance has no zeros. *Directly* each
# element depends on its neighbours only; through them, on all.
#
# Now let it grow. Make the band wider: $\mu_i$ may see $x_{i-1},\dots,x_{i-k}$, a chain **of order
# $k$**. At $k=n-1$ the band is the whole triangle, and MAF-1 is back. With Gaussian conditionals
# the maximum of the likelihood is least squares again, place by place. Our data swing:
# $x_i=1.5\,x_{i-1}-0.8\,x_{i-2}+\varepsilon_i$, an order of 2. **Predict, then run**: which order
# has the least cost on new data, and is the longest memory much worse?

# %%
length = 30


def swinging(N, rng):
    """N sequences of a process of order 2, begun at 0."""
    x = np.zeros((N, length + 2))
    for i in range(2, length + 2):
        x[:, i] = 1.5 * x[:, i - 1] - 0.8 * x[:, i - 2] + rng.standard_normal(N)
    return x[:, 2:].copy()


def banded(x, order):
    """The MAF without hidden units and with a band of that width, of largest likelihood."""
    f = MAFLayer.init(length, (), rng=rng, dtype=np.float64, c=8.0)
    W, b = np.zeros((length, 2 * length)), np.zeros(2 * length)
    for i in range(length):
        seen = slice(max(0, i - order), i)
        inputs = np.hstack([x[:, seen], np.ones((len(x), 1))])
        *weights, b[2 * i] = np.linalg.lstsq(inputs, x[:, i], rcond=None)[0]
        W[seen, 2 * i] = weights
        sigma = (x[:, i] - inputs @ [*weights, b[2 * i]]).std()
        b[2 * i + 1] = f.c * np.arctanh(np.log(sigma) / f.c)
    (linear,) = f.made.linears
    linear.W[...], linear.b[...] = W, b
    return Flow(Chain((f,)), StandardNormal(length))


x_train, x_new = swinging(1000, rng), swinging(20_000, rng)
entropy = 0.5 * np.log(2 * np.pi * np.e)
orders = (0, 1, 2, 5, length - 1)
models = {order: banded(x_train, order) for order in orders}
costs = {order: -model.log_prob(x_new).mean() / length for order, model in models.items()}
print(f"entropy of the data {entropy:.3f} nats an element")
for order, cost in costs.items():
    count = sum(min(order, i) for i in range(length))
    print(f"order {order:2}: {count:3} weights, {cost:.3f} nats on new data")
assert costs[0] > costs[1] > costs[2] + 0.2 and min(costs, key=lambda k: costs[k]) == 2
assert abs(costs[2] - entropy) < 0.02 and costs[length - 1] > costs[2]
period = 2 * np.pi / np.abs(np.angle(np.roots([1, -1.5, 0.8])[0]))
print(f"without noise the data would swing with a period of {period:.1f} steps")
assert 10.5 < period < 11.5


# %% jupyter={"source_hidden": true}
drawn = {
    "truth": x_new,
    **{f"order {k}": models[k].sample(4, rng=np.random.default_rng(3)) for k in (0, 1, 2)},
}


def series(named):
    """A panel with three sequences for each name."""
    figure = mg.plot.Picture(figsize=(8.4, 2.3), layout="constrained")
    axes = figure.subplots(1, len(named), sharey=True)
    for ax, (name, x) in zip(axes, named.items(), strict=True):
        for row, color in zip(x[:3], LINES, strict=False):
            ax.plot(row, color=color, linewidth=1.2)
        ax.set_title(name, fontsize=9, loc="left")
        ax.spines[["top", "right"]].set_visible(False)
    return figure


series(drawn)

# %% [markdown]
# **How to read it.** Three sequences each, of the truth and of three models. The truth swings with
# a period of about eleven steps. Order 0 is noise of the right width. Order 1 knows that neighbours
# are alike, but not in which direction a sequence is moving. Order 2 knows both the place and the
# direction, and swings.
#
# The numbers above say the same in nats. Order 2 reaches the entropy. A wider band adds weights
# whose true value is 0. They fit the noise of the training data, and new data pay for it. A longer
# memory is never wrong, and it is not free.
#
# ## 9. Longer memory for letters
#
# For letters the table of order $k$ has $38^k$ rows; most of them are never seen, as the cell below
# counts. So let each order lean on the one below it, in the way of the pseudocount:
#
# $$p_k(c\mid\text{last }k)=\frac{C(\text{last }k,c)+p_{k-1}(c\mid\text{last }k-1)}
# {C(\text{last }k)+1}$$
#
# Each line is a distribution over $c$, so the product over all places is one too: that is MAF-1.


# %%
def contexts(texts, most):
    """How often each symbol follows each context of up to `most` symbols, and each context."""
    pairs = {}
    for s in texts:
        for i, k in itertools.product(range(len(s)), range(most + 1)):
            if k <= i:
                pairs[s[i - k : i], s[i]] = pairs.get((s[i - k : i], s[i]), 0) + 1
    totals = {}
    for (context, _), count in pairs.items():
        totals[context] = totals.get(context, 0) + count
    return pairs, totals


def conditional(c, context, pairs, totals):
    """p(c | context), leaning on the shorter context."""
    below = conditional(c, context[1:], pairs, totals) if context else 1 / K
    return (pairs.get((context, c), 0) + below) / (totals.get(context, 0) + 1)


def score(texts, order, tables):
    """The perplexity of texts under the model of an order."""
    logs = [
        np.log(conditional(s[i], s[max(0, i - order) : i], *tables))
        for s in texts
        for i in range(len(s))
    ]
    return np.exp(-np.mean(logs))


seen, unseen = ([alice.decode(row) for row in part] for part in (train, held_out))
tables = contexts(seen, most=6)
for k in (1, 2, 3):
    met = sum(len(context) == k for context in tables[1])
    print(f"order {k}: {met:,} of {K**k:,} rows are ever seen")
    assert k == 1 or met < K**k / 2
total = sum(conditional(c, "th", *tables) for c in alice.symbols)
print(f"the probabilities after 'th' sum to {total:.12f}")
assert abs(total - 1) < 1e-12

memory = np.arange(7)
inside = [score(seen[::4], k, tables) for k in memory]
outside = [score(unseen, k, tables) for k in memory]
for k in memory:
    print(f"order {k}: training {inside[k]:5.2f}   held out {outside[k]:5.2f}")
assert np.all(np.diff(inside) < 0) and 2 <= np.argmin(outside) <= 4
assert abs(outside[1] - scores["Markov chain"]) < 0.5  # order 1 is the chain of section 4


# %% jupyter={"source_hidden": true}
mg.plot.lines(
    {"training text": (memory, inside), "held-out text": (memory, outside)},
    xlabel="order: letters of memory", ylabel="perplexity", title="How much memory pays?",
)  # fmt: skip

# %% [markdown]
# **How to read it.** The training text (blue) gets easier with every letter of memory: at order 6
# the model nearly knows it by heart. The held-out text (orange) gets easier at first and then
# harder again. The distance between the curves is what was learned by heart.
#
# Counting cannot go on: the next context is always one that was never seen. What can go on is a
# *network* that reads all that came before and shares what it learns between similar contexts. That
# is an autoregressive model. For numbers it is a MADE with masks (tutorial 03); for text, today, a
# transformer whose causal mask is the same triangle. The factor of MK-1 is the first rung of that
# ladder, MAF-1 is the last. Here is a sample with three letters of memory; compare it
# with those of section 4.

# %%
letter = np.random.default_rng(0)
text = "alice "
while len(text) < 240:
    p = np.array([conditional(c, text[-3:], *tables) for c in alice.symbols])
    text += alice.symbols[letter.choice(K, p=p / p.sum())]
print(f"order 3 writes: {text!r}")

# %% [markdown]
# ## Exercises
#
# **1.** (medium) Derive the gradient of the scalar Gaussian chain by its parameters $a$, $b$ and
# $\ell=\log v$, where $v=Q$ is a number and $e_i=x_i-ax_{i-1}-b$. Write the three sums; the check
# compares with the code. (Leave out the start.)


# %%
def gradients(e, before, v):
    """The gradients of log p by a, b and log v; e and before = x_(i-1) are arrays of one shape."""
    return None, None, None  # your answer


# %%
e, before = x[:, 1:] - 0.8 * x[:, :-1] - 0.3, x[:, :-1]
_, grads = walk.backward(np.ones(len(x)), walk.forward(x[:, :, None])[1])
by_code = grads["A"][0, 0], grads["noise"]["mu"][0], grads["noise"]["a"][0] / 2
yours: Any = gradients(e, before, 0.5)  # the code's a is log of the standard deviation: twice
if yours[0] is None or yours[1] is None or yours[2] is None:
    print("Fill in the cell above and run both again.")
else:
    for name, mine, theirs in zip(("a", "b", "log v"), yours, by_code, strict=True):
        print(f"{name:6} yours {mine:+.6f}, by code {theirs:+.6f}")
    right = np.allclose(yours, by_code, rtol=1e-9)
    print("right" if right else "not yet: log p has -log(v) / 2 and -e^2 / (2 v) for each step")

# %% [markdown]
# <details><summary>Answer</summary>
#
# $\log p=\dots+\sum_i\big(-\tfrac12\ell-\tfrac{e_i^2}{2v}\big)$ gives $\partial_a=\sum_i
# e_ix_{i-1}/v$, $\partial_b=\sum_ie_i/v$, $\partial_\ell=\sum_i\big(-\tfrac12+\tfrac{e_i^2}{2v}
# \big)$. The code's `a` of the noise is the logarithm of the standard deviation, $\ell/2$, so
# its gradient is twice as large.
#
# ```python
# def gradients(e, before, v):
#     return (e * before).sum() / v, e.sum() / v, (e**2 / (2 * v) - 0.5).sum()
# ```
# </details>
#
# **2.** (easy) Which chain has no stationary law, and which has more than one? Find a number $a$
# for the Gaussian chain $x_i=a\,x_{i-1}+\varepsilon_i$ and a table $P$ of two symbols.

# %%
a, P = None, None  # your answer: a number, and two rows that sum to 1


# %%
def refusal(model):
    """What a chain says when it is asked for its stationary law; nothing if it has one."""
    try:
        model.stationary()
        return ""
    except ValueError as error:
        return str(error)


if a is None or P is None:
    print("Fill in the cell above and run both again.")
else:
    no_law = refusal(GaussianChain.of([[a]], [0.0], [[1.0]], start))
    several = refusal(CategoricalChain.of([0.5, 0.5], P))
    print(no_law, several, sep="\n")
    right = "spectral radius" in no_law and "several" in several
    print("right" if right else "not yet: what forgets nothing? What never leaves its place?")

# %% [markdown]
# <details><summary>Answer</summary>
#
# A Gaussian chain with $|a|\ge1$ forgets nothing: its variance grows without bound. A categorical
# chain that falls into parts with no way from one to the other, such as $P=I$, keeps the part it
# starts in: every mixture of the parts' laws is stationary. Both are refused with a reason.
#
# ```python
# a, P = 1.0, [[1.0, 0.0], [0.0, 1.0]]
# ```
# </details>
#
# **3.** (hard) Is the chain, read **backwards**, a Markov chain too? Take the stationary letters
# and find the table $\tilde P_{lk}=p(x_{i-1}=k\mid x_i=l)$.


# %%
def backwards(pi, P):
    """The table of the reversed chain: row l, column k."""
    return None  # your answer


# %%
settled_chain = CategoricalChain.of(pi / pi.sum(), chain.P)
some = settled_chain.sample(5, length=30, rng=rng)
table: Any = backwards(pi, chain.P)
if table is None:
    print("Fill in the cell above and run both again.")
elif np.shape(table) != (K, K) or not np.allclose(np.sum(table, axis=1), 1):
    print("not yet: each row is a distribution over the letter before")
else:
    backward_chain = CategoricalChain.of(pi / pi.sum(), table)
    gap = settled_chain.log_prob(some) - backward_chain.log_prob(some[:, ::-1])
    print("right" if np.abs(gap).max() < 1e-8 else "not yet: use Bayes' rule")

# %% [markdown]
# <details><summary>Answer</summary>
#
# Yes. By Bayes, $\tilde P_{lk}=\pi_kP_{kl}/\pi_l$, and the conditional independence of past and
# future, given the present, has no direction. The check compares the probability of texts with that
# of the same texts read backwards: they are equal. Tutorial 04 uses this rule with Gaussians, where
# it undoes one step of noise.
#
# ```python
# def backwards(pi, P):
#     return (pi[:, None] * P).T / pi[:, None]
# ```
# </details>
#
# ## With your own code
#
# The homework of this chapter asks for the chains, forward and backward. When `minigen homework
# check markov.py` says that they are right, `minigen homework milestone markov.py` learns the table
# of letters with *your* gradients and draws it; the picture says whose code it was.
#
# ## What to read next
#
# * Markov, [*An example of statistical investigation of the text Eugene
#   Onegin*](https://doi.org/10.1017/S0269889706001074) (1913, English 2006).
# * Shannon, [*A mathematical theory of
#   communication*](https://doi.org/10.1002/j.1538-7305.1948.tb01338.x) (1948): letters of order 0,
#   1, 2, with samples, and the entropy that bounds them.
# * Yule, [*On a method of investigating periodicities in disturbed
#   series*](https://doi.org/10.1098/rsta.1927.0007) (1927): the process of order 2 of section 8,
#   for sunspots.
# * Bengio, Ducharme, Vincent and Jauvin, [*A neural probabilistic language
#   model*](https://www.jmlr.org/papers/v3/bengio03a.html) (2003): the network in place of the
#   table.
# * Germain, Gregor, Murray and Larochelle, [*MADE*](https://arxiv.org/abs/1502.03509) (2015): all
#   conditionals by one masked network.
#
# The code of this page: [`categorical_chain.py`](../minigen/markov/categorical_chain.py),
# [`gaussian_chain.py`](../minigen/markov/gaussian_chain.py). Homework: `minigen homework start
# markov`. Next: [tutorial 03](03_autoregressive.ipynb), if you have not seen it, or
# [10](10_bug_museum.ipynb), the bug museum. The cell below runs MK-1 and MAF-1 as the package
# states them.

# %%
for row in mg.derivations.run(["MK-1", "MAF-1"], quick=True):
    print(f"{row.entry.id:5} {row.entry.verdict:10}", end=" ")
    print(f"correct form {row.correct:.0e}, gradient {row.gradient:.0e}")
    assert row.ok
