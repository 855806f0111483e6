"""Which conditional of an autoregressive flow is wrong: its distribution function on data."""

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.contract import Density
from minigen.core.signature import checked
from minigen.core.text import table
from minigen.flows.flow import Flow
from minigen.flows.losses import of
from minigen.flows.made_mog import MADEMoG
from minigen.prob import StandardNormal

ALARM = 1e-3  # how often a right model is called wrong
PROBED = 32  # rows on which it is seen what depends on what
HALVES = (0.5, 0.9)  # shares of probability in the middle, of which the coverage is counted


@checked
def pit(flow: Flow, x: ArrayLike, *context: ArrayLike) -> NDArray:
    """The probability integral transform of data (Rosenblatt 1952).

        u_i = F(z_i | z_1 .. z_{i-1}),   z = f(x)

    With base N(0, I) it is Phi(z_i), with a MADE MoG the mixture's distribution function. If the
    model is right, the columns of u are uniform on (0, 1) and independent. In a flow whose layers
    all have one order, u_i is the conditional distribution function of a column of the data
    (`calibration` says which); in others, of a latent.

    Parameters
    ----------
    flow : a Flow with base StandardNormal or MADEMoG
    x : data (N, D), best of rows that were not trained on; integers as x + u, u uniform in [0, 1)
    context : (N, C) of a conditional flow

    Returns
    -------
    (N, D) float64

    Raises
    ------
    InvalidInput
        For another base, or rows outside the support.

    Examples
    --------
    >>> flow = mg.flows.maf(2, layers=1, hidden=(8,), rng=rng)
    >>> mg.flows.pit(flow, [[0.0, 0.0]])
    array([[0.5, 0.5]])
    """
    return _uniforms(_examined(flow), x, *context)


@checked
def calibration(flow: Flow, x: ArrayLike, *context: ArrayLike) -> "Calibration":
    """How far each conditional of an autoregressive flow is from the data: KS and coverage.

    Parameters
    ----------
    flow, x, context : as in `pit`

    Returns
    -------
    Calibration

    Examples
    --------
    >>> flow = mg.flows.maf(2, layers=1, hidden=(8,), rng=rng)
    >>> x = rng.standard_normal((500, 2)) * [1.0, 2.0]  # the model has standard deviation 1
    >>> mg.flows.calibration(flow, x).worst
    1
    """
    u = _uniforms(_examined(flow), x, *context)
    if not len(u):
        raise validate.expected("x", "at least one row", "none")
    some = np.linspace(0, len(u) - 1, min(len(u), PROBED)).astype(int)
    rows = validate.array("x", x)[some]
    given = [c[some] for c in validate.conditions(flow, len(u), *context)]
    return Calibration(u, _columns(flow, rows, *given))


@dataclass(frozen=True, eq=False, repr=False)
class Calibration:
    """The conditionals of a flow on data.

    Parameters
    ----------
    u : (N, D), the uniforms of `pit`
    columns : the column of the data whose conditional each u_i is; None where the flow's layers
        have several orders, and u_i belongs to a latent
    """

    u: NDArray
    columns: tuple[int, ...] | None

    def __post_init__(self) -> None:
        u = validate.array("u", self.u, ("N", "D"))
        validate.refuse("u", u, (u < 0) | (u > 1), "numbers between 0 and 1")
        if not u.size:
            raise validate.expected("u", "at least one number", "none")
        object.__setattr__(self, "u", u)
        if self.columns is not None:
            found = validate.integers("columns", self.columns, 0, u.shape[1] - 1, (u.shape[1],))
            if len(set(found.tolist())) < len(found):
                raise validate.expected("columns", "each column once", found.tolist())
            object.__setattr__(self, "columns", tuple(found.tolist()))

    @property
    def distance(self) -> NDArray:
        """max |F_N(u) - u| of each u_i, the statistic of Kolmogorov and Smirnov, (D,)."""
        n, u = len(self.u), np.sort(self.u, axis=0)
        k = np.arange(1, n + 1)[:, None] / n
        return np.maximum(k - u, u - k + 1 / n).max(axis=0)

    @property
    def threshold(self) -> float:
        """What the largest of the D distances exceeds once in 1000 data sets of a right model."""
        from scipy.stats import kstwo  # slow to import

        return float(kstwo.isf(ALARM / self.u.shape[1], len(self.u)))

    @property
    def coverage(self) -> NDArray:
        """The share of rows in the middle 50 % and 90 % of each conditional, (2, D)."""
        far = 2 * np.abs(self.u - 0.5)
        return np.stack([(far < share).mean(axis=0) for share in HALVES])

    @property
    def worst(self) -> int:
        """The column (or the latent, see `columns`) with the largest distance."""
        i = int(self.distance.argmax())
        return i if self.columns is None else self.columns[i]

    @property
    def wrong(self) -> list[int]:
        """The columns (or latents) whose distance is above the threshold."""
        names = range(self.u.shape[1]) if self.columns is None else self.columns
        return [j for j, d in zip(names, self.distance, strict=True) if d > self.threshold]

    def __repr__(self) -> str:
        what = "latent" if self.columns is None else "column"
        names = range(self.u.shape[1]) if self.columns is None else self.columns
        found = zip(names, self.distance, *self.coverage, strict=True)
        rows = [
            (j, f"{d:.3f}", f"{100 * half:.0f} %", f"{100 * most:.0f} %",
             "wrong" if d > self.threshold else "")
            for j, d, half, most in sorted(found, key=lambda row: -row[1])
        ]  # fmt: skip
        head = (what, "KS", "in the middle 50 %", "in the middle 90 %", "")
        size = f"{len(self.u)} rows, threshold of KS {self.threshold:.3f}"
        return f"{size}\n{table(rows, head)}"


def _examined(flow: Flow) -> Flow:
    """A flow whose base has known conditionals."""
    if not isinstance(flow, Flow):
        raise validate.wrong_type("flow", "a Flow", validate.shown(flow))
    if not isinstance(flow.base, StandardNormal | MADEMoG):
        got = type(flow.base).__name__
        raise validate.expected("flow", "the base StandardNormal or MADEMoG", got)
    return flow


def _uniforms(flow: Flow, x: ArrayLike, *context: ArrayLike) -> NDArray:
    def run(x: NDArray, *context: NDArray) -> tuple[NDArray]:
        validate.refuse_outside("x", x, flow.defined(x))
        z = flow.chain.forward(x, *of(flow.chain, context))[0]
        return (_distribution(flow.base, z, *of(flow.base, context)),)

    return flow.evaluated(run, x, *context)[0]


def _distribution(base: Density, z: NDArray, *context: NDArray) -> NDArray:
    """F(z_i | z_1 .. z_{i-1}) of a base, (N, D) float64."""
    if not isinstance(base, MADEMoG):
        return scipy.special.ndtr(z.astype(np.float64))
    logpi, mu, alpha = base.conditionals(base.made.forward(z, *context)[0].astype(np.float64))
    return (np.exp(logpi) * scipy.special.ndtr((z[..., None] - mu) * np.exp(-alpha))).sum(axis=-1)


def _columns(flow: Flow, x: NDArray, *context: NDArray) -> tuple[int, ...] | None:
    """The column whose conditional each u_i is: the last, in the flow's order, of those it sees.

    Column j of a few rows is replaced by that of other rows; what changes depends on it. A u_i
    that sees one column more than those already placed is that column's conditional.
    """
    D = flow.features
    before, sees = _uniforms(flow, x, *context), np.zeros((D, D), bool)
    for j in range(D):
        other = x.copy()
        other[:, j] = np.roll(x[:, j], 1)
        good = flow.defined(other.astype(flow.data_dtype))
        if good.any():
            after = _uniforms(flow, other[good], *(c[good] for c in context))
            sees[:, j] = (after != before[good]).any(axis=0)
    column, placed = np.full(D, -1), np.zeros(D, bool)
    for _ in range(D):
        new = (sees & ~placed).sum(axis=1)
        ready = np.flatnonzero((column < 0) & (new == 1))
        if not len(ready):
            return None
        i = ready[0]
        column[i] = np.flatnonzero(sees[i] & ~placed)[0]
        placed[column[i]] = True
    return tuple(column.tolist())
