"""Batch normalisation as a flow layer, differentiated through its own statistics."""

from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Bijection, Cache, Grads
from minigen.core.signature import Count, Positive, checked
from minigen.core.tree import param
from minigen.flows.actnorm import ActNorm
from minigen.flows.chain import Chain


@dataclass(frozen=True, eq=False, repr=False)
class BatchNorm(Bijection):
    """Batch normalisation between flow layers (Dinh et al. 2017; Papamakarios et al. 2017).

        m = mean_n x_n,   v = mean_n (x_n - m)^2
        xhat = (x - m) / sqrt(v + eps),   y = xhat * exp(s) + t
        logdet = sum_j [s_j - log(v_j + eps) / 2]      of a row, with m and v held

    The gradient goes through m and v, and with G = sum_n dlogdet_n, dxhat = dy * exp(s):

        dx = (dxhat - mean(dxhat) - xhat * mean(dxhat * xhat) - xhat * G / N) / sqrt(v + eps)

    A row's y depends on the whole batch, so no density belongs to this layer: `freeze(x)` fixes
    the statistics and gives the affine layer to evaluate and sample with. The models here use
    ActNorm instead, which is that affine layer from the start, with s and t learned: its loss is
    the likelihood of the model one keeps, and it is invertible at every moment of training.

    Shapes: x, y (N, D); s, t (D,).
    """

    s: Annotated[NDArray, "D"] = param()
    t: Annotated[NDArray, "D"] = param()
    eps: Positive = 1e-5

    @classmethod
    @checked
    def init(
        cls, features: Count, *, dtype: DTypeLike = np.float32, eps: Positive = 1e-5
    ) -> "BatchNorm":
        """Scale 1 and shift 0.

        Parameters
        ----------
        features : D, the number of columns
        dtype : of the parameters
        eps : added to the variances

        Returns
        -------
        BatchNorm

        Examples
        --------
        >>> mg.flows.BatchNorm.init(3).size
        6
        """
        return cls(np.zeros(features, dtype), np.zeros(features, dtype), eps)

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        m = x.mean(axis=0)
        v = ((x - m) ** 2).mean(axis=0)
        root = np.sqrt(v + self.eps)
        xhat = (x - m) / root
        y = xhat * np.exp(self.s) + self.t
        return y, (self.s - np.log(root)).sum() + np.zeros(len(x), x.dtype), (xhat, root)

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        xhat, root = cache
        G = dlogdet.sum()
        dxhat = dy * np.exp(self.s)
        ds = (dxhat * xhat).sum(axis=0) + G
        dx = dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0) - xhat * G / len(dy)
        return dx / root, {"s": ds, "t": dy.sum(axis=0)}

    def inverse(self, y: NDArray) -> tuple[NDArray, NDArray, Cache]:
        raise validate.InvalidType(
            "BatchNorm uses the statistics of the batch and has no inverse; call freeze(x) first"
        )

    @checked
    def freeze(self, x: Annotated[ArrayLike, "N D"]) -> ActNorm:
        """The affine layer that `forward` is, with the statistics of x (N, D) kept.

        Parameters
        ----------
        x : data, (N, D)

        Returns
        -------
        A bijection whose rows do not depend on one another

        Examples
        --------
        >>> f = mg.flows.BatchNorm.init(2, dtype=np.float64)
        >>> x = rng.standard_normal((9, 2))
        >>> bool(np.allclose(f.freeze(x).forward(x)[0], f.forward(x)[0]))
        True
        """
        x = validate.array("x", x, ("N", len(self.s)), self.dtype)
        if not len(x):
            raise validate.expected("x", "at least one row", "none")
        m, v = x.mean(axis=0), x.var(axis=0)
        s = self.s - np.log(v + self.eps) / 2
        return ActNorm(s.astype(self.s.dtype), (self.t - m * np.exp(s)).astype(self.t.dtype))


@checked
def freeze(flow: Any, x: ArrayLike, *context: ArrayLike) -> Any:
    """A copy of a flow with each BatchNorm replaced by the affine layer that it is on x.

    Parameters
    ----------
    flow : a Flow whose chain has BatchNorm layers
    x : (N, D) data, from which the statistics are taken
    context : (N, C) of a conditional flow

    Returns
    -------
    Flow

    Examples
    --------
    >>> f = mg.flows.real_nvp(2, 1, (8,), rng=rng)
    >>> norm = mg.flows.BatchNorm.init(2)
    >>> flow = mg.flows.Flow(mg.flows.Chain((norm, *f.chain.layers)), f.base)
    >>> mg.flows.freeze(flow, rng.standard_normal((100, 2))).chain.layers[0]
    ActNorm(s=(2,), t=(2,))
    """
    validate.methods("flow", flow, "chain", "base")
    x, *given = validate.rows(flow, x, *context)
    layers = []
    for f in flow.chain.layers:
        layers.append(f.freeze(x) if isinstance(f, BatchNorm) else f)
        x = layers[-1].forward(x, *(given if f.context else ()))[0]
    return replace(flow, chain=Chain(tuple(layers)))
