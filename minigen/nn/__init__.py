"""Layers without probability."""

from minigen.nn.activation import ReLU, SiLU, Softplus, Tanh
from minigen.nn.compose import Sequential, mlp
from minigen.nn.dense import LinearReLU
from minigen.nn.linear import Linear

__all__ = [
    "Linear",
    "LinearReLU",
    "ReLU",
    "Sequential",
    "SiLU",
    "Softplus",
    "Tanh",
    "mlp",
]
