"""The times t in 1..T of a training batch, and the weights that keep the mean of the loss."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Protocol

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.signature import Share, Size, Steps, checked, fields
from minigen.core.tree import exact

if TYPE_CHECKING:
    from minigen.diffusion.bound import Elbo


class Times(Protocol):
    """A law of the times: n of them, and the weights that keep the mean of the loss."""

    def draw(self, n: Size, rng: np.random.Generator) -> tuple[NDArray, NDArray | None]: ...


@dataclass(frozen=True, eq=False)
class Uniform:
    """t ~ U{1..T}, independent for each row."""

    T: Steps
    __post_init__ = fields

    def draw(self, n: Size, rng: np.random.Generator) -> tuple[NDArray, NDArray | None]:
        """t (n,), and no weights."""
        return rng.integers(1, self.T + 1, n), None


@dataclass(frozen=True, eq=False)
class Antithetic:
    """Each t ~ U{1..T}, and the batch covers 1..T evenly (Kingma et al. 2021).

    t_i = 1 + floor(T u_i), u_i = (u + i / n) mod 1, one u ~ U[0, 1) a batch.
    """

    T: Steps
    __post_init__ = fields

    def draw(self, n: Size, rng: np.random.Generator) -> tuple[NDArray, NDArray | None]:
        """t (n,), and no weights."""
        u = rng.random() + np.arange(n) / n
        u -= u >= 1
        return 1 + (self.T * u).astype(int), None


@dataclass(frozen=True, eq=False)
class Importance:
    """t ~ p_t with weights 1 / (T p_t); the variance is least for p_t ~ sqrt(E[L_{t-1}^2])
    (Nichol & Dhariwal 2021).

    p (T,) sums to one. The loss keeps its mean: E_p[w L] = 1/T sum_t L.
    """

    p: Annotated[NDArray, "T"] = exact()

    def __post_init__(self) -> None:
        fields(self)
        validate.refuse("p", self.p, ~(self.p > 0), "numbers above 0")
        if not np.isclose(self.p.sum(), 1):
            raise validate.expected("p", "numbers that sum to 1", self.p.sum())

    @classmethod
    @checked
    def of(cls, elbo: "Elbo", floor: Share = 0.1) -> "Importance":
        """From a measured bound; a share `floor` of the draws stays uniform.

        Parameters
        ----------
        elbo : what `DDPM.elbo` returned
        floor : the share of the draws that stays uniform

        Returns
        -------
        Importance, which draws hard times more often

        Examples
        --------
        >>> model = mg.diffusion.ddpm(2, mg.diffusion.linear_schedule(5), hidden=4, rng=rng)
        >>> times = mg.diffusion.Importance.of(model.elbo(np.zeros((4, 2)), rng=rng))
        >>> t, weight = times.draw(3, rng)
        >>> t.shape, weight.shape
        ((3,), (3,))
        """
        validate.methods("elbo", elbo, "L", "L_error", "rows")
        T = len(elbo.L) - 1
        size = np.sqrt(elbo.L[:T] ** 2 + elbo.rows * elbo.L_error[:T] ** 2)
        return cls(floor / T + (1 - floor) * size / size.sum())

    @property
    def T(self) -> int:
        """The number of steps."""
        return len(self.p)

    def draw(self, n: Size, rng: np.random.Generator) -> tuple[NDArray, NDArray | None]:
        """t (n,) and their weights (n,)."""
        t = 1 + rng.choice(self.T, n, p=self.p)
        return t, 1 / (self.T * self.p[t - 1])
