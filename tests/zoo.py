"""Every layer, density and loss of the package, one line each: a name and how to make one.

`tests/test_contract.py` holds each of them to every promise of the contract, at random shapes.
A line is a function of `s`, a draw of sizes and inputs (see `Sizes`), that returns a `Case`.
"""

from dataclasses import dataclass, field

import numpy as np

from minigen import diffusion, nn
from minigen.core import tree
from minigen.derivations import KLFull, PosteriorMeanFromNoise
from minigen.flows import (
    ActNorm,
    AdditiveCoupling,
    Affine,
    AffineCoupling,
    CausalTransformer,
    Chain,
    ColumnSplines,
    ContextShift,
    ConvNet,
    EachPixel,
    Exp,
    FactorOut,
    Flow,
    Inverse,
    InvertibleLinear,
    Logit,
    MADECategorical,
    OnColumns,
    Permute,
    Picture,
    PictureCoupling,
    Preprocess,
    Softplus,
    Squeeze,
    TransformerMAFLayer,
    Whiten,
    channelwise,
    checkerboard,
    degrees,
    iaf,
    maf,
    maf_mog,
    neural_spline,
    nice,
    patches,
    real_nvp,
    transformer_maf,
)
from minigen.flows.batchnorm import BatchNorm
from minigen.flows.energies import ENERGIES, energy
from minigen.flows.iaf_layer import IAFLayer
from minigen.flows.made import MADE, MaskedLinear
from minigen.flows.made_mog import MADEMoG
from minigen.flows.maf_layer import MAFLayer
from minigen.flows.spline import Spline, SplineCoupling
from minigen.flows.spline_maf import SplineMAFLayer
from minigen.markov import CategoricalChain, GaussianChain
from minigen.metric import InfoNCE, Normalize, TripletLoss, embedding
from minigen.metric.batch_all import BatchAll
from minigen.metric.mined_triplets import MinedTriplets
from minigen.nn.embed import LabelEmbedding, TimeEmbedding
from minigen.nn.residual import ResidualBlock
from minigen.prob import Gaussian, Mixture, StandardNormal
from minigen.prob.discretized import DiscretisedGaussian
from minigen.prob.kl import KLDiagonal


class Sizes:
    """One random draw: N rows, D features (at least 2), H hidden units, C context columns."""

    def __init__(self, rng):
        self.rng = rng
        self.N, self.D, self.H, self.C = (int(rng.integers(a, b)) for a, b in
                                          [(1, 5), (2, 6), (1, 7), (1, 3)])  # fmt: skip
        self.x = self.normal(self.N, self.D)
        self.context = self.normal(self.N, self.C)
        self.widths = (self.D + self.H, self.D + 1)  # of the hidden layers of a MADE
        self.new = {"rng": rng, "dtype": np.float64}  # what every `init` wants

    def normal(self, *shape):
        return self.rng.standard_normal(shape)

    def picture(self, channels, multiple=1):
        """Pictures (N, H, W, channels), sides from 1 to 4 times `multiple`."""
        height, width = multiple * self.rng.integers(1, 5, 2)
        return self.normal(self.N, height, width, channels)

    def like_x(self, count):
        """Arrays of the shape of x."""
        return self.normal(count, self.N, self.D)

    def case(self, layer, *inputs, mixes=False, **given):
        """A Case, its parameters moved off their special starting values."""
        return Case(tree.perturbed(layer, self.rng, 0.3), inputs, given, mixes)

    # diffusion: noise, times 1..7, shares in (0, 1), pixels of 5 levels, labels, a schedule
    schedule = diffusion.linear_schedule(8)
    eps = property(lambda s: s.normal(s.N, s.D))
    t = property(lambda s: s.rng.integers(1, 8, s.N))
    share = property(lambda s: s.rng.uniform(0.1, 0.9, s.N))
    grid = property(lambda s: s.rng.integers(0, 5, (s.N, s.D)) / 2 - 1)
    label = property(lambda s: s.rng.integers(0, 3, s.N))
    lengths = property(lambda s: s.rng.integers(1, 6, s.N))  # markov: of sequences, and symbols
    symbols = property(lambda s: s.rng.integers(0, 3, (s.N, 5)))
    classes = property(lambda s: s.rng.permutation([0, 0, 0, 1, 1, 2, 2]))  # metric: 7 labels
    factor = property(lambda s: 0.2 * s.rng.uniform(-1, 1, (s.N, s.D, s.D)) + np.eye(s.D))


def masked_linear(s, **options):
    """The first layer of a MADE with a context."""
    below, above = degrees.inputs(s.D, s.C), degrees.hidden("hidden", s.D + s.H, s.D, s.C)
    return MaskedLinear.init(below, above, **options, **s.new)


@dataclass
class Case:
    """A layer, its positional inputs, its keyword inputs, and what it is excused from."""

    layer: object
    inputs: tuple
    given: dict = field(default_factory=dict)
    mixes: bool = False  # mixes the rows of a batch: excused from batch independence


def coupling(s, kind, **options):
    """A coupling with a smooth network."""
    return kind.init(s.D, (s.H,), activation="tanh", **s.new, **options)


def ddpm(s, **options):
    """A small diffusion model."""
    return diffusion.ddpm(s.D, s.schedule, hidden=s.H, blocks=2, **s.new, **options)


def of_rows(s, f, *inputs, shape=(2, 2, 2)):
    """A map of pictures as a map of rows, and what comes out as rows again."""
    small = f.forward(np.zeros((1, *shape)), *(a[:1] for a in inputs))[0].shape[1:]
    back = (Inverse(Picture(small)),) if len(small) == 3 else ()
    rows = s.normal(s.N, int(np.prod(shape)))
    return s.case(Chain((Picture(shape), f, *back)), rows, *inputs)


def picture_coupling(s, mask, shape):
    """A coupling of small pictures."""
    odd = bool(s.N % 2)
    return PictureCoupling.init(shape, mask(shape, odd=odd), 2, blocks=0, groups=1, **s.new)


def unet(s, sides, scales, hidden, **options):
    """A small U-Net."""
    options = {"hidden": hidden, "blocks": 1, "scales": scales, "groups": 1, **options}
    return diffusion.UNet.init((*sides, 1), T=8, **options, **s.new)


def inverted(flow):
    """The flow whose chain is the inverse: its density goes through `inverse_backward`."""
    return Flow(Inverse(flow.chain), flow.base)


def smooth(factory, s, **options):
    """A small flow with smooth networks."""
    return factory(s.D, 2, (s.H,), activation="tanh", **s.new, **options)


LAYERS = {
    # nn
    "Linear": lambda s: s.case(nn.Linear.init(s.D, s.H, **s.new), s.x),
    "LinearReLU": lambda s: s.case(nn.LinearReLU(s.normal(s.D, s.H), s.normal(s.H)), s.x),
    "Tanh": lambda s: s.case(nn.Tanh(), s.x),
    "ReLU": lambda s: s.case(nn.ReLU(), s.x),
    "SiLU": lambda s: s.case(nn.SiLU(), s.x),
    "Softplus": lambda s: s.case(nn.Softplus(), s.x),
    "mlp": lambda s: s.case(nn.mlp(s.D, (s.H, s.H), 3, activation="silu", **s.new), s.x),
    # nn: pictures
    "Conv2d": lambda s: s.case(nn.Conv2d.init(s.D, s.H, **s.new), s.picture(s.D)),
    "Conv2d, 1x1": lambda s: s.case(nn.Conv2d.init(s.D, s.H, 1, **s.new), s.picture(s.D)),
    "Conv2d, 5x5, stride 2": lambda s: s.case(
        nn.Conv2d.init(s.D, s.H, 5, stride=2, **s.new), s.picture(s.D, 2)
    ),
    "Conv2d, stride 2": lambda s: s.case(
        nn.Conv2d.init(s.D, s.H, stride=2, **s.new), s.picture(s.D, 2)
    ),
    "GroupNorm": lambda s: s.case(
        nn.GroupNorm.init(2 * s.H, s.H, dtype=np.float64), s.picture(2 * s.H, 2)
    ),
    "Upsample": lambda s: s.case(nn.Upsample(), s.picture(s.D)),
    "AveragePool": lambda s: s.case(nn.AveragePool(), s.picture(s.D, 2)),
    "Flatten": lambda s: s.case(nn.Flatten(), s.picture(s.D)),
    "SelfAttention": lambda s: s.case(nn.SelfAttention.init(s.D, **s.new), s.picture(s.D)),
    "SelfAttention, heads": lambda s: s.case(
        nn.SelfAttention.init(2 * s.D, s.D, **s.new), s.picture(2 * s.D)
    ),
    "SelfAttention, causal": lambda s: s.case(
        nn.SelfAttention.init(2 * s.D, 2, causal=True, **s.new), s.picture(2 * s.D)
    ),
    "TransformerBlock": lambda s: s.case(
        nn.TransformerBlock.init(4, 2, expansion=2, **s.new), s.normal(s.N, s.D, 4)
    ),
    "ConvBlock": lambda s: s.case(nn.ConvBlock.init(4, 4, groups=2, **s.new), s.picture(4, 2)),
    "ConvBlock with a condition": lambda s: s.case(
        nn.ConvBlock.init(4, 6, s.C, groups=2, **s.new), s.picture(4, 2), s.context
    ),
    "ConvNet": lambda s: s.case(
        ConvNet.init((2, 2, 2), checkerboard((2, 2, 2)), 2, blocks=1, groups=1, context=1, **s.new),
        s.normal(s.N, 5),
    ),
    # flows: autoregressive
    "MaskedLinear": lambda s: s.case(masked_linear(s), s.normal(s.N, s.C + s.D)),
    "MaskedLinear, rectified": lambda s: s.case(
        masked_linear(s, rectified=True), s.normal(s.N, s.C + s.D)
    ),
    "MADE": lambda s: s.case(MADE.init(s.D, s.widths, 3, order="random", **s.new), s.x),
    "MADE, context": lambda s: s.case(
        MADE.init(s.D, s.widths, activation="silu", context=s.C, **s.new), s.x, s.context
    ),
    "MADE of one-hot rows": lambda s: s.case(
        MADE.init(s.D, s.widths, 2, order="random", context=s.C, inputs=3, **s.new),
        s.normal(s.N, s.D, 3),
        s.context,
    ),
    "CausalTransformer": lambda s: s.case(
        CausalTransformer.init(s.D, 2, 4, 1, 2, **s.new), s.normal(s.N, s.D, 2)
    ),
    "CausalTransformer, context": lambda s: s.case(
        CausalTransformer.init(s.D, 2, 4, 2, 1, context=s.C, **s.new),
        s.normal(s.N, s.D, 2),
        s.context,
    ),
    "BatchNorm": lambda s: s.case(BatchNorm.init(s.D, dtype=np.float64), s.x, mixes=True),
    "Spline": lambda s: s.case(Spline(bins=4, bound=2.0), s.x, s.normal(s.N, s.D, 11)),
    # diffusion
    "TimeEmbedding": lambda s: s.case(TimeEmbedding.init(9, 4, s.H, **s.new), t=s.t),
    "LabelEmbedding": lambda s: s.case(LabelEmbedding.init(2, s.H, **s.new), label=s.label),
    "ResidualBlock": lambda s: s.case(ResidualBlock.init(s.D, **s.new), s.x, s.normal(s.N, s.D)),
    "KLDiagonal": lambda s: s.case(KLDiagonal(), *s.like_x(4)),
    "KLFull": lambda s: s.case(KLFull(), s.x, s.factor, s.eps, s.factor),
    "DiscretisedGaussian": lambda s: s.case(
        DiscretisedGaussian(5), s.grid, s.x, s.normal(s.N, s.D) - 1
    ),
    "Cumulate": lambda s: s.case(diffusion.Cumulate(), s.rng.uniform(0.05, 0.6, 6), mixes=True),
    "Step": lambda s: s.case(diffusion.Step(), s.x, s.eps, s.share),
    "StepDensity": lambda s: s.case(diffusion.StepDensity(), s.x, s.eps, s.share),
    "Marginal": lambda s: s.case(diffusion.Marginal(), s.x, s.eps, s.share, 1 - s.share),
    "MarginalDensity": lambda s: s.case(
        diffusion.MarginalDensity(), s.x, s.eps, s.share, 1 - s.share
    ),
    "PosteriorMean": lambda s: s.case(diffusion.PosteriorMean(s.schedule), s.x, s.eps, t=s.t),
    "PosteriorMeanFromNoise": lambda s: s.case(
        PosteriorMeanFromNoise(s.schedule), s.x, s.eps, t=s.t
    ),
    "PosteriorDensity": lambda s: s.case(
        diffusion.PosteriorDensity(s.schedule), s.x, s.eps, t=1 + s.t
    ),
    "Convert": lambda s: s.case(diffusion.Convert(s.schedule, "v", "eps"), s.x, s.eps, t=s.t),
    "Convert to a velocity": lambda s: s.case(
        diffusion.Convert(s.schedule, "score", "velocity"), s.x, s.eps, t=s.t
    ),
    "Target": lambda s: s.case(diffusion.Target(s.schedule, "mu"), s.x, s.eps, t=s.t),
    "PriorTerm": lambda s: s.case(diffusion.PriorTerm(s.schedule), s.x),
    "GaussianTerm": lambda s: s.case(diffusion.GaussianTerm(s.schedule), *s.like_x(4), t=s.t),
    "IntegerTerm": lambda s: s.case(
        diffusion.IntegerTerm(s.schedule, 5), s.grid, *s.like_x(3), t=s.t
    ),
    "TimeNet": lambda s: s.case(ddpm(s).reverse.net, s.x, t=s.t),
    "TimeNet with classes": lambda s: s.case(
        ddpm(s, classes=2).reverse.net, s.x, t=s.t, label=s.label
    ),
    "UNet": lambda s: s.case(unet(s, (2, 2), 1, 2), s.normal(s.N, 4), t=s.t),
    "GuidedNet": lambda s: s.case(
        diffusion.GuidedNet(ddpm(s, classes=2).reverse.net, 1.7, 2, s.D), s.x, t=s.t, label=s.label
    ),
    "RespacedNet": lambda s: s.case(ddpm(s).reverse.respaced(7).net, s.x, t=s.t),
    "ReverseProcess": lambda s: s.case(ddpm(s).reverse, s.x, t=s.t),
    "ReverseProcess, learned variance": lambda s: s.case(
        ddpm(s, variance="learned").reverse, s.x, t=s.t
    ),
    "ReverseProcess, free variance": lambda s: s.case(ddpm(s, variance="free").reverse, s.x, t=s.t),
    "ReverseProcess, variance by share": lambda s: s.case(
        diffusion.with_covariance(ddpm(s), hidden=s.H, blocks=1, rng=s.rng).reverse, s.x, t=s.t
    ),
    "NoiseAndShare": lambda s: s.case(
        diffusion.NoiseAndShare(ddpm(s).reverse.net, ddpm(s).reverse.net), s.x, t=s.t
    ),
    "StepTerm": lambda s: s.case(
        diffusion.StepTerm(ddpm(s, variance="free").reverse), s.x, t=s.t, eps=s.eps
    ),
    "StepTerm of integers": lambda s: s.case(
        diffusion.StepTerm(ddpm(s, levels=5).reverse), s.grid, t=s.t, eps=s.eps
    ),
    "IdealNoise": lambda s: s.case(
        diffusion.IdealNoise.init(s.schedule, s.normal(3, s.D), 0.3), s.x, t=s.t
    ),
    # metric
    "Normalize": lambda s: s.case(Normalize(), s.x),
}

BIJECTIONS = {
    # flows: couplings and simple maps
    "AffineCoupling": lambda s: s.case(coupling(s, AffineCoupling), s.x),
    "AffineCoupling with context": lambda s: s.case(
        coupling(s, AffineCoupling, context=s.C), s.x, s.context
    ),
    "AdditiveCoupling": lambda s: s.case(coupling(s, AdditiveCoupling), s.x),
    "AdditiveCoupling with context": lambda s: s.case(
        coupling(s, AdditiveCoupling, context=s.C), s.x, s.context
    ),
    "Permute": lambda s: s.case(Permute.random(s.D, rng=s.rng), s.x),
    "ActNorm": lambda s: s.case(ActNorm.init(s.D, dtype=np.float64), s.x),
    "InvertibleLinear": lambda s: s.case(InvertibleLinear.init(s.D, **s.new), s.x),
    "Affine": lambda s: s.case(Affine(1.5 * s.normal(s.D), s.normal(s.D)), s.x),
    "ContextShift": lambda s: s.case(
        ContextShift.init_from(s.x, s.context, dtype=np.float64), s.x, s.context
    ),
    "OnColumns": lambda s: s.case(OnColumns(Softplus(), (s.D - 1,)), s.x),
    "Softplus, bijection": lambda s: s.case(Softplus(), s.x),
    "Preprocess": lambda s: s.case(
        Preprocess.of(Affine(s.normal(s.D), s.normal(s.D)), Softplus(), dtype=np.float64), s.x
    ),
    "Whiten": lambda s: s.case(
        Whiten(s.normal(s.D), np.tril(s.normal(s.D, s.D), -1) + np.diag(1 + s.rng.random(s.D))), s.x
    ),
    "ColumnSplines": lambda s: s.case(ColumnSplines(s.normal(s.D, 8), bins=3), s.x),
    "Exp": lambda s: s.case(Exp(), s.x),
    "Logit": lambda s: s.case(Logit(bins=4.0, low=0.05), 4 * s.rng.random((s.N, s.D))),
    "Chain": lambda s: s.case(real_nvp(s.D, 3, (s.H,), activation="tanh", **s.new).chain, s.x),
    "Chain with context": lambda s: s.case(
        real_nvp(
            s.D, 2, (s.H,), activation="silu", context=s.C, init_from=s.normal(9, s.D), **s.new
        ).chain,
        s.x,
        s.context,
    ),
    # flows: pictures
    "Picture": lambda s: of_rows(s, EachPixel(ActNorm.init(2, dtype=np.float64))),
    "Squeeze": lambda s: of_rows(s, Squeeze()),
    "Squeeze, inverse": lambda s: of_rows(s, Inverse(Squeeze()), shape=(1, 1, 4)),
    "1 x 1 convolution": lambda s: of_rows(s, EachPixel(InvertibleLinear.init(2, **s.new))),
    "PictureCoupling, checkerboard": lambda s: of_rows(
        s, picture_coupling(s, checkerboard, (2, 3, 1)), shape=(2, 3, 1)
    ),
    "PictureCoupling, channel-wise": lambda s: of_rows(
        s, picture_coupling(s, channelwise, (2, 2, 2)), shape=(2, 2, 2)
    ),
    "FactorOut": lambda s: of_rows(
        s,
        FactorOut(
            Chain((EachPixel(ActNorm.init(1, dtype=np.float64)), Inverse(Picture((2, 2, 1))))), 1, 2
        ),
    ),
    # flows: autoregressive and splines
    "MAFLayer": lambda s: s.case(
        MAFLayer.init(s.D, s.widths, order="random", activation="tanh", **s.new), s.x
    ),
    "MAFLayer, context": lambda s: s.case(
        MAFLayer.init(s.D, s.widths, context=s.C, **s.new), s.x, s.context
    ),
    "IAFLayer": lambda s: s.case(
        IAFLayer.init(s.D, s.widths, order="reversed", activation="tanh", **s.new), s.x
    ),
    "IAFLayer, context": lambda s: s.case(
        IAFLayer.init(s.D, s.widths, context=s.C, **s.new), s.x, s.context
    ),
    "TransformerMAFLayer": lambda s: s.case(
        TransformerMAFLayer.init(patches((2, 4, 1), 2)[::-1], 4, 2, 2, **s.new), s.normal(s.N, 8)
    ),
    "TransformerMAFLayer, context": lambda s: s.case(
        TransformerMAFLayer.init(patches((1, s.D, 1), 1), 4, 1, 2, context=s.C, **s.new),
        s.x,
        s.context,
    ),
    "SplineCoupling": lambda s: s.case(
        SplineCoupling.init(s.D, (s.H,), context=s.C, bins=4, bound=2.0, c=1.0, **s.new),
        s.x,
        s.context,
    ),
    "SplineMAFLayer": lambda s: s.case(
        SplineMAFLayer.init(s.D, s.widths, order="random", bins=3, bound=2.0, c=1.0, **s.new), s.x
    ),
    "SplineMAFLayer, context": lambda s: s.case(
        SplineMAFLayer.init(s.D, s.widths, context=s.C, bins=3, c=1.0, activation="silu", **s.new),
        s.x,
        s.context,
    ),
}

DENSITIES = {
    # prob
    "StandardNormal": lambda s: s.case(StandardNormal(s.D), s.x),
    "Gaussian": lambda s: s.case(Gaussian.init(s.D, dtype=np.float64), s.x),
    "Mixture": lambda s: s.case(Mixture.of_gaussians(s.normal(3, s.D), dtype=np.float64), s.x),
    # flows: whole models
    "Flow, real_nvp": lambda s: s.case(smooth(real_nvp, s), s.x),
    "Flow, nice": lambda s: s.case(smooth(nice, s), s.x),
    "Flow, inverse": lambda s: s.case(inverted(smooth(real_nvp, s)), s.x),
    "Flow with context": lambda s: s.case(smooth(real_nvp, s, context=s.C), s.x, s.context),
    "Flow on a Gaussian": lambda s: s.case(
        smooth(real_nvp, s, base=Gaussian.init(s.D, dtype=np.float64)), s.x
    ),
    # flows: autoregressive
    "MADEMoG": lambda s: s.case(MADEMoG.init(s.D, s.widths, 3, order="random", **s.new), s.x),
    "MADEMoG, context": lambda s: s.case(
        MADEMoG.init(s.D, s.widths, 2, context=s.C, **s.new), s.x, s.context
    ),
    "MADECategorical": lambda s: s.case(
        MADECategorical.init(s.D, 3, s.widths, order="random", **s.new), s.symbols[:, : s.D] + 0.5
    ),
    "MADECategorical, context": lambda s: s.case(
        MADECategorical.init(s.D, 3, s.widths, context=s.C, activation="tanh", **s.new),
        s.symbols[:, : s.D] + 0.5,
        s.context,
    ),
    "transformer_maf": lambda s: s.case(
        transformer_maf((2, 2, 1), 2, 4, patch=1, blocks=1, heads=2, context=s.C, **s.new),
        s.normal(s.N, 4),
        s.context,
    ),
    "maf": lambda s: s.case(maf(s.D, 2, s.widths, init_from=s.x + 1, **s.new), s.x),
    "maf, context": lambda s: s.case(maf(s.D, 2, s.widths, context=s.C, **s.new), s.x, s.context),
    "maf_mog": lambda s: s.case(maf_mog(s.D, 2, s.widths, 2, **s.new), s.x),
    "neural_spline": lambda s: s.case(neural_spline(s.D, 2, s.widths, bins=3, c=1.0, **s.new), s.x),
    "neural_spline, coupling": lambda s: s.case(
        neural_spline(s.D, 2, s.widths, bins=3, c=1.0, coupling=True, **s.new), s.x
    ),
    **{
        f"energy {name}": (lambda s, name=name: s.case(energy(name), s.normal(s.N, 2)))
        for name in ENERGIES
    },
    # markov
    "GaussianChain": lambda s: s.case(
        GaussianChain.init(s.D, dtype=np.float64), s.normal(s.N, 4, s.D)
    ),
    "GaussianChain, unequal lengths": lambda s: s.case(
        GaussianChain.init(1, dtype=np.float64), s.normal(s.N, 5), lengths=s.lengths
    ),
    "CategoricalChain": lambda s: s.case(
        CategoricalChain.init(3, dtype=np.float64), y=s.symbols, lengths=s.lengths
    ),
}

LOSSES = {
    # flows
    "NLL": lambda s: s.case(smooth(real_nvp, s).nll, s.x),
    "NLL with context": lambda s: s.case(smooth(nice, s, context=s.C).nll, s.x, s.context),
    "ReverseKL": lambda s: s.case(
        smooth(real_nvp, s).reverse_kl(Gaussian.init(s.D, dtype=np.float64)), s.x
    ),
    # flows: autoregressive
    "ReverseKL, iaf": lambda s: s.case(
        iaf(2, 2, (s.H, 3), activation="tanh", **s.new).reverse_kl(energy("step")), s.normal(s.N, 2)
    ),
    # diffusion
    "SimpleLoss": lambda s: s.case(
        ddpm(s, predict="v", variance="learned").simple, s.x, t=s.t, eps=s.eps, weight=s.share
    ),
    "BoundLoss": lambda s: s.case(
        ddpm(s, predict="x0", variance="learned").bound, s.x, t=s.t, eps=s.eps
    ),
    "BoundLoss of integers with classes": lambda s: s.case(
        ddpm(s, levels=5, classes=2).bound, s.grid, t=s.t, eps=s.eps, label=s.label
    ),
    "HybridLoss": lambda s: s.case(
        ddpm(s, predict="mu", variance="learned").hybrid,
        s.x,
        t=s.t,
        eps=s.eps,
        mean=s.normal(s.N, s.D),
    ),
    "CovarianceMatchingLoss": lambda s: s.case(
        diffusion.with_covariance(ddpm(s), hidden=s.H, blocks=1, rng=s.rng).loss,
        s.x,
        t=s.t,
        eps=s.eps,
        h=s.normal(s.N, s.D),
    ),
    "IntegralBound": lambda s: s.case(
        diffusion.IntegralBound(ddpm(s), diffusion.Clock.init(s.schedule, 3)),
        s.x,
        u=2 * s.share - 1,
        slope=1 + s.share,
        eps=s.eps,
    ),
    "ClockLoss": lambda s: s.case(
        diffusion.ClockLoss(diffusion.Clock.init(s.schedule, 3), ddpm(s)),
        square=s.share,
        piece=s.label,
        mixes=True,
    ),
    "FlowMatchingLoss": lambda s: s.case(
        ddpm(s, predict="v").flow_matching, s.x, s=s.share, eps=s.eps
    ),
    "FlowMatchingLoss of a score": lambda s: s.case(
        ddpm(s, predict="score", classes=2).flow_matching,
        s.x,
        s=s.share,
        eps=s.eps,
        label=s.label,
    ),
    # metric
    "TripletLoss": lambda s: s.case(
        TripletLoss(0.7, "squared"),
        s.x,
        s.x + 0.6 * s.normal(s.N, s.D),
        s.normal(s.N, s.D),
        mixes=True,
    ),
    "TripletLoss, euclidean": lambda s: s.case(
        TripletLoss(0.7, "euclidean", "sum"), *s.like_x(3), mixes=True
    ),
    "TripletLoss, soft": lambda s: s.case(TripletLoss("soft"), *s.like_x(3), mixes=True),
    "MinedTriplets, batch_hard": lambda s: s.case(
        MinedTriplets(TripletLoss(0.9)), s.normal(7, s.D), labels=s.classes, mixes=True
    ),
    "MinedTriplets, semi_hard": lambda s: s.case(
        MinedTriplets(TripletLoss(2.0, "euclidean"), "semi_hard"),
        s.normal(7, s.D),
        labels=s.classes,
        mixes=True,
    ),
    "InfoNCE": lambda s: s.case(InfoNCE(0.7), s.normal(7, s.D), labels=s.classes, mixes=True),
    "BatchAll": lambda s: s.case(
        BatchAll(TripletLoss("soft", "euclidean")), s.normal(7, s.D), labels=s.classes, mixes=True
    ),
    "MinedTripletLoss": lambda s: s.case(
        embedding(s.D, 3, hidden=(s.H,), activation="tanh", **s.new),
        s.normal(7, s.D),
        labels=s.classes,
        mixes=True,
    ),
    # markov
    "SequenceNLL": lambda s: s.case(
        GaussianChain.init(1, dtype=np.float64).nll, s.normal(s.N, 5), lengths=s.lengths, mixes=True
    ),
    "SequenceNLL, categorical": lambda s: s.case(
        CategoricalChain.init(3, dtype=np.float64).nll, y=s.symbols, lengths=s.lengths, mixes=True
    ),
}

ZOO = {**LAYERS, **BIJECTIONS, **DENSITIES, **LOSSES}
