"""Layers without probability."""

from minigen.nn.activation import ReLU, SiLU, Softplus, Tanh
from minigen.nn.attention import SelfAttention
from minigen.nn.compose import Sequential, mlp
from minigen.nn.conv import Conv2d
from minigen.nn.conv_block import ConvBlock
from minigen.nn.dense import LinearReLU
from minigen.nn.embed import LabelEmbedding, TimeEmbedding
from minigen.nn.flatten import Flatten
from minigen.nn.group_norm import GroupNorm
from minigen.nn.linear import Linear
from minigen.nn.resample import AveragePool, Upsample
from minigen.nn.residual import ResidualBlock
from minigen.nn.transformer import TransformerBlock

__all__ = [
    "AveragePool",
    "Conv2d",
    "ConvBlock",
    "Flatten",
    "GroupNorm",
    "LabelEmbedding",
    "Linear",
    "LinearReLU",
    "ReLU",
    "ResidualBlock",
    "SelfAttention",
    "Sequential",
    "SiLU",
    "Softplus",
    "Tanh",
    "TimeEmbedding",
    "TransformerBlock",
    "Upsample",
    "mlp",
]


def __dir__() -> list[str]:
    return sorted(__all__)
