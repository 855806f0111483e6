"""The complex step: derivatives without subtraction, so without loss of figures.

    f(x + i h) = f(x) + i h f'(x) + O(h^2)    =>    f'(x) = Im f(x + i h) / h

(Squire & Trapp 1998). Nothing cancels, so h may be 1e-100 and the O(h^2) is gone; what is left is
the rounding of `f` itself. `f` must be analytic and complex-clean: no abs, norm, conj, slogdet or
cholesky on the way, no real buffers, branches by the real part.
"""

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.check.probe import Point, Probe
from minigen.core import validate
from minigen.core.signature import checked

H = 1e-100
LOST = np.exceptions.ComplexWarning  # a complex number was stored in a real buffer


class ComplexStep(Point):
    """Slopes of a probe's outputs, one complex forward pass each, on a copy made once."""

    note = "reference: complex step"
    trusted = True  # if differences could not confirm it, "wrong" needs their agreement

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe, np.complex128)

    def along(self, direction: dict[str, NDArray]) -> tuple[list[NDArray], list]:
        """(d outputs along {name: array}, their errors)."""
        with warnings.catch_warnings(action="error", category=LOST):
            outputs = self.outputs({name: 1j * H * u for name, u in direction.items()})
        return [np.imag(y) / H for y in outputs], [0.0] * len(outputs)


@checked
def jacobian(f: Callable[[NDArray], ArrayLike], x: ArrayLike) -> NDArray:
    """The Jacobian of a function that maps each row of x by itself, to machine precision.

    J = Im f(x + i h e_d) / h, one complex forward pass for each of the D columns (Squire & Trapp
    1998).

    Parameters
    ----------
    f : callable
        x (N, D) -> y (N, E), row by row, or x (D,) -> y (E,), in complex-clean operations.
    x : array_like
        The point.

    Returns
    -------
    ndarray
        J[n, e, d] = dy[n, e] / dx[n, d], shape (N, E, D); (E, D) for a vector.

    Raises
    ------
    InvalidType
        If `f` gives a real result for complex x.

    Examples
    --------
    >>> mg.check.jacobian(lambda x: np.stack([x[0] * x[1], x[0] ** 2]), [2.0, 3.0])
    array([[3., 2.],
           [4., 0.]])
    """
    z = validate.array("x", x).astype(np.complex128)
    if z.ndim == 0 or not z.shape[-1]:
        raise validate.expected("x", "at least one column", f"shape {validate.shaped(z.shape)}")
    columns = []
    for d in range(z.shape[-1]):
        z.imag[..., d] = H
        columns.append(_imaginary(f, z.copy()) / H)
        z.imag[..., d] = 0
    return np.stack(columns, axis=-1)


def _imaginary(f: Callable[[NDArray], ArrayLike], z: NDArray) -> NDArray:
    """The imaginary part of f(z), if there is one."""
    try:
        with warnings.catch_warnings(action="error", category=LOST):
            y = np.asarray(f(z))
    except LOST as lost:
        what = "a complex-clean function"
        raise validate.wrong_type("f", what, "one with a real buffer") from lost
    if not np.iscomplexobj(y):
        raise validate.wrong_type("f", "a complex result for complex x", y.dtype)
    return np.imag(y)
