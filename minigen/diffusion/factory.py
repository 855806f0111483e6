"""A fresh diffusion model from its options."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from minigen.core import validate
from minigen.core.contract import Bijection
from minigen.core.signature import Count, Positive, Size, checked
from minigen.core.units import Units
from minigen.diffusion.data_format import DataFormat
from minigen.diffusion.model import DDPM
from minigen.diffusion.network import TimeNet
from minigen.diffusion.predict import KINDS
from minigen.diffusion.reverse import ReverseProcess
from minigen.diffusion.schedule import Schedule, cosine_schedule
from minigen.diffusion.unet import UNet, usual_scales
from minigen.diffusion.variance import FIXED, LEARNED


@checked
def ddpm(
    features: Count, schedule: Schedule | None = None, *, hidden: Count | None = None,
    blocks: Count | None = None, net: str = "mlp", shape: Sequence[int] | None = None,
    scales: Count | None = None, groups: Count = 8, heads: Count = 1,
    predict: str = "v", variance: str = "beta", first_variance: Positive | None = None,
    levels: Size = 0, classes: Size = 0, init_from: ArrayLike | None = None,
    before: Sequence[Bijection] = (),
    rng: np.random.Generator, dtype: DTypeLike = np.float32,
) -> DDPM:  # fmt: skip
    """A diffusion model with a residual MLP, or a U-Net of pictures (Ho, Jain & Abbeel 2020).

    Parameters
    ----------
    features : D, the number of columns of the data
    schedule : by default cosine_schedule(1000)
    hidden, blocks : the width and the number of residual blocks, by default 256 and 3; of a U-Net
        the channels at the first scale and the blocks of each scale on each way, 32 and 1
    net : "mlp", or "unet" for pictures
    shape : (H, W, C) of the pictures, whose numbers are the columns of the data, D = H W C
    scales : of a U-Net, by default 3 or as many as leave 4 pixels; it halves the sides between them
    groups, heads : of a U-Net: of its group normalisation, and of its attention
    predict : "eps", "x0", "v", "mu", "score" or "velocity" (`predict.py`); v needs no division by
        sqrt(A_t), which is small late, nor by sqrt(1 - A_t), which is small early
    variance : of the reverse process: "beta" or "beta_tilde"; or from the network, "learned"
        (between the two) or "free", recommended for integer data
    first_variance : of the decoder p(x_0 | x_1), by default beta_1
    levels : for integer data 0..levels-1, whose likelihood is then a discrete one; 0 if continuous
    classes : the number of classes of a conditional model, whose data are pairs (x, label)
    init_from : real data (N, D): the model standardises the columns, in float64, by their means and
        standard deviations; samples and likelihoods are in the units of the data
    before : fixed maps of the data, in float64, applied first, for example `mg.flows.Logit` on
        numbers between 0 and 1, or `mg.flows.Inverse(mg.flows.Exp())` on positive ones; bounds and
        likelihoods count them, and samples come back through them
    rng : numpy.random.Generator
    dtype : of the parameters

    Returns
    -------
    DDPM

    Raises
    ------
    InvalidInput
        For an option out of its range.

    Warns
    -----
    UserWarning
        When A_T is not small: the prior N(0, I) is not where the forward process ends.

    Examples
    --------
    >>> model = mg.diffusion.ddpm(2, mg.diffusion.cosine_schedule(50), hidden=16, rng=rng)
    >>> run = mg.fit(model, mg.data.toy("moons"), steps=20, rng=rng, progress=False)
    >>> model.sample(5, rng=rng).shape
    (5, 2)
    """
    features = validate.integer("features", features, 1)
    if validate.integer("levels", levels, 0) == 1:
        raise validate.expected("levels", "0 or at least 2", 1)
    schedule = cosine_schedule(1000) if schedule is None else schedule
    if not isinstance(schedule, Schedule):
        raise validate.wrong_type("schedule", "a Schedule", repr(schedule))
    validate.floating("dtype", dtype)
    validate.choice("predict", predict, KINDS)
    validate.choice("variance", variance, FIXED + LEARNED)
    first = schedule.beta[1] if first_variance is None else first_variance
    first = validate.number("first_variance", first, np.finfo(np.float64).tiny)
    if schedule.prior_gap > 0.01:
        warnings.warn(
            f"schedule: A_T = {schedule.alpha_bar[-1]:.3g} is not small, so x_T is not N(0, I): "
            f"L_T costs {schedule.prior_gap:.3g} nats per dimension at unit variance",
            stacklevel=3,  # past the check of the options
        )
    classes = validate.integer("classes", classes, 0)
    if before and levels:
        raise validate.expected("before", "no maps for integer data", before)
    maps = tuple(before)
    validate.maps("before", maps, features)
    units = None
    if init_from is not None:
        if levels:
            raise validate.expected("init_from", "None for integer data", "an array")
        x = validate.array("init_from", init_from, ("N", features), np.float64)
        if not len(x):
            raise validate.expected("init_from", "at least one row", "none")
        data = DataFormat(features, 0, 0, np.dtype(np.float64), before=maps)
        validate.refuse_outside("init_from", x, data.defined(x))
        units = Units.of(data.mapped(x)[0])
    validate.choice("net", net, ("mlp", "unet"))
    outputs = 2 if variance in LEARNED else 1
    new: dict[str, Any] = {"T": schedule.T, "classes": classes, "rng": rng, "dtype": dtype}
    if net == "unet":
        network = unet(features, shape, outputs, hidden, blocks, scales, groups, heads, new)
    elif shape is not None:
        raise validate.expected("shape", "none without net='unet'", shape)
    else:
        wide, deep = hidden or 256, blocks or 3
        network = TimeNet.init(features, outputs * features, hidden=wide, blocks=deep, **new)
    reverse = ReverseProcess(network, schedule, features, predict, variance, first, levels)
    return DDPM(reverse, classes, units=units, before=maps)


def unet(
    features: int, shape: Sequence[int] | None, outputs: int, hidden: int | None,
    blocks: int | None, scales: int | None, groups: int, heads: int, new: dict[str, Any],
) -> UNet:  # fmt: skip
    """The U-Net of these options."""
    if shape is None:
        raise validate.expected("shape", "(H, W, C) of the pictures with net='unet'", None)
    sides = validate.widths("shape", shape)
    if math.prod(sides) != features:
        raise validate.expected("shape", f"H W C = {features}, as features says", sides)
    return UNet.init(
        sides, outputs, hidden=hidden or 32, blocks=blocks or 1, groups=groups, heads=heads,
        scales=scales or usual_scales(sides), **new,
    )  # fmt: skip
