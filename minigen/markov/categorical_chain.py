"""The categorical Markov chain: letters that depend on the letter before."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core import validate
from minigen.core.blocks import in_blocks
from minigen.core.contract import Cache, Density, Grads
from minigen.core.numeric import logsumexp
from minigen.core.signature import Count, Size, checked
from minigen.core.tree import param
from minigen.markov.losses import SequenceNLL
from minigen.markov.sequences import inside, padded


@dataclass(frozen=True, eq=False, repr=False)
class CategoricalChain(Density):
    """Sequences y_1 .. y_n of symbols 0 .. K-1 (Markov 1913, on the letters of Eugene Onegin).

        log p(y_1..n) = log pi[y_1] + sum_i log P[y_{i-1}, y_i]         MK-1
        pi = softmax(start),   P[k] = softmax(logits[k])
        dlogits[k] = sum over the steps k -> l of dlogp (e_l - P[k])

    Shapes: start (K,), logits (K, K); given y (N, n) integers, and `lengths` (N,) where the rows
    are padded sequences of unequal length. A logit of -inf is a probability of 0.

    Examples
    --------
    >>> chain = mg.markov.CategoricalChain.of([0.5, 0.5], [[0.9, 0.1], [0.5, 0.5]])
    >>> np.exp(chain.log_prob([[0, 0, 1]])).round(12).tolist()
    [0.045]
    >>> chain.sample(3, length=10, rng=rng).shape, chain.stationary().round(3).tolist()
    ((3, 10), [0.833, 0.167])
    """

    start: Annotated[NDArray, "K", -np.inf] = param()
    logits: Annotated[NDArray, "K K", -np.inf] = param()

    @classmethod
    @checked
    def init(cls, states: Count, *, dtype: DTypeLike = np.float32) -> "CategoricalChain":
        """All symbols equally likely.

        Parameters
        ----------
        states : K, the number of symbols
        dtype : of the parameters

        Returns
        -------
        CategoricalChain

        Examples
        --------
        >>> mg.markov.CategoricalChain.init(3).P.round(2)[0]
        array([0.33, 0.33, 0.33], dtype=float32)
        """
        return cls(np.zeros(states, dtype), np.zeros((states, states), dtype))

    @classmethod
    @checked
    def of(
        cls, start: ArrayLike, P: ArrayLike, *, dtype: DTypeLike = np.float64
    ) -> "CategoricalChain":
        """The chain of given probabilities: start (K,) and P (K, K), whose rows sum to 1.

        Parameters
        ----------
        start : p(x_1), (K,)
        P : p(next | this), (K, K), whose rows sum to 1
        dtype : of the parameters

        Returns
        -------
        CategoricalChain

        Examples
        --------
        >>> mg.markov.CategoricalChain.of([0.5, 0.5], [[0.9, 0.1], [0.5, 0.5]]).states
        2
        """
        start = validate.array("start", start, ("K",), np.float64)
        P = validate.array("P", P, (len(start), len(start)), np.float64)
        for name, p in [("start", start[None]), ("P", P)]:
            if (p < 0).any() or not np.allclose(p.sum(axis=1), 1, rtol=1e-9):
                raise validate.expected(name, "probabilities that sum to 1", f"{p.sum(axis=1)}")
        with np.errstate(divide="ignore"):
            return cls(np.log(start).astype(dtype), np.log(P).astype(dtype))

    @property
    def states(self) -> int:
        """K, the number of symbols."""
        return len(self.start)

    @property
    def P(self) -> NDArray:
        """Transition probabilities, (K, K): P[k, l] from k to l."""
        return np.exp(self.logits - logsumexp(self.logits)[:, None])

    @property
    def nll(self) -> SequenceNLL:
        """Nats per symbol as a loss; a batch is y or (y, lengths)."""
        return SequenceNLL(self)

    @checked
    def arguments(
        self, y: Any, lengths: ArrayLike | None = None
    ) -> tuple[tuple[()], dict[str, NDArray]]:
        """Inputs (none) and given of `forward` for sequences of any kind, checked."""
        y, lengths = padded(y, lengths, "y")
        y = np.where(inside(y.shape[:2], lengths), validate.array("y", y, ("N", "n")), 0)
        return (), {"y": validate.integers("y", y, 0, self.states - 1), "lengths": lengths}

    @checked
    def log_prob(self, y: Any, lengths: ArrayLike | None = None) -> NDArray:
        """log p of each sequence in nats, (N,): a list of them, or an array and lengths.

        Parameters
        ----------
        y : sequences of whole numbers 0 .. K-1: a list, or an array (N, T)
        lengths : of the sequences in a padded array, by default its width

        Returns
        -------
        (N,)

        Examples
        --------
        >>> mg.markov.CategoricalChain.init(2, dtype=np.float64).log_prob([[0, 1, 1]]).round(3)
        array([-2.079])
        """
        _, given = self.arguments(y, lengths)
        return in_blocks(lambda y, n: self.forward(y=y, lengths=n)[:1], tuple(given.values()))[0]

    def forward(self, *, y: NDArray, lengths: NDArray | None = None) -> tuple[NDArray, Cache]:
        log_start = self.start - logsumexp(self.start)
        log_P = self.logits - logsumexp(self.logits)[:, None]
        steps = inside(y.shape, lengths)[:, 1:]
        terms = np.where(steps, log_P[y[:, :-1], y[:, 1:]], 0)
        return log_start[y[:, 0]] + terms.sum(axis=1), (y, steps, np.exp(log_start), np.exp(log_P))

    def backward(self, dlogp: NDArray, cache: Cache) -> tuple[Grads]:
        y, steps, start, P = cache
        first = np.zeros_like(start)
        np.add.at(first, y[:, 0], dlogp)
        count = np.zeros_like(P)  # sum of dlogp over the steps k -> l
        np.add.at(count, (y[:, :-1][steps], y[:, 1:][steps]), np.repeat(dlogp, steps.sum(axis=1)))
        dstart = first - first.sum() * start  # MK-1
        dlogits = count - count.sum(axis=1, keepdims=True) * P
        return ({"start": dstart, "logits": dlogits},)

    @checked
    def sample(self, n: Size, *, length: Count, rng: np.random.Generator) -> NDArray:
        """n sequences of symbols (n, length).

        Parameters
        ----------
        n : how many
        length : of each sequence
        rng : the generator of the samples

        Returns
        -------
        (n, length)

        Examples
        --------
        >>> mg.markov.CategoricalChain.init(2).sample(3, length=5, rng=rng).shape
        (3, 5)
        """
        n, length = validate.integer("n", n, 0), validate.integer("length", length, 1)
        u = validate.generator(rng).random((length, n))
        start = np.exp(self.start - logsumexp(self.start))
        y = [below(u[0], np.broadcast_to(np.cumsum(start), (n, self.states)))]
        edges = np.cumsum(self.P, axis=1)
        for i in range(1, length):
            y.append(below(u[i], edges[y[-1]]))
        return np.stack(y, axis=1)

    def stationary(self) -> NDArray:
        """The distribution pi (K,) with pi = pi P; it must be the only one.

        Returns
        -------
        (K,)

        Examples
        --------
        >>> chain = mg.markov.CategoricalChain.of([0.5, 0.5], [[0.9, 0.1], [0.5, 0.5]])
        >>> chain.stationary().round(3)
        array([0.833, 0.167])
        """
        K, P = self.states, self.P.astype(np.float64)
        P /= P.sum(axis=1, keepdims=True)  # exact in float64, for the rank
        system = np.vstack([P.T - np.eye(K), np.ones(K)])
        if np.linalg.matrix_rank(system[:-1]) < K - 1:
            got = "several (the chain is divided)"
            raise validate.expected("P", "one stationary distribution", got)
        return np.linalg.lstsq(system, np.eye(K + 1)[K], rcond=None)[0].clip(0)


def below(u: NDArray, edges: NDArray) -> NDArray:
    """Draws by the inverse of the distribution function: u (n,) < 1, edges (n, K) -> (n,)."""
    return (u[:, None] * edges[:, -1:] >= edges).sum(axis=1)
