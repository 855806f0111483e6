"""What is minimised: the simple loss, the bound itself, and the hybrid of the two."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Grads, Layer, Loss
from minigen.core.numeric import LOG_2PI
from minigen.core.signature import Positive, checked
from minigen.core.tree import const
from minigen.diffusion.predict import coefficients
from minigen.diffusion.reverse import ReverseProcess, is_ddpm
from minigen.diffusion.terms import PriorTerm
from minigen.diffusion.timesteps import Times
from minigen.prob.gaussian import standard_normal
from minigen.prob.kl import gaussian_kl

if TYPE_CHECKING:
    from minigen.diffusion.model import DDPM


class DiffusionLoss(Loss):
    """What the losses of a diffusion model have in common: `model` and `times`, and what they draw.

    Given t (N,), eps (N, D), weight (N,) or None for ones, label (N,) or None.
    """

    by_rows = True

    if TYPE_CHECKING:
        model: DDPM
        times: Times

    def __post_init__(self) -> None:
        super().__post_init__()
        is_ddpm(self.model)
        if hasattr(self, "times"):
            validate.methods("times", self.times, "draw")

    @property
    def data_dtype(self) -> np.dtype:
        return self.model.data.arrives

    def examine(self, data: Any, name: str = "data") -> None:
        x, label = self.model.data.parts(data, name)
        if self.model.levels:
            self.model.data.labels(label, len(self.model.data.rows(x, name)))
        else:
            validate.warn_of_scale(name, x, self.model.data.pairs(data, name)[0])

    def draw(self, batch: Any, rng: np.random.Generator) -> tuple[tuple[NDArray], dict[str, Any]]:
        x0, label = self.model.data.pairs(batch)
        t, weight = self.times.draw(len(x0), rng)
        given = {"t": t, **self.noise(x0, label, rng)}
        if weight is not None:
            given["weight"] = weight.astype(x0.dtype)
        return (x0,), given

    def noise(
        self, x0: NDArray, label: NDArray | None, rng: np.random.Generator
    ) -> dict[str, NDArray]:
        """eps, and the labels of which some are dropped."""
        given = {"eps": standard_normal(x0.shape, rng=rng, dtype=x0.dtype.type)}
        if label is not None:
            dropped = rng.random(len(label)) < self.model.dropped
            given["label"] = np.where(dropped, self.model.classes, label)
        return given


def weighted_mean(rows: NDArray, weight: NDArray | None) -> tuple[NDArray, NDArray]:
    """The loss of rows (N,), and its derivative by them."""
    each = (np.ones_like(rows) if weight is None else weight) / len(rows)
    return (each * rows).sum(), each


@dataclass(frozen=True, eq=False, repr=False)
class StepTerm(Layer):
    """The bound's term of each row: L_{t-1}, which is L_0 where t = 1.

        x_t = sqrt(A_t) x_0 + sqrt(1 - A_t) eps                         DIF-11
        p(x_{t-1} | x_t) = N(mu, diag sigma^2) from the network         ELBO-16
        L_{t-1} = KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t))         ELBO-17

    Shapes: x0 (N, D), given t (N,) or (1,), eps (N, D), label (N,) -> L (N,).
    """

    reverse: ReverseProcess

    def forward(
        self, x0: NDArray, *, t: NDArray, eps: NDArray, label: NDArray | None = None
    ) -> tuple[NDArray, Cache]:
        p = self.reverse
        xt, noising = p.noising.forward(x0, eps, t=t)
        out, logvar, net = p.forward(xt, t=t, label=label)
        mu, mean = p.mean.forward(xt, out, t=t)
        L, term = p.term.forward(x0, xt, mu, logvar, t=t)  # ELBO-17
        return L, (noising, net, mean, term)

    def backward(self, dL: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        noising, net, mean, term = cache
        p = self.reverse
        dx0, dxt, dmu, dlogvar, _ = p.term.backward(dL, term)  # ELBO-17
        dxt_mean, dout, _ = p.mean.backward(dmu, mean)
        dxt_net, dreverse = p.backward(dout, dlogvar, net)
        dx0_noising, _, _ = p.noising.backward(dxt + dxt_mean + dxt_net, noising)
        return dx0 + dx0_noising, {"reverse": dreverse}


@dataclass(frozen=True, eq=False, repr=False)
class BoundLoss(DiffusionLoss):
    """The negative ELBO in nats, one time a row: an unbiased estimate of L_0 + ... + L_T.

        loss = 1/N sum_n [w_n T L_{t_n - 1} + L_T]                      ELBO-15

    Given t (N,), eps (N, D), weight (N,) or None for ones, label (N,) or None; x0 (N, D).
    """

    model: "DDPM"
    times: Times = const()

    def forward(
        self, x0: NDArray, *, t: NDArray, eps: NDArray, weight: NDArray | None = None,
        label: NDArray | None = None,
    ) -> tuple[NDArray, Cache]:  # fmt: skip
        p = self.model.reverse
        L, term = StepTerm(p).forward(x0, t=t, eps=eps, label=label)
        last, prior = PriorTerm(p.schedule).forward(x0)
        loss, each = weighted_mean(L, weight)
        return p.schedule.T * loss + last.mean(), (term, prior, p.schedule.T * each)

    def backward(self, dloss: Any, cache: Cache) -> tuple[NDArray, Grads]:
        term, prior, each = cache
        p = self.model.reverse
        dx0, grads = StepTerm(p).backward(dloss * each, term)
        dlast = np.full_like(each, dloss / len(each))
        return dx0 + PriorTerm(p.schedule).backward(dlast, prior)[0], {"model": grads}


@dataclass(frozen=True, eq=False, repr=False)
class SimpleLoss(DiffusionLoss):
    """The squared error of the prediction (Ho, Jain & Abbeel 2020, eq. 14).

        loss = 1/N sum_n w_n |target - out|^2                           S-SIMPLE

    It is the bound with term t divided by its weight w_t (see `exact_weights`) and without the
    constants. A sum over D, not a mean. Given as in BoundLoss.
    """

    model: "DDPM"
    times: Times = const()

    def forward(
        self, x0: NDArray, *, t: NDArray, eps: NDArray, weight: NDArray | None = None,
        label: NDArray | None = None,
    ) -> tuple[NDArray, Cache]:  # fmt: skip
        p = self.model.reverse
        xt, noising = p.noising.forward(x0, eps, t=t)
        out, net = p.prediction(xt, t, label)
        want, target = p.target.forward(x0, eps, t=t)
        e = out - want
        loss, each = weighted_mean((e * e).sum(axis=1), weight)  # S-SIMPLE
        return loss, (e, each, noising, net, target)

    def backward(self, dloss: Any, cache: Cache) -> tuple[NDArray, Grads]:
        e, each, noising, net, target = cache
        p = self.model.reverse
        dout = 2 * dloss * each[:, None] * e  # S-SIMPLE
        dxt, dreverse = p.prediction_backward(dout, net)
        dx0 = p.noising.backward(dxt, noising)[0] - p.target.backward(dout, target)[0]
        return dx0, {"model": {"reverse": dreverse}}


@dataclass(frozen=True, eq=False, repr=False)
class HybridLoss(DiffusionLoss):
    """The simple loss for the mean and a little of the bound for the variance, in one pass
    (Nichol & Dhariwal 2021).

        loss = 1/N sum_n w_n [|target - out|^2 + scale T L_{t-1}(mean, sigma^2)]

    The mean inside the bound is stopped: `mean` (N, D) is given, and `draw` takes it from the
    network with its present parameters. The bound then moves the variance alone.
    """

    model: "DDPM"
    times: Times = const()
    scale: Positive = 0.001

    def draw(self, batch: Any, rng: np.random.Generator) -> tuple[tuple[NDArray], dict[str, Any]]:
        (x0,), given = super().draw(batch, rng)
        p, t = self.model.reverse, given["t"]
        xt, _ = p.noising.forward(x0, given["eps"], t=t)
        return (x0,), given | {"mean": p.predicted(xt, t, "mu", given.get("label"))}

    def forward(
        self, x0: NDArray, *, t: NDArray, eps: NDArray, mean: NDArray,
        weight: NDArray | None = None, label: NDArray | None = None,
    ) -> tuple[NDArray, Cache]:  # fmt: skip
        p = self.model.reverse
        xt, noising = p.noising.forward(x0, eps, t=t)
        out, logvar, net = p.forward(xt, t=t, label=label)
        want, target = p.target.forward(x0, eps, t=t)
        e = out - want
        L, term = p.term.forward(x0, xt, mean, logvar, t=t)
        rows = (e * e).sum(axis=1) + self.scale * p.schedule.T * L
        loss, each = weighted_mean(rows, weight)
        return loss, (e, each, noising, net, target, term)

    def backward(self, dloss: Any, cache: Cache) -> tuple[NDArray, Grads]:
        e, each, noising, net, target, term = cache
        p, each = self.model.reverse, dloss * each
        dx0, dxt, _, dlogvar, _ = p.term.backward(self.scale * p.schedule.T * each, term)
        dout = 2 * each[:, None] * e
        dxt_net, dreverse = p.backward(dout, dlogvar, net)
        dx0 = dx0 - p.target.backward(dout, target)[0]
        dx0 = dx0 + p.noising.backward(dxt + dxt_net, noising)[0]
        return dx0, {"model": {"reverse": dreverse}}


@checked
def exact_weights(reverse: ReverseProcess) -> tuple[NDArray, NDArray]:
    """What the simple loss leaves out: the exact weight and constant of each term of the bound.

        L_{t-1} = w_t |target - out|^2 + C_t
        w_t = q_t^2 / (2 sigma_t^2)                                     S-SIMPLE
        C_t = D/2 (beta_tilde_t / sigma_t^2 - 1 - log(beta_tilde_t / sigma_t^2))
        C_1 = D/2 log(2 pi sigma_1^2)

    where mu = p_t x_t + q_t out; for eps, q_t^2 = beta_t^2 / (alpha_t (1 - A_t)). The square of
    sigma, not its fourth power, and a sum over D, not a mean.

    Parameters
    ----------
    reverse : with a fixed variance

    Returns
    -------
    w, C : (T,) each, of t = 1..T

    Examples
    --------
    >>> model = mg.diffusion.ddpm(2, mg.diffusion.linear_schedule(10), rng=rng)
    >>> w, C = mg.diffusion.exact_weights(model.reverse)
    >>> w.shape, bool(w[0] > w[-1])
    ((10,), True)
    """
    q = coefficients(reverse.schedule, reverse.predict, "mu")[1][1:]
    low, high = reverse.log_variances
    logvar = (high if reverse.variance == "beta" else low)[1:]
    log_ratio = np.log(reverse.schedule.beta_tilde[2:]) - logvar[1:]
    kl = gaussian_kl(
        np.expm1(log_ratio)[:, None], log_ratio[:, None], np.zeros((len(log_ratio), 1))
    )
    C = np.append((LOG_2PI + logvar[0]) / 2, kl)
    return q**2 * np.exp(-logvar) / 2, reverse.features * C
