"""Small layers and functions that several tests of the checks share."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minigen.check import richardson
from minigen.core.contract import Layer
from minigen.core.tree import param


@dataclass(frozen=True, eq=False, repr=False)
class Map(Layer):
    """y = f(x), or several outputs, with dx = df(x, dy) as a test likes it."""

    f: Callable
    df: Callable = lambda x, *dys: dys[0]

    def forward(self, x):
        outputs = self.f(x)
        return *(outputs if isinstance(outputs, tuple) else (outputs,)), x

    def backward(self, *args):
        *dys, x = args
        return self.df(x, *dys), {}


@dataclass(frozen=True, eq=False, repr=False)
class Pointwise(Layer):
    """y = p f(x), with the slope df."""

    p: np.ndarray = param()
    f: Callable | None = None
    df: Callable | None = None

    def forward(self, x):
        return self.p * self.f(x), (x,)

    def backward(self, dy, cache):
        (x,) = cache
        return dy * self.p * self.df(x), {"p": np.asarray((dy * self.f(x)).sum())}


def pointwise(f, df, p=1.0):
    return Pointwise(np.array(p), f, df)


ABS = pointwise(np.abs, np.sign)


def differences(f):
    """(slope, error) of a function at 0 by Richardson's tableau."""
    steps = richardson.FIRST / 2.0 ** np.arange(richardson.LEVELS)
    near = f(richardson.NEARBY * richardson.FIRST * richardson.OFFSETS)
    return richardson.extrapolate(f(steps), f(-steps), near, steps)
