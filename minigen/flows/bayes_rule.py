"""Bayes' rule with a class-conditional density: which class a row belongs to."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.contract import Density
from minigen.core.numeric import logsumexp
from minigen.core.signature import Count, checked
from minigen.flows.losses import dequantized


@checked
def classify(
    density: Density, x: ArrayLike, prior: ArrayLike | None = None, *,
    rng: np.random.Generator | None = None, draws: Count = 1,
) -> tuple[NDArray, NDArray]:  # fmt: skip
    """The class of each row by Bayes' rule, argmax_y p(x | y) p(y).

        log p(y | x) = log p(x | y) + log p(y) - logsumexp_y' [log p(x | y') + log p(y')]

    Parameters
    ----------
    density : a conditional flow, or another density, whose context is the class as a one-hot row
    x : (N, D) data
    prior : (K,) p(y) of the K = density.context classes, by default equal
    rng : the generator of the dequantising noise, where the density has levels; each class sees
        the same noise
    draws : how many draws of that noise are averaged

    Returns
    -------
    y : (N,) integers 0 .. K - 1
    log_posterior : (N, K), log p(y | x)

    Raises
    ------
    InvalidInput
        If the density has no context, `prior` is not a distribution, or a row has density 0 for
        every class.

    Examples
    --------
    >>> flow = mg.flows.maf(2, 1, (8,), context=3, rng=rng)
    >>> y, log_posterior = mg.flows.classify(flow, np.zeros((5, 2)))
    >>> y.shape, log_posterior.shape
    ((5,), (5, 3))
    """
    K = density.context
    if not K:
        raise validate.expected("density", "one with a context, a column for each class", "none")
    p = validate.array("prior", np.full(K, 1 / K) if prior is None else prior, (K,), np.float64)
    if (p < 0).any() or abs(p.sum() - 1) > 1e-9:
        raise validate.expected("prior", "probabilities that sum to 1", validate.shown(p))
    x = validate.array("x", x, ("N", density.features))
    joint = 0.0
    for _ in range(draws if density.levels else 1):
        rows = np.asarray(dequantized(density, x, validate.generator(rng)) if density.levels else x)
        joint = joint + by_class(density, rows)
    with np.errstate(divide="ignore"):
        joint = joint / (draws if density.levels else 1) + np.log(p)
    lost = np.isneginf(joint).all(axis=1)
    if lost.any():
        row = int(lost.argmax())
        raise validate.expected("x", "rows with some density", f"none in any class in row {row}")
    log_posterior = joint - logsumexp(joint)[:, None]
    return log_posterior.argmax(axis=1), log_posterior


def by_class(density: Density, x: NDArray) -> NDArray:
    """log p(x | y) of each row under each class, (N, K) float64."""
    K = density.context
    given = [density.log_prob(x, np.broadcast_to(one, (len(x), K))) for one in np.eye(K)]
    return np.stack(given, axis=1).astype(np.float64)
