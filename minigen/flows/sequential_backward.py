"""The gradient of the slow direction: a triangular solve, at the cost of one backward pass.

x_k = solve(h_k, y_k), and the parameters h_k depend on the coordinates before the k-th. With lambda
the gradient with respect to x, all its paths to the loss included, and the loss's own dx,

    (dh_k, dy_k) = solve_backward(h_k, y_k, lambda_k, dlogdet)
    lambda = dx + MADE^T(dh)                                            MAF-7

MADE^T is strictly triangular: lambda of the last coordinate is its dx, and each one before it needs
only those after it. As in the forward pass, a unit of the network is final once the degrees above
its own are known, so each is computed once, from the last degree to the first.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core.contract import Cache
from minigen.flows.made import MADE, MaskedLinear
from minigen.flows.sequential import blocks

SolveBackward = Callable[[NDArray, NDArray, NDArray, NDArray], tuple[NDArray, NDArray]]


def incremental_backward(
    made: MADE, x: NDArray, y: NDArray, context: Sequence[NDArray],
    solve_backward: SolveBackward, dx: NDArray, dlogdet: NDArray,
) -> tuple[Any, ...]:  # fmt: skip
    """dy, dcontext if there is one, and the gradients of the network, of `incremental` at y -> x.

    Parameters
    ----------
    made : the network
    x, y : (N, D), what was found and what was given
    context : a list of its array (N, C), or empty
    solve_backward : solve_backward(h, y, dx, dlogdet) -> dh, dy of one coordinate
    dx : (N, D)
    dlogdet : (N,)

    Returns
    -------
    dy : (N, D)
    dcontext : (N, C), only if the network has one
    grads : of the layer, the network's under "made"

    Examples
    --------
    >>> f, z = mg.flows.MAFLayer.init(3, (8,), rng=rng), rng.standard_normal((5, 3))
    >>> x, logdet, cache = f.inverse(z)
    >>> dz, grads = f.inverse_backward(x, logdet, cache)
    >>> dz.shape
    (5, 3)
    """
    h, caches = made.forward(x, *context)
    dh, dy = np.empty_like(h), np.empty_like(x)
    slopes = _slopes(made, caches)
    adjoints = [np.empty((s[-1], len(x)), x.dtype) for s in made.starts]  # a row for each unit
    coordinates, parameters = adjoints[0][made.context :], adjoints[-1]
    for a, b in reversed(list(blocks(made))):
        _after(made, adjoints, a, b)
        for m in reversed(range(a, b)):
            i, parts = made.order[m], slice(made.parts * m, made.parts * (m + 1))
            total = dx[:, i] if m + 1 == made.features else dx[:, i] + coordinates[m]  # MAF-7
            dh[:, i], dy[:, i] = solve_backward(h[:, i], y[:, i], total, dlogdet)
            parameters[parts] = dh[:, i].T
            _within(made, adjoints, slopes, m, b)
    _, *dcontext, dmade = made.backward(dh, caches)
    return dy, *dcontext, {"made": dmade}


def _slopes(made: MADE, caches: Cache) -> list[NDArray]:
    """The derivative of what follows each masked layer, at each of its units: (H, N) each."""
    slopes = []
    for f, cache in zip(made.layers, caches, strict=True):
        if isinstance(f, MaskedLinear):
            _, _, value = cache
            slopes.append(1.0 * (value > 0) if f.rectified else np.ones_like(value))
        else:
            slopes[-1], _ = f.backward(slopes[-1], cache)
    return [slope.T for slope in slopes]


def _after(made: MADE, adjoints: list[NDArray], a: int, b: int) -> None:
    """Fat products: what the units of degrees a .. b - 1 receive from all higher degrees."""
    for k, f in enumerate(made.linears):
        below = slice(made.starts[k][a], made.starts[k][b])
        above = slice(made.starts[k + 1][b], None)
        np.matmul(f.W[below, above], adjoints[k + 1][above], out=adjoints[k][below])


def _within(made: MADE, adjoints: list[NDArray], slopes: list[NDArray], m: int, b: int) -> None:
    """Thin products: finish the units of degree m with what comes from degrees m .. b - 1."""
    for k, f in reversed(list(enumerate(made.linears))):
        below = slice(made.starts[k][m], made.starts[k][m + 1])
        above = slice(made.starts[k + 1][m], made.starts[k + 1][b])
        units = adjoints[k][below]
        units += f.W[below, above] @ adjoints[k + 1][above]
        if k:
            units *= slopes[k - 1][below]
