"""Embeddings: a time step, or a class, as a vector."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core.contract import Cache, Grads, Layer
from minigen.core.signature import Count, Steps, checked
from minigen.core.tree import const, param
from minigen.nn.activation import SiLU
from minigen.nn.linear import Linear


def sinusoid(t: ArrayLike, n: int) -> NDArray:
    """(cos(t w_k), sin(t w_k)), w_k = 10000^(-2k/n) (Vaswani et al. 2017): t (N,) -> (N, n)."""
    w = 10000.0 ** (-2 * np.arange(n // 2) / n)
    angle = np.asarray(t, np.float64)[:, None] * w
    return np.concatenate([np.cos(angle), np.sin(angle)], axis=1)


@dataclass(frozen=True, eq=False, repr=False)
class TimeEmbedding(Layer):
    """A time step as a vector (Ho, Jain & Abbeel 2020).

        e = silu(sinusoid(t) W_1 + b_1) W_2 + b_2

    Given t (N,), in 0..T if integer and any real number if not; e (N, H). `table` (T+1, n) holds
    the sinusoids of the integer times. There is no input to differentiate.
    """

    table: Annotated[NDArray, "S n"] = const()
    first: Linear
    second: Linear

    @classmethod
    @checked
    def init(
        cls, T: Steps, n: Count, hidden: Count, *, rng: np.random.Generator,
        dtype: DTypeLike = np.float32,
    ) -> "TimeEmbedding":  # fmt: skip
        """Sinusoids of n columns (even), layers of width `hidden`: He's variance, half of it.

        Parameters
        ----------
        T : the times are 1..T
        n : columns of the sinusoids, even
        hidden : H
        rng : the generator of the first weights
        dtype : of the parameters

        Returns
        -------
        TimeEmbedding

        Examples
        --------
        >>> mg.nn.TimeEmbedding.init(10, 4, 8, rng=rng).forward(t=np.array([1, 5]))[0].shape
        (2, 8)
        """
        first = Linear.init(n, hidden, rng=rng, dtype=dtype)
        second = Linear.init(hidden, hidden, rng=rng, dtype=dtype, gain=1.0)
        return cls(sinusoid(np.arange(T + 1), n).astype(dtype), first, second)

    def forward(self, *, t: NDArray) -> tuple[NDArray, Cache]:
        whole = np.issubdtype(np.asarray(t).dtype, np.integer)
        wave = self.table[t] if whole else sinusoid(t, self.table.shape[1])
        wave = wave.astype(self.table.dtype, copy=False)
        u, _ = self.first.forward(wave)
        a, act = SiLU().forward(u)
        e, second = self.second.forward(a)
        return e, (wave, act, second)

    def backward(self, de: NDArray, cache: Cache) -> tuple[Grads]:
        wave, act, second = cache
        da, dsecond = self.second.backward(de, second)
        du, _ = SiLU().backward(da, act)
        dfirst = {"W": wave.T @ du, "b": du.sum(axis=0)}  # the wave itself has no gradient
        return ({"first": dfirst, "second": dsecond},)


@dataclass(frozen=True, eq=False, repr=False)
class LabelEmbedding(Layer):
    """A class as a vector: e = W[label], with one more row for "no class".

    Given label (N,) in 0..K, K standing for none; W (K+1, H), e (N, H).
    """

    W: Annotated[NDArray, "K H"] = param()

    @classmethod
    @checked
    def init(
        cls, classes: Count, hidden: Count, *, rng: np.random.Generator,
        dtype: DTypeLike = np.float32,
    ) -> "LabelEmbedding":  # fmt: skip
        """W ~ N(0, 1).

        Parameters
        ----------
        classes : K; label K stands for no class
        hidden : H
        rng : the generator of the first weights
        dtype : of the parameters

        Returns
        -------
        LabelEmbedding

        Examples
        --------
        >>> mg.nn.LabelEmbedding.init(3, 4, rng=rng).forward(label=np.array([0, 2]))[0].shape
        (2, 4)
        """
        return cls(rng.standard_normal((classes + 1, hidden)).astype(dtype))

    def forward(self, *, label: NDArray) -> tuple[NDArray, Cache]:
        return self.W[label], (label,)

    def backward(self, de: NDArray, cache: Cache) -> tuple[Grads]:
        (label,) = cache
        dW = np.zeros(self.W.shape, de.dtype)
        np.add.at(dW, label, de)  # a class may stand in many rows
        return ({"W": dW},)
