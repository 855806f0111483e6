"""Flow matching: the loss of the straight path from data to noise."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Grads
from minigen.diffusion.losses import DiffusionLoss
from minigen.diffusion.predict import REAL, coefficients_at
from minigen.diffusion.reverse import is_ddpm

if TYPE_CHECKING:
    from minigen.diffusion.model import DDPM


@dataclass(frozen=True, eq=False, repr=False)
class FlowMatchingLoss(DiffusionLoss):
    """The squared error of the velocity of the straight path (Lipman et al. 2023).

        y = (1 - s) x_0 + s eps,   dy/ds = u = eps - x_0,   s ~ U(0, 1)
        loss = 1/N sum_n |u_n - velocity(y_n, s_n)|^2

    The network sees y as the x_t of the same noise over signal, r = s / (1 - s), which is y in
    another scale: x_t = y / sqrt((1 - s)^2 + s^2), t = Schedule.time(r). What it predicts is turned
    into the velocity: velocity = p x_t + q out. So any model can be trained by it. s stays within
    the times 1..T. Shapes: x0 (N, D), given s (N,), eps (N, D), label (N,) or None.
    """

    model: "DDPM"

    def __post_init__(self) -> None:
        is_ddpm(self.model)
        validate.choice("predict", self.model.reverse.predict, REAL)

    def draw(self, batch: Any, rng: np.random.Generator) -> tuple[tuple[NDArray], dict[str, Any]]:
        x0, label = self.model.data.pairs(batch)
        r = np.exp(self.model.schedule.log_ratios[[1, -1]])
        low, high = r / (1 + r)
        even = (rng.permutation(len(x0)) + rng.random()) / len(x0)  # one in each N-th of (0, 1)
        return (x0,), {"s": low + (high - low) * even, **self.noise(x0, label, rng)}

    def forward(
        self, x0: NDArray, *, s: NDArray, eps: NDArray, label: NDArray | None = None
    ) -> tuple[NDArray, Cache]:
        p, r = self.model.reverse, s / (1 - s)
        size = np.hypot(1, r)
        signal, noise = ((a / size)[:, None].astype(x0.dtype) for a in (np.ones_like(r), r))
        xt = signal * x0 + noise * eps
        out, net = p.prediction(xt, p.schedule.time(r), label)
        own, q = (a[:, None].astype(x0.dtype) for a in coefficients_at(r, p.predict, "velocity"))
        e = own * xt + q * out - (eps - x0)
        return (e * e).sum() / len(x0), (e, signal, own, q, net)

    def backward(self, dloss: float, cache: Cache) -> tuple[NDArray, Grads]:
        e, signal, own, q, net = cache
        de = 2 * dloss / len(e) * e
        dxt, dreverse = self.model.reverse.prediction_backward(q * de, net)
        return signal * (dxt + own * de) + de, {"model": {"reverse": dreverse}}
