"""The slow direction of an autoregressive layer: three ways to take it.

    d_passes       the definition: D evaluations of the network, a coordinate after each
    jacobi         all coordinates at once, again and again: exact after at most D evaluations
    incremental    each hidden unit once, in the order of degrees: the work of one evaluation

Such a layer gives x_k = solve(h_k, y_k), where the parameters h_k are a function of the
coordinates before the k-th in the order of its MADE: x must be found one after the other.

    solve(h, y) -> x, logdet

h (N, P) the parameters of one coordinate, y (N,) or (N, K) what is given of it; x (N,) the
coordinate, logdet (N,) its log|dx/dy|.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate

if TYPE_CHECKING:
    from minigen.flows.made import MADE

Solve = Callable[[NDArray, NDArray], tuple[NDArray, NDArray]]

ROWS = 1024  # rows done at once, for the memory of large samples
UNITS = 64  # hidden units of one block of degrees


def d_passes(made: "MADE", y: NDArray, solve: Solve, *context: NDArray) -> tuple[NDArray, NDArray]:
    """x (N, D) and logdet (N,) by the definition: D evaluations of the whole network.

    MAF-10, IAF-5. `incremental` gives the same; this one is to be read, and to be compared with.

    Parameters
    ----------
    made : the network
    y : (N, D), or (N, D, K), what is given of each coordinate
    solve : solve(h, y) -> x, logdet of one coordinate, for example that of a `MAFLayer`
    context : (N, C) where the network has one

    Returns
    -------
    x : (N, D)
    logdet : (N,)

    Examples
    --------
    >>> f, z = mg.flows.MAFLayer.init(3, (8,), rng=rng), rng.standard_normal((5, 3))
    >>> x, logdet = mg.flows.d_passes(f.made, z, f.solve)
    >>> bool(np.allclose(f.forward(x)[0], z))
    True
    """
    x = np.zeros((len(y), made.features), np.result_type(y, made.dtype, *context))
    logdet = np.zeros(len(y), x.dtype)
    for i in made.order:
        h, _ = made.forward(x, *context)
        x[:, i], ell = solve(h[:, i], y[:, i])
        logdet += ell
    return x, logdet


def jacobi(
    made: "MADE", y: NDArray, solve: Solve, *context: NDArray, tolerance: float = 0.0
) -> tuple[NDArray, NDArray, int]:
    """x (N, D) and logdet (N,) by Jacobi iteration, and how many evaluations it took.

        x^0 = 0,   x^{p+1}_i = solve(h_i(x^p), y_i) for all i at once

    After p evaluations the first p coordinates of the order are exact, whatever the network: the
    Jacobian of the step is strictly triangular, and so nilpotent, and D evaluations are enough. In
    practice far fewer are, and each is one large product (Song, Meng, Liao & Ermon 2021).

    Parameters
    ----------
    made : the network
    y : (N, D), or (N, D, K), what is given of each coordinate
    solve : solve(h, y) -> x, logdet of one coordinate, for example that of a `MAFLayer`
    context : (N, C) where the network has one
    tolerance : stop when no coordinate has moved by more than this, relative to 1 + |x|

    Returns
    -------
    x : (N, D)
    logdet : (N,)
    evaluations : at most D + 1, the last of them to see that nothing moves

    Examples
    --------
    >>> f, z = mg.flows.MAFLayer.init(3, (8,), rng=rng), rng.standard_normal((5, 3))
    >>> x, logdet, evaluations = mg.flows.jacobi(f.made, z, f.solve)
    >>> bool(np.allclose(f.forward(x)[0], z)), evaluations <= 4
    (True, True)
    """
    validate.number("tolerance", tolerance, 0)
    _refuse_columns(made, y)
    N, D = y.shape[:2]
    x = np.zeros((N, D), np.result_type(y, made.dtype, *context))
    logdet, evaluations, moved = np.zeros(N, x.dtype), 0, True
    with np.errstate(over="ignore", invalid="ignore"):
        while moved and evaluations <= D:
            h, _ = made.forward(x, *context)
            new, ell = solve(h.reshape(N * D, -1), y.reshape(N * D, *y.shape[2:]))
            new, logdet = new.reshape(N, D), ell.reshape(N, D).sum(axis=1)
            moved = bool(np.any(np.abs(new - x) > tolerance * (1 + np.abs(x))))
            x, evaluations = new, evaluations + 1
    return finite(made, x), logdet, evaluations


def incremental(
    made: "MADE", y: NDArray, solve: Solve, *context: NDArray
) -> tuple[NDArray, NDArray]:
    """x (N, D) and logdet (N,) at the cost of about one evaluation of the network.

    A unit of degree m is final once the first m coordinates are known: each need be computed only
    once, in the order of degrees. It goes as a blocked triangular solve does: a block of degrees
    receives all that lies before it in one large product, then goes through its own degrees with
    thin ones. No mask is read, because in this order all that is multiplied is allowed.

    Parameters
    ----------
    made : the network
    y : (N, D), or (N, D, K), what is given of each coordinate
    solve : solve(h, y) -> x, logdet of one coordinate, for example that of a `MAFLayer`
    context : (N, C) where the network has one

    Returns
    -------
    x : (N, D)
    logdet : (N,)

    Examples
    --------
    >>> f, z = mg.flows.MAFLayer.init(3, (8,), rng=rng), rng.standard_normal((5, 3))
    >>> x, logdet = mg.flows.incremental(f.made, z, f.solve)
    >>> bool(np.allclose(f.forward(x)[0], z))
    True
    """
    _refuse_columns(made, y)
    x = np.empty((len(y), made.features), np.result_type(y, made.dtype, *context))
    logdet = np.zeros(len(y), x.dtype)
    with np.errstate(over="ignore", invalid="ignore"):  # `finite` raises a clearer error
        for n in range(0, len(y), ROWS):
            part = slice(n, n + ROWS)
            sweep(made, y[part], solve, [c[part] for c in context], x[part], logdet[part])
    return finite(made, x), logdet


def sweep(
    made: "MADE", y: NDArray, solve: Solve, context: Sequence[NDArray], x: NDArray, logdet: NDArray
) -> None:
    """Write the coordinates of these rows into x, and add to logdet."""
    given = np.ascontiguousarray(np.moveaxis(y, 0, -1)[made.order])
    levels = [np.empty((s[-1], len(y)), x.dtype) for s in made.starts]  # a row for each unit
    for c in context:  # one array, or none
        levels[0][: made.context] = c.T
    coordinates, parameters = levels[0][made.context :], levels[-1]
    for a, b in blocks(made):
        before(made, levels, a, b)
        for m in range(a, b):
            within(made, levels, a, m)
            h = parameters[made.parts * m : made.parts * (m + 1)]
            coordinates[m], ell = solve(h.T, given[m].T)
            logdet += ell
    x[:, made.order] = coordinates.T


def blocks(made: "MADE") -> Iterable[tuple[int, int]]:
    """Ranges a .. b - 1 of degrees whose widest layer has about UNITS units."""
    widest = max((s[-1] for s in made.starts[1:-1]), default=made.features)
    step = max(1, UNITS * made.features // widest)
    return [(a, min(a + step, made.features)) for a in range(0, made.features, step)]


def before(made: "MADE", levels: list[NDArray], a: int, b: int) -> None:
    """Fat products: what the units of degrees a .. b - 1 receive from all lower degrees."""
    for k, f in enumerate(made.linears):
        above = slice(made.starts[k + 1][a], made.starts[k + 1][b])
        below = slice(made.starts[k][a])
        np.matmul(f.W[below, above].T, levels[k][below], out=levels[k + 1][above])
        levels[k + 1][above] += f.b[above, None]


def within(made: "MADE", levels: list[NDArray], a: int, m: int) -> None:
    """Thin products: finish the units of degree m with what comes from degrees a .. m."""
    for k, (f, activation) in enumerate(zip(made.linears, made.activations, strict=True)):
        above = slice(made.starts[k + 1][m], made.starts[k + 1][m + 1])
        below = slice(made.starts[k][a], made.starts[k][m + 1])
        units = levels[k + 1][above]
        units += f.W[below, above].T @ levels[k][below]
        if activation:
            units[:], _ = activation.forward(units)


def _refuse_columns(made: "MADE", y: NDArray) -> None:
    """Refuse what is given of another number of coordinates."""
    if y.ndim < 2 or y.shape[1] != made.features:
        raise validate.expected("y", f"{made.features} columns", f"shape {y.shape}")


def finite(made: "MADE", x: NDArray) -> NDArray:
    """x, or an error that says where the pass went wrong first."""
    bad = ~np.isfinite(x[:, made.order])
    if not bad.any():
        return x
    k = int(bad.any(axis=0).argmax())
    n, column = int(bad[:, k].argmax()), int(made.order[k])
    raise ValueError(
        f"sequential pass: expected finite numbers, got {x[n, column]} in row {n}, column {column}"
        f" (number {k + 1} of the order): it is in the input there, or comes from the parameters"
    )
