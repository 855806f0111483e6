"""Chapter: the Markov factor p(x_i | x_{i-1}) (MK-1).

chain = mg.markov.fit_gaussian(x)         in closed form; x (N, n), (N, n, D) or a list
run = mg.fit(mg.markov.GaussianChain.init(1).nll, x, rng=rng)      the same by gradient
chain.log_prob(x); chain.sample(3, length=100, rng=rng); chain.stationary()
"""

from minigen.markov.categorical_chain import CategoricalChain
from minigen.markov.gaussian_chain import GaussianChain
from minigen.markov.losses import SequenceNLL, perplexity
from minigen.markov.maximum_likelihood import fit_categorical, fit_gaussian, fit_unigram
from minigen.markov.sequences import padded

__all__ = [
    "CategoricalChain", "GaussianChain", "SequenceNLL", "fit_categorical", "fit_gaussian",
    "fit_unigram", "padded", "perplexity",
]  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
