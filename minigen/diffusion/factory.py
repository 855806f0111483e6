"""Fresh diffusion models."""

import warnings

import numpy as np

from minigen.core import validate
from minigen.diffusion.model import DDPM
from minigen.diffusion.network import TimeNet
from minigen.diffusion.predict import KINDS
from minigen.diffusion.schedule import cosine_schedule
from minigen.diffusion.variance import FIXED, LEARNED


@validate.options
def ddpm(
    features, schedule=None, *, hidden=256, blocks=3, predict="v", variance="beta",
    first_variance=None, levels=0, classes=0, rng, dtype=np.float32,
):  # fmt: skip
    """A diffusion model with a residual MLP.

    Parameters
    ----------
    schedule : by default cosine_schedule(1000)
    hidden, blocks : the width and the number of residual blocks
    predict : "eps", "x0", "v" or "mu"; v needs no division by sqrt(A_t), which is small late, nor
        by sqrt(1 - A_t), which is small early
    variance : of the reverse process: "beta" or "beta_tilde"; or from the network, "learned"
        (between the two) or "free", which is best for integers: their likelihood rests on it
    first_variance : of the decoder p(x_0 | x_1), by default beta_1
    levels : for integer data 0..levels-1, whose likelihood is then a discrete one; 0 if continuous
    classes : the number of classes of a conditional model, whose data are pairs (x, label)

    Warns
    -----
    UserWarning
        When A_T is not small: the prior N(0, I) is not where the forward process ends.
    """
    features = validate.integer("features", features, 1)
    if validate.integer("levels", levels, 0) == 1:
        raise validate.expected("levels", "0 or at least 2", 1)
    schedule = cosine_schedule(1000) if schedule is None else schedule
    validate.choice("predict", predict, KINDS)
    validate.choice("variance", variance, FIXED + LEARNED)
    first = schedule.beta[1] if first_variance is None else first_variance
    first = validate.number("first_variance", first, np.finfo(np.float64).tiny)
    warn_of_gap(schedule)
    net = TimeNet.init(
        features, features * (2 if variance in LEARNED else 1), T=schedule.T,
        hidden=validate.integer("hidden", hidden, 1), blocks=validate.integer("blocks", blocks, 1),
        classes=validate.integer("classes", classes, 0), rng=validate.generator(rng), dtype=dtype,
    )  # fmt: skip
    return DDPM(net, schedule, features, predict, variance, first, levels, classes)


def warn_of_gap(schedule):
    """Say what a schedule that stops too early costs."""
    if schedule.prior_gap > 0.01:
        warnings.warn(
            f"schedule: A_T = {schedule.alpha_bar[-1]:.3g} is not small, so x_T is not N(0, I): "
            f"L_T costs {schedule.prior_gap:.3g} nats per dimension at unit variance",
            stacklevel=4,  # past this line, ddpm and the check of its options
        )
