"""Layers without probability."""

from minigen.nn.activation import ReLU, SiLU, Softplus, Tanh
from minigen.nn.compose import Sequential, mlp
from minigen.nn.dense import LinearReLU
from minigen.nn.embed import LabelEmbedding, TimeEmbedding
from minigen.nn.linear import Linear
from minigen.nn.residual import ResidualBlock

__all__ = [
    "LabelEmbedding",
    "Linear",
    "LinearReLU",
    "ReLU",
    "ResidualBlock",
    "Sequential",
    "SiLU",
    "Softplus",
    "Tanh",
    "TimeEmbedding",
    "mlp",
]


def __dir__() -> list[str]:
    return sorted(__all__)
