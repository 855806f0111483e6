"""Training a chain by likelihood, and its perplexity on held-out sequences."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Loss
from minigen.core.signature import checked
from minigen.markov.sequences import padded


@dataclass(frozen=True, eq=False, repr=False)
class SequenceNLL(Loss):
    """Nats per element of a batch of sequences; its exponential is the perplexity.

        loss = -sum_n log p(x_n) / sum_n length_n                       MK-1

    A batch is x (N, n) or (N, n, D), or (x, lengths) for padded sequences of unequal length.

    Parameters
    ----------
    chain : GaussianChain or CategoricalChain

    Examples
    --------
    >>> chain = mg.markov.CategoricalChain.init(4)
    >>> loss, cache = mg.markov.SequenceNLL(chain).forward(y=np.array([[0, 1, 3]]))
    >>> print(round(float(np.exp(loss)), 3))
    4.0
    """

    chain: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        validate.methods("chain", self.chain, "arguments", "forward", "backward")

    def examine(self, data: Any, name: str = "data") -> None:
        self.draw(data, np.random.default_rng(0))  # refuses by the place in all data

    def draw(
        self, batch: Any, rng: np.random.Generator
    ) -> tuple[tuple[NDArray, ...], dict[str, Any]]:
        return self.chain.arguments(*(batch if isinstance(batch, tuple) else (batch,)))

    def forward(self, *inputs: NDArray, **given: Any) -> tuple[NDArray, Cache]:
        logp, cache = self.chain.forward(*inputs, **given)
        count = _elements(*inputs, **given)
        return -logp.sum() / logp.real.dtype.type(count), (len(logp), count, cache)

    def backward(self, dloss: float, cache: Cache) -> tuple[Any, ...]:
        n, count, chain_cache = cache
        dlogp = np.full(n, -dloss / count, self.chain.dtype)
        *dx, grads = self.chain.backward(dlogp, chain_cache)
        return *dx, {"chain": grads}


def _elements(x: Any = None, *, y: Any = None, lengths: Any = None) -> int:
    """How many elements the sequences have."""
    rows, columns = np.shape(y if x is None else x)[:2]
    return rows * columns if lengths is None else int(np.sum(lengths))


@checked
def perplexity(chain: Any, sequences: Any, lengths: ArrayLike | None = None) -> float:
    """exp of the nats per element: how many equally likely symbols are as hard to guess.

    Parameters
    ----------
    chain : GaussianChain or CategoricalChain
    sequences : a list of arrays, or a padded array
    lengths : (N,) of the rows of a padded array

    Returns
    -------
    float

    Examples
    --------
    >>> die = mg.markov.CategoricalChain.init(6)
    >>> round(mg.markov.perplexity(die, [[0, 5, 2], [1]]), 3)
    6.0
    """
    validate.methods("chain", chain, "arguments", "forward")
    sequences, lengths = padded(sequences, lengths, "sequences")
    if not len(sequences):
        raise validate.expected("sequences", "at least one", "none")
    inputs, given = chain.arguments(sequences, lengths)
    logp = chain.forward(*inputs, **given)[0].astype(np.float64)
    return float(np.exp(-logp.sum() / _elements(*inputs, **given)))
