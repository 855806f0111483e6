"""Normalizing flows: change of variables, coupling layers, autoregressive layers."""

from minigen.flows.actnorm import ActNorm
from minigen.flows.chain import Chain
from minigen.flows.coupling import AdditiveCoupling, AffineCoupling
from minigen.flows.elementwise import Affine, Exp, Logit
from minigen.flows.factories import nice, real_nvp
from minigen.flows.flow import Flow
from minigen.flows.linear import InvertibleLinear
from minigen.flows.losses import NLL, ReverseKL
from minigen.flows.permute import Permute

__all__ = [
    "NLL",
    "ActNorm",
    "AdditiveCoupling",
    "Affine",
    "AffineCoupling",
    "Chain",
    "Exp",
    "Flow",
    "InvertibleLinear",
    "Logit",
    "Permute",
    "ReverseKL",
    "nice",
    "real_nvp",
]
