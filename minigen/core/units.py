"""The units of the data: a mean and a standard deviation for each column, in float64."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from minigen.core.tree import exact

TINY, HUGE = 1e-140, 1e140  # beyond them squares underflow or overflow


def moments(x: NDArray) -> tuple[NDArray, NDArray]:
    """The mean and the standard deviation of each column of x, float64; 1 for a constant one."""
    size = np.abs(x).max(axis=0)
    unit = np.where((size > HUGE) | ((size < TINY) & (size > 0)), size, 1.0)
    x = x if np.all(unit == 1) else x / unit
    mean, std = x.mean(axis=0), x.std(axis=0)
    return mean * unit, np.where(std > 1e-12 * np.abs(mean), std * unit, 1.0)


@dataclass(frozen=True, eq=False)
class Units:
    """The units of the data: x = mean + std z, z in those of the model; mean, std (D,) float64."""

    mean: Annotated[NDArray, "D"] = exact()
    std: Annotated[NDArray, "D"] = exact()

    @classmethod
    def of(cls, x: NDArray) -> "Units":
        """The mean and standard deviation of each column; 1 for a constant one."""
        return cls(*moments(x))

    def scale(self, x: NDArray) -> NDArray:
        """Data (N, D) in the units of the model, float64."""
        return (x - self.mean) / self.std

    def unscale(self, z: NDArray) -> NDArray:
        """The way back, float64."""
        return self.mean + self.std * z.astype(np.float64)

    @property
    def log_volume(self) -> float:
        """log|det dx/dz|: -log p(x) is -log p(z) and this."""
        return float(np.log(self.std).sum())
