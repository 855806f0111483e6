"""The Markov factor: MK-1."""

import itertools

import numpy as np
from numpy.typing import NDArray

from minigen.check import gradients
from minigen.derivations.equation import NotEvaluable, Result, entry
from minigen.derivations.tools.compare import gap, log_gaussian, worst
from minigen.derivations.tools.layers import as_maf, covariance
from minigen.markov import CategoricalChain, GaussianChain

n = 5  # elements of a sequence


def log_unrolled(chain: GaussianChain, x: NDArray) -> NDArray:
    """log p of scalar sequences x (N, n), by unrolling x_i = a x_{i-1} + b + noise."""
    a, b, q = chain.A[0, 0], chain.noise.mu[0], chain.noise.Sigma[0, 0]
    mean, root = [chain.start.mu[0]], [np.sqrt(chain.start.Sigma[0, 0]) * np.eye(n)[0]]
    for i in range(1, n):
        mean.append(a * mean[-1] + b)
        root.append(a * root[-1] + np.sqrt(q) * np.eye(n)[i])
    return log_gaussian(x, mean, np.stack(root) @ np.stack(root).T)


@entry(
    "MK-1",
    code=(
        GaussianChain.forward,
        GaussianChain.backward,
        CategoricalChain.forward,
        CategoricalChain.backward,
    ),
)
def mk_1(rng: np.random.Generator) -> Result:
    r"""Incomplete, line 10 of the notes.

    printed: $$p(x_i | x_{i-1})$$
    correct: p(x_1,\dots,x_n)=p(x_1)\prod_{i=2}^{n}p(x_i\mid x_{i-1})
    gradient: r_i=x_i-ax_{i-1}-b:\quad \partial_a=\sum_i\frac{r_ix_{i-1}}v,\quad \partial_b
        =\sum_i\frac{r_i}v,\quad \partial_{x_i}=-\frac{r_i}v+\frac{a\,r_{i+1}}v;\quad
        \partial_\ell\log p(y)=e_y-\operatorname{softmax}(\ell)

    Half of a sentence: one factor, without a statement about it. The full sentence is the product,
    in which each element depends on the one before it only. A Gaussian chain is then one large
    Gaussian, and a MAF whose weights are a single band; the probabilities of all words of a
    categorical chain add up to one.
    """
    scalar = GaussianChain.of(
        np.array([[rng.uniform(-0.8, 0.8)]]), rng.standard_normal(1), np.array([[0.5]])
    )
    x = rng.standard_normal((4, n))
    logp = scalar.log_prob(x)
    known = worst(gap(logp, log_unrolled(scalar, x)), gap(as_maf(scalar, n).log_prob(x), logp))
    vector = GaussianChain.of(rng.uniform(-0.45, 0.45, (2, 2)), np.zeros(2), covariance(2, rng))
    P = rng.dirichlet(np.ones(3), size=3)
    letters = CategoricalChain.of(rng.dirichlet(np.ones(3)), P)
    words = np.array(list(itertools.product(range(3), repeat=4)))
    total = abs(np.exp(letters.log_prob(words)).sum() - 1)
    reports = (
        gradients(scalar, x[:, :, None], rng=rng),
        gradients(vector, rng.standard_normal((3, 4, 2)), rng=rng),
        gradients(letters, given={"y": words[rng.integers(0, 81, 6)]}, rng=rng),
    )
    return Result(worst(known, total), NotEvaluable("one factor, no claim"), reports)
