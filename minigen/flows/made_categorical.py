"""MADE with a softmax for each coordinate: an exact density of rows of whole numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Density
from minigen.core.numeric import logsumexp
from minigen.core.signature import Count, Gain, Size, checked
from minigen.flows.made import MADE
from minigen.flows.sequential import before, blocks, within

if TYPE_CHECKING:
    from minigen.flows.losses import NLL


@dataclass(frozen=True, eq=False, repr=False)
class MADECategorical(Density):
    """Masked autoencoder with categorical conditionals, of x in {0 .. K-1}^D (Germain et al. 2015).

        P(x) = prod_i P(x_i | x_{1:i-1}),   P(x_i = k | x_{1:i-1}) = softmax(a_i)_k     MAF-1
        da_ik = dlogp ([x_i = k] - P(x_i = k | x_{1:i-1}))

    The MADE reads each x_i as K numbers, one 1 among zeros, and gives K numbers a_i. P is exact: no
    noise, no bound. As a density of real numbers it is that of x + u, u ~ U[0, 1): constant on each
    cell, p(x) = P(floor x), where the bound of dequantisation is an equality. So dx = 0.

    Shapes: x (N, D), logp (N,); made: (D, K) one-hot rows (and a context) -> (D, K).
    """

    made: MADE

    def __post_init__(self) -> None:
        super().__post_init__()
        I = (self.made.linears[0].below.size - self.context) // self.features  # noqa: E741
        if self.levels != I or self.levels < 2:
            raise validate.expected("made.parts", f"at least 2, and the {I} inputs", self.levels)

    @classmethod
    @checked
    def init(
        cls, features: Count, levels: Count, hidden: int | Sequence[int] = (64, 64), *,
        rng: np.random.Generator, dtype: DTypeLike = np.float32, order: str | ArrayLike = "natural",
        context: Size = 0, activation: str = "relu", last_gain: Gain = 0.0,
    ) -> "MADECategorical":  # fmt: skip
        """All rows equally likely; K = levels >= 2, and the options of `MADE.init`.

        Parameters
        ----------
        features : D, the number of columns
        levels : K, at least 2
        hidden : the widths of the hidden layers, each at least D - 1 (D with a context)
        rng : the generator of the first weights
        dtype : of the parameters
        order : "natural", "reversed", "random", or a permutation of 0 .. D-1
        context : the number of context columns, 0 for none
        activation : "relu", "tanh", "silu" or "softplus"
        last_gain : scales the variance of the last weights; with 0 the parameters start at 0

        Returns
        -------
        MADECategorical

        Examples
        --------
        >>> mg.flows.MADECategorical.init(2, 4, (8,), rng=rng).levels
        4
        """
        validate.integer("levels", levels, 2)
        return cls(
            MADE.init(
                features, hidden, levels, inputs=levels, rng=rng, dtype=dtype, order=order,
                context=context, activation=activation, last_gain=last_gain,
            )
        )  # fmt: skip

    @property
    def features(self) -> int:
        return self.made.features

    @property
    def context(self) -> int:
        return self.made.context

    @property
    def levels(self) -> int:
        return self.made.parts

    @property
    def nll(self) -> "NLL":
        """The mean negative log-likelihood as a loss."""
        from minigen.flows.losses import NLL

        return NLL(self)

    def defined(self, x: NDArray) -> NDArray:
        return np.all((x >= 0) & (x < self.levels), axis=1)

    def forward(self, x: NDArray[np.inexact], *context: NDArray) -> tuple[NDArray, Cache]:
        hot = np.eye(self.levels, dtype=x.real.dtype)[np.floor(x.real).astype(np.int64)]
        a, made_cache = self.made.forward(hot, *context)
        logp = a - logsumexp(a)[..., None]
        return np.einsum("ndk,ndk->n", hot, logp), (hot, np.exp(logp), made_cache)  # MAF-1

    def backward(self, dlogp: NDArray, cache: Cache) -> tuple[Any, ...]:
        hot, p, made_cache = cache
        da = dlogp[:, None, None] * (hot - p)
        _, *dcontext, dmade = self.made.backward(da, made_cache)
        return np.zeros(hot.shape[:2], da.dtype), *dcontext, {"made": dmade}

    @checked
    def log_prob(self, x: ArrayLike, *context: ArrayLike) -> NDArray:
        """log P of each row (N,), in nats; -inf outside 0 .. K-1.

        Parameters
        ----------
        x : whole numbers 0 .. K-1, (N, D)
        context : (N, C), of a conditional density

        Returns
        -------
        (N,)

        Examples
        --------
        >>> p = mg.flows.MADECategorical.init(2, 4, (8,), rng=rng)
        >>> p.log_prob([[0, 3]]).round(2)
        array([-2.77], dtype=float32)
        """
        return self.evaluated(self.density_of, x, *context)[0]

    def density_of(self, x: NDArray, *context: NDArray) -> tuple[NDArray]:
        """log P of the rows in the support, -inf of the others."""
        good = self.defined(x)
        logp = np.full(len(good), -np.inf, self.dtype)
        logp[good] = self.forward(x[good], *(c[good] for c in context))[0]
        return (logp,)

    @checked
    def bits_per_dim(self, x: ArrayLike, *context: ArrayLike) -> NDArray:
        """-log2 P(x) / D of each row of whole numbers, exactly."""
        x = validate.integers("x", x, 0, self.levels - 1)
        return -self.log_prob(x, *context).astype(np.float64) / (self.features * np.log(2))

    @checked
    def sample(self, n: Size, *context: ArrayLike, rng: np.random.Generator) -> NDArray:
        """n rows of whole numbers (n, D), one for each row of a context: the work of one pass.

        Parameters
        ----------
        n : how many
        context : (n, C), of a conditional density
        rng : the generator of the samples

        Returns
        -------
        (n, D)

        Examples
        --------
        >>> mg.flows.MADECategorical.init(2, 4, (8,), rng=rng).sample(5, rng=rng).shape
        (5, 2)
        """
        made, K = self.made, self.levels
        u = validate.generator(rng).random((self.features, n))
        levels = [np.zeros((s[-1], n), self.dtype) for s in made.starts]  # a row for each unit
        for c in validate.conditions(self, n, *context):
            levels[0][: self.context] = c.T
        x = np.empty((n, self.features), np.int64)
        for a, b in blocks(made):
            before(made, levels, a, b)
            for m in range(a, b):
                within(made, levels, a, m)
                h = levels[-1][K * m : K * (m + 1)].T
                edges = np.cumsum(np.exp(h - logsumexp(h)[:, None]), axis=1)[:, :-1]
                k = (edges < u[m, :, None]).sum(axis=1)
                x[:, made.order[m]] = k
                levels[0][self.context + K * m + k, np.arange(n)] = 1
        return x
