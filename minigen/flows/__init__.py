"""Chapter: normalizing flows, from the change of variables to autoregressive maps and splines.

flow = mg.flows.real_nvp(2, rng=rng)        also nice, maf, iaf, maf_mog, neural_spline
flow = mg.flows.real_nvp_image((8, 8, 1), rng=rng)         also transformer_maf
mg.fit(flow.nll, x, rng=rng)
flow.log_prob(x); flow.sample(1000, rng=rng); z, logdet = flow.encode(x)
"""

from minigen.core.contract import Inverse
from minigen.flows.actnorm import ActNorm
from minigen.flows.batchnorm import BatchNorm, freeze
from minigen.flows.bayes_rule import classify
from minigen.flows.causal_transformer import CausalTransformer
from minigen.flows.chain import Chain
from minigen.flows.column_splines import ColumnSplines
from minigen.flows.context_shift import ContextShift
from minigen.flows.coupling import AdditiveCoupling, AffineCoupling
from minigen.flows.distillation import distil, kl_samples, student
from minigen.flows.each_pixel import EachPixel
from minigen.flows.elementwise import Affine, Exp, Logit, Softplus
from minigen.flows.energies import ENERGIES, energy
from minigen.flows.factor_out import FactorOut
from minigen.flows.flow import Flow
from minigen.flows.iaf_layer import IAFLayer
from minigen.flows.image_models import real_nvp_image, transformer_maf
from minigen.flows.linear import InvertibleLinear
from minigen.flows.losses import NLL, ReverseKL
from minigen.flows.made import MADE, MaskedLinear
from minigen.flows.made_categorical import MADECategorical
from minigen.flows.made_mog import MADEMoG
from minigen.flows.maf_layer import MAFLayer
from minigen.flows.models import iaf, maf, maf_mog, neural_spline, nice, real_nvp
from minigen.flows.normalizer import Normalizer, log_normalizer
from minigen.flows.on_columns import OnColumns
from minigen.flows.permute import Permute
from minigen.flows.picture_coupling import ConvNet, PictureCoupling, channelwise, checkerboard
from minigen.flows.preprocess import Preprocess
from minigen.flows.sequential import d_passes, incremental, jacobi
from minigen.flows.sequential_backward import incremental_backward
from minigen.flows.spline import Spline, SplineCoupling
from minigen.flows.spline_maf import SplineMAFLayer
from minigen.flows.squeeze import Picture, Squeeze
from minigen.flows.transformer_layer import TransformerMAFLayer, patches
from minigen.flows.uniforms import Calibration, calibration, pit
from minigen.flows.whiten import Whiten

__all__ = [
    "ENERGIES",
    "MADE",
    "NLL",
    "ActNorm",
    "AdditiveCoupling",
    "Affine",
    "AffineCoupling",
    "BatchNorm",
    "Calibration",
    "CausalTransformer",
    "Chain",
    "ColumnSplines",
    "ContextShift",
    "ConvNet",
    "EachPixel",
    "Exp",
    "FactorOut",
    "Flow",
    "IAFLayer",
    "Inverse",
    "InvertibleLinear",
    "Logit",
    "MADECategorical",
    "MADEMoG",
    "MAFLayer",
    "MaskedLinear",
    "Normalizer",
    "OnColumns",
    "Permute",
    "Picture",
    "PictureCoupling",
    "Preprocess",
    "ReverseKL",
    "Softplus",
    "Spline",
    "SplineCoupling",
    "SplineMAFLayer",
    "Squeeze",
    "TransformerMAFLayer",
    "Whiten",
    "calibration",
    "channelwise",
    "checkerboard",
    "classify",
    "d_passes",
    "distil",
    "energy",
    "freeze",
    "iaf",
    "incremental",
    "incremental_backward",
    "jacobi",
    "kl_samples",
    "log_normalizer",
    "maf",
    "maf_mog",
    "neural_spline",
    "nice",
    "patches",
    "pit",
    "real_nvp",
    "real_nvp_image",
    "student",
    "transformer_maf",
]


def __dir__() -> list[str]:
    return sorted(__all__)
