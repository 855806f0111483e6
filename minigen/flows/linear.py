"""An invertible matrix in the factors whose determinant is read off."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import scipy
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Bijection, Cache, Grads
from minigen.core.signature import Count, checked
from minigen.core.tree import const, param


@dataclass(frozen=True, eq=False, repr=False)
class InvertibleLinear(Bijection):
    """Linear map by its PLU factors (Glow, Kingma & Dhariwal 2018).

        y = x W,   W = P L U,   log|det dy/dx| = sum_j a_j
        L = I + strictly lower part,   U = diag(sign * exp(a)) + strictly upper part

    The permutation P and the signs are kept; det W may be negative. Triangular solves invert it.

    Shapes: x, y (N, D); lower, upper (D, D) of which only the strict triangle counts; a, sign,
    order (D,), with (x P)_i = x_{order_i}.
    """

    lower: Annotated[NDArray, "D D"] = param()
    upper: Annotated[NDArray, "D D"] = param()
    a: Annotated[NDArray, "D"] = param()
    sign: Annotated[NDArray, "D"] = const()
    order: Annotated[NDArray, "D"] = const()

    def __post_init__(self) -> None:
        super().__post_init__()
        with np.errstate(over="ignore", under="ignore"):
            diagonal = np.exp(np.real(self.a))
        lost = ~np.isfinite(diagonal) | (diagonal == 0)
        validate.refuse("a", self.a, lost, f"numbers whose exp is in {self.a.dtype}")
        validate.refuse("sign", self.sign, np.abs(self.sign) != 1, "signs, 1 or -1")

    @classmethod
    @checked
    def init(
        cls, features: Count, *, rng: np.random.Generator, dtype: DTypeLike = np.float32
    ) -> "InvertibleLinear":
        """A random rotation (possibly with a reflection), so logdet starts at 0.

        Parameters
        ----------
        features : D, the number of columns
        rng : the generator of the first weights
        dtype : of the parameters

        Returns
        -------
        InvertibleLinear

        Examples
        --------
        >>> f = mg.flows.InvertibleLinear.init(3, rng=rng, dtype=np.float64)
        >>> bool(np.allclose(f.forward(np.ones((2, 3)))[1], 0))
        True
        """
        W = np.linalg.qr(rng.standard_normal((features, features)))[0]
        return cls.from_matrix(W, dtype=dtype)

    @classmethod
    @checked
    def from_matrix(
        cls, W: Annotated[ArrayLike, "D D"], *, dtype: DTypeLike = np.float32
    ) -> "InvertibleLinear":
        """The layer y = x W of a regular matrix.

        Parameters
        ----------
        W : (D, D), regular
        dtype : of the parameters

        Returns
        -------
        InvertibleLinear

        Examples
        --------
        >>> f = mg.flows.InvertibleLinear.from_matrix(2 * np.eye(2), dtype=np.float64)
        >>> f.forward(np.ones((1, 2)))[0]
        array([[2., 2.]])
        """
        if not np.size(W):
            raise validate.expected("W", "at least one column", "none")
        validate.cast("W", np.asarray(W), dtype)
        P, L, U = scipy.linalg.lu(W)
        diagonal = np.diag(U)
        if not np.all(diagonal):
            raise validate.expected("W", "a matrix with an inverse", "a singular one")
        strict = np.tril(L, -1).astype(dtype), np.triu(U, 1).astype(dtype)
        a, sign = np.log(np.abs(diagonal)).astype(dtype), np.sign(diagonal).astype(dtype)
        return cls(*strict, a, sign, P.argmax(axis=0))

    def factors(self) -> tuple[NDArray, NDArray]:
        L = np.tril(self.lower, -1) + np.eye(len(self.a), dtype=self.lower.dtype)
        U = np.triu(self.upper, 1) + np.diag(self.sign * np.exp(self.a))
        return L, U

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        L, U = self.factors()
        u = x.take(self.order, axis=1)
        v = u @ L
        return v @ U, self.a.sum() + np.zeros(len(x), x.dtype), (u, v, L, U)

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        u, v, L, U = cache
        dU = v.T @ dy
        dv = dy @ U.T
        dL = u.T @ dv
        dx = (dv @ L.T).take(np.argsort(self.order), axis=1)
        return dx, self.grads(dL, dU, dlogdet.sum())

    def inverse(self, y: NDArray) -> tuple[NDArray, NDArray, Cache]:
        L, U = self.factors()
        v = scipy.linalg.solve_triangular(U, y.T, trans="T", lower=False).T  # v = y U^{-1}
        u = scipy.linalg.solve_triangular(L, v.T, trans="T", lower=True, unit_diagonal=True).T
        x = u.take(np.argsort(self.order), axis=1)
        return x, -self.a.sum() + np.zeros(len(y), y.dtype), (u, v, L, U)

    def inverse_backward(
        self, dx: NDArray, dlogdet: NDArray, cache: Cache
    ) -> tuple[NDArray, Grads]:
        u, v, L, U = cache
        du = dx.take(self.order, axis=1)
        dv = scipy.linalg.solve_triangular(L, du.T, lower=True, unit_diagonal=True).T  # u = v L^-1
        dy = scipy.linalg.solve_triangular(U, dv.T, lower=False).T  # v = y U^{-1}
        return dy, self.grads(-u.T @ dv, -v.T @ dy, -dlogdet.sum())

    def grads(self, dL: NDArray, dU: NDArray, dlogdet: NDArray) -> Grads:
        """The gradient of the factors' free entries, and of `a` through U and through logdet."""
        da = np.diag(dU) * self.sign * np.exp(self.a) + dlogdet
        return {"lower": np.tril(dL, -1), "upper": np.triu(dU, 1), "a": da}
