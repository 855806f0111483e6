"""What everything else is written in: the contract of a layer, and what a layer of yours needs.

@dataclass(frozen=True, eq=False, repr=False)
class Mine(mg.core.Layer):
    W: NDArray = mg.core.param()            trained
    table: NDArray = mg.core.const()        kept
"""

from minigen.core.contract import (
    Bijection,
    Cache,
    Density,
    Grads,
    Inverse,
    Layer,
    Loss,
    NoInverseGradient,
)
from minigen.core.numeric import absolute, logsumexp, sigmoid, softplus
from minigen.core.tree import const, exact, flatten, param, perturbed
from minigen.core.validate import InvalidInput, InvalidType, InvalidValue

__all__ = [
    "Bijection",
    "Cache",
    "Density",
    "Grads",
    "InvalidInput",
    "InvalidType",
    "InvalidValue",
    "Inverse",
    "Layer",
    "Loss",
    "NoInverseGradient",
    "absolute",
    "const",
    "exact",
    "flatten",
    "logsumexp",
    "param",
    "perturbed",
    "sigmoid",
    "softplus",
]


def __dir__() -> list[str]:
    return sorted(__all__)
