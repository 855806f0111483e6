"""The covariance of a reverse step learned by regression, beside a network that stays as it is."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Grads, Layer
from minigen.core.signature import Count, checked
from minigen.core.tree import const
from minigen.diffusion.losses import DiffusionLoss, weighted_mean
from minigen.diffusion.network import TimeNet
from minigen.diffusion.predict import coefficients
from minigen.diffusion.reverse import is_ddpm
from minigen.diffusion.schedule import at
from minigen.diffusion.timesteps import Times
from minigen.diffusion.variance import FIXED

if TYPE_CHECKING:
    from minigen.diffusion.model import DDPM


@dataclass(frozen=True, eq=False, repr=False)
class NoiseAndShare(Layer):
    """Two networks side by side: one predicts, the other says how uncertain eps is.

        out = (net(x, t), share(x, t)),   share = log diag Cov[eps | x_t]

    The net of a model with variance="share". Shapes: x (N, D), given t (N,) or (1,), label (N,) or
    none -> (N, 2D).
    """

    net: Layer
    share: Layer

    def forward(
        self, x: NDArray, *, t: NDArray, label: NDArray | None = None
    ) -> tuple[NDArray, Cache]:
        more = {} if label is None else {"label": label}
        out, net = self.net.forward(x, t=t, **more)
        raw, share = self.share.forward(x, t=t, **more)
        return np.concatenate([out, raw], axis=1), (net, share)

    def backward(self, dout: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        net, share = cache
        D = dout.shape[1] // 2
        dx, dnet = self.net.backward(dout[:, :D], net)
        dx_share, dshare = self.share.backward(dout[:, D:], share)
        return dx + dx_share, {"net": dnet, "share": dshare}


@dataclass(frozen=True, eq=False, repr=False)
class CovarianceMatchingLoss(DiffusionLoss):
    """The diagonal of Cov[eps | x_t], learned from random directions (after Ou et al. 2025, OCM).

        h = v * (v - sqrt(1 - A_t) (d eps / d x_t)^T v),  v = +-1 at random     E_v h = diag Cov
        s = beta_tilde_t + k_t^2 h                                              S-SIGMA
        loss = 1/N sum_n w_n/2 sum_d [s / sigma^2 - 1 + log(sigma^2 / beta_t)]

    One backward pass of the network stands in place of D. s is right in the mean, and the loss is
    least where sigma^2 is the mean of s, as a square would be; but it counts relative errors, as
    the bound does. h (N, D) is given: `draw` makes it with the network as it is, and the prediction
    gets no gradient: it is trained first, by the simple loss. Given t (N,), eps (N, D), h (N, D),
    weight (N,) and label (N,) or None; x0 (N, D).
    """

    model: "DDPM"
    times: Times = const()

    def __post_init__(self) -> None:
        super().__post_init__()
        validate.choice("variance", self.model.reverse.variance, ("share",))

    def draw(self, batch: Any, rng: np.random.Generator) -> tuple[tuple[NDArray], dict[str, Any]]:
        (x0,), given = super().draw(batch, rng)
        p, t = self.model.reverse, given["t"]
        xt, _ = p.noising.forward(x0, given["eps"], t=t)
        _, net = p.prediction(xt, t, given.get("label"))
        v = rng.choice(np.array([-1, 1], x0.dtype), x0.shape)
        own, q = (at(table, t, x0.dtype) for table in coefficients(p.schedule, p.predict, "eps"))
        through = own * v + p.prediction_backward(q * v, net)[0]  # (d eps / d x_t)^T v
        root = np.sqrt(at(p.schedule.one_minus_alpha_bar, t, x0.dtype))
        return (x0,), given | {"h": v * (v - root * through)}

    def forward(
        self, x0: NDArray, *, t: NDArray, eps: NDArray, h: NDArray, weight: NDArray | None = None,
        label: NDArray | None = None,
    ) -> tuple[NDArray, Cache]:  # fmt: skip
        p = self.model.reverse
        xt, noising = p.noising.forward(x0, eps, t=t)
        out, logvar, net = p.forward(xt, t=t, label=label)
        tilde, k2, beta = (at(table, t, x0.dtype) for table in (*p.variances, p.schedule.beta))
        ratio = (tilde + k2 * h) * np.exp(-logvar)  # S-SIGMA
        rows = (ratio - 1 + logvar - np.log(beta)).sum(axis=1) / 2
        loss, each = weighted_mean(rows, weight)
        return loss, (ratio, np.zeros_like(out), each, noising, net)

    def backward(self, dloss: float, cache: Cache) -> tuple[NDArray, Grads]:
        ratio, nothing, each, noising, net = cache
        p, dlogvar = self.model.reverse, dloss * each[:, None] * (1 - ratio) / 2
        dxt, dreverse = p.backward(nothing, dlogvar, net)
        return p.noising.backward(dxt, noising)[0], {"model": {"reverse": dreverse}}


@checked
def with_covariance(
    model: "DDPM", *, hidden: Count = 64, blocks: Count = 2, rng: np.random.Generator
) -> "DDPM":
    """A trained model whose steps get a variance from a second network, still to be trained.

    Parameters
    ----------
    model : its prediction stays as it is
    hidden, blocks : of the second network
    rng : numpy.random.Generator

    Returns
    -------
    DDPM
        With variance="share"; train it by its `loss`, which is `CovarianceMatchingLoss`.

    Examples
    --------
    >>> model = mg.diffusion.ddpm(2, mg.diffusion.cosine_schedule(50), hidden=16, rng=rng)
    >>> model = mg.diffusion.with_covariance(model, hidden=16, rng=rng)
    >>> run = mg.fit(model, mg.data.toy("moons"), steps=20, rng=rng, progress=False)
    >>> model.sample(5, rng=rng).shape
    (5, 2)
    """
    is_ddpm(model)
    p, D = model.reverse, model.features
    validate.choice("variance", p.variance, FIXED)
    share = TimeNet.init(
        D, D, T=p.schedule.T, hidden=hidden, blocks=blocks, classes=model.classes, rng=rng,
        dtype=model.dtype,
    )  # fmt: skip
    return replace(model, reverse=replace(p, net=NoiseAndShare(p.net, share), variance="share"))
