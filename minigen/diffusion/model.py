"""The diffusion model: a network, a schedule, and what is made of the two."""

from dataclasses import dataclass, replace

import numpy as np

from minigen.core import tree, validate
from minigen.core.contract import Layer
from minigen.core.tree import const
from minigen.diffusion import ode
from minigen.diffusion.elbo import elbo
from minigen.diffusion.guidance import Guided, Skipping
from minigen.diffusion.losses import BoundLoss, HybridLoss, SimpleLoss
from minigen.diffusion.predict import Convert, Target
from minigen.diffusion.sampler import SAMPLERS, ancestral, ddim
from minigen.diffusion.schedule import Schedule, respaced, spread
from minigen.diffusion.terms import GaussianTerm, IntegerTerm
from minigen.diffusion.timesteps import Antithetic
from minigen.diffusion.variance import LEARNED, bounds, log_variance
from minigen.prob.gaussian import standard_normal


@dataclass(frozen=True, eq=False, repr=False)
class DDPM(Layer):
    """Denoising diffusion probabilistic model (Ho, Jain & Abbeel 2020).

        out, raw = net(x_t, t)
        p(x_{t-1} | x_t) = N(mu, diag sigma^2)                          ELBO-16
        mu       out, which is eps, x0, v or mu, turned into a mean     (predict.py)
        sigma^2  fixed, or from raw                                     (variance.py)

    As a layer: xt (N, D), given t (N,) or (1,), label (N,) or None -> out, logvar (N, D). The time
    is that of x_t; the notes' ELBO-16 prints the one before it.

    net: any layer `forward(x, *, t)` with D outputs, or 2D for a learned variance; with classes,
    `forward(x, *, t, label)`, where the label `classes` stands for none. first: sigma^2 at t = 1.
    levels: the data are integers 0..levels-1, laid on -1..1; 0 for continuous data. dropped: the
    share of labels left out in training.
    """

    net: Layer
    schedule: Schedule = const()
    features: int
    predict: str
    variance: str
    first: float
    levels: int = 0
    classes: int = 0
    dropped: float = 0.1

    def forward(self, xt, *, t, label=None):
        out, logvar, cache = self.step(xt, t, label)
        return out, np.broadcast_to(logvar, xt.shape), cache

    def step(self, xt, t, label):
        """As `forward`, but a variance that is one for many entries stays one."""
        h, net = self.net.forward(xt, t=t, **labelled(label))
        out, raw = self.split(h)
        pair = bounds(self.schedule, self.first, t)
        logvar, slope = log_variance(self.variance, *(b.astype(xt.dtype) for b in pair), raw)
        return out, logvar, (slope, net)

    def backward(self, dout, dlogvar, cache):
        slope, net = cache
        dh = dout if slope is None else np.concatenate([dout, slope * dlogvar], axis=1)
        dxt, dnet = self.net.backward(dh, net)
        return dxt, {"net": dnet}

    def __repr__(self):
        count = sum(a.size for a in tree.flatten(self.params).values())
        return (
            f"DDPM(features={self.features}, T={self.schedule.T}, predict={self.predict!r}, "
            f"variance={self.variance!r}, levels={self.levels}, classes={self.classes}, "
            f"{count} parameters)"
        )

    def split(self, h):
        """The prediction and, for a learned variance, the columns that say it."""
        D = self.features
        return (h[:, :D], h[:, D:]) if self.variance in LEARNED else (h, None)

    def prediction(self, xt, t, label=None):
        """The prediction alone, and the cache of `prediction_backward`."""
        h, net = self.net.forward(xt, t=t, **labelled(label))
        return self.split(h)[0], net

    def prediction_backward(self, dout, net):
        """dxt and the gradient of the network: the variance has no part in it."""
        return self.net.backward(self.joined(dout), net)

    def joined(self, dout):
        """The gradient of all the network's columns, from that of the prediction alone."""
        silent = self.variance in LEARNED
        return np.concatenate([dout, np.zeros_like(dout)], axis=1) if silent else dout

    def predicted(self, xt, t, kind, label=None):
        """The network's opinion as eps, x0, v or mu, (N, D)."""
        out, _ = self.prediction(xt, t, label)
        return Convert(self.schedule, self.predict, kind).forward(xt, out, t=t)[0]

    @property
    def mean(self):
        """The layer that turns the prediction into mu."""
        return Convert(self.schedule, self.predict, "mu")

    @property
    def target(self):
        """The layer that says what the prediction should have been."""
        return Target(self.schedule, self.predict)

    @property
    def term(self):
        """The layer of the bound's terms L_0..L_{T-1}."""
        if self.levels:
            return IntegerTerm(self.schedule, self.levels)
        return GaussianTerm(self.schedule)

    @property
    def loss(self):
        """The usual loss: simple for a fixed variance, hybrid for "learned", bound for "free"."""
        return {"learned": self.hybrid, "free": self.bound}.get(self.variance, self.simple)

    @property
    def simple(self):
        """The simple loss."""
        return SimpleLoss(self, Antithetic(self.schedule.T))

    @property
    def bound(self):
        """The negative ELBO itself as the loss."""
        return BoundLoss(self, Antithetic(self.schedule.T))

    @property
    def hybrid(self):
        """The simple loss with a little of the bound, which moves the variance."""
        return HybridLoss(self, Antithetic(self.schedule.T))

    def encode(self, x):
        """Data (N, D) as the model sees them: in its type, and integers laid on -1..1."""
        if self.levels:
            x = x * (2 / (self.levels - 1)) - 1
        return x.astype(self.dtype, copy=False)

    def checked(self, x, label=None):
        """Data (N, D), checked and encoded, and their labels (N,) or None."""
        x = validate.array("x", x, ("N", self.features))
        if len(x) == 0:
            raise validate.expected("x", "at least one row", "none")
        if self.levels:
            among("x", x, self.levels)
        return self.encode(x), None if label is None else self.labels(label, len(x))

    def labels(self, label, n):
        """A label, or n of them, as an array (n,)."""
        if not self.classes:
            raise validate.expected("label", "none (the model has no classes)", repr(label))
        label = validate.array("label", label)
        if label.shape not in ((), (n,)):
            raise validate.expected("label", f"one, or shape ({n},)", validate.shaped(label.shape))
        among("label", label, self.classes + 1)
        return np.broadcast_to(label, (n,)).astype(int)

    def decode(self, x):
        """Samples in the data's units: integers if the data are integers."""
        if not self.levels:
            return x
        top = self.levels - 1
        return np.clip(np.round((x + 1) * (top / 2)), 0, top).astype(int)

    def respaced(self, steps):
        """The same network on `steps` of the times, evenly spaced, with the schedule they make."""
        if self.predict == "mu":
            raise validate.expected("predict", "eps, x0 or v for fewer steps", "'mu'")
        times = np.append(0, spread(self.schedule.T, steps))
        short = respaced(self.schedule, times[1:])
        first = self.first if times[1] == 1 else float(short.beta[1])
        return replace(self, net=Skipping(self.net, times), schedule=short, first=first)

    def walk(self, n, *, rng, sampler="ancestral", steps=None, eta=0.0, label=None, guidance=1.0):
        """The states (t, x_t (n, D)) that `sample` passes through, from noise to t = 0.

        Parameters
        ----------
        sampler : "ancestral", "ddim" or "ode" (the probability-flow ODE: one state, the last)
        steps : so many of the T times, evenly spaced; by default all
        eta : of DDIM: 0 without noise, 1 as much as the ancestral sampler
        label : a class, or one for each sample; by default none
        guidance : w of classifier-free guidance; 1 for the model as it is
        """
        n, rng = validate.integer("n", n, 0), validate.generator(rng)
        validate.choice("sampler", sampler, SAMPLERS)
        validate.number("eta", eta, 0, 1)
        T = self.schedule.T
        steps = T if steps is None else validate.integer("steps", steps, 1, T)
        model = self.guided(guidance)
        if self.classes:
            label = self.labels(self.classes if label is None else label, n)
        elif label is not None:
            self.labels(label, n)
        x = standard_normal((n, self.features), rng=rng, dtype=self.dtype.type)
        yield self.schedule.T, x
        if sampler == "ode":
            yield 0, ode.sample(model, x, label=label).astype(self.dtype)
        elif sampler == "ddim":
            times = spread(self.schedule.T, steps)
            yield from ddim(model, x, rng=rng, times=times, eta=eta, label=label)
        else:
            short = model if steps == self.schedule.T else model.respaced(steps)
            yield from ancestral(short, x, rng=rng, label=label)

    def sample(self, n, *, rng, **how):
        """n samples (n, D); `how` as in `walk`: sampler, steps, eta, label, guidance."""
        for _, x in self.walk(n, rng=rng, **how):
            last = x
        return self.decode(last)

    def guided(self, scale):
        """The model with classifier-free guidance of this scale."""
        if validate.number("guidance", scale) == 1:
            return self
        if not self.classes:
            raise validate.expected("guidance", "1 (the model has no classes)", scale)
        return replace(self, net=Guided(self.net, scale, self.classes, self.features))

    def elbo(self, x, *, rng, label=None):
        """The bound on -log p(x) for x (N, D), every term of it: an `Elbo`."""
        x0, label = self.checked(x, label)
        return elbo(self, x0, rng=validate.generator(rng), label=self.or_none(label, len(x0)))

    def log_prob_ode(self, x, *, label=None, tolerance=1e-5):
        """log p(x) in nats, (N,), of the probability-flow ODE; continuous data."""
        if self.levels:
            raise validate.expected("levels", "0 (continuous data) for the ODE", self.levels)
        x0, label = self.checked(x, label)
        return ode.log_prob(self, x0, label=self.or_none(label, len(x0)), tolerance=tolerance)

    def or_none(self, label, n):
        """The labels, or "no class" for each row of a model that has classes."""
        return np.full(n, self.classes) if self.classes and label is None else label


def labelled(label):
    """The keyword of a network with classes, or nothing."""
    return {} if label is None else {"label": label}


def among(name, value, count):
    """Refuse what is not one of the integers 0..count-1, by its index."""
    bad = (value != np.round(value)) | (value < 0) | (value >= count)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise validate.expected(
            name, f"integers 0..{count - 1}", f"{value[where]} at index {where}"
        )
