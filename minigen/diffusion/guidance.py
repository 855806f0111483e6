"""Network wrappers: classifier-free guidance, and fewer time steps."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from minigen.core.contract import Cache, Grads, Layer
from minigen.core.signature import Count, Size
from minigen.core.tree import const


@dataclass(frozen=True, eq=False, repr=False)
class GuidedNet(Layer):
    """Classifier-free guidance (Ho & Salimans 2022).

        out = none + w (labelled - none),  w = scale

    w = 1 is the labelled prediction; a larger w gives samples more typical of the class. It holds
    for eps, and so for x0 and v, which are combinations of x_t and eps. The columns of a learned
    variance, from `features` on, are those of the label. Shapes: x (N, D), given t (N,) or (1,),
    label (N,); the label `classes` stands for no class.
    """

    net: Layer
    scale: float
    classes: Size
    features: Count

    def forward(self, x: NDArray, *, t: NDArray, label: NDArray) -> tuple[NDArray, Cache]:
        both = np.concatenate([label, np.full(len(x), self.classes)])
        t = t if len(t) == 1 else np.concatenate([t, t])
        h, cache = self.net.forward(np.concatenate([x, x]), t=t, label=both)
        out, none = np.split(h, 2)
        out = out.copy()
        D = self.features
        out[:, :D] += (self.scale - 1) * (out[:, :D] - none[:, :D])
        return out, cache

    def backward(self, dout: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        guided = np.arange(dout.shape[1]) < self.features
        dlabelled = np.where(guided, self.scale * dout, dout)
        dnone = np.where(guided, (1 - self.scale) * dout, 0)
        dx, dnet = self.net.backward(np.concatenate([dlabelled, dnone]), cache)
        first, second = np.split(dx, 2)
        return first + second, {"net": dnet}


@dataclass(frozen=True, eq=False, repr=False)
class RespacedNet(Layer):
    """A network on a schedule of fewer steps: step s of it is step times[s] of its own.

    Between the steps it is interpolated. Shapes: x (N, D), given t (N,) or (1,) in 0..S, label
    (N,) or None; times (S+1,), times[0] = 0.
    """

    net: Layer
    times: Annotated[NDArray, "S"] = const()

    def forward(self, x: NDArray, *, t: NDArray, label: NDArray | None = None) -> tuple[Any, Cache]:
        whole = np.issubdtype(np.asarray(t).dtype, np.integer)
        own = self.times[t] if whole else np.interp(t, np.arange(len(self.times)), self.times)
        more = {} if label is None else {"label": label}
        return self.net.forward(x, t=own, **more)

    def backward(self, dout: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        dx, dnet = self.net.backward(dout, cache)
        return dx, {"net": dnet}
