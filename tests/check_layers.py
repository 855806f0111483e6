"""Small layers and functions that several tests of the checks share."""

from dataclasses import dataclass

import numpy as np

from minigen.check import richardson
from minigen.core.contract import Layer
from minigen.core.tree import param


@dataclass(frozen=True, eq=False, repr=False)
class Pointwise(Layer):
    """y = p f(x), with the slope df."""

    p: np.ndarray = param()
    f: object = None
    df: object = None

    def forward(self, x):
        return self.p * self.f(x), (x,)

    def backward(self, dy, cache):
        (x,) = cache
        return dy * self.p * self.df(x), {"p": np.asarray((dy * self.f(x)).sum())}


def pointwise(f, df, p=1.0):
    return Pointwise(np.array(p), f, df)


SMOOTH = pointwise(np.sin, np.cos)
ABS = pointwise(np.abs, np.sign)


def differences(f):
    """(slope, error) of a function at 0 by Richardson's tableau."""
    steps = richardson.FIRST / 2.0 ** np.arange(richardson.LEVELS)
    near = f(richardson.NEARBY * richardson.FIRST * richardson.OFFSETS)
    return richardson.extrapolate(f(steps), f(-steps), near, steps)
