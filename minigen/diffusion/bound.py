"""The whole bound, term by term, with its Monte Carlo error."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core.blocks import in_blocks
from minigen.core.signature import Count, Size
from minigen.diffusion.losses import StepTerm
from minigen.diffusion.reverse import ReverseProcess
from minigen.diffusion.terms import PriorTerm
from minigen.prob.gaussian import standard_normal


@dataclass(frozen=True, eq=False)
class Elbo:
    """-log p(x_0) <= L = L_0 + L_1 + ... + L_T, in nats, as a mean over the rows of x_0 (ELBO-15).

    Parameters
    ----------
    L, L_error : (T+1,) each, the terms and their standard errors
    per_row : (N,), the sum for each row
    features : D
    levels : of integer data; 0 if the data are continuous, and L bounds a density

    Examples
    --------
    >>> model = mg.diffusion.ddpm(2, mg.diffusion.linear_schedule(20), hidden=8, rng=rng)
    >>> bound = model.elbo(rng.standard_normal((50, 2)), rng=rng)
    >>> bound.L.shape, bound.rows, bool(bound.bits_per_dim > 0)
    ((21,), 50, True)
    """

    L: NDArray
    L_error: NDArray
    per_row: NDArray
    features: Count
    levels: Size

    @property
    def rows(self) -> int:
        """The number of rows of x_0."""
        return len(self.per_row)

    @property
    def total(self) -> float:
        """The bound on -log p in nats."""
        return float(self.L.sum())

    @property
    def error(self) -> float:
        """The standard error of `total`: of the rows and of the noise."""
        return standard_error(self.per_row)

    @property
    def bits_per_dim(self) -> float:
        """The bound in bits per dimension; of the integers, if the data are integers."""
        return self.total / (self.features * np.log(2))

    @property
    def bits_error(self) -> float:
        """The standard error of `bits_per_dim`."""
        return self.error / (self.features * np.log(2))

    def __repr__(self) -> str:
        what = f"of integers 0..{self.levels - 1}" if self.levels else "of a density"
        T, middle = len(self.L) - 1, self.L[1:-1].sum()
        between = f"L_1..L_{T - 1} {middle:.4f}, " if T > 1 else ""
        return (
            f"Elbo {what}: {self.total:.4f} +- {self.error:.4f} nats, "
            f"{self.bits_per_dim:.4f} +- {self.bits_error:.4f} bits per dimension "
            f"(L_0 {self.L[0]:.4f}, {between}L_{T} {self.L[-1]:.2g})"
        )


def evaluate(
    reverse: ReverseProcess, x0: NDArray, *, rng: np.random.Generator, label: NDArray | None = None,
    volume: NDArray | float = 0.0,
) -> Elbo:  # fmt: skip
    """The `Elbo` of x0 (N, D), already in the model's units: one fresh eps for each row and t.

    volume: log|det dx0/dx| (N,), if the data x have other units; it belongs to L_0.
    """
    T = reverse.schedule.T
    term, terms, per_row = StepTerm(reverse), np.zeros((T + 1, 2)), np.zeros(len(x0))
    for t in range(T + 1):
        if t < T:
            now = np.array([t + 1])

            def run(x0: Any, label: Any, now: NDArray = now) -> tuple[NDArray, NDArray]:
                eps = standard_normal(x0.shape, rng=rng, dtype=x0.dtype.type)
                (L,) = term.forward(x0, t=now, eps=eps, label=label)[:1]  # at x_{t+1}
                return L, (eps * eps).sum(axis=1) - x0.shape[1]

            L = control_variate(*in_blocks(run, (x0, label)))
        else:
            (L,) = in_blocks(lambda x0: PriorTerm(reverse.schedule).forward(x0)[:1], (x0,))
        L = L if t else L - volume
        terms[t] = L.mean(dtype=np.float64), standard_error(L)
        per_row += L
    return Elbo(terms[:, 0], terms[:, 1], per_row, reverse.features, reverse.levels)


def control_variate(L: NDArray, control: NDArray) -> NDArray:
    """L (N,) minus its regression on `control` (N,), whose mean is known to be 0; from 20 rows on.

        L_i - c_i b_i,   b_i = cov_{j != i}(c_j, L_j) / var_{j != i}(c_j)

    Here c is |eps|^2 - D. The slope of row i is fitted to the other rows alone, so it knows nothing
    of c_i: the mean stays what it was in expectation, and the scatter of
    the rows is an honest error. One slope fitted to all rows follows their noise: the estimate is
    then low, and its error of 10 to 20 rows a quarter too small. Fewer rows are left as they are.
    """
    n = len(L)
    if n < 20:
        return L
    y, c = (a.astype(np.float64) for a in (L - L.mean(), control - control.mean()))
    both, square, w = c * y, c * c, n / (n - 1)  # without row i, sums of squares lose w c_i^2
    slope = (both.sum() - w * both) / (square.sum() - w * square)
    return L - control * slope.astype(L.dtype)


def standard_error(values: NDArray) -> float:
    """The standard error of a mean; nan for a single value."""
    n = len(values)
    return float(np.std(values, dtype=np.float64) / np.sqrt(n - 1)) if n > 1 else float("nan")
