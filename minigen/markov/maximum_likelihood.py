"""Maximum likelihood in closed form: counts, and least squares."""

import math

import numpy as np

from minigen.core import validate
from minigen.markov.categorical_chain import CategoricalChain
from minigen.markov.gaussian_chain import GaussianChain
from minigen.markov.sequences import inside, padded
from minigen.prob import Gaussian


def fit_gaussian(x, lengths=None, *, dtype=np.float64):
    """The GaussianChain of largest likelihood for sequences x (a list, or an array and lengths).

        [A b] = least squares of x_i on [x_{i-1} 1],   Q = mean of (r_i - b) (r_i - b)^T

    The start gets the mean and covariance of the first elements; where there are too few
    sequences for that (at most D), those of all elements.
    """
    x, lengths = padded(x, lengths)
    x = x.reshape(*x.shape[:2], math.prod(x.shape[2:])).astype(np.float64)
    keep = inside(x.shape[:2], lengths)
    before, after = x[:, :-1][keep[:, 1:]], x[:, 1:][keep[:, 1:]]
    D = x.shape[2]
    if len(before) < 2 * D + 1:
        raise validate.expected("x", f"at least {2 * D + 1} steps in R^{D}", f"{len(before)}")
    inputs = np.hstack([before, np.ones((len(before), 1))])
    slopes = np.linalg.lstsq(inputs, after, rcond=None)[0]
    A, b = slopes[:-1].T, slopes[-1]
    first = x[:, 0] if len(x) > D else x[keep]
    noise = moments(after - before @ A.T, dtype, b)
    return GaussianChain(A.astype(dtype), noise, moments(first, dtype))


def moments(x, dtype, mean=None):
    """The Gaussian of largest likelihood for rows x (M, D)."""
    mean = x.mean(axis=0) if mean is None else mean
    return Gaussian.from_moments(mean, (x - mean).T @ (x - mean) / len(x), dtype=dtype)


def fit_categorical(y, lengths=None, *, states=None, pseudocount=0.0, dtype=np.float64):
    """The CategoricalChain of largest likelihood: P[k, l] = share of the steps from k to l.

    pseudocount is added to every count, so that what was never seen is possible (Laplace 1814
    adds 1). A symbol that no step leaves gets equal shares. states: K, by default the largest
    symbol + 1.
    """
    first, count = counts(y, lengths, states, pseudocount)
    return CategoricalChain.of(shares(first[None])[0], shares(count), dtype=dtype)


def fit_unigram(y, lengths=None, *, states=None, pseudocount=0.0, dtype=np.float64):
    """The chain without memory: each symbol by its frequency, whatever stood before."""
    first, count = counts(y, lengths, states, pseudocount)
    extra = pseudocount * len(first)  # counts() has added one pseudocount for each symbol before
    p = shares((first + count.sum(axis=0) - extra)[None])[0]
    return CategoricalChain.of(p, np.tile(p, (len(p), 1)), dtype=dtype)


def counts(y, lengths, states, pseudocount):
    """How many sequences begin with each symbol, (K,), and make each step, (K, K)."""
    pseudocount = validate.number("pseudocount", pseudocount, 0)
    y, lengths = padded(y, lengths, "y")
    states = int(y.max(initial=-1)) + 1 if states is None else states
    K = validate.integer("states", states, 1)
    _, given = CategoricalChain.init(K).arguments(y, lengths)
    y, steps = given["y"], inside(y.shape, lengths)[:, 1:]
    pair = y[:, :-1][steps] * K + y[:, 1:][steps]
    first = np.bincount(y[:, 0], minlength=K) + pseudocount
    return first, np.bincount(pair, minlength=K * K).reshape(K, K) + pseudocount


def shares(count):
    """Rows of counts as probabilities."""
    total = count.sum(axis=1, keepdims=True)
    return np.where(total > 0, count / np.where(total > 0, total, 1), 1 / count.shape[1])
