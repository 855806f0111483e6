"""What is minimised: the simple loss, the bound itself, and the hybrid of the two."""

from dataclasses import dataclass

import numpy as np

from minigen.core.contract import Layer, Loss
from minigen.core.tree import const
from minigen.diffusion.forward import Marginal, tables
from minigen.diffusion.terms import PriorTerm
from minigen.prob.gaussian import standard_normal


def noised(model, x0, eps, t):
    """x_t of DIF-11 and its cache."""
    A, rest = tables(model.schedule, t, "alpha_bar", "one_minus_alpha_bar", dtype=x0.dtype)
    return Marginal().forward(x0, eps, A, rest)


def drawn(model, times, batch, rng):
    """The input (x0,) and the given of a training step: t, eps, weight, label."""
    x0, label = model.checked(*(batch if isinstance(batch, tuple) else (batch,)))
    t, weight = times.draw(len(x0), rng)
    eps = standard_normal(x0.shape, rng=rng, dtype=x0.dtype.type)
    given = {"t": t, "eps": eps}
    if weight is not None:
        given["weight"] = weight.astype(x0.dtype)
    if label is not None:
        dropped = rng.random(len(label)) < model.dropped
        given["label"] = np.where(dropped, model.classes, label)
    return (x0,), given


def weighted_mean(rows, weight):
    """The loss of rows (N,), and its derivative by them."""
    each = (np.ones_like(rows) if weight is None else weight) / len(rows)
    return (each * rows).sum(), each


@dataclass(frozen=True, eq=False, repr=False)
class StepTerm(Layer):
    """The bound's term of each row: L_{t-1}, which is L_0 where t = 1.

        x_t = sqrt(A_t) x_0 + sqrt(1 - A_t) eps                         DIF-11
        p(x_{t-1} | x_t) = N(mu, diag sigma^2) from the network         ELBO-16
        L_{t-1} = KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t))         ELBO-17

    model: a DDPM. Shapes: x0 (N, D), given t (N,) or (1,), eps (N, D), label (N,) -> L (N,).
    """

    model: Layer

    def forward(self, x0, *, t, eps, label=None):
        m = self.model
        xt, marginal = noised(m, x0, eps, t)
        out, logvar, net = m.forward(xt, t=t, label=label)
        mu, mean = m.mean.forward(xt, out, t=t)
        L, term = m.term.forward(x0, xt, mu, logvar, t=t)  # ELBO-17
        return L, (marginal, net, mean, term)

    def backward(self, dL, cache):
        marginal, net, mean, term = cache
        m = self.model
        dx0, dxt, dmu, dlogvar, _ = m.term.backward(dL, term)  # ELBO-17
        dxt_mean, dout, _ = m.mean.backward(dmu, mean)
        dxt_net, dmodel = m.backward(dout, dlogvar, net)
        dx0_marginal = Marginal().backward(dxt + dxt_mean + dxt_net, marginal)[0]
        return dx0 + dx0_marginal, {"model": dmodel}


@dataclass(frozen=True, eq=False, repr=False)
class BoundLoss(Loss):
    """The negative ELBO in nats, one time a row: an unbiased estimate of L_0 + ... + L_T.

        loss = 1/N sum_n [w_n T L_{t_n - 1} + L_T]                      ELBO-15

    Given t (N,), eps (N, D), weight (N,) or None for ones, label (N,) or None; x0 (N, D).
    """

    model: Layer
    times: object = const()

    def draw(self, batch, rng):
        return drawn(self.model, self.times, batch, rng)

    def forward(self, x0, *, t, eps, weight=None, label=None):
        T = self.model.schedule.T
        L, term = StepTerm(self.model).forward(x0, t=t, eps=eps, label=label)
        last, prior = PriorTerm(self.model.schedule).forward(x0)
        loss, each = weighted_mean(L, weight)
        return T * loss + last.mean(), (term, prior, T * each)

    def backward(self, dloss, cache):
        term, prior, each = cache
        dx0, grads = StepTerm(self.model).backward(dloss * each, term)
        dlast = np.full_like(each, dloss / len(each))
        return dx0 + PriorTerm(self.model.schedule).backward(dlast, prior)[0], grads


@dataclass(frozen=True, eq=False, repr=False)
class SimpleLoss(Loss):
    """The squared error of the prediction (Ho, Jain & Abbeel 2020, eq. 14).

        loss = 1/N sum_n w_n |target - out|^2                           S-SIMPLE

    It is the bound with term t divided by its weight w_t (see weights.py) and without the
    constants. A sum over D, not a mean. Given as in BoundLoss.
    """

    model: Layer
    times: object = const()

    def draw(self, batch, rng):
        return drawn(self.model, self.times, batch, rng)

    def forward(self, x0, *, t, eps, weight=None, label=None):
        m = self.model
        xt, marginal = noised(m, x0, eps, t)
        out, net = m.prediction(xt, t, label)
        want, target = m.target.forward(x0, eps, t=t)
        e = out - want
        loss, each = weighted_mean((e * e).sum(axis=1), weight)  # S-SIMPLE
        return loss, (e, each, marginal, net, target)

    def backward(self, dloss, cache):
        e, each, marginal, net, target = cache
        m = self.model
        dout = 2 * dloss * each[:, None] * e  # S-SIMPLE
        dxt, dnet = m.prediction_backward(dout, net)
        dx0 = m.target.backward(-dout, target)[0] + Marginal().backward(dxt, marginal)[0]
        return dx0, {"model": {"net": dnet}}

    def backward_params(self, dloss, cache):
        e, each, _, net, _ = cache
        m = self.model
        dout = 2 * dloss * each[:, None] * e  # S-SIMPLE
        return {"model": {"net": m.net.backward_params(m.joined(dout), net)}}


@dataclass(frozen=True, eq=False, repr=False)
class HybridLoss(Loss):
    """The simple loss for the mean and a little of the bound for the variance, in one pass
    (Nichol & Dhariwal 2021).

        loss = 1/N sum_n w_n [|target - out|^2 + scale T L_{t-1}(mean, sigma^2)]

    The mean inside the bound is stopped: `mean` (N, D) is given, and `draw` takes it from the
    network as it stands. The bound then moves the variance alone.
    """

    model: Layer
    times: object = const()
    scale: float = 0.001

    def draw(self, batch, rng):
        (x0,), given = drawn(self.model, self.times, batch, rng)
        xt, _ = noised(self.model, x0, given["eps"], given["t"])
        out, _, _ = self.model.forward(xt, t=given["t"], label=given.get("label"))
        return (x0,), given | {"mean": self.model.mean.forward(xt, out, t=given["t"])[0]}

    def forward(self, x0, *, t, eps, mean, weight=None, label=None):
        m = self.model
        xt, marginal = noised(m, x0, eps, t)
        out, logvar, net = m.forward(xt, t=t, label=label)
        want, target = m.target.forward(x0, eps, t=t)
        e = out - want
        L, term = m.term.forward(x0, xt, mean, logvar, t=t)
        rows = (e * e).sum(axis=1) + self.scale * m.schedule.T * L
        loss, each = weighted_mean(rows, weight)
        return loss, (e, each, marginal, net, target, term)

    def backward(self, dloss, cache):
        e, each, marginal, net, target, term = cache
        m, each = self.model, dloss * each
        dx0, dxt, _, dlogvar, _ = m.term.backward(self.scale * m.schedule.T * each, term)
        dout = 2 * each[:, None] * e
        dxt_net, dmodel = m.backward(dout, dlogvar, net)
        dx0 = dx0 + m.target.backward(-dout, target)[0]
        return dx0 + Marginal().backward(dxt + dxt_net, marginal)[0], {"model": dmodel}
