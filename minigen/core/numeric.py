"""Functions of numbers that stay right when they are complex.

The complex-step check runs every forward pass at x + ih. These take their branches by the real
part and never conjugate, so their imaginary part is the derivative; scipy's `expit`, `log_ndtr`
and `logsumexp` or NumPy's `logaddexp` and `abs` are not safe so.
"""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.signature import Range, checked

LOG_2PI = float(np.log(2 * np.pi))  # a Python float leaves float32 alone


@checked
def sigmoid(x: NDArray[np.inexact]) -> NDArray:
    """1 / (1 + exp(-x)), without overflow: below -80 it stays at exp(-80), which is 2e-35.

    Parameters
    ----------
    x : real or complex array

    Returns
    -------
    Array of the shape of x

    Examples
    --------
    >>> mg.core.sigmoid(np.array([-1e3, 0.0, 1e3])).round(3)
    array([0. , 0.5, 1. ])
    """
    return 1 / (1 + np.exp(np.minimum(-x, 80)))


@checked
def softplus(x: NDArray[np.inexact]) -> NDArray:
    """log(1 + exp(x)), without overflow.

    Parameters
    ----------
    x : real or complex array

    Returns
    -------
    Array of the shape of x

    Examples
    --------
    >>> mg.core.softplus(np.array([-99.0, 0.0, 99.0])).round(3)
    array([ 0.   ,  0.693, 99.   ])
    """
    e = np.exp(np.where(x.real > 0, -x, x))
    return np.where(x.real > 0, x, 0) + np.log1p(e)


@checked
def logsumexp(x: NDArray[np.inexact], axis: Annotated[int, Range(-32, 32)] = -1) -> NDArray:
    """log(sum(exp(x))) along an axis, without overflow; -inf entries count as nothing.

    Parameters
    ----------
    x : real or complex array
    axis : which is summed over

    Returns
    -------
    Array without that axis

    Examples
    --------
    >>> mg.core.logsumexp(np.array([[1000.0, 1000.0], [0.0, -np.inf]])).round(3)
    array([1000.693,    0.   ])
    """
    if x.ndim == 0 or not x.shape[axis]:
        raise validate.expected("x", "at least one number", "none")
    top = np.max(x.real, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0).astype(x.real.dtype)
    return np.squeeze(top, axis) + np.log(np.sum(np.exp(x - top), axis=axis))


@checked
def absolute(x: NDArray[np.inexact]) -> NDArray:
    """|x| by the sign of the real part; at 0 the derivative 0 is chosen.

    Parameters
    ----------
    x : real or complex array

    Returns
    -------
    Array of the shape of x

    Examples
    --------
    >>> mg.core.absolute(np.array([-2.0, 0.0, 2.0 + 1e-9j])).real
    array([2., 0., 2.])
    """
    return x * np.sign(x.real)
