"""Real NVP of pictures in one call."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from minigen.core import validate
from minigen.core.contract import Bijection, Density, Inverse
from minigen.core.signature import Bound, Count, Size, checked
from minigen.flows.actnorm import ActNorm
from minigen.flows.chain import Chain
from minigen.flows.each_pixel import EachPixel
from minigen.flows.factor_out import FactorOut
from minigen.flows.flow import Flow
from minigen.flows.levels import Levels
from minigen.flows.linear import InvertibleLinear
from minigen.flows.models import assemble
from minigen.flows.picture_coupling import PictureCoupling, channelwise, checkerboard
from minigen.flows.squeeze import Picture, Squeeze
from minigen.flows.transformer_layer import TransformerMAFLayer, patches
from minigen.nn.conv import picture_shape

Shape = tuple[int, int, int]


@checked
def real_nvp_image(
    shape: Sequence[int], scales: Count = 2, couplings: Count = 4, hidden: Count = 32, *,
    rng: np.random.Generator, blocks: Size = 1, groups: Count = 4, mix: bool = True, c: Bound = 2.0,
    context: Size = 0, init_from: ArrayLike | None = None, before: Sequence[Bijection] = (),
    levels: Size = 0, dtype: DTypeLike = np.float32,
) -> Flow:  # fmt: skip
    """Real NVP of pictures: masked convolutional couplings at several scales (Dinh et al. 2017).

    At each scale: couplings with checkerboard masks; then, but for the last scale, a squeeze,
    couplings with channel-wise masks, and half of the channels leave as latents. Before each
    coupling stands an activation normalisation of the channels, and before those with channel-wise
    masks an invertible 1 x 1 convolution (Glow, Kingma & Dhariwal 2018).

    Parameters
    ----------
    shape : (H, W, C) of the pictures, which are the rows (N, H W C) of the data
    scales : how many; the sides must be divisible by 2 ** (scales - 1)
    couplings : of each mask at each scale
    hidden : channels of the couplings' networks at the first scale; each squeeze doubles them
    rng : the generator of the first weights
    blocks : residual blocks of each network
    groups : of their normalisation; they must divide `hidden`
    mix : whether to use 1 x 1 convolutions
    c : bound of the log-scales
    context : number of context columns of a conditional flow, 0 for none
    init_from : data (N, H W C), by which each column is standardised
    before : maps of preprocessing of the rows, in float64
    levels : K for integer data 0 .. K-1, dequantised and, without `before`, mapped by Logit
    dtype : of the parameters

    Returns
    -------
    Flow
        One pass in both directions: train it by `nll` or by `reverse_kl`.

    Raises
    ------
    InvalidInput
        If the sides cannot be halved so often, or an option is out of its range.

    Examples
    --------
    >>> flow = mg.flows.real_nvp_image((8, 8, 1), couplings=1, hidden=8, levels=17, rng=rng)
    >>> x = flow.sample(3, rng=rng)
    >>> x.shape, flow.bits_per_dim(x, rng=rng).shape
    ((3, 64), (3,))
    """
    sides = picture_shape(shape, scales - 1)
    if context and not blocks:
        raise validate.expected("blocks", "at least 1 with a context, which goes to them", blocks)
    features = math.prod(sides)
    if features < 2:
        raise validate.expected("shape", "at least two numbers (a coupling keeps one)", sides)
    plain = assemble(lambda k: (), features, 0, rng, dtype, init_from, before, None, levels)

    def coupling(shape: Shape, k: int, hidden: int, mask: str) -> PictureCoupling:
        find = checkerboard if mask == "checkerboard" else channelwise
        return PictureCoupling.init(
            shape, find(shape, k % 2 == 1), hidden, blocks=blocks, groups=groups, rng=rng,
            dtype=dtype, context=context, c=c,
        )  # fmt: skip

    def steps(shape: Shape, hidden: int, mask: str) -> list[Bijection]:
        """Couplings of this mask, each after a normalisation."""
        maps: list[Bijection] = []
        for k in range(couplings):
            maps.append(EachPixel(ActNorm.init(shape[2], dtype=dtype)))
            if mix and mask == "channelwise":
                maps.append(EachPixel(InvertibleLinear.init(shape[2], rng=rng, dtype=dtype)))
            maps.append(coupling(shape, k, hidden, mask))
        return maps

    def scale(shape: Shape, left: int, hidden: int) -> Chain:
        """The chain from pictures of this shape to latents, with so many scales left."""
        height, width, C = shape
        maps = steps(shape, hidden, "checkerboard") if height * width > 1 else []
        if left == 1:
            return Chain((*maps, Inverse(Picture(shape))))
        deep = (height // 2, width // 2, 4 * C)
        maps += [Squeeze(), *steps(deep, 2 * hidden, "channelwise")]
        rest = scale((height // 2, width // 2, 2 * C), left - 1, 2 * hidden)
        return Chain((*maps, FactorOut(rest, 2 * C, 4 * C)))

    layers = plain.chain.layers if isinstance(plain.chain, Chain) else (plain.chain,)
    chain = Chain((*layers, Picture(sides), scale(sides, scales, hidden)))
    return Flow(chain, plain.base, levels)


@checked
def transformer_maf(
    shape: Sequence[int], layers: Count = 4, hidden: Count = 64, *, rng: np.random.Generator,
    patch: Count = 2, blocks: Count = 2, heads: Count = 4, c: Bound = 2.0, context: Size = 0,
    init_from: ArrayLike | None = None, before: Sequence[Bijection] = (),
    base: Density | None = None, levels: Levels = 0, dtype: DTypeLike = np.float32,
) -> Flow:  # fmt: skip
    """A masked autoregressive flow of patches with causal Transformers (TarFlow, Zhai et al. 2025).

    Each layer reads the patches in the opposite order to the one before. The density is one pass,
    and so is the work of sampling, which keeps the keys and values of each patch.

    Parameters
    ----------
    shape : (H, W, C) of the pictures, which are the rows (N, H W C) of the data; (1, D, 1) with
        patch=1 for other rows
    layers : how many
    hidden : numbers of each token, divisible by `heads`
    rng : the generator of the first weights
    patch : the side of a patch, a divisor of H and of W
    blocks : of attention and a network, in each layer
    heads : of each attention
    c, context, init_from, before, base, levels : see `minigen.flows.models`
    dtype : of the parameters

    Returns
    -------
    Flow

    Raises
    ------
    InvalidInput
        If a patch does not divide the picture, or an option is out of its range.

    Examples
    --------
    >>> flow = mg.flows.transformer_maf((4, 4, 1), 2, 8, blocks=1, heads=2, context=3, rng=rng)
    >>> flow.sample(3, np.eye(3), rng=rng).shape
    (3, 16)
    """
    order = patches(shape, patch)

    def step(k: int) -> tuple[Bijection, ...]:
        return (
            TransformerMAFLayer.init(
                order[:: -1 if k % 2 else 1], hidden, blocks, heads, c=c, context=context, rng=rng,
                dtype=dtype,
            ),
        )  # fmt: skip

    return assemble(step, order.size, layers, rng, dtype, init_from, before, base, levels)
