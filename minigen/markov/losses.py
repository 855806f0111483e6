"""Training a chain by likelihood, and what a held-out text says of it."""

from dataclasses import dataclass

import numpy as np

from minigen.core.contract import Density, Loss


@dataclass(frozen=True, eq=False, repr=False)
class SequenceNLL(Loss):
    """Nats per element of a batch of sequences; its exponential is the perplexity.

        loss = -sum_n log p(x_n) / sum_n length_n                       MK-1

    A batch is x (N, n) or (N, n, D), or (x, lengths) for padded sequences of unequal length.
    """

    chain: Density

    def draw(self, batch, rng):
        return self.chain.arguments(*(batch if isinstance(batch, tuple) else (batch,)))

    def forward(self, *inputs, **given):
        logp, cache = self.chain.forward(*inputs, **given)
        count = elements(*inputs, **given)
        return -logp.sum() / logp.real.dtype.type(count), (len(logp), count, cache)

    def backward(self, dloss, cache):
        n, count, chain_cache = cache
        dlogp = np.full(n, -dloss / count, self.chain.dtype)
        *dx, grads = self.chain.backward(dlogp, chain_cache)
        return *dx, {"chain": grads}


def elements(x=None, *, y=None, lengths=None):
    """How many elements the sequences have."""
    sequences = y if x is None else x
    return sequences.shape[0] * sequences.shape[1] if lengths is None else int(np.sum(lengths))


def perplexity(chain, sequences, lengths=None):
    """exp of the nats per element: how many equally likely symbols are as hard to guess."""
    inputs, given = chain.arguments(sequences, lengths)
    logp = chain.forward(*inputs, **given)[0].astype(np.float64)
    return float(np.exp(-logp.sum() / elements(*inputs, **given)))
