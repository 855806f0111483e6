"""Layers without probability."""

from minigen.nn.activation import ReLU, SiLU, Softplus, Tanh, sigmoid, softplus
from minigen.nn.compose import Sequential, mlp
from minigen.nn.linear import Linear

__all__ = [
    "Linear",
    "ReLU",
    "SiLU",
    "Sequential",
    "Softplus",
    "Tanh",
    "mlp",
    "sigmoid",
    "softplus",
]
