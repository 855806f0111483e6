"""Networks around a network: a stronger class, fewer steps."""

from dataclasses import dataclass

import numpy as np

from minigen.core.contract import Layer
from minigen.core.tree import const


@dataclass(frozen=True, eq=False, repr=False)
class Guided(Layer):
    """Classifier-free guidance (Ho & Salimans 2022).

        out = none + w (labelled - none),  w = scale

    w = 1 is the labelled prediction, more is more typical of the class. It holds for eps, and so
    for x0 and v, which are combinations of x_t and eps. Columns from `features` on, the variance,
    stay those of the label. Shapes: x (N, D), given t (1,), label (N,).
    """

    net: Layer
    scale: float
    classes: int
    features: int

    def forward(self, x, *, t, label):
        none = np.full(len(x), self.classes)
        both = np.concatenate([label, none])
        t = t if len(t) == 1 else np.concatenate([t, t])
        h, cache = self.net.forward(np.concatenate([x, x]), t=t, label=both)
        out, base = np.split(h, 2)
        out = out.copy()
        D = self.features
        out[:, :D] += (self.scale - 1) * (out[:, :D] - base[:, :D])
        return out, cache

    def backward(self, dout, cache):
        guided = np.arange(dout.shape[1]) < self.features
        dlabelled = np.where(guided, self.scale * dout, dout)
        dbase = np.where(guided, (1 - self.scale) * dout, 0)
        dx, dnet = self.net.backward(np.concatenate([dlabelled, dbase]), cache)
        first, second = np.split(dx, 2)
        return first + second, {"net": dnet}


@dataclass(frozen=True, eq=False, repr=False)
class Skipping(Layer):
    """A network on a schedule of fewer steps: step s of it is step times[s] of its own.

    Between the steps it is interpolated. Shapes: x (N, D), given t (N,) or (1,) in 0..S; times
    (S+1,), times[0] = 0.
    """

    net: Layer
    times: np.ndarray = const()

    def forward(self, x, *, t, **label):
        whole = np.issubdtype(np.asarray(t).dtype, np.integer)
        own = self.times[t] if whole else np.interp(t, np.arange(len(self.times)), self.times)
        return self.net.forward(x, t=own, **label)

    def backward(self, dout, cache):
        dx, dnet = self.net.backward(dout, cache)
        return dx, {"net": dnet}
