"""Maximum likelihood in closed form: counts, and least squares."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core import validate
from minigen.core.signature import Count, NonNegative, checked
from minigen.markov.categorical_chain import CategoricalChain
from minigen.markov.gaussian_chain import GaussianChain
from minigen.markov.sequences import inside, padded
from minigen.prob import Gaussian

MOST_STATES = 4000  # a table of 16 million entries


@checked
def fit_gaussian(
    x: Any, lengths: ArrayLike | None = None, *, dtype: DTypeLike = np.float64
) -> GaussianChain:
    """The GaussianChain of largest likelihood.

        [A b] = least squares of x_i on [x_{i-1} 1],   Q = mean of (r_i - b) (r_i - b)^T

    The start gets the mean and covariance of the first elements; where there are too few
    sequences for that (at most D), those of all elements.

    Parameters
    ----------
    x : sequences, a list of arrays (n_k, D), or an array (N, n) or (N, n, D)
    lengths : (N,) of the rows of a padded array
    dtype : of the parameters

    Returns
    -------
    GaussianChain

    Examples
    --------
    >>> truth = mg.markov.GaussianChain.of([[0.9]], [0.0], [[1.0]])
    >>> chain = mg.markov.fit_gaussian(truth.sample(100, length=100, rng=rng))
    >>> bool(abs(chain.A[0, 0] - 0.9) < 0.03)
    True
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
    noise = _moments(after - before @ A.T, b, dtype)
    return GaussianChain(A.astype(dtype), noise, _moments(first, first.mean(axis=0), dtype))


def _moments(x: NDArray, mean: NDArray, dtype: DTypeLike) -> Gaussian:
    """The Gaussian of largest likelihood for rows x (M, D) with that mean."""
    return Gaussian.from_moments(mean, (x - mean).T @ (x - mean) / len(x), dtype=dtype)


@checked
def fit_categorical(
    y: Any, lengths: ArrayLike | None = None, *, states: Count | None = None,
    pseudocount: NonNegative = 0.0, dtype: DTypeLike = np.float64,
) -> CategoricalChain:  # fmt: skip
    """The CategoricalChain of largest likelihood: P[k, l] = share of the steps from k to l.

    A symbol that no step leaves gets equal shares.

    Parameters
    ----------
    y : sequences of symbols, a list of integer arrays, or an array (N, n)
    lengths : (N,) of the rows of a padded array
    states : K, by default the largest symbol + 1
    pseudocount : added to every count, so that steps never seen are possible (Laplace 1814: 1)
    dtype : of the parameters

    Returns
    -------
    CategoricalChain

    Examples
    --------
    >>> mg.markov.fit_categorical([[0, 1, 1, 0], [0, 1]]).P.round(12).tolist()
    [[0.0, 1.0], [0.5, 0.5]]
    """
    first, count = _counts(y, lengths, states, pseudocount)
    return CategoricalChain.of(_shares(first[None])[0], _shares(count), dtype=dtype)


@checked
def fit_unigram(
    y: Any, lengths: ArrayLike | None = None, *, states: Count | None = None,
    pseudocount: NonNegative = 0.0, dtype: DTypeLike = np.float64,
) -> CategoricalChain:  # fmt: skip
    """The chain without memory: each symbol by its frequency, independent of the one before.

    Parameters
    ----------
    y, lengths, states, pseudocount, dtype : as for `fit_categorical`

    Returns
    -------
    CategoricalChain

    Examples
    --------
    >>> mg.markov.fit_unigram([[0, 1, 1, 1]]).P.round(12).tolist()
    [[0.25, 0.75], [0.25, 0.75]]
    """
    first, count = _counts(y, lengths, states, pseudocount)
    extra = pseudocount * len(first)  # _counts has added one pseudocount for each symbol before
    p = _shares((first + count.sum(axis=0) - extra)[None])[0]
    return CategoricalChain.of(p, np.tile(p, (len(p), 1)), dtype=dtype)


def _counts(
    y: Any, lengths: ArrayLike | None, states: Count | None, pseudocount: NonNegative
) -> tuple[NDArray, NDArray]:
    """How many sequences begin with each symbol, (K,), and make each step, (K, K)."""
    pseudocount = validate.number("pseudocount", pseudocount, 0)
    y, lengths = padded(y, lengths, "y")
    states = int(y.max(initial=-1)) + 1 if states is None else states
    K = validate.integer("states", states, 1)
    if K > MOST_STATES:
        what = f"at most {MOST_STATES} states, whose table has K^2 entries"
        raise validate.expected("states" if states else "y", what, K)
    _, given = CategoricalChain.init(K).arguments(y, lengths)
    y, steps = given["y"], inside(y.shape, lengths)[:, 1:]
    pair = y[:, :-1][steps] * K + y[:, 1:][steps]
    first = np.bincount(y[:, 0], minlength=K) + pseudocount
    return first, np.bincount(pair, minlength=K * K).reshape(K, K) + pseudocount


def _shares(count: NDArray) -> NDArray:
    """Rows of counts as probabilities."""
    total = count.sum(axis=1, keepdims=True)
    return np.where(total > 0, count / np.where(total > 0, total, 1), 1 / count.shape[1])
