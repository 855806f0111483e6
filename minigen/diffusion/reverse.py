"""The reverse process: a network, what it predicts, and the variance of a step."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.contract import Cache, Grads, Layer
from minigen.core.signature import Count, Positive, Size
from minigen.core.tree import const
from minigen.diffusion.guidance import GuidedNet, RespacedNet
from minigen.diffusion.predict import REAL, Convert, Target
from minigen.diffusion.schedule import Schedule, at, evenly_spaced, respaced
from minigen.diffusion.terms import GaussianTerm, IntegerTerm
from minigen.diffusion.variance import LEARNED, log_variance, noise_to_mean


@dataclass(frozen=True, eq=False, repr=False)
class ReverseProcess(Layer):
    """p(x_{t-1} | x_t) = N(mu, diag sigma^2) for t = T..1 (Ho, Jain & Abbeel 2020).

        out, raw = net(x_t, t)                                          ELBO-16
        mu       out, one of eps, x0, v, ..., turned into a mean        (predict.py)
        sigma^2  fixed, or from raw                                     (variance.py)

    As a layer: xt (N, D), given t (N,) or (1,), label (N,) or None -> out, logvar (N, D). The time
    is that of x_t; the notes' ELBO-16 prints the one before it.

    Parameters
    ----------
    net : any layer `forward(x, *, t)` with D outputs, or 2D for a learned variance; of a model
        with classes, `forward(x, *, t, label)`
    schedule : of T steps
    features : D
    predict : "eps", "x0", "v", "mu", "score" or "velocity"
    variance : "beta", "beta_tilde", "learned" or "free"
    first : sigma^2 at t = 1, of the decoder p(x_0 | x_1)
    levels : the data are integers 0..levels-1, laid on -1..1; 0 for continuous data

    Examples
    --------
    >>> reverse = mg.diffusion.ddpm(2, mg.diffusion.linear_schedule(10), rng=rng).reverse
    >>> out, logvar, _ = reverse.forward(np.zeros((5, 2), np.float32), t=np.array([3]))
    >>> out.shape, logvar.shape
    ((5, 2), (5, 2))
    """

    net: Layer
    schedule: Schedule = const()
    features: Count
    predict: str
    variance: str
    first: Positive
    levels: Size = 0

    def forward(
        self, xt: NDArray, *, t: NDArray, label: NDArray | None = None
    ) -> tuple[NDArray, NDArray, Cache]:
        out, logvar, cache = self.step(xt, t, label)
        return out, np.broadcast_to(logvar, xt.shape), cache

    def step(
        self, xt: NDArray, t: NDArray, label: NDArray | None
    ) -> tuple[NDArray, NDArray, Cache]:
        """As `forward`, but a fixed logvar is (N, 1) or (1, 1)."""
        h, net = self.net.forward(xt, t=t, **_labelled(label))
        out, raw = self._split(h)
        low, high = (at(table, t, xt.dtype) for table in self.variances)
        logvar, slope = log_variance(self.variance, low, high, raw)
        return out, logvar, (slope, net)

    def backward(self, dout: NDArray, dlogvar: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        slope, net = cache
        dh = dout if slope is None else np.concatenate([dout, slope * dlogvar], axis=1)
        dxt, dnet = self.net.backward(dh, net)
        return dxt, {"net": dnet}

    def prediction(
        self, xt: NDArray, t: NDArray, label: NDArray | None = None
    ) -> tuple[NDArray, Cache]:
        """The prediction alone, and the cache of `prediction_backward`."""
        h, net = self.net.forward(xt, t=t, **_labelled(label))
        return self._split(h)[0], net

    def prediction_backward(self, dout: NDArray, net: Cache) -> tuple[NDArray, Grads]:
        """dxt and the gradients, of the prediction alone."""
        if self.variance in LEARNED:
            dout = np.concatenate([dout, np.zeros_like(dout)], axis=1)
        dxt, dnet = self.net.backward(dout, net)
        return dxt, {"net": dnet}

    def predicted(
        self, xt: NDArray, t: NDArray, kind: str, label: NDArray | None = None
    ) -> NDArray:
        """The prediction as another kind, (N, D).

        Parameters
        ----------
        xt : x_t, (N, D)
        t : (N,) or (1,), times 1..T
        kind : "eps", "x0", "v", "mu", "score" or "velocity"
        label : (N,), of a model with classes

        Returns
        -------
        (N, D)

        Examples
        --------
        >>> schedule = mg.diffusion.linear_schedule(9)
        >>> reverse = mg.diffusion.ddpm(2, schedule, hidden=4, rng=rng).reverse
        >>> reverse.predicted(np.zeros((3, 2), np.float32), np.array([4]), "x0").shape
        (3, 2)
        """
        out, _ = self.prediction(xt, t, label)
        return Convert(self.schedule, self.predict, kind).forward(xt, out, t=t)[0]

    def _split(self, h: NDArray) -> tuple[NDArray, NDArray | None]:
        """The columns of the prediction, and those of a learned variance."""
        D = self.features
        return (h[:, :D], h[:, D:]) if self.variance in LEARNED else (h, None)

    @cached_property
    def mean(self) -> Convert:
        """The layer that turns the prediction into mu."""
        return Convert(self.schedule, self.predict, "mu")

    @cached_property
    def noising(self) -> Target:
        """The layer from x_0 and eps to x_t."""
        return Target(self.schedule, "xt")

    @cached_property
    def target(self) -> Target:
        """The layer from x_0 and eps to what should be predicted."""
        return Target(self.schedule, self.predict)

    @cached_property
    def term(self) -> GaussianTerm | IntegerTerm:
        """The layer of the bound's terms L_0..L_{T-1}."""
        if self.levels:
            return IntegerTerm(self.schedule, self.levels)
        return GaussianTerm(self.schedule)

    @cached_property
    def variances(self) -> tuple[NDArray, NDArray]:
        """What `log_variance` wants of each time: `log_variances`, of "share" beta_tilde, k^2."""
        if self.variance == "share":
            return self.schedule.beta_tilde, noise_to_mean(self.schedule)
        return self.log_variances

    @cached_property
    def log_variances(self) -> tuple[NDArray, NDArray]:
        """log beta_tilde_t and log beta_t, (T+1,) each; at t = 1 both are log `first`.

        At t = 1 beta_tilde is 0 and L_0 would be infinite: the variance of the decoder
        p(x_0 | x_1) is a parameter of its own (S-DIF-t1).
        """
        low, high = self.schedule.beta_tilde.copy(), self.schedule.beta.copy()
        low[1] = high[1] = self.first
        with np.errstate(divide="ignore"):  # at t = 0 nothing varies
            return np.log(low), np.log(high)

    def respaced(self, steps: Count) -> "ReverseProcess":
        """The same network on `steps` of the times, evenly spaced, with the schedule they make.

        Parameters
        ----------
        steps : how many of the times are kept

        Returns
        -------
        ReverseProcess

        Examples
        --------
        >>> schedule = mg.diffusion.linear_schedule(9)
        >>> reverse = mg.diffusion.ddpm(2, schedule, hidden=4, rng=rng).reverse
        >>> reverse.respaced(3).schedule.T
        3
        """
        validate.choice("predict", self.predict, REAL)  # mu is of a step of this schedule
        times = np.append(0, evenly_spaced(self.schedule.T, steps))
        short = respaced(self.schedule, times[1:])
        first = self.first if times[1] == 1 else float(short.beta[1])
        return replace(self, net=RespacedNet(self.net, times), schedule=short, first=first)

    def guided(self, scale: float, classes: Size) -> "ReverseProcess":
        """With classifier-free guidance of this scale.

        Parameters
        ----------
        scale : 0 for none, 1 and more towards the class
        classes : how many there are

        Returns
        -------
        ReverseProcess, of two passes of the network a step

        Examples
        --------
        >>> schedule = mg.diffusion.linear_schedule(9)
        >>> net = mg.diffusion.ddpm(2, schedule, hidden=4, classes=3, rng=rng)
        >>> type(net.reverse.guided(1.5, 3).net).__name__
        'GuidedNet'
        """
        return replace(self, net=GuidedNet(self.net, scale, classes, self.features))


def _labelled(label: NDArray | None) -> dict[str, Any]:
    """The keyword of a network with classes, or nothing."""
    return {} if label is None else {"label": label}


def is_ddpm(model: Any) -> None:
    """Refuse what is no diffusion model."""
    if not isinstance(getattr(model, "reverse", None), ReverseProcess):
        raise validate.wrong_type("model", "a DDPM", validate.shown(model))
